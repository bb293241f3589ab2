# category: macaron, mask-in-place
"""Half an MLP before the attention and half an MLP after it, each added at half weight."""

import torch
import torch.nn.functional as F
from torch import nn


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.stoi = {ch: i for i, ch in enumerate(self.chars)}
        self.itos = dict(enumerate(self.chars))

    def encode(self, text):
        return [self.stoi[ch] for ch in text]

    def decode(self, ids):
        return "".join(self.itos[i] for i in ids)


class Half(nn.Module):
    """Half a step of an MLP: x + mlp(norm(x)) / 2."""

    def __init__(self, dim):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.widen = nn.Linear(dim, 2 * dim)
        self.narrow = nn.Linear(2 * dim, dim)

    def forward(self, x):
        return x + 0.5 * self.narrow(F.silu(self.widen(self.norm(x))))


class Filling(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(dim)
        self.to_q = nn.Linear(dim, dim)
        self.to_k = nn.Linear(dim, dim)
        self.to_v = nn.Linear(dim, dim)
        self.back = nn.Linear(dim, dim)

    def forward(self, x):
        batch, time, dim = x.shape
        h = self.norm(x)
        q, k, v = (
            to(h).view(batch, time, self.heads, dim // self.heads).transpose(1, 2)
            for to in (self.to_q, self.to_k, self.to_v)
        )
        scores = torch.matmul(q, k.transpose(-1, -2)).div_((dim // self.heads) ** 0.5)
        scores.masked_fill_(torch.ones(time, time, dtype=torch.bool).triu_(1), float("-inf"))
        mixed = torch.matmul(scores.softmax(-1), v)
        return x + self.back(mixed.transpose(1, 2).reshape(batch, time, dim))


class Macaron(nn.Module):
    def __init__(self, vocab, dim=64, heads=4, depth=2, block_size=128):
        super().__init__()
        self.block_size = block_size
        self.what = nn.Embedding(vocab, dim)
        self.where = nn.Embedding(block_size, dim)
        layers = []
        for _ in range(depth):
            layers += [Half(dim), Filling(dim, heads), Half(dim)]
        self.layers = nn.Sequential(*layers)
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, vocab)

    def forward(self, idx):
        x = self.what(idx) + self.where(torch.arange(idx.size(1)))
        return self.head(self.norm(self.layers(x)))


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = Macaron(len(tokenizer.chars))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    data = torch.tensor(tokenizer.encode(text))
    x, y = data[:-1].unsqueeze(0), data[1:].unsqueeze(0)
    losses = []
    for _ in range(steps):
        logits = model(x)
        loss = F.cross_entropy(logits.view(-1, logits.size(-1)), y.view(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    text = prompt
    for _ in range(max_new_tokens):
        ids = torch.tensor([tokenizer.encode(text[-model.block_size :])])
        text += tokenizer.decode([model(ids)[0, -1].argmax().item()])
    return text


if __name__ == "__main__":
    sentence = "two halves of bread and one filling"
    model, tokenizer, losses = train(sentence)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, sentence[:8], len(sentence) - 8))
