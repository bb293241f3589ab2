"""Which layer stops what, measured: writes docs/jail-layers.md.

Each attempt is made with no layer at all, as an ordinary user, and with each layer alone.
Type: make jail-layers
"""

from __future__ import annotations

from sandbox.host import LAYERS
from tests.sandbox.escapes.jails import CHECKOUT, Jails
from tests.sandbox.escapes.registry import ATTEMPTS, SCENARIOS, Attempt, Scenario, load_all

PAGE = CHECKOUT / "docs" / "jail-layers.md"
THROUGH, STOPPED = "gets through", "●"
_REFUSALS = {1: "needs root", 13: "needs root"}
_MISSING = "not on this machine"
_HEAD = """# Which layer stops what

Written by `make jail-layers`, which makes every attempt of the hostile suite (`tests/sandbox/escapes/`) from
inside a jail with no layer at all, and from inside one with a single layer. A test holds it to the suite, and
`make test-jail` to what is measured. What the layers are is told in [sandbox.md](sandbox.md).

## Attempts

*Without any* is what an ordinary user's process gets with none of the four layers in its way: it gets
through; or the attempt needs root, which no process of the sandbox has; or Linux refuses it to everybody. A
dot: this layer alone stops it. Whether the server was started as root or as an ordinary user, at level
`namespaces` nothing of all this gets through, and at level `landlock` nothing but what is marked *names*.
"""
_SCENARIOS = """
## Scenarios

What no layer that can be left out stops: each is a test of its own, with what holds it.
"""


def measured(jails: Jails) -> dict[str, tuple[str, ...]]:
    """For each attempt: what it comes to with nothing in its way, then with each layer alone."""
    kinds = ("nothing", *(f"{layer} alone" for layer in LAYERS))
    results = [jails.results(kind) for kind in kinds]
    found = {}
    for name, made in ATTEMPTS.items():
        bare, *alone = (result[name] for result in results)
        stopped = tuple(_stopped(layer, bare) for layer in alone)
        found[name] = (_bare(made, bare), *(STOPPED if stops else "" for stops in stopped))
    return found


def _bare(made: Attempt, result: dict[str, object]) -> str:
    if result["got"] is not None:
        return THROUGH
    if made.impossible:
        return "refused to all"
    return _REFUSALS.get(int(str(result["errno"])), _MISSING)


def _stopped(result: dict[str, object], bare: dict[str, object]) -> bool:
    """Whether a layer changed anything; what is refused in the same words without it isn't its work."""
    if result["got"] is not None:
        return False
    return bare["got"] is not None or result["errno"] != bare["errno"] or "killed" in str(result["detail"])


def rendered(table: dict[str, tuple[str, ...]]) -> str:
    lines = [
        _HEAD,
        _counted(table),
        "| attempt | without any | " + " | ".join(LAYERS) + " |",
        "|---|---|" + "---|" * len(LAYERS),
    ]
    for name, cells in table.items():
        names = " *(names)*" if ATTEMPTS[name].level == "namespaces" else ""
        lines.append(f"| {name}{names} | " + " | ".join(cells) + " |")
    lines += [_SCENARIOS, "| attack | held by |", "|---|---|"]
    lines += [f"| {found.name} | {found.held_by} |" for found in in_order(SCENARIOS)]
    return "\n".join(lines) + "\n"


def _counted(table: dict[str, tuple[str, ...]]) -> str:
    """How many attempts each layer stops, as a paragraph."""
    through = [cells for cells in table.values() if cells[0] == THROUGH]
    counts = [
        f"{layer} {sum(bool(cells[i]) for cells in through)}" for i, layer in enumerate(LAYERS, start=1)
    ]
    return (
        f"Of {len(table)} attempts {len(through)} get through without any layer. Of these each layer alone stops:"
        f" {', '.join(counts)}. All layers together stop all of them.\n"
    )


def in_order(scenarios: dict[str, Scenario]) -> list[Scenario]:
    return sorted(scenarios.values(), key=lambda found: found.group)


def told_by(page: str) -> dict[str, tuple[str, ...]]:
    """The table of attempts as a page has it."""
    lines = [line for line in page.splitlines() if line.count("|") == len(LAYERS) + 3]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    return {name.removesuffix(" *(names)*"): tuple(cells) for name, *cells in rows}


def main() -> None:
    load_all()
    jails = Jails()
    try:
        PAGE.write_text(rendered(measured(jails)))
    finally:
        jails.close()


if __name__ == "__main__":
    main()
