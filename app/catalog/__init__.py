"""The problems: read from problems/ into frozen values, drawn as variants, composed into starters."""

from app.catalog.drawing import choose, draw
from app.catalog.reading import load_catalog
from app.catalog.starter import IssuedBug, Material, Slot, Starter, compose, material
from app.catalog.values import Bug, Catalog, Patch, Pick, Problem, Tier, Variant

__all__ = [
    "Bug",
    "Catalog",
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
    "load_catalog",
    "material",
]
