# category: sgd, zero-grad-first
"""Plain stochastic gradient descent, and the patience that it needs."""

import torch
import torch.nn as nn
import torch.nn.functional as F

block_size, n_embd, n_head, n_layer = 128, 64, 4, 2


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.index = {c: i for i, c in enumerate(self.chars)}

    def encode(self, s):
        return [self.index[c] for c in s]

    def decode(self, ids):
        return "".join(self.chars[i] for i in ids)


def causal_attention(q, k, v):
    """q, k, v: (B, H, T, D)."""
    T = q.size(-2)
    scores = q @ k.transpose(-2, -1) / q.size(-1) ** 0.5
    mask = torch.tril(torch.ones(T, T, dtype=torch.bool, device=q.device))
    return F.softmax(scores.masked_fill(~mask, float("-inf")), dim=-1) @ v


class Block(nn.Module):
    """Attention and MLP live in the block itself."""

    def __init__(self):
        super().__init__()
        self.ln_1 = nn.LayerNorm(n_embd)
        self.qkv = nn.Linear(n_embd, 3 * n_embd)
        self.proj = nn.Linear(n_embd, n_embd)
        self.ln_2 = nn.LayerNorm(n_embd)
        self.fc = nn.Linear(n_embd, 4 * n_embd)
        self.fc_proj = nn.Linear(4 * n_embd, n_embd)

    def forward(self, x):
        B, T, C = x.shape
        h = self.ln_1(x)
        q, k, v = (t.view(B, T, n_head, C // n_head).transpose(1, 2) for t in self.qkv(h).split(C, 2))
        x = x + self.proj(causal_attention(q, k, v).transpose(1, 2).reshape(B, T, C))
        h = self.ln_2(x)
        x = x + self.fc_proj(torch.tanh(self.fc(h)))
        return x


class GPT(nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.token_embedding = nn.Embedding(vocab_size, n_embd)
        self.position_embedding = nn.Parameter(torch.empty(block_size, n_embd))
        nn.init.kaiming_uniform_(self.position_embedding)
        self.blocks = nn.ModuleList([Block() for _ in range(n_layer)])
        self.ln_f = nn.LayerNorm(n_embd)
        self.head = nn.Linear(n_embd, vocab_size)

    def forward(self, idx):
        x = self.token_embedding(idx) + self.position_embedding[: idx.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.head(self.ln_f(x))


def train(text, steps=100, lr=0.2, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.chars))
    sgd = torch.optim.SGD(model.parameters(), lr=lr)
    ids = torch.tensor([tokenizer.encode(text)])
    x, y = ids[:, :-1], ids[:, 1:]
    losses = []
    for _ in range(steps):
        sgd.zero_grad()
        loss = F.cross_entropy(model(x).view(-1, len(tokenizer.chars)), y.reshape(-1))
        loss.backward()
        sgd.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    ids = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        logits = model(ids[:, -block_size:])[:, -1, :]
        ids = torch.cat([ids, logits.argmax(dim=-1, keepdim=True)], dim=1)
    return tokenizer.decode(ids[0].tolist())


if __name__ == "__main__":
    text = "the residual stream carries everything along"
    model, tokenizer, losses = train(text)
    print("\n".join(f"step {i:3d}: {losses[i]:.3f}" for i in range(0, len(losses), 30)))
    print(generate(model, tokenizer, text[:8], len(text) - 8))
