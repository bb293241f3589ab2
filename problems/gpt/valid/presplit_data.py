# category: dataset-class, refactored-into-functions
"""Inputs and labels are cut apart before training, by a Dataset; the loss is a module."""

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class CharDataset(Dataset):
    """The one sentence as one example: characters 0..n-2 in, characters 1..n-1 out."""

    def __init__(self, text, tokenizer):
        ids = torch.tensor(tokenizer.encode(text))
        self.examples = [(ids[:-1], ids[1:])]

    def __len__(self):
        return len(self.examples)

    def __getitem__(self, i):
        return self.examples[i]


class CharTokenizer:
    def __init__(self, text):
        self.vocab = {c: i for i, c in enumerate(sorted(set(text)))}
        self.reverse = {i: c for c, i in self.vocab.items()}

    def encode(self, text):
        return [self.vocab[c] for c in text]

    def decode(self, ids):
        return "".join(self.reverse[i] for i in ids)


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        assert dim % heads == 0
        self.heads = heads
        self.projections = nn.ModuleDict(
            {name: nn.Linear(dim, dim) for name in ("query", "key", "value", "out")}
        )

    def forward(self, x):
        batch, time, dim = x.shape
        size = dim // self.heads

        def project(name):
            return self.projections[name](x).reshape(batch, time, self.heads, size).movedim(2, 1)

        scores = project("query") @ project("key").movedim(-1, -2)
        scores *= size**-0.5
        hidden = ~torch.tril(torch.ones(time, time, dtype=torch.bool, device=x.device))
        scores[..., hidden] = float("-inf")
        mixed = nn.functional.softmax(scores, dim=3) @ project("value")
        return self.projections["out"](mixed.movedim(1, 2).reshape(batch, time, dim))


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.attention = nn.Sequential(nn.LayerNorm(dim), Attention(dim, heads))
        self.mlp = nn.Sequential(
            nn.LayerNorm(dim), nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim)
        )

    def forward(self, x):
        x = x + self.attention(x)
        return x + self.mlp(x)


class TinyGPT(nn.Module):
    context = 128

    def __init__(self, vocab_size, dim=64, heads=4, depth=2):
        super().__init__()
        self.tokens = nn.Embedding(vocab_size, dim)
        self.positions = nn.Parameter(torch.randn(self.context, dim) / dim**0.5)
        self.body = nn.Sequential(*(Block(dim, heads) for _ in range(depth)), nn.LayerNorm(dim))
        self.head = nn.Linear(dim, vocab_size)

    def forward(self, idx):
        return self.head(self.body(self.tokens(idx) + self.positions[: idx.shape[1]]))


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = CharTokenizer(text)
    model = TinyGPT(len(tokenizer.vocab))
    loader = DataLoader(CharDataset(text, tokenizer), batch_size=1)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    losses = []
    while len(losses) < steps:
        for x, y in loader:
            logits = model(x)
            loss = criterion(logits.permute(0, 2, 1), y)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item())
    return model, tokenizer, losses


def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    with torch.inference_mode():
        idx = torch.tensor(tokenizer.encode(prompt)).unsqueeze(0)
        for _ in range(max_new_tokens):
            last = model(idx[:, -model.context :])[:, -1:]
            idx = torch.cat([idx, last.argmax(dim=2)], dim=1)
    return tokenizer.decode(idx.flatten().tolist())


if __name__ == "__main__":
    SENTENCE = "beat the dumb baseline before the clever one"
    model, tokenizer, losses = train(SENTENCE)
    for epoch in (0, 20, 40, 59):
        print(f"epoch {epoch}: {losses[epoch]:.3f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
