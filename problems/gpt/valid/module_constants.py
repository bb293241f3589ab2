# category: mask-minus-1e9, positions-zero, zero-grad-through-the-model
"""Constants instead of a configuration, -1e9 as mask, positions that start at zero."""

import torch
import torch.nn as nn
import torch.nn.functional as F

BLOCK = 128
WIDTH = 64
HEADS = 4
LAYERS = 2
LINE = "a falling loss is not yet a working model"


class CharTokenizer:
    def __init__(self, text):
        vocab = sorted(set(text))
        self.stoi = dict(zip(vocab, range(len(vocab))))
        self.itos = dict(enumerate(vocab))
        self.vocab_size = len(vocab)

    def encode(self, s):
        return [self.stoi[c] for c in s]

    def decode(self, ids):
        return "".join([self.itos[int(i)] for i in ids])


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.c_attn = nn.Linear(WIDTH, 3 * WIDTH)
        self.c_proj = nn.Linear(WIDTH, WIDTH)
        self.register_buffer("bias", torch.tril(torch.ones(BLOCK, BLOCK)).view(1, 1, BLOCK, BLOCK))

    def forward(self, x):
        B, T, C = x.size()
        q, k, v = self.c_attn(x).chunk(3, dim=-1)
        q, k, v = (t.reshape(B, T, HEADS, C // HEADS).permute(0, 2, 1, 3) for t in (q, k, v))
        scores = torch.matmul(q, k.transpose(2, 3)) * (C // HEADS) ** -0.5
        scores = scores.masked_fill(self.bias[:, :, :T, :T] == 0, -1e9)
        weights = scores.softmax(-1)  # (B, H, T, T)
        out = torch.matmul(weights, v).permute(0, 2, 1, 3).reshape(B, T, C)
        return self.c_proj(out)


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH)
        self.attention = Attention()
        self.norm2 = nn.LayerNorm(WIDTH)
        self.up = nn.Linear(WIDTH, 4 * WIDTH)
        self.down = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class LanguageModel(nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.wte = nn.Embedding(vocab_size, WIDTH)
        self.wpe = nn.Parameter(torch.zeros(1, BLOCK, WIDTH))
        self.layers = nn.Sequential(*[Layer() for _ in range(LAYERS)])
        self.norm = nn.LayerNorm(WIDTH)
        self.lm_head = nn.Linear(WIDTH, vocab_size, bias=False)

    def forward(self, idx):
        x = self.wte(idx) + self.wpe[:, : idx.shape[1]]
        return self.lm_head(self.norm(self.layers(x)))


def train(text, steps=50, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tok = CharTokenizer(text)
    model = LanguageModel(tok.vocab_size)
    opt = torch.optim.AdamW(model.parameters(), lr=lr)
    data = torch.tensor(tok.encode(text)).unsqueeze(0)
    losses = []
    for _ in range(steps):
        model.zero_grad()
        logits = model(data)[:, :-1]
        loss = F.cross_entropy(logits.flatten(0, 1), data[:, 1:].flatten())
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return model, tok, losses


def generate(model, tokenizer, prompt, max_new_tokens):
    ids = tokenizer.encode(prompt)
    with torch.no_grad():
        while len(ids) < len(prompt) + max_new_tokens:
            logits = model(torch.tensor([ids[-BLOCK:]]))
            ids.append(int(logits[0, -1].argmax()))
    return tokenizer.decode(ids)


if __name__ == "__main__":
    model, tokenizer, losses = train(LINE)
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}")
    print(generate(model, tokenizer, LINE[:8], len(LINE) - 8))
