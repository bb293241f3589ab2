# category: mask-minus-1e9, unregistered-mask, zero-grad-first
"""A lecture's decoder: the mask is a plain tensor of the module, and hidden scores are set to -1e9."""

import torch
import torch.nn as nn
from torch.nn import functional as F

text_to_learn = "two heads are better than none at all"
max_len = 128
d_model = 48
num_heads = 3
num_layers = 2


class CharVocab:
    def __init__(self, text):
        self.itos = sorted(list(set(text)))
        self.stoi = {ch: i for i, ch in enumerate(self.itos)}

    def encode(self, s):
        return [self.stoi[ch] for ch in s]

    def decode(self, ids):
        return "".join([self.itos[i] for i in ids])


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query = nn.Linear(d_model, d_model, bias=False)
        self.key = nn.Linear(d_model, d_model, bias=False)
        self.value = nn.Linear(d_model, d_model, bias=False)
        self.out = nn.Linear(d_model, d_model)
        # a plain attribute: it is made again from nothing, so there is no need to save it
        self.allowed = torch.tril(torch.ones(max_len, max_len)) > 0

    def heads(self, x):
        return x.view(x.size(0), x.size(1), num_heads, d_model // num_heads).permute(0, 2, 1, 3)

    def forward(self, x):
        t = x.size(1)
        q, k, v = self.heads(self.query(x)), self.heads(self.key(x)), self.heads(self.value(x))
        wei = q @ k.permute(0, 1, 3, 2) / (d_model // num_heads) ** 0.5
        wei = torch.where(self.allowed[:t, :t].to(wei.device), wei, -1e9)
        wei = F.softmax(wei, -1)
        return self.out((wei @ v).permute(0, 2, 1, 3).flatten(2))


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.sa = Attention()
        self.ff = nn.Sequential(nn.Linear(d_model, 4 * d_model), nn.GELU(), nn.Linear(4 * d_model, d_model))
        self.ln1 = nn.LayerNorm(d_model)
        self.ln2 = nn.LayerNorm(d_model)

    def forward(self, x):
        x = x + self.sa(self.ln1(x))
        x = x + self.ff(self.ln2(x))
        return x


class TinyDecoder(nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.tok = nn.Embedding(vocab_size, d_model)
        self.pos = nn.Embedding(max_len, d_model)
        self.layers = nn.Sequential(*[Layer() for _ in range(num_layers)])
        self.ln = nn.LayerNorm(d_model)
        self.lm_head = nn.Linear(d_model, vocab_size)

    def forward(self, idx):
        x = self.tok(idx) + self.pos(torch.arange(idx.size(1), device=idx.device))
        return self.lm_head(self.ln(self.layers(x)))


def train(text, steps=40, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    vocab = CharVocab(text)
    model = TinyDecoder(len(vocab.itos))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    data = torch.tensor(vocab.encode(text), dtype=torch.long)
    x, y = data[:-1].unsqueeze(0), data[1:].unsqueeze(0)
    history = []
    for i in range(steps):
        optimizer.zero_grad()
        logits = model(x)
        loss = F.cross_entropy(logits.view(-1, logits.size(-1)), y.view(-1))
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    return model, vocab, history


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    idx = torch.tensor([tokenizer.encode(prompt)], dtype=torch.long)
    for _ in range(max_new_tokens):
        last = model(idx[:, -max_len:])[:, -1, :]
        idx = torch.cat([idx, torch.argmax(last, dim=-1, keepdim=True)], dim=1)
    return tokenizer.decode(idx[0].tolist())


if __name__ == "__main__":
    model, vocab, history = train(text_to_learn)
    for i in range(0, len(history), 20):
        print(i, round(history[i], 4))
    print(generate(model, vocab, text_to_learn[:8], len(text_to_learn) - 8))
