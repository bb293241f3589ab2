# category: end-token, refactored-into-functions
"""The sentence ends with an end token, so its last character has a target too; generation never writes it."""

import torch
import torch.nn as nn
import torch.nn.functional as F

sentence = "a mask that leaks is worse than no mask"
block_size, n_embd, n_head, n_layer = 128, 64, 4, 2


class Vocab:
    def __init__(self, text):
        self.itos = sorted(set(text)) + ["<end>"]
        self.stoi = {ch: i for i, ch in enumerate(self.itos)}
        self.end = self.stoi["<end>"]

    def encode(self, s):
        return [self.stoi[ch] for ch in s]

    def decode(self, ids):
        return "".join(self.itos[i] for i in ids)


class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query = nn.Linear(n_embd, n_embd, bias=False)
        self.key = nn.Linear(n_embd, n_embd, bias=False)
        self.value = nn.Linear(n_embd, n_embd, bias=False)
        self.out = nn.Linear(n_embd, n_embd)
        self.register_buffer("tril", torch.tril(torch.ones(block_size, block_size)))

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (f(x).view(B, T, n_head, C // n_head).transpose(1, 2) for f in (self.query, self.key, self.value))
        wei = q @ k.transpose(-2, -1) * (C // n_head) ** -0.5  # (B, H, T, T)
        wei = wei.masked_fill(self.tril[:T, :T] == 0, float("-inf")).softmax(-1)
        return self.out((wei @ v).transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.sa = SelfAttention()
        self.ffwd = nn.Sequential(nn.Linear(n_embd, 4 * n_embd), nn.ReLU(), nn.Linear(4 * n_embd, n_embd))
        self.ln1, self.ln2 = nn.LayerNorm(n_embd), nn.LayerNorm(n_embd)

    def forward(self, x):
        x = x + self.sa(self.ln1(x))
        return x + self.ffwd(self.ln2(x))


class LanguageModel(nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.token = nn.Embedding(vocab_size, n_embd)
        self.position = nn.Embedding(block_size, n_embd)
        self.blocks = nn.Sequential(*[Block() for _ in range(n_layer)])
        self.ln_f = nn.LayerNorm(n_embd)
        self.lm_head = nn.Linear(n_embd, vocab_size)

    def forward(self, idx):
        x = self.token(idx) + self.position(torch.arange(idx.shape[1]))
        return self.lm_head(self.ln_f(self.blocks(x)))


def get_example(vocab, text):
    ids = vocab.encode(text)
    return torch.tensor([ids]), torch.tensor([ids[1:] + [vocab.end]])  # each (1, T)


def train(text, steps=40, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    vocab = Vocab(text)
    model = LanguageModel(len(vocab.itos))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    x, y = get_example(vocab, text)
    losses = []
    for _ in range(steps):
        logits = model(x)  # (1, T, V)
        loss = F.cross_entropy(logits.transpose(1, 2), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, vocab, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    idx = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        logits = model(idx[:, -block_size:])[:, -1]
        logits[:, tokenizer.end] = -float("inf")
        idx = torch.cat([idx, logits.argmax(-1, keepdim=True)], dim=1)
    return tokenizer.decode(idx[0].tolist())


if __name__ == "__main__":
    model, vocab, losses = train(sentence)
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}")
    print(generate(model, vocab, sentence[:8], len(sentence) - 8))
