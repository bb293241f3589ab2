# category: multihead-attention-module, dropout-with-eval, positions-orthogonal
"""The library's attention with a mask and the hint that it is causal; positions start as orthogonal rows."""

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


class Layer(nn.Module):
    def __init__(self, d_model, n_heads, p):
        super().__init__()
        self.norm_a = nn.LayerNorm(d_model)
        self.attn = nn.MultiheadAttention(d_model, n_heads, dropout=0.0, bias=False, batch_first=True)
        self.norm_b = nn.LayerNorm(d_model)
        self.mlp = nn.Sequential(
            nn.Linear(d_model, 2 * d_model),
            nn.GELU(approximate="tanh"),
            nn.Linear(2 * d_model, d_model),
            nn.Dropout(p),
        )

    def forward(self, x, mask):
        h = self.norm_a(x)
        a, _ = self.attn(h, h, h, attn_mask=mask, is_causal=True, need_weights=False)
        x = x + a
        x = x + self.mlp(self.norm_b(x))
        return x


class CharTransformer(nn.Module):
    def __init__(self, vocab_size, d_model=64, n_heads=4, depth=2, max_len=128, p=0.1):
        super().__init__()
        self.max_len = max_len
        self.tok_emb = nn.Embedding(vocab_size, d_model)
        self.pos_emb = nn.Parameter(torch.empty(max_len, d_model))
        nn.init.orthogonal_(self.pos_emb, gain=0.5)
        self.drop = nn.Dropout(p)
        self.layers = nn.ModuleList([Layer(d_model, n_heads, p) for _ in range(depth)])
        self.norm = nn.LayerNorm(d_model)
        self.fc = nn.Linear(d_model, vocab_size)

    def forward(self, idx):
        T = idx.size(1)
        x = self.drop(self.tok_emb(idx) + self.pos_emb[:T])
        mask = nn.Transformer.generate_square_subsequent_mask(T).to(x.dtype)
        for layer in self.layers:
            x = layer(x, mask)
        return self.fc(self.norm(x))


def train(text, steps=90, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = CharTransformer(len(tokenizer.chars))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    data = torch.tensor(tokenizer.encode(text))
    x, y = data[:-1].unsqueeze(0), data[1:].unsqueeze(0)
    losses = []
    for _ in range(steps):
        logits = model(x)
        loss = F.cross_entropy(logits.view(-1, logits.size(-1)), y.view(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    idx = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        logits = model(idx[:, -model.max_len :])
        idx = torch.cat([idx, logits[:, -1].argmax(-1, keepdim=True)], dim=1)
    return tokenizer.decode(idx[0].tolist())


def main():
    text = "hint that it is causal, and prove it"
    model, tokenizer, losses = train(text)
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.4f} in {len(losses)} steps")
    print(generate(model, tokenizer, text[:8], len(text) - 8))


if __name__ == "__main__":
    main()
