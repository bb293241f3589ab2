"""What was changed: the starter against each run, and the last draft against the clean program."""

from __future__ import annotations

import asyncio

from app.access import Seat
from app.errors import Forbidden, NotFound
from app.history.diffs import diff
from app.history.record import Record, load_record
from app.history.views import Change, Step
from app.sight import Sight
from app.web.parts import Parts

LATEST, CLEAN = "latest", "clean"


async def change(parts: Parts, seat: Seat, *, step: str, position: int = 0) -> Change:
    """One comparison: `latest`, `run-N` or `clean`.

    Raises:
        NotFound: there is no such comparison, or no such stage.
        Forbidden: the clean program is not to be seen yet.
    """
    async with parts.db.read() as session:
        record = await load_record(session, seat.attempt_id, position=position)
    if step == CLEAN and not seat.sight.key:
        raise Forbidden(
            "The clean program is shown once the attempt is over.", hint="Finish it, or reveal the bugs."
        )
    if step not in [one.name for one in steps(record, seat.sight)]:
        raise NotFound(f"There is no comparison “{step}”.", hint="Ask for latest, run-1 and so on, or clean.")
    return await asyncio.to_thread(_change, record, step)


def steps(record: Record, seen: Sight) -> list[Step]:
    """All changes; what each run brought, where it did; what is still between the draft and the clean one."""
    found = [Step(name=LATEST, label="All changes")]
    before = record.starter
    for run in record.runs:
        if (source := record.source(run)) != before:
            found.append(Step(name=f"run-{run.number}", label=f"Run {run.number}"))
        before = source
    return [*found, Step(name=CLEAN, label="Clean program")] if seen.key else found


def _change(record: Record, step: str) -> Change:
    if step == LATEST:
        before, after, old, new = "the starter", "the last draft", record.starter, record.last_text
    elif step == CLEAN:
        before, after, old, new = "the last draft", "the clean program", record.last_text, record.shape
    else:
        number = int(step.removeprefix("run-"))
        index = next(place for place, run in enumerate(record.runs) if run.number == number)
        earlier = record.runs[index - 1] if index else None
        before = f"run {earlier.number}" if earlier else "the starter"
        after, new = f"run {number}", record.source(record.runs[index])
        old = record.source(earlier) if earlier else record.starter
    return Change(step=step, before=before, after=after, diff=diff(old, new))
