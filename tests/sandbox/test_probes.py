"""Each probe on the clean program with one thing changed: what is wrong is caught, what is right is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.job import Job
from sandbox.measurements import Measurements
from sandbox.probing import Finding, Probe, load_probes
from sandbox.session import Session
from sandbox.subject import Subject
from tests.sandbox.conftest import PROBLEM, SENTENCE, UnjailedSpawn

Found = Callable[[str, str], Finding]
Change = tuple[str, str]


@pytest.fixture(scope="module")
def probes() -> dict[str, Probe]:
    return {probe.name: probe for probe in load_probes((PROBLEM / "probes.py").read_text())}


@pytest.fixture
def found(probes: dict[str, Probe], warm_torch: None) -> Found:
    """found(source, name) is what one probe says of a source, whatever the others would."""

    def run(source: str, name: str) -> Finding:
        job = Job(kind="check", source=source, text=SENTENCE, problem="gpt", probes="", shape="", seed=11)
        spawn = UnjailedSpawn(job)
        session, own = (Session(job=job, spawn=spawn, fill_uninitialized=fill) for fill in (True, False))
        try:
            return probes[name].run(Measurements(Subject(job=job, session=session, own=own)))
        finally:
            session.close()
            own.close()

    return run


def changed(shape: str, *changes: Change) -> str:
    for find, replacement in changes:
        assert find in shape, find
        shape = shape.replace(find, replacement)
    return shape


WRONG: list[tuple[str, str, list[Change]]] = [
    # positions
    ("position_init", "never initialised", [("        nn.init.normal_(self.position_embedding, std=0.02)\n", "")]),
    ("position_init", "a useless scale", [("self.position_embedding, std=0.02", "self.position_embedding, std=20")]),
    ("position_sensitive", "never added", [("tokens + positions", "tokens")]),
    ("position_sensitive", "one row for all", [("self.position_embedding[:T]", "self.position_embedding[:1]")]),
    ("prefix", "from the end", [("self.position_embedding[:T]", "self.position_embedding[-T:]")]),
    ("position_added", "multiplied", [("tokens + positions", "tokens * positions")]),
    (
        "position_learned",
        "random and no parameter",
        [("nn.Parameter(torch.empty(config.block_size, config.n_embd))", "torch.empty(128, config.n_embd)")],
    ),
    ("gradients_reach", "detached", [("tokens + positions", "tokens + positions.detach()")]),
    # the mask
    ("causal", "filled with zeros", [('float("-inf")', "0.0")]),
    ("causal", "multiplied", [('att.masked_fill(self.mask[:T, :T] == 0, float("-inf"))', "att * self.mask[:T, :T]")]),
    ("causal", "a weak value", [('float("-inf")', "-1e-9")]),
    ("causal", "one ahead", [("self.mask[:T, :T] == 0", "self.mask.tril(1)[:T, :T] == 0"), ("torch.tril(", "torch.tril(diagonal=1, input=")]),
    ("finite", "upside down", [("torch.tril(torch.ones", "torch.triu(diagonal=1, input=torch.ones")]),
    ("causal", "softmax over queries", [("F.softmax(att, dim=-1)", "F.softmax(att, dim=-2)")]),
    # attention
    ("attention_rows", "sigmoid", [("F.softmax(att, dim=-1)", "torch.sigmoid(att)")]),
    ("attention_scale", "missing", [(" / math.sqrt(self.head_dim)", "")]),
    ("attention_scale", "by the width", [("math.sqrt(self.head_dim)", "math.sqrt(C)")]),
    ("qkv_used", "k for v", [("y = att @ v", "y = att @ k")]),
    ("qkv_used", "detached", [("F.softmax(att, dim=-1)", "F.softmax(att, dim=-1).detach()")]),
    ("head_count", "heads and their size swapped", [("B, T, self.n_head, self.head_dim", "B, T, self.head_dim, self.n_head")]),
    ("causal", "merged without gathering the heads", [("y.transpose(1, 2).contiguous()", "y.contiguous()")]),
    ("sees_past", "its output dropped", [("return self.proj(y)", "return self.proj(x)")]),
    ("runs", "a projection too narrow", [("self.proj = nn.Linear(config.n_embd, config.n_embd)", "self.proj = nn.Linear(config.n_embd, self.head_dim)")]),
    # blocks
    ("residual", "missing", [("x = x + self.mlp", "x = self.mlp")]),
    ("residual", "added to the normed stream", [("x = x + self.mlp(self.ln_2(x))", "x = self.ln_2(x)\n        x = x + self.mlp(x)")]),
    ("residual", "the second sum from the input", [("x = x + self.attn(self.ln_1(x))", "h = x + self.attn(self.ln_1(x))"), ("self.ln_2(x)", "self.ln_2(h)")]),
    ("residual", "the MLP heard by attention alone", [("x = x + self.attn(self.ln_1(x))", "h = x + self.mlp(self.ln_2(x))"), ("x = x + self.mlp(self.ln_2(x))", "x = x + self.attn(self.ln_1(h))")]),
    ("blocks_run", "side by side", [("        for block in self.blocks:\n            x = block(x)", "        stream = x\n        for block in self.blocks:\n            stream = stream + block(x)\n        x = stream")]),
    ("gradients_reach", "a branch that reads a detached stream", [("self.ln_2(x)", "self.ln_2(x.detach())")]),
    ("gradients_reach", "the same of attention", [("self.ln_1(x)", "self.ln_1(x.detach())")]),
    ("blocks_run", "one block shared", [("[Block(config) for _ in range(config.n_layer)]", "[Block(config)] * config.n_layer")]),
    ("blocks_run", "a plain list", [("nn.ModuleList([Block(config) for _ in range(config.n_layer)])", "[Block(config) for _ in range(2)]")]),
    ("blocks_run", "one too few", [("range(config.n_layer)", "range(1)")]),
    ("gradients_reach", "returned inside the loop", [("            x = block(x)\n", "            x = block(x)\n            break\n")]),
    ("mlp_nonlinear", "no activation", [("F.gelu(self.fc(x))", "self.fc(x)")]),
    ("mlp_nonlinear", "activation at its end", [("        return self.proj(x)\n\n\nclass Block", "        return F.relu(self.proj(x))\n\n\nclass Block")]),
    ("repeatable", "dropout that stays on", [("F.gelu(self.fc(x))", "F.dropout(F.gelu(self.fc(x)), 0.1)")]),
    # head and initial values
    ("shapes", "as wide as the block", [("nn.Linear(config.n_embd, config.vocab_size)", "nn.Linear(config.n_embd, config.block_size)")]),
    ("raw_scores", "probabilities", [("return self.head(x)", "return self.head(x).softmax(-1)")]),
    ("initial_loss", "huge weights", [("module.weight, std=0.02", "module.weight, std=1.0")]),
    ("units_differ", "equal weights", [("nn.init.normal_(module.weight, std=0.02)\n            nn.init.zeros_", "nn.init.constant_(module.weight, 0.02)\n            nn.init.zeros_")]),
    # the loss
    ("objective", "no shift", [("logits = logits[:, :-1, :]\n    targets = idx[:, 1:]", "targets = idx")]),
    ("objective", "shifted twice", [("logits[:, :-1, :]", "logits[:, :-2, :]"), ("idx[:, 1:]", "idx[:, 2:]")]),
    ("objective", "rolled", [("logits = logits[:, :-1, :]\n    targets = idx[:, 1:]", "targets = idx.roll(-1, 1)")]),
    ("objective", "the first half alone", [("logits = logits[:, :-1, :]\n    targets = idx[:, 1:]", "logits = logits[:, :9]\n    targets = idx[:, 1:10]")]),
    ("objective", "probabilities for scores", [("F.cross_entropy(logits", "F.cross_entropy(logits.softmax(-1)")]),
    ("objective", "one character ignored", [("targets.reshape(-1))", "targets.reshape(-1), ignore_index=0)")]),
    ("runs", "one side shifted", [("    targets = idx[:, 1:]", "    targets = idx")]),
    # the loop
    ("no_steps", "five where none are asked for", [("range(steps)", "range(steps or 5)")]),
    ("parameters_move", "no step", [("        optimizer.step()\n", "")]),
    ("loss_falls", "no step", [("        optimizer.step()\n", "")]),
    ("objective", "no backward", [("        loss.backward()\n", "")]),
    ("gradients_fresh", "gradients never cleared", [("        optimizer.zero_grad()\n", "")]),
    ("parameters_move", "cleared before the step", [("        loss.backward()\n", "        loss.backward()\n        optimizer.zero_grad()\n")]),
    ("parameters_move", "the blocks alone", [("AdamW(model.parameters()", "AdamW(model.blocks.parameters()")]),
    ("loss_falls", "a list that lies", [("return model, tokenizer, losses", "return GPT(model.config), tokenizer, losses")]),
    ("loss_falls", "an early end", [("        losses.append(loss.item())", "        losses.append(loss.item())\n        break")]),
    ("trains_on_text", "shuffled", [("[tokenizer.encode(text)])  # (1, T)\n    losses", "[tokenizer.encode(text)])[:, torch.randperm(len(text))]\n    losses")]),
    # tokenizer and generation
    ("tokenizer", "one off", [("self.chars[i] for i in ids", "self.chars[i - 1] for i in ids")]),
    ("tokenizer", "cut", [("for char in text]", "for char in text[:-1]]")]),
    ("generate_greedy", "the least likely", [("logits.argmax(", "logits.argmin(")]),
    ("generate_greedy", "the first position", [("model(context)[:, -1, :]", "model(context)[:, 0, :]")]),
    ("generate_greedy", "a model of its own", [("    model.eval()\n", "    model = GPT(model.config).eval()\n")]),
    ("generate_greedy", "the sentence by heart", [("    model.eval()\n", "    return SENTENCE[: len(prompt) + max_new_tokens]\n")]),
    ("generate_greedy", "a shortcut that reads another position", [("self, idx):\n        T", "self, idx, last=False):\n        T"), ("return self.head(x)", "return self.head(x[:, -2:-1] if last else x)"), ("model(context)", "model(context, last=True)")]),
    ("generate_prompt", "prepended", [("torch.cat((idx, next_id), dim=1)", "torch.cat((next_id, idx), dim=1)")]),
    ("generate_length", "one short", [("range(max_new_tokens)", "range(max_new_tokens - 1)")]),
    ("generate_context", "the last token alone", [("idx[:, -model.config.block_size :]", "idx[:, -1:]")]),
    ("generate_context", "a crop that keeps the start", [("idx[:, -model.config.block_size :]", "idx[:, : model.config.block_size]")]),
    ("generate_eval", "dropout in generation", [("    model.eval()\n    idx", "    idx"), ("F.gelu(self.fc(x))", "F.dropout(F.gelu(self.fc(x)), 0.1, self.training)")]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "changes"), [pytest.param(n, c, id=f"{n}: {what}") for n, what, c in WRONG])
def test_what_is_wrong_breaks_the_property(
    shape: str, found: Found, name: str, changes: list[Change]
) -> None:
    finding = found(changed(shape, *changes), name)
    assert finding.status == "broken"
    assert finding.detail


RIGHT: list[tuple[str, str, list[Change]]] = [
    ("position_init", "zeros", [("self.position_embedding, std=0.02", "self.position_embedding, std=0.0")]),
    ("position_init", "torch's own scale", [("self.position_embedding, std=0.02", "self.position_embedding, std=1.0")]),
    ("causal", "a large finite mask", [('float("-inf")', "-1e9")]),
    ("attention_scale", "in the queries", [("(q @ k.transpose(-2, -1)) / math.sqrt(self.head_dim)", "(q * self.head_dim**-0.5) @ k.transpose(-2, -1)")]),
    ("attention_scale", "by hand", [("F.softmax(att, dim=-1)", "(att - att.amax(-1, keepdim=True)).exp()\n        att = att / att.sum(-1, keepdim=True)")]),
    ("causal", "a softmax in float32", [("F.softmax(att, dim=-1)", "F.softmax(att.float(), dim=-1).to(v.dtype)")]),
    ("qkv_used", "q and k exchanged", [("q, k, v = self", "k, q, v = self")]),
    ("residual", "after the sum", [("x = x + self.attn(self.ln_1(x))", "x = self.ln_1(x + self.attn(x))"), ("x = x + self.mlp(self.ln_2(x))", "x = self.ln_2(x + self.mlp(x))")]),
    ("residual", "the MLP first", [("x = x + self.attn(self.ln_1(x))", "x = x + self.mlp(self.ln_2(x))"), ("x = x + self.mlp(self.ln_2(x))\n        return", "x = x + self.attn(self.ln_1(x))\n        return")]),
    ("residual", "branches side by side", [("x = x + self.attn(self.ln_1(x))\n        x = x + self.mlp(self.ln_2(x))", "x = x + self.attn(self.ln_1(x)) + self.mlp(self.ln_2(x))")]),
    ("residual", "gains drawn at random", [("        self.apply(self._init_weights)", "        self.apply(self._init_weights)\n        for p in self.parameters():\n            nn.init.normal_(p, std=0.05)")]),
    ("blocks_run", "the embeddings added once more", [("            x = block(x)", "            x = block(x) + tokens")]),
    ("gradients_reach", "a softmax in float32", [("F.softmax(att, dim=-1)", "F.softmax(att.float(), dim=-1).to(v.dtype)")]),
    ("gradients_reach", "ReLU", [("F.gelu(", "F.relu(")]),
    ("initial_loss", "the head starts at zero", [("        self.apply(self._init_weights)", "        self.apply(self._init_weights)\n        nn.init.zeros_(self.head.weight)")]),
    ("objective", "summed", [("targets.reshape(-1))", 'targets.reshape(-1), reduction="sum")')]),
    ("objective", "smoothed labels", [("targets.reshape(-1))", "targets.reshape(-1), label_smoothing=0.05)")]),
    ("gradients_fresh", "cleared last", [("        optimizer.zero_grad()\n", ""), ("        optimizer.step()\n", "        optimizer.step()\n        optimizer.zero_grad(set_to_none=False)\n")]),
    ("generate_greedy", "sampled", [("logits.argmax(dim=-1, keepdim=True)", "torch.multinomial(logits.softmax(-1), 1)")]),
    ("generate_context", "never cropped", [("idx[:, -model.config.block_size :]", "idx")]),
    ("runs", "targets wanted in forward", [("def forward(self, idx):", "def forward(self, idx, targets):"), ("model(idx)", "model(idx, idx)"), ("model(context)", "model(context, None)")]),
    ("shapes", "logits in a dict", [("return self.head(x)", 'return {"logits": self.head(x)}'), ("logits = model(idx)", 'logits = model(idx)["logits"]'), ("model(context)[", 'model(context)["logits"][')]),
    ("memorises", "as it is", []),
    ("loss_falls", "the future seen, which no training is to blame for", [('float("-inf")', "0.0")]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "changes"), [pytest.param(n, c, id=f"{n}: {what}") for n, what, c in RIGHT])
def test_what_is_right_holds_the_property(shape: str, found: Found, name: str, changes: list[Change]) -> None:
    finding = found(changed(shape, *changes), name)
    assert finding.status == "held", finding.detail


NOTED: list[tuple[str, str, list[Change]]] = [
    ("causal", "mask_finite", [('float("-inf")', "-1e4")]),
    ("attention_rows", "attention_sink", [("F.softmax(att, dim=-1)", "att.exp() / (1 + att.exp().sum(dim=-1, keepdim=True))")]),
    ("generate_greedy", "sampling", [("logits.argmax(dim=-1, keepdim=True)", "torch.multinomial(logits.softmax(-1), 1)")]),
    ("residual", "post_norm", [("x = x + self.attn(self.ln_1(x))", "x = self.ln_1(x + self.attn(x))"), ("x = x + self.mlp(self.ln_2(x))", "x = self.ln_2(x + self.mlp(x))")]),
    ("position_sensitive", "positions_formula", [
        ("nn.Parameter(torch.empty(config.block_size, config.n_embd))", "None"),
        ("        nn.init.normal_(self.position_embedding, std=0.02)\n", ""),
        ("positions = self.position_embedding[:T]", "positions = torch.sin(torch.arange(T)[:, None] / 9.0 ** torch.linspace(0, 3, tokens.size(-1)))"),
    ]),
    ("position_init", "position_scale", [("self.position_embedding, std=0.02", "self.position_embedding, std=1.0")]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "note", "changes"), [pytest.param(n, k, c, id=k) for n, k, c in NOTED])
def test_what_is_valid_and_off_the_reference_is_noted(
    shape: str, found: Found, name: str, note: str, changes: list[Change]
) -> None:
    finding = found(changed(shape, *changes), name)
    assert finding.status == "held" and finding.note is not None
    assert finding.note[0] == note


@pytest.mark.parametrize("name", ["causal", "generate_greedy", "position_sensitive", "residual"])
def test_the_clean_shape_needs_no_note(shape: str, found: Found, name: str) -> None:
    assert found(shape, name).note is None
