"""What is asked at the gate, and what an answer is told: right by its dominant terms in T."""

from __future__ import annotations

from dataclasses import dataclass

from app.complexity.expressions import Monomial, Sum, read


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One cost to derive. `dominant` is what must be there; `projections` may be."""

    name: str
    title: str
    words: str
    dominant: Monomial
    projections: Monomial | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is said of one answer; `remarks` on what is right with and without."""

    right: bool
    words: str
    remarks: tuple[str, ...] = ()


QUESTIONS = (
    Question(
        name="step",
        title="One step without a cache",
        words="The context has T tokens. What does the next token cost, when all of it is computed anew?",
        dominant=Monomial(T=2, d=1),
        projections=Monomial(T=1, d=2),
        why="T queries meet T keys, d multiplications each: T² d. The projections of T tokens add T d².",
    ),
    Question(
        name="total",
        title="T tokens without a cache",
        words="And all T tokens of a text, one after the other?",
        dominant=Monomial(T=3, d=1),
        projections=Monomial(T=2, d=2),
        why="The steps cost 1² d, 2² d, ... T² d; their sum grows like T³ d, a third of it.",
    ),
    Question(
        name="cached_step",
        title="One step with a cache",
        words="Keys and values of the T tokens before are kept. What does the next token cost?",
        dominant=Monomial(T=1, d=1),
        projections=Monomial(d=2),
        why="One query meets T kept keys and weighs T kept values: T d. Its own projections add d².",
    ),
    Question(
        name="cached_total",
        title="T tokens with a cache",
        words="And all T tokens of a text?",
        dominant=Monomial(T=2, d=1),
        projections=Monomial(T=1, d=2),
        why="The steps cost 1 d, 2 d, ... T d; their sum grows like T² d. The cache saves a factor of T.",
    ),
    Question(
        name="training",
        title="Training on one text",
        words="Teacher forcing: a text of T tokens, forward and backward once. What does it cost?",
        dominant=Monomial(T=2, d=1),
        projections=Monomial(T=1, d=2),
        why="All positions are computed at once, T queries against T keys: T² d. Backward costs twice that.",
    ),
    Question(
        name="memory",
        title="Memory of the cache",
        words="How many numbers does the cache hold after T tokens?",
        dominant=Monomial(T=1, d=1),
        projections=None,
        why="A key and a value of d numbers for each of T tokens, in each of L layers: 2 L T d.",
    ),
)
BY_NAME = {question.name: question for question in QUESTIONS}
CORE = ("step", "total", "cached_step", "cached_total")  # the extra time hangs on these
MEASURED = ("step", "cached_step")  # what the lab times
TRIES = 2


def judge(question: Question, answer: str) -> Told:
    """What an answer is told. Raises expressions.Unreadable for one that is no expression."""
    terms = read(answer)
    leading = _leading(terms)
    if leading != {question.dominant}:
        return Told(right=False, words=_off(question, leading))
    return Told(right=True, words="Right.", remarks=_remarks(question, terms))


def _leading(terms: Sum) -> set[Monomial]:
    """The terms with the highest power of T, whatever their factor L, without those that divide another."""
    highest = max(term.T for term in terms)
    leading = {term.without_layers for term in terms if highest == term.T}
    return {term for term in leading if not any(term.divides(other) for other in leading if other != term)}


def _off(question: Question, leading: set[Monomial]) -> str:
    """Where it departs, without the answer: in its growth with T, or with d."""
    power, right = max(term.T for term in leading), question.dominant.T
    if power == right:
        return "It grows with T as it should. Count the multiplications of one query with one key."
    more = "faster" if power > right else "slower"
    return f"It grows {more} with T than it should. Count how many queries meet how many keys."


def _remarks(question: Question, terms: Sum) -> tuple[str, ...]:
    remarks = []
    projections = question.projections
    if projections is not None:
        said = any(term.without_layers == projections for term in terms)
        shown = str(projections).replace("^2", "²")
        remarks.append(
            f"The projections' {shown} is in it: right, and it leads while d is larger than T."
            if said
            else f"The projections add {shown}; left out, it is right as T grows."
        )
    if any(term.L for term in terms):
        remarks.append("The factor L is in it: right, each layer costs the same.")
    else:
        remarks.append("Each of L layers costs this; left out, it is right as T grows.")
    return tuple(remarks)
