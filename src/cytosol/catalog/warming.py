"""Loads what plots and gates need before the first one is asked for: matplotlib, and loops that numba compiles."""

from __future__ import annotations

import logging
import threading
from typing import Literal

import numpy as np

from cytosol.analyses.cytometry.compensation import compensate
from cytosol.analyses.cytometry.geometry import inside
from cytosol.analyses.cytometry.plots.figures import draw
from cytosol.analyses.cytometry.plots.spec import Axis, Drawing, GateMark, Layer, PlotStyle
from cytosol.analyses.cytometry.scales import scale_from_json
from cytosol.analyses.cytometry.statistics import CHANNEL_STATISTICS, members, rising, summarize
from cytosol.catalog.context import Context
from cytosol.db import rows, tables
from cytosol.model.studies import CYTOMETRY

_log = logging.getLogger("cytosol.warming")
_KINDS: tuple[Literal["density", "contour", "dot", "histogram"], ...] = ("density", "contour", "dot", "histogram")
_LOGICLE = {"type": "logicle", "t": 262144, "w": 0.5, "m": 4.5, "a": 0}
_ARCSINH = {"type": "arcsinh", "minimum": -200, "maximum": 262144, "cofactor": 150}
_TRIANGLE = {"vertices": [[0, 0], [1, 0], [1, 1]]}
_BOX = {"x1": 0, "x2": 1, "y1": 0, "y2": 1}
_CIRCLE = {"center": [0.5, 0.5], "major": 0.5, "minor": 0.5, "angle": 0}


class Warming:
    """Draws one small plot of each kind, evaluates gates and describes values, once, on a thread of its own."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def is_wanted(self) -> bool:
        """Whether there is something that is plotted: a file of cytometry, or a gate."""
        async with self._context.db.read() as conn:
            live = {"technology": sorted(CYTOMETRY), "deleted_at": None}
            return bool(await rows.count(conn, tables.datasets, live) or await rows.count(conn, tables.gates))

    @staticmethod
    def begin() -> threading.Thread:
        """Start; nobody needs to wait for it, and it does not hold up the end of the process."""
        thread = threading.Thread(target=_warm, name="cytosol-warming", daemon=True)
        thread.start()
        return thread


def _warm() -> None:
    x = np.linspace(-100, 9000, 500, dtype=np.float32)
    axes = Axis("x", scale_from_json(_ARCSINH)), Axis("y", scale_from_json(_LOGICLE))
    marks = (GateMark("polygon", _TRIANGLE, ("a",)),)
    for kind in _KINDS:
        layers = (Layer("a", x, None if kind == "histogram" else x),)
        y = None if kind == "histogram" else axes[1]
        gates = () if kind == "histogram" else marks
        draw(Drawing(kind, axes[0], layers, y, gates=gates, style=PlotStyle(width=200, height=200)))
    for gate, geometry in (("polygon", _TRIANGLE), ("ellipse", _CIRCLE), ("rectangle", _BOX)):
        for n_times in (1, 20):  # many points are looked at by a grid
            inside(gate, geometry, np.tile(x, n_times), np.tile(x, n_times))
    compensate([x, x], np.array([[1, 0.1], [0.1, 1]]))
    summarize(CHANNEL_STATISTICS, members(rising(x), x > 0), 0.5, is_rising=True)
    _log.debug("plots are warm")
