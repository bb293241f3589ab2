"""What the loss of the observed training asks for at each place of the text, and what it leaves out."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from sandbox.measurements import SHORT, Measurements
from sandbox.objective import Pull, pulls
from sandbox.position_use import is_added
from sandbox.probing import Finding, blocked, broken, held, not_seen
from sandbox.training import Forward
from sandbox.wording import GARBAGE, one_line


def pulls_of(m: Measurements) -> list[list[Pull]]:
    """What the loss asked for at each place of each forward pass of the observed training."""
    return m.subject.once(
        "asked", lambda: [pulls(forward, text=m.hidden_ids) for forward in m.short.forwards]
    )


def rows_asked(forward: Forward, asked: list[Pull], text: list[int]) -> list[list[int]]:
    """The rows that were fed, each up to the last place that the loss asks of: padding may follow."""
    rows, ends = forward.rows(text), dict[int, int]()
    for pull in asked:
        ends[pull.row] = max(ends.get(pull.row, 0), len(pull.context))
    return [row[: ends.get(b, len(row))] for b, row in enumerate(rows)] if ends else rows


def spelt(m: Measurements, tokens: Iterable[int | None]) -> str:
    """The characters of the hidden text that these tokens stand for there."""
    characters: dict[int | None, str] = dict(zip(m.hidden_ids, m.hidden, strict=False))
    return one_line("".join(characters.get(token, "?") for token in tokens))


def wrong_target(m: Measurements, pull: Pull, right: set[int], *, share: float) -> Finding:
    """Told of the first place whose target is none of those that are right."""
    before, asked = spelt(m, pull.context[-3:]), spelt(m, [pull.target])
    follows = " or ".join(f"'{spelt(m, [i])}'" for i in sorted(right)) if right else "nothing"
    asks = f"After '{before}' the loss asks for '{asked}'; {follows} follows there."
    return broken(
        f"{asks} {share:.0%} of the targets are not the next character.", measured=share, expected=0.0
    )


def not_cross_entropy(forwards: list[list[Pull]]) -> Finding | None:
    """Where the gradients are no cross-entropy's, or not all of one."""
    worst = min(pull.alignment for forward in forwards for pull in forward)
    if worst < 0.99 or max(pull.imbalance for forward in forwards for pull in forward) > 0.1:
        detail = f"The gradient at the logits is not a cross-entropy's: their cosine is {worst:.3f}."
        return broken(f"{detail} It should be 1.", measured=worst, expected=1.0)
    for forward in forwards:
        rows: dict[int, list[float]] = {}  # a mean of the rows' means weighs short rows more
        for pull in forward:
            if pull.size is not None:
                rows.setdefault(pull.row, []).append(pull.size)
        ratio = max((max(sizes) / min(sizes) for sizes in rows.values()), default=1.0)
        if ratio > 1.5:
            detail = f"Within one text some places weigh {ratio:.1f} times as much in the loss as others."
            return broken(detail, measured=ratio, expected=1.0)
    return None


def positions_left_out(m: Measurements, forwards: list[list[Pull]]) -> Finding | None:
    """Where positions are learned, one for each place: whether the loss asks at all that the text has.

    None where one forward pass asks further on than another: then a lot may fall on the rest.
    """
    lengths = {max((len(pull.context) for pull in forward), default=0) for forward in forwards}
    table, longest, T = m.position_table, max(lengths), len(m.hidden_ids)
    if table is None or len(lengths) > 1 or longest >= T - 1 or not is_added(m, table.name):
        return None
    detail = f"In a text of {T} characters the loss asks at the first {longest} positions alone."
    return broken(detail, measured=longest, expected=T - 1)


def places_left_out(m: Measurements, forwards: list[list[Pull]]) -> Finding:
    """Places of the text at which the loss never asks for the next character.

    Those that were fed with it after them; and all others, where each forward pass asks at the same places.
    """
    text = set(pairwise(m.hidden_ids))
    asked = [{pull.context[-2:] for pull in forward} for forward in forwards]
    if missed := _never_asked(m, forwards, asked):
        share = len(missed) / (len(m.hidden_ids) - 1)
        first = f"first after '{spelt(m, m.hidden_ids[: missed[0] + 1][-3:])}'"
        detail = f"At {share:.0%} of the text's places the loss asks for nothing, {first}."
        return broken(detail, measured=share, expected=0.0)
    fed = [
        {pair for row in forward.rows(m.hidden_ids) for pair in pairwise(row[:-1])} & text
        for forward in m.short.forwards
    ]
    every, ever = set().union(*fed), set().union(*asked)
    left_out = next((i for i, pair in enumerate(pairwise(m.hidden_ids)) if pair in every - ever), None)
    if left_out is None or _drawn_by_lot(fed, asked):
        return held(measured=0.0, expected=0.0)
    share = len(every - ever) / len(every)
    first = f"first after '{spelt(m, m.hidden_ids[: left_out + 2][-3:])}'"
    detail = f"At {share:.0%} of the text's places the loss asks for nothing, {first}."
    return broken(detail, measured=share, expected=0.0)


def _never_asked(m: Measurements, forwards: list[list[Pull]], asked: list[set[tuple[int, ...]]]) -> list[int]:
    """The places that no forward pass asks at, if all of several passes ask at the same ones."""
    if len(asked) < 3 or any(places != asked[0] for places in asked):
        return []
    ids, known = m.hidden_ids, set(m.hidden_ids)
    begun = any(
        pull.context[-1] == ids[0] and not known & set(pull.context[:-1]) and pull.target in (ids[1], None)
        for pull in forwards[0]
    )
    later = [i for i in range(1, len(ids) - 1) if (ids[i - 1], ids[i]) not in asked[0]]
    return later if begun else [0, *later]


def _drawn_by_lot(fed: list[set[tuple[int, int]]], asked: list[set[tuple[int, ...]]]) -> bool:
    """Whether each forward pass asks at other places, passing over many that another one asks at.

    A place that a lot has not yet fallen on is not left out.
    """
    never_twice = len({frozenset(places) for places in asked}) == len(asked) > 2
    ever, passed_over = set().union(*asked), set().union(*(f - a for f, a in zip(fed, asked, strict=True)))
    return never_twice and len(ever & passed_over) > 0.3 * len(set().union(*fed))


def why_unseen(m: Measurements) -> Finding:
    """What keeps targets from being read off, where there are none."""
    forwards = m.short.forwards
    if forwards and not m.short.observed["stale"]:
        detail = f"The model ran forward {len(forwards)} times, and no gradient was ever asked for."
        return broken(detail, measured=0, expected=SHORT)
    if any(forward.gradient is not None and forward.gradient.isnan().any() for forward in forwards):
        return blocked(GARBAGE) if m.initial.uninitialised else broken("The gradient at the logits is NaN.")
    if any(forward.gradient is not None for forward in forwards):
        return broken("The gradient at the logits is 0 everywhere: the loss asks for nothing.", measured=0)
    return not_seen("The gradient at the logits could not be seen.")
