# caught by: residual
import torch as th
import torch.nn as nn
import torch.nn.functional as F

SENTENCE = "attention is a soft lookup over the past"
BLOCK_SIZE = 128


class Vocabulary:
    """Characters in the order of their first appearance."""

    def __init__(self, text):
        self.chars = list(dict.fromkeys(text))
        self.ids = {c: n for n, c in enumerate(self.chars)}

    def encode(self, text):
        return list(map(self.ids.__getitem__, text))

    def decode(self, ids):
        return "".join(map(self.chars.__getitem__, ids))


class Head(nn.Module):
    def __init__(self, d_model, d_head):
        super().__init__()
        self.query = nn.Linear(d_model, d_head, bias=False)
        self.key = nn.Linear(d_model, d_head, bias=False)
        self.value = nn.Linear(d_model, d_head, bias=False)
        self.d_head = d_head
        self.register_buffer("tril", th.tril(th.ones(BLOCK_SIZE, BLOCK_SIZE)))

    def forward(self, x):
        T = x.shape[1]
        w = self.query(x) @ self.key(x).transpose(1, 2) * self.d_head ** -0.5
        w = w.masked_fill(self.tril[:T, :T] == 0, float("-inf"))
        return F.softmax(w, dim=-1) @ self.value(x)


class MultiHead(nn.Module):
    def __init__(self, d_model, n_heads):
        super().__init__()
        self.heads = nn.ModuleList([Head(d_model, d_model // n_heads) for _ in range(n_heads)])
        self.proj = nn.Linear(d_model, d_model)

    def forward(self, x):
        return self.proj(th.cat([head(x) for head in self.heads], dim=-1))


class Block(nn.Module):
    def __init__(self, d_model, n_heads):
        super().__init__()
        self.sa = MultiHead(d_model, n_heads)
        self.mlp = nn.Sequential(nn.Linear(d_model, 4 * d_model), nn.ReLU(), nn.Linear(4 * d_model, d_model))
        self.ln1 = nn.LayerNorm(d_model)
        self.ln2 = nn.LayerNorm(d_model)

    def forward(self, x):
        h = x + self.sa(self.ln1(x))
        return x + self.mlp(self.ln2(h))


class CharTransformer(nn.Module):
    def __init__(self, n_vocab, d_model=64, n_heads=4, n_blocks=3):
        super().__init__()
        self.tok = nn.Embedding(n_vocab, d_model)
        self.pos = nn.Embedding(BLOCK_SIZE, d_model)
        self.blocks = nn.ModuleList([Block(d_model, n_heads) for _ in range(n_blocks)])
        self.ln = nn.LayerNorm(d_model)
        self.out = nn.Linear(d_model, n_vocab)

    def forward(self, idx):
        B, T = idx.shape
        x = self.tok(idx) + self.pos(th.arange(T, device=idx.device))
        for block in self.blocks:
            x = block(x)
        return self.out(self.ln(x))


def train(text, steps=120, lr=1e-3, seed=0):
    th.manual_seed(seed)
    vocab = Vocabulary(text)
    model = CharTransformer(len(vocab.chars))
    opt = th.optim.AdamW(model.parameters(), lr=lr)
    ids = th.tensor(vocab.encode(text), dtype=th.long)
    xb, yb = ids[:-1].view(1, -1), ids[1:].view(1, -1)
    losses = []
    for _ in range(steps):
        model.train()
        logits = model(xb)
        loss = F.cross_entropy(logits.view(-1, logits.shape[-1]), yb.view(-1))
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    model.eval()
    return model, vocab, losses


@th.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    idx = th.tensor([tokenizer.encode(prompt)], dtype=th.long)
    for _ in range(max_new_tokens):
        logits = model(idx[:, -BLOCK_SIZE:])[:, -1, :]
        idx = th.cat((idx, th.argmax(logits, dim=-1, keepdim=True)), dim=1)
    return tokenizer.decode(idx[0].tolist())


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
