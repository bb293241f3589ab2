# caught by: objective
"""One-layer-deep thinking: a decoder with ALiBi instead of position embeddings."""
import torch
from torch import nn, Tensor
from torch.nn import functional as F

SENTENCE = "attention is a soft lookup over the past"
IGNORE = -100
CONTEXT = 160


class CharCodec:
    def __init__(self, chars: str):
        self.chars = chars
        self._lookup = {c: i for i, c in enumerate(chars)}

    @classmethod
    def fit(cls, text: str) -> "CharCodec":
        return cls("".join(sorted(set(text))))

    def encode(self, s: str) -> list[int]:
        return [self._lookup[c] for c in s]

    def decode(self, ids: list[int]) -> str:
        return "".join(self.chars[i] for i in ids)


def alibi(heads: int, n: int) -> Tensor:
    """(heads, n, n): minus slope times distance for the past, minus infinity for the future."""
    slopes = 2.0 ** (-8.0 * torch.arange(1, heads + 1) / heads)
    i = torch.arange(n)
    distance = (i[:, None] - i[None, :]).float()
    bias = -slopes[:, None, None] * distance
    return bias.masked_fill(distance < 0, float("-inf"))


class AlibiAttention(nn.Module):
    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.heads = heads
        self.inp = nn.Linear(dim, dim * 3, bias=False)
        self.outp = nn.Linear(dim, dim, bias=False)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        b, n, d = x.shape
        q, k, v = self.inp(x).view(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        att = q @ k.transpose(-1, -2) / (d // self.heads) ** 0.5 + bias
        y = att.softmax(dim=-1) @ v
        return self.outp(y.transpose(1, 2).reshape(b, n, d))


class Layer(nn.Module):
    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.ln_att = nn.LayerNorm(dim)
        self.att = AlibiAttention(dim, heads)
        self.ln_ff = nn.LayerNorm(dim)
        self.ff = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        x = x + self.att(self.ln_att(x), bias)
        return x + self.ff(self.ln_ff(x))


class AlibiLM(nn.Module):
    def __init__(self, vocab: int, dim: int = 64, heads: int = 8, depth: int = 2):
        super().__init__()
        self.emb = nn.Embedding(vocab, dim)
        self.layers = nn.ModuleList([Layer(dim, heads) for _ in range(depth)])
        self.ln = nn.LayerNorm(dim)
        self.unemb = nn.Linear(dim, vocab, bias=False)
        self.register_buffer("bias", alibi(heads, CONTEXT), persistent=False)

    def forward(self, idx: Tensor) -> Tensor:
        n = idx.shape[1]
        bias = self.bias[:, :n, :n]
        x = self.emb(idx)
        for layer in self.layers:
            x = layer(x, bias)
        return self.unemb(self.ln(x))


def make_example(ids: list[int]) -> tuple[Tensor, Tensor]:
    sequence = torch.tensor(ids).unsqueeze(0)
    inputs = sequence[:, :-1]
    targets = sequence[:, 1:].clone()
    targets[:, 0] = IGNORE  # nothing precedes the first character, so it cannot be predicted
    return inputs, targets


def train(text, steps=150, lr=2e-3, seed=0):
    torch.manual_seed(seed)
    codec = CharCodec.fit(text)
    model = AlibiLM(len(codec.chars))
    inputs, targets = make_example(codec.encode(text))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, betas=(0.9, 0.95))
    losses = []
    model.train()
    for _ in range(steps):
        logits = model(inputs)
        loss = F.cross_entropy(logits.permute(0, 2, 1), targets, ignore_index=IGNORE)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    return model, codec, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        logits = model(torch.tensor(ids[-CONTEXT:]).unsqueeze(0))
        ids.append(logits[0, -1].argmax().item())
    return tokenizer.decode(ids)


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
