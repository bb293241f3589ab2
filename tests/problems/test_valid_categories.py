"""The right programs of the pack `gpt`: line 1 names their categories, and no category is without one."""

from __future__ import annotations

import re

import pytest

from app.settings import CHECKOUT

REQUIRED = (
    *("mask-minus-1e9", "mask-finfo-min", "mask-boolean", "mask-additive", "mask-index-tricks"),
    *("sdpa-is-causal", "sdpa-with-mask", "einsum", "split-q-k-v"),
    *("positions-embedding", "positions-zero", "positions-xavier"),
    *("positions-trunc-normal", "positions-uniform"),
    *("zero-grad-first", "zero-grad-after-step", "zero-grad-through-the-model"),
    *("zero-grad-to-none-false", "zero-grad-by-hand"),
    *("manual-sgd", "autograd-grad", "gradient-accumulation", "clipping", "schedule"),
    *("adam", "sgd", "momentum", "lion-by-hand"),
    *("float32-softmax-upcast", "relu", "tanh-gelu", "dropout-with-eval"),
    *("loss-sum", "loss-mean", "label-smoothing", "ignore-index"),
    *("refactored-into-functions", "type-hints", "renamed-attributes"),
    *("dataclass-configuration", "dict-configuration"),
    *("multihead-attention-module", "transformer-encoder-layer"),
    *("rope", "alibi", "sin-cos", "torch-compile"),
)
FURTHER = (
    *("weight-tying", "post-norm", "mask-minus-1e4", "sampling", "rms-norm", "swiglu", "grouped-query"),
    *("parallel-branches", "kv-cached-generation", "start-token", "hf-style-output", "per-head-modules"),
    *("loss-in-forward", "functional", "trainer-class"),
    *("dataset-class", "default-initialisation", "fixed-alphabet", "generation-variant"),
    *("heads-merged-otherwise", "loss-by-hand", "loss-in-parts", "loss-module", "one-layer"),
    *("optimizer-by-hand", "optimizer-closure", "padded-batch", "parameter-groups", "positions-randn"),
    *("raw-parameters", "relative-bias", "scaled-queries", "soft-capped-logits", "softmax-by-hand"),
    *("torch-func", "zero-init-projections"),
)
FOLDER = CHECKOUT / "problems" / "gpt" / "valid"
FILES = sorted(FOLDER.glob("*.py"))
SLUG = "[a-z0-9]+(?:-[a-z0-9]+)*"


def _categories(name: str) -> list[str]:
    first = (FOLDER / name).read_text(encoding="utf-8").split("\n", 1)[0]
    form = re.fullmatch(rf"# category: ({SLUG}(?:, {SLUG})*)", first)
    assert form, f"{name}: line 1 must read `# category: slug` or `# category: slug, slug`"
    return form[1].split(", ")


@pytest.mark.parametrize("name", [file.name for file in FILES])
def test_a_program_names_categories_of_the_list(name: str) -> None:
    found = _categories(name)
    assert len(set(found)) == len(found)
    assert set(found) <= {*REQUIRED, *FURTHER}


@pytest.mark.parametrize("category", [*REQUIRED, *FURTHER])
def test_a_category_has_a_program(category: str) -> None:
    assert any(category in _categories(file.name) for file in FILES)


def test_no_category_stands_twice() -> None:
    assert len({*REQUIRED, *FURTHER}) == len(REQUIRED) + len(FURTHER)
