"""Becomes an ordinary user and then the command that follows: how tests start a sandbox as not root.

Run by root. Where python or the checkout lies under a folder that only root may enter, that folder is
covered, for this process alone, by one that shows nothing else and lets everybody in. The rest of the host
stays as it is.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
ORDINARY = 65_534


def main(command: list[str]) -> None:
    sys.path.insert(0, str(CHECKOUT))
    from sandbox import kernel

    kernel.unshare(kernel.CLONE_NEWNS)
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    for private, needed in _private_folders().items():
        trees = {path: kernel.hold_tree(path) for path in needed}
        kernel.mount("tmpfs", private, kind="tmpfs", options="mode=755")
        for path, tree in trees.items():
            Path(path).mkdir(parents=True, exist_ok=True)
            kernel.place_tree(tree, path)
            os.close(tree)
    os.setgroups([])
    os.setresgid(ORDINARY, ORDINARY, ORDINARY)
    os.setresuid(ORDINARY, ORDINARY, ORDINARY)
    os.execv(command[0], command)


def _private_folders() -> dict[str, list[str]]:
    """Folders that others may not enter, and what of ours lies below each."""
    found: dict[str, list[str]] = {}
    for path in dict.fromkeys(str(Path(path).resolve()) for path in (CHECKOUT, sys.prefix, sys.base_prefix)):
        for folder in reversed(Path(path).parents):
            if not folder.stat().st_mode & 0o001:
                found.setdefault(str(folder), []).append(path)
                break
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
