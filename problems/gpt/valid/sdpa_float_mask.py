# category: sdpa-with-mask, mask-additive, sdpa-scale, three-layers
"""The fused attention with a float mask that lives in the model, and with its scale spelled out; three layers."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.stoi = {ch: i for i, ch in enumerate(self.chars)}
        self.itos = dict(enumerate(self.chars))

    def encode(self, text):
        return [self.stoi[ch] for ch in text]

    def decode(self, ids):
        return "".join(self.itos[i] for i in ids)


class FusedAttention(nn.Module):
    def __init__(self, n_embd, n_head):
        super().__init__()
        self.n_head = n_head
        self.c_attn = nn.Linear(n_embd, 3 * n_embd)
        self.c_proj = nn.Linear(n_embd, n_embd)

    def forward(self, x, mask):
        b, t, c = x.shape
        q, k, v = self.c_attn(x).view(b, t, 3, self.n_head, c // self.n_head).transpose(1, 3).unbind(2)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=1 / (c // self.n_head) ** 0.5)
        return self.c_proj(y.permute(0, 2, 1, 3).reshape(b, t, c))


class TransformerLayer(nn.Module):
    def __init__(self, n_embd, n_head):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(n_embd), nn.LayerNorm(n_embd)
        self.attn = FusedAttention(n_embd, n_head)
        self.c_fc = nn.Linear(n_embd, 4 * n_embd)
        self.c_proj = nn.Linear(4 * n_embd, n_embd)

    def forward(self, x, mask):
        x = torch.add(x, self.attn(self.ln_1(x), mask))
        return torch.add(x, self.c_proj(F.gelu(self.c_fc(self.ln_2(x)))))


class Decoder(nn.Module):
    def __init__(self, **hparams):
        super().__init__()
        self.hparams = hparams
        width = hparams["n_embd"]
        self.wte = nn.Embedding(hparams["n_vocab"], width)
        self.wpe = nn.Embedding(hparams["n_ctx"], width)
        self.h = nn.ModuleList(TransformerLayer(width, hparams["n_head"]) for _ in range(hparams["n_layer"]))
        self.ln_f = nn.LayerNorm(width)
        self.head = nn.Linear(width, hparams["n_vocab"], bias=False)
        mask = torch.zeros(hparams["n_ctx"], hparams["n_ctx"])
        mask[torch.triu_indices(*mask.shape, offset=1).unbind()] = float("-inf")
        self.register_buffer("mask", mask)

    def forward(self, idx):
        t = idx.shape[1]
        x = self.wte(idx) + self.wpe(torch.arange(t, device=idx.device))
        for layer in self.h:
            x = layer(x, self.mask[:t, :t])
        return self.head(self.ln_f(x))


def next_token_loss(model, ids):
    logits = model(ids[:-1].view(1, -1)).squeeze(0)
    return F.cross_entropy(logits, ids[1:])


def train(text, steps=40, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = Decoder(n_vocab=len(tokenizer.chars), n_ctx=128, n_embd=60, n_head=5, n_layer=3)
    ids = torch.tensor(tokenizer.encode(text))
    optimizer = torch.optim.NAdam(model.parameters(), lr=lr)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = next_token_loss(model, ids)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    text = prompt
    for _ in range(max_new_tokens):
        ids = torch.tensor([tokenizer.encode(text[-model.hparams["n_ctx"] :])])
        text += tokenizer.decode([model(ids)[0, -1].argmax().item()])
    return text


if __name__ == "__main__":
    sentence = "say the scale out loud"
    model, tokenizer, losses = train(sentence)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, sentence[:8], len(sentence) - 8))
