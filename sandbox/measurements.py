"""The quantities that several probes of a language model share, each measured once."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from sandbox.attention import Attention, find_attentions
from sandbox.criteria import own_generation
from sandbox.parity import disagreement
from sandbox.positions import Table, find_position_table, find_token_table
from sandbox.precision import bears_float64
from sandbox.reference import Reference
from sandbox.remote import Parameters, RemoteModel, Tap
from sandbox.responses import response_map, tolerance
from sandbox.subject import Subject
from sandbox.training import Training

T = 12  # positions of a response map
LONG = 120  # tokens: the longest text that a program is promised
STD = 0.25  # at which parameters are drawn anew: attention is neither uniform nor saturated
SHORT = 5  # steps of the observed training
RATE = 3.1e-4  # one that nobody has for a default
TAPS_B, TAPS_T = 12, 5  # batch and length of the text whose products are recorded


@dataclass(frozen=True)
class Initial:
    """The model as train(text, steps=0) returns it."""

    model: RemoteModel
    parameters: Parameters
    uninitialised: tuple[str, ...]  # what read as NaN while fresh memory was filled with it


@dataclass(frozen=True)
class Products:
    """What one forward pass computed."""

    taps: list[Tap]
    attentions: list[Attention]
    foreign: list[list[int]]  # shapes of trainable weights that model.parameters() lacks
    uses: dict[str, int]  # functions in which a parameter took part


class Measurements:
    """Asks the subject for what probes look at. Every quantity may raise CandidateFault."""

    def __init__(self, subject: Subject):
        self.subject = subject
        self.text = subject.job.text
        self.hidden = subject.text

    @property
    def unstepped(self) -> Training:
        """What train(steps=0) gave for the job's sentence."""
        return self.subject.once(
            "unstepped", lambda: self.subject.train(self.text, steps=0, seed=self.subject.seed)
        )

    @property
    def initial(self) -> Initial:
        """The untrained model for the job's sentence."""
        return self.subject.once("initial", self._make_initial)

    def _make_initial(self) -> Initial:
        model = self.unstepped.model
        parameters = model.parameters()
        holes = tuple(
            name
            for name, value in (parameters.values | parameters.buffers).items()
            if bool(value.isnan().any())
        )
        if holes:
            self.subject.session.without_fill()
            model = self.unstepped.model
            parameters = model.parameters()
        return Initial(model, parameters, holes)

    def initial_logits(self, B: int, T: int) -> Tensor:
        """What the untrained model answers to `ids(B, T)`: (B, T, V)."""
        return self.subject.once(f"initial logits {B} {T}", lambda: self.initial.model.logits(self.ids(B, T)))

    @property
    def vocabulary(self) -> list[int]:
        """The ids of the sentence's characters."""
        return self.subject.once("vocabulary", lambda: sorted(set(self.initial.model.tokens(self.text)[0])))

    @property
    def V(self) -> int:
        """Logits that the model gives for each position."""
        return self.subject.once("V", lambda: self.initial_logits(1, 1).shape[-1])

    def ids(self, B: int, T: int, *, salt: int = 0) -> Tensor:
        """Random tokens of the sentence's characters: (B, T)."""
        tokens = torch.tensor(self.vocabulary)
        generator = torch.Generator().manual_seed(self.subject.seed + 1000 * salt)
        return tokens[torch.randint(len(tokens), (B, T), generator=generator)]

    @property
    def opening(self) -> Tensor:
        """The first tokens of the sentence: what a response map is shown on. (T,)"""
        return torch.tensor(self.initial.model.tokens(self.text[:T])[0])

    @property
    def drawn(self) -> RemoteModel:
        """The untrained model with its parameters drawn anew; float32 where it can't run in float64."""
        return self.subject.once("drawn", self._draw)

    def _draw(self) -> RemoteModel:
        model = self.redrawn(self.initial.model, std=STD, seed=1, dtype="float64")
        return model if self._answers_as_in_single(model) else self.drawn_single

    def _answers_as_in_single(self, model: RemoteModel) -> bool:
        """Whether a model in float64, our instrument, answers what it does in float32."""
        texts = ((self.ids(1, length), None) for length in (LONG, T))
        return bears_float64(model, self.drawn_single, texts)

    @property
    def drawn_single(self) -> RemoteModel:
        """The same model in float32, in which every program runs."""
        return self.subject.once(
            "drawn single", lambda: self.redrawn(self.initial.model, std=STD, seed=1, dtype="float32")
        )

    def drawn_logits(self, B: int, T: int) -> Tensor:
        """What the drawn model answers to `ids(B, T)`: (B, T, V)."""
        return self.subject.once(f"drawn logits {B} {T}", lambda: self.drawn.logits(self.ids(B, T)))

    @property
    def drawn_values(self) -> dict[str, Tensor]:
        """The drawn model's parameters; empty for a model too large to travel."""
        return self.subject.once("drawn values", lambda: self.drawn.parameters().values)

    def redrawn(self, model: RemoteModel, *, std: float, seed: int, dtype: str) -> RemoteModel:
        """Every parameter drawn anew but scalars: a learned scale of scores or branches is no weight."""
        drawn = model.redrawn(std=std, seed=seed, dtype=dtype)
        return drawn.with_parameters(self.scalars) if self.scalars else drawn

    @property
    def scalars(self) -> dict[str, Tensor]:
        """Single numbers that the program gives, other than 0: at 0 they would hide what they scale."""
        values = self.initial.parameters.values.items()
        single = {name: value for name, value in values if value.numel() == 1 and bool(value.all())}
        return {name: value for name, value in single.items() if self.is_given(name)}

    def is_given(self, name: str) -> bool:
        """Whether a parameter starts as it does under every seed."""
        value = self.initial.parameters.values[name]
        if value.numel() > 1 and bool((value == value.flatten()[0]).all()):
            return True
        other = self.reseeded_parameters.values.get(name)
        return other is not None and torch.equal(value, other)

    @property
    def map(self) -> Tensor:
        """What each position of the opening can see: (position, changed token)."""
        return self.subject.once(
            "map", lambda: response_map(self.drawn, self.opening, vocabulary=self.vocabulary)
        )

    @property
    def reference(self) -> Reference | None:
        """The clean program with its parameters drawn anew; None for a job that carries none."""
        if not self.subject.job.shape:
            return None
        return self.subject.once("reference", self._make_reference)

    def _make_reference(self) -> Reference:
        reference = Reference(self.subject.job.shape, text=self.text)
        reference.redraw(std=STD, seed=1)
        return reference

    @property
    def disagreement(self) -> float | None:
        """Between the drawn model and the clean one with its weights; None where they don't carry over."""
        return self.subject.once("disagreement", self._measure_disagreement)

    def _measure_disagreement(self) -> float | None:
        values, reference = self.drawn_values, self.reference
        if not values or reference is None:
            return None
        return disagreement(reference, values, self.ids(2, T), self.drawn_logits(2, T))

    @property
    def tolerance(self) -> float:
        """Below this two logits of the drawn model are the same."""
        return self.subject.once("tolerance", lambda: tolerance(self.drawn, self.drawn_logits(4, T)))

    @property
    def products(self) -> Products:
        return self.subject.once("products", lambda: self.products_of(self.product_ids))

    @property
    def products_of_one_token(self) -> Products:
        """Of texts of one and the same token: what tells two places apart is their position alone."""
        ids = torch.full((2, TAPS_T), self.vocabulary[0])
        return self.subject.once("products of one token", lambda: self.products_of(ids))

    @property
    def product_ids(self) -> Tensor:
        return self.ids(TAPS_B, TAPS_T, salt=1)

    def products_of(self, ids: Tensor) -> Products:
        found = self.drawn.taps(ids)
        return Products(found.taps, find_attentions(found.taps, T=ids.shape[1]), found.foreign, found.uses)

    @property
    def unweighted(self) -> tuple[int, int] | None:
        """A position and one not after it that gets no weight at all, in some layer, head and text."""
        for attention in self.products.attentions:
            blind = (attention.weights == 0).any(dim=0).tril()  # (T, T)
            if bool(blind.any()):
                i, j = blind.nonzero()[0].tolist()
                return i, j
        return None

    @property
    def gradients(self) -> dict[str, Tensor | None]:
        """Of a random sum of the logits, for a text of length T: what reaches the logits has one."""
        return self.subject.once("gradients", self._make_gradients)

    def _make_gradients(self) -> dict[str, Tensor | None]:
        ids = self.gradient_ids
        of = cotangent(ids, self.V)
        return self.drawn.gradients(ids, of.float() if self.drawn.dtype == "float32" else of)

    @property
    def position_table(self) -> Table | None:
        """The parameter that holds learned positions, if the logits show one."""
        return self.subject.once("position table", self._find_position_table)

    def _find_position_table(self) -> Table | None:
        ids = self.gradient_ids
        tokens = set(ids.flatten().tolist())
        return find_position_table(self.gradients, T=ids.shape[1], tokens=tokens)

    @property
    def token_table(self) -> Table | None:
        tokens = set(self.gradient_ids.flatten().tolist())
        return self.subject.once("token table", lambda: find_token_table(self.gradients, tokens=tokens))

    @property
    def gradient_ids(self) -> Tensor:
        """The text that gradients are asked for: (4, T)."""
        return gradient_ids(self.vocabulary, self.subject.seed)

    @property
    def before(self) -> Training:
        """The hidden text's model before any step."""
        return self.subject.once(
            "before", lambda: self.subject.train(self.hidden, steps=0, seed=self.subject.seed)
        )

    @property
    def short(self) -> Training:
        """A few observed steps on the hidden text."""
        return self.subject.once("short", self._make_short)

    def _make_short(self) -> Training:
        ids = torch.tensor([self.hidden_ids])
        vocab = self.before.model.logits(ids).shape[-1]
        return self.subject.train(self.hidden, steps=SHORT, seed=self.subject.seed, vocab=vocab)

    @property
    def otherwise_paced(self) -> Training:
        """As many steps on the hidden text, at another rate."""
        return self.subject.once(
            "otherwise paced",
            lambda: self.subject.train(self.hidden, steps=SHORT, lr=RATE, seed=self.subject.seed),
        )

    @property
    def before_parameters(self) -> Parameters:
        return self.subject.once("before parameters", self.before.model.parameters)

    @property
    def after_parameters(self) -> Parameters:
        return self.subject.once("after parameters", self.short.model.parameters)

    @property
    def first_gradients(self) -> dict[str, Tensor | None]:
        """Of the cross-entropy of the hidden text, before any step."""
        return self.subject.once("first gradients", lambda: self.hidden_gradients(self.before.model))

    def hidden_gradients(self, model: RemoteModel) -> dict[str, Tensor | None]:
        """Of a model's cross-entropy on the hidden text."""
        ids = torch.tensor([self.hidden_ids])
        return model.gradients(ids[:, :-1], ids[:, 1:])

    @property
    def pull(self) -> dict[str, float]:
        """How strongly the cross-entropy of the hidden text pulls at each parameter, at first: 0 to 1."""
        return self.subject.once("pull", self._make_pull)

    def _make_pull(self) -> dict[str, float]:
        gradients = self.first_gradients.items()
        sizes = {name: float(g.abs().max()) if g is not None else 0.0 for name, g in gradients}
        largest = max(sizes.values(), default=0.0) or 1.0
        return {name: size / largest for name, size in sizes.items()}

    @property
    def reseeded(self) -> RemoteModel:
        """The untrained model under another seed."""
        return self.subject.once(
            "reseeded", lambda: self.subject.train(self.text, steps=0, seed=self.subject.seed + 1).model
        )

    @property
    def reseeded_parameters(self) -> Parameters:
        return self.subject.once("reseeded parameters", self.reseeded.parameters)

    @property
    def chance(self) -> float:
        """How far the logits move under another seed with equal parameters: what training can't reach."""
        return self.subject.once("chance", self._measure_chance)

    def _measure_chance(self) -> float:
        other = self.redrawn(self.reseeded, std=STD, seed=1, dtype=self.drawn.dtype)
        return float((self.drawn_logits(1, T) - other.logits(self.ids(1, T))).abs().max())

    @property
    def frozen_by_chance(self) -> list[str]:
        """Frozen parameters that another seed draws otherwise: chance, not a formula."""
        return self.subject.once("frozen by chance", self._find_frozen)

    def _find_frozen(self) -> list[str]:
        frozen = [entry["name"] for entry in self.initial.parameters.entries if not entry["trained"]]
        if not frozen:
            return []
        one, other = self.initial.parameters.values, self.reseeded_parameters.values
        return [name for name in frozen if name in other and not torch.equal(one[name], other[name])]

    @property
    def hidden_ids(self) -> list[int]:
        return self.subject.once("hidden ids", lambda: self.before.model.tokens(self.hidden)[0])

    @property
    def own(self) -> Training:
        """The training with the program's own steps and rate, on the job's sentence."""
        return self.subject.own_training

    @property
    def own_text(self) -> str:
        return own_generation(self.subject)


def gradient_ids(vocabulary: list[int], seed: int) -> Tensor:
    """Tokens of a text without the first and last characters of the vocabulary, so that they can be the
    rows neither of a whole table nor of the first or last positions: (4, T)."""
    kept = torch.tensor(vocabulary[1:-1] or vocabulary)
    generator = torch.Generator().manual_seed(seed)
    return kept[torch.randint(len(kept), (4, T), generator=generator)]


def cotangent(ids: Tensor, V: int) -> Tensor:
    """What the logits of (B, T) ids are multiplied by for a random sum of them: (B, T, V)."""
    generator = torch.Generator().manual_seed(3)
    return torch.randn(*ids.shape, V, generator=generator, dtype=torch.float64)


def cross_entropy(model: RemoteModel, ids: Tensor) -> float:
    """The model's mean loss on next tokens of (B, T) ids, computed here from its logits; inf for NaN."""
    logits = model.logits(ids[:, :-1]).double()  # (B, T - 1, V)
    loss = float(-logits.log_softmax(dim=-1).gather(-1, ids[:, 1:, None]).mean())
    return loss if math.isfinite(loss) else math.inf
