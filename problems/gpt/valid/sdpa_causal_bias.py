# category: sdpa-causal-bias, layer-norm-without-bias
"""The fused attention with torch's own causal bias object, on the plain backend; no biases anywhere."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.attention.bias import causal_lower_right
from torch.nn.functional import gelu, scaled_dot_product_attention


class CharTokenizer:
    """A character a token."""

    def __init__(self, corpus: str) -> None:
        self._symbols: tuple[str, ...] = tuple(sorted(set(corpus)))
        self._ids: dict[str, int] = {symbol: i for i, symbol in enumerate(self._symbols)}

    @property
    def vocab_size(self) -> int:
        return len(self._symbols)

    def encode(self, text: str) -> list[int]:
        return [self._ids[symbol] for symbol in text]

    def decode(self, ids: list[int]) -> str:
        return "".join(self._symbols[i] for i in ids)


class Attention(nn.Module):
    def __init__(self, n_embd: int, n_head: int) -> None:
        super().__init__()
        self.n_head = n_head
        self.query_key_value = nn.Linear(n_embd, 3 * n_embd, bias=False)
        self.dense = nn.Linear(n_embd, n_embd, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        B, T, C = x.shape
        qkv = self.query_key_value(x).view(
            B, T, self.n_head, 3, C // self.n_head
        )  # each head has its own three
        q, k, v = qkv.transpose(1, 2).unbind(dim=3)  # (B, H, T, D) each
        with sdpa_kernel(SDPBackend.MATH):
            y = scaled_dot_product_attention(q, k, v, attn_mask=causal_lower_right(T, T))
        return self.dense(y.transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    def __init__(self, n_embd: int, n_head: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(n_embd, bias=False)
        self.attn = Attention(n_embd, n_head)
        self.ln_2 = nn.LayerNorm(n_embd, bias=False)
        self.fc_in = nn.Linear(n_embd, 4 * n_embd, bias=False)
        self.fc_out = nn.Linear(4 * n_embd, n_embd, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        return x + self.fc_out(gelu(self.fc_in(self.ln_2(x))))


class CausalLM(nn.Module):
    def __init__(
        self, vocab: int, n_embd: int = 64, n_head: int = 4, n_layer: int = 2, block_size: int = 128
    ):
        super().__init__()
        self.block_size = block_size
        self.wte = nn.Embedding(vocab, n_embd)
        self.wpe = nn.Embedding(block_size, n_embd)
        self.blocks = nn.ModuleList(Block(n_embd, n_head) for _ in range(n_layer))
        self.ln_f = nn.LayerNorm(n_embd, bias=False)
        self.lm_head = nn.Linear(n_embd, vocab, bias=False)

    def forward(self, idx: Tensor) -> Tensor:
        x = self.wte(idx) + self.wpe(torch.arange(idx.size(1), device=idx.device))
        for block in self.blocks:
            x = block(x)
        return self.lm_head(self.ln_f(x))


def train(
    text: str, steps: int = 40, lr: float = 3e-3, seed: int = 0
) -> tuple[nn.Module, CharTokenizer, list[float]]:
    torch.manual_seed(seed)
    tokenizer = CharTokenizer(text)
    model = CausalLM(tokenizer.vocab_size)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    criterion = nn.CrossEntropyLoss()
    tokens = torch.tensor(tokenizer.encode(text)).view(1, -1)
    losses: list[float] = []
    for _ in range(steps):
        logits = model(tokens[:, :-1])
        loss = criterion(logits.flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model: nn.Module, tokenizer: CharTokenizer, prompt: str, max_new_tokens: int) -> str:
    """Greedy: the likeliest character, again and again."""
    model.eval()
    ids = torch.tensor(tokenizer.encode(prompt), dtype=torch.long).view(1, -1)
    for _ in range(max_new_tokens):
        window = ids[:, -model.block_size :]
        best = model(window)[:, -1, :].topk(1, dim=-1).indices  # (1, 1)
        ids = torch.hstack((ids, best))
    return tokenizer.decode(ids.squeeze(0).tolist())


if __name__ == "__main__":
    sentence = "the lower right corner is the present"
    model, tokenizer, losses = train(sentence)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, sentence[:8], len(sentence) - 8))
