"""The probes of the problem `gpt`: a function for each property of a right program.

A probe asks `m` for what was measured of the remote program and says what it means. It knows nothing of how
the program is written. `m.drawn` is the untrained model with its parameters drawn anew at std 0.25, in float64;
what each property stands on, and what the judge can't see, is in docs/judge.md.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

from sandbox import blocks, generation
from sandbox.attention import find_source, measured_scale, projections
from sandbox.calls import CandidateFault
from sandbox.failures import failure
from sandbox.measurements import SHORT, TAPS_B, TAPS_T, Measurements, T, cross_entropy
from sandbox.memory import branching_strings, recited, teach
from sandbox.objective import Pull, followers, pulls
from sandbox.probing import Finding, blocked, broken, held, not_applicable, not_seen, probe
from sandbox.responses import other_token, responses
from sandbox.wording import among, shown, stopped

LONG = 96  # tokens: near the longest text that a program is promised
GARBAGE = "Could not be tried: the model starts from whatever was in memory."


# --- the program -----------------------------------------------------------------------------------------------


@probe(title="It runs from end to end", component="program")
def runs(m: Measurements) -> Finding:
    try:
        m.initial, m.short, m.own, m.own_text  # noqa: B018
    except CandidateFault as fault:
        return broken(stopped(fault.failure or failure("exception", str(fault))))
    return held()


@probe(title="Logits are (B, T, vocab)", component="model")
def shapes(m: Measurements) -> Finding:
    for shape in ((1, 1), (2, 5), (3, T)):
        found = tuple(m.initial.model.logits(m.ids(*shape)).shape)
        if len(found) != 3 or found[:2] != shape:
            expected = f"({shape[0]}, {shape[1]}, vocab)"
            return broken(f"For ids of shape {shape} the logits have shape {found}. It must be {expected}.")
    if max(m.vocabulary) >= m.V:
        return broken(
            f"The logits score {m.V} tokens, but the text holds id {max(m.vocabulary)}.", measured=m.V
        )
    table = m.token_table
    if table is not None and m.V > table.size:
        detail = f"The logits score {m.V} tokens; the table of tokens has {table.size} rows."
        return broken(detail, measured=m.V, expected=table.size)
    return held(measured=m.V)


@probe(title="Logits are finite numbers", component="model", needs=("shapes",))
def finite(m: Measurements) -> Finding:
    models = [("redrawn", m.drawn)]
    if not m.initial.uninitialised:  # what was in memory is no evidence
        models.append(("untrained", m.initial.model))
    for which, model in models:
        logits = model.logits(torch.cat([m.ids(2, LONG), m.ids(2, LONG, salt=4)]))  # (4, T, V)
        bad = (~logits.isfinite()).any(dim=-1).any(dim=0)  # (T,)
        if bool(bad.any()):
            first, count = int(bad.nonzero()[0]), int(bad.sum())
            return broken(
                f"In the {which} model {count} of {LONG} positions give NaN or infinity, the first at position {first}.",
                measured=count,
                expected=0,
            )
    return held()


@probe(title="The same text gives the same logits", component="model", needs=("finite",))
def repeatable(m: Measurements) -> Finding:
    ids = m.ids(2, T)
    difference = float((m.drawn.logits(ids) - m.drawn.logits(ids)).abs().max())
    if difference <= m.tolerance:
        return held(measured=difference, expected=0.0)
    return broken(
        f"In evaluation mode the same tokens gave logits that differ by {difference:.3f}. It must be 0.",
        measured=difference,
        expected=0.0,
    )


@probe(title="Logits are raw scores of the vocabulary", component="head", needs=("finite",))
def raw_scores(m: Measurements) -> Finding:
    logits = m.drawn.logits(m.ids(4, T))
    if float(logits.min()) >= 0 or float(logits.std(dim=-1).max()) == 0:
        return broken(
            f"No logit of {logits.numel()} is negative: the smallest is {float(logits.min()):.3f}.",
            measured=float(logits.min()),
        )
    return held()


# --- what a position can see -----------------------------------------------------------------------------------


@probe(title="No position sees the future", component="attention", needs=("repeatable",))
def causal(m: Measurements) -> Finding:
    future = m.map.triu(1)
    data = {"chars": list(m.text[:T]), "matrix": _rounded(m.map), "tolerance": m.tolerance}
    if m.reference_map is not None:
        data["reference"] = _rounded(m.reference_map)
    open_cells = int((future > m.tolerance).sum())
    if open_cells:
        i, j = divmod(int(future.argmax()), future.shape[1])
        cells = future.shape[0] * (future.shape[0] - 1) // 2
        how_many = f"All {cells}" if open_cells == cells else f"{open_cells} of {cells}"
        return broken(
            f"Changing token {j} moved the logits at position {i} by {shown(future.max())}. It must be 0."
            f" {how_many} future cells respond.",
            measured=float(future.max()),
            expected=0.0,
            data=data,
        )
    changed = [7, 40, 71, LONG - 1]
    late = responses(m.drawn, m.ids(1, LONG)[0], changed=changed, vocabulary=m.vocabulary)  # (T, 4)
    for column, j in enumerate(changed):
        moved = late[:j, column]
        if float(moved.max()) > m.tolerance:
            i = int(moved.argmax())
            return broken(
                f"In a text of {LONG} tokens, changing token {j} moved the logits at position {i}"
                f" by {shown(moved.max())}. It must be 0.",
                measured=float(moved.max()),
                expected=0.0,
                data=data,
            )
    return held(measured=float(future.max()), expected=0.0, data=data)


@probe(title="A prefix gives the same logits", component="attention", needs=("repeatable",))
def prefix(m: Measurements) -> Finding:
    ids = m.ids(2, LONG)
    for kept, of in ((8, 12), (64, LONG)):
        moved = (m.drawn.logits(ids[:, :kept]) - m.drawn.logits(ids[:, :of])[:, :kept]).abs()
        if float(moved.max()) > m.tolerance:
            return broken(
                f"The first {kept} positions shift by up to {shown(moved.max())} once {of - kept} more tokens"
                " follow. It must be 0.",
                measured=float(moved.max()),
                expected=0.0,
            )
    return held(measured=0.0, expected=0.0)


@probe(title="Each row of a batch stands alone", component="attention", needs=("repeatable",))
def batch(m: Measurements) -> Finding:
    ids = m.ids(3, T)
    moved = float((m.drawn.logits(ids)[:1] - m.drawn.logits(ids[:1])).abs().max())
    if moved > m.tolerance:
        return broken(
            f"Two more rows in the batch moved the logits of the first by {shown(moved)}. It must be 0.",
            measured=moved,
            expected=0.0,
        )
    return held(measured=moved, expected=0.0)


@probe(title="Each position sees all of the past", component="attention", needs=("repeatable",))
def sees_past(m: Measurements) -> Finding:
    past = m.map.tril()
    blind = [
        (i, j) for i in range(len(past)) for j in range(i + 1) if float(past[i, j]) <= m.tolerance * 1e-3
    ]
    cells = len(past) * (len(past) + 1) // 2
    if blind:
        i, j = blind[0]
        return broken(
            f"Changing token {j} left the logits at position {i} as they were."
            f" {len(blind)} of {cells} cells of the past do not respond.",
            measured=len(blind),
            expected=0,
        )
    return held(measured=0, expected=0)


# --- attention -------------------------------------------------------------------------------------------------


@probe(title="Attention rows sum to 1", component="attention", needs=("repeatable",))
def attention_rows(m: Measurements) -> Finding:
    # one character everywhere, no positions: every average of equal values is that value
    table = m.position_table
    model = m.drawn.without([table.name]) if table is not None else m.drawn
    logits = model.logits(torch.full((1, T), m.vocabulary[0]))[0]  # (T, V)
    spread = float((logits - logits[0]).abs().max())
    if spread <= m.tolerance:
        return held(measured=spread, expected=0.0)
    sums = [float((a.weights.sum(dim=-1) - 1).abs().max()) for a in m.products.attentions]
    if table is None and sums and max(sums) < 1e-4:
        return held(measured=max(sums), expected=0.0)
    if table is None:
        return not_seen("The positions can't be silenced, so that equal tokens can't be compared.")
    return broken(
        f"Equal tokens without positions should average to themselves. Their logits differ by {shown(spread)}.",
        measured=spread,
        expected=0.0,
    )


@probe(title="Scores are scaled by 1/√d", component="attention", needs=("repeatable",))
def attention_scale(m: Measurements) -> Finding:
    attentions = m.products.attentions
    if not attentions:
        return not_seen("No product of queries and keys was seen.")
    unseen = 0
    for which, attention in enumerate(attentions):
        d = attention.q.shape[-1]
        scale = measured_scale(attention, projections(m.products.taps, attentions, which), B=TAPS_B)
        if scale is None:
            unseen += 1
        elif abs(scale * math.sqrt(d) - 1) > 0.02:
            return broken(
                f"A score grows by {scale:.3f} per unit of q·k. It should be {d**-0.5:.3f} at head size {d}.",
                measured=scale,
                expected=d**-0.5,
            )
    if unseen == len(attentions):
        return not_seen("The scores could not be traced back to queries and keys.")
    return held(measured=attentions[0].q.shape[-1] ** -0.5, expected=attentions[0].q.shape[-1] ** -0.5)


@probe(title="q, k and v are all used", component="attention", needs=("repeatable",))
def qkv_used(m: Measurements) -> Finding:
    products = m.products
    idle = []
    for which, attention in enumerate(products.attentions):
        taps = projections(products.taps, products.attentions, which)
        q = find_source(attention.q, taps, B=TAPS_B)
        if q is None:
            continue
        beside = [tap for tap in taps if torch.equal(tap.tensors["left"], q.tap.tensors["left"])]
        idle += [tap.weight for tap in beside if tap.weight and _idle_share(m, tap.weight) > 0.2]
    if not products.attentions:
        idle = [name for name in m.gradients if 0.2 < _idle_share(m, name) < 1 and _is_inner(m, name)]
    if idle:
        share = max(_idle_share(m, name) for name in idle)
        return broken(
            f"{share:.0%} of `{idle[0]}` changes nothing: its gradient is exactly 0 there.",
            measured=share,
            expected=0.0,
        )
    return held(measured=0.0, expected=0.0)


def _idle_share(m: Measurements, name: str) -> float:
    """The largest share of a weight's rows or columns whose gradient is exactly zero."""
    gradient = m.gradients.get(name)
    if gradient is None:
        return 1.0
    if gradient.dim() < 2:
        return float((gradient == 0).float().mean())
    sides = (gradient.movedim(dim, 0).flatten(1).any(dim=1) for dim in range(gradient.dim()))
    return max(1 - float(side.float().mean()) for side in sides)


def _is_inner(m: Measurements, name: str) -> bool:
    gradient = m.gradients[name]
    table = m.position_table
    return gradient is not None and m.V not in gradient.shape and (table is None or name != table.name)


@probe(title="Heads are split as declared", component="attention", needs=("repeatable",))
def head_count(m: Measurements) -> Finding:
    declared = m.initial.parameters.declared.get("n_head")
    attentions = m.products.attentions
    if not attentions or declared is None:
        return not_seen("The number of heads is not stated, or no product of queries and keys was seen.")
    heads, d = len(attentions[0].q) // TAPS_B, attentions[0].q.shape[-1]
    layers = m.initial.parameters.declared.get("n_layer", 0)
    if heads == 1 and layers and len(attentions) == layers * declared:
        heads = declared  # a module for each head
    if heads != declared:
        return broken(
            f"Attention ran with {heads} heads of size {d}. The program states {declared} heads.",
            measured=heads,
            expected=declared,
        )
    return held(f"{heads} heads of size {d}.", measured=heads, expected=declared)


# --- positions -------------------------------------------------------------------------------------------------


@probe(title="Position matters", component="position", needs=("repeatable",))
def position_sensitive(m: Measurements) -> Finding:
    logits = m.drawn.logits(torch.full((1, T), m.vocabulary[0]))[0]  # (T, V)
    distance = torch.cdist(logits, logits, p=math.inf) + torch.eye(T) * 1e9
    closest = float(distance.min())
    if closest > m.tolerance:
        return held(measured=closest)
    if _scores_know_positions(m):
        return held(note=("positions_relative", "Positions enter the scores: valid, off the reference."))
    i, j = divmod(int(distance.argmin()), T)
    return broken(
        f"The same character at positions {min(i, j)} and {max(i, j)} gets logits that differ by {shown(closest)}.",
        measured=closest,
    )


def _scores_know_positions(m: Measurements) -> bool:
    """Rotary and biased attention: equal tokens, and still the weights of the first layer are uneven."""
    attentions = m.products_of(torch.full((2, TAPS_T), m.vocabulary[0])).attentions
    if not attentions:
        return False
    last = attentions[0].weights[:, -1]  # (N, T)
    return float((last - last.mean(dim=-1, keepdim=True)).abs().max()) > 1e-6


@probe(title="Positions are added", component="position", needs=("position_sensitive",))
def position_added(m: Measurements) -> Finding:
    table = m.position_table
    if table is None:
        return not_applicable("No learned position table.")
    a, b = m.vocabulary[0], other_token(m.vocabulary[0], m.vocabulary)
    logits = m.drawn.without([table.name]).logits(torch.tensor([[a] * 4, [b] * 4]))
    moved = float((logits[0] - logits[1]).abs().max())
    if moved > m.tolerance:
        return held(measured=moved)
    return broken(
        f"With the position table at zero, another character moved the logits by {shown(moved)}: tokens are lost.",
        measured=moved,
    )


@probe(title="Positions start at a sane scale", component="position", needs=())
def position_init(m: Measurements) -> Finding:
    if m.initial.uninitialised:
        names = among(m.initial.uninitialised)
        return broken(f"{names} holds whatever was in memory: it read as NaN where fresh memory is NaN.")
    table = m.position_table
    if table is None or table.name not in m.initial.parameters.values:
        return not_applicable("No learned position table.")
    rows = table.rows(m.initial.parameters.values[table.name]).double()  # (positions, C)
    std = float(rows.std())
    if std > 5 or float(rows.abs().max()) > 50:
        return broken(
            f"The position table starts with a standard deviation of {std:.2f}. Tokens drown in it.",
            measured=std,
        )
    if float(rows.max()) == float(rows.min()) != 0:
        return broken(
            f"Every entry of the position table starts as {float(rows[0, 0]):g}: no position differs from another.",
            measured=float(rows[0, 0]),
        )
    if std > 0.2:
        text = f"The position table starts with a standard deviation of {std:.2f}; 0.02 is usual."
        return held(measured=std, note=("position_scale", text))
    return held(measured=std)


@probe(
    title="Positions are learned, or follow a formula", component="position", needs=("position_sensitive",)
)
def position_learned(m: Measurements) -> Finding:
    if m.position_table is not None:
        return held()
    if m.frozen_by_chance:
        return broken(f"{among(m.frozen_by_chance)} starts with random numbers that no training moves.")
    if m.chance > m.tolerance:
        return broken(
            f"With all parameters equal, another seed moved the logits by {shown(m.chance)}:"
            " something is drawn at random and never trained.",
            measured=m.chance,
            expected=0.0,
        )
    return not_applicable("No learned position table.")


# --- blocks ----------------------------------------------------------------------------------------------------


@probe(title="Residual paths are open", component="block", needs=("repeatable",))
def residual(m: Measurements) -> Finding:
    if not blocks.branches(m) or not m.initial.parameters.values:
        return not_seen("The parameters of the blocks could not be told from the rest.")
    silent, ids = blocks.silenced(m), m.ids(1, 4)  # (1, T)
    own = responses(silent, ids[0], changed=[0, 1, 2, 3], vocabulary=m.vocabulary).diagonal()
    if float(own.min()) <= m.tolerance:
        return broken(
            f"With every branch silenced, changing a token moved its own logits by {shown(own.min())}:"
            " nothing passes beside the branches.",
            measured=float(own.min()),
        )
    stretched = blocks.silenced(m, stretch_gains=True)
    moved = float((silent.logits(ids) - stretched.logits(ids)).abs().max())
    if moved <= m.tolerance:
        return held(measured=moved, expected=0.0)
    if not blocks.first_input_moves(m, silent, stretched):
        return held(
            measured=moved, note=("post_norm", "Norms stand after the sums: valid, off the reference.")
        )
    return broken(
        f"With every branch silenced, the gains of the blocks' norms still moved the logits by {shown(moved)}."
        " It must be 0.",
        measured=moved,
        expected=0.0,
    )


@probe(title="Every block runs, with weights of its own", component="block", needs=("repeatable",))
def blocks_run(m: Measurements) -> Finding:
    products = m.products
    if products.foreign:
        shape = tuple(products.foreign[0])
        return broken(
            f"{len(products.foreign)} trainable tensors take part that model.parameters() does not hold,"
            f" the first of shape {shape}.",
            measured=len(products.foreign),
            expected=0,
        )
    uses: dict[str, int] = {}
    for tap in products.taps:
        if tap.weight is not None and tap.is_linear and tap.tensors["out"].shape[-1] != m.V:
            uses[tap.weight] = uses.get(tap.weight, 0) + 1
    values = m.initial.parameters.values
    uses |= {name: n for name, n in products.uses.items() if name in values and blocks.is_gain(values[name])}
    most = max(uses, key=lambda name: uses[name], default=None)
    if most is not None and uses[most] > 1:
        return broken(
            f"`{most}` took part {uses[most]} times in one forward pass: layers share their weights.",
            measured=uses[most],
            expected=1,
        )
    declared, ran = m.initial.parameters.declared.get("n_layer"), len(products.attentions)
    heads = m.initial.parameters.declared.get("n_head", 1)
    if declared is not None and ran and ran not in (declared, declared * heads):
        return broken(
            f"{ran} attention layers ran. The program states {declared}.", measured=ran, expected=declared
        )
    return held(measured=ran)


@probe(title="The MLP bends between its two maps", component="mlp", needs=("repeatable",))
def mlp_nonlinear(m: Measurements) -> Finding:
    pairs = blocks.mlp_pairs(m)
    for into, out in pairs:
        hidden, given = into.tensors["out"], out.tensors["left"]  # (B * T, 4C)
        if _proportional(hidden, given):
            return broken(
                f"The {hidden.shape[-1]} hidden units go on as they came: two maps in a row are one linear map.",
                measured=0.0,
            )
        if float(given.min()) >= 0 and float((given.sum(dim=-1) - 1).abs().max()) < 1e-4:
            return broken(f"At each position the {hidden.shape[-1]} hidden units sum to 1.", measured=1.0)
    if sides := blocks.one_sided(m):
        return broken(
            f"What is added to the stream lies between {sides[0]:.2f} and {sides[1]:.2f}: it can hardly subtract.",
            measured=sides[0],
        )
    return held() if pairs else not_seen("No pair of a widening and a narrowing map was seen.")


def _proportional(before: torch.Tensor, after: torch.Tensor) -> bool:
    """Whether each column is an affine function of the same column before."""
    x, y = before - before.mean(0), after - after.mean(0)
    cosine = (x * y).sum(0).abs() / (x.norm(dim=0) * y.norm(dim=0)).clamp_min(1e-30)
    return bool((cosine > 1 - 1e-6).all())


# --- parameters ------------------------------------------------------------------------------------------------


@probe(title="Every parameter gets a gradient", component="model", needs=("finite",))
def gradients_reach(m: Measurements) -> Finding:
    trained = [entry["name"] for entry in m.initial.parameters.entries if entry["trained"]]
    missed = [name for name in trained if _unreached(m.gradients.get(name))] + m.frozen_by_chance
    if missed:
        return broken(
            f"{len(missed)} of {len(m.initial.parameters.entries)} parameter tensors get no gradient from the logits: {among(missed)}.",
            measured=len(missed),
            expected=0,
        )
    return held(measured=0, expected=0)


def _unreached(gradient: torch.Tensor | None) -> bool:
    return gradient is None or not bool(gradient.any())


@probe(title="Every parameter moves", component="loop")
def parameters_move(m: Measurements) -> Finding:
    before, after = m.before_parameters, m.after_parameters
    names = [entry["name"] for entry in before.entries if entry["name"] in after.values]
    if not names:
        return not_seen("The model is too large to be compared before and after training.")
    moved = {name for name in names if not torch.equal(before.values[name], after.values[name])}
    still = [name for name in names if name not in moved and m.pull.get(name, 0.0) > 1e-4]
    still += m.frozen_by_chance
    if still:
        count = "None" if not moved else f"{len(still)}"
        return broken(
            f"{count} of {len(names)} parameter tensors {'moved' if not moved else 'did not move'} in {SHORT} steps"
            + (f": {among(still)}." if moved else "."),
            measured=len(still),
            expected=0,
        )
    return held(measured=0, expected=0)


@probe(title="The first loss is near ln V", component="model", needs=("finite",))
def initial_loss(m: Measurements) -> Finding:
    if m.initial.uninitialised:
        return blocked(GARBAGE)
    ids = m.ids(4, 32, salt=6)
    loss = sum(cross_entropy(m.initial.model, row.tolist()) for row in ids) / len(ids)
    expected = math.log(m.V)
    if abs(loss - expected) > 1.0:
        return broken(
            f"The untrained model's loss on random text is {loss:.2f}. For {m.V} tokens it should be near {expected:.2f}.",
            measured=loss,
            expected=expected,
        )
    return held(measured=loss, expected=expected)


@probe(title="Units start unlike each other", component="model", needs=("parameters_move",))
def units_differ(m: Measurements) -> Finding:
    alike = [
        name
        for name, value in m.after_parameters.values.items()
        if value.dim() == 2 and min(value.shape) > 1 and bool((value == value[0]).all())
    ]
    if alike:
        return broken(
            f"After {SHORT} steps all rows of {among(alike)} are still the same: its units learn as one.",
            measured=len(alike),
            expected=0,
        )
    return held(measured=0, expected=0)


# --- training --------------------------------------------------------------------------------------------------


@probe(title="It trains on the text it is given", component="data")
def trains_on_text(m: Measurements) -> Finding:
    text, known = set(pairwise(m.hidden_ids)), set(m.hidden_ids)
    fed = [forward.ids(m.hidden_ids) for forward in m.short.forwards]
    seen = [pair for ids in fed if ids is not None for row in ids.tolist() for pair in pairwise(row)]
    if not seen:
        return not_seen("What the model was fed could not be seen.")
    strange = sum(pair not in text and set(pair) <= known for pair in seen) / len(seen)
    if strange > 0.1:
        return broken(
            f"{strange:.0%} of the neighbouring tokens that the model was fed are no neighbours in the text.",
            measured=strange,
            expected=0.0,
        )
    return held(measured=strange, expected=0.0)


@probe(title="The target is the next character", component="loss", needs=("finite", "trains_on_text"))
def objective(m: Measurements) -> Finding:
    forwards = [list(pulls(forward, text=m.hidden_ids)) for forward in m.short.forwards]
    forwards = [forward for forward in forwards if forward]
    found = [pull for forward in forwards for pull in forward]
    if not found:
        return _objective_unseen(m)
    asked = [(pull, followers(m.hidden_ids, pull.context)) for pull in found if pull.target is not None]
    wrong = [(pull, right) for pull, right in asked if right is not None and pull.target not in right]
    if len(wrong) > 0.001 * len(asked):
        return _wrong_target(m, *wrong[0], share=len(wrong) / len(asked))
    return _not_cross_entropy(forwards) or _places_left_out(m, found)


def _wrong_target(m: Measurements, pull: Pull, right: set[int], *, share: float) -> Finding:
    characters: dict[int | None, str] = dict(zip(m.hidden_ids, m.hidden, strict=False))
    before = "".join(characters.get(i, "?") for i in pull.context[-3:])
    follows = " or ".join(f"'{characters[i]}'" for i in sorted(right)) if right else "nothing"
    return broken(
        f"After '{before}' the loss asks for '{characters.get(pull.target, '?')}'; in the text {follows} follows."
        f" {share:.0%} of the targets are not the next character.",
        measured=share,
        expected=0.0,
    )


def _not_cross_entropy(forwards: list[list[Pull]]) -> Finding | None:
    worst = min(pull.alignment for forward in forwards for pull in forward)
    if worst < 0.98 or max(pull.imbalance for forward in forwards for pull in forward) > 0.02:
        return broken(
            f"The gradient at the logits is not a cross-entropy's: their cosine is {worst:.3f}. It should be 1.",
            measured=worst,
            expected=1.0,
        )
    for forward in forwards:
        ratio = max(pull.size for pull in forward) / min(pull.size for pull in forward)
        if ratio > 1.5:
            return broken(
                f"Within one text some places weigh {ratio:.1f} times as much in the loss as others.",
                measured=ratio,
                expected=1.0,
            )
    return None


def _places_left_out(m: Measurements, found: list[Pull]) -> Finding:
    """Places that were fed with their next character after them, and at which the loss never asks for it."""
    asked = {pull.context[-2:] for pull in found}
    rows = [row for forward in m.short.forwards for row in forward.rows(m.hidden_ids)]
    fed = {pair for row in rows for pair in pairwise(row[:-1])} & set(pairwise(m.hidden_ids))
    share = len(fed - asked) / max(1, len(fed))
    if share > 0:
        return broken(
            f"At {share:.0%} of the text's places the loss asks for nothing.", measured=share, expected=0.0
        )
    return held(measured=share, expected=0.0)


def _objective_unseen(m: Measurements) -> Finding:
    if m.short.forwards and not m.short.observed["backwards"]:
        return broken(
            "The model ran forward, and no gradient was ever asked for.", measured=0, expected=SHORT
        )
    return not_seen("The gradient at the logits could not be seen.")


@probe(title="Gradients are fresh at each step", component="loop")
def gradients_fresh(m: Measurements) -> Finding:
    stale = m.short.observed["stale"]
    if not stale:
        return not_seen("No backward pass was seen.")
    worst = max(stale)
    if worst:
        step = next(i for i, count in enumerate(stale) if count)
        return broken(
            f"At backward pass {step}, {worst} parameter tensors still held the gradient of an earlier step.",
            measured=worst,
            expected=0,
        )
    return held(measured=0, expected=0)


@probe(title="One model, one loss a step, and it falls", component="loop")
def loss_falls(m: Measurements) -> Finding:
    if m.initial.uninitialised:
        return blocked(GARBAGE)
    returned = m.short.returned
    if len(returned) != SHORT:
        return broken(
            f"Asked for {SHORT} steps, `train` returned {len(returned)} losses.",
            measured=len(returned),
            expected=SHORT,
        )
    ids = m.own.model.tokens(m.text)[0]
    loss, start = cross_entropy(m.own.model, ids), math.log(m.V)
    if loss > 0.5 * start:
        return broken(
            f"After its own training the model's loss on the sentence is {loss:.2f}; untrained it is about {start:.2f}.",
            measured=loss,
            expected=0.0,
        )
    last = m.own.returned[-1] if m.own.returned else math.inf
    if loss > last + 0.5:
        return broken(
            f"`train` reports a last loss of {last:.3f}; the model it returned has {loss:.2f} on the sentence.",
            measured=loss,
            expected=last,
        )
    return held(measured=loss)


@probe(title="It learns strings that only attention can tell apart", component="model", needs=("causal",))
def memorises(m: Measurements) -> Finding:
    if m.initial.uninitialised:
        return blocked(GARBAGE)
    values = m.initial.parameters.values
    if not values or m.initial.parameters.size > 400_000:
        return not_seen("The model is too large to be trained here.")
    count = min(8, len(m.vocabulary))
    strings = branching_strings(m.vocabulary, count=count, length=8, seed=m.subject.seed)
    model = m.initial.model.with_parameters(values)
    teach(model, values, strings, steps=60, rate=3e-3)
    right = recited(model, strings)
    if right < count - 1:
        return broken(
            f"Trained on {count} strings that differ in their first character, it recites {right}.",
            measured=right,
            expected=count,
        )
    return held(f"{right} of {count} strings.", measured=right, expected=count)


# --- tokenizer and generation ----------------------------------------------------------------------------------


@probe(title="Encoding and decoding are inverse", component="tokenizer")
def tokenizer(m: Measurements) -> Finding:
    for text in (m.text, m.text[::-1], "".join(sorted(m.text))):
        ids, decoded = m.initial.model.tokens(text)
        if decoded != text:
            return broken(f"'{text}' comes back as '{decoded[:200]}'.")
        if len(ids) != len(text):
            return broken(
                f"{len(text)} characters became {len(ids)} tokens.", measured=len(ids), expected=len(text)
            )
        if min(ids) < 0:
            return broken(f"The tokenizer gave the id {min(ids)}.", measured=min(ids))
        if len(set(ids)) != len(set(text)):
            return broken(f"{len(set(text))} characters share {len(set(ids))} ids.", measured=len(set(ids)))
    return held()


@probe(title="Generation writes the likeliest token", component="generate", needs=("tokenizer",))
def generate_greedy(m: Measurements) -> Finding:
    made = generation.generated(m)
    if made.clean or generation.agrees_with_logits(m):
        return held()
    steps = made.steps
    if steps is None or not steps.contexts:
        return broken("What it wrote is not what the logits of the model it was given put first.")
    if steps.written[: len(steps.expected)] == steps.expected[: len(steps.written)]:
        return held()
    chosen = steps.expected[len(steps.prompt)]
    return broken(
        f"After '{made.prompt}' token {chosen} had the highest score by far. It wrote '{made.text[:60]}'.",
    )


@probe(title="Generation keeps the prompt and goes on from it", component="generate", needs=("tokenizer",))
def generate_prompt(m: Measurements) -> Finding:
    made = generation.generated(m)
    if made.text.startswith(made.prompt):
        return held()
    return broken(f"Asked to go on from '{made.prompt}', it wrote '{made.text[:60]}'.")


@probe(title="Generation writes as many tokens as asked", component="generate", needs=("tokenizer",))
def generate_length(m: Measurements) -> Finding:
    made = generation.generated(m)
    found, expected = len(made.text), len(made.prompt) + made.new_tokens
    if found == expected:
        return held(measured=found, expected=expected)
    return broken(
        f"A prompt of {len(made.prompt)} characters and {made.new_tokens} new ones came out as {found} characters.",
        measured=found,
        expected=expected,
    )


@probe(title="Generation shows the model all of the text so far", component="generate", needs=("tokenizer",))
def generate_context(m: Measurements) -> Finding:
    made = generation.generated(m)
    if not made.clean and generation.agrees_with_logits(m):
        return held()
    finding = _context(made)
    if finding is not None or not made.clean:
        return finding or held()
    try:
        return _context(generation.generated_beyond(m)) or held()
    except CandidateFault as fault:
        if fault.fatal:
            raise
        text = "Generation stops once the text is longer than the context: valid, as long as nobody asks."
        return held(note=("no_crop", text))


def _context(made: generation.Generated) -> Finding | None:
    if made.steps is None:
        return None
    for step in (made.steps.shortened(generation.WHOLE), made.steps.cut_wrong):
        if step is not None:
            seen, length = len(made.steps.contexts[step]), len(made.steps.prompt) + step
            return broken(
                f"At step {step} the model was given {seen} tokens that are not the end of the {length} so far."
                if seen == length or step == made.steps.cut_wrong
                else f"At step {step} the model was given {seen} of the {length} tokens so far.",
                measured=seen,
                expected=length,
            )
    return None


@probe(title="Generation runs without dropout", component="generate", needs=("tokenizer",))
def generate_eval(m: Measurements) -> Finding:
    made = generation.generated(m)
    if made.stub is not None and made.stub.noisy:
        return broken("While it generated, the same context gave two different answers: dropout was on.")
    return held()


def _rounded(values: Tensor) -> list[list[float]]:
    return [[round(value, 4) for value in row] for row in values.tolist()]
