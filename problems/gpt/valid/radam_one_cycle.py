# category: radam, schedule, loss-in-forward, hf-style-output
"""RAdam under a one-cycle schedule; forward takes labels of its input's length and answers a named tuple."""

from typing import NamedTuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim.lr_scheduler import OneCycleLR


class Output(NamedTuple):
    loss: torch.Tensor | None
    logits: torch.Tensor


class CharTokenizer:
    def __init__(self, text):
        self.vocab = {token: i for i, token in enumerate(sorted(set(text)))}
        self.inverse = {i: token for token, i in self.vocab.items()}

    def __call__(self, text):
        return {"input_ids": torch.tensor([self.encode(text)])}

    def encode(self, text):
        return [self.vocab[token] for token in text]

    def decode(self, ids):
        return "".join(self.inverse[int(i)] for i in ids)


class DecoderLayer(nn.Module):
    def __init__(self, hidden_size, num_heads):
        super().__init__()
        self.num_heads, self.head_dim = num_heads, hidden_size // num_heads
        self.q_proj = nn.Linear(hidden_size, hidden_size)
        self.k_proj = nn.Linear(hidden_size, hidden_size)
        self.v_proj = nn.Linear(hidden_size, hidden_size)
        self.o_proj = nn.Linear(hidden_size, hidden_size)
        self.input_layernorm = nn.LayerNorm(hidden_size)
        self.post_attention_layernorm = nn.LayerNorm(hidden_size)
        self.fc1 = nn.Linear(hidden_size, 4 * hidden_size)
        self.fc2 = nn.Linear(4 * hidden_size, hidden_size)

    def self_attn(self, hidden):
        shape = (*hidden.shape[:2], self.num_heads, self.head_dim)
        query = self.q_proj(hidden).view(shape).transpose(1, 2)
        key = self.k_proj(hidden).view(shape).transpose(1, 2)
        value = self.v_proj(hidden).view(shape).transpose(1, 2)
        weights = query @ key.transpose(2, 3) * self.head_dim**-0.5
        length = hidden.shape[1]
        causal = torch.triu(torch.full((length, length), torch.finfo(weights.dtype).min, dtype=weights.dtype), 1)
        weights = F.softmax(weights + causal, dim=-1)
        return self.o_proj((weights @ value).transpose(1, 2).reshape(hidden.shape))

    def forward(self, hidden):
        hidden = hidden + self.self_attn(self.input_layernorm(hidden))
        return hidden + self.fc2(F.gelu(self.fc1(self.post_attention_layernorm(hidden))))


class GPTForCausalLM(nn.Module):
    max_positions = 128

    def __init__(self, vocab_size, hidden_size=64, num_layers=2, num_heads=4):
        super().__init__()
        self.embed_tokens = nn.Embedding(vocab_size, hidden_size)
        self.embed_positions = nn.Embedding(self.max_positions, hidden_size)
        self.layers = nn.ModuleList(DecoderLayer(hidden_size, num_heads) for _ in range(num_layers))
        self.norm = nn.LayerNorm(hidden_size)
        self.lm_head = nn.Linear(hidden_size, vocab_size, bias=False)

    def forward(self, input_ids, labels=None):
        positions = torch.arange(input_ids.shape[1]).unsqueeze(0)
        hidden = self.embed_tokens(input_ids) + self.embed_positions(positions)
        for layer in self.layers:
            hidden = layer(hidden)
        logits = self.lm_head(self.norm(hidden))
        loss = None
        if labels is not None:
            labels = F.pad(labels, (0, 1), value=-100)[:, 1:]  # the last one has no next
            loss = F.cross_entropy(logits.reshape(-1, logits.size(-1)), labels.reshape(-1), ignore_index=-100)
        return Output(loss, logits)

    @torch.no_grad()
    def generate(self, input_ids, max_new_tokens):
        for _ in range(max_new_tokens):
            logits = self(input_ids[:, -self.max_positions :]).logits
            input_ids = torch.cat([input_ids, logits[:, -1:].argmax(-1)], dim=-1)
        return input_ids


def train(text, steps=80, lr=1.5e-2, seed=0):
    torch.manual_seed(seed)
    tokenizer = CharTokenizer(text)
    model = GPTForCausalLM(len(tokenizer.vocab))
    optimizer = torch.optim.RAdam(model.parameters(), lr=lr)
    scheduler = OneCycleLR(optimizer, max_lr=lr, total_steps=steps + 1, pct_start=0.3)
    input_ids = tokenizer(text)["input_ids"]
    losses = []
    for _ in range(steps):
        output = model(input_ids=input_ids, labels=input_ids)
        output.loss.backward()
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        losses.append(output.loss.item())
    return model, tokenizer, losses


def generate(model, tokenizer, prompt, max_new_tokens):
    return tokenizer.decode(model.generate(tokenizer(prompt)["input_ids"], max_new_tokens)[0])


if __name__ == "__main__":
    text = "one cycle up, one cycle down, and done"
    model, tokenizer, losses = train(text)
    print(f"loss went from {losses[0]:.3f} to {losses[-1]:.3f}")
    print(generate(model, tokenizer, text[:8], len(text) - 8))
