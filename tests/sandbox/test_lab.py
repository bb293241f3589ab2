"""The lab inside the jail: longer contexts, models that are stretched, and times of a step."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from sandbox import lab

PROBLEMS = Path(__file__).parents[2] / "problems"
TEXT = "attention is a soft lookup over the past"
TIMED = ("uncached", "cached")
CLEAN = (PROBLEMS / "kv_cache" / "shapes" / "gpt.py").read_text()


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("block_size = 128", "block_size"),
        ("CONTEXT = 128", "CONTEXT"),
        ("BLOCK, C, H = 128, 64, 4", "BLOCK"),
        ("class Config:\n    max_seq_len: int = 128", "max_seq_len"),
        ("config = Config(n_ctx=128, n_embd=64)", "n_ctx"),
        ("def build(width=64, longest=128): ...", "longest"),
        ("def build(*, width=64, max_len=128): ...", "max_len"),
        ("hyper = {'context': 128, 'dim': 64}", "context"),
        ("self.window = 128", "window"),
    ],
)
def test_the_longest_context_is_found_under_its_name(source: str, name: str) -> None:
    tree, said = lab.lengthened(source, 1024)
    assert said == {"name": name, "was": 128, "now": 1024}
    assert ast.unparse(tree).count("1024") == 1
    assert "128" not in ast.unparse(tree)


@pytest.mark.parametrize(
    "source",
    [
        "n_embd = 128",
        "n_blocks = 128",
        "block_size = 4",
        "block_size = len(text)",
        "context = 2048",
        "block = True",
    ],
)
def test_what_is_no_length_of_a_context_stays(source: str) -> None:
    tree, said = lab.lengthened(source, 1024)
    assert said == {}
    assert ast.unparse(tree) == source


def test_a_step_over_a_cache_is_the_same_for_a_stretched_model_and_one_built_that_long() -> None:
    built, stretched = (lab._load(CLEAN, TEXT, block_size=size) for size in (512, 131))
    lab._stretch(stretched, 512)
    assert stretched.said["now"] == stretched.model.config.block_size == 512
    mask = stretched.model.blocks[0].attn.mask
    assert mask.shape == (512, 512)
    assert mask.untyped_storage().nbytes() == 131 * 131 * 4
    torch.manual_seed(0)
    k = torch.randn(1, 4, 400, 16)  # (B, H, T, D)
    answers = []
    with torch.no_grad():
        for its, mine in zip(stretched.model.parameters(), built.model.parameters(), strict=True):
            mine.copy_(its)
        for program in (built, stretched):
            caches = program.module.new_caches(program.model)
            for cache in caches:
                cache.update(k, k)
            answers.append(program.model(program.ids(1), caches))
    assert torch.equal(*answers)


def test_caches_are_filled_through_their_own_update() -> None:
    program = lab._load(CLEAN, TEXT, block_size=lab.BUILT)
    caches = lab._filler(program)(300)
    assert [cache.length() for cache in caches] == [300, 300]


def test_a_program_is_timed_and_what_it_prints_is_kept_apart(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lab, "STEPS", (64, 128, 256))
    monkeypatch.setattr(lab, "CACHED_STEPS", (64, 256, 1024))
    monkeypatch.setattr(lab, "SHARE_S", 100.0)  # a busy machine ends a series early, and rightly so
    program = {"source": f"{CLEAN}\nprint('hello')\n", "text": TEXT}
    lab.main({"uncached": program, "cached": program})
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith(lab.PREFIX) for line in lines)
    facts: list[dict[str, Any]] = [json.loads(line.removeprefix(lab.PREFIX)) for line in lines]
    lengths = {
        name: [fact["T"] for fact in facts if fact.get("series") == name and "T" in fact] for name in TIMED
    }
    assert lengths == {"uncached": [64, 128, 256], "cached": [64, 256, 1024]}
    assert facts[-1] == {"done": True}


@pytest.mark.parametrize("source", ["", "raise SystemExit(3)", "x = (", "def train(*_): return 1, 2, 3"])
def test_a_program_that_can_not_be_timed_ends_its_series_alone(
    source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lab.main({"uncached": {"source": source, "text": TEXT}})
    facts = [json.loads(line.removeprefix(lab.PREFIX)) for line in capsys.readouterr().out.splitlines()]
    assert [fact for fact in facts if "T" in fact] == []
    assert "ended" in facts[-2] and facts[-1] == {"done": True}
