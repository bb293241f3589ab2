# category: rmsprop, schedule, loss-by-hand, zero-grad-by-hand
"""RMSprop whose rate is halved at milestones; the loss is logsumexp minus the score of the target."""

import torch
import torch.nn as nn

TEXT = "halve the rate and the noise halves too"


class Tok:
    def __init__(self, text):
        codes, _ = torch.tensor([ord(c) for c in text]).unique(return_inverse=True)
        self.codes = codes.tolist()  # sorted code points

    def encode(self, text):
        return [self.codes.index(ord(c)) for c in text]

    def decode(self, ids):
        return "".join(chr(self.codes[i]) for i in ids)


class Attn(nn.Module):
    def __init__(self, c, h):
        super().__init__()
        self.h = h
        self.c_attn = nn.Linear(c, 3 * c)
        self.c_proj = nn.Linear(c, c)

    def forward(self, x):
        b, t, c = x.size()
        q, k, v = [z.view(b, t, self.h, c // self.h).transpose(1, 2) for z in self.c_attn(x).split(c, 2)]
        a = (q @ k.transpose(-2, -1)) * (1.0 / k.size(-1) ** 0.5)
        a = a.masked_fill(torch.tril(torch.ones(t, t)).view(1, 1, t, t) == 0, float("-inf"))
        y = torch.softmax(a, -1) @ v
        return self.c_proj(y.transpose(1, 2).contiguous().view(b, t, c))


class Blk(nn.Module):
    def __init__(self, c, h):
        super().__init__()
        self.ln_1, self.attn, self.ln_2 = nn.LayerNorm(c), Attn(c, h), nn.LayerNorm(c)
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(c, 4 * c), "c_proj": nn.Linear(4 * c, c), "act": nn.GELU()})

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp["c_proj"](self.mlp["act"](self.mlp["c_fc"](self.ln_2(x))))


class Net(nn.Module):
    def __init__(self, v, c=64, h=4, n=2, block=128):
        super().__init__()
        self.block = block
        self.transformer = nn.ModuleDict(
            {
                "wte": nn.Embedding(v, c),
                "wpe": nn.Embedding(block, c),
                "h": nn.ModuleList([Blk(c, h) for _ in range(n)]),
                "ln_f": nn.LayerNorm(c),
            }
        )
        self.lm_head = nn.Linear(c, v, bias=False)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, 0.0, 0.05)

    def forward(self, idx):
        tr = self.transformer
        x = tr["wte"](idx) + tr["wpe"](torch.arange(idx.size(1)))
        for block in tr["h"]:
            x = block(x)
        return self.lm_head(tr["ln_f"](x))


def next_token_nll(scores, ids):
    scores, targets = scores[0, :-1], ids[0, 1:]
    return (scores.logsumexp(-1) - scores.gather(-1, targets[:, None]).squeeze(-1)).mean()


def train(text, steps=40, lr=2e-3, seed=0):
    torch.manual_seed(seed)
    tok = Tok(text)
    net = Net(len(tok.codes))
    opt = torch.optim.RMSprop(net.parameters(), lr=lr, alpha=0.95)
    sched = torch.optim.lr_scheduler.MultiStepLR(opt, milestones=[steps // 2, 3 * steps // 4], gamma=0.5)
    ids = torch.tensor([tok.encode(text)])
    losses = []
    for _ in range(steps):
        for p in net.parameters():
            p.grad = None
        loss = next_token_nll(net(ids), ids)
        loss.backward()
        opt.step()
        sched.step()
        losses.append(loss.item())
    return net, tok, losses


@torch.no_grad()
def generate(model, tokenizer, prompt, max_new_tokens):
    ids = tokenizer.encode(prompt)
    for _ in range(max_new_tokens):
        scores = model(torch.tensor(ids[-model.block :])[None])[0, -1]
        one_hot = (scores == scores.max()).float()
        ids.append(torch.multinomial(one_hot, 1).item())
    return tokenizer.decode(ids)


if __name__ == "__main__":
    net, tok, losses = train(TEXT)
    for i, loss in enumerate(losses):
        if i % 10 == 0:
            print(f"{i:>3} {loss:.4f}")
    print(generate(net, tok, TEXT[:8], len(TEXT) - 8))
