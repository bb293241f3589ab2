import torch


class KVCache:
    """The keys and values of one layer, of the tokens that were fed so far."""

    def __init__(self):
        self.k = None  # (B, H, T, D)
        self.v = None  # (B, H, T, D)

    def length(self):
        """The cache's length in tokens."""
        return 0 if self.k is None else self.k.size(2)

    def get(self):
        """The stored keys and values, both None while there are none."""
        return self.k, self.v

    def update(self, k, v):
        """Stores the keys and values of new tokens, each (B, H, T, D)."""
        if self.k is None:
            self.k, self.v = k, v
        else:
            self.k = torch.cat((self.k, k), dim=2)
            self.v = torch.cat((self.v, v), dim=2)


def new_caches(model):
    """An empty cache for each layer of the model."""
    stacks = (torch.nn.ModuleList, torch.nn.Sequential)
    layers = next(part for part in model.modules() if isinstance(part, stacks))
    return [KVCache() for _ in layers]


def generate_cached(model, tokenizer, prompt, max_new_tokens):
    """Writes what `generate` writes, and feeds the model each token once."""
    raise NotImplementedError("generate_cached is yours to write")


def check_parity():
    """Shows that the model over caches answers what it answers without, however the tokens are fed."""
