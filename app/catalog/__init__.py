"""The problems: read from problems/ into frozen values, drawn as variants, composed into starters."""

from app.catalog.drawing import choose, draw
from app.catalog.header import Header, find_header, with_header
from app.catalog.reading import load_catalog
from app.catalog.source import own_sentence
from app.catalog.starter import IssuedBug, Material, Slot, Starter, compose, material, plain_material
from app.catalog.values import Bug, Catalog, Patch, Pick, Problem, Tier, Variant

__all__ = [
    "Bug",
    "Catalog",
    "Header",
    "IssuedBug",
    "Material",
    "Patch",
    "Pick",
    "Problem",
    "Slot",
    "Starter",
    "Tier",
    "Variant",
    "choose",
    "compose",
    "draw",
    "find_header",
    "load_catalog",
    "material",
    "own_sentence",
    "plain_material",
    "with_header",
]
