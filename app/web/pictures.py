"""The pictures of a verdict, in the order in which they are shown.

What a picture shows is part of the verdict: it is seen where the verdict is, and nowhere else. A broken
property comes before the one that is always drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.web.heatmap import Heatmap, attention_map, heatmap
from app.web.norms import Norms, norms
from app.web.reach import Reach, reach

Picture = Heatmap | Reach | Norms


def pictures(properties: Sequence[Mapping[str, Any]]) -> tuple[Picture, ...]:
    """Those that there are numbers for."""
    seen, *others = heatmap(properties), attention_map(properties), norms(properties), reach(properties)
    broken = any(entry["name"] == "causal" and entry["status"] == "broken" for entry in properties)
    ordered = (seen, *others) if broken else (*others, seen)
    return tuple(picture for picture in ordered if picture is not None)
