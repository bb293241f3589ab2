"""The next round: drills what stayed alive or took long, meets again what failed, else the next tier."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from app.attempts.plan import FOLLOW_UPS, TITLES
from app.catalog import Catalog, Tier, Variant, draw
from app.errors import BadInput
from app.history.views import Debrief, Next, Review, Tally
from app.web.words import clock, tier

LONG_MS = 10 * 60_000  # spent on one bug: worth a drill although it was fixed
DRILL, GATE, HOUR = "drill", "complexity", "The whole hour"


def onward(review: Review, *, families: Collection[str], tiers: Sequence[Tier]) -> Next | None:
    """What to practise next; None before the bugs are told. `families` are those that can be drilled."""
    if not review.key:
        return None
    hardest = _hardest(review, families)
    if hardest is not None:
        return hardest
    here = review.stages[review.position]
    later = review.stages[1:] if review.position == 0 else []
    failed = next((one for one in (here, *later) if one.kind != "debug" and one.passed is False), None)
    if failed is not None:
        why = f"{failed.title} did not hold: {failed.words[:1].lower()}{failed.words[1:]}"
        return Next(
            title=f"{failed.title} again", why=why, fields={"mode": "practice", "stages": failed.kind}
        )
    if review.position > 0:
        return None
    if review.look != "passed":
        return Next(title="Once more", why="No run showed that all of it holds.", fields=again(review))
    return _further(review, tiers)


def again(review: Review) -> dict[str, str]:
    """The fields of such a round once more; of a whole hour the follow-up is drawn anew."""
    stages = "hour" if _is_whole_hour(review.plan) else " ".join(review.plan)
    if review.plan[0] != "debug":
        return {"mode": review.mode, "stages": stages}
    fields = {"mode": review.mode, "problem": review.drawn_from, "tier": review.tier}
    if review.mode == "mock" or len(review.plan) > 1:
        fields["stages"] = stages
    if review.family:
        fields["family"] = review.family
    return fields


def same(review: Review) -> dict[str, str]:
    """The fields of this very round: its seed, its stages, and how it was held."""
    fields = {**again(review), "seed": str(review.seed), "minutes": str(review.minutes or "none")}
    fields["budget"] = str(review.budget.of or "none")
    fields["slow"] = "on" if review.slow else "off"
    if "stages" in fields:
        fields["stages"] = " ".join(review.plan)
    if review.plan[0] == "debug":
        fields["marks"] = "on" if review.drawn_marked else "off"
    return fields


def _is_whole_hour(plan: Sequence[str]) -> bool:
    return list(plan[:2]) == ["debug", GATE] and sorted(plan[2:]) == ["classifier", "kv_cache"]


def family_of(variant: Variant, catalog: Catalog) -> str:
    """The family that a drill was drawn from; empty where it was drawn from all of them, or is not known."""
    problem = catalog.problems.get(variant.problem)
    if problem is None or variant.tier != DRILL or DRILL not in catalog.tiers:
        return ""
    try:
        of_all = draw(catalog, problem=variant.problem, tier=DRILL, seed=variant.seed, marks=variant.marks)
    except BadInput:  # the pack has changed since
        return ""
    if of_all.bugs == variant.bugs:
        return ""
    return next((problem.bugs[bug].family for bug in variant.bugs if bug in problem.bugs), "")


def _hardest(review: Review, families: Collection[str]) -> Next | None:
    """The bug that stayed alive, else the one that took long, with the most time spent on it."""
    bugs = {bug.slot: bug for bug in review.bugs if bug.family in families}
    tallies = [tally for tally in review.tallies if tally.slot in bugs]
    alive = {lane.slot for lane in review.lanes if lane.now == "broken"}
    stayed = [tally for tally in tallies if tally.slot in alive]
    if stayed:
        worst = max(stayed, key=_spent)
        return _drill(review, bugs[worst.slot], f"Bug {worst.slot} stayed alive.")
    longest = max(tallies, key=_spent, default=None)
    if longest is None or _spent(longest) < LONG_MS:
        return None
    why = f"Bug {longest.slot} took {clock(_spent(longest))}, the longest."
    return _drill(review, bugs[longest.slot], why)


def _spent(tally: Tally) -> int:
    return tally.spent_ms or 0


def _drill(review: Review, bug: Debrief, why: str) -> Next:
    words = f"{why} Five minutes on another of its family: {bug.family}."
    fields = {"mode": DRILL, "problem": review.problem, "family": bug.family}
    return Next(title=f"Drill: {bug.family}", why=words, fields=fields)


def _further(review: Review, tiers: Sequence[Tier]) -> Next:
    """All of it held: the tier after this one; after a follow-up alone, the next of those, then the hour."""
    held = "All of it held."
    if review.kind != "debug":
        kinds = (GATE, *FOLLOW_UPS)
        later = kinds[kinds.index(review.kind) + 1 :] if review.kind in kinds else ()
        if not later or len(review.plan) > 1:
            return Next(title=HOUR, why=held, fields={"mode": "mock", "stages": "hour"})
        return Next(title=TITLES[later[0]], why=held, fields={"mode": "practice", "stages": later[0]})
    if review.mode == DRILL:
        fields = {"mode": DRILL, "problem": review.problem}
        return Next(title="Another drill", why="It held. The next is of any family.", fields=fields)
    name = _next_tier(review.tier, tiers)
    if name is None:
        return Next(title=HOUR, why=held, fields={"mode": "mock", "stages": "hour"})
    mode = "mock" if review.mode == "mock" else "practice"
    fields = {"mode": mode, "problem": review.problem, "tier": name}
    return Next(title=f"Next tier: {tier(name)}", why=held, fields=fields)


def _next_tier(now: str, tiers: Sequence[Tier]) -> str | None:
    """The next one that asks for as many bugs at least."""
    names = [one.name for one in tiers]
    if now not in names:
        return names[0] if names else None
    place = names.index(now)
    least = _bugs_of(tiers[place])
    later = (one.name for one in tiers[place + 1 :] if one.name != DRILL and _bugs_of(one) >= least)
    return next(later, None)


def _bugs_of(one: Tier) -> int:
    return sum(pick.one_in == 1 for pick in one.picks)
