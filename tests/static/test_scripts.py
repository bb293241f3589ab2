"""The browser's plain modules, tested by Node's own runner where no page is needed."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from app.settings import CHECKOUT


def test_the_modules_keep_their_promises() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.fail("Node.js is missing: install it (on Debian: apt-get install nodejs npm).")
    tests = [str(path) for path in sorted((CHECKOUT / "tests" / "static").glob("*.test.js"))]
    done = subprocess.run([node, "--test", *tests], cwd=CHECKOUT, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
