# category: soft-capped-scores, sandwich-norm, rms-norm, geglu
"""The manner of Gemma 2: scores bend before they grow large, gains are one plus what is learned, norms stand on both sides."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass(frozen=True)
class Letters:
    letters: str

    @classmethod
    def of(cls, text):
        return cls("".join(sorted(set(text))))

    def encode(self, s):
        return list(map(self.letters.index, s))

    def decode(self, ids):
        return "".join(map(self.letters.__getitem__, ids))


@dataclass
class GemmaConfig:
    vocab_size: int
    hidden_size: int = 64
    num_heads: int = 4
    num_kv_heads: int = 2
    num_layers: int = 2
    context: int = 128
    score_cap: float = 50.0


class GemmaNorm(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(size))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * (1 + self.weight)


class GemmaAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config, self.head_dim = config, config.hidden_size // config.num_heads
        kv = config.num_kv_heads * self.head_dim
        self.q_proj = nn.Linear(config.hidden_size, config.hidden_size, bias=False)
        self.k_proj = nn.Linear(config.hidden_size, kv, bias=False)
        self.v_proj = nn.Linear(config.hidden_size, kv, bias=False)
        self.o_proj = nn.Linear(config.hidden_size, config.hidden_size, bias=False)

    def forward(self, x):
        B, T, _ = x.shape
        q, k, v = (
            p(x).view(B, T, -1, self.head_dim).transpose(1, 2)
            for p in (self.q_proj, self.k_proj, self.v_proj)
        )
        groups = self.config.num_heads // self.config.num_kv_heads
        k, v = k.repeat_interleave(groups, dim=1), v.repeat_interleave(groups, dim=1)
        scores = q @ k.mT * self.head_dim**-0.5
        scores = self.config.score_cap * torch.tanh(scores / self.config.score_cap)
        scores = scores + torch.full_like(scores, float("-inf")).triu(1)
        return self.o_proj((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))


class GemmaLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        size = config.hidden_size
        self.self_attn = GemmaAttention(config)
        self.gate_proj, self.up_proj = (
            nn.Linear(size, 3 * size, bias=False),
            nn.Linear(size, 3 * size, bias=False),
        )
        self.down_proj = nn.Linear(3 * size, size, bias=False)
        self.input_norm, self.post_attention_norm = GemmaNorm(size), GemmaNorm(size)
        self.pre_mlp_norm, self.post_mlp_norm = GemmaNorm(size), GemmaNorm(size)

    def mlp(self, x):
        return self.down_proj(F.gelu(self.gate_proj(x), approximate="tanh") * self.up_proj(x))

    def forward(self, x):
        x = x + self.post_attention_norm(self.self_attn(self.input_norm(x)))
        return x + self.post_mlp_norm(self.mlp(self.pre_mlp_norm(x)))


class Gemma(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.embed_positions = nn.Embedding(config.context, config.hidden_size)
        self.layers = nn.ModuleList(GemmaLayer(config) for _ in range(config.num_layers))
        self.norm = GemmaNorm(config.hidden_size)
        for table in (self.embed_tokens, self.embed_positions):
            nn.init.normal_(table.weight, std=0.05)

    def forward(self, input_ids):
        x = self.embed_tokens(input_ids) + self.embed_positions.weight[: input_ids.shape[1]]
        for layer in self.layers:
            x = layer(x)
        return self.norm(x) @ self.embed_tokens.weight.T


def train(text, steps=50, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    letters = Letters.of(text)
    model = Gemma(GemmaConfig(len(letters.letters)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    data = torch.tensor(letters.encode(text))
    x, y = data[:-1].unsqueeze(0), data[1:].unsqueeze(0)
    losses = []
    for _ in range(steps):
        logits = model(x)
        loss = F.cross_entropy(logits.view(-1, logits.size(-1)), y.view(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, letters, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    idx = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        logits = model(idx[:, -model.config.context :])
        idx = torch.cat([idx, logits[:, -1].argmax(-1, keepdim=True)], dim=1)
    return tokenizer.decode(idx[0].tolist())


if __name__ == "__main__":
    sentence = "bend before you break"
    model, letters, losses = train(sentence)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, letters, sentence[:8], len(sentence) - 8))
