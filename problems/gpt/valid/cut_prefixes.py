# category: padded-batch, ignore-index, parallel-branches, soft-capped-logits
"""Trained on a padded batch of random windows kept at their true offsets; parallel block, post-norm, soft-capped logits."""
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
SENTENCE = "attention is a soft lookup over the past"
PAD = -100


class Tokenizer:
    """Id 0 is kept for characters that the text did not have."""

    UNK = "\ufffd"

    def __init__(self, text):
        self.vocab = [self.UNK] + sorted(set(text))
        self.ids = {c: i for i, c in enumerate(self.vocab)}

    def encode(self, s):
        return [self.ids.get(c, 0) for c in s]

    def decode(self, ids):
        return "".join(self.vocab[i] for i in ids)


class ParallelBlock(nn.Module):
    """x + norm(attention(x) + mlp(x)), as in GPT-J but with the norm on the way out."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads = nn.ModuleList()
        for _ in range(heads):
            self.heads.append(nn.ModuleDict({n: nn.Linear(dim, dim // heads) for n in ("q", "k", "v")}))
        self.proj = nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.ELU(), nn.Linear(4 * dim, dim))
        self.norm = nn.LayerNorm(dim)

    def forward(self, x):
        T = x.size(1)
        allowed = torch.ones(T, T, device=x.device).tril()
        outs = []
        for h in self.heads:
            q, k, v = h["q"](x), h["k"](x), h["v"](x)
            score = torch.bmm(q, k.transpose(1, 2)) / q.size(-1) ** 0.5
            score = score + allowed.log()
            outs.append(torch.bmm(score.softmax(2), v))
        return x + self.norm(self.proj(torch.cat(outs, 2)) + self.mlp(x))


class GPT(nn.Module):
    def __init__(self, vocab, dim=48, heads=3, layers=2, block=160):
        super().__init__()
        self.block = block
        self.tok = nn.Embedding(vocab, dim)
        self.pos = nn.Parameter(torch.randn(block, dim) * 0.3)
        self.blocks = nn.Sequential(*(ParallelBlock(dim, heads) for _ in range(layers)))
        self.head = nn.Linear(dim, vocab)

    def forward(self, idx):
        B, T = idx.shape
        assert T <= self.block, "too long"
        logits = self.head(self.blocks(self.tok(idx) + self.pos[:T]))
        return 20.0 * torch.tanh(logits / 20.0)


def batch(ids, rows, gen):
    """The whole text and some prefixes of it: ends are cut at random, targets behind the end are ignored."""
    x = ids[:-1].repeat(rows, 1)
    y = ids[1:].repeat(rows, 1)
    ends = torch.randint(1, y.size(1) + 1, (rows,), generator=gen)
    ends[0] = y.size(1)
    y[torch.arange(y.size(1))[None, :] >= ends[:, None]] = PAD
    return x, y


def train(text=SENTENCE, steps=40, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    gen = torch.Generator().manual_seed(seed + 1)
    tokenizer = Tokenizer(text)
    model = GPT(len(tokenizer.vocab))
    opt = torch.optim.NAdam(model.parameters(), lr=lr)
    ids = torch.tensor(tokenizer.encode(text))
    losses = []
    for _ in range(steps):
        x, y = batch(ids, 3, gen)
        logits = model(x)
        loss = F.cross_entropy(logits.reshape(-1, logits.size(-1)), y.reshape(-1), ignore_index=PAD)
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    model.eval()
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    ids = list(tokenizer.encode(prompt))
    text = prompt
    for _ in range(max_new_tokens):
        row = model(torch.as_tensor(ids[-model.block :]).unsqueeze(0))[0, -1]
        best = max(range(row.numel()), key=row.tolist().__getitem__)
        ids.append(best)
        text += tokenizer.decode([best])
    return text


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    print(f"{losses[0]:.3f} .. {losses[len(losses) // 2]:.3f} .. {losses[-1]:.3f}")
    print(repr(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8)))
