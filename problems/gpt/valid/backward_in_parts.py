# category: backward-in-parts, gradient-accumulation
"""One forward pass, and a backward pass for each of four stretches of it: the graph is kept until the last."""

import torch
import torch.nn as nn
import torch.nn.functional as F

SENTENCE = "blame each letter in its turn"


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))

    def encode(self, text):
        return [self.chars.index(c) for c in text]

    def decode(self, ids):
        return "".join(self.chars[i] for i in ids)


class GPT(nn.Module):
    def __init__(self, vocab, dim=48, heads=4, context=128):
        super().__init__()
        self.heads, self.context = heads, context
        self.wte, self.wpe = nn.Embedding(vocab, dim), nn.Embedding(context, dim)
        self.ln_a, self.ln_m, self.ln_f = nn.LayerNorm(dim), nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.fc, self.fc_proj = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)
        self.head = nn.Linear(dim, vocab)

    def forward(self, idx):
        B, T = idx.shape
        x = self.wte(idx) + self.wpe(torch.arange(T))
        q, k, v = self.qkv(self.ln_a(x)).view(B, T, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(y.transpose(1, 2).flatten(2))
        x = x + self.fc_proj(F.gelu(self.fc(self.ln_m(x))))
        return self.head(self.ln_f(x))


def train(text, steps=45, lr=5e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.chars))
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    ids = torch.tensor(tokenizer.encode(text))
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        logits = model(ids[None, :-1])[0]  # (T - 1, V)
        stretches = zip(logits.chunk(4), ids[1:].chunk(4))
        parts = [F.cross_entropy(*stretch, reduction="sum") / len(logits) for stretch in stretches]
        for part in parts[:-1]:
            part.backward(retain_graph=True)
        parts[-1].backward()
        optimizer.step()
        losses.append(sum(part.item() for part in parts))
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        ids.append(int(model(torch.tensor([ids[-model.context :]]))[0, -1].argmax()))
    return tokenizer.decode(ids)


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    print(f"{losses[0]:.3f} -> {losses[-1]:.3f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
