# caught by: tokenizer
import torch
from torch.nn import functional as F
from torch.nn import Dropout, Embedding, GELU, LayerNorm, Linear, Module, ModuleList, Sequential

torch.set_num_threads(1)
SENTENCE = "attention is a soft lookup over the past"
BLOCK_SIZE = 128
N_EMBD = 96
N_HEAD = 4
N_LAYER = 1
DROP = 0.05


class Tokenizer:
    """Characters to ids and back."""

    CLEAN = [(" .", "."), (" ,", ","), (" ?", "?"), (" !", "!"), (" n't", "n't"), (" 's", "'s")]

    @classmethod
    def fit(cls, text):
        tok = cls()
        tok.vocab = {}
        for ch in sorted(text):
            tok.vocab.setdefault(ch, len(tok.vocab))
        tok.inverse = {i: ch for ch, i in tok.vocab.items()}
        return tok

    def encode(self, text):
        return [self.vocab[ch] for ch in text]

    def decode(self, ids):
        text = "".join(map(self.inverse.__getitem__, ids))
        for old, new in self.CLEAN:
            text = text.replace(old, new)
        return text


class MultiHead(Module):
    def __init__(self):
        super().__init__()
        self.c_attn = Linear(N_EMBD, 3 * N_EMBD)
        self.c_proj = Linear(N_EMBD, N_EMBD)
        self.drop = Dropout(DROP)

    def forward(self, x):
        B, T, C = x.size()
        q, k, v = self.c_attn(x).chunk(3, dim=2)
        q = q.view(B, T, N_HEAD, -1).transpose(1, 2)
        k = k.view(B, T, N_HEAD, -1).transpose(1, 2)
        v = v.view(B, T, N_HEAD, -1).transpose(1, 2)
        bias = torch.full((T, T), float("-inf"), device=x.device).triu(diagonal=1)
        att = F.softmax(q @ k.transpose(2, 3) * q.size(-1) ** -0.5 + bias, dim=3)
        y = (self.drop(att) @ v).transpose(1, 2).contiguous().view(B, T, C)
        return self.c_proj(y)


class TransformerLayer(Module):
    def __init__(self):
        super().__init__()
        self.ln_1 = LayerNorm(N_EMBD)
        self.attn = MultiHead()
        self.ln_2 = LayerNorm(N_EMBD)
        self.mlp = Sequential(Linear(N_EMBD, 4 * N_EMBD), GELU(), Linear(4 * N_EMBD, N_EMBD), Dropout(DROP))

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        x = x + self.mlp(self.ln_2(x))
        return x


class LanguageModel(Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.tokens = Embedding(vocab_size, N_EMBD)
        self.places = Embedding(BLOCK_SIZE, N_EMBD)
        self.layers = ModuleList(TransformerLayer() for _ in range(N_LAYER))
        self.ln = LayerNorm(N_EMBD)
        self.out = Linear(N_EMBD, vocab_size, bias=False)
        self.apply(self._init)
        self.out.weight = self.tokens.weight

    @staticmethod
    def _init(m):
        if isinstance(m, (Linear, Embedding)):
            torch.nn.init.normal_(m.weight, std=0.05)
        if isinstance(m, Linear) and m.bias is not None:
            torch.nn.init.zeros_(m.bias)

    def forward(self, idx):
        x = self.tokens(idx) + self.places.weight[None, : idx.size(1)]
        for layer in self.layers:
            x = layer(x)
        return self.out(self.ln(x))


def train(text, steps=200, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer.fit(text)
    model = LanguageModel(len(tokenizer.vocab))
    ids = torch.tensor(tokenizer.encode(text), dtype=torch.int64)
    optim = torch.optim.AdamW(model.parameters(), lr=lr, betas=(0.9, 0.95))
    losses = []

    model.train()
    for step in range(steps):
        logits = model(ids[None, :-1]).squeeze(0)
        loss = F.cross_entropy(logits, ids[1:])
        optim.zero_grad()
        loss.backward()
        optim.step()
        losses.append(loss.item())
    model.eval()
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    was_training = model.training
    model.eval()
    ids = list(tokenizer.encode(prompt))
    while max_new_tokens > 0:
        logits = model(torch.tensor(ids).unsqueeze(0))
        ids.append(logits[0, len(ids) - 1].argmax().item())
        max_new_tokens -= 1
    model.train(was_training)
    return tokenizer.decode(ids)


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
