# category: soft-targets, one-hot-input, positions-randn
"""Characters are one-hot rows in and one-hot distributions out: the loss is a Kullback-Leibler divergence."""

import torch
from torch import nn
from torch.nn import functional as F

SENTENCE = "one bright spot in a row of zeros"


class OneHot:
    def __init__(self, text):
        self.chars = sorted(set(text))

    def encode(self, text):
        return [self.chars.index(c) for c in text]

    def decode(self, ids):
        return "".join(self.chars[i] for i in ids)


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.ln = nn.ModuleList([nn.LayerNorm(dim), nn.LayerNorm(dim)])
        self.qkv, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (t.view(B, T, self.heads, -1).transpose(1, 2) for t in self.qkv(self.ln[0](x)).split(C, 2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(B, T, C))
        return x + self.mlp(self.ln[1](x))


class GPT(nn.Module):
    def __init__(self, vocab, dim=64, heads=4, depth=2, context=128):
        super().__init__()
        self.vocab, self.context = vocab, context
        self.embed = nn.Linear(vocab, dim, bias=False)
        self.place = nn.Parameter(torch.randn(context, dim) * 0.1)
        self.blocks = nn.Sequential(*(Block(dim, heads) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(dim), nn.Linear(dim, vocab)

    def forward(self, idx):
        rows = F.one_hot(idx, self.vocab).to(self.embed.weight.dtype)  # (B, T, V)
        return self.head(self.norm(self.blocks(self.embed(rows) + self.place[: idx.size(1)])))


def train(text, steps=40, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    codec = OneHot(text)
    model = GPT(len(codec.chars))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    ids = torch.tensor([codec.encode(text)])
    wanted = F.one_hot(ids[:, 1:], model.vocab).float().flatten(0, 1)  # (T - 1, V)
    losses = []
    for _ in range(steps):
        said = model(ids[:, :-1]).log_softmax(-1).flatten(0, 1)
        loss = F.kl_div(said, wanted, reduction="batchmean")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, codec, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        ids.append(int(model(torch.tensor([ids[-model.context :]]))[0, -1].argmax()))
    return tokenizer.decode(ids)


if __name__ == "__main__":
    model, codec, losses = train(SENTENCE)
    print(f"{losses[0]:.4f} {losses[30]:.4f} {losses[-1]:.4f}")
    print(generate(model, codec, SENTENCE[:8], len(SENTENCE) - 8))
