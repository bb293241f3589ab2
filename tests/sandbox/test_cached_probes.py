"""The probes of `kv_cache` on its clean program with one thing changed, and what a divergence says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.caching import CachedMeasurements
from sandbox.job import Job
from sandbox.probing import Finding, Probe, load_probes, picture_data
from sandbox.session import Session
from sandbox.subject import Subject
from tests.sandbox.conftest import SENTENCE, UnjailedSpawn

PROBLEM = Path(__file__).parents[2] / "problems" / "kv_cache"
CLEAN = (PROBLEM / "shapes" / "gpt.py").read_text()
Found = Callable[..., Finding]
MASK = '        att = att.masked_fill(mask == 0, float("-inf"))'


@pytest.fixture(scope="module")
def probes() -> dict[str, Probe]:
    return {probe.name: probe for probe in load_probes((PROBLEM / "probes.py").read_text())}


@pytest.fixture
def found(probes: dict[str, Probe], warm_torch: None) -> Found:
    """found(name, *changes) is what one probe says of the clean program with these changes, after others."""

    def run(name: str, *changes: tuple[str, str], after: tuple[str, ...] = ()) -> Finding:
        source = CLEAN
        for find, replacement in changes:
            assert source.count(find) == 1, find
            source = source.replace(find, replacement)
        job = Job(
            kind="check",
            source=source,
            text=SENTENCE,
            problem="kv_cache",
            contract="kv_cache",
            probes="",
            shape="",
            seed=11,
        )
        spawn = UnjailedSpawn(job)
        session, own = (Session(job=job, spawn=spawn, fill_uninitialized=fill) for fill in (True, False))
        try:
            m = CachedMeasurements(Subject(job=job, session=session, own=own))
            return [probes[each].run(m) for each in (*after, name)][-1]
        finally:
            session.close()
            own.close()

    return run


def test_the_clean_program_holds_in_every_pattern(probes: dict[str, Probe], found: Found) -> None:
    for name in ("parity_chunks", "parity_batch", "parity_long", "fresh_twice", "cache_length", "cache_used"):
        assert found(name).status == "held", name
    assert found("cached_text").status == "held"


def test_the_usual_shortcut_fails_chunks_alone_and_is_told_why(found: Found) -> None:
    shortcut = (MASK, f"        if past == 0:\n    {MASK}")
    assert found("parity_single", shortcut).status == "held"
    assert found("parity_prefill", shortcut).status == "held"
    finding = found("parity_chunks", shortcut)
    assert finding.status == "broken"
    assert finding.detail.startswith("Chunks of 3, 4, 1, 4, 3: first differs at layer 0, position 3, by 0.")
    assert finding.detail.endswith("several new tokens over a filled cache see each other's future.")
    first = picture_data(finding)["first"]
    assert (first["layer"], first["place"], first["stored"], first["new"]) == (0, "attention", 3, 4)
    assert first["sees"] == [[True] * 7] * 4


def test_an_offset_that_is_missing_shows_in_what_the_first_layer_stores(found: Found) -> None:
    finding = found("parity_prefill", ("[past : past + T]\n        x =", "[:T]\n        x ="))
    assert finding.status == "broken"
    assert "layer 0, position 7" in finding.detail
    assert picture_data(finding)["first"]["place"] == "input"
    assert picture_data(finding)["sizes"][:7] == pytest.approx([0.0] * 7, abs=1e-9)


def test_an_attention_that_sees_too_little_is_told_what_it_misses(found: Found) -> None:
    finding = found("parity_prefill", ("self.mask[past : past + T, :", "self.mask[:T, :"))
    assert "do not respond to 6 of the 8 tokens up to it" in finding.detail


def test_what_raises_in_a_pattern_is_broken_and_not_blocked(found: Found) -> None:
    finding = found("parity_chunks", (": k.size(2)]  # (T, past + T)", ":T]"))
    assert finding.status == "broken"
    assert finding.detail.startswith("Chunks of 3, 4, 1, 4, 3: It stopped on line ")
    assert picture_data(finding)["sizes"] == []


def test_logits_of_another_form_are_named_with_their_step(found: Found) -> None:
    last = ("        return self.head(x)", "        return self.head(x if caches is None else x[:, -1:])")
    assert "At step 0, 3 tokens over a cache of 0" in found("parity_chunks", last).detail


def test_tokens_are_counted_as_they_are_fed(found: Found) -> None:
    finding = found("cache_used", ("model(step, caches)", "model(idx)"))
    assert (finding.status, finding.measured, finding.expected) == ("broken", 162, 19)


def test_caches_that_are_kept_are_not_fresh(found: Found) -> None:
    kept = ("def new_caches(model):", "def new_caches(model, made=[]):")
    again = (
        "    return [KVCache() for _ in layers]",
        "    made += [KVCache() for _ in layers][len(made) :]\n    return made",
    )
    finding = found("fresh_twice", kept, again)
    assert finding.status == "broken"
    assert finding.detail.startswith("New caches begin with ")
    detail = found("parity_prefill", kept, again).detail
    assert detail.startswith("Prefill of 7, then single tokens: New caches begin with ")


def test_positions_that_go_on_in_a_second_text_are_told_by_what_differs(found: Found) -> None:
    counted = (
        "        past = 0 if caches is None else caches[0].length()\n",
        "        past = 0 if caches is None else getattr(self, 'fed', 0)\n"
        "        self.fed = past + T if caches is not None else getattr(self, 'fed', 0)\n"
        "        assert past + T <= 128\n",
    )
    finding = found("fresh_twice", counted, after=("parity_single", "parity_long"))
    assert finding.detail.startswith("The same text over new caches a second time: the logits differ by ")


FIT = CLEAN[CLEAN.index("    if idx.size(1) + max_new_tokens >") : CLEAN.index("    step = idx")]


def test_past_the_end_an_error_and_a_new_prefill_are_right(found: Found) -> None:
    assert found("beyond_block").status == "held"
    guard = FIT[: FIT.index("        raise")]
    plain = f"{guard}        return generate(model, tokenizer, prompt, max_new_tokens)\n"
    assert found("beyond_block", (FIT, plain)).status == "held"
    short = "    max_new_tokens = min(max_new_tokens, 128 - idx.size(1))\n"
    finding = found("beyond_block", (FIT, short))
    assert finding.status == "broken"
    assert finding.detail.endswith("it wrote 4 and raised nothing.")


@pytest.mark.parametrize(
    ("changes", "written", "called"),
    [
        ([], False, False),
        (
            [('however the tokens are fed."""\n', 'however."""\n    raise NotImplementedError\n')],
            False,
            False,
        ),
        ([('however the tokens are fed."""\n', 'however."""\n    assert train\n')], True, False),
        (
            [
                ('however the tokens are fed."""\n', 'however."""\n    assert train\n'),
                ("    prompt = SENTENCE[:8]\n", "    prompt = SENTENCE[:8]\n    check_parity()\n"),
            ],
            True,
            True,
        ),
    ],
)
def test_an_own_proof_is_reported_and_never_judged(
    found: Found, changes: list[tuple[str, str]], written: bool, called: bool
) -> None:
    finding = found("own_proof", *changes)
    assert picture_data(finding) == {"written": written, "called": called}
    assert finding.status == ("held" if called else "not_applicable")
