# caught by: objective
import torch
import torch.nn as nn
import torch.nn.functional as F

SENTENCE = "attention is a soft lookup over the past"

block_size = 128
n_embd = 64
n_head = 4
n_layer = 2
batch_size = 8

PAD = 0


class Vocabulary:
    """Id 0 is padding; the characters follow."""

    def __init__(self, text):
        self.characters = sorted(set(text))
        self.size = len(self.characters) + 1
        self.lookup = {c: i for i, c in enumerate(self.characters, start=1)}

    def encode(self, s):
        return [self.lookup[c] for c in s]

    def decode(self, ids):
        return "".join(self.characters[i - 1] for i in ids if i != PAD)


class MultiHeadAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.to_qkv = nn.Linear(n_embd, 3 * n_embd, bias=False)
        self.to_out = nn.Linear(n_embd, n_embd)

    def forward(self, x):
        B, T, _ = x.shape
        q, k, v = self.to_qkv(x).chunk(3, dim=-1)
        q, k, v = [z.reshape(B, T, n_head, -1).permute(0, 2, 1, 3) for z in (q, k, v)]
        wei = q @ k.transpose(2, 3) * q.size(-1) ** -0.5
        wei = wei + torch.full((T, T), float("-inf"), device=x.device).triu(diagonal=1)
        out = F.softmax(wei, dim=-1) @ v
        return self.to_out(out.permute(0, 2, 1, 3).reshape(B, T, n_embd))


class TransformerBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln_attn = nn.LayerNorm(n_embd)
        self.attn = MultiHeadAttention()
        self.ln_ff = nn.LayerNorm(n_embd)
        self.ff = nn.Sequential(nn.Linear(n_embd, 4 * n_embd), nn.GELU(), nn.Linear(4 * n_embd, n_embd))

    def forward(self, x):
        x = x + self.attn(self.ln_attn(x))
        x = x + self.ff(self.ln_ff(x))
        return x


class CharGPT(nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        self.tok = nn.Embedding(vocab_size, n_embd)
        self.pos = nn.Embedding(block_size, n_embd)
        self.body = nn.Sequential(*(TransformerBlock() for _ in range(n_layer)))
        self.ln = nn.LayerNorm(n_embd)
        self.lm_head = nn.Linear(n_embd, vocab_size)

    def forward(self, idx):
        positions = torch.arange(idx.shape[1], device=idx.device)
        return self.lm_head(self.ln(self.body(self.tok(idx) + self.pos(positions))))


def sample_prefixes(ids):
    """The whole text and some random prefixes of it, padded on the right to one length."""
    lengths = torch.randint(2, len(ids) + 1, (batch_size,))
    lengths[0] = len(ids)
    batch = ids.repeat(batch_size, 1)
    batch[torch.arange(len(ids)) >= lengths[:, None]] = PAD
    return batch


def masked_loss(logits, targets, mask):
    nll = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    return (nll * mask).sum() / mask.sum()


def train(text, steps=100, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Vocabulary(text)
    model = CharGPT(tokenizer.size)
    opt = torch.optim.AdamW(model.parameters(), lr=lr)
    ids = torch.tensor(tokenizer.encode(text))

    losses = []
    for _ in range(steps):
        batch = sample_prefixes(ids)
        inputs, targets = batch[:, :-1], batch[:, 1:]
        mask = (inputs != PAD).float()
        loss = masked_loss(model(inputs), targets, mask)

        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    ids = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        logits = model(ids[:, -block_size:])
        ids = torch.cat([ids, logits[:, -1:].argmax(-1)], dim=1)
    return tokenizer.decode(ids[0].tolist())


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
