# category: after-einsum
"""A decoder-only transformer that memorises one sentence, attention spelled out in einsum."""

import math

import torch
import torch.nn.functional as F
from torch import nn

SENTENCE = "attention is a soft lookup over the past"


class Vocabulary:
    def __init__(self, corpus):
        self.letters = sorted(set(corpus))
        self.index = {letter: i for i, letter in enumerate(self.letters)}
        self.size = len(self.letters)

    def encode(self, string):
        return [self.index[letter] for letter in string]

    def decode(self, tokens):
        return "".join(self.letters[t] for t in tokens)


class Attention(nn.Module):
    def __init__(self, d_model, heads):
        super().__init__()
        self.heads = heads
        self.d_head = d_model // heads
        self.to_qkv = nn.Linear(d_model, 3 * d_model, bias=False)
        self.to_out = nn.Linear(d_model, d_model, bias=False)

    def forward(self, x, future, cache=None):
        B, T, C = x.shape
        q, k, v = self.to_qkv(x).view(B, T, 3, self.heads, self.d_head).unbind(dim=2)
        if cache is not None:
            cache.update(k.transpose(1, 2), v.transpose(1, 2))
            k, v = (one.transpose(1, 2) for one in cache.get())
        scores = torch.einsum("bthd,bshd->bhts", q, k)  # (B, H, T, T)
        scores = scores / math.sqrt(self.d_head)
        scores = scores + future
        weights = scores.softmax(dim=-1)
        out = torch.einsum("bhts,bshd->bthd", weights, v)  # (B, T, H, D)
        return self.to_out(out.reshape(B, T, C))


class DecoderBlock(nn.Module):
    def __init__(self, d_model, heads):
        super().__init__()
        self.attention_norm = nn.LayerNorm(d_model)
        self.attention = Attention(d_model, heads)
        self.mlp_norm = nn.LayerNorm(d_model)
        self.mlp = nn.Sequential(
            nn.Linear(d_model, 4 * d_model),
            nn.GELU(),
            nn.Linear(4 * d_model, d_model),
        )

    def forward(self, stream, future, cache=None):
        attended = self.attention(self.attention_norm(stream), future, cache)
        stream = stream + attended  # (B, T, C)
        expanded = self.mlp(self.mlp_norm(stream))
        return stream + expanded


class Decoder(nn.Module):
    def __init__(self, vocab_size, context=128, d_model=64, heads=4, depth=2):
        super().__init__()
        self.context = context
        self.tokens = nn.Embedding(vocab_size, d_model)
        self.places = nn.Parameter(torch.empty(context, d_model))
        self.stack = nn.ModuleList([DecoderBlock(d_model, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(d_model)
        self.unembed = nn.Linear(d_model, vocab_size, bias=False)
        self.reset_parameters()

    def reset_parameters(self):
        nn.init.normal_(self.places, std=0.02)
        nn.init.normal_(self.tokens.weight, std=0.02)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=0.02)

    def forward(self, tokens, caches=None):
        T = tokens.shape[1]
        past = 0 if caches is None else caches[0].length()
        future = torch.full((T, past + T), float("-inf")).triu(diagonal=past + 1)
        stream = self.tokens(tokens) + self.places[past : past + T]  # (B, T, C)
        for layer, block in enumerate(self.stack):
            stream = block(stream, future, None if caches is None else caches[layer])
        return self.unembed(self.norm(stream))


def next_token_loss(logits, tokens):
    predictions = logits[:, :-1]
    labels = tokens[:, 1:]
    return F.cross_entropy(predictions.transpose(1, 2), labels)


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    vocabulary = Vocabulary(text)
    model = Decoder(vocabulary.size)
    adam = torch.optim.Adam(model.parameters(), lr=lr)
    tokens = torch.tensor(vocabulary.encode(text)).unsqueeze(0)  # (1, T)
    losses = []
    for _ in range(steps):
        adam.zero_grad()
        loss = next_token_loss(model(tokens), tokens)
        loss.backward()
        adam.step()
        losses.append(float(loss))
    return model, vocabulary, losses


def generate(model, vocabulary, prompt, max_new_tokens):
    tokens = vocabulary.encode(prompt)
    with torch.no_grad():
        for _ in range(max_new_tokens):
            visible = torch.tensor([tokens[-model.context :]])  # (1, T)
            logits = model(visible)[0, -1]
            tokens.append(int(logits.argmax()))
    return vocabulary.decode(tokens)


def main():
    model, vocabulary, losses = train(SENTENCE)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(f"last loss {losses[-1]:.4f}")
    prompt = SENTENCE[:8]
    print(generate(model, vocabulary, prompt, len(SENTENCE) - len(prompt)))


class KVCache:
    """The keys and values of one layer, of the tokens that were fed so far."""

    def __init__(self):
        self.k = None  # (B, H, T, D)
        self.v = None  # (B, H, T, D)

    def length(self):
        """The cache's length in tokens."""
        return 0 if self.k is None else self.k.size(2)

    def get(self):
        """The stored keys and values, both None while there are none."""
        return self.k, self.v

    def update(self, k, v):
        """Stores the keys and values of new tokens, each (B, H, T, D)."""
        if self.k is None:
            self.k, self.v = k, v
        else:
            self.k = torch.cat((self.k, k), dim=2)
            self.v = torch.cat((self.v, v), dim=2)


def new_caches(model):
    """An empty cache for each layer of the model."""
    stacks = (torch.nn.ModuleList, torch.nn.Sequential)
    layers = next(part for part in model.modules() if isinstance(part, stacks))
    return [KVCache() for _ in layers]


@torch.no_grad()
def generate_cached(model, tokenizer, prompt, max_new_tokens):
    caches = new_caches(model)
    ids = tokenizer.encode(prompt)
    if len(ids) + max_new_tokens > 128:
        raise ValueError("prompt and new tokens do not fit into the context")
    step = torch.tensor([ids])
    for _ in range(max_new_tokens):
        step = model(step, caches)[:, -1].argmax(dim=-1, keepdim=True)
        ids.append(int(step))
    return tokenizer.decode(ids)


def check_parity():
    model, tokenizer, _ = train(SENTENCE, steps=5)
    ids = torch.tensor([tokenizer.encode(SENTENCE)])
    with torch.no_grad():
        whole = model(ids)
        caches = new_caches(model)
        parts = torch.cat([model(ids[:, at : at + 3], caches) for at in range(0, ids.size(1), 3)], dim=1)
    print("largest difference", (whole - parts).abs().max())


if __name__ == "__main__":
    main()
    check_parity()
