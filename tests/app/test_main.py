"""The app as a whole: what building and starting it must not do."""

from __future__ import annotations

import subprocess
import sys

from app.main import ROUTERS
from app.settings import CHECKOUT

STARTED_WITHOUT_TORCH = """
import asyncio, pathlib, sys, tempfile
from app.main import create_app
from app.settings import Settings

async def main() -> None:
    site = create_app(Settings(data=pathlib.Path(tempfile.mkdtemp()), assets="cdn"))
    async with site.router.lifespan_context(site):
        await asyncio.sleep(0.1)

asyncio.run(main())
print([name for name in ("torch", "numpy") if name in sys.modules])
"""


def test_the_web_process_imports_neither_torch_nor_numpy_though_its_sandbox_is_warming_up() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STARTED_WITHOUT_TORCH], cwd=CHECKOUT, capture_output=True, text=True
    )
    assert done.stdout == "[]\n", done.stderr


def test_every_address_is_either_described_json_or_a_page() -> None:
    for router in ROUTERS:
        for route in router.routes:
            path, described = getattr(route, "path", ""), getattr(route, "include_in_schema", True)
            assert described == path.startswith(("/api/", "/healthz", "/readyz", "/metrics")), path
