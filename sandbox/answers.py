"""The eleven answers that a candidate process gives: it does what it is asked and decides nothing."""

from __future__ import annotations

import contextlib
import copy
import types
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from sandbox import cached_contract, classifier_contract, contract, feeding
from sandbox.arrays import to_array, to_tensor
from sandbox.calls import Array, Message
from sandbox.contracts import CONTRACTS
from sandbox.failures import ContractError, from_exception
from sandbox.forwards import Forward
from sandbox.held import Held, filled, in_mode, silenced
from sandbox.lessons import Lessons
from sandbox.observers import StaleWatch, TrainingWatch, watch_losses
from sandbox.structure import declared_numbers, describe_parameters
from sandbox.stub import Stub
from sandbox.submission import Unloadable, execute, seed_everything
from sandbox.taps import ProductTap, WeightUse

_DTYPES = {"float32": torch.float32, "float64": torch.float64}
_MOST_NUMBERS = 4_000_000  # parameters that travel; a larger model is examined without them


class Answers:
    """Answers calls on one submission. `fill` makes memory that a model never initialised read as NaN."""

    def __init__(self, *, source: str, filename: str, seed: int, fill: bool):
        self._source, self._filename, self._seed, self._fill = source, filename, seed, fill
        self._module: types.ModuleType | None = None
        self._held: list[Held] = []
        self._losses: list[float] = []
        # before the submission is loaded, so that its `from ... import cross_entropy` finds the watched one
        self._watch = contextlib.ExitStack()
        self._watch.enter_context(watch_losses(self._losses.append))

    def __call__(self, call: Message) -> Message:
        answer: Callable[[Message], Message] = getattr(self, f"_{call.name}")
        try:
            silent = call.fields.get("silent")
            with silenced(self._model(call), silent) if silent else contextlib.nullcontext():
                return answer(call)
        except Unloadable as error:
            return Message("failure", error.failure)
        except BaseException as error:
            return Message("failure", from_exception(error, filename=self._filename))

    def _load(self, call: Message) -> Message:
        seed_everything(self._seed)
        try:
            self._module = execute(source=self._source, filename=self._filename, name="submission")
        except SystemExit as error:
            raise ContractError(
                f"The file ends itself while it is loaded (exit status {error.code})."
            ) from error
        CONTRACTS[call.fields["contract"]](self._module)
        return Message("answer")

    def _train(self, call: Message) -> Message:
        text, seed, classes = call.fields["text"], call.fields["seed"], call.fields.get("classes")
        options = {key: call.fields[key] for key in ("steps", "lr", "seed") if call.fields[key] is not None}
        watch = TrainingWatch(vocab=call.fields["vocab"]) if call.fields["vocab"] else StaleWatch()
        seed_everything(self._seed if seed is None else seed)
        self._losses.clear()
        with filled(self._fill and call.fields["steps"] == 0), watch:
            model, tokenizer, returned = self._make(text, options, classes)
        self._held.append(Held(model, tokenizer, text, seed, classes))
        arrays = {
            "returned": to_array(torch.tensor(returned, dtype=torch.float64)),
            "computed": to_array(torch.tensor(self._losses, dtype=torch.float64)),
        }
        fields: dict[str, Any] = {"handle": len(self._held) - 1, "stale": watch.stale}
        if isinstance(watch, TrainingWatch):
            fields |= _observed(watch, arrays)
        return Message("answer", fields, arrays)

    def _make(
        self, text: str | None, options: dict[str, Any], classes: int | None
    ) -> tuple[Any, Any, list[float]]:
        """A model, its tokenizer and its losses: trained on a text, on the file's own task, or only built."""
        if text is not None:
            return contract.call_train(self._module, text, options)
        if classes is not None:
            return classifier_contract.build(self._module, classes), None, []
        model, returned = classifier_contract.call_train(self._module, options)
        return model, None, returned

    def _parameters(self, call: Message) -> Message:
        model = self._model(call)
        named = dict(model.named_parameters())
        fields = {
            "parameters": describe_parameters(model),
            "declared": declared_numbers(model, self._module),
            "omitted": sum(parameter.numel() for parameter in named.values()) > _MOST_NUMBERS,
        }
        buffers = {
            name: buffer
            for name, buffer in model.named_buffers()
            if buffer.is_floating_point() and buffer.numel() <= _MOST_NUMBERS // 8
        }
        arrays = {} if fields["omitted"] else {f"parameter {key}": to_array(p) for key, p in named.items()}
        return Message(
            "answer", fields, arrays | {f"buffer {key}": to_array(b) for key, b in buffers.items()}
        )

    def _set_parameters(self, call: Message) -> Message:
        """In place when `copy` is false; else a new handle."""
        held = self._copy(call) if call.fields["copy"] else self._held[call.fields["handle"]]
        named = dict(held.model.named_parameters())
        with torch.no_grad():
            for name, array in call.arrays.items():
                named[name].copy_(to_tensor(array))
        return self._handle(held)

    def _redraw(self, call: Message) -> Message:
        """A copy in evaluation mode with every parameter drawn anew from N(0, std)."""
        held = self._copy(call)
        generator = torch.Generator().manual_seed(call.fields["seed"])
        held.model.to(_DTYPES[call.fields["dtype"]]).eval()
        with torch.no_grad():
            for parameter in held.model.parameters():
                drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
                parameter.copy_(drawn * call.fields["std"])
        return self._handle(held)

    def _logits(self, call: Message) -> Message:
        """In evaluation mode; in training mode with gradients where a seed for its dropout is given.

        With a plan the tokens are fed over new caches, so many at each step.
        """
        model, seed = self._model(call), call.fields["training_seed"]
        if (plan := call.fields.get("plan")) is not None:
            with torch.no_grad(), in_mode(model, training=False):
                return feeding.feed(self._module, model, _ids(call), plan=plan)
        if seed is not None:
            seed_everything(seed)
        with torch.set_grad_enabled(seed is not None), in_mode(model, training=seed is not None):
            return Message("answer", {}, {"logits": to_array(_scores(model, call))})

    def _grad(self, call: Message) -> Message:
        """Gradients of the mean cross-entropy to int64 `of`, or of the sum of logits * float `of`."""
        model, of = self._model(call), to_tensor(call.arrays["of"])
        for parameter in model.parameters():
            parameter.grad = None
        with in_mode(model, training=False):
            logits = _scores(model, call)  # (B, T, V), or (B, K)
        loss = _cross_entropy(logits, of) if of.dtype == torch.int64 else (logits * of).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        grads = {name: p.grad for name, p in model.named_parameters()}
        missing = [name for name, grad in grads.items() if grad is None]
        arrays = {name: to_array(grad) for name, grad in grads.items() if grad is not None}
        return Message("answer", {"missing": missing}, arrays)

    def _learn(self, call: Message) -> Message:
        """Steps on the mean cross-entropy to int64 `of`, in evaluation mode."""
        held, of = self._held[call.fields["handle"]], to_tensor(call.arrays["of"])
        held.lessons = held.lessons or Lessons(held.model, rate=call.fields["rate"])
        with in_mode(held.model, training=False):
            held.lessons.give(call.fields["steps"], lambda: _cross_entropy(_scores(held.model, call), of))
        return Message("answer")

    def _taps(self, call: Message) -> Message:
        model = self._model(call)
        # with gradients on, so that torch takes no fused path that hides the products
        with torch.enable_grad(), in_mode(model, training=False):
            try:
                tap, weights = ProductTap(model), WeightUse(model)
                with weights, tap:
                    _scores(model, call)
            except Exception:  # a right program may not run below a dispatch mode: then no product is seen
                tap, weights = ProductTap(model), WeightUse(model)
                with weights:
                    _scores(model, call)
        arrays: dict[str, Array] = {}
        products = []
        for i, product in enumerate(tap.products):
            arrays |= {f"{i} {side}": to_array(tensor) for side, tensor in product.tensors.items()}
            products.append([product.op, product.weight, product.scale, product.is_causal, product.start])
        fields = {"products": products, "foreign": list(weights.foreign.values()), "uses": weights.uses}
        return Message("answer", fields, arrays)

    def _generate(self, call: Message) -> Message:
        held = self._held[call.fields["handle"]]
        prompt, new_tokens = call.fields["prompt"], call.fields["n"]
        if call.fields.get("cached"):
            with feeding.TokenCount(held.model) as fed:
                text = cached_contract.call_generate(self._module, held, prompt, new_tokens)
            return Message("answer", {"text": text, "fed": fed.counts})
        if not call.fields["stub"]:
            return Message("answer", {"text": contract.call_generate(self._module, held, prompt, new_tokens)})
        with Stub(held.model, choices=call.arrays["choices"]) as stub:
            text = contract.call_generate(self._module, held, prompt, new_tokens)
        contexts = {f"{i}": to_array(ids) for i, ids in enumerate(stub.contexts)}
        fields = {"text": text, "noisy": stub.noisy, "served": stub.served}
        return Message("answer", fields, contexts)

    def _tokens(self, call: Message) -> Message:
        tokenizer = self._held[call.fields["handle"]].tokenizer
        ids = contract.call_encode(tokenizer, call.fields["text"])
        return Message("answer", {"ids": ids, "decoded": contract.call_decode(tokenizer, ids)})

    def _model(self, call: Message) -> nn.Module:
        model: nn.Module = self._held[call.fields["handle"]].model
        return model

    def _handle(self, held: Held) -> Message:
        if held not in self._held:
            self._held.append(held)
        return Message("answer", {"handle": self._held.index(held)})

    def _copy(self, call: Message) -> Held:
        """A deep copy; a model that refuses is built again and given the same parameters."""
        held = self._held[call.fields["handle"]]
        tokenizer = held.tokenizer
        try:
            model = copy.deepcopy(held.model)
        except Exception:
            options = {"steps": 0} if held.seed is None else {"steps": 0, "seed": held.seed}
            model, tokenizer, _ = self._make(held.text, options, held.classes)
            with torch.no_grad():
                for new, old in zip(model.parameters(), held.model.parameters(), strict=True):
                    new.data = old.detach().clone()
        return Held(model, tokenizer, held.text, held.seed, held.classes)


def _scores(model: nn.Module, call: Message) -> Tensor:
    """The logits that were asked for: of the next token unless the call names another head."""
    head = call.fields.get("head", "language")
    if head == "texts":
        mask = to_tensor(call.arrays["mask"]) if "mask" in call.arrays else None
        return classifier_contract.call_model(model, _ids(call), mask)
    if head == "tokens":
        return classifier_contract.call_classify(model, _ids(call))
    return contract.call_model(model, _ids(call))


def _cross_entropy(logits: Tensor, of: Tensor) -> Tensor:
    """The mean, in torch's own parts: the function itself is watched."""
    return torch.log_softmax(logits, dim=-1).gather(-1, of[..., None]).mean().neg()


def _ids(call: Message) -> Tensor:
    return to_tensor(call.arrays["ids"])


def _observed(watch: TrainingWatch, arrays: dict[str, Array]) -> dict[str, Any]:
    counts: list[int] = []
    for forward in watch.forwards:
        try:
            seen = _seen(forward, number=len(counts))
        except RuntimeError:  # tensors of torch.func.vmap can't be read once it has returned
            continue
        arrays |= seen
        counts.append(len(forward.lookups))
    return {"forwards": counts}


def _seen(forward: Forward, *, number: int) -> dict[str, Array]:
    arrays = {f"lookup {number} {j}": to_array(ids) for j, ids in enumerate(forward.lookups)}
    arrays[f"logits {number}"] = to_array(forward.logits)
    if forward.gradient is not None:
        arrays[f"gradient {number}"] = to_array(forward.gradient)
    return arrays
