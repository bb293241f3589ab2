# category: log-probabilities, annotated-transformer, loss-module
"""In the words of the Annotated Transformer: a generator ends in log_softmax, and the criterion is NLLLoss."""

import copy
import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class Vocab:
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


def clones(module, n):
    return nn.ModuleList([copy.deepcopy(module) for _ in range(n)])


def subsequent_mask(size):
    return torch.triu(torch.ones(1, size, size), diagonal=1).type(torch.uint8) == 0


def attention(query, key, value, mask):
    d_k = query.size(-1)
    scores = torch.matmul(query, key.transpose(-2, -1)) / math.sqrt(d_k)
    scores = scores.masked_fill(mask == 0, -1e9)
    p_attn = scores.softmax(dim=-1)
    return torch.matmul(p_attn, value)


class MultiHeadedAttention(nn.Module):
    def __init__(self, h, d_model):
        super().__init__()
        self.d_k, self.h = d_model // h, h
        self.linears = clones(nn.Linear(d_model, d_model), 4)

    def forward(self, x, mask):
        n = x.size(0)
        query, key, value = [lin(x).view(n, -1, self.h, self.d_k).transpose(1, 2) for lin in self.linears[:3]]
        x = attention(query, key, value, mask.unsqueeze(1))
        return self.linears[-1](x.transpose(1, 2).contiguous().view(n, -1, self.h * self.d_k))


class SublayerConnection(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.norm = nn.LayerNorm(size)

    def forward(self, x, sublayer):
        return x + sublayer(self.norm(x))


class DecoderLayer(nn.Module):
    def __init__(self, size, h, d_ff):
        super().__init__()
        self.self_attn = MultiHeadedAttention(h, size)
        self.feed_forward = nn.Sequential(nn.Linear(size, d_ff), nn.ReLU(), nn.Linear(d_ff, size))
        self.sublayer = clones(SublayerConnection(size), 2)

    def forward(self, x, mask):
        x = self.sublayer[0](x, lambda x: self.self_attn(x, mask))
        return self.sublayer[1](x, self.feed_forward)


class Transformer(nn.Module):
    def __init__(self, vocab, n, d_model, d_ff, h, max_len=128):
        super().__init__()
        self.max_len, self.d_model = max_len, d_model
        self.lut, self.pe = nn.Embedding(vocab, d_model), nn.Parameter(torch.empty(1, max_len, d_model))
        self.layers = clones(DecoderLayer(d_model, h, d_ff), n)
        self.norm, self.proj = nn.LayerNorm(d_model), nn.Linear(d_model, vocab)

    def forward(self, src):
        x = self.lut(src) * math.sqrt(self.d_model) + self.pe[:, : src.size(1)]
        for layer in self.layers:
            x = layer(x, subsequent_mask(src.size(1)))
        return F.log_softmax(self.proj(self.norm(x)), dim=-1)


def make_model(vocab, n=2, d_model=64, d_ff=256, h=4):
    model = Transformer(vocab, n, d_model, d_ff, h)
    for p in model.parameters():  # what was cloned is drawn anew
        if p.dim() > 1:
            nn.init.xavier_uniform_(p)
    return model


def train(text, steps=70, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    vocab = Vocab(text)
    model = make_model(len(vocab.id2char))
    criterion = nn.NLLLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, betas=(0.9, 0.98), eps=1e-9)
    data = torch.tensor([vocab.encode(text)])
    losses = []
    model.train()
    for _ in range(steps):
        log_probs = model(data[:, :-1])
        loss = criterion(
            log_probs.contiguous().view(-1, log_probs.size(-1)), data[:, 1:].contiguous().view(-1)
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, vocab, losses


def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        with torch.no_grad():
            logits = model(torch.tensor([ids[-model.max_len :]]))
        ids.append(int(logits[0, -1].argmax()))
    return tokenizer.decode(ids)


if __name__ == "__main__":
    sentence = "annotate every line of it"
    model, vocab, losses = train(sentence)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, vocab, sentence[:8], len(sentence) - 8))
