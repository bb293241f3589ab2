# category: optimizer-in-backward, zero-grad-by-hand
"""Each parameter is updated as soon as its gradient is complete, inside the backward pass."""

import torch
import torch.nn as nn
import torch.nn.functional as F

SENTENCE = "memory is what you free before you need it"


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.lookup = dict(zip(self.chars, range(len(self.chars))))

    def encode(self, text):
        return list(map(self.lookup.__getitem__, text))

    def decode(self, ids):
        return "".join(map(self.chars.__getitem__, ids))


class CausalAttention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (t.unflatten(2, (self.heads, -1)).transpose(1, 2) for t in self.qkv(x).chunk(3, -1))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.proj(y.transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.ln_1 = nn.LayerNorm(dim)
        self.attn = CausalAttention(dim, heads)
        self.ln_2 = nn.LayerNorm(dim)
        self.up, self.down = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.down(F.gelu(self.up(self.ln_2(x))))


class GPT(nn.Module):
    def __init__(self, vocab_size, block_size=128, dim=64, heads=4, layers=2):
        super().__init__()
        self.block_size = block_size
        self.tok = nn.Embedding(vocab_size, dim)
        self.pos = nn.Parameter(torch.empty(block_size, dim))
        nn.init.normal_(self.pos, std=0.02)
        self.blocks = nn.ModuleList(Block(dim, heads) for _ in range(layers))
        self.ln_f = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, vocab_size)

    def forward(self, idx):
        x = self.tok(idx) + self.pos[: idx.size(1)]
        for block in self.blocks:
            x = block(x)
        return self.head(self.ln_f(x))


def step_in_backward(model, lr):
    optimizers = {p: torch.optim.AdamW([p], lr=lr, foreach=False) for p in model.parameters()}

    def hook(parameter):
        optimizers[parameter].step()
        optimizers[parameter].zero_grad()

    return [p.register_post_accumulate_grad_hook(hook) for p in model.parameters()]


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.chars))
    hooks = step_in_backward(model, lr)
    idx = torch.tensor([tokenizer.encode(text)])
    losses = []
    for _ in range(steps):
        loss = F.cross_entropy(model(idx)[:, :-1].flatten(0, 1), idx[:, 1:].flatten())
        loss.backward()  # and there is nothing else to do
        losses.append(loss.item())
    for hook in hooks:
        hook.remove()
    return model, tokenizer, losses


@torch.inference_mode()
def generate(model, tokenizer, prompt, max_new_tokens):
    idx = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        probabilities = model(idx[:, -model.block_size :])[:, -1].softmax(-1)
        idx = torch.cat([idx, probabilities.max(-1, keepdim=True).indices], dim=1)
    return tokenizer.decode(idx[0].tolist())


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    print(losses[0], "...", losses[-1])
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
