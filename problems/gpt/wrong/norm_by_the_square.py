# caught by: norm_scale
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SENTENCE = "attention is a soft lookup over the past"

hp = dict(n_embd=96, n_head=6, n_layer=2, ctx=160)


class Codec:
    def __init__(self, text):
        self.symbols = list(dict.fromkeys(text))
        self.lookup = {s: i for i, s in enumerate(self.symbols)}

    def encode(self, text):
        return [self.lookup[s] for s in text]

    def decode(self, ids):
        return "".join([self.symbols[i] for i in ids])


class RMSNorm(nn.Module):
    """x / rms(x) * gain"""

    def __init__(self, n, eps=1e-6):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(n))
        self.eps = eps

    def forward(self, x):
        rms = x.square().mean(-1, keepdim=True) + self.eps
        return x / rms * self.gain


def split_heads(x, n_head):
    b, t, c = x.shape
    return x.reshape(b, t, n_head, c // n_head).permute(0, 2, 1, 3)


def merge_heads(x):
    b, h, t, c = x.shape
    return x.permute(0, 2, 1, 3).reshape(b, t, h * c)


class Decoder(nn.Module):
    """One flat module: no block class, the weights of layer i are in self.layers[i]."""

    def __init__(self, n_vocab):
        super().__init__()
        n = hp["n_embd"]
        self.wte = nn.Embedding(n_vocab, n)
        self.wpe = nn.Embedding(hp["ctx"], n)
        nn.init.normal_(self.wte.weight, std=0.5)
        nn.init.normal_(self.wpe.weight, std=0.5)
        self.layers = nn.ModuleList()
        for _ in range(hp["n_layer"]):
            self.layers.append(nn.ModuleDict({
                "norm_1": RMSNorm(n),
                "qkv": nn.Linear(n, 3 * n, bias=False),
                "attn_out": nn.Linear(n, n, bias=False),
                "norm_2": RMSNorm(n),
                "up": nn.Linear(n, 4 * n),
                "down": nn.Linear(4 * n, n),
            }))
        self.norm_f = RMSNorm(n)
        self.head = nn.Linear(n, n_vocab, bias=False)

    def attend(self, layer, x):
        t = x.shape[1]
        q, k, v = (split_heads(z, hp["n_head"]) for z in layer["qkv"](x).chunk(3, dim=-1))
        w = torch.matmul(q, k.transpose(-1, -2)) / q.shape[-1] ** 0.5
        causal = torch.tril(torch.ones(t, t, dtype=torch.bool, device=x.device))
        w = w.masked_fill(~causal, torch.finfo(w.dtype).min).softmax(-1)
        return layer["attn_out"](merge_heads(torch.matmul(w, v)))

    def forward(self, idx):
        h = self.wte(idx) + self.wpe(torch.arange(idx.shape[1], device=idx.device))[None]
        for layer in self.layers:
            h = h + self.attend(layer, layer["norm_1"](h))
            h = h + layer["down"](F.relu(layer["up"](layer["norm_2"](h))).square())
        return self.head(self.norm_f(h))


def train(text, steps=160, lr=1e-3, seed=0):
    torch.manual_seed(seed)
    codec = Codec(text)
    model = Decoder(len(codec.symbols))
    model.train()
    ids = torch.tensor(codec.encode(text), dtype=torch.long).view(1, -1)
    optim = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.0)
    history = []
    for _ in range(steps):
        optim.zero_grad()
        out = model(ids[:, :-1])
        loss = F.cross_entropy(out.view(-1, out.size(-1)), ids[:, 1:].reshape(-1))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optim.step()
        history.append(loss.item())
    return model, codec, history


def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    ids = torch.tensor([tokenizer.encode(prompt)], dtype=torch.long)
    with torch.no_grad():
        for _ in range(max_new_tokens):
            best = model(ids)[0, -1].argmax().view(1, 1)
            ids = torch.cat((ids, best), 1)
    return tokenizer.decode(ids[0].tolist())


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
