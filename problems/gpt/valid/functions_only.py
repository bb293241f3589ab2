# category: functional, refactored-into-functions, hf-style-output, type-hints
"""The model is a bag of tensors and a few pure functions; forward returns an object with .logits."""

from __future__ import annotations

from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import nn

WIDTH, HEADS, DEPTH, CONTEXT = 64, 4, 2, 128


class Tokenizer:
    def __init__(self, text: str) -> None:
        self.chars: list[str] = sorted(set(text))

    def encode(self, text: str) -> list[int]:
        return [self.chars.index(c) for c in text]

    def decode(self, ids: list[int]) -> str:
        return "".join(self.chars[i] for i in ids)


def initial_weights(vocab: int) -> dict[str, torch.Tensor]:
    def gauss(*shape: int, std: float = 0.02) -> torch.Tensor:
        return torch.randn(*shape) * std

    weights = {
        "tokens": gauss(vocab, WIDTH),
        "positions": gauss(CONTEXT, WIDTH),
        "norm_gain": torch.ones(WIDTH),
        "norm_bias": torch.zeros(WIDTH),
        "head": gauss(vocab, WIDTH),
    }
    for i in range(DEPTH):
        for part in ("attention", "mlp"):
            weights[f"{part}_gain_{i}"] = torch.ones(WIDTH)
            weights[f"{part}_bias_{i}"] = torch.zeros(WIDTH)
        weights[f"qkv_{i}"] = gauss(3 * WIDTH, WIDTH)
        weights[f"out_{i}"] = gauss(WIDTH, WIDTH)
        weights[f"up_{i}"] = gauss(4 * WIDTH, WIDTH)
        weights[f"down_{i}"] = gauss(WIDTH, 4 * WIDTH)
    return weights


def attend(x: torch.Tensor, qkv: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    B, T, C = x.shape
    q, k, v = F.linear(x, qkv).view(B, T, 3, HEADS, C // HEADS).permute(2, 0, 3, 1, 4)
    scores = q @ k.transpose(-1, -2) / (C // HEADS) ** 0.5
    past = torch.ones(T, T).tril().bool()
    shares = scores.masked_fill(~past, -torch.inf).softmax(-1)
    return F.linear((shares @ v).transpose(1, 2).reshape(B, T, C), out)


def feed_forward(x: torch.Tensor, up: torch.Tensor, down: torch.Tensor) -> torch.Tensor:
    return F.linear(F.gelu(F.linear(x, up)), down)


class GPT(nn.Module):
    def __init__(self, vocab: int) -> None:
        super().__init__()
        self.w = nn.ParameterDict(initial_weights(vocab))

    def normed(self, x: torch.Tensor, name: str, suffix: str = "") -> torch.Tensor:
        return F.layer_norm(x, (WIDTH,), self.w[f"{name}_gain{suffix}"], self.w[f"{name}_bias{suffix}"])

    def forward(self, idx: torch.Tensor) -> SimpleNamespace:
        w = self.w
        x = F.embedding(idx, w["tokens"]) + w["positions"][: idx.shape[1]]
        for i in range(DEPTH):
            x = x + attend(self.normed(x, "attention", f"_{i}"), w[f"qkv_{i}"], w[f"out_{i}"])
            x = x + feed_forward(self.normed(x, "mlp", f"_{i}"), w[f"up_{i}"], w[f"down_{i}"])
        return SimpleNamespace(logits=F.linear(self.normed(x, "norm"), w["head"]))


def loss_of(model: GPT, ids: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(model(ids[None]).logits[0, :-1], ids[1:])


def update(model: GPT, optimizer: torch.optim.Optimizer, ids: torch.Tensor) -> float:
    optimizer.zero_grad()
    loss = loss_of(model, ids)
    loss.backward()
    optimizer.step()
    return loss.item()


def train(text: str, steps: int = 60, lr: float = 3e-3, seed: int = 0) -> tuple[GPT, Tokenizer, list[float]]:
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.chars))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    ids = torch.tensor(tokenizer.encode(text))
    return model, tokenizer, [update(model, optimizer, ids) for _ in range(steps)]


def continuation(model: GPT, ids: list[int]) -> int:
    return int(model(torch.tensor([ids[-CONTEXT:]])).logits[0, -1].argmax())


@torch.no_grad()
def generate(model: GPT, tokenizer: Tokenizer, prompt: str, max_new_tokens: int) -> str:
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        ids = [*ids, continuation(model, ids)]
    return tokenizer.decode(ids)


def main() -> None:
    text = "beat the dumb baseline before the clever one"
    model, tokenizer, losses = train(text)
    print("first", losses[0], "last", losses[-1])
    print(generate(model, tokenizer, text[:8], len(text) - 8))


if __name__ == "__main__":
    main()
