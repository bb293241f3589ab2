# category: per-head-modules, post-norm, positions-concatenated, padded-batch, prefixes, ignore-index, generation-variant
import random
from collections import Counter

import torch
import torch.nn as nn
import torch.nn.functional as F

SENTENCE = "attention is a soft lookup over the past"

BLOCK_SIZE = 128
PAD = 0            # fills rows up on the right; behind the causal mask no real position ever sees it
IGNORE = -100


class FrequencyTokenizer:
    """The commonest character gets 1, the next 2, and so on. 0 is padding and stands for no character."""

    def __init__(self, corpus):
        ranked = [c for c, _ in Counter(corpus).most_common()]
        self.char_to_id = {c: i for i, c in enumerate(ranked, start=1)}
        self.id_to_char = {i: c for c, i in self.char_to_id.items()}

    @property
    def vocab_size(self):
        return len(self.char_to_id) + 1

    def encode(self, s):
        return [self.char_to_id[c] for c in s]

    def decode(self, ids):
        return "".join(self.id_to_char[i] for i in ids if i != PAD)


class Head(nn.Module):
    def __init__(self, n_embd, head_size, dropout):
        super().__init__()
        self.query = nn.Linear(n_embd, head_size, bias=False)
        self.key = nn.Linear(n_embd, head_size, bias=False)
        self.value = nn.Linear(n_embd, head_size, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("allowed", torch.ones(BLOCK_SIZE, BLOCK_SIZE).tril().bool(), persistent=False)

    def forward(self, x):
        T = x.size(1)
        # keys along the rows and queries along the columns, so the softmax runs over axis 1
        w = self.key(x) @ self.query(x).transpose(1, 2) * self.key.out_features ** -0.5
        w = torch.where(self.allowed[:T, :T].T, w, torch.finfo(w.dtype).min)
        w = self.dropout(F.softmax(w, dim=1))
        return w.transpose(1, 2) @ self.value(x)


class MultiHead(nn.Module):
    def __init__(self, n_embd, n_head, dropout):
        super().__init__()
        self.heads = nn.ModuleList([Head(n_embd, n_embd // n_head, dropout) for _ in range(n_head)])
        self.proj = nn.Linear(n_embd, n_embd)

    def forward(self, x):
        return self.proj(torch.cat([h(x) for h in self.heads], dim=-1))


class PostNormBlock(nn.Module):
    """GPT-1's order: add, then normalise."""

    def __init__(self, n_embd, n_head, dropout):
        super().__init__()
        self.attn = MultiHead(n_embd, n_head, dropout)
        self.mlp = nn.Sequential(
            nn.Linear(n_embd, 3 * n_embd), nn.Tanh(), nn.Linear(3 * n_embd, n_embd), nn.Dropout(dropout)
        )
        self.ln1 = nn.LayerNorm(n_embd)
        self.ln2 = nn.LayerNorm(n_embd)

    def forward(self, x):
        x = self.ln1(x + self.attn(x))
        return self.ln2(x + self.mlp(x))


class CharGPT(nn.Module):
    def __init__(self, vocab_size, d_tok=40, d_pos=24, n_head=2, n_layer=2, dropout=0.02):
        super().__init__()
        self.tok = nn.Embedding(vocab_size, d_tok, padding_idx=PAD)
        self.pos = nn.Embedding(BLOCK_SIZE, d_pos)
        n_embd = d_tok + d_pos
        self.blocks = nn.Sequential(*[PostNormBlock(n_embd, n_head, dropout) for _ in range(n_layer)])
        self.lm_head = nn.Linear(n_embd, vocab_size)

    def forward(self, idx):
        B, T = idx.shape
        pos = self.pos.weight[:T].expand(B, -1, -1)
        return self.lm_head(self.blocks(torch.cat([self.tok(idx), pos], dim=2)))


def make_batch(ids, rng, batch_size):
    """The whole text and some of its prefixes, shuffled, filled up on the right. Prefixes keep positions honest."""
    longest = len(ids) - 1
    lengths = [longest] + [rng.randint(1, longest) for _ in range(batch_size - 1)]
    rng.shuffle(lengths)
    xs = torch.full((batch_size, longest), PAD)
    ys = torch.full((batch_size, longest), IGNORE)
    for row, n in enumerate(lengths):
        xs[row, :n] = torch.tensor(ids[:n])
        ys[row, :n] = torch.tensor(ids[1 : n + 1])
    return xs, ys


def train(text, steps=40, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    rng = random.Random(seed)
    tokenizer = FrequencyTokenizer(text)
    model = CharGPT(tokenizer.vocab_size)
    optimizer = torch.optim.NAdam(model.parameters(), lr=lr, betas=(0.9, 0.99))
    ids = tokenizer.encode(text)

    model.train()
    losses = []
    for _ in range(steps):
        xs, ys = make_batch(ids, rng, batch_size=3)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(xs).reshape(-1, tokenizer.vocab_size), ys.reshape(-1), ignore_index=IGNORE)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return model.eval(), tokenizer, losses            # dropout is off from here on


def generate(model, tokenizer, prompt, max_new_tokens):
    was_training = model.training
    model.eval()
    ids = tokenizer.encode(prompt)
    with torch.no_grad():
        for _ in range(max_new_tokens):
            seen = ids[-BLOCK_SIZE:]
            # One fixed shape for every step: the text so far at the left, padding in the (masked) future.
            window = torch.full((1, BLOCK_SIZE), PAD)
            window[0, : len(seen)] = torch.tensor(seen)
            scores = model(window)[0, len(seen) - 1]
            ids.append(1 + scores[1:].argmax().item())            # padding is never an answer
    model.train(was_training)
    return tokenizer.decode(ids)


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
