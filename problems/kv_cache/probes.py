"""The probes of the problem `kv_cache`: over caches the model must be the model without, however it is fed.

`m.drawn` is the untrained model with its parameters drawn anew at std 0.25, where positions are as large as
tokens, so that one that is off shows; in float64 where it can be fed there. Patterns and comparisons are in
sandbox/caching.py; what each property stands on is in docs/judge.md.
"""

from __future__ import annotations

import math

import torch

from sandbox import caching, proof, steps, trained
from sandbox.beyond import beyond
from sandbox.cached_generation import WHOLE, cached_generation, cached_texts, plain_text, words_of
from sandbox.calls import CandidateFault
from sandbox.failures import failure
from sandbox.measurements import SHORT, Measurements, T, cross_entropy
from sandbox.probing import Finding, broken, held, judged, not_applicable, not_seen, probe
from sandbox.responses import responses_apart
from sandbox.wording import shown, stopped

# --- the program, and the model without caches ----------------------------------------------------------


@probe(title="It runs from end to end", component="program", waits=True)
def runs(m: Measurements) -> Finding:
    try:
        _ = m.initial, m.own, m.own_text
    except CandidateFault as fault:
        return broken(stopped(fault.failure or failure("exception", str(fault))))
    return held()


@probe(title="Without caches logits are (B, T, vocab)", component="model")
def shapes(m: Measurements) -> Finding:
    for B, length in ((1, 1), (2, 5), (3, T)):
        found = tuple(m.initial.model.logits(m.ids(B, length)).shape)
        if len(found) != 3 or found[:2] != (B, length):
            right = f"({B}, {length}, vocab)"
            return broken(
                f"For ids of shape {(B, length)} the logits have shape {found}. It must be {right}."
            )
    return judged(max(m.vocabulary) < m.V, f"The text holds the id {max(m.vocabulary)}; {m.V} are scored.")


@probe(title="Without caches the same text gives the same logits", component="model", needs=("shapes",))
def repeatable(m: Measurements) -> Finding:
    ids = m.ids(2, T)
    one, other = m.drawn.logits(ids), m.drawn.logits(ids)
    if bad := int((~one.isfinite()).sum()):
        return broken(f"{bad} of {one.numel()} logits are not finite.", measured=bad, expected=0)
    moved = float((one - other).abs().max())
    detail = f"In evaluation mode the same tokens gave logits that differ by {shown(moved)}. It must be 0."
    return judged(moved <= m.tolerance, detail, measured=moved, expected=0.0)


@probe(title="No position sees the future", component="attention", needs=("repeatable",))
def causal(m: Measurements) -> Finding:
    future = m.map.triu(1)
    data = {"chars": list(m.text[:T]), "matrix": _rounded(m), "tolerance": m.tolerance}
    i, j = divmod(int(future.argmax()), T)
    worst = float(future.max())
    detail = f"Without caches, changing token {j} moved the logits at position {i} by {shown(worst)}."
    if worst > m.tolerance:
        return broken(f"{detail} It must be 0.", measured=worst, expected=0.0, picture=lambda: data)
    model = m.drawn.copied()  # training mode may leave traces
    found = responses_apart(
        model, m.opening, changed=[T - 1], vocabulary=m.vocabulary, training=True
    )  # (T, 1)
    late = float(found[:-1].max())
    detail = f"In training mode, changing token {T - 1} moved logits before it by {shown(late)}."
    return judged(late <= m.tolerance, f"{detail} It must be 0.", measured=max(worst, late), expected=0.0)


@probe(title="Every position sees the past", component="attention", needs=("repeatable",))
def sees_past(m: Measurements) -> Finding:
    blind = [(i, j) for i in range(T) for j in range(i + 1) if float(m.map[i, j]) <= 1e-3 * m.tolerance]
    i, j = blind[0] if blind else (0, 0)
    detail = f"Without caches, changing token {j} left the logits at position {i} as they were."
    return judged(not blind, detail, measured=len(blind), expected=0)


@probe(title="Position matters", component="position", needs=("repeatable",))
def position_sensitive(m: Measurements) -> Finding:
    equal = torch.full((1, WHOLE), m.vocabulary[0])
    logits = m.drawn.logits(equal)[0].double()  # (T, V)
    distance = torch.cdist(logits, logits, p=math.inf).fill_diagonal_(math.inf)
    closest = float(distance.min())
    if closest > m.tolerance or _scores_know_positions(m):
        return held(measured=closest)
    i, j = sorted(divmod(int(distance.argmin()), WHOLE))
    detail = f"The same character at positions {i} and {j} gets logits that differ by {shown(closest)}."
    return broken(detail, measured=closest)


def _scores_know_positions(m: Measurements) -> bool:
    """Rotary and biased attention: equal tokens, and still the weights of the first layer are uneven."""
    attentions = m.products_of_one_token.attentions
    last = attentions[0].weights[:, -1] if attentions else torch.zeros(1, 1)  # (N, T)
    return float((last - last.mean(dim=-1, keepdim=True)).abs().max()) > 1e-6


@probe(title="Without caches the model is what it was", component="model", needs=("repeatable",))
def model_unchanged(m: Measurements) -> Finding:
    if m.disagreement is None or not _has_given_weights(m):
        return not_seen("Its weights have other names than the given ones.")
    detail = "With the same weights the given model's log-probabilities differ by up to"
    found = f"{detail} {shown(m.disagreement)}. It must be 0."
    return judged(m.disagreement <= m.tolerance, found, measured=m.disagreement, expected=0.0)


def _has_given_weights(m: Measurements) -> bool:
    given = m.reference.initial if m.reference is not None else {}
    return {name: value.shape for name, value in m.drawn_values.items()} == {
        name: value.shape for name, value in given.items()
    }


@probe(title="With steps=0 nothing is trained", component="loop")
def no_steps(m: Measurements) -> Finding:
    return steps.trained_without_steps(m.unstepped)


@probe(title="The loss falls, and the model is the one that learnt", component="loop", waits=True)
def loss_falls(m: Measurements) -> Finding:
    ids = torch.tensor([m.own.model.tokens(m.text)[0]])
    loss, start = cross_entropy(m.own.model, ids), math.log(m.V)
    last = m.own.returned[-1] if m.own.returned else math.inf
    if loss > 0.5 * start:
        detail = f"Trained with its own steps, the model's loss on the sentence is {loss:.2f}"
        return broken(f"{detail}; guessing costs {start:.2f}.", measured=loss, expected=0.0)
    returned = len(m.subject.train(m.text, steps=SHORT, seed=m.subject.seed).returned)
    if returned != SHORT:
        told = f"Asked for {SHORT} steps, `train` returned {returned} losses."
        return broken(told, measured=returned, expected=SHORT)
    texts = torch.cat([ids, m.ids(3, ids.shape[1])])  # (4, T)
    if (apart := trained.other_model(m.initial, m.own.model, texts)) is not None:
        return broken(trained.words(apart), measured=apart, expected=0.0)
    if ahead := trained.looks_ahead(m, ids[0]):
        return broken(ahead)
    detail = f"The last loss in the list is {last:.3f}; the model that came with it has {loss:.2f}."
    return judged(loss <= last + 0.5, detail, measured=loss, expected=last)


@probe(title="Encoding and decoding are inverse", component="tokenizer")
def tokenizer(m: Measurements) -> Finding:
    for text in (m.text, m.text[::-1]):
        ids, decoded = m.initial.model.tokens(text)
        if decoded != text:
            return broken(f"'{text}' comes back as '{decoded[:200]}'.")
        if len(ids) != len(text):
            return broken(f"{len(text)} characters become {len(ids)} tokens.", measured=len(ids))
    return held()


@probe(title="Generation without caches is what it was", component="generate", needs=("tokenizer",))
def plain_generation(m: Measurements) -> Finding:
    made = plain_text(m)
    asked = f"After '{made.prompt}' generation without caches"
    if made.stopped:
        return broken(f"{asked} stopped. {made.stopped}")
    whole = made.text.startswith(made.prompt) and len(made.text) == len(made.prompt) + made.new_tokens
    if not whole or made.first_departure is not None:
        return broken(f"{asked} gave '{made.text[:60]}': not what the model puts first.")
    return held()


# --- parity: the same logits over caches ----------------------------------------------------------------


@probe(title="The model takes caches", component="model", needs=("repeatable",))
def takes_caches(m: Measurements) -> Finding:
    try:
        m.drawn.fed(m.ids(1, 1), (1,))
    except CandidateFault as fault:
        reason = fault.failure or failure("exception", str(fault))
        if not fault.fatal and reason["kind"] == "contract":
            return broken(reason["message"].removeprefix("ContractError: "))
        if fault.fatal:
            raise
    return held()  # what it raises itself is for the patterns to tell


@probe(title="Token by token equals no cache", component="attention", needs=("takes_caches",))
def parity_single(m: Measurements) -> Finding:
    return _parity(m, "single", "Token by token")


@probe(title="Prefill, then single tokens, equals no cache", component="attention", needs=("takes_caches",))
def parity_prefill(m: Measurements) -> Finding:
    return _parity(m, "prefill", "Prefill of 7, then single tokens")


@probe(title="Chunks equal no cache", component="attention", needs=("takes_caches",))
def parity_chunks(m: Measurements) -> Finding:
    return _parity(m, "chunks", "Chunks of 3, 4, 1, 4, 3")


@probe(title="Single tokens and chunks mixed equal no cache", component="attention", needs=("takes_caches",))
def parity_mixed(m: Measurements) -> Finding:
    return _parity(m, "mixed", "Steps of 5, 1, 1, 3, 1, 4")


@probe(title="A batch of 2 equals no cache", component="attention", needs=("takes_caches",))
def parity_batch(m: Measurements) -> Finding:
    return _parity(m, "batch", "Two texts at once")


@probe(title="A long text equals no cache", component="attention", needs=("takes_caches",))
def parity_long(m: Measurements) -> Finding:
    return _parity(m, "long", "Steps of 50, 1, 30, 1, 38")


def _parity(m: Measurements, name: str, words: str) -> Finding:
    found = caching.parity(m, name)
    if found.stopped:
        return broken(f"{words}: {found.stopped}", picture=lambda: found.table)
    if found.holds:
        return held(measured=found.largest, expected=0.0, picture=lambda: found.table)
    detail = f"{words}: {found.first.words}" if found.first else ""
    return broken(detail, measured=found.largest, expected=0.0, picture=lambda: found.table)


@probe(title="A fresh cache starts from nothing", component="cache", needs=("takes_caches",))
def fresh_twice(m: Measurements) -> Finding:
    model = caching.untouched(m)
    plain = caching.plain(m, model)
    made = []
    try:
        for salt in (7, 8, 7):  # another text between
            if full := caching.begins_full(model):
                return broken(full)
            made.append(caching.fed_once(m, model, salt=salt))
        kept = caching.difference(made[2], made[0]).max()
    except CandidateFault as fault:
        return broken(f"Fed twice, over new caches each time: {words_of(fault)}")
    except caching.Unlike as error:
        return broken(str(error))
    detail = f"The same text over new caches a second time: the logits differ by {shown(kept)}. It must be 0."
    if float(kept) > m.tolerance:
        return broken(detail, measured=float(kept), expected=0.0)
    moved = float((caching.plain(m, model) - plain).abs().max())
    detail = f"After caches were used, the logits without any differ by {shown(moved)}. It must be 0."
    return judged(moved <= m.tolerance, detail, measured=moved, expected=0.0)


@probe(title="A cache's length counts its tokens", component="cache", needs=("takes_caches",))
def cache_length(m: Measurements) -> Finding:
    for name in ("single", "prefill", "chunks"):
        try:
            lengths = caching.lengths(m, name)
        except CandidateFault as fault:
            return broken(f"While it was fed: {words_of(fault)}")
        fed = 0
        for step, (size, layers) in enumerate(zip(caching.PATTERNS[name], lengths, strict=True)):
            fed += size
            if wrong := [(layer, length) for layer, length in enumerate(layers) if length != fed]:
                layer, length = wrong[0]
                return broken(
                    f"With {fed} fed by step {step}, the cache of layer {layer} says that it holds {length}.",
                    measured=length,
                    expected=fed,
                )
    return held()


# --- generation over caches -----------------------------------------------------------------------------


@probe(title="Each token is fed once", component="generate", needs=("tokenizer",))
def cache_used(m: Measurements) -> Finding:
    made = cached_generation(m)
    if made.stopped:
        return broken(f"Cached generation stopped. {made.stopped}")
    if not made.fed:
        return not_seen("What the model was fed could not be seen.")
    most, found = len(made.prompt) + made.new_tokens, sum(made.fed)
    asked = f"For a prompt of {len(made.prompt)} and {made.new_tokens} new tokens"
    detail = f"{asked} the model was fed {found} in {len(made.fed)} steps; each token once makes {most - 1}."
    return judged(found <= most, detail, measured=found, expected=most - 1)


@probe(title="Cached generation writes what the model puts first", component="generate", needs=("tokenizer",))
def cached_text(m: Measurements) -> Finding:
    for made in cached_texts(m):
        asked = f"After '{made.prompt}'" if len(made.prompt) <= 20 else f"After {len(made.prompt)} characters"
        if made.stopped:
            return broken(f"{asked}, {made.new_tokens} more asked for: {made.stopped}")
        if not made.text.startswith(made.prompt):
            return broken(f"Asked to go on from '{made.prompt[:40]}', it gave '{made.text[:60]}'.")
        found, expected = len(made.text) - len(made.prompt), made.new_tokens
        if found != expected:
            wrote = "1 character" if found == 1 else f"{found} characters"
            return broken(
                f"{asked} it wrote {wrote}; {expected} were asked for.",
                measured=found,
                expected=expected,
            )
        if (step := made.first_departure) is not None:
            return broken(
                f"{asked} it wrote '{made.new_text[:30]}': new character {step + 1} is not what the model"
                " without caches puts first."
            )
    return held()


@probe(
    title="Past the end of the context: an error, or right text", component="generate", needs=("cached_text",)
)
def beyond_block(m: Measurements) -> Finding:
    return beyond(m)


@probe(title="The file proves parity itself", component="proof")
def own_proof(m: Measurements) -> Finding:
    found = proof.own_proof(m.subject.job.source)
    data = {"written": found.written, "called": found.called}
    if not found.written:
        text = "The file's check_parity() is empty: interviewers ask for a proof of your own."
        return not_applicable("check_parity() is empty.", picture=lambda: data, note=("own_proof", text))
    if not found.called:
        text = "The file's check_parity() is written, and running the file does not call it."
        return not_applicable(text, picture=lambda: data, note=("own_proof", text))
    text = "The file's check_parity() is written, and running the file calls it."
    return held(picture=lambda: data, note=("own_proof", text))


def _rounded(m: Measurements) -> list[list[float]]:
    return [[round(value, 4) for value in row] for row in m.map.tolist()]
