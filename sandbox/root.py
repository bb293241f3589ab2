"""The read-only root that everything in the sandbox lives in: python, torch, libraries, three devices.

The paths are the same inside as outside. Nothing of the host can be reached from it: the old root is
detached, so a path that isn't listed in the runtime has no name here.
"""

from __future__ import annotations

import os
from pathlib import Path

from sandbox import kernel
from sandbox.runtime import Runtime

DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")
SCRATCH = "/scratch"  # the one place to write; not /tmp itself, below which a checkout may lie
_BUILT_AT = "/tmp"  # any folder that every Linux has: only this mount namespace sees what lands on it
_FOLDERS = ("/proc", "/dev", SCRATCH)


def enter_new_root(runtime: Runtime) -> None:
    """Builds the root and moves into it; needs CAP_SYS_ADMIN over a mount namespace of one's own.

    Raises OSError where the kernel or the container forbids it.
    """
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    # Every tree is taken hold of before anything is covered: a source may lie under the place we build at.
    links = {path: str(Path(path).readlink()) for path in runtime.visible if Path(path).is_symlink()}
    trees = {path: _hold(path) for path in (*runtime.visible, *DEVICES) if path not in links}
    trees["/proc"] = kernel.hold_tree("/proc")
    sources = _read_package(runtime)
    flags = kernel.MS_NOSUID | kernel.MS_NODEV
    kernel.mount("tmpfs", _BUILT_AT, kind="tmpfs", flags=flags, options="mode=755,size=4m")
    for path in _FOLDERS:
        _below(path).mkdir(parents=True, exist_ok=True)
    for path, text in sources.items():
        _below(path).parent.mkdir(parents=True, exist_ok=True)
        _below(path).write_bytes(text)
    for path, target in links.items():
        _below(path).parent.mkdir(parents=True, exist_ok=True)
        _below(path).symlink_to(target)
    for path, tree in trees.items():
        _place(tree, path)
    if not _below("/tmp").exists():
        _below("/tmp").symlink_to(SCRATCH)
    kernel.mount(
        "tmpfs", _BUILT_AT, flags=flags | kernel.MS_REMOUNT | kernel.MS_RDONLY, options="mode=755,size=4m"
    )
    # Importing torch makes a cache folder; a jailed process covers this scratch with one of its own.
    kernel.mount("tmpfs", _BUILT_AT + SCRATCH, kind="tmpfs", flags=flags, options="mode=1777,size=1m")
    kernel.pivot_root_into(_BUILT_AT)


def _hold(path: str) -> int:
    tree = kernel.hold_tree(path)
    kernel.seal_tree(tree, devices=path in DEVICES)
    return tree


def _place(tree: int, path: str) -> None:
    target = _below(path)
    if Path(f"/proc/self/fd/{tree}").is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    kernel.place_tree(tree, str(target))
    os.close(tree)


def _read_package(runtime: Runtime) -> dict[str, bytes]:
    """Our own sources are copied, not bound: a checkout made with umask 077 isn't readable without root."""
    return {str(path): path.read_bytes() for path in Path(runtime.package).glob("*.py")}


def _below(path: str) -> Path:
    return Path(_BUILT_AT + path)
