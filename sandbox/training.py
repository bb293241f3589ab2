"""One training of the submission, as it was observed."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from sandbox.arrays import to_tensor
from sandbox.calls import Message
from sandbox.remote import RemoteModel, handle_of, read_answer
from sandbox.session import Session

_ALIKE = 0.1  # of neighbours: a mark in front of the text makes that little less like it


@dataclass(frozen=True)
class Forward:
    """One forward pass of a training: what was looked up, the logits, and the gradient that reached them."""

    lookups: list[Tensor]
    logits: Tensor
    gradient: Tensor | None

    def ids(self, text: list[int]) -> Tensor | None:
        """The tokens that were fed: (B, T)."""
        fed, time_first = self._fed(text)
        return fed.T if fed is not None and time_first else fed

    def is_time_first(self, text: list[int]) -> bool:
        """Whether they were looked up in the order (T, B)."""
        return self._fed(text)[1]

    def _fed(self, text: list[int]) -> tuple[Tensor | None, bool]:
        """Of what was looked up and reads like the text, the last; whether it does so down its columns.

        Targets read like it too. Where they are made one-hot, that is before the model looks its input up.
        """
        every = [ids if ids.dim() == 2 else ids[None] for ids in self.lookups]
        read = [(_likeness(ids, text), _likeness(ids.T, text)) for ids in every]
        most = max((max(both) for both in read), default=0.0)
        near = [(ids, both) for ids, both in zip(every, read, strict=True) if max(both) >= most - _ALIKE]
        if not near:
            return None, False
        ids, (rows, columns) = near[-1]
        return ids, columns > rows

    def rows(self, text: list[int]) -> list[list[int]]:
        ids = self.ids(text)
        return ids.tolist() if ids is not None else []


def _likeness(ids: Tensor, text: list[int]) -> float:
    """Of the pairs of neighbours, each counted once, the share that are neighbours in the text."""
    found = {pair for row in ids.tolist() for pair in itertools.pairwise(row)}
    return len(found & set(itertools.pairwise(text))) / len(found) if found else 0.0


@dataclass(frozen=True)
class Training:
    """One call of train: the model it returned, its list of losses, and what was observed."""

    model: RemoteModel
    text: str  # empty where the file has a task of its own
    returned: list[float]
    computed: list[float]  # values of the cross-entropies that were computed
    observed: dict[str, Any]
    forwards: list[Forward]


@read_answer()
def read_training(session: Session, text: str, answer: Message) -> Training:
    """The training that an answer tells of. Raises CandidateFault for one that does not fit together."""
    arrays = {key: to_tensor(array) for key, array in answer.arrays.items()}
    return Training(
        model=RemoteModel(session, handle_of(answer)),
        text=text,
        returned=arrays["returned"].double().flatten().tolist(),
        computed=arrays["computed"].double().flatten().tolist(),
        observed=answer.fields,
        forwards=[
            Forward(
                lookups=[arrays[f"lookup {i} {j}"] for j in range(count)],
                logits=arrays[f"logits {i}"],
                gradient=arrays.get(f"gradient {i}"),
            )
            for i, count in enumerate(answer.fields.get("forwards", []))
        ],
    )
