# category: multi-query, alibi, sandwich-norm, soft-capped-logits, label-smoothing
"""One key and one value for all heads, which einsum lays side by side; the farther a token, the less it counts."""

import torch
import torch.nn as nn
import torch.nn.functional as F

LINE = "near things weigh more than far ones"


class RMSNorm(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(dim))

    def forward(self, x):
        return x * torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + 1e-6) * (1 + self.scale)


class MultiQuery(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads, self.size = heads, dim // heads
        self.q = nn.Linear(dim, dim, bias=False)
        self.kv = nn.Linear(dim, 2 * self.size, bias=False)
        self.o = nn.Linear(dim, dim, bias=False)
        self.register_buffer("slopes", 2.0 ** (-8 * torch.arange(1, heads + 1) / heads))

    def forward(self, x):
        B, T, C = x.shape
        q = self.q(x).view(B, T, self.heads, self.size)
        k, v = self.kv(x).chunk(2, dim=-1)  # (B, T, d) each
        scores = torch.einsum("bqhd,bkd->bhqk", q, k) * self.size**-0.5
        behind = torch.arange(T) - torch.arange(T)[:, None]  # 0 or less in the past
        scores = scores + self.slopes[:, None, None] * behind
        shares = scores.masked_fill(behind > 0, -torch.inf).softmax(dim=-1)
        return self.o(torch.einsum("bhqk,bkd->bqhd", shares, v).reshape(B, T, C))


class Layer(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.attention, self.up = MultiQuery(dim, heads), nn.Linear(dim, 3 * dim, bias=False)
        self.down = nn.Linear(3 * dim, dim, bias=False)
        self.before, self.after, self.before_mlp, self.after_mlp = (RMSNorm(dim) for _ in range(4))

    def forward(self, x):
        x = x + self.after(self.attention(self.before(x)))
        return x + self.after_mlp(self.down(F.gelu(self.up(self.before_mlp(x)))))


class Model(nn.Module):
    def __init__(self, vocab, dim=64, heads=4, depth=2):
        super().__init__()
        self.table = nn.Embedding(vocab, dim)
        self.layers = nn.ModuleList(Layer(dim, heads) for _ in range(depth))
        self.last = RMSNorm(dim)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=0.02)

    def forward(self, idx):
        x = self.table(idx) * self.table.embedding_dim**0.5
        for layer in self.layers:
            x = layer(x)
        return 12 * torch.tanh(F.linear(self.last(x), self.table.weight) / 12)


class Alphabet:
    def __init__(self, text):
        self.letters = sorted(set(text))
        self.number = {letter: i for i, letter in enumerate(self.letters)}

    def encode(self, text):
        return [self.number[letter] for letter in text]

    def decode(self, ids):
        return "".join(self.letters[i] for i in ids)


def train(text, steps=60, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    alphabet = Alphabet(text)
    model = Model(len(alphabet.letters))
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    ids = torch.tensor([alphabet.encode(text)])
    losses = []
    for _ in range(steps):
        logits = model(ids[:, :-1])
        loss = F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, alphabet, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    ids = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        ids = torch.cat((ids, model(ids)[:, -1:].argmax(dim=-1)), dim=1)
    return tokenizer.decode(ids[0].tolist())


if __name__ == "__main__":
    model, alphabet, losses = train(LINE)
    print(losses[0], losses[-1])
    print(generate(model, alphabet, LINE[:8], len(LINE) - 8))
