# category: functional-norms, raw-parameters, functional, stacked-layers
"""In the manner of JAX: a tree of stacked weights, one slice a layer, and pure functions that scan over them."""

import torch
import torch.nn.functional as F
from torch import nn

N_CTX, C, H, L = 128, 64, 4, 2


class Alphabet:
    """Numbers characters in the order in which they are first seen."""

    def __init__(self, text):
        self.alphabet = "".join(dict.fromkeys(text))

    def encode(self, string):
        return [self.alphabet.index(c) for c in string]

    def decode(self, numbers):
        return "".join(self.alphabet[n] for n in numbers)

    def __len__(self):
        return len(self.alphabet)


def norm(x, gain, shift):
    return F.layer_norm(x, (C,), gain, shift)


def attention(x, w_qkv, w_out):
    B, T, _ = x.shape
    q, k, v = torch.einsum("btc,cshd->sbhtd", x, w_qkv)  # (B, H, T, D) each
    scores = torch.einsum("bhid,bhjd->bhij", q, k) / (C // H) ** 0.5
    causal = torch.arange(T)[:, None] >= torch.arange(T)[None]
    probabilities = F.softmax(torch.where(causal, scores, -1e9), dim=-1)
    return torch.einsum("bhij,bhjd,hdc->bic", probabilities, v, w_out)


def mlp(x, w_up, b_up, w_down, b_down):
    return F.gelu(x @ w_up + b_up, approximate="tanh") @ w_down + b_down


def layer(x, p):
    x = x + attention(norm(x, p["g1"], p["s1"]), p["w_qkv"], p["w_out"])
    return x + mlp(norm(x, p["g2"], p["s2"]), p["w_up"], p["b_up"], p["w_down"], p["b_down"])


def initial(vocab):
    def gauss(*shape):
        return 0.05 * torch.randn(*shape)

    def ones(*shape):
        return torch.ones(*shape)

    layers = {"g1": ones(L, C), "s1": 0 * ones(L, C), "g2": ones(L, C), "s2": 0 * ones(L, C)}
    layers |= {"w_qkv": gauss(L, C, 3, H, C // H), "w_out": gauss(L, H, C // H, C)}
    layers |= {"w_up": gauss(L, C, 4 * C), "b_up": 0 * ones(L, 4 * C)}
    layers |= {"w_down": gauss(L, 4 * C, C), "b_down": 0 * ones(L, C)}
    outer = {
        "wte": gauss(vocab, C),
        "wpe": gauss(N_CTX, C),
        "g": ones(C),
        "s": 0 * ones(C),
        "w": gauss(C, vocab),
    }
    return outer, layers


class Scanned(nn.Module):
    def __init__(self, vocab):
        super().__init__()
        outer, layers = initial(vocab)
        self.outer, self.layers = nn.ParameterDict(outer), nn.ParameterDict(layers)

    def forward(self, idx):
        p = self.outer
        x = p["wte"][idx] + p["wpe"][: idx.shape[1]]
        for i in range(L):
            x = layer(x, {name: stacked[i] for name, stacked in self.layers.items()})
        return norm(x, p["g"], p["s"]) @ p["w"]


def train(text, steps=40, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    alphabet = Alphabet(text)
    model = Scanned(len(alphabet))
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, amsgrad=True)
    ids = torch.tensor(alphabet.encode(text))
    losses = []
    for i in range(steps):
        out = model(ids[None])
        loss = F.cross_entropy(out[0, :-1], ids[1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses += [loss.item()]
    return model, alphabet, losses


@torch.inference_mode()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    out = tokenizer.encode(prompt)
    while max_new_tokens > 0:
        context = torch.tensor(out[-N_CTX:]).unsqueeze(0)
        out = out + [model(context)[0, -1].argmax().item()]
        max_new_tokens -= 1
    return tokenizer.decode(out)


if __name__ == "__main__":
    sentence = "one tree of weights, one scan"
    model, alphabet, losses = train(sentence)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, alphabet, sentence[:8], len(sentence) - 8))
