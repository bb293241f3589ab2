"""The submission as probes see it: models behind handles, trainings, texts; each asked for once."""

from __future__ import annotations

import contextlib
import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

from sandbox.arrays import to_array, to_tensor
from sandbox.calls import Array, CandidateFault, Message
from sandbox.failures import failure
from sandbox.job import Job
from sandbox.session import Session

T = TypeVar("T")

_ALPHABET = "abcdefghijklmnopqrstuvwxyz"
_MARKS = " ,  .\n0"
_ALIKE = 0.1  # of neighbours: a mark in front of the text makes that little less like it
_SEED = 1_000_003  # so that seeds of jobs and of texts have nothing to do with each other


@contextlib.contextmanager
def read_answer() -> Iterator[None]:
    """Inside it, whatever an answer's content makes Python raise is the submission's fault, not ours."""
    try:
        yield
    except CandidateFault:
        raise
    except Exception as error:
        message = "what it answered does not fit together"
        reason = failure("contract", f"What the file's functions answered does not fit together ({error!r}).")
        raise CandidateFault("answer", message, failure=reason) from error


@dataclass(frozen=True)
class RemoteModel:
    """A model in the candidate process."""

    session: Session
    handle: int
    dtype: str = "float32"
    head: str = "language"  # whose logits are meant: language | texts | tokens
    silent: tuple[str, ...] = ()  # parameters that are at zero while it answers

    @read_answer()
    def logits(self, ids: Tensor, mask: Tensor | None = None, *, training_seed: int | None = None) -> Tensor:
        """What the model answers to (B, T) token ids, meant to be (B, T, V); in training mode if seeded.

        Of texts (B, K); a mask (B, T) tells the real tokens.
        """
        fields = {"training_seed": training_seed, "head": self.head}
        answer = self._ask("logits", fields, _inputs(ids, mask))
        return to_tensor(answer.arrays["logits"])

    @read_answer()
    def redrawn(self, *, std: float, seed: int, dtype: str) -> RemoteModel:
        """A copy in evaluation mode, all its parameters drawn anew."""
        answer = self._ask("redraw", {"std": std, "seed": seed, "dtype": dtype})
        return replace(self, handle=_handle(answer), dtype=dtype)

    def without(self, names: Sequence[str]) -> RemoteModel:
        """The same model, answering with these parameters at zero: no copy, and nothing is asked for it."""
        return replace(self, silent=(*self.silent, *names))

    def copied(self) -> RemoteModel:
        """A copy, for a call that may leave traces on the model."""
        return self.with_parameters({})

    @read_answer()
    def with_parameters(self, values: dict[str, Tensor]) -> RemoteModel:
        """A copy with these parameters set."""
        arrays = {name: to_array(value) for name, value in values.items()}
        return replace(self, handle=_handle(self._ask("set_parameters", {"copy": True}, arrays)))

    @read_answer()
    def set_parameters(self, values: dict[str, Tensor]) -> None:
        arrays = {name: to_array(value) for name, value in values.items()}
        self._ask("set_parameters", {"copy": False}, arrays)

    @read_answer()
    def gradients(self, ids: Tensor, of: Tensor, *, mask: Tensor | None = None) -> dict[str, Tensor | None]:
        """Of the mean cross-entropy to targets `of` (B, T) int64, or of sum(logits * of), `of` (B, T, V).

        Of texts `of` is (B,) or (B, K).
        """
        answer = self._ask("grad", {"head": self.head}, _inputs(ids, mask) | {"of": to_array(of)})
        found: dict[str, Tensor | None] = {name: to_tensor(array) for name, array in answer.arrays.items()}
        return found | {str(name): None for name in answer.fields["missing"]}

    @read_answer()
    def taps(self, ids: Tensor) -> Taps:
        """What one forward pass computed, in its order."""
        answer = self._ask("taps", {"head": self.head}, _inputs(ids, None))
        taps = [Tap(*entry) for entry in answer.fields["products"]]
        for key, array in answer.arrays.items():
            i, side = key.split()
            tensor = to_tensor(array)
            alone = tensor.dim() == 3 and len(tensor) == 1  # how einsum spells a product of two matrices
            taps[int(i)].tensors[side] = tensor[0] if alone else tensor
        return Taps(taps, foreign=answer.fields["foreign"], uses=answer.fields["uses"])

    @read_answer()
    def parameters(self) -> Parameters:
        answer = self._ask("parameters")
        arrays = {key: to_tensor(array) for key, array in answer.arrays.items()}
        return Parameters(
            entries=answer.fields["parameters"],
            values={k.removeprefix("parameter "): v for k, v in arrays.items() if k.startswith("parameter ")},
            buffers={k.removeprefix("buffer "): v for k, v in arrays.items() if k.startswith("buffer ")},
            declared=answer.fields["declared"],
        )

    @read_answer()
    def generate(self, prompt: str, new_tokens: int) -> str:
        return self.generate_counting(prompt, new_tokens, cached=False)[0]

    @read_answer()
    def generate_counting(self, prompt: str, new_tokens: int, *, cached: bool) -> tuple[str, list[int]]:
        """The text; over caches, by generate_cached, also how many tokens each forward pass was given."""
        fields = {"prompt": prompt, "n": new_tokens, "stub": False, "cached": cached}
        answer = self._ask("generate", fields)
        return _text(answer.fields["text"]), [int(count) for count in answer.fields.get("fed", [])]

    @read_answer()
    def fed(self, ids: Tensor, plan: Sequence[int]) -> Fed:
        """What the model answers over new caches to (B, T) token ids, `plan` saying how many at each step."""
        fields = {"training_seed": None, "plan": list(plan)}
        answer = self._ask("logits", fields, {"ids": to_array(ids)})
        found = {key: to_tensor(array) for key, array in answer.arrays.items()}
        lengths = [[int(length) for length in step] for step in answer.fields["lengths"]]
        stored = [(found[f"k {i}"], found[f"v {i}"]) for i in range(len(lengths[-1])) if f"k {i}" in found]
        return Fed([found[f"logits {step}"] for step in range(len(plan))], lengths, stored)

    @read_answer()
    def generate_by_stub(self, prompt: str, new_tokens: int, *, choices: list[int]) -> StubbedText:
        fields = {"prompt": prompt, "n": new_tokens, "stub": True}
        answer = self._ask("generate", fields, {"choices": to_array(torch.tensor(choices))})
        contexts = [to_tensor(answer.arrays[str(i)]).tolist() for i in range(len(answer.arrays))]
        return StubbedText(
            text=_text(answer.fields["text"]),
            contexts=contexts,
            noisy=bool(answer.fields["noisy"]),
            served=bool(answer.fields["served"]),
        )

    @read_answer()
    def tokens(self, text: str) -> tuple[list[int], str]:
        """What the tokenizer encodes the text to, and decodes that to again."""
        answer = self._ask("tokens", {"text": text})
        return [int(i) for i in answer.fields["ids"]], _text(answer.fields["decoded"])

    def _ask(
        self, name: str, fields: dict[str, Any] | None = None, arrays: dict[str, Any] | None = None
    ) -> Message:
        meant = {"handle": self.handle, "silent": list(self.silent)}
        return self.session.call(name, meant | (fields or {}), arrays)


@dataclass(frozen=True)
class Fed:
    """What came of feeding a model over caches, step by step."""

    logits: list[Tensor]  # of each step, meant to be (B, its tokens, V)
    lengths: list[list[int]]  # after each step, of each layer's cache
    stored: list[tuple[Tensor, Tensor]]  # keys and values of each layer in the end


def _inputs(ids: Tensor, mask: Tensor | None) -> dict[str, Array]:
    return {"ids": to_array(ids)} | ({"mask": to_array(mask)} if mask is not None else {})


@dataclass
class Tap:
    """One product of a forward pass: see sandbox/taps.py."""

    op: str
    weight: str | None
    scale: float | None
    is_causal: bool
    start: int  # where in the weight's parameter it begins
    tensors: dict[str, Tensor] = field(default_factory=dict)

    @property
    def is_linear(self) -> bool:
        """Whether it maps rows of activations by one matrix."""
        return self.op == "product" and "left" in self.tensors and self.tensors["out"].dim() == 2


@dataclass(frozen=True)
class Taps:
    """What one forward pass computed, trainable tensors that parameters() lacks, uses by name."""

    taps: list[Tap]
    foreign: list[list[int]]
    uses: dict[str, int]


@dataclass(frozen=True)
class Parameters:
    """What a model holds. `values` is empty for a model too large to travel."""

    entries: list[dict[str, Any]]  # name, shape, trained
    values: dict[str, Tensor]
    buffers: dict[str, Tensor]
    declared: dict[str, int]  # n_head, n_layer, block_size where the program states them

    @property
    def size(self) -> int:
        return sum(value.numel() for value in self.values.values())


@dataclass(frozen=True)
class StubbedText:
    """A generation over the stub: the text, and the contexts that the model was given."""

    text: str
    contexts: list[list[int]]
    noisy: bool  # dropout was on
    served: bool


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
        return _read_training(self.session, text, self.session.call("train", fields))

    def build(self, *, classes: int) -> RemoteModel:
        """An untrained classifier with as many classes."""
        fields = _train_fields("", steps=0, seed=self.seed) | {"classes": classes}
        return _read_training(self.session, "", self.session.call("train", fields)).model

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
        return _read_training(self._own, self.job.text, self._own.finish())


def _train_fields(
    text: str,
    *,
    steps: int | None = None,
    lr: float | None = None,
    seed: int | None = None,
    vocab: int = 0,
) -> dict[str, Any]:
    return {"text": text or None, "steps": steps, "lr": lr, "seed": seed, "vocab": vocab or None}


@read_answer()
def _read_training(session: Session, text: str, answer: Message) -> Training:
    arrays = {key: to_tensor(array) for key, array in answer.arrays.items()}
    return Training(
        model=RemoteModel(session, _handle(answer)),
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


def _handle(answer: Message) -> int:
    return int(answer.fields["handle"])


def _text(value: Any) -> str:
    """A claimed text, without the lone surrogates that JSON can carry and UTF-8 can't."""
    return str(value).encode("utf-8", "replace").decode()


def hidden_text(seed: int, *, length: int = 70, letters: int = 19) -> str:
    """A text that no submission has seen: no pair of neighbours occurs twice, so each place tells itself.

    Among its letters stand blanks, marks, a new line and a digit: what may be taken for padding, or tidied
    away.
    """
    draw = random.Random(seed * _SEED + length)
    chosen = [c.upper() if i % 4 == 0 else c for i, c in enumerate(draw.sample(_ALPHABET, letters))]
    draw.shuffle(chosen)
    text = [*chosen[: letters // 2], *_MARKS, *chosen[letters // 2 :]]
    pairs = set(itertools.pairwise(text))
    while len(text) < length:
        following = [c for c in chosen if c != text[-1] and (text[-1], c) not in pairs]
        text.append(draw.choice(following))
        pairs.add((text[-2], text[-1]))
    return "".join(text)
