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
    *("dataset-class", "default-initialisation", "fixed-alphabet", "functional", "generation-variant"),
    *("grouped-query", "heads-merged-otherwise", "hf-style-output", "kv-cached-generation", "loss-by-hand"),
    *("loss-in-forward", "loss-in-parts", "loss-module", "mask-minus-1e4", "one-layer"),
    *(
        "branches-averaged",
        "memory-slots",
        "time-first",
        "optimizer-by-hand",
        "optimizer-closure",
        "padded-batch",
        "parallel-branches",
        "parameter-groups",
    ),
    *("per-head-modules", "positions-concatenated", "positions-randn", "post-norm", "raw-parameters"),
    *("rearrange-by-hand", "registered-mask", "relative-bias", "rms-norm", "sampling", "scaled-queries"),
    *("soft-capped-logits", "softmax-by-hand", "start-token", "swiglu", "torch-func", "trainer-class"),
    *("unregistered-mask", "weight-tying", "zero-init-projections"),
    *("adadelta", "adagrad", "analytic-gradient", "anomaly-detection", "batched-copies"),
    *("best-weights-kept", "bfloat16-autocast", "buckets", "byte-tokenizer", "checkpointing"),
    *("curriculum", "custom-autograd-function", "deterministic-algorithms", "double-precision"),
    *("ema-of-weights", "end-token", "epochs", "evaluation-while-training", "flat-parameters"),
    *("frozen-when-done", "grad-scaler", "layer-wise-rates", "lbfgs", "line-search", "lookahead"),
    *("muon", "one-hot-input", "optimizer-in-backward", "prefixes", "radam", "rmsprop", "rprop"),
    *("sampled-places", "seeded-generator", "sharpness-aware", "sign-sgd", "soft-targets"),
    *("static-buffer", "two-optimizers", "windows"),
    *("attention-sink", "forgetting-attention", "fused-steps", "head-in-pieces", "speculative-generation"),
    *("value-embeddings",),
    *("alternating-parts", "backward-in-parts", "beam-search", "callbacks", "deep-supervision"),
    *("distribution-loss", "estimator-class", "loss-in-bits", "packed-rows", "per-example-gradients"),
    *("repaired-starter",),
    *("annotated-transformer", "channels-first", "convolutions", "cosine-attention"),
    *("embedding-norm", "factorised-embedding", "four-layers"),
    *("functional-norms", "fused-mask", "fused-projections", "gated-attention", "geglu"),
    *("gradient-checkpointing", "head-with-transform", "hidden-eight-times"),
    *("layer-norm-without-bias", "layer-scale", "lazy-modules", "learned-residual-weights"),
    *("learned-scale", "log-probabilities", "macaron", "mask-block-diagonal", "mask-cumsum"),
    *("mask-half-minimum", "mask-in-place", "mask-logarithm", "maxout", "meta-device", "mish"),
    *("mixture-of-experts", "multi-query", "no-mask", "no-norms"),
    *("no-score-matrix", "odd-head-size", "one-hot-inputs"),
    *("padded-vocabulary", "padding-inside-the-model", "partial-rotary", "positions-axial"),
    *("positions-binary-code", "positions-in-each-block", "positions-in-queries-and-keys"),
    *("positions-kaiming", "positions-learned-and-rotary", "positions-orthogonal"),
    *("post-norm-branches", "query-key-norm", "residual-in-place", "residual-wrapper", "rezero"),
    *("running-softmax", "sandwich-norm", "scaled-head", "scaled-residual-initialisation"),
    *("scores-transposed", "sdpa-causal-bias"),
    *("sdpa-scale", "sequential-model", "smeared-inputs", "soft-capped-scores", "squared-relu"),
    *("stacked-layers", "stochastic-depth", "three-layers", "transformer-encoder-stack"),
    *("sparse-mixture", "triu-of-ones", "vmapped-batch", "weight-norm"),
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
