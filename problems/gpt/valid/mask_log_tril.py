# category: mask-logarithm, mask-additive, positions-randn
"""The logarithm of a lower triangle of ones is the mask: log 1 = 0 and log 0 = -inf."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

D, H, L = 48, 6, 2


class Codec:
    def __init__(self, vocab):
        self.vocab = vocab
        self.encode = lambda s: [vocab.index(c) for c in s]
        self.decode = lambda l: "".join(vocab[i] for i in l)


class Att(nn.Module):
    def __init__(s):
        super().__init__()
        s.a, s.b = nn.Linear(D, 3 * D), nn.Linear(D, D)

    def forward(s, x):
        B, T, _ = x.shape
        q, k, v = [z.view(B, T, H, -1).transpose(1, 2) for z in s.a(x).split(D, 2)]
        w = q @ k.mT / math.sqrt(D // H) + torch.ones(T, T).tril().log()
        return s.b((w.softmax(-1) @ v).transpose(1, 2).reshape(B, T, D))


class Layer(nn.Module):
    def __init__(s):
        super().__init__()
        s.n, s.m, s.att = nn.LayerNorm(D), nn.LayerNorm(D), Att()
        s.ff = nn.Sequential(nn.Linear(D, 4 * D), nn.ReLU(), nn.Linear(4 * D, D))

    def forward(s, x):
        x = x + s.att(s.n(x))
        return x + s.ff(s.m(x))


class Net(nn.Module):
    def __init__(s, V):
        super().__init__()
        s.E, s.P = nn.Embedding(V, D), nn.Parameter(torch.randn(128, D) / 50)
        s.T = nn.Sequential(*(Layer() for _ in range(L)), nn.LayerNorm(D), nn.Linear(D, V))

    def forward(s, i):
        return s.T(s.E(i) + s.P[: i.size(1)])


def train(text, steps=50, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    codec = Codec(sorted(set(text)))
    net = Net(len(codec.vocab))
    opt = torch.optim.Adam(net.parameters(), lr=lr, amsgrad=True)
    ids = torch.tensor(codec.encode(text))
    losses = []
    for i in range(steps):
        out = net(ids[None])
        loss = F.cross_entropy(out[0, :-1], ids[1:])
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses += [loss.item()]
    return net, codec, losses


def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        with torch.no_grad():
            logits = model(torch.tensor([ids[-128:]]))
        ids.append(int(logits[0, -1].argmax()))
    return tokenizer.decode(ids)


TEXT = "the log of nothing is a wall"

if __name__ == "__main__":
    net, codec, losses = train(TEXT)
    print("losses:", *(round(loss, 3) for loss in losses[::15]), round(losses[-1], 4))
    print("text:", generate(net, codec, TEXT[:8], len(TEXT) - 8))
