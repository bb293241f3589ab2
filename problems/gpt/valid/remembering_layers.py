# category: kv-cached-generation, dropout-with-eval
"""Each attention remembers its keys and values while the model generates; dropout is off for that."""

import torch
import torch.nn as nn
from torch.nn import functional as F

SENTENCE = "the residual stream carries everything along"
WIDTH, HEADS, DEPTH, CONTEXT, DROP = 64, 4, 2, 128, 0.05


class Letters:
    def __init__(self, text):
        self.known = sorted(set(text))

    def encode(self, text):
        return [self.known.index(letter) for letter in text]

    def decode(self, ids):
        return "".join(self.known[i] for i in ids)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.remembers, self.keys, self.values = False, None, None

    def restart(self, remembers):
        self.remembers, self.keys, self.values = remembers, None, None

    def forward(self, x):
        B, T, _ = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)  # (B, H, T, D)
        if self.remembers:
            if self.keys is not None:
                k, v = torch.cat((self.keys, k), dim=2), torch.cat((self.values, v), dim=2)
            self.keys, self.values = k, v
        S = k.size(2)
        seen = torch.arange(S) <= torch.arange(S - T, S)[:, None]  # (T, S)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        return self.out(y.transpose(1, 2).reshape(B, T, WIDTH))


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm_a, self.norm_b = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention = Attention()
        self.mlp = nn.Sequential(
            nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH), nn.Dropout(DROP)
        )

    def forward(self, x):
        x = x + self.attention(self.norm_a(x))
        return x + self.mlp(self.norm_b(x))


class Decoder(nn.Module):
    def __init__(self, letters):
        super().__init__()
        self.letter = nn.Embedding(letters, WIDTH)
        self.place = nn.Embedding(CONTEXT, WIDTH)
        self.layers = nn.Sequential(*(Layer() for _ in range(DEPTH)))
        self.norm = nn.LayerNorm(WIDTH)
        self.score = nn.Linear(WIDTH, letters)
        self.begin(remembers=False)

    def begin(self, remembers):
        self.at = 0
        for layer in self.layers:
            layer.attention.restart(remembers)

    def forward(self, idx):
        places = torch.arange(self.at, self.at + idx.size(1))
        if self.layers[0].attention.remembers:
            self.at += idx.size(1)
        x = self.letter(idx) + self.place(places)  # (B, T, C)
        return self.score(self.norm(self.layers(x)))


def train(text, steps=40, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    letters = Letters(text)
    model = Decoder(len(letters.known)).train()
    adam = torch.optim.AdamW(model.parameters(), lr=lr)
    ids = torch.tensor(letters.encode(text))[None]
    losses = []
    for _ in range(steps):
        loss = F.cross_entropy(model(ids)[0, :-1], ids[0, 1:])
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    return model, letters, losses


@torch.inference_mode()
def generate(model, letters, prompt, max_new_tokens):
    model.eval()
    model.begin(remembers=True)
    ids = letters.encode(prompt)
    unread = ids[:]
    for _ in range(max_new_tokens):
        scores = model(torch.tensor([unread]))[0, -1]
        unread = [int(scores.argmax())]
        ids += unread
    model.begin(remembers=False)
    return letters.decode(ids)


if __name__ == "__main__":
    model, letters, losses = train(SENTENCE)
    print(losses[0], losses[-1])
    print(generate(model, letters, SENTENCE[:8], len(SENTENCE) - 8))
