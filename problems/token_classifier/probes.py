"""The probes of the problem `token_classifier`: a function for each property of a right program.

`m.drawn` is the untrained model with its parameters drawn anew at std 0.25, in float64; it is asked for two
things, `language` and `classes`.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from sandbox import steps, trained
from sandbox.calls import CandidateFault
from sandbox.failures import failure
from sandbox.measurements import SHORT, T
from sandbox.probing import Finding, broken, held, judged, not_seen, probe
from sandbox.remote import RemoteModel
from sandbox.responses import responses_apart
from sandbox.token_classification import CLASSES, DIGITS, TokenClassification
from sandbox.wording import among, shown, stopped


@probe(title="It runs from end to end", component="program", waits=True)
def runs(m: TokenClassification) -> Finding:
    try:
        _ = m.initial, m.short, m.own
        m.untrained.classes.logits(m.ids(2, T))
    except CandidateFault as fault:
        return broken(stopped(fault.failure or failure("exception", str(fault))))
    return held()


@probe(title="The language model's logits are (B, T, vocab)", component="model")
def language_shapes(m: TokenClassification) -> Finding:
    return _shape(m, m.untrained.language, DIGITS)


@probe(title="The classes' logits are (B, T, 2)", component="head")
def class_shapes(m: TokenClassification) -> Finding:
    return _shape(m, m.untrained.classes, CLASSES)


def _shape(m: TokenClassification, model: RemoteModel, width: int) -> Finding:
    for B, length in ((2, 5), (1, T), (1, 1), (3, 1)):
        logits, right = model.logits(m.ids(B, length)), (B, length, width)
        if tuple(logits.shape) != right:
            found = tuple(logits.shape)
            return broken(f"For idx of shape {(B, length)} they have shape {found}. It must be {right}.")
        if not logits.is_floating_point():
            return broken("They are whole numbers. They must be a score for each class.")
    return held()


@probe(
    title="The same text gives the same finite logits",
    component="model",
    needs=("language_shapes", "class_shapes"),
)
def repeatable(m: TokenClassification) -> Finding:
    ids = m.ids(4, T)
    for model in (m.drawn.language, m.drawn.classes):
        one, other = model.logits(ids), model.logits(ids)
        if not bool(one.isfinite().all()):
            return broken("Some of the logits are not finite.")
        if (moved := _apart(one, other)) > m.tolerance:
            return broken(f"The same text gave logits that differ by {shown(moved)}. It must be 0.")
    return held()


@probe(title="The language model sees no future", component="attention", needs=("repeatable",))
def language_causal(m: TokenClassification) -> Finding:
    return _causal(m, m.drawn.language)


@probe(title="No class depends on a later token", component="head", needs=("repeatable",))
def class_causal(m: TokenClassification) -> Finding:
    return _causal(m, m.drawn.classes)


def _causal(m: TokenClassification, model: RemoteModel) -> Finding:
    ids = m.ids(4, T)
    base = model.logits(ids)
    for j in (1, T // 2, T - 1):
        changed = ids.clone()
        changed[:, j] = (changed[:, j] + 1) % DIGITS
        if (moved := _apart(model.logits(changed)[:, :j], base[:, :j])) > m.tolerance:
            return broken(
                f"Changing token {j} moves logits before it by {shown(moved)}. It must be 0.", measured=moved
            )
    late = model.copied()  # training mode may leave traces
    found = responses_apart(
        late, ids[0], changed=[T - 1], vocabulary=list(range(DIGITS)), training=True
    )  # (T, 1)
    if (moved := float(found[:-1].max())) > m.tolerance:
        return broken(
            f"In training mode, changing token {T - 1} moves logits before it by {shown(moved)}."
            " It must be 0.",
            measured=moved,
        )
    return held(measured=0.0, expected=0.0)


@probe(title="Each class hears its own token", component="head", needs=("repeatable",))
def own_token(m: TokenClassification) -> Finding:
    ids = m.ids(4, T)
    base = m.drawn.classes.logits(ids)
    for j in range(T):
        changed = ids.clone()
        changed[:, j] = (changed[:, j] + 1) % DIGITS
        if (moved := _apart(m.drawn.classes.logits(changed)[:, j], base[:, j])) <= 1e-3 * m.tolerance:
            return broken(f"Changing token {j} leaves its own class as it was.", measured=moved)
    return held()


@probe(title="Each class has heard the text before it", component="head", needs=("repeatable",))
def hears_the_text(m: TokenClassification) -> Finding:
    ids = m.ids(4, T)
    changed = ids.clone()
    changed[:, 0] = (changed[:, 0] + 1) % DIGITS
    moved = _apart(m.drawn.classes.logits(changed)[:, 1:], m.drawn.classes.logits(ids)[:, 1:])
    return judged(moved > 1e-3 * m.tolerance, "Changing token 0 moves no class after it.", measured=moved)


@probe(title="Each class is read at its own position", component="head", needs=("repeatable",))
def own_position(m: TokenClassification) -> Finding:
    moved = m.mixed
    if moved is None:
        return not_seen("With all that mixes tokens at zero, no class hears its own token.")
    detail = f"With all that mixes tokens at zero, changing token 0 moves classes after it by {shown(moved)}."
    return judged(moved <= m.tolerance, f"{detail} It must be 0.", measured=moved, expected=0.0)


@probe(title="Each text of a batch stands alone", component="model", needs=("repeatable",))
def batch(m: TokenClassification) -> Finding:
    ids = m.ids(3, T)
    for model in (m.drawn.language, m.drawn.classes):
        alone = torch.cat([model.logits(row[None]) for row in ids])
        if (moved := _apart(model.logits(ids), alone)) > m.tolerance:
            return broken(f"Beside other texts the logits of a text move by {shown(moved)}. It must be 0.")
    return held()


@probe(title="The classes are raw scores", component="head", needs=("repeatable",))
def raw_scores(m: TokenClassification) -> Finding:
    found = [heads.classes.logits(m.ids(8, T)).double() for heads in m.draws]  # each (B, T, 2)
    lowest = min(float(scores.min()) for scores in found)
    if lowest >= 0:
        return broken(f"No score is below 0: the smallest is {lowest:.3f}.", measured=lowest)
    logs = all(float(scores.exp().sum(dim=-1).sub(1).abs().max()) < 1e-3 for scores in found)
    text = "The scores are log-probabilities: harmless under cross-entropy, which takes them itself."
    return held(measured=lowest, note=("log_probabilities", text) if logs else None)


@probe(title="The head for classes is its own, and beside the other", component="head", needs=("repeatable",))
def head_beside(m: TokenClassification) -> Finding:
    names = m.own_to_classes
    if not names:
        return broken("All parameters that reach the classes reach the next token's logits too.")
    if m.disagreement is not None and not m.own_to_language:  # the given head is tied to nothing
        return broken("All parameters that reach the next token's logits reach the classes too.")
    return held()


@probe(title="The language model is what it was", component="model", needs=("repeatable",))
def language_unchanged(m: TokenClassification) -> Finding:
    found = m.disagreement
    if found is None:
        return not_seen("Its weights have other names than the given ones.")
    detail = f"With the same weights the given language model's logits differ by up to {shown(found)}."
    return judged(found <= m.tolerance, detail, measured=found, expected=0.0)


@probe(title="Every parameter gets a gradient", component="model", needs=("repeatable",))
def gradients_reach(m: TokenClassification) -> Finding:
    entries = [entry["name"] for entry in m.initial.parameters.entries if entry["trained"]]
    reached = {
        name
        for gradients in (m.language_gradients, m.class_gradients)
        for name, gradient in gradients.items()
        if gradient is not None and bool(gradient.any())
    }
    missed = [name for name in entries if name not in reached]
    detail = (
        f"{len(missed)} of {len(entries)} parameter tensors get no gradient from logits: {among(missed)}."
    )
    return judged(not missed, detail, measured=len(missed), expected=0)


@probe(title="With steps=0 nothing is trained", component="loop")
def no_steps(m: TokenClassification) -> Finding:
    return steps.trained_without_steps(m.unstepped)


@probe(title="Every parameter moves", component="loop", needs=("language_shapes", "class_shapes"))
def parameters_move(m: TokenClassification) -> Finding:
    before, after = m.initial.parameters.values, m.after_parameters.values
    if not before:
        return not_seen("The model is too large to be compared before and after training.")
    still = [name for name in before if name in after and torch.equal(before[name], after[name])]
    if len(still) == len(before):
        return broken(f"None of {len(before)} parameter tensors moved in {SHORT} steps.", measured=len(still))
    detail = f"{len(still)} of {len(before)} parameter tensors did not move in {SHORT} steps: {among(still)}."
    return judged(not still, detail, measured=len(still), expected=0)


@probe(title="The learning rate is the one asked for", component="loop")
def rate_obeyed(m: TokenClassification) -> Finding:
    return steps.obeys_rate(m.short, m.otherwise_paced, before=m.initial.parameters)


@probe(title="Gradients are fresh at each step", component="loop")
def gradients_fresh(m: TokenClassification) -> Finding:
    stale: list[int] = m.short.observed["stale"]
    if not stale:
        return not_seen("No backward pass was seen.")
    worst, when = max(stale), next((i for i, count in enumerate(stale) if count), 0)
    detail = f"At backward pass {when}, {worst} parameter tensors still held the gradient of an earlier step."
    return judged(worst == 0, detail, measured=worst, expected=0)


@probe(title="It still counts", component="loss", needs=("language_shapes",), waits=True)
def still_counts(m: TokenClassification) -> Finding:
    loss = m.language_loss
    detail = f"Trained with its own steps, the language model's loss on unseen counts is {loss:.2f}."
    return judged(loss <= 1.0, f"{detail} Guessing costs 2.30.", measured=loss, expected=0.0)


@probe(
    title="One loss a step, and odd is told from even", component="loss", needs=("class_shapes",), waits=True
)
def loss_falls(m: TokenClassification) -> Finding:
    returned = len(m.short.returned)
    if returned != SHORT:
        return broken(f"Asked for {SHORT} steps, `train` returned {returned} losses.", measured=returned)
    accuracy, loss = m.judged
    detail = f"Trained with its own steps, the model tells {accuracy:.1%} of random digits right."
    for own, head in ((m.own.model, "language"), (replace(m.own.model, head="tokens"), "tokens")):
        initial = replace(m.initial, model=replace(m.initial.model, head=head))
        if (apart := trained.other_model(initial, own, m.ids(4, T))) is not None:
            return broken(trained.words(apart), measured=apart, expected=0.0)
    return judged(accuracy >= 0.8, f"{detail} The loss is {loss:.2f}.", measured=accuracy, expected=1.0)


def _apart(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().max())
