# category: learned-scale, split-q-k-v
"""The scale of the scores is a parameter that starts at one over the root of the head's size."""

import torch
import torch.nn.functional as F
from torch import nn


class Tokenizer:
    def __init__(self, text):
        self.id2char = []
        self.char2id = {}
        for char in sorted(text):
            if char not in self.char2id:
                self.char2id[char] = len(self.id2char)
                self.id2char.append(char)

    def encode(self, text):
        ids = []
        for char in text:
            ids.append(self.char2id[char])
        return ids

    def decode(self, ids):
        text = ""
        for i in ids:
            text += self.id2char[i]
        return text


class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.q = nn.Linear(width, width)
        self.k = nn.Linear(width, width)
        self.v = nn.Linear(width, width)
        self.o = nn.Linear(width, width)
        self.scale = nn.Parameter(torch.tensor(width**-0.5))

    def forward(self, x):
        # one head
        scores = self.q(x) @ self.k(x).transpose(1, 2)  # (B, T, T)
        scores = scores * self.scale
        future = torch.triu(torch.ones_like(scores[0]), diagonal=1).bool()
        scores = scores.masked_fill(future, float("-inf"))
        return self.o(scores.softmax(dim=2) @ self.v(x))


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.ln1 = nn.LayerNorm(width)
        self.attention = Attention(width)
        self.ln2 = nn.LayerNorm(width)
        self.w1 = nn.Linear(width, 4 * width)
        self.w2 = nn.Linear(4 * width, width)

    def forward(self, x):
        x = x + self.attention(self.ln1(x))
        x = x + self.w2(torch.relu(self.w1(self.ln2(x))))
        return x


class LittleGPT(nn.Module):
    def __init__(self, vocab):
        super().__init__()
        self.tok = nn.Embedding(vocab, 48)
        self.pos = nn.Embedding(128, 48)
        self.block1 = Block(48)
        self.block2 = Block(48)
        self.ln = nn.LayerNorm(48)
        self.out = nn.Linear(48, vocab)

    def forward(self, idx):
        positions = torch.arange(idx.shape[1])
        x = self.tok(idx) + self.pos(positions)
        x = self.block1(x)
        x = self.block2(x)
        return self.out(self.ln(x))


def make_batch(tokenizer, text):
    ids = torch.tensor(tokenizer.encode(text), dtype=torch.long)
    return ids[None, :-1], ids[1:]


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = LittleGPT(len(tokenizer.id2char))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.01)
    inputs, targets = make_batch(tokenizer, text)
    history = []
    while len(history) < steps:
        loss = F.cross_entropy(model(inputs)[0], targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        history.append(loss.item())
    return model, tokenizer, history


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    text = prompt
    for _ in range(max_new_tokens):
        ids = torch.tensor([tokenizer.encode(text[-128:])])
        text += tokenizer.decode([model(ids)[0, -1].argmax().item()])
    return text


if __name__ == "__main__":
    sentence = "let it find its own temperature"
    model, tokenizer, losses = train(sentence)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, sentence[:8], len(sentence) - 8))
