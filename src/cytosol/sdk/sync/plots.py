"""Figures of one table, drawn by the server, and the reports of its analyses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from cytosol.sdk.figures import Figure
from cytosol.sdk.frames import joined
from cytosol.sdk.sync.http import Http

Kind = Literal["density", "dot", "contour", "histogram"]
Format = Literal["png", "svg", "pdf"]


class Plots:
    """Draws figures of a table and reads its reports; part of `Table`."""

    _http: Http
    _path: str

    def plot(
        self, kind: Kind, x: str, y: str = "", *, population: str = "", format: Format = "png", **look: Any
    ) -> Figure:
        """A plot of all cells or of a population, with its axes scaled and its gates drawn.

        Parameters
        ----------
        x, y : feature references: ``var:<channel or gene>``, ``obs:<annotation>``, ``obsm:<embedding>:<dim from 0>``; a
            histogram has no y
        population : id; "" = all cells
        look : as the route ``plot`` names them, such as ``width``, ``unit="mm"``, ``dpi``, ``compensation``,
            ``color_by``, ``smoothing``, ``gate_label``, ``post_n``, ``seed``; ``overlays`` is a list of pairs of a
            dataset's and a population's id, "" = that of the plot
        """
        overlays = look.pop("overlays", None)
        if overlays is not None:
            look["overlays"] = ",".join(f"{dataset}/{of_it}" for dataset, of_it in overlays)
        query = {"kind": kind, "x": x, "y": y, "population": population or None, "format": format, **look}
        return Figure(self._http.get_bytes(f"{self._path}/plot", **query), format)

    def heatmap(
        self, axes: Sequence[str], populations: Sequence[str] | None = None, *, format: Format = "png", **look: Any
    ) -> Figure:
        """A heatmap of the scaled medians of populations (rows) on axes (columns).

        Parameters
        ----------
        axes : feature references
        populations : ids, "all" = all cells; all populations of the study where None
        look : ``width``, ``height``, ``unit``, ``dpi``, ``compensation``
        """
        wanted = None if populations is None else ",".join(populations)
        query = {"axes": joined(axes), "populations": wanted, "format": format, **look}
        return Figure(self._http.get_bytes(f"{self._path}/heatmap", **query), format)

    def reports(self) -> list[dict[str, Any]]:
        """The reports of analyses, newest first: id, name, analysis, created_at, facts."""
        items: list[dict[str, Any]] = (self._http.get(f"{self._path}/reports"))["items"]
        return items

    def report(self, id: str) -> bytes:
        """A report by its id: a page of HTML with everything in it."""
        return self._http.get_bytes(f"{self._path}/reports/{id}")
