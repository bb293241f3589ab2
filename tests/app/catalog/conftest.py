"""A tiny pack to read, draw from and break."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.catalog import Catalog, Problem, load_catalog
from tests.app.fakes import write_pack


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return write_pack(tmp_path / "pack")


@pytest.fixture
def catalog(pack: Path) -> Catalog:
    return load_catalog(pack)


@pytest.fixture
def problem(catalog: Catalog) -> Problem:
    return catalog.problem("tiny")
