"""Figures of one table, drawn by the server, and the reports of its analyses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from cytosol.sdk.aio.http import AsyncHttp
from cytosol.sdk.aio.names import Named, dataset_ids, population_id
from cytosol.sdk.figures import Figure, Kind
from cytosol.sdk.frames import joined
from cytosol.sdk.names import ALL, axes_of, axis_of, several

Format = Literal["png", "svg", "pdf"]


class AsyncPlots:
    """Draws figures of a table and reads its reports; part of `AsyncTable`."""

    _http: AsyncHttp
    _path: str

    async def plot(
        self, kind: Kind, x: str, y: str = "", *, population: Named = "", format: Format = "png", **look: Any
    ) -> Figure:
        """A plot of all cells or of a population, with its axes scaled and its gates drawn.

        Parameters
        ----------
        x, y : channels or genes by name, ``obs:<annotation>``, ``obsm:<embedding>:<dim from 0>``; a histogram has no y
        population : name, unique name or id; "" = all cells
        look : as the route ``plot`` names them, such as ``width``, ``unit="mm"``, ``dpi``, ``compensation``,
            ``color_by``, ``smoothing``, ``gate_label``, ``post_n``, ``seed``; ``overlays`` is a list of pairs of a
            dataset's id and a population, "" = that of the plot
        """
        overlays = look.pop("overlays", None)
        if overlays is not None:
            ids = [(dataset, await population_id(self._http, of_it, path=self._path)) for dataset, of_it in overlays]
            look["overlays"] = ",".join(f"{dataset}/{of_it or ''}" for dataset, of_it in ids)
        if "color_by" in look:
            look["color_by"] = axis_of(look["color_by"])
        of = await population_id(self._http, population, path=self._path)
        query = {"kind": kind, "x": axis_of(x), "y": axis_of(y), "population": of, "format": format, **look}
        return Figure(await self._http.get_bytes(f"{self._path}/plot", **query), format)

    async def heatmap(
        self,
        axes: Sequence[str],
        populations: Named | Sequence[Named] | None = None,
        *,
        format: Format = "png",
        **look: Any,
    ) -> Figure:
        """A heatmap of the scaled medians of populations (rows) on axes (columns).

        Parameters
        ----------
        axes : channels or genes by name, or feature references
        populations : names or ids, "all" = all cells; all populations of the study where None
        look : ``width``, ``height``, ``unit``, ``dpi``, ``compensation``
        """
        wanted = None
        if populations is not None:
            ids = [await population_id(self._http, name, path=self._path) for name in several(populations)]
            wanted = ",".join(id or ALL for id in ids)
        query = {"axes": joined(axes_of(axes)), "populations": wanted, "format": format, **look}
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
        datasets: Named | Sequence[Named] | None = None,
        *,
        format: Format = "png",
        **size: Any,
    ) -> Figure:
        """The same plots of several datasets on one sheet: a row for each dataset or group, a column for each plot.

        Parameters
        ----------
        plots : what `AsyncTable.plot` takes, such as ``{"kind": "density", "x": "var:CD4", "y": "var:CD8"}``
        datasets : ids or names; all that are ready and no controls where None
        size : ``width`` and ``height`` of one plot, ``unit``, ``dpi``; ``group_by``: an annotation whose values are the
            rows, each with the events of all its datasets; ``equal=True``: as many events of each of these
        """
        ids = await dataset_ids(self._http, self.id, datasets)
        body = {"plots": [await self._spec(plot) for plot in plots], "dataset_ids": ids, "format": format, **size}
        return Figure(await self._http.ask_bytes(f"studies/{self.id}/plot-grid", body), format)

    async def heatmap(
        self,
        axes: Sequence[str],
        datasets: Named | Sequence[Named] | None = None,
        *,
        population: Named = "",
        format: Format = "png",
        **look: Any,
    ) -> Figure:
        """A heatmap of the scaled medians of a population in datasets or groups (rows) on axes (columns).

        Parameters
        ----------
        axes : channels or genes by name, or feature references
        datasets : ids or names; all that are ready and no controls where None
        population : name, unique name or id; "" = all cells
        look : ``group_by`` and ``equal`` as of `plots`, ``compensation``, ``width``, ``height``, ``unit``, ``dpi``
        """
        ids = await dataset_ids(self._http, self.id, datasets)
        of = await population_id(self._http, population, study_id=self.id)
        body = {"axes": axes_of(axes), "dataset_ids": ids, "population_id": of, "format": format, **look}
        return Figure(await self._http.ask_bytes(f"studies/{self.id}/heatmap", body), format)

    async def _spec(self, plot: Mapping[str, Any]) -> dict[str, Any]:
        """A plot as the server takes it."""
        said = {name: axis_of(value) if name in ("x", "y", "color_by") else value for name, value in plot.items()}
        if "population" in said:
            said["population"] = await population_id(self._http, said["population"], study_id=self.id)
        return said
