# category: momentum, split-q-k-v, mask-finfo-min, positions-xavier, relu, zero-grad-to-none-false
"""Separate projections, the smallest finite number as mask, SGD with momentum."""

import math

import torch
from torch import nn
from torch.nn.functional import cross_entropy, relu, softmax

text = "the optimiser is patient; the engineer is not"
n_embd, n_head, n_layer, block_size = 64, 4, 2, 160


class Tokenizer:
    def __init__(self, corpus):
        self.alphabet = "".join(sorted(set(corpus)))

    def encode(self, s):
        return [self.alphabet.index(ch) for ch in s]

    def decode(self, ids):
        return "".join(map(self.alphabet.__getitem__, ids))


class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query = nn.Linear(n_embd, n_embd)
        self.key = nn.Linear(n_embd, n_embd)
        self.value = nn.Linear(n_embd, n_embd)
        self.out = nn.Linear(n_embd, n_embd)

    def heads(self, x):
        B, T, _ = x.shape
        return x.view(B, T, n_head, -1).transpose(1, 2)

    def forward(self, x):
        q, k, v = self.heads(self.query(x)), self.heads(self.key(x)), self.heads(self.value(x))
        logits = q @ k.mT / math.sqrt(q.size(-1))
        future = torch.ones(logits.shape[-2:], dtype=torch.bool).triu(1)
        logits = logits.masked_fill(future, torch.finfo(logits.dtype).min)
        mixed = softmax(logits, -1) @ v
        return self.out(mixed.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.widen, self.narrow = nn.Linear(n_embd, 4 * n_embd), nn.Linear(4 * n_embd, n_embd)

    def forward(self, x):
        return self.narrow(relu(self.widen(x)))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.sa, self.ff = SelfAttention(), FeedForward()
        self.ln1, self.ln2 = nn.LayerNorm(n_embd), nn.LayerNorm(n_embd)

    def forward(self, x):
        h = x + self.sa(self.ln1(x))
        return h + self.ff(self.ln2(h))


class Transformer(nn.Module):
    def __init__(self, n_vocab):
        super().__init__()
        self.tok = nn.Embedding(n_vocab, n_embd)
        self.pos = nn.Parameter(torch.empty(block_size, n_embd))
        nn.init.xavier_uniform_(self.pos)
        self.body = nn.ModuleList(Block() for _ in range(n_layer))
        self.ln = nn.LayerNorm(n_embd)
        self.unembed = nn.Linear(n_embd, n_vocab)

    def forward(self, idx):
        x = self.tok(idx) + self.pos[: idx.size(-1)]
        for block in self.body:
            x = block(x)
        return self.unembed(self.ln(x))


def train(text, steps=90, lr=0.05, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = Transformer(len(tokenizer.alphabet))
    optimiser = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    batch = torch.tensor([tokenizer.encode(text)])
    history = []
    for _ in range(steps):
        out = model(batch)
        loss = cross_entropy(out[0, :-1], batch[0, 1:])
        optimiser.zero_grad(set_to_none=False)
        loss.backward()
        optimiser.step()
        history.append(loss.item())
    return model, tokenizer, history


@torch.inference_mode()
def generate(model, tokenizer, prompt, max_new_tokens):
    seq = torch.tensor(tokenizer.encode(prompt))
    for _ in range(max_new_tokens):
        nxt = model(seq[None, -block_size:])[0, -1].argmax()
        seq = torch.cat([seq, nxt.view(1)])
    return tokenizer.decode(seq.tolist())


if __name__ == "__main__":
    gpt, tk, curve = train(text)
    for i in range(0, len(curve), 20):
        print(i, round(curve[i], 3))
    print(repr(generate(gpt, tk, text[:8], len(text) - 8)))
