"""What a pack consists of, as frozen values: problems, bugs, tiers, and the variants drawn from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from app.errors import NotFound

T = TypeVar("T")

# What a person sees who runs the file: it stops; the loss is not a number; the loss does not fall far enough;
# the second criterion is missed, such as a wrong text; nothing, both criteria pass; or it depends on the
# process, the seed or the sentence.
SYMPTOMS = ("crash", "nan", "flat", "text", "criteria_pass", "varies")
# loud: it stops, is not a number or stays flat; canonical: the text is wrong, or it depends; silent: both
# criteria pass; expert: so does nearly everything else
DIFFICULTIES = ("loud", "canonical", "silent", "expert")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """How a bug is put into one shape, and shows there: `find`, there exactly once, becomes `replace`."""

    find: str
    replace: str
    mark: str  # the definition that a mark names, such as `CausalSelfAttention.forward`
    properties: tuple[str, ...]  # what it breaks when it is alone; the first is the one that speaks for it
    symptom: str  # one of SYMPTOMS: what a person sees who runs the file

    @property
    def crashes(self) -> bool:
        return self.symptom == "crash"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """One bug, proven alive by `overfit problems check`."""

    id: str  # permanent: attempts of years ago name it
    title: str
    family: str  # what a tier draws by: position, mask, projection, loop, shift, ...
    component: str
    mechanism: str
    properties: tuple[str, ...]  # as a patch has them that says nothing else
    symptom: str
    difficulty: str  # one of DIFFICULTIES
    why: str  # one sentence, as interviewers reward it
    hints: tuple[str, str, str]  # the area; the symptom to look at; the line of thought
    debrief: str
    source: str  # where it shipped: project and commit or issue; empty for one that is only like those
    patches: Mapping[str, Patch]  # by shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """One bug of a tier's draw: of which families, how loud, and in one draw of how many."""

    families: tuple[str, ...] = ()  # none named: any
    difficulties: tuple[str, ...] = ()
    crashes: bool = True  # whether one that crashes may be picked
    shipped: bool = False  # whether it must have been in a released program
    one_in: int = 1

    def takes(self, bug: Bug, *, shape: str) -> bool:
        return (
            shape in bug.patches
            and (not self.families or bug.family in self.families)
            and (not self.difficulties or bug.difficulty in self.difficulties)
            and (self.crashes or not bug.patches[shape].crashes)
            and (bool(bug.source) or not self.shipped)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    name: str
    title: str
    summary: str
    marks: bool
    minutes: int
    guided: bool
    max_crashes: int
    picks: tuple[Pick, ...]
    problems: tuple[str, ...] = ()  # that it draws from; none named: any

    def is_for(self, problem: str) -> bool:
        return not self.problems or problem in self.problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    slug: str
    title: str
    summary: str
    filename: str
    contract: str  # what names a submission must define: a key of sandbox.contracts.CONTRACTS
    statement: str  # markdown
    interviewer: str  # markdown; for the interviewer's eyes alone
    blank: str  # the contract as comments, to begin from nothing with; empty where that is not offered
    probes: str  # the text of probes.py: goes into the sandbox and nowhere else
    shapes: Mapping[str, str]  # the clean programs, by name; the first is the default
    follows: str  # the problem whose debugged program it goes on from; empty for one of its own
    given: str  # what a follow-up adds to the program that was debugged; empty for a problem of its own
    starts: Mapping[str, str]  # the unsolved starts by shape; empty where bugs alone make the starter
    sentences: Mapping[str, str]  # by permanent id; empty where a file has a task of its own
    bugs: Mapping[str, Bug]  # by permanent id
    digest: str  # of everything that a verdict depends on

    def sentence(self, own: str | None = None) -> str:
        """What a program is judged on: its own sentence, else the first; none where it has its own task."""
        return (own or next(iter(self.sentences.values()))) if self.sentences else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One puzzle: what a seed drew. It stays what it is when the pack grows."""

    problem: str
    shape: str
    bugs: tuple[str, ...]  # in slot order, which says nothing about their places in the file
    sentence: str  # its id
    marks: bool
    tier: str
    seed: int
    pack_digest: str

    @property
    def puzzle(self) -> tuple[str, str, frozenset[str]]:
        """What makes two variants the same exercise, whatever sentence they learn."""
        return (self.problem, self.shape, frozenset(self.bugs))

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "bugs": list(self.bugs)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Variant:
        return cls(**{**data, "bugs": tuple(data["bugs"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """Every problem and tier, in the pack's order."""

    problems: Mapping[str, Problem]
    tiers: Mapping[str, Tier]

    def problem(self, slug: str) -> Problem:
        """Raises NotFound, naming the problems that there are."""
        return _named(self.problems, slug, "problem")

    def tiers_of(self, problem: str) -> list[Tier]:
        """The tiers that draw from a problem."""
        return [tier for tier in self.tiers.values() if tier.is_for(problem)]

    def tier(self, name: str) -> Tier:
        """Raises NotFound, naming the tiers that there are."""
        return _named(self.tiers, name, "tier")


def _named(values: Mapping[str, T], name: str, kind: str) -> T:
    if name not in values:
        raise NotFound(f"There is no {kind} “{name}”.", hint=f"There is: {', '.join(values)}.")
    return values[name]
