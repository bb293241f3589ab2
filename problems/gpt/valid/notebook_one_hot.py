# category: start-token, soft-targets, loss-by-hand
# %% [markdown]
# A start token, and targets as one-hot rows that are made in the loop before the model is called.

# %%
import torch
import torch.nn as nn
import torch.nn.functional as F

text = "run all cells from the top again"
cfg = dict(block=129, dim=64, heads=4, layers=2)


# %%
class Tok:
    def __init__(self, text):
        self.itos = ["<s>"] + sorted(set(text))
        self.stoi = {c: i for i, c in enumerate(self.itos)}
        self.n = len(self.itos)

    def encode(self, s):
        return [self.stoi[c] for c in s]

    def decode(self, ids):
        return "".join(self.itos[i] for i in ids if i)


# %%
class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.ln1, self.ln2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.o = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.ff = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(self.ln1(x)).reshape(B, T, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        w = (q @ k.mT / (C // self.heads) ** 0.5).masked_fill(torch.ones(T, T).triu(1).bool(), -torch.inf)
        x = x + self.o((w.softmax(-1) @ v).transpose(1, 2).reshape(B, T, C))
        return x + self.ff(self.ln2(x))


class GPT(nn.Module):
    def __init__(self, vocab):
        super().__init__()
        self.emb, self.pos = nn.Embedding(vocab, cfg["dim"]), nn.Embedding(cfg["block"], cfg["dim"])
        self.blocks = nn.Sequential(*[Block(cfg["dim"], cfg["heads"]) for _ in range(cfg["layers"])])
        self.ln, self.out = nn.LayerNorm(cfg["dim"]), nn.Linear(cfg["dim"], vocab)

    def forward(self, idx):
        return self.out(self.ln(self.blocks(self.emb(idx) + self.pos(torch.arange(idx.shape[1])))))


# %%
def train(text, steps=40, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tok = Tok(text)
    model = GPT(tok.n)
    opt = torch.optim.Adam(model.parameters(), lr=lr)
    ids = torch.tensor([[0] + tok.encode(text)])
    losses = []
    for _ in range(steps):
        target = F.one_hot(ids[:, 1:], tok.n).float()  # (1, T, V)
        log_p = F.log_softmax(model(ids[:, :-1]), dim=-1)
        loss = -(target * log_p).sum(-1).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return model, tok, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    ids = torch.tensor([[0] + tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        ids = torch.cat([ids, model(ids[:, -cfg["block"] :])[:, -1:].argmax(-1)], 1)
    return tokenizer.decode(ids[0].tolist())


# %%
if __name__ == "__main__":
    model, tok, losses = train(text)
    print(losses[0], "->", losses[-1])
    print(generate(model, tok, text[:8], len(text) - 8))
