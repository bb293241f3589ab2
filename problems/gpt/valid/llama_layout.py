# category: sdpa-is-causal, rms-norm, swiglu, weight-tying, positions-trunc-normal, dataclass-configuration
"""The layout of Llama, but with a learned table of positions; head and embedding share a matrix."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class ModelArgs:
    dim: int = 64
    n_layers: int = 2
    n_heads: int = 8
    vocab_size: int = -1
    multiple_of: int = 32
    norm_eps: float = 1e-5
    max_seq_len: int = 128


class RMSNorm(nn.Module):
    def __init__(self, dim, eps):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


class Attention(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.n_heads = args.n_heads
        self.wq = nn.Linear(args.dim, args.dim, bias=False)
        self.wk = nn.Linear(args.dim, args.dim, bias=False)
        self.wv = nn.Linear(args.dim, args.dim, bias=False)
        self.wo = nn.Linear(args.dim, args.dim, bias=False)

    def forward(self, x):
        bsz, seqlen, dim = x.shape
        xq = self.wq(x).view(bsz, seqlen, self.n_heads, -1).transpose(1, 2)
        xk = self.wk(x).view(bsz, seqlen, self.n_heads, -1).transpose(1, 2)
        xv = self.wv(x).view(bsz, seqlen, self.n_heads, -1).transpose(1, 2)
        out = F.scaled_dot_product_attention(xq, xk, xv, is_causal=True)
        return self.wo(out.transpose(1, 2).contiguous().view(bsz, seqlen, dim))


class FeedForward(nn.Module):
    def __init__(self, args):
        super().__init__()
        hidden = int(2 * (4 * args.dim) / 3)
        hidden = args.multiple_of * ((hidden + args.multiple_of - 1) // args.multiple_of)
        self.gate = nn.Linear(args.dim, hidden, bias=False)
        self.down = nn.Linear(hidden, args.dim, bias=False)
        self.up = nn.Linear(args.dim, hidden, bias=False)

    def forward(self, x):
        return self.down(F.silu(self.gate(x)) * self.up(x))


class TransformerBlock(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.attention = Attention(args)
        self.feed_forward = FeedForward(args)
        self.attention_norm = RMSNorm(args.dim, args.norm_eps)
        self.ffn_norm = RMSNorm(args.dim, args.norm_eps)

    def forward(self, x):
        h = x + self.attention(self.attention_norm(x))
        return h + self.feed_forward(self.ffn_norm(h))


class Transformer(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.args = args
        self.tok_embeddings = nn.Embedding(args.vocab_size, args.dim)
        self.pos_embeddings = nn.Parameter(torch.empty(args.max_seq_len, args.dim))
        self.layers = nn.ModuleList(TransformerBlock(args) for _ in range(args.n_layers))
        self.norm = RMSNorm(args.dim, args.norm_eps)
        self.output = nn.Linear(args.dim, args.vocab_size, bias=False)
        self.tok_embeddings.weight = self.output.weight
        nn.init.trunc_normal_(self.pos_embeddings, std=0.02)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2 and name != "pos_embeddings":
                nn.init.trunc_normal_(parameter, std=0.05, a=-0.15, b=0.15)

    def forward(self, tokens):
        h = self.tok_embeddings(tokens) + self.pos_embeddings[: tokens.size(1)]
        for layer in self.layers:
            h = layer(h)
        return self.output(self.norm(h))


class Tokenizer:
    def __init__(self, text):
        self.vocab = sorted(set(text))
        self.lookup = {c: i for i, c in enumerate(self.vocab)}

    def encode(self, text):
        return [self.lookup[c] for c in text]

    def decode(self, ids):
        return "".join(self.vocab[i] for i in ids)


def train(text, steps=40, lr=3e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    model = Transformer(ModelArgs(vocab_size=len(tokenizer.vocab)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, betas=(0.9, 0.95))
    tokens = torch.tensor([tokenizer.encode(text)])
    losses = []
    for _ in range(steps):
        logits = model(tokens)
        loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, tokenizer, losses


@torch.inference_mode()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    tokens = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        logits = model(tokens[:, -model.args.max_seq_len :])
        tokens = torch.hstack([tokens, logits[:, -1].argmax(-1, keepdim=True)])
    return tokenizer.decode(tokens[0].tolist())


if __name__ == "__main__":
    sentence = "gates open for the words that matter"
    model, tokenizer, losses = train(sentence)
    print(f"{losses[0]:.4f} {losses[-1]:.4f}")
    print(generate(model, tokenizer, sentence[:8], len(sentence) - 8))
