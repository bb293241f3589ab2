# category: rope, partial-rotary, parallel-branches
"""The layout of NeoX: a quarter of each head's features turn, halves against halves; the branches are parallel."""

from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import nn

SMALL = {
    "hidden_size": 64,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "rotary_pct": 0.25,
    "max_position_embeddings": 256,
}


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.stoi = {ch: i for i, ch in enumerate(self.chars)}
        self.itos = dict(enumerate(self.chars))

    def encode(self, text):
        return [self.stoi[ch] for ch in text]

    def decode(self, ids):
        return "".join(self.itos[i] for i in ids)


def rotate_half(x):
    a, b = x.chunk(2, dim=-1)
    return torch.cat((-b, a), dim=-1)


class NeoXAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.num_heads = config.num_attention_heads
        self.head_size = config.hidden_size // self.num_heads
        self.rotary = int(self.head_size * config.rotary_pct)
        self.query_key_value = nn.Linear(config.hidden_size, 3 * config.hidden_size)
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        frequency = 1.0 / 10000 ** (torch.arange(0, self.rotary, 2) / self.rotary)
        angles = torch.arange(config.max_position_embeddings)[:, None] * frequency  # (T, rotary / 2)
        self.register_buffer("cos", torch.cat([angles, angles], -1).cos(), persistent=False)
        self.register_buffer("sin", torch.cat([angles, angles], -1).sin(), persistent=False)

    def turn(self, x, length):
        moving, resting = x[..., : self.rotary], x[..., self.rotary :]
        moving = moving * self.cos[:length] + rotate_half(moving) * self.sin[:length]
        return torch.cat([moving, resting], dim=-1)

    def forward(self, x):
        B, T, C = x.shape
        qkv = self.query_key_value(x).view(B, T, self.num_heads, 3 * self.head_size).transpose(1, 2)
        q, k, v = qkv.chunk(3, dim=-1)  # (B, H, T, D) each
        q, k = self.turn(q, T), self.turn(k, T)
        att = torch.einsum("bhid,bhjd->bhij", q, k) * self.head_size**-0.5
        i, j = torch.meshgrid(torch.arange(T), torch.arange(T), indexing="ij")
        att = att.masked_fill(j > i, torch.finfo(att.dtype).min).softmax(dim=-1)
        return self.dense(torch.einsum("bhij,bhjd->bihd", att, v).reshape(B, T, C))


class NeoXLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        width = config.hidden_size
        self.input_layernorm = nn.LayerNorm(width)
        self.post_attention_layernorm = nn.LayerNorm(width)
        self.attention = NeoXAttention(config)
        self.dense_h_to_4h = nn.Linear(width, 4 * width)
        self.dense_4h_to_h = nn.Linear(4 * width, width)

    def forward(self, x):
        mlp = self.dense_4h_to_h(F.gelu(self.dense_h_to_4h(self.post_attention_layernorm(x))))
        return x + self.attention(self.input_layernorm(x)) + mlp


class NeoX(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embed_in = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList([NeoXLayer(config) for _ in range(config.num_hidden_layers)])
        self.final_layer_norm = nn.LayerNorm(config.hidden_size)
        self.embed_out = nn.Linear(config.hidden_size, config.vocab_size, bias=False)

    def forward(self, input_ids):
        hidden = self.embed_in(input_ids)
        for layer in self.layers:
            hidden = layer(hidden)
        return self.embed_out(self.final_layer_norm(hidden))


def train(text, steps=50, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = NeoX(SimpleNamespace(vocab_size=len(tokenizer.chars), **SMALL))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    data = torch.tensor(tokenizer.encode(text))
    x, y = data[:-1].unsqueeze(0), data[1:].unsqueeze(0)
    losses = []
    for _ in range(steps):
        logits = model(x)
        loss = F.cross_entropy(logits.view(-1, logits.size(-1)), y.view(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    idx = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        logits = model(idx[:, -model.config.max_position_embeddings :])
        idx = torch.cat([idx, logits[:, -1].argmax(-1, keepdim=True)], dim=1)
    return tokenizer.decode(idx[0].tolist())


def main():
    text = "only a quarter of a head turns round"
    model, tokenizer, losses = train(text)
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.4f} in {len(losses)} steps")
    print(generate(model, tokenizer, text[:8], len(text) - 8))


if __name__ == "__main__":
    main()
