"""A sitting that tests drive: it types, runs, takes hints and lets time pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import httpx2
import pytest

from sandbox import Event, Job, Outcome
from tests.app.fakes import Emit, FakeSandbox, SteppingClock, verdict

Json = dict[str, Any]
Script = Callable[[Job, Emit], Any]


def telling(*, fixed: int, outcome: str = "failed", criteria: bool = True) -> Script:
    """A judge that says that the first `fixed` bugs of the job are fixed and the others are not."""

    async def script(job: Job, emit: Emit) -> Outcome:
        await emit(Event("loss", {"points": [[0, 3.0], [1, 0.2]]}))
        said = verdict(job, outcome=outcome, criteria=criteria)
        for place, bug in enumerate(said["bugs"]):
            bug["status"] = "fixed" if place < fixed else "broken"
        return Outcome(verdict=said, level="namespaces")

    return script


class Sitting:
    """One attempt, as its candidate sits through it."""

    def __init__(
        self, client: httpx2.AsyncClient, attempt: Json, clock: SteppingClock, sandbox: FakeSandbox
    ) -> None:
        self.client = client
        self.attempt = attempt
        self.clock = clock
        self.sandbox = sandbox
        self.stage: Json = attempt["stages"][0]
        self.draft: str = self.stage["starter"]
        self.seq = 0

    @property
    def url(self) -> str:
        return f"/api/attempts/{self.attempt['id']}"

    async def edit(self, old: str, new: str) -> None:
        """Replace a piece of the draft, as typing does."""
        at = self.draft.index(old)
        self.draft = self.draft.replace(old, new, 1)
        line = self.draft.count("\n", 0, at) + 1
        edits = [
            {
                "at_ms": self.clock.now(),
                "kind": "ops",
                "payload": {"ops": [[at, len(old), new]], "line": line},
            }
        ]
        answer = await self.client.post(
            f"/api/stages/{self.stage['id']}/edits", json={"base": self.seq, "edits": edits}
        )
        assert answer.status_code == 200, answer.text
        self.seq = answer.json()["seq"]

    async def run(self, script: Script, *, kind: str = "check", code: str | None = None) -> Json:
        """Run the draft, or a code of its own, to its end."""
        self.sandbox.script = script
        asked = {"code": self.draft if code is None else code, "kind": kind}
        answer = await self.client.post(f"/api/stages/{self.stage['id']}/runs", json=asked)
        assert answer.status_code == 202, answer.text
        await self.client.get(answer.json()["events"])
        found: Json = (await self.client.get(answer.json()["url"])).json()
        return found

    async def explain(self, sentence: str, *lines: int) -> None:
        said = {"sentence": sentence, "hunk": {"lines": list(lines)}, "draft_seq": self.seq}
        answer = await self.client.post(f"/api/stages/{self.stage['id']}/explanations", json=said)
        assert answer.status_code == 201, answer.text

    async def hint(self, slot: int | None = None) -> None:
        """Of a slot, or in a mock the one that the interviewer chooses."""
        asked = {} if slot is None else {"slot": slot}
        answer = await self.client.post(f"/api/stages/{self.stage['id']}/hints", json=asked)
        assert answer.status_code == 200, answer.text

    async def done(self) -> None:
        """Go on to the next stage."""
        answer = await self.client.post(f"/api/stages/{self.stage['id']}/done")
        assert answer.status_code == 200, answer.text
        self.stage = answer.json()["stages"][-1]
        self.draft, self.seq = self.stage["draft"], 0

    async def derive(self, **answers: str) -> None:
        """Answer questions of the gate."""
        for question, text in answers.items():
            said = {"question": question, "text": text}
            answer = await self.client.post(f"/api/stages/{self.stage['id']}/answers", json=said)
            assert answer.status_code == 200, answer.text

    async def finish(self) -> None:
        assert (await self.client.post(f"{self.url}/finish")).status_code == 200

    async def reveal(self) -> list[Json]:
        key: Mapping[str, Any] = (await self.client.post(f"{self.url}/reveal")).json()
        bugs: list[Json] = key["bugs"]
        return bugs

    async def review(self, *, stage: int = 0) -> Json:
        answer = await self.client.get(f"{self.url}/review", params={"stage": stage} if stage else None)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    def line(self, text: str) -> int:
        return self.draft[: self.draft.index(text)].count("\n") + 1

    def later(self, *, minutes: float) -> None:
        self.clock.pass_time(seconds=60 * minutes)


@pytest.fixture
def sitting(client: httpx2.AsyncClient, attempt: Json, clock: SteppingClock, sandbox: FakeSandbox) -> Sitting:
    """A practice attempt on the tier of two bugs."""
    return Sitting(client, attempt, clock, sandbox)


@pytest.fixture
async def mock_sitting(client: httpx2.AsyncClient, clock: SteppingClock, sandbox: FakeSandbox) -> Sitting:
    """A mock of sixty minutes."""
    answer = await client.post("/api/attempts", json={"problem": "tiny", "mode": "mock"})
    return Sitting(client, answer.json(), clock, sandbox)
