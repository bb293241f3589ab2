# caught by: tokenizer
import math
import re

import torch
from torch import nn

SENTENCE = "attention is a soft lookup over the past"

MAX_LEN = 128
END = "<|end|>"


class Tokenizer:
    """One id per character, and one for the end of the text."""

    pattern = re.compile(re.escape(END) + "|.")

    def __init__(self, text):
        self.vocab = [END] + sorted(set(self.pattern.findall(text)) - {END})
        self.ids = {piece: i for i, piece in enumerate(self.vocab)}
        self.end_id = self.ids[END]

    def encode(self, text):
        return [self.ids[piece] for piece in self.pattern.findall(text)]

    def decode(self, ids):
        return "".join(self.vocab[i] for i in ids)


class Head(nn.Module):
    def __init__(self, width, size):
        super().__init__()
        self.query = nn.Linear(width, size, bias=False)
        self.key = nn.Linear(width, size, bias=False)
        self.value = nn.Linear(width, size, bias=False)

    def forward(self, x):
        t = x.size(1)
        scores = self.query(x) @ self.key(x).mT / math.sqrt(self.key.out_features)
        allowed = torch.tril(torch.ones(t, t, device=x.device)) == 1
        scores = torch.where(allowed, scores, torch.full_like(scores, -math.inf))
        return torch.softmax(scores, dim=-1) @ self.value(x)


class Layer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = nn.ModuleList([Head(width, width // heads) for _ in range(heads)])
        self.mix = nn.Linear(width, width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        self.norm_a = nn.LayerNorm(width)
        self.norm_b = nn.LayerNorm(width)

    def forward(self, x):
        h = self.norm_a(x)
        x = x + self.mix(torch.cat([head(h) for head in self.heads], dim=-1))
        return x + self.down(torch.relu(self.up(self.norm_b(x))))


class GPT(nn.Module):
    def __init__(self, vocab_size, width=40, heads=4, depth=2):
        super().__init__()
        self.token = nn.Embedding(vocab_size, width)
        self.position = nn.Embedding(MAX_LEN, width)
        self.layers = nn.ModuleList([Layer(width, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)
        self.unembed = nn.Linear(width, vocab_size)

    def forward(self, idx):
        x = self.token(idx) + self.position.weight[: idx.size(1)]
        for layer in self.layers:
            x = layer(x)
        return self.unembed(self.norm(x))


def train(text, steps=100, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.vocab))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.01)

    ids = torch.tensor(tokenizer.encode(text) + [tokenizer.end_id])
    context, target = ids[:-1].unsqueeze(0), ids[1:]

    losses = []
    for _ in range(steps):
        log_probs = torch.log_softmax(model(context)[0], dim=-1)
        loss = -log_probs.gather(1, target.unsqueeze(1)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


def generate(model, tokenizer, prompt, max_new_tokens):
    ids = tokenizer.encode(prompt)
    with torch.inference_mode():
        for _ in range(max_new_tokens):
            logits = model(torch.tensor(ids[-MAX_LEN:]).unsqueeze(0))
            best = logits[0, -1].argmax().item()
            if best == tokenizer.end_id:
                break
            ids.append(best)
    return tokenizer.decode(ids)


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
