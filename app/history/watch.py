"""What the edits of a stage tell: where and when one worked, and since when a bug is gone from the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from app.history.places import is_within, place_of
from app.history.replay import Moment

SLOT_MS = 15_000  # edits are counted in quarters of a minute
LONGEST_LOOK_MS = 60_000  # so much time before an edit counts as spent where the edit was made


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A bug in the starter: its texts and the definition that it stands in."""

    slot: int
    place: str
    clean: str
    bugged: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """The draft at a sequence: its text, since when a slot reads clean, when its place was last touched."""

    text: str
    clean_since: Mapping[int, int]
    touched_at: Mapping[int, int]

    def fixed_at(self, slot: int) -> int | None:
        """When a slot that is known to be fixed here was fixed, in epoch milliseconds.

        The moment since which the clean text stands there; after a fix in other words, the last edit of
        its definition.
        """
        return self.clean_since.get(slot, self.touched_at.get(slot))


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Edits by quarter of a minute since the start, in marked code and elsewhere; the time spent on them."""

    marked: Mapping[int, int] = field(default_factory=dict)
    elsewhere: Mapping[int, int] = field(default_factory=dict)
    marked_ms: int = 0
    elsewhere_ms: int = 0
    marked_in: Mapping[str, int] = field(default_factory=dict)  # milliseconds by definition
    elsewhere_in: Mapping[str, int] = field(default_factory=dict)  # likewise; "" is the top level

    def spent_on(self, place: str) -> int:
        """Milliseconds in a definition, in those inside it and in what is around it."""
        spent = (*self.marked_in.items(), *self.elsewhere_in.items())
        return sum(ms for one, ms in spent if is_within(one, (place,)) or is_within(place, (one,)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    sightings: Mapping[int, Sighting]  # by the sequences that were asked for
    last: Sighting
    work: Work


def watch(
    starter: str,
    moments: Iterable[Moment],
    *,
    planted: Sequence[Planted],
    marked: Collection[str],
    stops: Collection[int],
    start_ms: int,
    end_ms: int,
) -> Watched:
    """Walk through the moments once; `stops` are the sequences at which to keep what is seen.

    `marked` are the definitions that count as marked. Times outside of start and end come from a clock
    that was wrong, and are moved inside.
    """
    walk = _Walk(starter, planted=planted, marked=marked, start_ms=start_ms)
    waiting = sorted(set(stops))
    sightings: dict[int, Sighting] = {}
    for moment in moments:
        while waiting and waiting[0] < moment.seq:
            sightings[waiting.pop(0)] = walk.sighting()
        walk.step(moment, at_ms=min(max(moment.at_ms, start_ms), end_ms))
    sightings.update((seq, walk.sighting()) for seq in waiting)
    return Watched(sightings=sightings, last=walk.sighting(), work=walk.work())


class _Walk:
    """Where the walk stands."""

    def __init__(
        self, starter: str, *, planted: Sequence[Planted], marked: Collection[str], start_ms: int
    ) -> None:
        self._planted = planted
        self._marked = marked
        self._start_ms = start_ms
        self._text = starter
        self._last_ms = start_ms
        self._clean_since: dict[int, int] = {}
        self._touched_at: dict[int, int] = {}
        self._edits: tuple[Counter[int], Counter[int]] = (Counter(), Counter())
        self._spent_ms: Counter[str] = Counter()

    def step(self, moment: Moment, *, at_ms: int) -> None:
        self._text = moment.text
        self._note_places(moment, at_ms)
        for bug in self._planted:
            if reads_clean(moment.text, bug):
                self._clean_since.setdefault(bug.slot, at_ms)
            else:
                self._clean_since.pop(bug.slot, None)
        self._last_ms = max(self._last_ms, at_ms)

    def sighting(self) -> Sighting:
        return Sighting(self._text, dict(self._clean_since), dict(self._touched_at))

    def work(self) -> Work:
        elsewhere, marked = self._edits
        marked_in = {place: ms for place, ms in self._spent_ms.items() if is_within(place, self._marked)}
        elsewhere_in = {place: ms for place, ms in self._spent_ms.items() if place not in marked_in}
        return Work(
            marked=marked,
            elsewhere=elsewhere,
            marked_ms=sum(marked_in.values()),
            elsewhere_ms=sum(elsewhere_in.values()),
            marked_in=marked_in,
            elsewhere_in=elsewhere_in,
        )

    def _note_places(self, moment: Moment, at_ms: int) -> None:
        if not moment.lines:
            return
        lines = moment.text.split("\n")
        slot = (at_ms - self._start_ms) // SLOT_MS
        place = ""
        for number, times in Counter(moment.lines).items():
            place = place_of(lines, number)
            self._edits[is_within(place, self._marked)][slot] += times
            for bug in self._planted:
                if is_within(place, (bug.place,)) or is_within(bug.place, (place,)):
                    self._touched_at[bug.slot] = at_ms
        self._spent_ms[place] += min(max(0, at_ms - self._last_ms), LONGEST_LOOK_MS)


def reads_clean(text: str, bug: Planted) -> bool:
    """Whether a bug's place reads as in the clean program; other fixes than that one are not known here."""
    if bug.clean in bug.bugged:
        return bug.clean in text and bug.bugged not in text
    return bug.clean in text
