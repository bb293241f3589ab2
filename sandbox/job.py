"""What goes into the sandbox and what comes out, as frozen values that travel as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from sandbox.limits import MIB as MIB
from sandbox.limits import Limits as Limits

FORMAT = 1  # of the verdict
JUDGE_VERSION = 7  # 6: fused steps, sinks, tiles. 7: sparse experts, shared keys, smoothed labels, no steps


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedBug:
    """A bug that the submission's starter was issued with: what the per-bug status is judged from."""

    id: str
    component: str
    properties: tuple[str, ...]  # the properties that this bug alone breaks
    find: str  # the clean shape's text
    replace: str  # the bugged text
    crashes: bool = False  # alone it keeps the program from running to its end


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One submission to execute and examine, with every text that its examiner needs."""

    kind: Literal["run", "check"]  # run: executed as `python file.py` would first, then examined
    source: str
    text: str  # the sentence to learn
    problem: str
    contract: str = "gpt"  # what names the file must define: sandbox/contracts.py
    probes: str  # text of the problem's probes.py; the candidate's process never sees it
    compiled: str = ""  # of the probes, where they were compiled already
    shape: str  # text of the clean program; neither does it see this
    bugs: tuple[IssuedBug, ...] = ()
    only: tuple[str, ...] = ()  # properties to look at, with those they need; empty: all
    seed: int = 0
    in_turn: bool = False  # first its own training, then all else: on a busy machine that costs less
    pack_digest: str = ""
    filename: str = "gpt.py"
    limits: Limits = field(default_factory=Limits)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Job:
        bugs = tuple(IssuedBug(**{**bug, "properties": tuple(bug["properties"])}) for bug in data["bugs"])
        read = {"bugs": bugs, "only": tuple(data["only"]), "limits": Limits(**data["limits"])}
        return cls(**data | read)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened during a run, in order.

    kind and data:
        status    {"phase": "starting" | "running" | "examining"}
        output    {"stream": "stdout" | "stderr", "text": str}
        loss      {"points": [[step, loss], ...]}
        property  one entry of the verdict's `properties`
        verdict   the verdict on the whole file, where grafts are still to speak for some bugs
        bug       {"id": str, "status": "fixed" | "broken" | "blocked"}: what they said of one
    """

    kind: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended: a verdict, or a `fault` that is ours and not the submission's."""

    verdict: dict[str, Any] | None
    level: str  # namespaces | landlock | rlimits
    fault: str | None = None  # one sentence for people; the run counts for nothing
    lost: bool = False  # the zygote or supervisor died under the run: worth one retry


Reason = Literal["exited", "signalled", "timeout", "memory", "threads", "output", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How one candidate process ended, as the supervisor saw it from outside: not forgeable from inside."""

    reason: Reason
    code: int = 0  # exit status, or the signal's number
    wall_ms: int = 0
    cpu_ms: int = 0
    peak_bytes: int = 0
    reports: tuple[dict[str, Any], ...] = ()  # claims of a script process that are not loss points
