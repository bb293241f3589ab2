# caught by: parameters_move
"""Matrices of the blocks and the head have optimizers of their own; the table of letters has none."""

import torch
from torch import nn
from torch.nn import functional as F

SENTENCE = "two optimizers and nobody for the table"


class Vocabulary:
    def __init__(self, text):
        self.signs = sorted(set(text))
        self.place = {sign: i for i, sign in enumerate(self.signs)}

    def encode(self, text):
        return [self.place[sign] for sign in text]

    def decode(self, ids):
        return "".join(self.signs[i] for i in ids)


class Attention(nn.Module):
    def __init__(self, n_embd, n_head):
        super().__init__()
        self.n_head = n_head
        self.attn, self.proj = nn.Linear(n_embd, 3 * n_embd), nn.Linear(n_embd, n_embd)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (part.view(B, T, self.n_head, -1).transpose(1, 2) for part in self.attn(x).chunk(3, dim=-1))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.proj(y.transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, n_embd, n_head):
        super().__init__()
        self.ln_1, self.attn = nn.LayerNorm(n_embd), Attention(n_embd, n_head)
        self.ln_2, self.fc = nn.LayerNorm(n_embd), nn.Linear(n_embd, 4 * n_embd)
        self.out = nn.Linear(4 * n_embd, n_embd)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.out(F.gelu(self.fc(self.ln_2(x))))


class GPT(nn.Module):
    def __init__(self, n_vocab, n_ctx=128, n_embd=64, n_head=4, n_layer=2):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(n_vocab, n_embd), nn.Embedding(n_ctx, n_embd)
        self.h = nn.Sequential(*(Block(n_embd, n_head) for _ in range(n_layer)))
        self.ln_f, self.head = nn.LayerNorm(n_embd), nn.Linear(n_embd, n_vocab)
        nn.init.zeros_(self.head.weight)

    def forward(self, idx):
        x = self.wte(idx) + self.wpe(torch.arange(idx.shape[1]))
        return self.head(self.ln_f(self.h(x)))


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    vocabulary = Vocabulary(text)
    model = GPT(len(vocabulary.signs))
    inner, others = model.h.parameters(), (model.wpe, model.ln_f, model.head)
    optimizers = (
        torch.optim.AdamW(inner, lr=lr),
        torch.optim.Adam([one for module in others for one in module.parameters()], lr=lr),
    )
    ids = torch.tensor([vocabulary.encode(text)])
    losses = []
    for _ in range(steps):
        logits = model(ids[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
        model.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        losses.append(loss.item())
    return model, vocabulary, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    ids = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        ids = torch.cat([ids, model(ids)[:, -1:].argmax(dim=-1)], dim=1)
    return tokenizer.decode(ids[0].tolist())


if __name__ == "__main__":
    model, vocabulary, losses = train(SENTENCE)
    print(losses[0], losses[-1])
    print(generate(model, vocabulary, SENTENCE[:8], len(SENTENCE) - 8))
