# caught by: qkv_used
import math
import torch
import torch.nn as nn
import torch.nn.functional as F

SENTENCE = "attention is a soft lookup over the past"
torch.set_num_threads(1)


class CharTokenizer:
    def __init__(self, text):
        self.alphabet = sorted(set(text))
        self.index = {ch: n for n, ch in enumerate(self.alphabet)}

    def encode(self, s):
        return [self.index[ch] for ch in s]

    def decode(self, ids):
        return "".join(self.alphabet[n] for n in ids)


class MultiHeadAttention(nn.Module):
    def __init__(self, width, heads, context):
        super().__init__()
        assert width % heads == 0
        self.heads, self.head_dim = heads, width // heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        future = torch.triu(torch.ones(context, context, dtype=torch.bool), diagonal=1)
        self.register_buffer("future", future)

    def forward(self, x):
        T = x.size(1)
        q, k, v = self.query(x), self.key(x), self.value(x)
        pieces = []
        for h in range(self.heads):
            cols = slice(h, h + self.head_dim)
            scores = q[..., cols] @ k[..., cols].transpose(1, 2) / math.sqrt(self.head_dim)
            scores = scores.masked_fill(self.future[:T, :T], float("-inf"))
            pieces.append(scores.softmax(dim=-1) @ v[..., cols])
        return self.out(torch.cat(pieces, dim=-1))


class Layer(nn.Module):
    def __init__(self, width, heads, context):
        super().__init__()
        self.norm_a = nn.LayerNorm(width)
        self.attention = MultiHeadAttention(width, heads, context)
        self.norm_b = nn.LayerNorm(width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        x = x + self.attention(self.norm_a(x))
        return x + self.feed(self.norm_b(x))


class TinyGPT(nn.Module):
    def __init__(self, vocab, width=64, heads=4, layers=2, context=128):
        super().__init__()
        self.context = context
        self.tokens = nn.Embedding(vocab, width)
        self.places = nn.Embedding(context, width)
        self.layers = nn.ModuleList(Layer(width, heads, context) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.to_vocab = nn.Linear(width, vocab)

    def forward(self, idx):
        where = torch.arange(idx.size(1), device=idx.device)
        x = self.tokens(idx) + self.places(where)
        for layer in self.layers:
            x = layer(x)
        return self.to_vocab(self.norm(x))


def train(text, steps=150, lr=2e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = CharTokenizer(text)
    model = TinyGPT(len(tokenizer.alphabet))
    data = torch.tensor([tokenizer.encode(text)])
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    losses = []
    for _ in range(steps):
        logits = model(data[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), data[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        logits = model(torch.tensor([ids[-model.context:]]))
        ids.append(int(logits[0, -1].argmax()))
    return tokenizer.decode(ids)


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
