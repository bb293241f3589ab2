"""What of the history is asked for, as conditions on its query; none of them tells what is not to be seen."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, false, not_, or_, select, tuple_
from sqlalchemy.orm import aliased

from app.errors import BadInput
from app.models import Attempt, Explanation, Member, Run, Stage

STATES = ("open", "finished", "expired", "abandoned")
RESULTS = ("passed", "lied", "failed", "unjudged")
TERMS = 8
MOST = 100

Condition = ColumnElement[bool]
LastJudged = aliased(Run, name="last_judged")

# as app.sight has it: the judgement, and the key to it
MAY_SEE_VERDICT = or_(
    Attempt.mode != "mock",
    Attempt.state != "open",
    Attempt.revealed_at.is_not(None),
    Member.role == "interviewer",
)
MAY_SEE_KEY = or_(Attempt.state != "open", Attempt.revealed_at.is_not(None), Member.role == "interviewer")
JUDGED = and_(MAY_SEE_VERDICT, LastJudged.id.is_not(None))
PASSED = and_(JUDGED, LastJudged.verdict["outcome"].as_string() == "passed")
_CRITERIA = and_(
    LastJudged.verdict["criteria"]["loss_drop"]["passed"].as_boolean(),
    or_(
        *(LastJudged.verdict["criteria"][name]["passed"].as_boolean() for name in ("generation", "accuracy"))
    ),
)
LIED = and_(JUDGED, LastJudged.verdict["outcome"].as_string() != "passed", _CRITERIA)
RESULT: dict[str, Condition] = {
    "passed": PASSED,
    "lied": LIED,
    "failed": and_(JUDGED, not_(PASSED), or_(not_(_CRITERIA), _CRITERIA.is_(None))),
    "unjudged": or_(not_(MAY_SEE_VERDICT), LastJudged.id.is_(None)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which attempts, and from where on. An empty word asks for all of them."""

    state: str = ""
    tier: str = ""
    result: str = ""
    q: str = ""
    before: str = ""
    limit: int = 25

    @property
    def any(self) -> bool:
        return bool(self.state or self.tier or self.result or self.q.strip())

    def conditions(self) -> list[Condition]:
        """All of them but the place to go on from."""
        wanted: list[Condition] = []
        if self.state:
            wanted.append(Attempt.state == self.state)
        if self.tier:
            wanted.append(Attempt.variant["tier"].as_string() == self.tier)
        if self.result:
            wanted.append(RESULT[self.result])
        wanted.extend(_mentions(term) for term in self.q.split()[:TERMS])
        return wanted

    def after_cursor(self) -> list[Condition]:
        """Those older than the last one of the page before.

        Raises:
            BadInput: `before` did not come from a page.
        """
        if not self.before:
            return []
        created_at, dot, attempt_id = self.before.partition(".")
        if not dot or not created_at.isdecimal() or len(created_at) > 15:
            raise BadInput("`before` must be the `next` of a page.", hint="Leave it out to begin anew.")
        return [tuple_(Attempt.created_at, Attempt.id) < (int(created_at), attempt_id)]


def cursor(attempt: Attempt) -> str:
    return f"{attempt.created_at}.{attempt.id}"


def _mentions(term: str) -> Condition:
    """Seed, problem, tier, mode, a sentence of the ledger; where the key is told, the ids of the bugs."""
    in_ledger = (
        select(Explanation.id)
        .where(Explanation.stage_id == Stage.id, Explanation.sentence.icontains(term, autoescape=True))
        .exists()
    )
    return or_(
        and_(MAY_SEE_VERDICT, _seed_is(term)),
        Attempt.mode.icontains(term, autoescape=True),
        _text("tier").icontains(term, autoescape=True),
        _text("problem").icontains(term, autoescape=True),
        in_ledger,
        and_(MAY_SEE_KEY, _text("bugs").icontains(term, autoescape=True)),
    )


def _seed_is(term: str) -> Condition:
    if not term.isdecimal() or len(term) > 15:
        return false()
    same: Condition = Attempt.variant["seed"].as_integer() == int(term)
    return same


def _text(name: str) -> ColumnElement[str]:
    column: ColumnElement[str] = Attempt.variant[name].as_string()
    return column
