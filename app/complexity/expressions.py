"""Reads a cost such as `T^2 * d + T * d^2` into its monomials, by a whitelist over Python's syntax tree.

Nothing is evaluated: a text becomes tokens, the tokens an expression of Python, and of its tree only sums,
products, small powers, whole numbers and three names are read.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from app.errors import BadInput

LONGEST = 100  # characters
HIGHEST_POWER = 4
HIGHEST_DEGREE = 12  # of a name in a monomial: powers may be nested
NAMES = ("T", "d", "L")

_TOKEN = re.compile(r"\s*(?:([TdL])|(\d+)|(\*\*|[+*^()·×])|([²³⁴]))")
_SUPERSCRIPTS = {"²": 2, "³": 3, "⁴": 4}
_ORDER = re.compile(r"\s*[OΘ]\s*\((.*)\)\s*", re.DOTALL)
_EXAMPLE = "Write it in T, d and L with + * ^, such as T^2*d."


class Unreadable(BadInput):
    """An answer that is no such expression."""


@dataclass(frozen=True, slots=True, order=True)
class Monomial:
    """T^t d^d L^l; constant factors do not matter here."""

    T: int = 0
    d: int = 0
    L: int = 0

    def __mul__(self, other: Monomial) -> Monomial:
        return Monomial(self.T + other.T, self.d + other.d, self.L + other.L)

    def __str__(self) -> str:
        factors = [_power(name, getattr(self, name)) for name in NAMES]
        return " ".join(factor for factor in factors if factor) or "1"

    def divides(self, other: Monomial) -> bool:
        return self.T <= other.T and self.d <= other.d and self.L <= other.L

    @property
    def without_layers(self) -> Monomial:
        return Monomial(self.T, self.d)


Sum = frozenset[Monomial]


def read(text: str) -> Sum:
    """The monomials of an expression, constants dropped.

    Raises Unreadable, with what to write instead, for everything else.
    """
    if len(text) > LONGEST:
        raise Unreadable(f"The answer has {len(text)} characters; {LONGEST} are enough.", hint=_EXAMPLE)
    try:
        tree = ast.parse(_as_python(text), mode="eval")
        terms = _terms(tree.body)
    except (SyntaxError, RecursionError, MemoryError):
        raise Unreadable("This can't be read as an expression.", hint=_EXAMPLE) from None
    if not terms:
        raise Unreadable("The answer comes to zero.", hint=_EXAMPLE)
    return terms


def _as_python(text: str) -> str:
    """The same in Python's signs; factors that stand side by side are multiplied."""
    if order := _ORDER.fullmatch(text):
        text = order[1]
    signs: list[str] = []
    at = 0
    while at < len(text.rstrip()):
        found = _TOKEN.match(text, at)
        if found is None:
            stray = text[at:].lstrip()[:1]
            raise Unreadable(f"“{stray}” has no meaning here.", hint=_EXAMPLE)
        name, number, sign, superscript = found.groups()
        starts_a_factor = name or number or sign == "("
        if starts_a_factor and signs and (signs[-1] == ")" or signs[-1].isalnum()):
            signs.append("*")
        if superscript:
            signs += ["**", str(_SUPERSCRIPTS[superscript])]
        else:
            signs.append({"^": "**", "·": "*", "×": "*"}.get(sign or "", sign or name or number))
        at = found.end()
    return " ".join(signs)


def _terms(node: ast.expr) -> Sum:
    match node:
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _terms(left) | _terms(right)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _product(_terms(left), _terms(right))
        case ast.BinOp(left=base, op=ast.Pow(), right=ast.Constant(value=int(power))):
            return _raised(_terms(base), power)
        case ast.BinOp(op=ast.Pow()):
            raise Unreadable("An exponent must be a whole number.", hint=_EXAMPLE)
        case ast.Name(id=name):
            return frozenset({Monomial(**{name: 1})})
        case ast.Constant(value=int(number)):
            return frozenset({Monomial()} if number else ())
    raise Unreadable("This can't be read as an expression.", hint=_EXAMPLE)


def _product(left: Sum, right: Sum) -> Sum:
    terms = frozenset(one * other for one in left for other in right)
    if any(max(term.T, term.d, term.L) > HIGHEST_DEGREE for term in terms):
        raise Unreadable(f"No cost here grows with a power above {HIGHEST_DEGREE}.", hint=_EXAMPLE)
    return terms


def _raised(base: Sum, power: int) -> Sum:
    if power > HIGHEST_POWER:
        raise Unreadable(f"Exponents go up to {HIGHEST_POWER}.", hint=_EXAMPLE)
    terms: Sum = frozenset({Monomial()})
    for _ in range(power):
        terms = _product(terms, base)
    return terms


def _power(name: str, exponent: int) -> str:
    return "" if exponent == 0 else name if exponent == 1 else f"{name}^{exponent}"
