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

    def forward(self, x, future):
        B, T, C = x.shape
        q, k, v = self.to_qkv(x).view(B, T, 3, self.heads, self.d_head).unbind(dim=2)
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

    def forward(self, stream, future):
        attended = self.attention(self.attention_norm(stream), future)
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

    def forward(self, tokens):
        T = tokens.shape[1]
        future = torch.full((T, T), float("-inf")).triu(diagonal=1)
        stream = self.tokens(tokens) + self.places[:T]  # (B, T, C)
        for block in self.stack:
            stream = block(stream, future)
        return self.unembed(self.norm(stream))


def next_token_loss(logits, tokens):
    predictions = logits[:, :-1]
    labels = tokens[:, 1:]
    return F.cross_entropy(predictions.transpose(1, 2), labels)


def train(text, steps=30, lr=5e-3, seed=0):
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


if __name__ == "__main__":
    main()
