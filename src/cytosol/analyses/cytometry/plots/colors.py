"""Colours of figures, as the explorer draws them: on white paper, or on the dark paper of a page."""

from __future__ import annotations

import numpy as np

INK, SOFT, LINE, PAPER, MISSING = "#1b1f23", "#5c656d", "#dfe3e6", "#ffffff", "#c3c6cb"
_DARK = {INK: "#e8ebee", SOFT: "#b4bcc4", LINE: "#3a4148", PAPER: "#14171a"}
CATEGORIES = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#c9b800", "#6b6b6b")
"""Okabe and Ito's eight, in the order of the explorer."""
SET_24 = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#c9b800", "#7e57c2", "#8c5a2b", "#5a78b8",
    "#e4572e", "#76b041", "#a05195", "#17a2a2", "#f7a1a1", "#5b7f2f", "#c2185b", "#9ecae1", "#b08d57", "#6a3fd0",
    "#a5d6a7", "#a33a3a", "#b39ddb", "#607d8b",
)  # fmt: skip
"""For up to twenty-four categories."""
_VIRIDIS = ("440154", "482878", "3e4989", "31688e", "26828e", "1f9e89", "35b779", "6ece58", "b5de2b", "fde725")
_DENSITY = ("a9c9e6", "6ea3d3", "3d7ebd", "1f5c9c", "143f73", "0a2343")
"""One hue, the denser the darker; the lightest still stands out from white."""
_STEPS = 256

Rgba = tuple[float, float, float, float]


def rgba(color: str) -> Rgba:
    """Red, green, blue and alpha, each 0 to 1, of ``#rgb``, ``#rgba``, ``#rrggbb`` or ``#rrggbbaa``."""
    digits = color.lstrip("#")
    if len(digits) < 6:
        digits = "".join(2 * digit for digit in digits)
    parts = [int(digits[at : at + 2], 16) / 255 for at in range(0, len(digits), 2)]
    red, green, blue = parts[:3]
    return red, green, blue, parts[3] if len(parts) > 3 else 1.0


def on_dark(color: Rgba | str) -> Rgba | str:
    """What a colour of the paper and of what is written on it becomes on dark paper; those of data stay."""
    if isinstance(color, str):
        return _DARK.get(color, color)
    for light, dark in _DARK.items():
        if color[:3] == rgba(light)[:3]:
            return (*rgba(dark)[:3], color[3])
    return color


def category(number: int, n: int) -> str:
    """The colour of one of n categories."""
    colors = CATEGORIES if n <= len(CATEGORIES) else SET_24
    return colors[number % len(colors)]


def as_rgba(color: np.ndarray) -> Rgba:
    """A colour as a tuple; shape (4,), 0 to 1."""
    red, green, blue, alpha = (float(part) for part in color)
    return red, green, blue, alpha


def viridis() -> np.ndarray:
    """Shape (256, 4), uint8."""
    return _ramp([rgba(step) for step in _VIRIDIS])


def density_ramp(color: str) -> np.ndarray:
    """The colours of a density from thin to dense: shape (256, 4), uint8.

    Parameters
    ----------
    color : its hue, "" = blue; thin is a tint of it and dense a shade
    """
    if not color:
        return _ramp([rgba(step) for step in _DENSITY])
    red, green, blue, alpha = rgba(color)
    base = np.array([red, green, blue])
    steps = [1 - 0.45 * (1 - base), base, 0.35 * base]
    return _ramp([(float(r), float(g), float(b), alpha) for r, g, b in steps])


def _ramp(steps: list[Rgba]) -> np.ndarray:
    table = np.asarray(steps)
    at = np.linspace(0, len(steps) - 1, _STEPS)
    columns = [np.interp(at, np.arange(len(steps)), table[:, part]) for part in range(4)]
    return np.round(255 * np.column_stack(columns)).astype(np.uint8)
