# category: lbfgs, optimizer-closure, one-layer
"""L-BFGS with a line search: few steps, each of which calls the closure several times."""

import torch
import torch.nn as nn
import torch.nn.functional as F

SENTENCE = "curvature is cheap when the model is small"


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))

    def encode(self, text):
        return [self.chars.index(c) for c in text]

    def decode(self, ids):
        return "".join(self.chars[i] for i in ids)


class GPT(nn.Module):
    def __init__(self, vocab_size, block_size=128, width=48, heads=4):
        super().__init__()
        self.block_size, self.heads = block_size, heads
        self.tokens = nn.Embedding(vocab_size, width)
        self.positions = nn.Embedding(block_size, width)
        self.norm_1, self.norm_2, self.norm_f = (nn.LayerNorm(width) for _ in range(3))
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.head = nn.Linear(width, vocab_size)
        for table in (self.tokens, self.positions):
            nn.init.normal_(table.weight, std=0.2)

    def attention(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        scores = (q @ k.transpose(-2, -1)) * q.size(-1) ** -0.5
        scores = scores.masked_fill(torch.ones(T, T, dtype=torch.bool).triu(1), -torch.inf)
        return self.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(B, T, C))

    def forward(self, idx):
        x = self.tokens(idx) + self.positions(torch.arange(idx.size(1)))
        x = x + self.attention(self.norm_1(x))
        x = x + self.down(F.gelu(self.up(self.norm_2(x))))
        return self.head(self.norm_f(x))


def train(text, steps=12, lr=1.0, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.chars))
    optimizer = torch.optim.LBFGS(model.parameters(), lr=lr, max_iter=6, line_search_fn="strong_wolfe")
    idx = torch.tensor([tokenizer.encode(text)])

    def closure():
        optimizer.zero_grad()
        logits = model(idx)
        loss = F.cross_entropy(logits[:, :-1].reshape(-1, logits.size(-1)), idx[:, 1:].reshape(-1))
        loss.backward()
        return loss

    losses = [optimizer.step(closure).item() for _ in range(steps)]
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    idx = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        best = model(idx[:, -model.block_size :])[:, -1].topk(1).indices
        idx = torch.cat([idx, best], dim=1)
    return tokenizer.decode(idx[0].tolist())


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    print(*(f"{loss:.4f}" for loss in losses))
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
