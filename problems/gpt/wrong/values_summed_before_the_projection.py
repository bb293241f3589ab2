# caught by: gradients_reach
"""GPT from scratch with plain parameters and einsum; it learns one sentence by heart."""

import torch
import torch.nn.functional as F
from torch import einsum, nn

SENTENCE = "attention is a soft lookup over the past"


class CharTokenizer:
    def __init__(self, text):
        chars = sorted(set(text))
        self.to_id = {c: i for i, c in enumerate(chars)}
        self.to_char = {i: c for c, i in self.to_id.items()}

    @property
    def n(self):
        return len(self.to_id)

    def encode(self, s):
        return [self.to_id[c] for c in s]

    def decode(self, ids):
        return "".join(map(self.to_char.__getitem__, ids))


def weight(*shape, fan_in):
    return nn.Parameter(torch.randn(*shape) * fan_in**-0.5)


class Attention(nn.Module):
    """Every weight keeps its head axis: h heads, each d wide, on a stream that is c wide."""

    def __init__(self, c, h):
        super().__init__()
        d = c // h
        self.scale = d**-0.5
        self.w_q = weight(c, h, d, fan_in=c)
        self.w_k = weight(c, h, d, fan_in=c)
        self.w_v = weight(c, h, d, fan_in=c)
        self.w_o = weight(h, d, c, fan_in=c)

    def forward(self, x, mask):
        q = einsum("btc,chd->bthd", x, self.w_q) * self.scale
        k = einsum("btc,chd->bthd", x, self.w_k)
        v = einsum("btc,chv->bthv", x, self.w_v)
        s = einsum("bqhd,bkhd->bhqk", q, k)
        a = s.masked_fill(mask, float("-inf")).softmax(dim=-1)
        y = einsum("bhqk,bkhv->bqhv", a, v)
        return einsum("bqhv,hdc->bqc", y, self.w_o)


class MLP(nn.Module):
    def __init__(self, c, m):
        super().__init__()
        self.w_in, self.b_in = weight(c, m, fan_in=c), nn.Parameter(torch.zeros(m))
        self.w_out, self.b_out = weight(m, c, fan_in=m), nn.Parameter(torch.zeros(c))

    def forward(self, x):
        return F.gelu(x @ self.w_in + self.b_in) @ self.w_out + self.b_out


class Block(nn.Module):
    def __init__(self, c, h):
        super().__init__()
        self.ln_attn, self.attn = nn.LayerNorm(c), Attention(c, h)
        self.ln_mlp, self.mlp = nn.LayerNorm(c), MLP(c, 4 * c)

    def forward(self, x, mask):
        x = x + self.attn(self.ln_attn(x), mask)
        x = x + self.mlp(self.ln_mlp(x))
        return x


class GPT(nn.Module):
    def __init__(self, vocab, context=128, c=64, h=4, layers=2):
        super().__init__()
        self.context = context
        self.tok = nn.Parameter(torch.randn(vocab, c) * 0.1)
        self.pos = nn.Parameter(torch.randn(context, c) * 0.1)
        self.blocks = nn.ModuleList([Block(c, h) for _ in range(layers)])
        self.ln_out = nn.LayerNorm(c)
        self.w_vocab = weight(c, vocab, fan_in=c)

    def forward(self, idx):
        t = idx.shape[1]
        i = torch.arange(t, device=idx.device)
        mask = i[None, :] > i[:, None]          # [query, key]: True where the key lies ahead
        x = self.tok[idx] + self.pos[:t]
        for block in self.blocks:
            x = block(x, mask)
        return self.ln_out(x) @ self.w_vocab


def train(text, steps=100, lr=2e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = CharTokenizer(text)
    model = GPT(tokenizer.n)
    ids = torch.tensor([tokenizer.encode(text)])
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.inference_mode()
def generate(model, tokenizer, prompt, max_new_tokens):
    ids = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        next_id = model(ids[:, -model.context:])[:, -1].argmax(-1)
        ids = torch.cat([ids, next_id[:, None]], 1)
    return tokenizer.decode(ids[0].tolist())


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
