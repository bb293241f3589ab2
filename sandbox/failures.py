"""What a person is told when the submission raises: kind, message, line and the submission's own frames."""

from __future__ import annotations

import re
import traceback
import unicodedata
from types import TracebackType
from typing import Any, Literal, cast

Kind = Literal["syntax", "import", "contract", "exception", "timeout", "memory", "output", "killed"]
Failure = dict[str, Any]  # kind, message, line, traceback: [{"line", "function", "text"}, ...] innermost last

_KINDS = frozenset(("syntax", "import", "contract", "exception", "timeout", "memory", "output", "killed"))
_CONTROL = frozenset(("Cc", "Cf", "Cs"))  # control, direction and other unseen ones, half a character
_MOST_FRAMES = 12
_MOST_CHARACTERS = 1000
_PRODUCT = re.compile(r"mat1 and mat2 shapes cannot be multiplied \((\d+)x(\d+) and (\d+)x(\d+)\)")


class ContractError(Exception):
    """A name of the file contract is missing or has the wrong form."""


def failure(kind: Kind, message: str, *, line: int | None = None, frames: list[Any] | None = None) -> Failure:
    message = plain(message[:_MOST_CHARACTERS])
    return {"kind": kind, "message": message, "line": line, "traceback": frames or []}


def plain(text: str) -> str:
    """Without control characters: a name or message of the submission's may be shown on a terminal."""
    text = text.replace("\t", " ")
    return "".join("\ufffd" if unicodedata.category(c) in _CONTROL and c != "\n" else c for c in text)


def from_exception(error: BaseException, *, filename: str) -> Failure:
    """The failure that an exception stands for, its traceback cut to the frames of `filename`."""
    if isinstance(error, SyntaxError) and error.filename == filename:
        return failure("syntax", f"{type(error).__name__}: {error.msg}", line=error.lineno)
    frames = own_frames(error.__traceback__, filename=filename)
    line = frames[-1]["line"] if frames else None
    return failure(_kind(error), describe(error), line=line, frames=frames)


def own_frames(trace: TracebackType | None, *, filename: str) -> list[dict[str, Any]]:
    """The frames that belong to the submission, outermost first; a deep recursion loses its middle."""
    own = [
        {"line": frame.lineno, "function": frame.name, "text": plain((frame.line or "").strip()[:200])}
        for frame in traceback.extract_tb(trace)
        if frame.filename == filename
    ]
    half = _MOST_FRAMES // 2
    return own if len(own) <= _MOST_FRAMES else own[:half] + own[-half:]


def describe(error: BaseException) -> str:
    """One line on an exception, with torch's shape arithmetic said in words."""
    try:
        text = str(error)
    except Exception:  # a __str__ of the submission's own may raise whatever it likes
        text = ""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    message = f"{type(error).__name__}: {first}" if first else type(error).__name__
    if product := _PRODUCT.search(first):
        message += f". The product takes {product[3]} features and got {product[2]}."
    return message


def sanitised(claim: Any) -> Failure:
    """A failure that came out of a candidate process, reduced to what a failure may hold."""
    data = claim if isinstance(claim, dict) else {}
    kind = data.get("kind")
    message = data.get("message")
    frames = data.get("traceback")
    return failure(
        cast("Kind", kind) if isinstance(kind, str) and kind in _KINDS else "exception",
        message if isinstance(message, str) else "The submission raised an exception.",
        line=_line(data.get("line")),
        frames=[_frame(frame) for frame in frames[:_MOST_FRAMES] if isinstance(frame, dict)]
        if isinstance(frames, list)
        else [],
    )


def _kind(error: BaseException) -> Kind:
    if isinstance(error, ContractError):
        return "contract"
    if isinstance(error, ImportError):
        return "import"
    # torch raises a RuntimeError where its allocator gets nothing
    if isinstance(error, MemoryError) or "can't allocate memory" in describe(error):
        return "memory"
    return "exception"


def _line(value: Any) -> int | None:
    return value if type(value) is int and 0 < value < 1_000_000 else None


def _frame(frame: dict[str, Any]) -> dict[str, Any]:
    return {
        "line": _line(frame.get("line")),
        "function": _short(frame.get("function"), 100),
        "text": _short(frame.get("text"), 200),
    }


def _short(value: Any, most: int) -> str:
    """A text cut to a length; nothing else is made one, for what is nested deeply can't be."""
    return plain(value[:most]) if isinstance(value, str) else ""
