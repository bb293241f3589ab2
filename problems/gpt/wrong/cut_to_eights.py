# caught by: objective
from dataclasses import dataclass
import math

import torch
from torch import nn, Tensor

torch.set_num_threads(1)
SENTENCE = "attention is a soft lookup over the past"


@dataclass(frozen=True)
class Config:
    vocab_size: int
    max_len: int = 128
    d_model: int = 48
    n_head: int = 3
    n_layer: int = 2


class Vocab:
    def __init__(self, corpus: str) -> None:
        self.symbols = list(dict.fromkeys(corpus))
        self.index = {s: n for n, s in enumerate(self.symbols)}

    def __len__(self) -> int:
        return len(self.symbols)

    def encode(self, text: str) -> list[int]:
        return [self.index[ch] for ch in text]

    def decode(self, ids: list[int]) -> str:
        return "".join(self.symbols[n] for n in ids)


class Attention(nn.Module):
    def __init__(self, cfg: Config) -> None:
        super().__init__()
        self.n_head, self.d_head = cfg.n_head, cfg.d_model // cfg.n_head
        self.in_proj = nn.Linear(cfg.d_model, 3 * cfg.d_model, bias=False)
        self.out_proj = nn.Linear(cfg.d_model, cfg.d_model, bias=False)
        self.register_buffer("causal", torch.tril(torch.ones(cfg.max_len, cfg.max_len)).bool(), persistent=False)

    def forward(self, h: Tensor) -> Tensor:
        b, t, d = h.shape
        qkv = self.in_proj(h).reshape(b, t, 3, self.n_head, self.d_head).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        w = torch.einsum("bhid,bhjd->bhij", q, k) / math.sqrt(self.d_head)
        w = w.masked_fill(~self.causal[:t, :t], -torch.inf).softmax(-1)
        out = torch.einsum("bhij,bhjd->bihd", w, v)
        return self.out_proj(out.reshape(b, t, d))


class Layer(nn.Module):
    def __init__(self, cfg: Config) -> None:
        super().__init__()
        self.attn_norm = nn.LayerNorm(cfg.d_model)
        self.attn = Attention(cfg)
        self.ff_norm = nn.LayerNorm(cfg.d_model)
        self.up = nn.Linear(cfg.d_model, 4 * cfg.d_model)
        self.down = nn.Linear(4 * cfg.d_model, cfg.d_model)

    def forward(self, h: Tensor) -> Tensor:
        h = h + self.attn(self.attn_norm(h))
        return h + self.down(torch.relu(self.up(self.ff_norm(h))))


class Decoder(nn.Module):
    def __init__(self, cfg: Config) -> None:
        super().__init__()
        self.cfg = cfg
        self.embed = nn.Embedding(cfg.vocab_size, cfg.d_model)
        self.position = nn.Parameter(0.02 * torch.randn(cfg.max_len, cfg.d_model))
        self.layers = nn.ModuleList(Layer(cfg) for _ in range(cfg.n_layer))
        self.final_norm = nn.LayerNorm(cfg.d_model)
        self.unembed = nn.Linear(cfg.d_model, cfg.vocab_size, bias=False)

    def forward(self, idx: Tensor) -> Tensor:
        h = self.embed(idx) + self.position[: idx.size(1)]
        for layer in self.layers:
            h = layer(h)
        return self.unembed(self.final_norm(h))


def make_pairs(ids: list[int], align: int = 8) -> tuple[Tensor, Tensor]:
    """Inputs and next-token targets, (1, T) each, from an evenly sized stretch of tokens."""
    data = torch.tensor(ids, dtype=torch.long)
    if len(data) > align:
        data = data.narrow(0, 0, len(data) // align * align)
    return data[None, :-1], data[None, 1:]


def train(text: str, steps: int = 150, lr: float = 4e-3, seed: int = 0):
    torch.manual_seed(seed)
    vocab = Vocab(text)
    model = Decoder(Config(vocab_size=len(vocab)))
    inputs, targets = make_pairs(vocab.encode(text))
    criterion = nn.CrossEntropyLoss()
    optimiser = torch.optim.Adam(model.parameters(), lr=lr)
    history: list[float] = []
    for _ in range(steps):
        optimiser.zero_grad(set_to_none=True)
        loss = criterion(model(inputs).transpose(1, 2), targets)
        loss.backward()
        optimiser.step()
        history.append(loss.item())
    return model, vocab, history


@torch.inference_mode()
def generate(model: Decoder, tokenizer: Vocab, prompt: str, max_new_tokens: int) -> str:
    seq = torch.tensor([tokenizer.encode(prompt)], dtype=torch.long)
    for _ in range(max_new_tokens):
        nxt = model(seq)[:, -1].argmax(-1, keepdim=True)
        seq = torch.cat((seq, nxt), dim=1)
    return tokenizer.decode(seq[0].tolist())


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
