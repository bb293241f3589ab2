"""The comment that a starter for one's own editor begins with: its variant, opaque but not secret.

Scrambled so that nobody reads the bugs' names by accident; whoever takes the trouble can, and spoils only
their own round.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import zlib
from dataclasses import dataclass

from app.catalog.values import Variant

_LINE = re.compile(r"^# overfit: (\S+)\s*$", re.MULTILINE)
_KEY = b"overfit variant 1"
_SEAL = 8  # bytes of the seal that a token begins with
_LARGEST = 1 << 14  # bytes that a token may unpack to


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What the first header of a source says: a variant, or None where nobody can read it."""

    variant: Variant | None


def with_header(source: str, variant: Variant) -> str:
    return f"# overfit: {_token(variant)}\n{source}"


def find_header(source: str) -> Header | None:
    """The header of a source, None when it has none."""
    found = _LINE.search(source)
    return Header(variant=_read(found[1])) if found else None


def _token(variant: Variant) -> str:
    data = zlib.compress(json.dumps(variant.to_json(), separators=(",", ":")).encode(), 9)
    seal = _seal(data)
    return base64.urlsafe_b64encode(seal + _scramble(data, seal)).decode().rstrip("=")


def _read(token: str) -> Variant | None:
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        seal, data = raw[:_SEAL], _scramble(raw[_SEAL:], raw[:_SEAL])
        if not hmac.compare_digest(_seal(data), seal):
            return None
        text = zlib.decompressobj().decompress(data, _LARGEST)
        return Variant.from_json(json.loads(text))
    except (binascii.Error, zlib.error, ValueError, KeyError, TypeError):
        return None


def _seal(data: bytes) -> bytes:
    return hmac.digest(_KEY, data, "sha256")[:_SEAL]


def _scramble(data: bytes, nonce: bytes) -> bytes:
    """XOR with a stream that the seal begins: applied twice it gives the data back."""
    stream = hashlib.shake_256(_KEY + nonce).digest(len(data))
    return bytes(a ^ b for a, b in zip(data, stream, strict=True))
