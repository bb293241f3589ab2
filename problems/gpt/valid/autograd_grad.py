# category: autograd-grad, optimizer-by-hand, schedule, renamed-attributes
"""No .backward(): torch.autograd.grad hands the gradients over, and a mean square is kept for each parameter."""

import torch
from torch import nn
from torch.nn import functional as F


class Alphabet:
    def __init__(self, text):
        self.characters = sorted(set(text))
        self.positions = {c: i for i, c in enumerate(self.characters)}

    def encode(self, text):
        return [self.positions[c] for c in text]

    def decode(self, ids):
        return "".join(self.characters[i] for i in ids)


class Attend(nn.Module):
    def __init__(self, width, heads, longest):
        super().__init__()
        self.heads = heads
        self.wq = nn.Linear(width, width)
        self.wk = nn.Linear(width, width)
        self.wv = nn.Linear(width, width)
        self.wo = nn.Linear(width, width)
        self.register_buffer("blocked", torch.ones(longest, longest).triu(1).bool())

    def forward(self, x):
        n, t, c = x.size()
        q = self.wq(x).view(n, t, self.heads, c // self.heads).transpose(1, 2)
        k = self.wk(x).view(n, t, self.heads, c // self.heads).transpose(1, 2)
        v = self.wv(x).view(n, t, self.heads, c // self.heads).transpose(1, 2)
        q = q / (c // self.heads) ** 0.5
        att = (q @ k.transpose(-1, -2)).masked_fill_(self.blocked[:t, :t], float("-inf")).softmax(-1)
        return self.wo((att @ v).transpose(1, 2).contiguous().view(n, t, c))


class Stage(nn.Module):
    def __init__(self, width, heads, longest):
        super().__init__()
        self.attend = Attend(width, heads, longest)
        self.norm_attend = nn.LayerNorm(width)
        self.norm_feed = nn.LayerNorm(width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        x = torch.add(x, self.attend(self.norm_attend(x)))
        return torch.add(x, self.feed(self.norm_feed(x)))


class Net(nn.Module):
    def __init__(self, symbols, width=64, heads=2, stages=2, longest=128):
        super().__init__()
        self.longest = longest
        self.token = nn.Embedding(symbols, width)
        self.position = nn.Embedding(longest, width)
        nn.init.normal_(self.position.weight, std=0.02)
        self.stages = nn.ModuleList(Stage(width, heads, longest) for _ in range(stages))
        self.norm = nn.LayerNorm(width)
        self.vote = nn.Linear(width, symbols)

    def forward(self, idx):
        at = torch.arange(idx.shape[1], device=idx.device)
        x = self.token(idx) + self.position(at).unsqueeze(0)
        for stage in self.stages:
            x = stage(x)
        return self.vote(self.norm(x))


def train(text, steps=80, lr=2e-3, seed=0):
    torch.manual_seed(seed)
    alphabet = Alphabet(text)
    net = Net(len(alphabet.characters))
    idx = torch.tensor([alphabet.encode(text)])
    weights = list(net.parameters())
    squares = [torch.zeros_like(w) for w in weights]
    losses = []
    for step in range(steps):
        logits = net(idx)
        loss = F.nll_loss(F.log_softmax(logits[0, :-1], dim=-1), idx[0, 1:])
        gradients = torch.autograd.grad(loss, weights)
        for w, s, g in zip(weights, squares, gradients):
            s.mul_(0.9).addcmul_(g, g, value=0.1)
            w.data.sub_(lr * (1 - step / steps) * g / (s.sqrt() + 1e-8))
        losses.append(loss.item())
    return net, alphabet, losses


def generate(model, tokenizer, prompt, max_new_tokens):
    ids = torch.tensor([tokenizer.encode(prompt)])
    with torch.no_grad():
        for _ in range(max_new_tokens):
            best = model(ids[:, -model.longest :])[:, -1].argmax(1, keepdim=True)
            ids = torch.cat((ids, best), 1)
    return tokenizer.decode(ids[0].tolist())


if __name__ == "__main__":
    SENTENCE = "warm up, then cool down"
    net, alphabet, losses = train(SENTENCE)
    print("loss", losses[0], "->", losses[-1])
    print(generate(net, alphabet, SENTENCE[:8], len(SENTENCE) - 8))
