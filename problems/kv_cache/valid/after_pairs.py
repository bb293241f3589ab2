# category: after-pairs
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

    def forward(self, ids, caches=None):
        T = ids.size(1)
        past = 0 if caches is None else caches[0].length()
        x = self.symbols(ids)  # (B, T, C)
        x = x + self.order[past : past + T]
        for layer, block in enumerate(self.body):
            x = block(x, None if caches is None else caches[layer])
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

    def forward(self, x, cache=None):
        seen = self.look(self.look_norm(x), cache)  # (B, T, C)
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

    def forward(self, x, cache=None):
        T, C = x.shape[1:]
        q = self.query(x)  # (B, T, C)
        k = self.key(x)  # (B, T, C)
        v = self.value(x)  # (B, T, C)
        past = 0
        if cache is not None:
            past = cache.length()
            cache.update(k.unsqueeze(1), v.unsqueeze(1))
            k, v = (one.squeeze(1) for one in cache.get())
        scores = q @ k.transpose(1, 2)  # (B, T, past + T)
        scores = scores / C**0.5
        now = torch.arange(past, past + T)
        seen = now[:, None] >= torch.arange(past + T)
        scores = torch.where(seen, scores, -torch.inf)
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


def train(text, steps=150, lr=0.05, seed=0):
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


class KVCache:
    """The keys and values of one layer, of the tokens that were fed so far."""

    def __init__(self):
        self.k = None  # (B, H, T, D)
        self.v = None  # (B, H, T, D)

    def length(self):
        """The cache's length in tokens."""
        return 0 if self.k is None else self.k.size(2)

    def get(self):
        """The stored keys and values, both None while there are none."""
        return self.k, self.v

    def update(self, k, v):
        """Stores the keys and values of new tokens, each (B, H, T, D)."""
        if self.k is None:
            self.k, self.v = k, v
        else:
            self.k = torch.cat((self.k, k), dim=2)
            self.v = torch.cat((self.v, v), dim=2)


def new_caches(model):
    """An empty cache for each layer of the model."""
    stacks = (torch.nn.ModuleList, torch.nn.Sequential)
    layers = next(part for part in model.modules() if isinstance(part, stacks))
    return [KVCache() for _ in layers]


@torch.no_grad()
def generate_cached(model, tokenizer, prompt, max_new_tokens):
    caches = new_caches(model)
    ids = tokenizer.encode(prompt)
    if len(ids) + max_new_tokens > 128:
        raise ValueError("prompt and new tokens do not fit into the context")
    step = torch.tensor([ids])
    for _ in range(max_new_tokens):
        step = model(step, caches)[:, -1].argmax(dim=-1, keepdim=True)
        ids.append(int(step))
    return tokenizer.decode(ids)


def check_parity():
    model, tokenizer, _ = train(SENTENCE, steps=5)
    ids = torch.tensor([tokenizer.encode(SENTENCE)])
    with torch.no_grad():
        whole = model(ids)
        caches = new_caches(model)
        parts = torch.cat([model(ids[:, at : at + 3], caches) for at in range(0, ids.size(1), 3)], dim=1)
    print("largest difference", (whole - parts).abs().max())


if __name__ == "__main__":
    model, alphabet, curve = train(SENTENCE)
    print("step    loss")
    for step in [*range(0, len(curve), 20), len(curve) - 1]:
        print(f"{step:4d}  {curve[step]:6.3f}")
    opening = SENTENCE[:8]
    print(generate(model, alphabet, opening, len(SENTENCE) - len(opening)))
    check_parity()
