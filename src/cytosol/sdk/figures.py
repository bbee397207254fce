"""A figure that the server drew."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Kind = Literal["density", "dot", "contour", "histogram"]
_MEDIA = {"png": "image/png", "svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Figure:
    """The bytes of a PNG, SVG or PDF; a notebook shows the first two.

    Attributes
    ----------
    data : the file
    format : "png", "svg" or "pdf"
    """

    data: bytes
    format: str

    def save(self, path: str | Path) -> Path:
        """Write the file; gives its path."""
        place = Path(path)
        place.write_bytes(self.data)
        return place

    def _repr_mimebundle_(self, **_chosen: Any) -> dict[str, Any]:
        """What a notebook shows."""
        if self.format == "png":
            return {"image/png": self.data}
        if self.format == "svg":
            return {"image/svg+xml": self.data.decode()}
        return {"text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"Figure({self.format}, {len(self.data):,} bytes)"
