# category: convolutions, channels-first, one-hot-input, soft-targets, relative-bias, momentum, clipping
"""Position t looks back by lag 0, 1, ..., t. Causality is in the layout: a negative lag does not exist."""
import torch
from torch.utils.data import DataLoader, TensorDataset

SENTENCE = "attention is a soft lookup over the past"

HYPER = dict(context=128, dim=32, heads=2, layers=2, copies=2)


def build_tokenizer(text):
    class Tokenizer:
        # highest code point first
        letters = sorted(set(text), reverse=True)
        number = {letter: n for n, letter in enumerate(letters)}

        def encode(self, string):
            return list(map(self.number.__getitem__, string))

        def decode(self, numbers):
            return str().join(map(self.letters.__getitem__, numbers))

    return Tokenizer()


class LagAttention(torch.nn.Module):
    def __init__(self, dim, heads, context):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.o = (torch.nn.Conv1d(dim, dim, kernel_size=1) for _ in "qkvo")
        self.lag_bias = torch.nn.Parameter(torch.zeros(heads, 1, context))

    def windows(self, z):
        """(B, H, D, T) -> (B, H, D, T, T): [..., t, lag] is the value at time t - lag (0 where that is before the start)."""
        T = z.shape[-1]
        return torch.nn.functional.pad(z, (T - 1, 0)).unfold(-1, T, 1).flip(-1)

    def forward(self, x):                                     # channels first: (B, C, T)
        B, C, T = x.shape
        q, k, v = (f(x).reshape(B, self.heads, C // self.heads, T) for f in (self.q, self.k, self.v))
        scores = (q.unsqueeze(-1) * self.windows(k)).sum(2) * (C // self.heads) ** -0.5 + self.lag_bias[..., :T]
        exists = torch.arange(T)[:, None] >= torch.arange(T)  # time t has the lags 0..t
        scores = scores - scores.masked_fill(~exists, -torch.inf).amax(-1, keepdim=True)
        weight = torch.where(exists, scores, -torch.inf).exp()
        weight = weight / weight.sum(-1, keepdim=True)
        mixed = (weight.unsqueeze(2) * self.windows(v)).sum(-1)
        return self.o(mixed.reshape(B, C, T))


class ChannelNorm(torch.nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.mT).mT


def make_block(dim, heads, context):
    return torch.nn.ModuleDict(dict(
        n1=ChannelNorm(dim),
        attention=LagAttention(dim, heads, context),
        n2=ChannelNorm(dim),
        mlp=torch.nn.Sequential(
            torch.nn.Conv1d(dim, 4 * dim, 1), torch.nn.GELU(approximate="tanh"), torch.nn.Conv1d(4 * dim, dim, 1)
        ),
    ))


class Net(torch.nn.Module):
    def __init__(self, vocab, context, dim, heads, layers):
        super().__init__()
        self.context, self.vocab = context, vocab
        self.char = torch.nn.Linear(vocab, dim, bias=False)   # applied to one-hot rows: an embedding by another name
        self.place = torch.nn.Parameter(torch.empty(dim, context))
        self.trunk = torch.nn.ModuleList([make_block(dim, heads, context) for _ in range(layers)])
        self.last = ChannelNorm(dim)
        self.read = torch.nn.Conv1d(dim, vocab, 1)
        for name, p in self.named_parameters():
            if p.dim() == 3 and "lag_bias" not in name:
                torch.nn.init.orthogonal_(p)
            elif name.endswith("bias"):
                torch.nn.init.zeros_(p)
        torch.nn.init.normal_(self.char.weight)
        torch.nn.init.normal_(self.place)

    def forward(self, idx):
        onehot = torch.nn.functional.one_hot(idx, self.vocab).to(self.place.dtype)
        x = self.char(onehot).mT + self.place[:, : idx.shape[-1]]
        for b in self.trunk:
            x = x + b["attention"](b["n1"](x))
            x = x + b["mlp"](b["n2"](x))
        return self.read(self.last(x)).mT


def train(text, steps=40, lr=0.1, seed=0):
    torch.manual_seed(seed)
    tokenizer = build_tokenizer(text)
    vocab = len(tokenizer.letters)
    model = Net(vocab, *(HYPER[n] for n in ("context", "dim", "heads", "layers")))

    ids = torch.tensor([tokenizer.encode(text)] * HYPER["copies"])
    truth = torch.nn.functional.one_hot(ids.roll(-1, dims=1), vocab).float()   # what follows; the last wraps, so:
    truth[:, -1] = 0                                                           # nothing is asked of the last place
    loader = DataLoader(TensorDataset(ids, truth), batch_size=HYPER["copies"])

    def forever():
        while True:
            yield from loader

    sgd = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, nesterov=True)
    losses = []
    for (x, y), n in zip(forever(), range(steps)):
        for group in sgd.param_groups:
            group["lr"] = lr * min(1.0, (n + 1) / 5)          # five steps of warm-up
        sgd.zero_grad()
        loss = -(y * model(x).log_softmax(-1)).sum() / y.sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        sgd.step()
        losses.append(loss.detach().item())
    return model, tokenizer, losses


def generate(model, tokenizer, prompt, max_new_tokens):
    if max_new_tokens <= 0:
        return prompt
    visible = prompt[-model.context:]
    with torch.no_grad():
        guess = model(torch.tensor([tokenizer.encode(visible)])).argmax(-1)    # a guess after each character
    return generate(model, tokenizer, prompt + tokenizer.decode(guess[0].tolist()[-1:]), max_new_tokens - 1)


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
