# category: time-first, positions-concatenated, cosine-attention, running-softmax, sgd
"""A transformer whose time comes first, with cosine attention by a streaming softmax.

Activations are (time, batch, width). Token and position vectors are concatenated, not added. Attention walks over the
keys in blocks and keeps a running maximum, normaliser and sum, as FlashAttention does, so no T x T matrix is built.
Trained by plain SGD with Nesterov momentum.
"""

from collections import Counter

import torch
from torch import nn

SENTENCE = "attention is a soft lookup over the past"

WIDTH, HEADS, DEPTH, LONGEST, KEY_BLOCK = 96, 4, 3, 192, 32


class Tokenizer:
    def __init__(self):
        self.to_id, self.to_char = {}, {}

    def learn(self, text):
        for rank, (char, _) in enumerate(Counter(text).most_common()):
            self.to_id[char], self.to_char[rank] = rank, char
        return self

    def __len__(self):
        return len(self.to_id)

    def encode(self, text):
        return [*map(self.to_id.__getitem__, text)]

    def decode(self, ids):
        return str().join(self.to_char[i] for i in ids)


def streaming_causal_attention(q, k, v, block=KEY_BLOCK):
    """softmax(q k^T, over s <= t) v for q, k, v of shape (T, B, H, D); q comes scaled already."""
    T = q.shape[0]
    rank = torch.arange(T, device=q.device)
    peak = q.new_full((T, *q.shape[1:3]), -torch.inf)  # (T, B, H)
    norm = torch.zeros_like(peak)
    total = torch.zeros_like(v)
    for s in range(0, T, block):
        keys, values = k[s : s + block], v[s : s + block]
        score = torch.einsum("tbhd,sbhd->tsbh", q, keys)
        hidden = rank[:, None] < rank[None, s : s + block]
        score = score.masked_fill(hidden[:, :, None, None], -torch.inf)
        # Block 0 holds key 0, which all queries see: the peak is finite from there on. The result does not depend
        # on the peak, so no gradient needs to pass through it.
        higher = torch.maximum(peak, score.detach().amax(1))
        shrink = torch.exp(peak - higher)
        weight = torch.exp(score - higher.unsqueeze(1))
        norm = norm * shrink + weight.sum(1)
        total = total * shrink.unsqueeze(-1) + torch.einsum("tsbh,sbhd->tbhd", weight, values)
        peak = higher
    return total / norm.unsqueeze(-1)


class CosineAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.project = nn.ModuleDict({n: nn.Linear(WIDTH, WIDTH, bias=False) for n in ("q", "k", "v", "o")})
        # cosines lie in [-1, 1]; a learnt temperature per head takes the place of 1/sqrt(d)
        self.log_temperature = nn.Parameter(torch.full((HEADS, 1), 8.0).log())

    def forward(self, x):
        q, k, v = (self.project[n](x).unflatten(-1, (HEADS, -1)) for n in "qkv")
        q = nn.functional.normalize(q, dim=-1) * self.log_temperature.exp()
        k = nn.functional.normalize(k, dim=-1)
        return self.project["o"](streaming_causal_attention(q, k, v).flatten(-2))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.before_attention, self.before_mlp = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention = CosineAttention()
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 3 * WIDTH), nn.Mish(), nn.Linear(3 * WIDTH, WIDTH))

    def forward(self, x):
        x = x + self.attention(self.before_attention(x))
        return x + self.mlp(self.before_mlp(x))


class Decoder(nn.Module):
    def __init__(self, n_chars):
        super().__init__()
        self.char_vectors = nn.Parameter(torch.randn(n_chars, WIDTH // 2))
        self.time_vectors = nn.Parameter(torch.randn(LONGEST, WIDTH // 2))
        self.blocks = nn.ModuleList(Block() for _ in range(DEPTH))
        self.at_end = nn.LayerNorm(WIDTH)
        self.to_chars = nn.Linear(WIDTH, n_chars)

    def forward(self, idx):
        tokens = idx.t()
        T, B = tokens.shape
        when = self.time_vectors[:T].unsqueeze(1).expand(T, B, -1)
        x = torch.cat((self.char_vectors[tokens], when), dim=-1)
        for block in self.blocks:
            x = block(x)
        return self.to_chars(self.at_end(x)).transpose(0, 1)


def mean_nats(logits, wanted):
    one_hot = nn.functional.one_hot(wanted, logits.shape[-1]).to(logits.dtype)
    return -(one_hot * logits.log_softmax(-1)).sum(-1).mean()


def train(text, steps=40, lr=0.1, seed=0):
    tokenizer = Tokenizer().learn(text)
    with torch.random.fork_rng(devices=[]):  # leave the caller's random state alone
        torch.manual_seed(seed)
        model = Decoder(len(tokenizer))
    row = torch.tensor(tokenizer.encode(text)).unsqueeze(0)
    sgd = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, nesterov=True)

    def one_step():
        loss = mean_nats(model(row[:, :-1]), row[:, 1:])
        model.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        sgd.step()
        return loss.item()

    return model, tokenizer, [one_step() for _ in range(steps)]


def generate(model, tokenizer, prompt, max_new_tokens):
    def extend(ids, left):
        while left > 0:
            with torch.no_grad():
                logits = model(torch.tensor([ids[-LONGEST:]]))
            ids, left = [*ids, logits[0, -1].argmax().item()], left - 1
        return ids

    return tokenizer.decode(extend(tokenizer.encode(prompt), max_new_tokens))


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
