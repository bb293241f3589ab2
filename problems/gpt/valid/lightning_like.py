# category: trainer-class, loss-in-forward, schedule, dataset-class, unregistered-mask
"""A module with training_step and configure_optimizers, and a small trainer that knows nothing of the model."""

import math

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset


class LineDataset(Dataset):
    def __init__(self, ids):
        self.x, self.y = ids[:-1], ids[1:]

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return self.x, self.y


class Callback:
    def on_step_end(self, trainer, loss): ...


class LossHistory(Callback):
    def __init__(self):
        self.values = []

    def on_step_end(self, trainer, loss):
        self.values.append(loss.detach().item())


class LightModule(nn.Module):
    def training_step(self, batch, batch_idx):
        raise NotImplementedError

    def configure_optimizers(self):
        raise NotImplementedError


class Fitter:
    def __init__(self, max_steps, callbacks=()):
        self.max_steps, self.callbacks, self.global_step = max_steps, list(callbacks), 0

    def fit(self, module, loader):
        optimizer, scheduler = module.configure_optimizers()
        module.train()
        while self.global_step < self.max_steps:
            for batch_idx, batch in enumerate(loader):
                loss = module.training_step(batch, batch_idx)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                scheduler.step()
                for callback in self.callbacks:
                    callback.on_step_end(self, loss)
                self.global_step += 1
        module.eval()


class Block(nn.Module):
    def __init__(self, hp):
        super().__init__()
        self.heads = hp["heads"]
        self.ln1, self.ln2 = nn.LayerNorm(hp["dim"]), nn.LayerNorm(hp["dim"])
        self.in_proj = nn.Linear(hp["dim"], 3 * hp["dim"])
        self.out_proj = nn.Linear(hp["dim"], hp["dim"])
        self.mlp = nn.Sequential(
            nn.Linear(hp["dim"], hp["mlp_ratio"] * hp["dim"]),
            nn.GELU(),
            nn.Linear(hp["mlp_ratio"] * hp["dim"], hp["dim"]),
        )

    def attend(self, x):
        B, T, C = x.shape
        q, k, v = self.in_proj(x).chunk(3, dim=2)
        q, k, v = (t.view(B, T, self.heads, -1).transpose(1, 2) for t in (q, k, v))
        weights = q @ k.transpose(2, 3) / math.sqrt(C // self.heads)
        hidden = torch.ones(T, T, dtype=torch.bool, device=x.device).triu(1)
        weights = weights.masked_fill(hidden, float("-inf")).softmax(dim=-1)
        return self.out_proj((weights @ v).transpose(1, 2).reshape(B, T, C))

    def forward(self, x):
        x = x + self.attend(self.ln1(x))
        return x + self.mlp(self.ln2(x))


class LitGPT(LightModule):
    def __init__(self, vocab_size, lr, max_steps):
        super().__init__()
        self.hparams = dict(dim=64, heads=4, depth=2, mlp_ratio=4, context=128, lr=lr, max_steps=max_steps)
        hp = self.hparams
        self.wte, self.wpe = nn.Embedding(vocab_size, hp["dim"]), nn.Embedding(hp["context"], hp["dim"])
        self.blocks = nn.Sequential(*(Block(hp) for _ in range(hp["depth"])))
        self.norm = nn.LayerNorm(hp["dim"])
        self.head = nn.Linear(hp["dim"], vocab_size, bias=False)
        self.apply(self.init_weights)

    @staticmethod
    def init_weights(module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)

    def forward(self, idx, targets=None):
        x = self.wte(idx) + self.wpe(torch.arange(idx.shape[1], device=idx.device))
        logits = self.head(self.norm(self.blocks(x)))
        loss = None if targets is None else F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        return logits, loss

    def training_step(self, batch, batch_idx):
        x, y = batch
        _, loss = self(x, y)
        return loss

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.hparams["lr"])
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=max(1, self.hparams["max_steps"]))
        return optimizer, scheduler


class Tokenizer:
    def __init__(self, text):
        self.chars = sorted(set(text))
        self.index = {c: i for i, c in enumerate(self.chars)}

    def encode(self, text):
        return [self.index[c] for c in text]

    def decode(self, ids):
        return "".join(self.chars[i] for i in ids)


def train(text, steps=50, lr=4e-3, seed=0):
    torch.manual_seed(seed)
    tokenizer = Tokenizer(text)
    module = LitGPT(len(tokenizer.chars), lr=lr, max_steps=steps)
    loader = DataLoader(LineDataset(torch.tensor(tokenizer.encode(text))), batch_size=1)
    history = LossHistory()
    Fitter(max_steps=steps, callbacks=[history]).fit(module, loader)
    return module, tokenizer, history.values


@torch.inference_mode()
def generate(model, tokenizer, prompt, max_new_tokens):
    model.eval()
    idx = torch.tensor([tokenizer.encode(prompt)])
    for _ in range(max_new_tokens):
        logits, _ = model(idx[:, -model.hparams["context"] :])
        idx = torch.cat([idx, logits[:, -1:].argmax(dim=-1)], dim=1)
    return tokenizer.decode(idx[0].tolist())


if __name__ == "__main__":
    SENTENCE = "the loop is dull, and that is how it should be"
    module, tokenizer, losses = train(SENTENCE)
    print(f"first {losses[0]:.3f}, last {losses[-1]:.3f}")
    print(generate(module, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
