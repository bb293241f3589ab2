"""Text operations as the editor sends them: positions count UTF-16 code units, as JavaScript's strings do."""

from __future__ import annotations

from collections.abc import Sequence

from app.errors import BadInput

Operation = tuple[int, int, str]  # position, how many units go, what comes

RESYNC = "Send the whole text as an edit of kind resync."


def apply_all(text: str, operations: Sequence[Operation]) -> str:
    """The text after the operations, each of which sees the result of the one before.

    Raises:
        BadInput: an operation reaches beyond the text.
    """
    units = bytearray(text.encode("utf-16-le", "surrogatepass"))
    for number, (position, gone, come) in enumerate(operations, start=1):
        start, end = 2 * position, 2 * (position + gone)
        if end > len(units):
            raise BadInput(f"Operation {number} reaches beyond the end of the text.", hint=RESYNC)
        units[start:end] = come.encode("utf-16-le", "surrogatepass")
    return units.decode("utf-16-le", "surrogatepass")


def require_text(text: str) -> None:
    """Raises BadInput for half a surrogate pair, which no file can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadInput("The text holds half a character (a lone surrogate).", hint=RESYNC) from None


def line_at(text: str, position: int) -> int:
    """The line, from 1, that a position lies in."""
    if not text.isascii():
        units = text.encode("utf-16-le", "surrogatepass")
        return units[: 2 * position].decode("utf-16-le", "surrogatepass").count("\n") + 1
    return text.count("\n", 0, position) + 1
