# category: transformer-encoder-layer, clipping
"""The library's encoder made into a decoder by its mask; the rest is an embedding and a head."""

import torch
import torch.nn as nn

SENTENCE = "no token may look at what comes after it"


class CharTokenizer:
    def __init__(self, text):
        chars = sorted(set(text))
        self.c2i = {c: i for i, c in enumerate(chars)}
        self.i2c = dict(enumerate(chars))

    def __len__(self):
        return len(self.c2i)

    def encode(self, text):
        return [self.c2i[c] for c in text]

    def decode(self, ids):
        return "".join(self.i2c[i] for i in ids)


class TransformerLM(nn.Module):
    def __init__(self, ntoken, d_model=64, nhead=4, d_hid=256, nlayers=2, max_len=128):
        super().__init__()
        self.max_len = max_len
        self.encoder = nn.Embedding(ntoken, d_model)
        self.pos = nn.Parameter(torch.zeros(max_len, d_model).normal_(std=0.02))
        layer = nn.TransformerEncoderLayer(
            d_model, nhead, d_hid, dropout=0.1, activation="gelu", batch_first=True, norm_first=True
        )
        self.transformer = nn.TransformerEncoder(
            layer, nlayers, norm=nn.LayerNorm(d_model), enable_nested_tensor=False
        )
        self.decoder = nn.Linear(d_model, ntoken)

    def forward(self, src):
        T = src.size(1)
        mask = nn.Transformer.generate_square_subsequent_mask(T)
        h = self.encoder(src) + self.pos[:T]
        return self.decoder(self.transformer(h, mask=mask, is_causal=True))


def train(text, steps=70, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = CharTokenizer(text)
    model = TransformerLM(len(tokenizer))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    ids = torch.tensor([tokenizer.encode(text)])
    losses = []
    model.train()
    for _ in range(steps):
        output = model(ids[:, :-1])
        loss = criterion(output.reshape(-1, len(tokenizer)), ids[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    ids = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        word = model(ids[:, -model.max_len :])[:, -1].argmax(dim=-1)
        ids = torch.cat([ids, word[:, None]], dim=1)
    return tokenizer.decode(ids[0].tolist())


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    print("step   0", losses[0])
    print("step  -1", losses[-1])
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
