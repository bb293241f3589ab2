# category: mask-cumsum, positions-embedding, default-initialisation
"""The layout of OPT: positions are counted by a running sum and start at row 2; so is the mask."""

import torch
import torch.nn.functional as F
from torch import nn


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.stoi = {ch: i for i, ch in enumerate(self.chars)}
        self.itos = dict(enumerate(self.chars))

    def encode(self, text):
        return [self.stoi[ch] for ch in text]

    def decode(self, ids):
        return "".join(self.itos[i] for i in ids)


class PastAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.num_heads, self.head_size = heads, width // heads
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def heads_of(self, x):
        return x.view(*x.shape[:2], self.num_heads, self.head_size).transpose(1, 2)

    def forward(self, x):
        length = x.shape[1]
        q, k, v = self.heads_of(self.q_proj(x)), self.heads_of(self.k_proj(x)), self.heads_of(self.v_proj(x))
        # a one travels down its column from the diagonal on: row i has seen the ones of 0 ... i
        seen = torch.eye(length, device=x.device).cumsum(dim=0).bool()  # (T, T)
        scores = torch.matmul(q, k.transpose(2, 3)) / self.head_size**0.5
        scores = scores.masked_fill(seen.logical_not(), torch.finfo(scores.dtype).min)
        mixed = torch.matmul(scores.softmax(dim=-1), v)  # (B, H, T, D)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))


class Layer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.self_attn_layer_norm = nn.LayerNorm(width)
        self.self_attn = PastAttention(width, heads)
        self.final_layer_norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x):
        x = x + self.self_attn(self.self_attn_layer_norm(x))
        return x + self.fc2(self.fc1(self.final_layer_norm(x)).relu())


class OPT(nn.Module):
    offset = 2  # the first rows of the table are kept for padding

    def __init__(self, vocab_size, width=64, heads=4, depth=2, max_positions=128):
        super().__init__()
        self.max_positions = max_positions
        self.embed_tokens = nn.Embedding(vocab_size, width)
        self.embed_positions = nn.Embedding(max_positions + self.offset, width)
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(depth))
        self.final_layer_norm = nn.LayerNorm(width)
        self.lm_head = nn.Linear(width, vocab_size, bias=False)

    def forward(self, input_ids):
        places = torch.ones_like(input_ids).cumsum(dim=1) - 1  # (B, T)
        x = self.embed_tokens(input_ids) + self.embed_positions(places + self.offset)
        for layer in self.layers:
            x = layer(x)
        return self.lm_head(self.final_layer_norm(x))


def train(text, steps=40, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = OPT(len(tokenizer.chars))
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
        logits = model(idx[:, -model.max_positions :])
        idx = torch.cat([idx, logits[:, -1].argmax(-1, keepdim=True)], dim=1)
    return tokenizer.decode(idx[0].tolist())


if __name__ == "__main__":
    sentence = "count the ones and you know the place"
    model, tokenizer, losses = train(sentence)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, sentence[:8], len(sentence) - 8))
