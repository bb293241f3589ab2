"""The probes of the problem `classifier`: a function for each property of a right program.

A probe asks `m` for what was measured of the remote program and says what it means. `m.drawn` is an untrained
`GPTClassifier(GPTConfig(), 7)` with its parameters drawn anew at std 0.25, in float64: seven classes, so that
their number is no other size of the program. What each property stands on is in docs/judge.md.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sandbox import pooling, steps, trained
from sandbox.calls import CandidateFault
from sandbox.classification import (
    CLASSES,
    GLIMPSE,
    LONG,
    PAD,
    TOKENS,
    Classification,
    results,
    trained_model,
)
from sandbox.failures import failure
from sandbox.measurements import SHORT, T
from sandbox.probing import Finding, blocked, broken, held, judged, not_applicable, not_seen, probe
from sandbox.wording import GARBAGE, among, counted, shown, stopped

# --- the program ----------------------------------------------------------------------------------------


@probe(title="It runs from end to end", component="program", waits=True)
def runs(m: Classification) -> Finding:
    try:
        _ = m.initial, m.built, m.short, m.own
    except CandidateFault as fault:
        return broken(stopped(fault.failure or failure("exception", str(fault))))
    return held()


@probe(title="Logits are (B, num_classes)", component="model")
def shapes(m: Classification) -> Finding:
    for B, length in ((2, 5), (3, T), (5, 1)):
        for mask in (None, torch.ones(B, length, dtype=torch.int64)):
            logits = m.initial.model.logits(m.ids(B, length), mask)
            if tuple(logits.shape) != (B, TOKENS):
                asked = f"For idx of shape {(B, length)} and {TOKENS} classes"
                shape = tuple(logits.shape)
                return broken(f"{asked} the logits have shape {shape}. It must be {(B, TOKENS)}.")
            if not logits.is_floating_point():
                return broken("The logits are whole numbers. They must be a score for each class.")
    return held()


@probe(title="A batch of one keeps its dimension", component="model", needs=("shapes",))
def batch_of_one(m: Classification) -> Finding:
    for length in (1, T):
        shape = tuple(m.initial.model.logits(m.ids(1, length)).shape)
        if shape != (1, TOKENS):
            return broken(
                f"For idx of shape {(1, length)} the logits have shape {shape}. It must be {(1, TOKENS)}."
            )
    return held()


@probe(title="There are as many classes as asked for", component="head", needs=("shapes",))
def classes(m: Classification) -> Finding:
    if m.K != CLASSES:
        detail = f"GPTClassifier(config, {CLASSES}) gives {counted(m.K, 'score')} to a text."
        return broken(detail, measured=m.K, expected=CLASSES)
    for few in (1, 2):
        shape = tuple(m.built_for(few).logits(m.ids(2, T)).shape)
        if shape != (2, few):
            detail = f"For 2 texts GPTClassifier(config, {few}) gives logits of shape {shape}."
            return broken(f"{detail} It must be {(2, few)}.")
    return held(measured=m.K, expected=CLASSES)


@probe(title="Logits are finite numbers", component="model", needs=("shapes",))
def finite(m: Classification) -> Finding:
    tries = [("", m.ids(4, LONG), None), (" with a mask", *m.ragged)]
    for where, ids, mask in tries:
        for model in [m.drawn, *([] if m.initial.uninitialised else [m.initial.model])]:
            bad = int((~model.logits(ids, mask).isfinite()).any(dim=-1).sum())
            if bad:
                return broken(
                    f"The logits of {bad} of {len(ids)} texts are not finite{where}.",
                    measured=bad,
                    expected=0,
                )
    return held()


@probe(title="The same text gives the same logits", component="model", needs=("finite",))
def repeatable(m: Classification) -> Finding:
    moved = _apart(m.drawn.logits(*m.ragged), m.drawn.logits(*m.ragged))
    detail = f"In evaluation mode the same texts gave logits that differ by {shown(moved)}. It must be 0."
    return judged(moved <= m.tolerance, detail, measured=moved, expected=0.0)


@probe(title="Logits are raw scores", component="head", needs=("finite",))
def raw_scores(m: Classification) -> Finding:
    if m.lowest >= 0:
        return broken(f"No logit is below 0: the smallest is {m.lowest:.3f}.", measured=m.lowest)
    logits = m.drawn.logits(m.ids(8, T)).double()  # (B, K)
    logs = float(logits.exp().sum(dim=-1).sub(1).abs().max()) < 1e-3
    text = "The scores are log-probabilities: harmless under cross-entropy, which takes them itself."
    return held(measured=m.lowest, note=("log_probabilities", text) if logs else None)


# --- what a text's logits depend on ---------------------------------------------------------------------


@probe(title="Each text of a batch stands alone", component="pooling", needs=("repeatable",))
def batch(m: Classification) -> Finding:
    ids, mask = m.ragged
    twice = [(ids[[i, i]], mask[[i, i]]) for i in range(len(ids))]
    alone = torch.stack([m.drawn.logits(*both)[0] for both in twice])  # (B, K)
    moved = _apart(m.drawn.logits(ids, mask), alone)
    detail = f"Beside texts of other lengths the logits of a text move by {shown(moved)}. It must be 0."
    return judged(moved <= m.tolerance, detail, measured=moved, expected=0.0)


@probe(title="No mask means that every token is real", component="mask", needs=("repeatable",))
def mask_none(m: Classification) -> Finding:
    ids = m.ids(4, T)
    ids[1::2, ::3] = ids[2, -4:] = PAD  # a token like any other, where nothing is masked
    moved = _apart(m.drawn.logits(ids), m.drawn.logits(ids, torch.ones_like(ids)))
    detail = (
        f"Without a mask the logits differ by {shown(moved)} from those with a mask of ones. It must be 0."
    )
    return judged(moved <= m.tolerance, detail, measured=moved, expected=0.0)


@probe(title="The amount of padding changes nothing", component="mask", needs=("repeatable",))
def padding_length(m: Classification) -> Finding:
    for length in (1, 4, 9):
        text = m.ids(3, length, salt=length)
        plain = m.drawn.logits(text, torch.ones_like(text))
        for more in (1, 6, LONG - length):
            padding = torch.full((3, more), PAD)
            mask = torch.cat([torch.ones_like(text), torch.zeros_like(padding)], dim=1)
            moved = _apart(m.drawn.logits(torch.cat([text, padding], dim=1), mask), plain)
            if moved > m.tolerance:
                what = f"Padded by {more}, a text of {counted(length, 'token')} moves its logits"
                return broken(f"{what} by {shown(moved)}. It must be 0.", measured=moved, expected=0.0)
    return held(measured=0.0, expected=0.0)


@probe(title="What stands in the padding changes nothing", component="mask", needs=("repeatable",))
def padding_content(m: Classification) -> Finding:
    ids, mask = m.ragged
    plain = m.drawn.logits(ids, mask)
    for salt in range(3):
        filled = torch.where(mask == 1, ids, m.ids(*ids.shape, salt=10 + salt))
        moved = _apart(m.drawn.logits(filled, mask), plain)
        if moved > m.tolerance:
            what = f"Other tokens where the mask is False move the logits by {shown(moved)}."
            return broken(f"{what} It must be 0.", measured=moved, expected=0.0)
    return held(measured=0.0, expected=0.0)


@probe(title="Every real token counts", component="pooling", needs=("repeatable",))
def sees_every_token(m: Classification) -> Finding:
    for length, deaf in m.unheard.items():
        if deaf:
            detail = f"In a text of {counted(length, 'token')}, changing token {deaf[0]} leaves the logits as"
            return broken(
                f"{detail} they were. {_count_for_nothing(len(deaf))}", measured=len(deaf), expected=0
            )
    return held()


def _count_for_nothing(tokens: int) -> str:
    return f"{counted(tokens, 'token')} {'counts' if tokens == 1 else 'count'} for nothing."


@probe(title="Tokens hear of each other", component="attention", needs=("repeatable",))
def tokens_mix(m: Classification) -> Finding:
    base = m.ids(8, 4, salt=5)
    one, other, both = base.clone(), base.clone(), base.clone()
    one[:, 0] = both[:, 0] = (base[:, 0] + 1) % TOKENS
    other[:, 2] = both[:, 2] = (base[:, 2] + 1) % TOKENS
    at_once, apart = (
        m.drawn.logits(both) - m.drawn.logits(one),
        m.drawn.logits(other) - m.drawn.logits(base),
    )
    moved = _apart(at_once, apart)
    detail = "What one token does to the logits is the same whatever the others are: none hears of another."
    return judged(moved > m.tolerance, detail, measured=moved)


@probe(
    title="One representation is made of all tokens, as their mean",
    component="pooling",
    needs=("repeatable",),
)
def pooled(m: Classification) -> Finding:
    found = pooling.find_pooling(m)
    if found is None:
        grows = pooling.growth(m)
        detail = f"Each time the same token is said twice as often, the logits move {grows:.1f} times as far."
        if grows > 1.6 or (m.position_table and grows > 1.1):
            return broken(f"{detail} A mean stays where it is.", measured=grows, expected=0.0)
        return not_seen("Representations of single tokens could not be told apart.")
    if found.repeated > found.slack:
        detail = f"Saying the same token again moves the logits by {shown(found.repeated)}."
        return broken(f"{detail} A mean stays where it is.", measured=found.repeated, expected=0.0)
    if found.stretched > 0.05 * max(1.0, found.slack):
        detail = f"Embedded three times as long, a token moves its text's logits by {shown(found.stretched)}."
        return broken(
            f"{detail} Representations that went through the final norm count alike.",
            measured=found.stretched,
            expected=0.0,
        )
    if found.left_out:
        left, first = len(found.left_out), found.left_out[0]
        detail = (
            f"{left} of {T} tokens {'is' if left == 1 else 'are'} left out of the mean, first token {first}."
        )
        return broken(detail, measured=left, expected=0)
    if found.kind == "mean" or m.lowest >= 0 or any(m.unheard.values()):
        return held()  # where another property of the pooling or the head is broken, nothing is valid
    return held(note=("pooling", _NOT_THE_MEAN[found.kind]))


_ADVICE = "valid here. Interviewers ask for the mean over the token dimension."
_NOT_THE_MEAN = {
    "last": f"The text is read off its last real token: {_ADVICE}",
    "first": f"The text is read off its first token: {_ADVICE}",
    "other": f"The text is not read off the plain mean of its tokens: {_ADVICE}",
}


# --- parameters and training ----------------------------------------------------------------------------


@probe(title="Positions and tokens start as numbers", component="model")
def initialised(m: Classification) -> Finding:
    names = m.initial.uninitialised
    read = "starts as whatever was in memory: it reads as NaN where fresh memory is NaN"
    return judged(not names, f"{among(names)} {read}.")


@probe(title="Every parameter gets a gradient", component="model", needs=("finite",))
def gradients_reach(m: Classification) -> Finding:
    entries = [entry for entry in m.built_parameters.entries if entry["trained"]]
    missed = [entry for entry in entries if not _reached(m.gradients.get(entry["name"]))]
    unused = [entry["name"] for entry in missed if _is_language_head(m, entry)]
    silent = [entry["name"] for entry in missed if entry["name"] not in unused]
    detail = (
        f"{len(silent)} of {len(entries)} parameter tensors get no gradient from the logits: {among(silent)}."
    )
    text = f"{among(unused)} takes no part any more."
    note = ("language_head", text) if unused else None
    return held(note=note) if not silent else broken(detail, measured=len(silent), expected=0)


def _reached(gradient: Tensor | None) -> bool:
    return gradient is not None and bool(gradient.any())


def _is_language_head(m: Classification, entry: dict[str, object]) -> bool:
    """A score for each token of the vocabulary, left over from the language model."""
    table, shape = m.token_table, list(entry["shape"])  # type: ignore[call-overload]
    if table is None or entry["name"] == table.name or m.gradients.get(str(entry["name"])) is not None:
        return False
    return bool(shape) and shape[0] == table.size


@probe(title="With steps=0 nothing is trained", component="loop")
def no_steps(m: Classification) -> Finding:
    return steps.trained_without_steps(m.unstepped)


@probe(title="Every parameter moves", component="loop", needs=("shapes",))
def parameters_move(m: Classification) -> Finding:
    before, after = m.before_parameters.values, m.after_parameters.values
    if not before:
        return not_seen("The model is too large to be compared before and after training.")
    same = [name for name in before if name in after and torch.equal(before[name], after[name])]
    still = [name for name in same if m.pull.get(name, 0.0) > 1e-4 or name in m.frozen_by_chance]
    detail = f"{len(still)} of {len(before)} parameter tensors did not move in {SHORT} steps: {among(still)}."
    if len(same) == len(before):
        return broken(f"None of {len(before)} parameter tensors moved in {SHORT} steps.", measured=len(same))
    return judged(not still, detail, measured=len(still), expected=0)


@probe(title="Training leaves padding out", component="loop", needs=("parameters_move",))
def trains_with_mask(m: Classification) -> Finding:
    table = m.token_table
    if table is None or table.name not in m.before_parameters.values:
        return not_seen("No gradient shows a table of tokens, whose padding row could be watched.")
    before, after = (p.values[table.name].double() for p in (m.before_parameters, m.glimpse_parameters))
    rows, moved = table.rows(before), table.rows(after) - table.rows(before)  # (vocab, C)
    if len(rows) <= PAD:
        return not_applicable("The padding has no row in the table of tokens.")
    share = float(moved[PAD].norm()) / max(float(moved[:PAD].norm(dim=-1).mean()), 1e-30)
    # weight decay shrinks a row that is never used: its numbers go towards 0, small ones at times past it
    large = rows[PAD].abs() >= rows[PAD].abs().median()
    decays = float((moved[PAD] * rows[PAD] <= 0)[large].double().mean()) > 0.95
    row = f"the padding's row of `{table.name}` moved {share:.2f} times as far as a token's"
    return judged(
        share < 0.01 or decays, f"In {GLIMPSE} steps {row}. It must stay.", measured=share, expected=0.0
    )


@probe(title="The first loss is near ln K", component="model", needs=("finite",))
def initial_loss(m: Classification) -> Finding:
    if m.initial.uninitialised:
        return blocked(GARBAGE)
    _, loss = results(m.initial.model, order=m.subject.seed)
    expected = math.log(TOKENS)
    detail = f"Untrained, the loss is {loss:.2f}. It should be near ln {TOKENS} = {expected:.2f}."
    return judged(abs(loss - expected) <= 1.0, detail, measured=loss, expected=expected)


@probe(title="The learning rate is the one asked for", component="loop")
def rate_obeyed(m: Classification) -> Finding:
    return steps.obeys_rate(m.short, m.otherwise_paced, before=m.initial.parameters)


@probe(title="Gradients are fresh at each step", component="loop")
def gradients_fresh(m: Classification) -> Finding:
    stale: list[int] = m.short.observed["stale"]
    if not stale:
        return not_seen("No backward pass was seen.")
    worst, when = max(stale), next((i for i, count in enumerate(stale) if count), 0)
    detail = f"At backward pass {when}, {worst} parameter tensors still held the gradient of an earlier step."
    return judged(worst == 0, detail, measured=worst, expected=0)


@probe(title="One loss a step, and it falls", component="loop", needs=("shapes",), waits=True)
def loss_falls(m: Classification) -> Finding:
    if m.initial.uninitialised:
        return blocked(GARBAGE)
    returned = len(m.short.returned)
    if returned != SHORT:
        detail = f"Asked for {SHORT} steps, `train` returned {returned} losses."
        return broken(detail, measured=returned, expected=SHORT)
    accuracy, loss = m.judged
    start = math.log(TOKENS)
    if accuracy < 0.8 or loss > start:
        detail = (
            f"Trained with its own steps, the model tells {accuracy:.1%} of unseen texts apart, at a loss of"
        )
        return broken(f"{detail} {loss:.2f}; guessing costs {start:.2f}.", measured=loss, expected=0.0)
    if (apart := trained.other_model(m.initial, trained_model(m.subject), *m.ragged)) is not None:
        return broken(trained.words(apart), measured=apart, expected=0.0)
    last = m.own.returned[-1] if m.own.returned else math.inf
    detail = f"The last loss in the list is {last:.3f}; on unseen texts the trained model has {loss:.2f}."
    return judged(last <= loss + 0.5, detail, measured=loss, expected=last)


def _apart(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().max())
