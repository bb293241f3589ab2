"""A small transformer over characters, trained until it can recite one sentence."""

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

    def forward(self, idx, labels=None):
        T = idx.size(1)
        tok = self.wte(idx)  # (B, T, C)
        pos = self.wpe(torch.arange(T))
        x = self.drop(tok + pos)  # (B, T, C)
        for layer in self.layers:
            x = layer(x)
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

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
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

    def forward(self, x):
        B, T, C = x.shape
        q = self.q_proj(x).view(B, T, self.n_head, -1).transpose(1, 2)
        k = self.k_proj(x).view(B, T, self.n_head, -1).transpose(1, 2)
        v = self.v_proj(x).view(B, T, self.n_head, -1).transpose(1, 2)
        scores = q @ k.transpose(-2, -1) * self.scale  # (B, H, T, T)
        scores = scores.masked_fill(~self.visible[:T, :T], float("-inf"))
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
