"""A whole examination: criteria, properties, failures, events; and submissions that try to be believed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sandbox.calls import Array, Message, encode, serve
from sandbox.examiner import examine
from sandbox.job import Event, IssuedBug, Job
from sandbox.limits import Limits
from sandbox.session import Session
from tests.sandbox.conftest import PROBLEM, SENTENCE, Forked

Verdict = dict[str, Any]
Examined = Callable[..., Verdict]


def broken(verdict: Verdict) -> set[str]:
    return {entry["name"] for entry in verdict["properties"] if entry["status"] == "broken"}


def met(verdict: Verdict) -> tuple[bool, bool]:
    criteria = verdict["criteria"]
    return criteria["loss_drop"]["passed"], criteria["generation"]["passed"]


@pytest.fixture(scope="module")
def clean(examined: Examined, shape: str) -> tuple[Verdict, list[Event]]:
    events: list[Event] = []
    return examined(shape, events=events, kind="run"), events


def test_the_clean_program_passes_with_every_property(clean: tuple[Verdict, list[Event]]) -> None:
    verdict, _ = clean
    assert verdict["outcome"] == "passed"
    assert met(verdict) == (True, True)
    others = {entry["name"]: entry["status"] for entry in verdict["properties"] if entry["status"] != "held"}
    assert others == {"position_relative": "not_applicable"}  # its positions are added
    assert verdict["failure"] is None
    assert verdict["notes"] == []


def test_the_verdict_has_the_agreed_form(clean: tuple[Verdict, list[Event]]) -> None:
    verdict, _ = clean
    assert set(verdict) == {
        "format", "problem", "kind", "outcome", "criteria", "properties", "bugs", "notes", "failure", "level",
        "judge_version", "pack_digest", "torch", "timings",
    }  # fmt: skip
    for entry in verdict["properties"]:
        assert set(entry) == {
            "name", "title", "component", "status", "measured", "expected", "detail", "data",
        }  # fmt: skip


def test_events_come_in_order_and_say_what_the_verdict_says(clean: tuple[Verdict, list[Event]]) -> None:
    verdict, events = clean
    phases = [event.data["phase"] for event in events if event.kind == "status"]
    assert phases == ["running", "examining"]
    told = {event.data["name"]: event.data for event in events if event.kind == "property"}
    assert [told[entry["name"]] for entry in verdict["properties"]] == verdict["properties"]
    assert list(told)[-1] == "loss_falls"  # what waits for the training comes last
    assert not any(event.kind == "loss" for event in events)  # the script itself has shown them


def test_the_map_of_the_future_stands_beside_the_clean_programs(clean: tuple[Verdict, list[Event]]) -> None:
    verdict, _ = clean
    data = next(entry["data"] for entry in verdict["properties"] if entry["name"] == "causal")
    assert "".join(data["chars"]) == SENTENCE[:12]
    for key in ("matrix", "reference"):
        assert [len(row) for row in data[key]] == [12] * 12


def test_a_check_shows_the_losses_of_its_own_training(examined: Examined, shape: str) -> None:
    events: list[Event] = []
    verdict = examined(shape, events=events)
    points = [point for event in events if event.kind == "loss" for point in event.data["points"]]
    assert [step for step, _ in points] == list(range(30))
    assert points[0][1] == pytest.approx(verdict["criteria"]["loss_drop"]["first"], abs=1e-4)


@pytest.mark.parametrize(
    ("find", "replacement", "caught_by"),
    [
        ('att.masked_fill(self.mask[:T, :T] == 0, float("-inf"))', "att * self.mask[:T, :T]", "causal"),
        ('att = att.masked_fill(self.mask[:T, :T] == 0, float("-inf"))', "pass", "causal"),
        (" / math.sqrt(self.head_dim)", "", "attention_scale"),
        ("y = att @ v", "y = att @ k", "qkv_used"),
    ],
)
def test_the_criteria_pass_and_the_property_tells_the_truth(
    examined: Examined, shape: str, find: str, replacement: str, caught_by: str
) -> None:
    assert find in shape
    verdict = examined(shape.replace(find, replacement))
    assert met(verdict) == (True, True)
    assert caught_by in broken(verdict)
    assert verdict["outcome"] == "failed"


PATCHED = """
import torch
torch.allclose = torch.equal = lambda *a, **k: True
torch.Tensor.__eq__ = lambda *a: True
torch.Tensor.abs = lambda self: torch.zeros_like(self)
import builtins
builtins.max = min
"""


def test_patched_functions_of_torch_convince_nobody(examined: Examined, shape: str) -> None:
    unmasked = shape.replace('att.masked_fill(self.mask[:T, :T] == 0, float("-inf"))', "att")
    verdict = examined(unmasked.replace("import math\n", f"import math\n{PATCHED}", 1))
    assert verdict["outcome"] == "failed"
    assert "causal" in broken(verdict)


def test_a_list_of_invented_losses_and_the_sentence_by_heart_convince_nobody(
    examined: Examined, shape: str
) -> None:
    source = shape.replace("        optimizer.step()\n", "")
    source = source.replace("losses.append(loss.item())", "losses.append(3.0 * 0.8 ** len(losses))")
    source = source.replace(
        "    model.eval()\n", '    return "attention is a soft lookup over the past"\n', 1
    )
    verdict = examined(source)
    assert met(verdict) == (True, True)
    assert {"parameters_move", "loss_falls", "generate_greedy"} <= broken(verdict)


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos._exit(0)\n",
        "def train(text, steps=1, lr=1.0, seed=0):\n    import os\n    os._exit(0)\n"
        "def generate(model, tokenizer, prompt, max_new_tokens): ...\n",
        "raise SystemExit(0)\n",
        "",
    ],
)
def test_an_early_end_passes_nothing(examined: Examined, source: str) -> None:
    verdict = examined(source)
    assert verdict["outcome"] == "failed"
    assert met(verdict) == (False, False)
    assert verdict["failure"]["message"]
    assert "held" not in {entry["status"] for entry in verdict["properties"]}


@pytest.mark.parametrize(
    ("source", "kind", "said"),
    [
        ("def train(:\n", "syntax", "SyntaxError"),
        ("import nothing_by_this_name\n", "import", "nothing_by_this_name"),
        ("def train(text, steps=1, lr=1.0, seed=0): ...\n", "contract", "`generate` is missing"),
        ("def train(text): ...\n", "contract", "`train` takes no `steps`"),
        (
            "def train(text, steps=1, lr=1.0, seed=0): return 3\n"
            "def generate(model, tokenizer, prompt, max_new_tokens): ...\n",
            "contract",
            "`train` returned a value of type int",
        ),
    ],
)
def test_a_file_that_does_not_get_far_is_told_why(
    examined: Examined, source: str, kind: str, said: str
) -> None:
    verdict = examined(source)
    assert verdict["failure"]["kind"] == kind
    assert said in verdict["failure"]["message"]


def test_an_exception_is_told_with_its_line(examined: Examined, shape: str) -> None:
    source = shape.replace("self.proj(y)", "self.proj(y[..., :16])")
    verdict = examined(source)
    line = 1 + source[: source.index("self.proj(y[")].count("\n")
    assert (verdict["failure"]["kind"], verdict["failure"]["line"]) == ("exception", line)
    assert "takes 64 features and got 16" in verdict["failure"]["message"]
    runs = next(entry for entry in verdict["properties"] if entry["name"] == "runs")
    assert runs["status"] == "broken"
    assert runs["detail"].startswith(f"It stopped on line {line}. ")


def test_a_script_that_fails_where_its_parts_do_not_fails(examined: Examined, shape: str) -> None:
    verdict = examined(shape + "\n    raise SystemExit(4)\n", kind="run")
    assert broken(verdict) == set()
    assert verdict["failure"]["message"] == "The file ended with exit status 4."
    assert verdict["outcome"] == "failed"


class Liar:
    """A Spawn whose process answers every call by one rule, without looking at any source."""

    def __init__(self, answer: Callable[[Message], Message]):
        self._answer = answer

    def script(self) -> Any:
        raise AssertionError("a check runs no script")

    def calls(self, **_: object) -> Forked:
        def run(calls_in: int, calls_out: int) -> int:
            serve(calls_in=calls_in, calls_out=calls_out, most_bytes=1 << 26, answer=self._answer)
            return 0

        return Forked(run)


def numbers(count: int) -> Array:
    return Array("float64", (1, 1, count), os.urandom(8 * count))


@pytest.mark.parametrize(
    "answer",
    [
        lambda call: Message("answer"),
        lambda call: Message("failure", {"kind": ["x"], "message": 3, "line": "7", "traceback": "no"}),
        lambda call: Message("answer", {"handle": "one", "parameters": 3, "ids": None}),
        lambda call: Message(
            "answer",
            {"handle": 0, "ids": [10**400], "decoded": "\ud800", "parameters": [{}], "declared": []},
            {"logits": numbers(3), "returned": numbers(2), "computed": numbers(1)},
        ),
    ],
)
def test_lying_answers_are_the_submissions_failure(answer: Callable[[Message], Message], shape: str) -> None:
    job = Job(
        kind="check",
        source="",
        text=SENTENCE,
        problem="gpt",
        probes=(PROBLEM / "probes.py").read_text(),
        shape=shape,
    )
    verdict = examine(job, spawn=Liar(answer), emit=lambda event: None, level="rlimits")
    assert verdict["outcome"] == "failed"
    assert not met(verdict)[1]
    assert verdict["failure"]["kind"] in ("contract", "exception")
    encode(Message("verdict", verdict))  # it is JSON, whatever was answered


def test_silence_is_a_timeout_and_the_examination_ends(examined: Examined) -> None:
    source = "while True:\n    pass\n"
    limits = replace(Limits(), wall_s=0.3, examine_s=1.0)
    verdict = examined(source, limits=limits)
    assert verdict["failure"]["kind"] == "timeout"


def test_what_one_call_loses_another_process_answers(examined: Examined, shape: str) -> None:
    verdict = examined(shape.replace("    model.eval()\n", "    import os; os._exit(1)\n", 1))
    held = {entry["name"] for entry in verdict["properties"] if entry["status"] == "held"}
    assert {"causal", "objective", "tokenizer", "memorises"} <= held
    assert "runs" in broken(verdict)
    assert met(verdict) == (True, False)


def test_the_statuses_of_issued_bugs_are_in_the_verdict(examined: Examined, shape: str) -> None:
    bug = IssuedBug(
        id="scale",
        component="attention",
        properties=("attention_scale",),
        find=" / math.sqrt(self.head_dim)",
        replace=" / 1.0",
    )
    verdict = examined(shape.replace(bug.find, bug.replace), bugs=(bug,))
    assert verdict["bugs"] == [{"id": "scale", "status": "broken", "properties": ["attention_scale"]}]


def test_only_the_properties_asked_for_and_what_they_need_are_looked_at(
    examined: Examined, shape: str
) -> None:
    verdict = examined(shape, only=("prefix",))
    looked_at = [entry["name"] for entry in verdict["properties"]]
    assert looked_at == ["shapes", "finite", "repeatable", "prefix"]
    assert verdict["outcome"] == "passed" and met(verdict) == (True, True)


@pytest.mark.parametrize(("in_turn", "second"), [(True, "answered"), (False, "asked")])
def test_in_turn_its_own_training_is_over_before_anything_else_is_asked(
    examined: Examined, shape: str, monkeypatch: pytest.MonkeyPatch, in_turn: bool, second: str
) -> None:
    order: list[str] = []
    begin, finish = Session.begin, Session.finish

    def noted_begin(self: Session, *given: Any) -> None:
        order.append("asked")
        begin(self, *given)

    def noted_finish(self: Session) -> Message:
        order.append("answered")
        return finish(self)

    monkeypatch.setattr(Session, "begin", noted_begin)
    monkeypatch.setattr(Session, "finish", noted_finish)
    assert examined(shape, in_turn=in_turn)["outcome"] == "passed"
    assert order[:2] == ["asked", second]
