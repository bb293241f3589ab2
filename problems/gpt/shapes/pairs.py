"""A one-headed character transformer, fitted to a single sentence by stochastic gradient descent."""

import torch
from torch import nn
from torch.nn import functional as F

SENTENCE = "attention is a soft lookup over the past"

CONTEXT = 128
WIDTH = 64
N_LAYERS = 2


def linear(fan_in, fan_out):
    layer = nn.Linear(fan_in, fan_out, bias=False)
    nn.init.uniform_(layer.weight, -0.1, 0.1)
    return layer


class Transformer(nn.Module):
    def __init__(self, n_symbols):
        super().__init__()
        self.symbols = nn.Embedding(n_symbols, WIDTH)
        self.order = nn.Parameter(torch.randn(CONTEXT, WIDTH) * 0.1)
        self.body = nn.Sequential(*[ResidualBlock() for _ in range(N_LAYERS)])
        self.final_norm = nn.LayerNorm(WIDTH)
        self.readout = linear(WIDTH, n_symbols)

    def forward(self, ids):
        T = ids.size(1)
        x = self.symbols(ids)  # (B, T, C)
        x = x + self.order[:T]
        x = self.body(x)  # (B, T, C)
        x = self.final_norm(x)
        return self.readout(x)


class ResidualBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.look_norm = nn.LayerNorm(WIDTH)
        self.look = SelfAttention()
        self.think_norm = nn.LayerNorm(WIDTH)
        self.widen = linear(WIDTH, 4 * WIDTH)
        self.narrow = linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        seen = self.look(self.look_norm(x))  # (B, T, C)
        x = x + seen
        hidden = self.widen(self.think_norm(x))  # (B, T, 4C)
        hidden = F.silu(hidden)
        thought = self.narrow(hidden)
        return x + thought


class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query = linear(WIDTH, WIDTH)
        self.key = linear(WIDTH, WIDTH)
        self.value = linear(WIDTH, WIDTH)
        self.output = linear(WIDTH, WIDTH)

    def forward(self, x):
        T, C = x.shape[1:]
        q = self.query(x)  # (B, T, C)
        k = self.key(x)  # (B, T, C)
        v = self.value(x)  # (B, T, C)
        scores = q @ k.transpose(1, 2)  # (B, T, T)
        scores = scores / C**0.5
        now = torch.arange(T)
        past = now[:, None] >= now  # (T, T)
        scores = torch.where(past, scores, -torch.inf)
        shares = torch.softmax(scores, dim=2)
        mixed = shares @ v  # (B, T, C)
        return self.output(mixed)


class Alphabet:
    def __init__(self, text):
        self.letters = "".join(sorted(set(text)))

    def encode(self, text):
        return [self.letters.index(letter) for letter in text]

    def decode(self, ids):
        return "".join(self.letters[i] for i in ids)


def make_pairs(ids):
    x, y = ids[:-1], ids[1:]
    return x.unsqueeze(0), y.unsqueeze(0)


def train(text, steps=100, lr=0.06, seed=0):
    torch.manual_seed(seed)
    alphabet = Alphabet(text)
    model = Transformer(len(alphabet.letters))
    sgd = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    ids = torch.tensor(alphabet.encode(text))
    x, y = make_pairs(ids)
    curve = []
    for _ in range(steps):
        logits = model(x)
        loss = F.cross_entropy(logits.view(-1, logits.size(-1)), y.view(-1))
        loss.backward()
        sgd.step()
        model.zero_grad()
        curve.append(loss.item())
    return model, alphabet, curve


@torch.inference_mode()
def generate(model, alphabet, prompt, max_new_tokens):
    ids = torch.tensor(alphabet.encode(prompt))
    for _ in range(max_new_tokens):
        recent = ids[-CONTEXT:].unsqueeze(0)  # (1, T)
        logits = model(recent)
        best = logits[:, -1].argmax(dim=-1)
        ids = torch.cat([ids, best])
    return alphabet.decode(ids.tolist())


if __name__ == "__main__":
    model, alphabet, curve = train(SENTENCE)
    print("step    loss")
    for step in [*range(0, len(curve), 20), len(curve) - 1]:
        print(f"{step:4d}  {curve[step]:6.3f}")
    opening = SENTENCE[:8]
    print(generate(model, alphabet, opening, len(SENTENCE) - len(opening)))
