"""A model in the candidate process as probes see it: behind a handle, asked over the call channel."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from sandbox.arrays import to_array, to_tensor
from sandbox.calls import Array, CandidateFault, Message
from sandbox.failures import failure
from sandbox.session import Session


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
        return replace(self, handle=handle_of(answer), dtype=dtype)

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
        return replace(self, handle=handle_of(self._ask("set_parameters", {"copy": True}, arrays)))

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
    def learn(self, strings: Tensor, *, steps: int, rate: float) -> None:
        """Trains this very model, in evaluation mode, on the next tokens of (B, T) token ids."""
        arrays = {"ids": to_array(strings[:, :-1]), "of": to_array(strings[:, 1:])}
        self._ask("learn", {"steps": steps, "rate": rate}, arrays)

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
    lengths: list[list[int]]  # after each step, of each layer's cache; where none was taken, at the beginning
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


def handle_of(answer: Message) -> int:
    return int(answer.fields["handle"])


def _text(value: Any) -> str:
    """A claimed text, without the lone surrogates that JSON can carry and UTF-8 can't."""
    return str(value).encode("utf-8", "replace").decode()
