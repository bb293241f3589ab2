"""The probes of the problem `gpt`: a function for each property of a right program.

A probe asks `m` for what was measured of the remote program and says what it means. It knows nothing of how
the program is written. `m.drawn` is the untrained model with its parameters drawn anew at std 0.25, in
float64. What each property stands on, and what the judge can't see, is in docs/judge.md.
"""

from __future__ import annotations

import math
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor

from sandbox import (
    blocks,
    generation,
    own_logits,
    paths,
    pictures,
    position_use,
    resting,
    rotations,
    routing,
    saturation,
    sinks,
    slopes,
    steps,
    stream_scale,
    targets,
    tiles,
    trained,
)
from sandbox.attention import find_source, measured_scale, projections
from sandbox.calls import CandidateFault
from sandbox.failures import failure
from sandbox.measurements import LONG, SHORT, TAPS_B, Measurements, T, cross_entropy
from sandbox.memory import branching_strings, recited
from sandbox.objective import followers
from sandbox.positions import read_by_position, read_by_token
from sandbox.probing import Finding, blocked, broken, held, judged, not_applicable, not_seen, probe
from sandbox.responses import other_token, responses, responses_apart
from sandbox.wording import GARBAGE, among, one_line, shown, stopped

STRUCTURE = (  # what a lesson takes a second for, one of these has told already
    *("causal", "prefix", "batch", "sees_past"),
    *("attention_rows", "attention_scale", "qkv_used", "head_count"),
    *("position_sensitive", "position_added", "position_init", "position_learned"),
    *("residual", "blocks_run", "mlp_nonlinear", "gradients_reach", "raw_scores", "initial_loss"),
)
FARTHEST = 3.0  # above ln V: what a tied head may begin at, and a head of unit variance may not
LEAST_TOLD = 0.6  # times the untrained model's loss: what the first loss of a training is at least


# --- the program ----------------------------------------------------------------------------------------


@probe(title="It runs from end to end", component="program", waits=True)
def runs(m: Measurements) -> Finding:
    try:
        _ = m.initial, m.short, m.own, m.own_text
    except CandidateFault as fault:
        return broken(stopped(fault.failure or failure("exception", str(fault))))
    return held()


@probe(title="Logits are (B, T, vocab)", component="model")
def shapes(m: Measurements) -> Finding:
    for B, length in ((1, 1), (2, 5), (3, T)):
        found = tuple(m.initial_logits(B, length).shape)
        if len(found) != 3 or found[:2] != (B, length):
            right = f"({B}, {length}, vocab)"
            return broken(
                f"For ids of shape {(B, length)} the logits have shape {found}. It must be {right}."
            )
    if max(m.vocabulary) >= m.V:
        return broken(f"The logits score {m.V} tokens; the text holds the id {max(m.vocabulary)}.")
    rows = m.token_table.size if m.token_table is not None else m.V
    detail = f"The logits score {m.V} tokens; the table of tokens has {rows} rows."
    return judged(rows >= m.V, detail, measured=m.V, expected=rows)


@probe(title="Logits are finite numbers", component="model", needs=("shapes",))
def finite(m: Measurements) -> Finding:
    answers = [("redrawn", m.drawn_logits)]
    if not m.initial.uninitialised:  # what was in memory is no evidence
        answers.append(("untrained", m.initial_logits))
    for which, logits in answers:
        bad = (~logits(1, LONG).isfinite()).any(dim=-1).any(dim=0)  # (T,)
        if count := int(bad.sum()):
            where = f"{count} of {LONG} positions, the first at {int(bad.nonzero()[0])}"
            return broken(
                f"The {which} model's logits are not finite at {where}.", measured=count, expected=0
            )
    return held()


@probe(title="The same text gives the same logits", component="model", needs=("finite",))
def repeatable(m: Measurements) -> Finding:
    moved = (m.drawn_logits(2, T) - m.drawn.logits(m.ids(2, T))).abs().amax(dim=(0, 2))  # (T,)
    if (most := float(moved.max())) <= m.tolerance:
        return held(measured=most, expected=0.0)
    first, _ = _first_beyond(moved, m.tolerance)
    detail = f"In evaluation mode the same tokens gave logits that differ by {shown(most)}"
    return broken(f"{detail}, first at position {first}. It must be 0.", measured=most, expected=0.0)


@probe(title="Logits are raw scores", component="head", needs=("finite",))
def raw_scores(m: Measurements) -> Finding:
    lowest = float(m.drawn_logits(4, T).min())
    return judged(
        lowest < 0, f"No logit is below 0: the smallest of {4 * T * m.V} is {lowest:.3f}.", measured=lowest
    )


# --- what a position can see ----------------------------------------------------------------------------


@probe(title="No position sees the future", component="attention", needs=("repeatable",))
def causal(m: Measurements) -> Finding:
    picture, future = partial(pictures.sight, m), m.map.triu(1)
    worst, where = float(future.max()), ""
    i, j = divmod(int(future.argmax()), future.shape[1])
    if worst > m.tolerance:
        cells, moved = math.comb(len(future), 2), int((future > m.tolerance).sum())
        where = f" {'All' if moved == cells else f'{moved} of'} {cells} future cells respond."
    elif (late := _late_response(m))[0] > m.tolerance:
        (worst, i, j), where = late, f" So in a text of {LONG} tokens."
    elif (training := _response_apart(m, training=True))[0] > m.tolerance:
        alone = _response_apart(m, training=False)  # beside others in a batch they may all move alike
        (worst, i, j), where = (
            (alone, " So in a text alone.") if alone[0] > m.tolerance else (training, " So in training mode.")
        )
    detail = f"Changing token {j} moved the logits at position {i} by {shown(worst)}. It must be 0.{where}"
    if worst > m.tolerance:
        return broken(detail, measured=worst, expected=0.0, picture=picture)
    text = "Scores above ten thousand see through the mask: valid here; minus infinity holds them too."
    note = ("mask_finite", text) if saturation.sees_through(m) else None
    return held(measured=worst, expected=0.0, picture=picture, note=note)


def _late_response(m: Measurements) -> tuple[float, int, int]:
    """The largest response before a token that was changed late in a long text; its position; the token's."""
    changed = [7, 40, 71, 101, LONG - 1]
    late = responses(m.drawn, m.ids(1, LONG)[0], changed=changed, vocabulary=m.vocabulary)  # (T, 5)
    return _largest_before(late, changed)


def _response_apart(m: Measurements, *, training: bool) -> tuple[float, int, int]:
    changed = [4, T - 1]
    model = m.drawn.copied()  # training mode may leave traces
    found = responses_apart(
        model, m.opening, changed=changed, vocabulary=m.vocabulary, training=training
    )  # (T, 2)
    return _largest_before(found, changed)


def _largest_before(moved: Tensor, changed: list[int]) -> tuple[float, int, int]:
    return max((float(moved[:j, n].max()), int(moved[:j, n].argmax()), j) for n, j in enumerate(changed))


@probe(title="A prefix gives the same logits", component="attention", needs=("repeatable",))
def prefix(m: Measurements) -> Finding:
    ids = m.ids(1, LONG)
    for kept, whole in ((8, 12), (64, LONG)):
        long = m.drawn_logits(1, LONG) if whole == LONG else m.drawn.logits(ids[:, :whole])  # (1, T, V)
        short = m.drawn.logits(ids[:, :kept])
        shift = (short - long[:, :kept]).abs().amax(dim=(0, 2))  # (kept,)
        if (moved := float(shift.max())) > m.tolerance:
            first, _ = _first_beyond(shift, m.tolerance)
            detail = (
                f"The first {kept} positions shift by up to {shown(moved)} once {whole - kept} more tokens"
            )
            return broken(f"{detail} follow, position {first} first. It must be 0.", measured=moved)
    return held(measured=0.0, expected=0.0)


@probe(title="Each row of a batch stands alone", component="attention", needs=("repeatable",))
def batch(m: Measurements) -> Finding:
    ids = m.ids(3, T)
    alone = torch.cat([m.drawn.logits(row[None]) for row in ids])  # (B, T, V)
    shift = (m.drawn.logits(ids) - alone).abs().amax(dim=2)  # (B, T)
    if (moved := float(shift.max())) <= m.tolerance:
        return held(measured=moved, expected=0.0)
    row, i = (~(shift <= m.tolerance)).nonzero()[0].tolist()
    where = f"first at position {i} of row {row}"
    detail = f"Beside two other rows the logits of a row move by {shown(moved)}, {where}. It must be 0."
    return broken(detail, measured=moved, expected=0.0)


@probe(title="Each position sees all of the past", component="attention", needs=("repeatable",))
def sees_past(m: Measurements) -> Finding:
    blind = [(i, j) for i in range(T) for j in range(i + 1) if float(m.map[i, j]) <= 1e-3 * m.tolerance]
    if not blind and (cell := m.unweighted):
        return broken(
            f"In attention, position {cell[0]} gives no weight to position {cell[1]}.", measured=0.0
        )
    i, j = blind[0] if blind else (0, 0)
    count = f"{len(blind)} of {T * (T + 1) // 2} cells of the past do not respond."
    detail = f"Changing token {j} left the logits at position {i} as they were. {count}"
    return judged(not blind, detail, measured=len(blind), expected=0)


# --- attention ------------------------------------------------------------------------------------------


@probe(title="Attention rows sum to 1", component="attention", needs=("repeatable",))
def attention_rows(m: Measurements) -> Finding:
    # one character everywhere and no positions: every average of equal values is that value
    table = m.position_table
    model = m.drawn.without([table.name]) if table is not None else m.drawn
    logits = model.logits(torch.full((1, LONG), m.vocabulary[0]))[0]  # (T, V)
    apart = (logits - logits[0]).abs().amax(dim=-1)  # (T,)
    picture = partial(pictures.rows, m)
    spread = float(apart.max())
    # where equal tokens come out equal, sums that vary are those of parts: of tiles, normed at the end
    if uneven := _uneven_row(m, alike=spread <= m.tolerance):
        if sinks.are_seen(m):
            return held(note=("attention_sink", "Rows leave a share to a sink: valid, off the reference."))
        i, total = uneven
        detail = f"In attention, the row of position {i} sums to {total:.3f}. It must be 1."
        return broken(detail, measured=total, expected=1.0, picture=picture)
    if spread <= m.tolerance:
        if late := tiles.uneven_row(m, LONG):
            detail = f"In a text of {LONG} tokens, attention gives position {late[0]} {late[1]:.3f} times"
            return broken(f"{detail} what a row that sums to 1 gives.", measured=late[1], expected=1.0)
        return held(measured=spread, expected=0.0)
    # a formula of positions, or a look at the token before, can't be silenced: the weights alone tell
    if (
        table is None
        or not position_use.is_added(m, table.name)
        or position_use.places_differ_without(m, table.name)
    ):
        if m.products.attentions:
            return held(measured=1.0, expected=1.0)
        return not_seen("Positions that follow a formula keep equal tokens from being compared.")
    i, moved = _first_beyond(apart, m.tolerance)
    detail = f"Equal tokens without positions: at position {i} the logits differ by {shown(moved)} from those"
    return broken(f"{detail} at position 0. It must be 0.", measured=moved, expected=0.0, picture=picture)


def _uneven_row(m: Measurements, *, alike: bool) -> tuple[int, float] | None:
    """The first position whose weights do not sum to 1, of the first attention that has one; their sum.

    `alike`: only of an attention all of whose rows have one and the same sum.
    """
    for attention in m.products.attentions:
        totals = attention.weights.sum(dim=-1)  # (N, T)
        off = (totals - 1).abs()
        if float(off.max()) >= 1e-4 and not (alike and float(totals.std()) > 1e-6):
            i = int((off.amax(dim=0) >= 1e-4).nonzero()[0])
            return i, float(totals[off[:, i].argmax(), i])
    return None


def _first_beyond(moved: Tensor, tolerance: float) -> tuple[int, float]:
    """The first position that moved by more than the tolerance, or is NaN, and by how much. (T,)"""
    i = int((~(moved <= tolerance)).nonzero()[0])
    return i, float(moved[i])


@probe(title="Scores are scaled by 1/√d", component="attention", needs=("repeatable",))
def attention_scale(m: Measurements) -> Finding:
    seen = []
    for which, attention in enumerate(m.products.attentions):
        d = attention.q.shape[-1]
        scale = measured_scale(
            attention, projections(m.products.taps, m.products.attentions, which), B=TAPS_B
        )
        if scale is not None:
            seen.append((abs(scale * math.sqrt(d) - 1), scale, d))
    if not seen:
        return not_seen("Scores could not be traced back to queries and keys.")
    off, scale, d = max(seen)
    detail = f"A score grows by {scale:.3f} per unit of q·k. It should be {d**-0.5:.3f} at head size {d}."
    return judged(off <= 0.02, detail, measured=scale, expected=d**-0.5)


@probe(title="q, k and v are all used", component="attention", needs=("repeatable",))
def qkv_used(m: Measurements) -> Finding:
    varies = any(attention.varies for attention in m.products.attentions)
    if not varies and (faintest := saturation.faintest(m)) > 0.1:
        said = f"the faintest earlier token still has {faintest:.0%} of the strongest one's say"
        return broken(f"In draws that saturate a softmax, {said}.", measured=faintest)
    idle = {name: _idle_share(m.gradients.get(name)) for name in _projection_weights(m)}
    name = max(idle, key=lambda name: idle[name], default="")
    worst = idle.get(name, 0.0)
    detail = f"{worst:.0%} of `{name}` changes nothing: the gradient there is exactly 0."
    return judged(worst <= 0.2, detail, measured=worst, expected=0.0)


def _projection_weights(m: Measurements) -> set[str]:
    """Weights that are given what queries are made of; every matrix of the blocks where none is seen."""
    names = set()
    for which, attention in enumerate(m.products.attentions):
        taps = projections(m.products.taps, m.products.attentions, which)
        # a norm of queries hides what they are made of; values are made of the same
        if source := find_source(attention.q, taps, B=TAPS_B) or find_source(attention.v, taps, B=TAPS_B):
            given = source.tap.tensors["left"]
            names |= {tap.weight for tap in taps if torch.equal(tap.tensors["left"], given)}
    inside = {tap.weight for pair in blocks.mlp_pairs(m) for tap in pair}  # whose units may rest
    tables = read_by_position(m.gradients, T=T)  # longer than this text is: biases of scores, say
    tables |= read_by_token(m.gradients, tokens=set(m.gradient_ids.flatten().tolist()))
    return {name for name in names if name} or set(blocks.branches(m)) - inside - tables


def _idle_share(gradient: Tensor | None) -> float:
    """The largest share of a weight's rows, or columns, whose gradient is exactly zero."""
    if gradient is None:
        return 1.0
    sides = (gradient.movedim(dim, 0).flatten(1).any(dim=1) for dim in range(gradient.dim()))
    return max(1 - float(side.float().mean()) for side in sides)


@probe(title="Heads are split as stated", component="attention", needs=("repeatable",))
def head_count(m: Measurements) -> Finding:
    stated, attentions = m.initial.parameters.declared.get("n_head"), m.products.attentions
    if not attentions or stated is None:
        return not_seen("The number of heads is not stated, or no product of queries and keys was seen.")
    heads, d = len(attentions[0].q) // TAPS_B, attentions[0].q.shape[-1]
    layers = m.initial.parameters.declared.get("n_layer", len(attentions) // stated)
    if heads == 1 and len(attentions) == stated * layers:
        heads = stated  # each head is a module of its own
    detail = f"Attention ran with {heads} heads of size {d}. The program states {stated} heads."
    return judged(heads == stated, detail, measured=heads, expected=stated)


# --- positions ------------------------------------------------------------------------------------------


@probe(title="Position matters", component="position", needs=("repeatable",))
def position_sensitive(m: Measurements) -> Finding:
    equal = torch.full((1, LONG), m.vocabulary[0])
    # in the silenced model nothing but the position itself can tell two places apart
    model = blocks.silenced(m) if m.initial.parameters.values else m.drawn
    logits = model.logits(equal)[0].double()  # (T, V)
    if float((logits - logits[0]).abs().max()) <= m.tolerance:
        seen = bool(m.products.attentions)
        knows = position_use.scores_know(m) if seen else position_use.order_matters(m)
        if knows:
            return held(note=("positions_relative", "Positions enter the scores: valid, off the reference."))
        logits = m.drawn.logits(equal)[0].double()
    distance = torch.cdist(logits, logits, p=math.inf).fill_diagonal_(math.inf)
    closest, (i, j) = float(distance.min()), sorted(divmod(int(distance.argmin()), LONG))
    detail = f"The same character at positions {i} and {j} gets logits that differ by {shown(closest)}."
    if closest <= m.tolerance:
        return broken(f"{detail} They must differ.", measured=closest)
    if position_use.attention_is_blind(m):
        return broken("Positions reach the logits, and no attention: equal tokens have equal q, k and v.")
    text = "Positions follow a formula: it works. To initialise a table of learned ones takes one line."
    formula = m.position_table is None and m.chance <= m.tolerance
    return held(measured=closest, note=("positions_formula", text) if formula else None)


@probe(title="Positions are added", component="position", needs=("position_sensitive",))
def position_added(m: Measurements) -> Finding:
    table = m.position_table
    if table is None:
        return not_applicable("There is no table of learned positions.")
    a, b = m.vocabulary[0], other_token(m.vocabulary[0], m.vocabulary)
    logits = m.drawn.without([table.name]).logits(torch.tensor([[a] * 4, [b] * 4]))
    moved = float((logits[0] - logits[1]).abs().max())
    detail = f"With the table of positions at zero, another character moves the logits by {shown(moved)}."
    return judged(moved > m.tolerance, f"{detail} It must be above 0.", measured=moved)


@probe(
    title="Rotary scores depend on the distance alone", component="position", needs=("position_sensitive",)
)
def position_relative(m: Measurements) -> Finding:
    if not rotations.are_seen(m):
        return not_applicable("Positions do not turn queries and keys.")
    spread = rotations.spread(m)
    if spread is None:
        return not_seen("Positions are added before the queries as well, by a formula.")
    if (rate := rotations.single_rate(m)) is not None:
        turn = f"From place to place all channels of queries and keys turn by {rate:.2f}"
        return broken(f"{turn}: after {math.tau / rate:.1f} places they are where they began.", measured=rate)
    detail = f"At one distance, the scores of equal tokens differ by {spread:.1%} from place to place."
    return judged(spread <= rotations.LARGEST, f"{detail} It must be 0.", measured=spread, expected=0.0)


@probe(title="Positions start at a sane scale", component="position")
def position_init(m: Measurements) -> Finding:
    picture = partial(pictures.norms, m)
    if m.initial.uninitialised:
        read = "starts as whatever was in memory: it reads as NaN where fresh memory is NaN"
        return broken(f"{among(m.initial.uninitialised)} {read}.", picture=picture)
    table = m.position_table
    if table is None or table.name not in m.initial.parameters.values:
        return not_applicable("There is no table of learned positions.")
    rows = table.rows(m.initial.parameters.values[table.name]).double()  # (positions, C)
    std, first = float(rows.std()), float(rows[0, 0])
    if std == 0 and first != 0:
        detail = f"Every entry of the table of positions starts as {first:g}."
        return broken(detail, measured=first, picture=picture)
    scale = f"The table of positions starts with a standard deviation of {std:.2f}"
    if std > 5 and position_use.is_added(m, table.name):
        if (tokens := m.token_table) is not None:
            scale += f"; that of tokens with {float(m.initial.parameters.values[tokens.name].std()):.2f}"
        return broken(f"{scale}.", measured=std, picture=picture)
    return held(measured=std, note=("position_scale", f"{scale}; 0.02 is usual.") if std > 0.2 else None)


@probe(
    title="Positions are learned, or follow a formula", component="position", needs=("position_sensitive",)
)
def position_learned(m: Measurements) -> Finding:
    if m.position_table is not None:
        return held()
    if m.frozen_by_chance:
        return broken(f"{among(m.frozen_by_chance)} starts with random numbers that no training moves.")
    detail = (
        f"With all parameters equal, another seed moves the logits by {shown(m.chance)}: untrained chance."
    )
    return (
        broken(detail, measured=m.chance, expected=0.0)
        if m.chance > m.tolerance
        else not_applicable("There is no table of learned positions.")
    )


# --- blocks ---------------------------------------------------------------------------------------------


@probe(title="Residual paths are open", component="block", needs=("repeatable",))
def residual(m: Measurements) -> Finding:
    if not blocks.branches(m) or not m.initial.parameters.values:
        return not_seen("The parameters of the blocks could not be told from the rest.")
    silent, ids = blocks.silenced(m), m.ids(1, 4)  # (1, T)
    own = float(responses(silent, ids[0], changed=[0, 1, 2, 3], vocabulary=m.vocabulary).diagonal().min())
    if own <= m.tolerance:
        detail = f"With every branch silenced, changing a token moves its own logits by {shown(own)}."
        return broken(f"{detail} It must be above 0.", measured=own)
    if not _answers_as_the_clean_one(m):
        if closed := paths.closed_path(m):
            return broken(closed, measured=0.0)
        if doubled := paths.doubled_stream(m, silent):
            return broken(doubled)
    stretched = blocks.silenced(m, stretch_gains=True)
    moved = float((silent.logits(ids) - stretched.logits(ids)).abs().max())
    if moved > m.tolerance and not blocks.first_input_moves(m, silent, stretched):
        return held(note=("post_norm", "Norms stand after the sums: valid, off the reference."))
    detail = (
        f"With every branch silenced, gains of the blocks' norms still move the logits by {shown(moved)}."
    )
    return judged(moved <= m.tolerance, f"{detail} It must be 0.", measured=moved, expected=0.0)


@probe(title="A larger stream never gives smaller logits", component="block", needs=("repeatable",))
def norm_scale(m: Measurements) -> Finding:
    if not blocks.branches(m) or not m.initial.parameters.values:
        return not_seen("The parameters of the blocks could not be told from the rest.")
    ratio = stream_scale.ratio(m)
    if ratio is None:
        return not_seen("The stream could not be made larger and the head left as it is.")
    detail = f"With every branch silenced, twice the stream gives {ratio:.2f} times the logits."
    return judged(ratio >= stream_scale.LEAST, f"{detail} A norm gives them once.", measured=ratio)


@probe(title="Every block runs, with weights of its own", component="block", needs=("repeatable",))
def blocks_run(m: Measurements) -> Finding:
    foreign = m.products.foreign
    if foreign:
        detail = f"{len(foreign)} trainable tensors take part that model.parameters() does not hold"
        return broken(f"{detail}, the first of shape {tuple(foreign[0])}.", measured=len(foreign), expected=0)
    uses = blocks.uses(m)
    most = max(uses, key=lambda name: uses[name], default="")
    if uses.get(most, 1) > 1:
        return broken(
            f"`{most}` takes part {uses[most]} times in one forward pass.", measured=uses[most], expected=1
        )
    stated, ran = m.initial.parameters.declared, len(m.products.attentions)
    layers = stated.get("n_layer")
    detail = f"{ran} layers of attention ran. The program states {layers}."
    if layers is not None and ran not in (0, layers, layers * stated.get("n_head", 1)):
        return broken(detail, measured=ran, expected=layers)
    if not _answers_as_the_clean_one(m) and paths.side_by_side(m):
        return broken("With every branch silenced, the last attention is given what it was given before.")
    return held(measured=ran, expected=layers)


@probe(title="The MLP bends between its two maps", component="mlp", needs=("repeatable",))
def mlp_nonlinear(m: Measurements) -> Finding:
    pairs = blocks.mlp_pairs(m)
    for into, out in pairs:
        hidden, given = into.tensors["out"], out.tensors["left"]  # (B * T, 4C)
        width = hidden.shape[-1]
        if not len(hidden):  # an expert that no token was given to
            continue
        if blocks.proportional(hidden, given):
            return broken(
                f"The {width} hidden units go on as they came: two maps in a row are one linear map."
            )
        if float(given.min()) >= 0 and float((given.sum(dim=-1) - 1).abs().max()) < 1e-4:
            return broken(f"At each position the {width} hidden units sum to 1.", measured=1.0)
    if sides := blocks.one_sided(m):
        between = f"between {sides[0]:.2f} and {sides[1]:.2f}"
        return broken(
            f"What is added to the stream lies {between}: it can hardly subtract.", measured=sides[0]
        )
    return held() if pairs else not_seen("No pair of a widening and a narrowing map was seen.")


@probe(title="With its weights the clean program answers the same", component="model", needs=("finite",))
def parity(m: Measurements) -> Finding:
    # evidence for a program, never against one: ReLU for GELU is no fault
    found = m.disagreement
    if found is None:
        return not_applicable("Its weights do not carry over into the clean program.")
    if found > m.tolerance:
        detail = (
            f"With the same weights the clean program's log-probabilities differ by up to {shown(found)}."
        )
        return not_seen(detail, measured=found)
    return held(measured=found, expected=0.0)


def _answers_as_the_clean_one(m: Measurements) -> bool:
    return m.disagreement is not None and m.disagreement <= m.tolerance


# --- parameters -----------------------------------------------------------------------------------------


@probe(title="Every parameter gets a gradient", component="model", needs=("finite",))
def gradients_reach(m: Measurements) -> Finding:
    entries = m.initial.parameters.entries
    reached = {
        name for name, gradient in m.gradients.items() if gradient is not None and bool(gradient.any())
    }
    missed = [entry["name"] for entry in entries if entry["trained"] and entry["name"] not in reached]
    if missed:
        elsewhere = routing.reached_elsewhere(m, missed)
        missed = [name for name in missed if name not in elsewhere]
    missed += m.frozen_by_chance
    detail = (
        f"{len(missed)} of {len(entries)} parameter tensors get no gradient from the logits: {among(missed)}."
    )
    picture = partial(pictures.reach, m, missed=missed)
    if missed:
        return broken(detail, measured=len(missed), expected=0, picture=picture)
    if told := _slices_alike(m):
        return broken(told, picture=picture)
    slope = slopes.wrong_slope(m)
    if slope is None:
        return held(measured=0, expected=0)
    moved = "Tokens and positions moved along a direction, a sum of the logits changes at a rate of"
    told = f"by their gradients it would be {shown(slope.by_gradients)}"
    return broken(
        f"{moved} {shown(slope.measured)}; {told}.", measured=slope.by_gradients, expected=slope.measured
    )


def _slices_alike(m: Measurements) -> str | None:
    """Told where all slices of a matrix get the same gradient: they are summed up, and tell nothing apart."""
    for name, gradient in m.gradients.items():
        if gradient is None or not blocks.is_matrix(gradient.shape) or not bool(gradient.any()):
            continue
        largest = float(gradient.abs().max())
        for dim, size in enumerate(gradient.shape):
            apart = float((gradient - gradient.mean(dim, keepdim=True)).abs().max())
            if size > 1 and apart <= 1e-6 * largest:
                where = f"All {size} slices of `{name}` along dimension {dim}"
                return f"{where} get the same gradient: their sum alone counts."
    return None


@probe(title="With steps=0 nothing is trained", component="loop")
def no_steps(m: Measurements) -> Finding:
    return steps.trained_without_steps(m.unstepped)


@probe(title="Every parameter moves", component="loop")
def parameters_move(m: Measurements) -> Finding:
    before, after = m.before_parameters.values, m.after_parameters.values
    if not before:
        return not_seen("The model is too large to be compared before and after training.")
    same = [name for name in before if name in after and torch.equal(before[name], after[name])]
    pulled = [name for name in same if m.pull.get(name, 0.0) > 1e-4]
    still = pulled + resting.stuck(m, same) + resting.left_behind(m, same) + m.frozen_by_chance
    detail = f"{len(still)} of {len(before)} parameter tensors did not move in {SHORT} steps: {among(still)}."
    if len(same) == len(before):
        detail = f"None of {len(before)} parameter tensors moved in {SHORT} steps."
    return judged(not still, detail, measured=len(still), expected=0)


@probe(title="The learning rate is the one asked for", component="loop")
def rate_obeyed(m: Measurements) -> Finding:
    return steps.obeys_rate(m.short, m.otherwise_paced, before=m.before_parameters)


@probe(title="The first loss is near ln V", component="model", needs=("finite",))
def initial_loss(m: Measurements) -> Finding:
    if m.initial.uninitialised:
        return blocked(GARBAGE)
    loss, expected = cross_entropy(m.initial.model, m.ids(4, 32, salt=6)), math.log(m.V)
    words = f"Untrained, the loss on random text is {loss:.2f}"
    detail = f"{words}. It should be near ln {m.V} = {expected:.2f}."
    if not -1.0 <= loss - expected <= FARTHEST:
        return broken(detail, measured=loss, expected=expected)
    large = f"{words}; ln {m.V} is {expected:.2f}: a large start, which training has to undo first. Valid."
    return held(
        measured=loss, expected=expected, note=("start_large", large) if loss > expected + 1.0 else None
    )


@probe(title="Units start unlike each other", component="model")
def units_differ(m: Measurements) -> Finding:
    for name, value in m.after_parameters.values.items():
        if value.dim() != 2 or len(value) < 2:
            continue
        distinct = len(value.unique(dim=0))
        if distinct <= max(1, len(value) // 16):  # fused maps have rows of three kinds at least
            are = f"are {distinct} different ones" if distinct > 1 else "are all the same"
            many = f"After {SHORT} steps the {len(value)} rows of `{name}` {are}"
            return broken(f"{many}: units that are alike learn as one.", measured=distinct)
    return held()


# --- training -------------------------------------------------------------------------------------------


@probe(title="It trains on the text it is given", component="data")
def trains_on_text(m: Measurements) -> Finding:
    text, known = set(pairwise(m.hidden_ids)), set(m.hidden_ids)
    forwards = zip(m.short.forwards, targets.pulls_of(m), strict=True)
    rows = [row for forward, asked in forwards for row in targets.rows_asked(forward, asked, m.hidden_ids)]
    fed = [pair for row in rows for pair in pairwise(row)]
    if not fed:
        return not_seen("What the model was fed could not be seen.")
    strange = [pair for pair in fed if pair not in text and set(pair) <= known]
    share = len(strange) / len(fed)
    if share <= 0.1:
        return held(measured=share, expected=0.0)
    detail = f"{share:.0%} of neighbouring tokens that the model was fed are no neighbours in the text"
    return broken(f"{detail}, first '{targets.spelt(m, strange[0])}'.", measured=share, expected=0.0)


@probe(title="The target is the next character", component="loss", needs=("finite", "trains_on_text"))
def objective(m: Measurements) -> Finding:
    forwards = targets.pulls_of(m)
    found = [pull for forward in forwards for pull in forward]
    if not found:
        return targets.why_unseen(m)
    asked = [(pull, followers(m.hidden_ids, pull.context)) for pull in found if pull.target is not None]
    known = set(m.hidden_ids)  # what is not among them may stand for the text's end, and follow it
    wrong = [
        (pull, right)
        for pull, right in asked
        if right is not None and (pull.target not in right if right else pull.target in known)
    ]
    if len(wrong) > 0.001 * len(asked):
        return targets.wrong_target(m, *wrong[0], share=len(wrong) / len(asked))
    return (
        targets.not_cross_entropy(forwards)
        or targets.positions_left_out(m, forwards)
        or targets.places_left_out(m, forwards)
    )


@probe(title="Gradients are fresh at each step", component="loop", waits=True)
def gradients_fresh(m: Measurements) -> Finding:
    stale: list[int] = m.short.observed["stale"]
    if not stale:
        return not_seen("No backward pass was seen.")
    if not any(stale):
        stale = _stale_later(m)
    worst, when = max(stale, default=0), next((i for i, count in enumerate(stale) if count), 0)
    detail = f"At backward pass {when}, {worst} parameter tensors still held the gradient of an earlier step."
    return judged(worst == 0, detail, measured=worst, expected=0)


def _stale_later(m: Measurements) -> list[int]:
    """The same over the program's own steps: what goes wrong now and then goes wrong late."""
    try:
        found: list[int] = m.own.observed["stale"]
    except CandidateFault:  # told by `runs`
        return []
    return found


@probe(title="One loss a step, and it falls", component="loop", waits=True)
def loss_falls(m: Measurements) -> Finding:
    if m.initial.uninitialised:
        return blocked(GARBAGE)
    returned = len(m.short.returned)
    if returned != SHORT:
        detail = f"Asked for {SHORT} steps, `train` returned {returned} losses."
        return broken(detail, measured=returned, expected=SHORT)
    if (first := _first_loss_too_small(m)) is not None:
        return first
    ids = torch.tensor([m.own.model.tokens(m.text)[0]])
    loss, start = cross_entropy(m.own.model, ids), math.log(m.V)
    if loss > 0.5 * start:
        loss = min(loss, _loss_behind_a_mark(m, ids))
    if loss > 0.5 * start:
        detail = f"Trained with its own steps, the model's loss on the sentence is {loss:.2f}"
        detail += f"; guessing costs {start:.2f}."
        return broken(detail, measured=loss, expected=0.0)
    texts = torch.cat([ids, m.ids(3, ids.shape[1])])  # (4, T)
    if (apart := trained.other_model(m.initial, m.own.model, texts)) is not None:
        return broken(trained.words(apart), measured=apart, expected=0.0)
    if ahead := trained.looks_ahead(m, ids[0]):
        return broken(ahead)
    last = m.own.returned[-1] if m.own.returned else math.inf
    detail = f"The last loss in the list is {last:.3f}; the model that came with it has {loss:.2f}."
    return judged(loss <= last + 0.5, detail, measured=loss, expected=last)


def _first_loss_too_small(m: Measurements) -> Finding | None:
    """A sum, smoothing and a penalty make a loss larger; a mean over what is not asked makes it smaller."""
    loss, told = cross_entropy(m.before.model, torch.tensor([m.hidden_ids])), m.short.returned[0]
    if not 0 <= told < LEAST_TOLD * loss or not math.isfinite(loss):
        return None
    detail = f"The first loss in the list is {told:.2f}; the untrained model has {loss:.2f} on that text."
    return broken(detail, measured=told, expected=loss)


def _loss_behind_a_mark(m: Measurements, ids: Tensor) -> float:
    """The loss where the text stands behind a token that it does not hold: what marks its beginning."""
    known = set(ids.flatten().tolist())
    marks = sorted({0, 1, 2, m.V - 3, m.V - 2, m.V - 1} - known)
    behind = [torch.cat([torch.tensor([[mark]]), ids], dim=1) for mark in marks]  # (1, 1 + T)
    return min((cross_entropy(m.own.model, marked) for marked in behind), default=math.inf)


@probe(title="It learns strings that only attention tells apart", component="model", needs=STRUCTURE)
def memorises(m: Measurements) -> Finding:
    if _answers_as_the_clean_one(m):
        return held("With its weights the clean program answers the same.")
    if not 0 < m.initial.parameters.size <= 400_000:
        return not_seen("The model is too large to be trained here.")
    strings = branching_strings(m.vocabulary, count=min(8, len(m.vocabulary)), length=8, seed=m.subject.seed)
    model, count = m.initial.model.with_parameters({}), len(strings)
    for more in (20, 20, 80, 80):  # a quick learner is done early, a slow one gets more
        model.learn(strings, steps=more, rate=5e-3)
        right = recited(model, strings)
        if right >= count - 1:
            break
    detail = f"Trained on {count} strings that part at their first character, it recites {right}."
    return judged(right >= count - 1, detail, measured=right, expected=count)


# --- tokenizer and generation ---------------------------------------------------------------------------


@probe(title="Encoding and decoding are inverse", component="tokenizer")
def tokenizer(m: Measurements) -> Finding:
    texts = [(m.initial.model, text) for text in (m.text, m.text[::-1], "".join(sorted(m.text)))]
    for model, text in [*texts, (m.before.model, m.hidden)]:
        ids, decoded = model.tokens(text)
        if decoded != text:
            differ = (i for i, (a, b) in enumerate(zip(text, decoded, strict=False)) if a != b)
            first = next(differ, min(len(text), len(decoded))) + 1
            came = f"'{one_line(text)}' comes back as '{one_line(decoded[:200])}'"
            return broken(f"{came}: different from character {first} on.")
        if len(ids) != len(text):
            return broken(
                f"{len(text)} characters become {len(ids)} tokens.", measured=len(ids), expected=len(text)
            )
        if len(set(ids)) != len(set(text)) or min(ids) < 0:
            return broken(
                f"{len(set(text))} different characters get {len(set(ids))} ids, from {min(ids)} on."
            )
    return held()


@probe(title="Generation writes the likeliest token", component="generate", needs=("tokenizer",))
def generate_greedy(m: Measurements) -> Finding:
    made = generation.generated(m)
    if made.fed_once:  # over a cache, which the stub knows nothing of
        departure = own_logits.departure(m)
        if departure is None or departure.forgets:
            return held()
        fed = "Given each new token alone, as over a cache"
        return broken(f"{fed}, it goes on from {departure.words}.")
    if made.clean or made.follows_scores:
        if generation.samples(m):
            text = "Generation samples: valid while one token stands out; argmax makes the sentence sure."
            return held(note=("sampling", text))
        departure = own_logits.first_departure(m) if made.clean and made.bare else None
    else:
        departure = own_logits.departure(m)
    if departure is None:
        return held()
    if (step := made.first_departure) is None:
        return broken(f"It goes on from {departure.words}.")
    wrote = f"After '{made.prompt}' it wrote '{made.new_text[:40]}'"
    return broken(f"{wrote}; at new character {step + 1}, another one had the highest score by far.")


@probe(title="Generation keeps the prompt and goes on from it", component="generate", needs=("tokenizer",))
def generate_prompt(m: Measurements) -> Finding:
    made = generation.generated(m)
    return judged(
        made.text.startswith(made.prompt), f"Asked to go on from '{made.prompt}', it gave '{made.text[:60]}'."
    )


@probe(title="Generation writes as many tokens as asked", component="generate", needs=("tokenizer",))
def generate_length(m: Measurements) -> Finding:
    made = generation.generated(m)
    found, expected = len(made.text), len(made.prompt) + made.new_tokens
    asked = f"{len(made.prompt)} characters and {made.new_tokens} new ones"
    return judged(found == expected, f"{asked} came out as {found}.", measured=found, expected=expected)


@probe(title="Generation shows the model all of the text so far", component="generate", needs=("tokenizer",))
def generate_context(m: Measurements) -> Finding:
    made = generation.generated(m)
    if made.context_fault:
        departure = own_logits.departure(m) if made.fed_once else None
        cached = made.fed_once and not (departure and departure.forgets)
        return judged(cached, made.context_fault)
    if not made.clean:
        return held()
    try:
        beyond = generation.generated_beyond(m)
    except CandidateFault as fault:
        if fault.fatal:
            raise
        text = "Generation stops where the text outgrows the context: valid, as long as nobody asks for more."
        return held(note=("no_crop", text))
    return judged(not beyond.context_fault, beyond.context_fault or "")


@probe(title="Generation runs without dropout", component="generate", needs=("tokenizer",))
def generate_eval(m: Measurements) -> Finding:
    stub = generation.generated(m).stub
    detail = "While it generated, the same context gave two different answers. They must be equal."
    return judged(stub is None or not stub.noisy, detail)
