# category: transformer-encoder-stack, mask-boolean
"""The library's stack of encoder layers, norm first, with a boolean mask (True hides), kept in a plain attribute."""

import torch
from torch import nn
from torch.nn import functional as F


class Tokenizer:
    def __init__(self, text):
        self.id2char = []
        self.char2id = {}
        for char in sorted(text):
            if char not in self.char2id:
                self.char2id[char] = len(self.id2char)
                self.id2char.append(char)

    def encode(self, text):
        ids = []
        for char in text:
            ids.append(self.char2id[char])
        return ids

    def decode(self, ids):
        text = ""
        for i in ids:
            text += self.id2char[i]
        return text


class EncoderLM(nn.Module):
    def __init__(self, vocab, d_model=64, nhead=4, num_layers=2, ctx_len=128):
        super().__init__()
        self.ctx_len = ctx_len
        self.d_model = d_model
        self.token = nn.Embedding(vocab, d_model)
        self.position = nn.Embedding(ctx_len, d_model)
        layer = nn.TransformerEncoderLayer(
            d_model=d_model,
            nhead=nhead,
            dim_feedforward=4 * d_model,
            dropout=0.0,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.encoder = nn.TransformerEncoder(
            layer, num_layers=num_layers, norm=nn.LayerNorm(d_model), enable_nested_tensor=False
        )
        self.project = nn.Linear(d_model, vocab)
        self.apply(self.init_weights)

    @staticmethod
    def init_weights(module):
        if isinstance(module, nn.Embedding):
            nn.init.xavier_normal_(module.weight)
        elif isinstance(module, nn.Linear):
            # the layers are deep copies of one another: draw each anew
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)

    def hidden_places(self, length):
        ones = torch.ones(length, length, dtype=torch.bool)
        return ~torch.tril(ones)  # True: may not be seen

    def forward(self, idx):
        length = idx.shape[1]
        x = self.token(idx) * self.d_model**0.5
        x = x + self.position(torch.arange(length))
        x = self.encoder(x, mask=self.hidden_places(length))
        return self.project(x)


def train(text, steps=40, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = EncoderLM(len(tokenizer.id2char))
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


def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        with torch.no_grad():
            logits = model(torch.tensor([ids[-model.ctx_len :]]))
        ids.append(int(logits[0, -1].argmax()))
    return tokenizer.decode(ids)


if __name__ == "__main__":
    sentence = "an encoder behind a mask"
    model, tokenizer, losses = train(sentence)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, sentence[:8], len(sentence) - 8))
