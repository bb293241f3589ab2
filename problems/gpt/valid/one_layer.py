# category: one-layer
"""As short as it gets: one layer, one head, everything in one class."""

import torch
import torch.nn.functional as F
from torch import nn

N, C = 128, 96


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))

    def encode(self, text):
        return [self.chars.index(c) for c in text]

    def decode(self, ids):
        return "".join(self.chars[i] for i in ids)


class GPT(nn.Module):
    def __init__(self, vocab):
        super().__init__()
        self.tok, self.pos = nn.Embedding(vocab, C), nn.Embedding(N, C)
        self.ln1, self.ln2, self.ln3 = nn.LayerNorm(C), nn.LayerNorm(C), nn.LayerNorm(C)
        self.qkv, self.out = nn.Linear(C, 3 * C), nn.Linear(C, C)
        self.fc1, self.fc2 = nn.Linear(C, 2 * C), nn.Linear(2 * C, C)
        self.head = nn.Linear(C, vocab)

    def forward(self, idx):
        T = idx.shape[1]
        x = self.tok(idx) + self.pos.weight[:T]
        q, k, v = self.qkv(self.ln1(x)).chunk(3, dim=-1)
        att = (q @ k.mT / C**0.5).masked_fill(torch.ones(T, T).triu(1) == 1, float("-inf")).softmax(-1)
        x = x + self.out(att @ v)
        x = x + self.fc2(F.gelu(self.fc1(self.ln2(x))))
        return self.head(self.ln3(x))


def train(text, steps=40, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.chars))
    optimizer = torch.optim.AdamW(model.parameters(), lr)
    ids, losses = torch.tensor([tokenizer.encode(text)]), []
    for _ in range(steps):
        loss = F.cross_entropy(model(ids).mT[..., :-1], ids[:, 1:])
        optimizer.zero_grad(), loss.backward(), optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


def generate(model, tokenizer, prompt, max_new_tokens):
    if max_new_tokens < 1:
        return prompt
    with torch.no_grad():
        best = model(torch.tensor([tokenizer.encode(prompt)[-N:]]))[0, -1].argmax().item()
    return generate(model, tokenizer, prompt + tokenizer.decode([best]), max_new_tokens - 1)


if __name__ == "__main__":
    text = "warm up, then cool down"
    model, tokenizer, losses = train(text)
    print(losses[0], "->", losses[-1])
    print(generate(model, tokenizer, text[:8], len(text) - 8))
