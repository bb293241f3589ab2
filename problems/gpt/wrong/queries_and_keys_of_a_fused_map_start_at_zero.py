# caught by: parameters_move
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)

SENTENCE = "attention is a soft lookup over the past"
D, HEADS, DEPTH, CTX = 48, 3, 3, 128


class Vocab:
    def __init__(self, corpus):
        self.chars = "".join(sorted(set(corpus)))

    def __len__(self):
        return len(self.chars)

    def encode(self, s):
        return [self.chars.index(c) for c in s]

    def decode(self, ids):
        return "".join(map(self.chars.__getitem__, ids))


class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(D, 3 * D, bias=False)
        self.out = nn.Linear(D, D, bias=False)

    def forward(self, x):
        B, T, _ = x.shape
        q, k, v = (part.view(B, T, HEADS, -1).transpose(1, 2) for part in self.qkv(x).split(D, dim=-1))
        z = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(z.transpose(1, 2).reshape(B, T, D))


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.W_in = nn.Parameter(torch.empty(D, 4 * D))
        self.b_in = nn.Parameter(torch.zeros(4 * D))
        self.W_out = nn.Parameter(torch.empty(4 * D, D))
        self.b_out = nn.Parameter(torch.zeros(D))

    def forward(self, x):
        return F.gelu(x @ self.W_in + self.b_in) @ self.W_out + self.b_out


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln1, self.attn = nn.LayerNorm(D), SelfAttention()
        self.ln2, self.mlp = nn.LayerNorm(D), MLP()

    def forward(self, resid):
        resid = resid + self.attn(self.ln1(resid))
        resid = resid + self.mlp(self.ln2(resid))
        return resid


class Transformer(nn.Module):
    def __init__(self, n_vocab):
        super().__init__()
        self.W_E = nn.Parameter(torch.empty(n_vocab, D))
        self.W_pos = nn.Parameter(torch.empty(CTX, D))
        self.blocks = nn.Sequential(*[Block() for _ in range(DEPTH)])
        self.ln_f = nn.LayerNorm(D)
        self.W_U = nn.Parameter(torch.empty(D, n_vocab))
        self.reset()

    @torch.no_grad()
    def reset(self):
        for name, p in self.named_parameters():
            leaf = name.split(".")[-1]
            if leaf == "W_out" or name.endswith("out.weight"):
                p.normal_(std=0.08 / (2 * DEPTH) ** 0.5)    # residual writers start small
            elif name.endswith("qkv.weight"):
                p.normal_(std=0.08)
                p[: 2 * D].zero_()                          # start from flat attention patterns
            elif leaf.startswith("W_"):
                p.normal_(std=0.08)

    def forward(self, idx):
        resid = self.W_E[idx] + self.W_pos[: idx.shape[1]]
        return self.ln_f(self.blocks(resid)) @ self.W_U


def train(text, steps=200, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    vocab = Vocab(text)
    net = Transformer(len(vocab))
    seq = torch.tensor(vocab.encode(text))[None]
    opt = torch.optim.Adam(net.parameters(), lr)
    losses = []
    for _ in range(steps):
        logp = net(seq[:, :-1]).log_softmax(-1)
        loss = -logp.gather(-1, seq[:, 1:, None]).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(float(loss.detach()))
    return net, vocab, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    out = list(tokenizer.encode(prompt))
    while max_new_tokens > 0:
        out.append(model(torch.tensor(out)[None])[0, -1].argmax().item())
        max_new_tokens -= 1
    return tokenizer.decode(out)


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
