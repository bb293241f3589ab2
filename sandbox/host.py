"""What this host offers a jail, layer by layer, and what to do about a layer that is missing."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox import kernel, landlock

if TYPE_CHECKING:
    from sandbox.jail import Walls

LEVELS = ("namespaces", "landlock", "rlimits")  # best first
LAYERS = ("namespaces", "landlock", "seccomp", "limits")  # that a jailed process is locked in with
_IN_DOCKER = "Run Overfit in Docker, where there is a Linux: docker compose up (docs/deploy.md)."


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One wall: whether it stands, and if not, why and the one thing to do about it."""

    name: str
    stands: bool
    detail: str  # what it is here, or why it is missing
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """What one attack of the self-test achieved from inside a jail: nothing, if `held`."""

    name: str
    level: str  # the lowest level that promises to hold it
    held: bool
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """The level of this host, and what it was found from."""

    level: str
    layers: tuple[Layer, ...]
    attacks: tuple[Attack, ...]
    kernel: str
    machine: str
    python: str
    landlock_abi: int

    def missing(self) -> tuple[Layer, ...]:
        return tuple(layer for layer in self.layers if not layer.stands)

    def failed(self) -> tuple[Attack, ...]:
        return tuple(attack for attack in self.attacks if not attack.held)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Host:
        layers = tuple(Layer(**layer) for layer in data["layers"])
        attacks = tuple(Attack(**attack) for attack in data["attacks"])
        return cls(**{**data, "layers": layers, "attacks": attacks})


def level_from(attacks: tuple[Attack, ...]) -> str:
    """The best level all of whose promises, and those of the levels below it, were kept."""
    for rank, level in enumerate(LEVELS):
        if all(attack.held for attack in attacks if LEVELS.index(attack.level) >= rank):
            return level
    return LEVELS[-1]


def describe(walls: Walls, *, ceiling: str, attacks: tuple[Attack, ...], reasons: Mapping[str, str]) -> Host:
    """Puts together what the zygote found; a `ceiling` is the level beyond which a test didn't let it try."""
    best = "namespaces" if walls.namespaces else "landlock"  # however few of the attacks came to that
    if not kernel.LINUX:
        best = "rlimits"
    level = max(level_from(attacks), ceiling, best, key=LEVELS.index)
    abi = landlock.abi()
    return Host(
        level=level,
        layers=(
            _user_layer(reasons),
            _namespaces_layer(walls.namespaces, reasons),
            _landlock_layer(walls.landlock, abi, reasons),
            _seccomp_layer(walls.seccomp, reasons),
            _processes_layer(reasons),
            Layer(name="limits", stands=True, detail="time, address space, files, threads; memory watched"),
        ),
        attacks=attacks,
        kernel=platform.release(),
        machine=platform.machine(),
        python=platform.python_version(),
        landlock_abi=abi,
    )


def _user_layer(reasons: Mapping[str, str]) -> Layer:
    reason = reasons.get("user", "")
    return Layer(
        name="ordinary user",
        stands=not reason,
        detail=reason or "no process of the sandbox is root outside it",
        remedy="Start Overfit as an ordinary user." if reason else "",
    )


def _processes_layer(reasons: Mapping[str, str]) -> Layer:
    reason = reasons.get("fork", "")
    return Layer(
        name="processes",
        stands=not reason,
        detail=reason or "a fresh fork of a warm process for each",
        remedy=_IN_DOCKER if reason else "",
    )


def _namespaces_layer(stands: bool, reasons: Mapping[str, str]) -> Layer:
    detail = "a root, processes, network and users of its own for each jail"
    if not stands:
        detail = reasons.get("namespaces") or "not tried"
    return Layer(
        name="namespaces", stands=stands, detail=detail, remedy="" if stands else _namespaces_remedy()
    )


def _namespaces_remedy() -> str:
    """The one thing to do, by the switch that most likely forbids user namespaces here."""
    if not kernel.LINUX:
        return _IN_DOCKER
    if _kernel_switch("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0"
    if _kernel_switch("kernel/unprivileged_userns_clone") == "0":
        return "sudo sysctl kernel.unprivileged_userns_clone=1"
    if _kernel_switch("user/max_user_namespaces") == "0":
        return "sudo sysctl user.max_user_namespaces=15000"
    if _in_container():
        return "Give the container a seccomp profile that allows namespaces (docs/deploy.md)."
    return "Allow unprivileged user namespaces in the kernel's configuration (docs/sandbox.md)."


def _landlock_layer(stands: bool, abi: int, reasons: Mapping[str, str]) -> Layer:
    if stands:
        return Layer(name="landlock", stands=True, detail=f"ABI {abi}")
    reason = reasons.get("landlock") or ("not tried" if abi else "this kernel has none, or doesn't use it")
    remedy = "Use Linux 5.13 or newer with landlock among the lsm= of its command line."
    if not kernel.LINUX:
        remedy = _IN_DOCKER
    return Layer(name="landlock", stands=False, detail=reason, remedy="" if abi else remedy)


def _seccomp_layer(stands: bool, reasons: Mapping[str, str]) -> Layer:
    if stands:
        return Layer(name="seccomp", stands=True, detail=f"an allow-list for {platform.machine()}")
    reason = reasons.get("seccomp") or f"no table for {platform.machine()}, or no filters in this kernel"
    remedy = "Use x86-64 or aarch64 Linux built with CONFIG_SECCOMP_FILTER."
    if not kernel.LINUX:
        remedy = _IN_DOCKER
    return Layer(name="seccomp", stands=False, detail=reason, remedy=remedy)


def _in_container() -> bool:
    return Path("/.dockerenv").exists() or Path("/run/.containerenv").exists()


def _kernel_switch(name: str) -> str:
    try:
        return Path("/proc/sys", name).read_text().strip()
    except OSError:
        return ""
