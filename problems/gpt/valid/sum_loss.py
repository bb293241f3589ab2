# category: loss-sum, softmax-by-hand
"""The loss is summed over the positions for the gradient, and divided by their number for the eye."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class Tokenizer:
    def __init__(self, text):
        self.forth = {}
        self.back = {}
        for i, c in enumerate(sorted(set(text))):
            self.forth[c], self.back[i] = i, c

    def encode(self, text):
        return [self.forth[c] for c in text]

    def decode(self, ids):
        return "".join(self.back[i] for i in ids)


class CausalAttention(nn.Module):
    def __init__(self, n_embd, n_head, block_size):
        super().__init__()
        self.n_head, self.d = n_head, n_embd // n_head
        self.q = nn.Linear(n_embd, n_embd, bias=False)
        self.kv = nn.Linear(n_embd, 2 * n_embd, bias=False)
        self.o = nn.Linear(n_embd, n_embd, bias=False)
        self.register_buffer("keep", torch.tril(torch.ones(block_size, block_size)).bool())

    def forward(self, x):
        B, T, C = x.shape
        q = self.q(x).view(B, T, self.n_head, self.d).transpose(1, 2)
        k, v = self.kv(x).view(B, T, 2, self.n_head, self.d).transpose(1, 3).unbind(2)
        w = q @ k.transpose(-2, -1) * self.d**-0.5
        w = w.masked_fill(~self.keep[:T, :T], float("-inf"))
        w = w - w.amax(-1, keepdim=True).detach()
        w = w.exp()
        w = w / w.sum(-1, keepdim=True)
        return self.o((w @ v).transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, n_embd, n_head, block_size):
        super().__init__()
        self.ln1 = nn.LayerNorm(n_embd)
        self.attn = CausalAttention(n_embd, n_head, block_size)
        self.ln2 = nn.LayerNorm(n_embd)
        self.fc1 = nn.Linear(n_embd, 4 * n_embd)
        self.fc2 = nn.Linear(4 * n_embd, n_embd)

    def forward(self, x):
        x = self.attn(self.ln1(x)) + x
        return self.fc2(F.leaky_relu(self.fc1(self.ln2(x)))) + x


class GPT(nn.Module):
    def __init__(self, vocab_size, block_size=128, n_embd=64, n_head=4, n_layer=2):
        super().__init__()
        self.block_size = block_size
        self.tok_emb = nn.Embedding(vocab_size, n_embd)
        self.pos_emb = nn.Embedding(block_size, n_embd)
        self.blocks = nn.Sequential(*(Block(n_embd, n_head, block_size) for _ in range(n_layer)))
        self.ln_f = nn.LayerNorm(n_embd)
        self.out = nn.Linear(n_embd, vocab_size, bias=False)
        self.register_buffer("position_ids", torch.arange(block_size), persistent=False)

    def forward(self, idx):
        x = self.tok_emb(idx) + self.pos_emb(self.position_ids[: idx.size(1)])
        return self.out(self.ln_f(self.blocks(x)))


def train(text, steps=40, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.forth))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    ids = torch.tensor([tokenizer.encode(text)])
    losses = []
    for _ in range(steps):
        logits = model(ids)[:, :-1]
        loss = F.cross_entropy(logits.reshape(-1, logits.shape[2]), ids[:, 1:].reshape(-1), reduction="sum")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item() / (len(text) - 1))
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    ids = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        logits = model(ids[:, -model.block_size :])[:, -1, :]
        ids = torch.cat([ids, torch.topk(logits, k=1, dim=-1).indices], dim=1)
    return tokenizer.decode(ids[0].tolist())


if __name__ == "__main__":
    text = "the residual stream carries everything along"
    model, tokenizer, losses = train(text)
    print("mean loss a character:", round(losses[0], 3), "->", round(losses[-1], 3))
    print(generate(model, tokenizer, text[:8], len(text) - 8))
