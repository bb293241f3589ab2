"""The quantities that several probes of a classifier of tokens share: a language model with a second head."""

from __future__ import annotations

import math
import random
import sys
from dataclasses import dataclass, replace
from types import ModuleType

import torch
from torch import Tensor, nn

from sandbox.measurements import RATE, SHORT, STD, Initial, T
from sandbox.precision import bears_float64
from sandbox.remote import Parameters, RemoteModel
from sandbox.responses import tolerance
from sandbox.subject import Subject
from sandbox.training import Training

DIGITS, CLASSES = 10, 2  # the given task: count, and tell odd digits from even ones
UNSEEN = 64  # texts


@dataclass(frozen=True)
class Heads:
    """One model, asked for the next token and asked for each token's class."""

    language: RemoteModel
    classes: RemoteModel

    @classmethod
    def of(cls, model: RemoteModel) -> Heads:
        return cls(model, replace(model, head="tokens"))


class TokenClassification:
    """Asks the subject for what probes look at. Every quantity may raise CandidateFault."""

    def __init__(self, subject: Subject):
        self.subject = subject

    @property
    def unstepped(self) -> Training:
        """What train(steps=0) gave."""
        return self.subject.once("unstepped", lambda: self.subject.train("", steps=0, seed=self.subject.seed))

    @property
    def initial(self) -> Initial:
        """The untrained model as train(steps=0) returns it."""
        return self.subject.once("initial", self._make_initial)

    def _make_initial(self) -> Initial:
        model = self.unstepped.model
        parameters = model.parameters()
        every = parameters.values | parameters.buffers
        holes = tuple(name for name, value in every.items() if bool(value.isnan().any()))
        if holes:
            self.subject.session.without_fill()
            model = self.unstepped.model
            parameters = model.parameters()
        return Initial(model, parameters, holes)

    @property
    def untrained(self) -> Heads:
        return Heads.of(self.initial.model)

    @property
    def drawn(self) -> Heads:
        """The untrained model with its parameters drawn anew; float32 where it can't run in float64."""
        return Heads.of(self.subject.once("drawn", self._draw))

    def _draw(self) -> RemoteModel:
        double, single = (
            Heads.of(self.initial.model.redrawn(std=STD, seed=1, dtype=dtype))
            for dtype in ("float64", "float32")
        )
        texts = [(self.ids(4, T), None)]
        both = (double.language, single.language), (double.classes, single.classes)
        bears = all(bears_float64(*head, texts) for head in both)
        return double.language if bears else single.language

    @property
    def draws(self) -> list[Heads]:
        """The model drawn several times: what two scores have in common once may be chance."""
        dtype = self.drawn.language.dtype
        return [Heads.of(self.initial.model.redrawn(std=STD, seed=s, dtype=dtype)) for s in range(1, 9)]

    def ids(self, B: int, T: int, *, salt: int = 0) -> Tensor:
        """Random digits: (B, T)."""
        generator = torch.Generator().manual_seed(self.subject.seed + 1000 * salt)
        return torch.randint(DIGITS, (B, T), generator=generator)

    @property
    def tolerance(self) -> float:
        """Below this two logits of the drawn model are the same."""
        model = self.drawn.language
        return self.subject.once("tolerance", lambda: tolerance(model, model.logits(self.ids(8, T))))

    @property
    def language_gradients(self) -> dict[str, Tensor | None]:
        """Of a random sum of the next token's logits."""
        return self.subject.once("language gradients", lambda: self._gradients(self.drawn.language, DIGITS))

    @property
    def class_gradients(self) -> dict[str, Tensor | None]:
        """Of a random sum of the classes' logits."""
        return self.subject.once("class gradients", lambda: self._gradients(self.drawn.classes, CLASSES))

    def _gradients(self, model: RemoteModel, width: int) -> dict[str, Tensor | None]:
        generator = torch.Generator().manual_seed(3)
        cotangent = torch.randn(4, T, width, generator=generator, dtype=torch.float64)
        return model.gradients(
            self.ids(4, T, salt=3), cotangent.float() if model.dtype == "float32" else cotangent
        )

    @property
    def own_to_classes(self) -> list[str]:
        """Parameters that reach the classes and not the next token: the head that was put beside."""
        language = _reached(self.language_gradients)
        return [name for name in _reached(self.class_gradients) if name not in language]

    @property
    def own_to_language(self) -> list[str]:
        """Parameters that reach the next token and not the classes: the head that was there."""
        classes = _reached(self.class_gradients)
        return [name for name in _reached(self.language_gradients) if name not in classes]

    @property
    def mixed(self) -> float | None:
        """How far a token moves the classes after it where tokens can't hear of each other; None where
        nothing is heard then. A head may have attention of its own, which is silenced in a second try."""
        return self.subject.once("mixed", self._find_mixed)

    def _find_mixed(self) -> float | None:
        own, matrices = set(self.own_to_classes), self._matrices()
        moved = self._in_silence([name for name in matrices if name not in own])
        return self._in_silence(matrices) if moved is None or moved > self.tolerance else moved

    def _matrices(self) -> list[str]:
        """All but the tables of tokens, the head over them and a head of two classes."""
        own, values = set(self.own_to_classes), self.initial.parameters.values
        kept = {
            name
            for name, value in values.items()
            if DIGITS in value.shape or (name in own and value.dim() == 2 and CLASSES in value.shape)
        }
        return [name for name, value in values.items() if value.dim() >= 2 and name not in kept]

    def _in_silence(self, names: list[str]) -> float | None:
        model, ids = self.drawn.classes.without(names), self.ids(4, T)
        changed = ids.clone()
        changed[:, 0] = (changed[:, 0] + 1) % DIGITS
        moved = (model.logits(changed) - model.logits(ids)).abs().amax(dim=(0, 2))  # (T,)
        return float(moved[1:].max()) if float(moved[0]) > self.tolerance else None

    @property
    def disagreement(self) -> float | None:
        """Between the next token's logits and those of the given model with the same weights; None where
        some of its weights are not there by name."""
        return self.subject.once("disagreement", self._compare)

    def _compare(self) -> float | None:
        values, model = self.drawn.language.parameters().values, _given_model(self.subject.job.shape)
        named = dict(model.named_parameters())
        language = {name for name, g in self.language_gradients.items() if g is not None}
        if (
            not values
            or not language <= set(named)
            or any(values[n].shape != named[n].shape for n in language)
        ):
            return None
        with torch.no_grad():
            for name in language:
                named[name].copy_(values[name])
            expected = model(self.ids(4, T))
        return float((self.drawn.language.logits(self.ids(4, T)) - expected).abs().max())

    @property
    def short(self) -> Training:
        """A few observed steps."""
        return self.subject.once(
            "short", lambda: self.subject.train("", steps=SHORT, seed=self.subject.seed, vocab=DIGITS)
        )

    @property
    def otherwise_paced(self) -> Training:
        """As many steps at another rate."""
        return self.subject.once(
            "otherwise paced",
            lambda: self.subject.train("", steps=SHORT, lr=RATE, seed=self.subject.seed),
        )

    @property
    def after_parameters(self) -> Parameters:
        return self.subject.once("after parameters", self.short.model.parameters)

    @property
    def own(self) -> Training:
        """The training with the program's own steps and rate."""
        return self.subject.own_training

    @property
    def judged(self) -> tuple[float, float]:
        """Accuracy and mean loss of the classes of random digits, computed here."""
        return parity_results(self.subject)

    @property
    def language_loss(self) -> float:
        """The trained model's mean loss on the next digit of unseen counts, but for the stride's first."""
        return self.subject.once_own("language loss", lambda: _language_loss(self.own.model))


def _reached(gradients: dict[str, Tensor | None]) -> list[str]:
    return [name for name, gradient in gradients.items() if gradient is not None and bool(gradient.any())]


def parity_results(subject: Subject) -> tuple[float, float]:
    """Accuracy and mean loss of the own training's classes on random digits; inf for NaN."""
    return subject.once_own("unseen results", lambda: _parity(Heads.of(subject.own_training.model).classes))


def _parity(model: RemoteModel) -> tuple[float, float]:
    ids = torch.randint(DIGITS, (UNSEEN, T), generator=torch.Generator().manual_seed(99_991))
    logits = model.logits(ids).double()  # (B, T, 2)
    if tuple(logits.shape) != (UNSEEN, T, CLASSES):
        return 0.0, math.inf
    loss = float(-logits.log_softmax(dim=-1).gather(-1, (ids % 2)[..., None]).mean())
    return float((logits.argmax(dim=-1) == ids % 2).float().mean()), loss if math.isfinite(loss) else math.inf


def _language_loss(model: RemoteModel) -> float:
    draw = random.Random(99_991)
    rows = [(draw.randrange(DIGITS), draw.randint(1, 3)) for _ in range(UNSEEN)]
    ids = torch.tensor([[(start + stride * t) % DIGITS for t in range(T)] for start, stride in rows])
    logits = model.logits(ids).double()[:, 1:-1]  # the stride is known from the second digit on
    loss = float(-logits.log_softmax(dim=-1).gather(-1, ids[:, 2:, None]).mean())
    return loss if math.isfinite(loss) else math.inf


def _given_model(shape: str) -> nn.Module:
    """The clean shape's model, executed in the examiner."""
    module = ModuleType("shape")
    sys.modules["shape"] = module  # dataclasses look their module up by name
    exec(compile(shape, "shape.py", "exec", dont_inherit=True), module.__dict__)
    model: nn.Module = module.train(steps=0, seed=0)[0]
    return model.double().eval()
