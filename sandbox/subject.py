"""The submission as probes see it: models behind handles, trainings, texts; each asked for once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar, cast

from sandbox.calls import CandidateFault
from sandbox.hidden_text import hidden_text
from sandbox.job import Job
from sandbox.remote import RemoteModel
from sandbox.session import Session
from sandbox.training import Training, read_training

T = TypeVar("T")


class Subject:
    """A submission under examination. What is asked for twice is asked of the candidate once.

    Two processes hold it: one trains with its own steps while the other answers everything else.
    """

    def __init__(self, *, job: Job, session: Session, own: Session):
        self.job, self.session, self._own = job, session, own
        self.text = hidden_text(job.seed)
        self._kept: dict[str, tuple[int, Any]] = {}  # with the generation of the process it belongs to
        self._faults: dict[str, CandidateFault] = {}
        self._own_begun = False

    @property
    def seed(self) -> int:
        return self.job.seed % 10_000

    def once(self, key: str, make: Callable[[], T]) -> T:
        """The value made under `key`; made again when its process is gone, but a fault never."""
        return self._once(key, make, self.session)

    def once_own(self, key: str, make: Callable[[], T]) -> T:
        """The same for what belongs to the process of the own training."""
        return self._once(key, make, self._own)

    def _once(self, key: str, make: Callable[[], T], session: Session) -> T:
        if key in self._faults:
            raise self._faults[key]
        if key not in self._kept or self._kept[key][0] != session.generation:
            try:
                value = make()
            except CandidateFault as fault:
                self._faults[key] = fault
                raise
            self._kept[key] = (session.generation, value)
        return cast("T", self._kept[key][1])

    def train(
        self,
        text: str,
        *,
        steps: int | None = None,
        lr: float | None = None,
        seed: int | None = None,
        vocab: int = 0,
    ) -> Training:
        """The submission's train on a text, or on its own task where that is empty; with its own steps and
        rate where they are None, observed if vocab is given."""
        fields = _train_fields(text, steps=steps, lr=lr, seed=seed, vocab=vocab)
        return read_training(self.session, text, self.session.call("train", fields))

    def build(self, *, classes: int) -> RemoteModel:
        """An untrained classifier with as many classes."""
        fields = _train_fields("", steps=0, seed=self.seed) | {"classes": classes}
        return read_training(self.session, "", self.session.call("train", fields)).model

    def begin_own_training(self, *, wait: bool = False) -> None:
        """Starts the training with the submission's own steps and rate; nothing needs it yet."""
        with contextlib.suppress(CandidateFault):  # it comes again when the training is asked for
            self._own.begin("train", _train_fields(self.job.text))
            self._own_begun = True
            if wait:
                _ = self.own_training

    @property
    def own_training(self) -> Training:
        """The training with the submission's own steps and rate, on the sentence of the job."""
        return self.once_own("own training", self._finish_own_training)

    def _finish_own_training(self) -> Training:
        if not self._own_begun:
            self._own.begin("train", _train_fields(self.job.text))
        self._own_begun = False
        return read_training(self._own, self.job.text, self._own.finish())


def _train_fields(
    text: str,
    *,
    steps: int | None = None,
    lr: float | None = None,
    seed: int | None = None,
    vocab: int = 0,
) -> dict[str, Any]:
    return {"text": text or None, "steps": steps, "lr": lr, "seed": seed, "vocab": vocab or None}
