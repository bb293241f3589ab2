# category: flat-parameters, optimizer-by-hand, autograd-grad, adam
"""All parameters are one long vector, and Adam is five lines about it."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy, gelu
from torch.nn.utils import parameters_to_vector, vector_to_parameters


class Letters:
    def __init__(self, text):
        self.known = sorted(set(text))

    def encode(self, text):
        return [self.known.index(letter) for letter in text]

    def decode(self, numbers):
        return "".join(self.known[number] for number in numbers)


class Layer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.into, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def look_back(self, x):
        B, T, C = x.shape
        q, k, v = (part.view(B, T, self.heads, -1).movedim(2, 1) for part in self.into(x).split(C, -1))
        fit = q @ k.movedim(3, 2) * (C // self.heads) ** -0.5
        past = torch.arange(T).unsqueeze(1) >= torch.arange(T)
        share = fit.where(past, fit.new_tensor(-torch.inf)).softmax(3)
        return self.out((share @ v).movedim(1, 2).flatten(2))

    def forward(self, x):
        x = x + self.look_back(self.first(x))
        return x + self.narrow(gelu(self.wide(self.second(x))))


class GPT(nn.Module):
    def __init__(self, letters, width=64, heads=4, layers=2, longest=128):
        super().__init__()
        self.longest = longest
        self.letter = nn.Embedding(letters, width)
        self.place = nn.Parameter(torch.randn(longest, width) * 0.02)
        self.layers = nn.Sequential(*[Layer(width, heads) for _ in range(layers)])
        self.norm, self.vote = nn.LayerNorm(width), nn.Linear(width, letters)

    def forward(self, idx):
        return self.vote(self.norm(self.layers(self.letter(idx) + self.place[: idx.shape[1]])))


def loss_of(model, ids):
    return cross_entropy(model(ids[None, :-1])[0], ids[1:])


def gradient_of(model, ids):
    loss = loss_of(model, ids)
    return parameters_to_vector(torch.autograd.grad(loss, list(model.parameters()))), loss.item()


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    letters = Letters(text)
    model = GPT(len(letters.known))
    ids = torch.tensor(letters.encode(text))
    w = parameters_to_vector(model.parameters()).detach().clone()
    m, s = torch.zeros_like(w), torch.zeros_like(w)
    losses = []
    for t in range(1, steps + 1):
        g, loss = gradient_of(model, ids)
        m = 0.9 * m + 0.1 * g
        s = 0.99 * s + 0.01 * g**2
        w = w - lr * (m / (1 - 0.9**t)) / ((s / (1 - 0.99**t)).sqrt() + 1e-8)
        vector_to_parameters(w, model.parameters())
        losses.append(loss)
    return model, letters, losses


def generate(model, tokenizer, prompt, max_new_tokens):
    ids = tokenizer.encode(prompt)
    with torch.inference_mode():
        for _ in range(max_new_tokens):
            votes = model(torch.tensor([ids[-model.longest :]]))[0, -1]
            ids.append(int(votes.numpy().argmax()))
    return tokenizer.decode(ids)


if __name__ == "__main__":
    SENTENCE = "every weight is a coordinate of one point"
    model, letters, losses = train(SENTENCE)
    print("loss", *(round(loss, 3) for loss in losses[::12]))
    print(generate(model, letters, SENTENCE[:8], len(SENTENCE) - 8))
