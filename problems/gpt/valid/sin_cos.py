# category: sin-cos, mask-minus-1e4
"""Fixed sines and cosines as positions, and token embeddings scaled by the root of the width."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class Tokenizer:
    def __init__(self, text):
        self.words = sorted(set(text))

    def encode(self, text):
        return [self.words.index(char) for char in text]

    def decode(self, ids):
        return "".join(self.words[i] for i in ids)


class PositionalEncoding(nn.Module):
    def __init__(self, d_model, max_len=256):
        super().__init__()
        position = torch.arange(max_len).unsqueeze(1)
        div_term = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
        pe = torch.zeros(1, max_len, d_model)
        pe[0, :, 0::2] = torch.sin(position * div_term)
        pe[0, :, 1::2] = torch.cos(position * div_term)
        self.register_buffer("pe", pe)

    def forward(self, x):
        return x + self.pe[:, : x.size(1)]


class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads):
        super().__init__()
        self.d_k, self.num_heads = d_model // num_heads, num_heads
        self.W_q, self.W_k = nn.Linear(d_model, d_model), nn.Linear(d_model, d_model)
        self.W_v, self.W_o = nn.Linear(d_model, d_model), nn.Linear(d_model, d_model)

    def forward(self, query, key, value, mask=None):
        n = query.size(0)
        q = self.W_q(query).view(n, -1, self.num_heads, self.d_k).transpose(1, 2)
        k = self.W_k(key).view(n, -1, self.num_heads, self.d_k).transpose(1, 2)
        v = self.W_v(value).view(n, -1, self.num_heads, self.d_k).transpose(1, 2)
        scores = torch.matmul(q, k.transpose(-2, -1)) / math.sqrt(self.d_k)
        if mask is not None:
            scores = scores.masked_fill(mask == 0, -1e4)
        p_attn = F.softmax(scores, dim=-1)
        x = torch.matmul(p_attn, v).transpose(1, 2).contiguous().view(n, -1, self.num_heads * self.d_k)
        return self.W_o(x)


class DecoderLayer(nn.Module):
    def __init__(self, d_model, num_heads, d_ff):
        super().__init__()
        self.self_attn = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = nn.Sequential(nn.Linear(d_model, d_ff), nn.ReLU(), nn.Linear(d_ff, d_model))
        self.norm1 = nn.LayerNorm(d_model)
        self.norm2 = nn.LayerNorm(d_model)

    def forward(self, x, mask):
        y = self.norm1(x)
        x = x + self.self_attn(y, y, y, mask)
        return x + self.feed_forward(self.norm2(x))


class TransformerLM(nn.Module):
    def __init__(self, vocab, d_model=64, num_heads=4, d_ff=256, num_layers=2):
        super().__init__()
        self.d_model = d_model
        self.embedding = nn.Embedding(vocab, d_model)
        nn.init.normal_(self.embedding.weight, std=d_model**-0.5)
        self.positional = PositionalEncoding(d_model)
        self.layers = nn.ModuleList([DecoderLayer(d_model, num_heads, d_ff) for _ in range(num_layers)])
        self.norm = nn.LayerNorm(d_model)
        self.generator = nn.Linear(d_model, vocab)

    def forward(self, tokens):
        mask = torch.ones(1, 1, tokens.size(1), tokens.size(1)).tril()
        x = self.positional(self.embedding(tokens) * math.sqrt(self.d_model))
        for layer in self.layers:
            x = layer(x, mask)
        return self.generator(self.norm(x))


def train(text, steps=50, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = TransformerLM(len(tokenizer.words))
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, betas=(0.9, 0.98), eps=1e-9)
    tokens = torch.tensor([tokenizer.encode(text)])
    losses = []
    for _ in range(steps):
        predictions = model(tokens[:, :-1])
        loss = F.cross_entropy(predictions.flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    tokens = tokenizer.encode(prompt)
    with torch.no_grad():
        for _ in range(max_new_tokens):
            scores = model(torch.LongTensor([tokens[-256:]]))
            tokens.append(torch.argmax(scores[0, -1, :]).item())
    return tokenizer.decode(tokens)


if __name__ == "__main__":
    target = "a query asks, a key answers, and the value is what gets passed along"
    model, tokenizer, losses = train(target)
    print("first loss", losses[0])
    print("last loss ", losses[-1])
    print(generate(model, tokenizer, target[:8], len(target) - 8))
