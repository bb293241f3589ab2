"""The quantities that several probes of a classifier of texts share, each measured once."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from sandbox.measurements import RATE, SHORT, STD, Initial, T
from sandbox.positions import Table, find_position_table, find_token_table
from sandbox.precision import bears_float64
from sandbox.remote import Parameters, RemoteModel
from sandbox.responses import tolerance
from sandbox.subject import Subject
from sandbox.training import Training

TOKENS, PAD = 3, 3  # the given task: tokens 0, 1 and 2, a class for each, and what pads them
LONGEST = 16  # tokens of a text of the task
LONG = 32  # tokens: the longest text that a program is promised
CLASSES = 7  # of the classifier that is built to be looked at: no other size of the program
GLIMPSE = 2  # steps, after which weight decay has not yet moved a number past 0 and back
UNSEEN = 256  # texts of the task that no submission has seen


class Classification:
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
        model = _of_texts(self.unstepped.model)
        parameters = model.parameters()
        holes = tuple(
            name
            for name, value in (parameters.values | parameters.buffers).items()
            if bool(value.isnan().any())
        )
        if holes:
            self.subject.session.without_fill()
            model = _of_texts(self.unstepped.model)
            parameters = model.parameters()
        return Initial(model, parameters, holes)

    @property
    def built(self) -> RemoteModel:
        """GPTClassifier(GPTConfig(), CLASSES)."""
        return self.built_for(CLASSES)

    def built_for(self, classes: int) -> RemoteModel:
        """GPTClassifier(GPTConfig(), classes)."""
        build = self.subject.build
        return self.subject.once(f"built for {classes}", lambda: _of_texts(build(classes=classes)))

    @property
    def built_parameters(self) -> Parameters:
        return self.subject.once("built parameters", self.built.parameters)

    @property
    def drawn(self) -> RemoteModel:
        """The built model with its parameters drawn anew; float32 where it can't run in float64."""
        return self.subject.once("drawn", self._draw)

    def _draw(self) -> RemoteModel:
        double, single = (
            self.built.redrawn(std=STD, seed=1, dtype=dtype) for dtype in ("float64", "float32")
        )
        padded, mask = (
            F.pad(rows, (0, LONG - T), value=fill) for rows, fill in zip(self.ragged, (PAD, 0), strict=True)
        )
        texts = [(self.ids(2, T), None), (self.ids(2, LONG), None), self.ragged, (padded, mask)]
        return double if bears_float64(double, single, texts) else single

    @property
    def K(self) -> int:
        """Classes that the built model scores."""
        return self.subject.once("K", lambda: self.drawn.logits(self.ids(2, T)).shape[-1])

    def ids(self, B: int, T: int, *, salt: int = 0) -> Tensor:
        """Random tokens, none of them padding: (B, T)."""
        generator = torch.Generator().manual_seed(self.subject.seed + 1000 * salt)
        return torch.randint(TOKENS, (B, T), generator=generator)

    @property
    def ragged(self) -> tuple[Tensor, Tensor]:
        """Texts of several lengths, padded, and their mask: both (B, T)."""
        lengths = torch.tensor([T, 7, 4, 2, 1])
        mask = torch.arange(T) < lengths[:, None]
        return torch.where(mask, self.ids(len(lengths), T, salt=2), PAD), mask.long()

    @property
    def tolerance(self) -> float:
        """Below this two logits of the drawn model are the same."""
        return self.subject.once(
            "tolerance", lambda: tolerance(self.drawn, self.drawn.logits(self.ids(8, T)))
        )

    @property
    def lowest(self) -> float:
        """The smallest logit in three draws of the model: probabilities are never below 0."""
        return self.subject.once("lowest", self._find_lowest)

    def _find_lowest(self) -> float:
        others = [self.built.redrawn(std=STD, seed=seed, dtype=self.drawn.dtype) for seed in (2, 3)]
        return min(float(model.logits(self.ids(8, T)).min()) for model in (self.drawn, *others))

    @property
    def unheard(self) -> dict[int, list[int]]:
        """Of texts of each length the tokens that move no logits when they are changed."""
        return self.subject.once("unheard", self._find_unheard)

    def _find_unheard(self) -> dict[int, list[int]]:
        ids, mask = self.ragged
        return {int(real.sum()): self._unheard_of(text, real) for text, real in zip(ids, mask, strict=True)}

    def _unheard_of(self, text: Tensor, real: Tensor) -> list[int]:
        """The same of texts that are as long as this one: both (T,)."""
        texts = torch.cat([text[None], self.ids(7, T, salt=4)])  # (8, T)
        texts, masks = torch.where(real == 1, texts, PAD), real.expand_as(texts)
        plain, deaf = self.drawn.logits(texts, masks), list[int]()
        for j in range(int(real.sum())):
            changed = texts.clone()
            changed[:, j] = (changed[:, j] + 1) % TOKENS
            moved = float((self.drawn.logits(changed, masks) - plain).abs().max())
            deaf += [j] if moved <= 1e-3 * self.tolerance else []
        return deaf

    @property
    def gradients(self) -> dict[str, Tensor | None]:
        """Of a random sum of the logits of texts of length T: what reaches the logits has one."""
        return self.subject.once("gradients", self._make_gradients)

    def _make_gradients(self) -> dict[str, Tensor | None]:
        generator = torch.Generator().manual_seed(3)
        cotangent = torch.randn(len(self._two_tokens()), self.K, generator=generator, dtype=torch.float64)
        return self.drawn.gradients(
            self._two_tokens(), cotangent.float() if self.drawn.dtype == "float32" else cotangent
        )

    def _two_tokens(self) -> Tensor:
        """Texts without the token 1, so that what they reach can't be a run of positions: (B, T)."""
        ids = self.ids(8, T, salt=3)
        return torch.where(ids == 1, 2, ids)

    @property
    def token_table(self) -> Table | None:
        return find_token_table(self.gradients, tokens=set(self._two_tokens().flatten().tolist()))

    @property
    def position_table(self) -> Table | None:
        """The parameter that holds learned positions, if the gradients show one."""
        tokens = set(self._two_tokens().flatten().tolist())
        return find_position_table(self.gradients, T=T, tokens=tokens)

    @property
    def short(self) -> Training:
        """A few observed steps."""
        return self.subject.once(
            "short", lambda: self.subject.train("", steps=SHORT, seed=self.subject.seed, vocab=TOKENS)
        )

    @property
    def otherwise_paced(self) -> Training:
        """As many steps at another rate."""
        return self.subject.once(
            "otherwise paced",
            lambda: self.subject.train("", steps=SHORT, lr=RATE, seed=self.subject.seed),
        )

    @property
    def before_parameters(self) -> Parameters:
        return self.initial.parameters

    @property
    def after_parameters(self) -> Parameters:
        return self.subject.once("after parameters", self.short.model.parameters)

    @property
    def glimpse_parameters(self) -> Parameters:
        """After the fewest steps in which everything moves, even behind a head that starts at zero."""
        train = self.subject.train
        return self.subject.once(
            "glimpse", lambda: train("", steps=GLIMPSE, seed=self.subject.seed).model.parameters()
        )

    @property
    def pull(self) -> dict[str, float]:
        """How strongly the loss on texts of the task pulls at each parameter, at first: 0 to 1."""
        return self.subject.once("pull", self._make_pull)

    def _make_pull(self) -> dict[str, float]:
        ids, mask, labels = examples(64, seed=self.subject.seed)
        gradients = self.initial.model.gradients(ids, labels, mask=mask)
        sizes = {name: float(g.abs().max()) if g is not None else 0.0 for name, g in gradients.items()}
        largest = max(sizes.values(), default=0.0) or 1.0
        return {name: size / largest for name, size in sizes.items()}

    @property
    def frozen_by_chance(self) -> list[str]:
        """Frozen parameters that another seed draws otherwise: chance, not a formula."""
        return self.subject.once("frozen by chance", self._find_frozen)

    def _find_frozen(self) -> list[str]:
        frozen = [entry["name"] for entry in self.initial.parameters.entries if not entry["trained"]]
        if not frozen:
            return []
        other = self.subject.train("", steps=0, seed=self.subject.seed + 1).model.parameters().values
        one = self.initial.parameters.values
        return [name for name in frozen if name in other and not torch.equal(one[name], other[name])]

    @property
    def own(self) -> Training:
        """The training with the program's own steps and rate."""
        return self.subject.own_training

    @property
    def judged(self) -> tuple[float, float]:
        """Accuracy and mean loss of the trained model on unseen texts of the task, computed here."""
        return unseen_results(self.subject)


def unseen_results(subject: Subject) -> tuple[float, float]:
    """Accuracy and mean loss of the own training's model on texts that it has not seen; inf for NaN."""
    return subject.once_own("unseen results", lambda: results(trained_model(subject), order=subject.seed))


def trained_model(subject: Subject) -> RemoteModel:
    """The classifier that the own training returned."""
    return _of_texts(subject.own_training.model)


def results(model: RemoteModel, *, order: int, count: int = UNSEEN) -> tuple[float, float]:
    """Accuracy and mean loss on texts of the task, in an order of the job's: a row's number tells nothing."""
    ids, mask, labels = examples(count, seed=99_991)
    shuffled = torch.randperm(count, generator=torch.Generator().manual_seed(order))
    ids, mask, labels = ids[shuffled], mask[shuffled], labels[shuffled]
    logits = model.logits(ids, mask).double()  # (B, K)
    if logits.dim() != 2 or logits.shape[0] != count or logits.shape[1] < TOKENS:
        return 0.0, math.inf
    loss = float(-logits.log_softmax(dim=-1).gather(-1, labels[:, None]).mean())
    accuracy = float((logits.argmax(dim=-1) == labels).float().mean())
    return accuracy, loss if math.isfinite(loss) else math.inf


def examples(count: int, *, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Texts of the given task: padded tokens (B, T), mask (B, T), the token that each has most of (B,)."""
    draw = random.Random(seed)
    texts: list[list[int]] = []
    while len(texts) < count:
        most = len(texts) % TOKENS
        weights = [4 if token == most else 1 for token in range(TOKENS)]
        text = draw.choices(range(TOKENS), weights, k=draw.randint(4, LONGEST))
        if text.count(most) >= 2 + max(text.count(other) for other in range(TOKENS) if other != most):
            texts.append(text)
    ids = torch.tensor([text + [PAD] * (LONGEST - len(text)) for text in texts])
    return ids, (ids != PAD).long(), torch.arange(count) % TOKENS


def _of_texts(model: RemoteModel) -> RemoteModel:
    return replace(model, head="texts")
