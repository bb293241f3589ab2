# category: no-mask, per-head-modules
"""No mask at all: each position in turn asks the keys up to its own, and nothing else is there to ask."""

import torch
import torch.nn.functional as F
from torch import nn

BLOCK = 128
WIDTH = 32


class MyTokenizer:
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


class OneHead(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.size = size
        self.query = nn.Linear(WIDTH, size)
        self.key = nn.Linear(WIDTH, size)
        self.value = nn.Linear(WIDTH, size)

    def forward(self, x):
        q = self.query(x)
        k = self.key(x)
        v = self.value(x)
        answers = []
        for t in range(x.shape[1]):
            # position t: only keys 0..t take part
            dots = (q[:, t : t + 1] * k[:, : t + 1]).sum(-1) / self.size**0.5  # (B, t + 1)
            weights = F.softmax(dots, dim=-1)
            answers.append((weights.unsqueeze(-1) * v[:, : t + 1]).sum(1))  # (B, D)
        return torch.stack(answers, dim=1)


class MyBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH)
        self.head1 = OneHead(WIDTH // 2)
        self.head2 = OneHead(WIDTH // 2)
        self.mix = nn.Linear(WIDTH, WIDTH)
        self.norm2 = nn.LayerNorm(WIDTH)
        self.up = nn.Linear(WIDTH, 4 * WIDTH)
        self.down = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        h = self.norm1(x)
        x = x + self.mix(torch.cat([self.head1(h), self.head2(h)], dim=2))
        h = self.norm2(x)
        x = x + self.down(F.gelu(self.up(h)))
        return x


class MyGPT(nn.Module):
    def __init__(self, vocab):
        super().__init__()
        self.token_embedding = nn.Embedding(vocab, WIDTH)
        self.position_embedding = nn.Embedding(BLOCK, WIDTH)
        self.block = MyBlock()
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, vocab)

    def forward(self, idx):
        pos = torch.arange(idx.shape[1])
        x = self.token_embedding(idx) + self.position_embedding(pos)
        x = self.block(x)
        return self.head(self.norm(x))


def make_batch(tok, text):
    ids = torch.tensor(tok.encode(text), dtype=torch.long)
    return ids[None, :-1], ids[1:]


def train(text, steps=42, lr=5e-3, seed=0):
    torch.manual_seed(seed)
    tok = MyTokenizer(text)
    model = MyGPT(len(tok.id2char))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.01)
    inputs, targets = make_batch(tok, text)
    history = []
    while len(history) < steps:
        loss = F.cross_entropy(model(inputs)[0], targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        history.append(loss.item())
    return model, tok, history


def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        with torch.no_grad():
            logits = model(torch.tensor([ids[-BLOCK:]]))
        ids.append(int(logits[0, -1].argmax()))
    return tokenizer.decode(ids)


def main():
    text = "what is not there cannot leak"
    model, tok, losses = train(text)
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.4f} in {len(losses)} steps")
    print(generate(model, tok, text[:8], len(text) - 8))


if __name__ == "__main__":
    main()
