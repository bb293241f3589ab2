# category: grouped-query, parallel-branches, dict-configuration
"""Four query heads share two key and value heads; attention and MLP read the same normed input."""

import torch
import torch.nn as nn
import torch.nn.functional as F

CFG = {"n_embd": 64, "n_head": 4, "n_kv": 2, "n_layer": 2, "block_size": 128}


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.to_id = {c: i for i, c in enumerate(self.chars)}

    def encode(self, text):
        return [self.to_id[c] for c in text]

    def decode(self, ids):
        return "".join(self.chars[i] for i in ids)


class GroupedQueryAttention(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.n_head, self.n_kv = cfg["n_head"], cfg["n_kv"]
        self.head_dim = cfg["n_embd"] // cfg["n_head"]
        self.q = nn.Linear(cfg["n_embd"], self.n_head * self.head_dim, bias=False)
        self.k = nn.Linear(cfg["n_embd"], self.n_kv * self.head_dim, bias=False)
        self.v = nn.Linear(cfg["n_embd"], self.n_kv * self.head_dim, bias=False)
        self.o = nn.Linear(self.n_head * self.head_dim, cfg["n_embd"], bias=False)

    def forward(self, x):
        B, T, _ = x.shape
        group = self.n_head // self.n_kv
        q = self.q(x).view(B, T, self.n_head, self.head_dim).transpose(1, 2)
        k = self.k(x).view(B, T, self.n_kv, self.head_dim).transpose(1, 2).repeat_interleave(group, dim=1)
        v = self.v(x).view(B, T, self.n_kv, self.head_dim).transpose(1, 2).repeat_interleave(group, dim=1)
        scores = (q @ k.transpose(2, 3)) / self.head_dim**0.5
        scores = scores.masked_fill(torch.ones(T, T).tril() == 0, float("-inf"))
        return self.o((scores.softmax(-1) @ v).transpose(1, 2).reshape(B, T, -1))


class ParallelBlock(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.norm = nn.LayerNorm(cfg["n_embd"])
        self.attn = GroupedQueryAttention(cfg)
        self.up = nn.Linear(cfg["n_embd"], 4 * cfg["n_embd"])
        self.down = nn.Linear(4 * cfg["n_embd"], cfg["n_embd"])

    def forward(self, x):
        h = self.norm(x)
        return x + self.attn(h) + self.down(F.gelu(self.up(h)))


class GPT(nn.Module):
    def __init__(self, vocab_size, cfg):
        super().__init__()
        self.cfg = cfg
        self.wte = nn.Embedding(vocab_size, cfg["n_embd"])
        self.wpe = nn.Embedding(cfg["block_size"], cfg["n_embd"])
        self.h = nn.ModuleList([ParallelBlock(cfg) for _ in range(cfg["n_layer"])])
        self.ln_f = nn.LayerNorm(cfg["n_embd"])
        self.lm_head = nn.Linear(cfg["n_embd"], vocab_size, bias=False)
        for table in (self.wte, self.wpe):
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, idx):
        x = self.wte(idx) + self.wpe(torch.arange(idx.size(1)))
        for block in self.h:
            x = block(x)
        return {"logits": self.lm_head(self.ln_f(x))}


def train(text, steps=40, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.chars), dict(CFG))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    ids = torch.tensor([tokenizer.encode(text)])
    losses = []
    for _ in range(steps):
        logits = model(ids)["logits"]
        loss = F.cross_entropy(logits[0, :-1], ids[0, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    ids = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        logits = model(ids[:, -model.cfg["block_size"] :])["logits"]
        ids = torch.cat((ids, logits[:, -1].argmax(-1, keepdim=True)), dim=1)
    return tokenizer.decode(ids[0].tolist())


if __name__ == "__main__":
    text = "softmax turns scores into shares of one"
    model, tokenizer, losses = train(text)
    print(f"{losses[0]:.3f} -> {losses[-1]:.3f}")
    print(generate(model, tokenizer, text[:8], len(text) - 8))
