"""Figures of one table, drawn by the server, and the reports of its analyses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from cytosol.sdk.aio.http import AsyncHttp
from cytosol.sdk.figures import Figure
from cytosol.sdk.frames import joined

Kind = Literal["density", "dot", "contour", "histogram"]
Format = Literal["png", "svg", "pdf"]


class AsyncPlots:
    """Draws figures of a table and reads its reports; part of `AsyncTable`."""

    _http: AsyncHttp
    _path: str

    async def plot(
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
        return Figure(await self._http.get_bytes(f"{self._path}/plot", **query), format)

    async def heatmap(
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
        return Figure(await self._http.get_bytes(f"{self._path}/heatmap", **query), format)

    async def reports(self) -> list[dict[str, Any]]:
        """The reports of analyses, newest first: id, name, analysis, created_at, facts."""
        items: list[dict[str, Any]] = (await self._http.get(f"{self._path}/reports"))["items"]
        return items

    async def report(self, id: str) -> bytes:
        """A report by its id: a page of HTML with everything in it."""
        return await self._http.get_bytes(f"{self._path}/reports/{id}")


class AsyncStudyPlots:
    """Draws figures of several datasets; part of `AsyncStudy`."""

    _http: AsyncHttp
    id: str

    async def plots(
        self,
        plots: Sequence[Mapping[str, Any]],
        datasets: Sequence[str] | None = None,
        *,
        format: Format = "png",
        **size: Any,
    ) -> Figure:
        """The same plots of several datasets on one sheet: a row for each dataset or group, a column for each plot.

        Parameters
        ----------
        plots : what `AsyncTable.plot` takes, such as ``{"kind": "density", "x": "var:CD4", "y": "var:CD8"}``
        datasets : ids; all that are ready and no controls where None
        size : ``width`` and ``height`` of one plot, ``unit``, ``dpi``; ``group_by``: an annotation whose values are the
            rows, each with the events of all its datasets; ``equal=True``: as many events of each of these
        """
        ids = None if datasets is None else list(datasets)
        body = {"plots": [dict(plot) for plot in plots], "dataset_ids": ids, "format": format, **size}
        return Figure(await self._http.ask_bytes(f"studies/{self.id}/plot-grid", body), format)

    async def heatmap(
        self,
        axes: Sequence[str],
        datasets: Sequence[str] | None = None,
        *,
        population: str = "",
        format: Format = "png",
        **look: Any,
    ) -> Figure:
        """A heatmap of the scaled medians of a population in datasets or groups (rows) on axes (columns).

        Parameters
        ----------
        axes : feature references
        datasets : ids; all that are ready and no controls where None
        population : id; "" = all cells
        look : ``group_by`` and ``equal`` as of `plots`, ``compensation``, ``width``, ``height``, ``unit``, ``dpi``
        """
        ids = None if datasets is None else list(datasets)
        body = {"axes": list(axes), "dataset_ids": ids, "population_id": population or None, "format": format, **look}
        return Figure(await self._http.ask_bytes(f"studies/{self.id}/heatmap", body), format)
