# category: prefixes, padded-batch, dataset-class
"""Each example is a prefix and the character after it, as in a lecture on n-grams; a few examples a step."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset, RandomSampler

SENTENCE = "what comes next is all it has to say"
BLOCK, C, H = 128, 64, 4


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))

    def encode(self, text):
        return [self.chars.index(c) for c in text]

    def decode(self, ids):
        return "".join(self.chars[i] for i in ids)


class Prefixes(Dataset):
    def __init__(self, ids):
        self.ids = ids

    def __len__(self):
        return len(self.ids) - 1

    def __getitem__(self, i):
        return self.ids[: i + 1], self.ids[i + 1]


def collate(examples):
    """Padded at the right, where nothing looks."""
    inputs = nn.utils.rnn.pad_sequence([torch.tensor(x) for x, _ in examples], batch_first=True)
    return inputs, torch.tensor([len(x) - 1 for x, _ in examples]), torch.tensor([y for _, y in examples])


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(C), nn.LayerNorm(C)
        self.qkv, self.proj = nn.Linear(C, 3 * C), nn.Linear(C, C)
        self.mlp = nn.Sequential(nn.Linear(C, 2 * C), nn.GELU(), nn.Linear(2 * C, C))

    def forward(self, x):
        B, T, _ = x.shape
        q, k, v = (t.view(B, T, H, C // H).transpose(1, 2) for t in self.qkv(self.ln_1(x)).split(C, -1))
        att = q @ k.transpose(-2, -1) / (C // H) ** 0.5
        att = att.masked_fill(torch.tril(torch.ones(T, T)) == 0, float("-inf")).softmax(-1)
        x = x + self.proj((att @ v).transpose(1, 2).reshape(B, T, C))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocab_size, C), nn.Embedding(BLOCK, C)
        self.blocks = nn.Sequential(Block(), Block())
        self.ln_f, self.head = nn.LayerNorm(C), nn.Linear(C, vocab_size)

    def forward(self, idx):
        x = self.wte(idx) + self.wpe(torch.arange(idx.size(1)))
        return self.head(self.ln_f(self.blocks(x)))


def train(text, steps=90, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.chars))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    data = Prefixes(tokenizer.encode(text))
    sampler = RandomSampler(data, replacement=True, num_samples=max(1, steps) * 8)
    losses = []
    for x, last, y in DataLoader(data, batch_size=8, sampler=sampler, collate_fn=collate):
        if len(losses) == steps:
            break
        logits = model(x)[torch.arange(len(x)), last]  # (B, V): at the end of each prefix
        loss = F.cross_entropy(logits, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    idx = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        idx = torch.cat([idx, model(idx[:, -BLOCK:])[:, -1].argmax(-1, keepdim=True)], dim=1)
    return tokenizer.decode(idx[0].tolist())


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    print(f"{losses[0]:.3f} -> {sum(losses[-5:]) / 5:.3f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
