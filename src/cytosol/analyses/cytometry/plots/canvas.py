"""A sheet to draw on, in pixels from the lower left; becomes a PNG, SVG or PDF.

The drawing itself is matplotlib's, without its axes: they would cost more time than everything else. Importing this
loads matplotlib: import it inside functions.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from itertools import count
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.transforms import Affine2D, Bbox, TransformedBbox
from PIL import Image

from cytosol.analyses.cytometry.plots.colors import PAPER, Rgba, on_dark
from cytosol.analyses.cytometry.plots.spec import Format

FONT = "DejaVu Sans"
_LOCK = threading.Lock()
"""matplotlib's fonts and settings belong to the whole process."""
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none", "svg.hashsalt": "cytosol", "svg.image_inline": True, "pdf.fonttype": 42,
    "pdf.compression": 6, "image.composite_image": False,
}  # fmt: skip
_WIDTHS = {" ": 0.32, ".": 0.32, ",": 0.32, "-": 0.36, "i": 0.28, "l": 0.28, "m": 0.97, "w": 0.82, "%": 0.95}
_SUPERSCRIPTS = frozenset("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺")

Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, bottom, right, top."""


def text_width(text: str, size: float) -> float:
    """About how wide a text is, in the unit of its size."""
    total = sum(0.4 if c in _SUPERSCRIPTS else _WIDTHS.get(c, 0.68 if c.isupper() else 0.62) for c in text)
    return size * total


class _Picture(Artist):
    """An image whose pixels are those of the sheet."""

    def __init__(self, at: Point, pixels: np.ndarray, place: Any) -> None:
        super().__init__()
        self._at, self._pixels, self._place = at, pixels, place

    def draw(self, renderer: Any) -> None:
        """Lay it down unchanged."""
        x, y = self._place.transform(self._at)
        gc = renderer.new_gc()
        renderer.draw_image(gc, x, y, self._pixels)
        gc.restore()


class Canvas:
    """A sheet.

    Parameters
    ----------
    width, height : pixels
    dpi : pixels per inch
    dark : whether it is dark; what is drawn in the colours of ink and paper follows
    """

    def __init__(self, width: int, height: int, dpi: float, *, dark: bool = False) -> None:
        self.width, self.height = width, height
        self._dpi, self.dark = dpi, dark
        paper = self._shown(PAPER)
        # a hair more, or rounding makes the sheet a pixel smaller
        self._figure = Figure(figsize=((width + 1e-6) / dpi, (height + 1e-6) / dpi), dpi=dpi, facecolor=paper)
        self._place = Affine2D().scale(1 / dpi) + self._figure.dpi_scale_trans
        self._points = 72 / dpi
        self._order = count(1)

    def part(self, at: Point, width: int, height: int) -> Canvas:
        """A part of the sheet, in pixels from its own lower left, which lies at a point of this one."""
        part = object.__new__(Canvas)
        part.width, part.height = width, height
        part._figure, part._dpi, part._points, part._order = self._figure, self._dpi, self._points, self._order
        part.dark = self.dark
        part._place = Affine2D().translate(*at) + self._place
        return part

    def _shown(self, color: Rgba | str) -> Rgba | str:
        return on_dark(color) if self.dark else color

    def _add(self, artist: Artist, clip: Box | None) -> None:
        artist.set_zorder(next(self._order))
        self._figure.add_artist(artist)
        artist.set_clip_path(None)
        if clip is not None:
            artist.set_clip_box(TransformedBbox(Bbox.from_extents(*clip), self._place))

    def shape(
        self,
        outlines: Sequence[np.ndarray],
        *,
        fill: Rgba | str = "none",
        stroke: Rgba | str = "none",
        width: float = 1,
        closed: bool = True,
        clip: Box | None = None,
    ) -> None:
        """Outlines of shape (n, 2) each, as one path; closed ones can be filled."""
        if not outlines:
            return
        paths = [_outline(points, closed) for points in outlines if len(points) > 1]
        if not paths:
            return
        whole = Path.make_compound_path(*paths)
        whole.should_simplify = False
        patch = PathPatch(
            whole, facecolor=self._shown(fill), edgecolor=self._shown(stroke), linewidth=width * self._points,
            transform=self._place, joinstyle="round",
        )  # fmt: skip
        self._add(patch, clip)

    def text(
        self,
        at: Point,
        text: str,
        size: float,
        *,
        color: Rgba | str = "black",
        across: Literal["left", "center", "right"] = "left",
        up: Literal["bottom", "center", "top", "baseline"] = "center",
        upright: bool = False,
    ) -> None:
        """A text; ``across`` and ``up`` say which part of it lies at the point.

        Parameters
        ----------
        size : pixels
        upright : whether it runs from below to above
        """
        shown = self._figure.text(
            *at, text, transform=self._place, color=self._shown(color), fontsize=size * self._points, family=FONT,
            ha=across, va=up, rotation=90 if upright else 0,
            rotation_mode="anchor" if upright else "default", parse_math=False, linespacing=1.15,
        )  # fmt: skip
        shown.set_zorder(next(self._order))

    def image(self, at: Point, pixels: np.ndarray) -> None:
        """A picture whose lower left corner lies at a point.

        Parameters
        ----------
        pixels : shape (height, width, 4), uint8; rows upwards
        """
        self._add(_Picture(at, np.ascontiguousarray(pixels), self._place), None)

    def encode(self, format: Format) -> bytes:
        """The bytes of the file; the same for the same drawing."""
        out = io.BytesIO()
        if format == "png":
            with _LOCK:
                canvas: Any = FigureCanvasAgg(self._figure)
                canvas.draw()
                pixels = np.asarray(canvas.buffer_rgba())[: self.height, : self.width, :3].copy()
            Image.fromarray(pixels).save(out, "png", dpi=(self._dpi, self._dpi), compress_level=2)
            return out.getvalue()
        told = {"Date": None} if format == "svg" else {"CreationDate": None}
        # the names in an SVG are made of printed numbers, and how numpy prints is the caller's own
        with _LOCK, mpl.rc_context(_SETTINGS), np.printoptions(legacy=False):
            self._figure.savefig(out, format=format, dpi=self._dpi, metadata={**told, "Creator": "Cytosol"})
        return out.getvalue()


def _outline(points: np.ndarray, closed: bool) -> Path:
    if not closed:
        return Path(points)
    return Path(np.concatenate([points, points[:1]]), closed=True)
