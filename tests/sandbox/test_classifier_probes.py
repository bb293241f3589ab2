"""The probes of `classifier`, on its clean shapes with one change each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.classification import LONGEST, PAD, TOKENS, examples
from sandbox.examiner import examine
from sandbox.job import Job
from tests.sandbox.conftest import PROBLEM, UnjailedSpawn

FOLDER = PROBLEM.parent / "classifier"
SHAPES = {name: (FOLDER / "shapes" / f"{name}.py").read_text() for name in ("causal", "full")}
Change = tuple[str, str]
Examined = Callable[..., dict[str, Any]]
MEAN = "(x * real).sum(dim=1) / real.sum(dim=1)"


@pytest.fixture(scope="module")
def examined(warm_torch: None) -> Examined:
    probes = (FOLDER / "probes.py").read_text()

    def run(source: str, *, only: tuple[str, ...] = ()) -> dict[str, Any]:
        job = Job(
            kind="check",
            source=source,
            text="",
            problem="classifier",
            contract="classifier",
            probes=probes,
            shape=SHAPES["causal"],
            only=only,
            seed=7,
        )
        return examine(job, spawn=UnjailedSpawn(job), emit=lambda event: None, level="rlimits")

    return run


def changed(shape: str, *changes: Change) -> str:
    source = SHAPES[shape]
    for old, new in changes:
        assert old in source, old
        source = source.replace(old, new)
    return source


@pytest.mark.parametrize("shape", SHAPES)
def test_a_clean_shape_passes_with_every_property_and_no_note(examined: Examined, shape: str) -> None:
    verdict = examined(SHAPES[shape])
    assert verdict["outcome"] == "passed"
    assert {entry["status"] for entry in verdict["properties"]} == {"held"}
    assert set(verdict["criteria"]) == {"loss_drop", "accuracy"}
    assert verdict["criteria"]["accuracy"]["measured"] > 0.9
    assert verdict["notes"] == []


WRONG: list[tuple[str, str, str, list[Change]]] = [
    ("causal", "padding_length", "padding in the mean", [(MEAN, "x.mean(dim=1)")]),
    ("causal", "padding_content", "padding in the mean", [(MEAN, "x.mean(dim=1)")]),
    ("full", "padding_content", "padding attended", [(", attn_mask=keys)", ")")]),
    ("causal", "pooled", "a sum", [(MEAN, "(x * real).sum(dim=1)")]),
    ("causal", "pooled", "no final norm", [("        x = self.ln_f(x)  # (B, T, C)\n", "")]),
    ("causal", "pooled", "one too many counted", [(MEAN, "(x * real).sum(dim=1) / (real.sum(dim=1) + 1)")]),
    ("causal", "mask_none", "halved without a mask", [("return x.mean(dim=1)", "return x.mean(dim=1) / 2")]),
    ("causal", "batch", "counted over the batch", [(MEAN, "(x * real).sum(dim=1) / real.sum()")]),
    ("causal", "sees_every_token", "the first of a causal model", [("self.pool(x, mask)", "x[:, 0]")]),
    ("causal", "mask_none", "the padding's token taken for padding", [("            return x.mean(dim=1)  # (B, C)\n", "            mask = idx != PAD\n"), ("def pool(self, x, mask)", "def pool(self, x, mask, idx)"), ("self.pool(x, mask)", "self.pool(x, mask, idx)")]),
    ("causal", "sees_every_token", "the first left out, even alone", [("        pooled = self.pool(x, mask)", "        mask = torch.ones(idx.shape) if mask is None else mask\n        pooled = self.pool(x, mask * (torch.arange(T) > 0))"), (MEAN, "(x * real).sum(dim=1) / real.sum(dim=1).clamp(min=1)")]),
    ("full", "pooled", "half of the text", [("weights = mask.to(x.dtype)", "weights = mask * (torch.arange(x.size(1)) < 6)")]),
    ("causal", "classes", "one class squeezed", [("return self.head(pooled)", "return self.head(pooled).squeeze(-1)")]),
    ("causal", "rate_obeyed", "a rate of its own", [("lr=lr", "lr=5e-3")]),
    ("causal", "no_steps", "none taken for forty", [("    losses = []\n", "    steps = steps or 40\n    losses = []\n")]),
    ("causal", "no_steps", "steps before the first", [("    losses = []\n", "    losses = []\n    for _ in range(9):\n        loss_fn(model(idx, mask), labels).backward()\n        optimizer.step()\n")]),
    ("causal", "tokens_mix", "no attention", [("y = att @ v", "y = v")]),
    ("causal", "classes", "a fixed number", [("config.n_embd, num_classes)", "config.n_embd, 3)")]),
    ("causal", "batch_of_one", "squeezed", [("return self.head(pooled)", "return self.head(pooled).squeeze()")]),
    ("causal", "trains_with_mask", "no mask in training", [("logits = model(idx, mask)\n        loss", "logits = model(idx)\n        loss")]),
    ("causal", "parameters_move", "frozen", [("    losses = []\n", "    losses = []\n    model.blocks.requires_grad_(False)\n")]),
    ("causal", "initialised", "positions as memory has them", [("        nn.init.normal_(self.position_embedding, std=0.02)\n", "")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "name", "changes"), [pytest.param(s, n, c, id=f"{n}: {what}") for s, n, what, c in WRONG]
)
def test_what_is_wrong_breaks_the_property(
    examined: Examined, shape: str, name: str, changes: list[Change]
) -> None:
    verdict = examined(changed(shape, *changes), only=(name,))
    assert verdict["outcome"] == "failed"
    assert {entry["name"]: entry["status"] for entry in verdict["properties"]}[name] == "broken"


NOTED: list[tuple[str, str, str, list[Change]]] = [
    ("causal", "pooling", "last real token", [(MEAN, "x[torch.arange(len(x)), mask.sum(1) - 1]"), ("return x.mean(dim=1)", "return x[:, -1]")]),
    ("full", "pooling", "first token", [("self.mean_of(self.norm(x), mask)", "self.norm(x)[:, 0]")]),
    ("causal", "log_probabilities", "", [("return self.head(pooled)", "return self.head(pooled).log_softmax(-1)")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "note", "changes"), [pytest.param(s, n, c, id=f"{n} {what}") for s, n, what, c in NOTED]
)
def test_what_is_right_and_not_asked_for_passes_with_a_note(
    examined: Examined, shape: str, note: str, changes: list[Change]
) -> None:
    verdict = examined(changed(shape, *changes))
    assert verdict["outcome"] == "passed"
    assert [found["name"] for found in verdict["notes"]] == [note]


def test_nothing_is_called_valid_where_the_scores_are_none(examined: Examined) -> None:
    last = (MEAN, "x[torch.arange(len(x)), mask.sum(1) - 1]"), ("return x.mean(dim=1)", "return x[:, -1]")
    head = ("return self.head(pooled)", "return self.head(pooled).softmax(-1)")
    assert examined(changed("causal", *last, head), only=("pooled", "raw_scores"))["notes"] == []


def test_the_judges_texts_are_of_the_given_task() -> None:
    ids, mask, labels = examples(60, seed=3)
    assert ids.shape == mask.shape == (60, LONGEST)
    for text, real, label in zip(ids, mask.bool(), labels.tolist(), strict=True):
        assert (text[~real] == PAD).all()
        assert (text[real] < TOKENS).all()
        tally = text[real].bincount(minlength=TOKENS)
        assert int(tally.argmax()) == label
        assert int(tally[label]) >= 2 + int(tally.sort().values[-2])
        assert real.tolist() == sorted(real.tolist(), reverse=True)
