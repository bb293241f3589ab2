# category: learned-residual-weights, squared-relu, zero-init-projections
"""A speed runner's model: each block mixes the stream with the embeddings by two learned weights; projections start at zero."""

import torch
import torch.nn.functional as F
from torch import nn


class Alphabet:
    """Numbers characters in the order in which they are first seen."""

    def __init__(self, text):
        self.alphabet = "".join(dict.fromkeys(text))

    def encode(self, string):
        return [self.alphabet.index(c) for c in string]

    def decode(self, numbers):
        return "".join(self.alphabet[n] for n in numbers)

    def __len__(self):
        return len(self.alphabet)


def norm(x):
    return F.rms_norm(x, (x.size(-1),))  # no gain to learn


class CausalSelfAttention(nn.Module):
    def __init__(self, dim, n_head):
        super().__init__()
        self.n_head = n_head
        self.c_q = nn.Linear(dim, dim, bias=False)
        self.c_k = nn.Linear(dim, dim, bias=False)
        self.c_v = nn.Linear(dim, dim, bias=False)
        self.c_proj = nn.Linear(dim, dim, bias=False)
        self.c_proj.weight.data.zero_()

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (w(x).view(B, T, self.n_head, -1) for w in (self.c_q, self.c_k, self.c_v))
        y = F.scaled_dot_product_attention(
            *(t.transpose(1, 2) for t in (norm(q), norm(k), v)), is_causal=True
        )
        return self.c_proj(y.transpose(1, 2).reshape(B, T, C))


class MLP(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.c_fc = nn.Linear(dim, 4 * dim, bias=False)
        self.c_proj = nn.Linear(4 * dim, dim, bias=False)
        self.c_proj.weight.data.zero_()

    def forward(self, x):
        return self.c_proj(F.relu(self.c_fc(x)).square())


class Block(nn.Module):
    def __init__(self, dim, n_head):
        super().__init__()
        self.attn, self.mlp = CausalSelfAttention(dim, n_head), MLP(dim)
        self.lambdas = nn.Parameter(torch.tensor([1.0, 0.0]))

    def forward(self, x, x0):
        x = self.lambdas[0] * x + self.lambdas[1] * x0
        x = x + self.attn(norm(x))
        return x + self.mlp(norm(x))


class SpeedrunGPT(nn.Module):
    def __init__(self, vocab, dim=64, n_head=4, n_layer=2, block_size=128):
        super().__init__()
        self.block_size = block_size
        self.wte = nn.Embedding(vocab, dim)
        self.wpe = nn.Embedding(block_size, dim)
        self.h = nn.ModuleList([Block(dim, n_head) for _ in range(n_layer)])
        self.lm_head = nn.Linear(dim, vocab, bias=False)

    def forward(self, idx):
        x = x0 = norm(self.wte(idx) + self.wpe.weight[: idx.size(1)])
        for block in self.h:
            x = block(x, x0)
        return self.lm_head(norm(x))


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Alphabet(text)
    model = SpeedrunGPT(len(tokenizer))
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


def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        with torch.no_grad():
            logits = model(torch.tensor([ids[-model.block_size :]]))
        ids.append(int(logits[0, -1].argmax()))
    return tokenizer.decode(ids)


def main():
    text = "mix the stream with where it began"
    model, tokenizer, losses = train(text)
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.4f} in {len(losses)} steps")
    print(generate(model, tokenizer, text[:8], len(text) - 8))


if __name__ == "__main__":
    main()
