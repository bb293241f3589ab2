# category: double-precision, einsum, autograd-grad, optimizer-by-hand
"""Almost nothing from torch.nn: float64 parameters, per-head einsum weights, Adam by hand, one sequential block loop."""
import torch

torch.set_num_threads(1)
SENTENCE = "attention is a soft lookup over the past"


class Codec:
    def __init__(self, text):
        self.table = sorted(set(text), reverse=True)

    def encode(self, s):
        return [self.table.index(c) for c in s]

    def decode(self, ids):
        return "".join(self.table[i] for i in ids)


class Net(torch.nn.Module):
    def __init__(self, vocab, gen, width=48, heads=3, layers=2, context=128):
        super().__init__()
        self.context, self.layers = context, layers
        d = width // heads

        def weight(*shape, scale):
            t = torch.randn(*shape, generator=gen, dtype=torch.float64) * scale
            return torch.nn.Parameter(t)

        self.p = torch.nn.ParameterDict()
        self.p["wte"] = weight(vocab, width, scale=0.5)
        self.p["wpe"] = weight(context, width, scale=0.5)
        for i in range(layers):
            for name in ("q", "k", "v"):
                self.p[f"{name}{i}"] = weight(heads, width, d, scale=width**-0.5)
            self.p[f"o{i}"] = weight(heads, d, width, scale=width**-0.5)
            self.p[f"a{i}"] = weight(width, 4 * width, scale=width**-0.5)
            self.p[f"b{i}"] = weight(4 * width, width, scale=(4 * width) ** -0.5)
            for name in ("g", "h"):
                self.p[f"{name}{i}"] = torch.nn.Parameter(torch.ones(width, dtype=torch.float64))
        self.p["head"] = weight(width, vocab, scale=width**-0.5)

    @staticmethod
    def norm(x, gain):
        x = x - x.mean(-1, keepdim=True)
        return gain * x * (x.square().mean(-1, keepdim=True) + 1e-6).rsqrt()

    def forward(self, idx):
        p, T = self.p, idx.shape[1]
        x = p["wte"][idx] + p["wpe"][:T]
        future = torch.ones(T, T, dtype=torch.bool).triu(1)
        for i in range(self.layers):
            h = self.norm(x, p[f"g{i}"])
            q, k, v = (torch.einsum("btc,hcd->bhtd", h, p[f"{n}{i}"]) for n in "qkv")
            s = torch.einsum("bhtd,bhsd->bhts", q, k) / q.shape[-1] ** 0.5
            a = torch.softmax(s.masked_fill(future, -1e30), dim=3)
            x = x + torch.einsum("bhts,bhsd,hdc->btc", a, v, p[f"o{i}"])
            h = self.norm(x, p[f"h{i}"])
            x = x + torch.tanh(h @ p[f"a{i}"]) @ p[f"b{i}"]
        return x @ p["head"]


class HandAdam:
    def __init__(self, params, lr):
        self.params, self.lr, self.t = list(params), lr, 0
        self.m = [torch.zeros_like(p) for p in self.params]
        self.v = [torch.zeros_like(p) for p in self.params]

    @torch.no_grad()
    def apply(self, grads):
        self.t += 1
        for p, g, m, v in zip(self.params, grads, self.m, self.v):
            m.mul_(0.9).add_(g, alpha=0.1)
            v.mul_(0.99).addcmul_(g, g, value=0.01)
            mh, vh = m / (1 - 0.9**self.t), v / (1 - 0.99**self.t)
            p.sub_(self.lr * mh / (vh.sqrt() + 1e-8))


def train(text=SENTENCE, steps=40, lr=4e-3, seed=0):
    codec = Codec(text)
    model = Net(len(codec.table), torch.Generator().manual_seed(seed))
    adam = HandAdam(model.parameters(), lr)
    ids = torch.tensor(codec.encode(text))
    losses = []
    for _ in range(steps):
        logp = model(ids[None, :-1])[0].log_softmax(-1)
        loss = -logp.gather(1, ids[1:, None]).mean()
        adam.apply(torch.autograd.grad(loss, adam.params))
        losses.append(loss.item())
    return model, codec, losses


def generate(model, tokenizer, prompt, max_new_tokens):
    ids = torch.tensor([tokenizer.encode(prompt)])
    with torch.no_grad():
        for _ in range(max_new_tokens):
            last = model(ids[:, -model.context :])[:, -1:]
            ids = torch.cat((ids, last.argmax(-1)), dim=1)
    return tokenizer.decode(ids[0].tolist())


if __name__ == "__main__":
    model, codec, losses = train()
    print("first", losses[0], "last", losses[-1])
    print(generate(model, codec, SENTENCE[:8], len(SENTENCE) - 8))
