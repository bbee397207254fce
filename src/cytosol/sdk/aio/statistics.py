"""Statistics of the populations of a study, computed and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cytosol.sdk.aio.gating import AsyncPopulations, Records, write_small
from cytosol.sdk.aio.http import AsyncHttp
from cytosol.sdk.aio.names import Named, dataset_ids, population_id
from cytosol.sdk.frames import to_frame
from cytosol.sdk.names import axes_of, several
from cytosol.sdk.records import Record

if TYPE_CHECKING:
    import pandas as pd

Layout = Literal["medium", "tall", "wide", "prism"]
SavedFormat = Literal["csv", "tsv", "xlsx", "parquet"]
Beads = tuple[str, float, float]


class AsyncStatistics:
    """Computes statistics; part of `AsyncStudy`."""

    _http: AsyncHttp
    id: str

    async def statistics(  # noqa: PLR0913 (each is a choice of the user)
        self,
        statistics: str | Sequence[str] = ("event_count", "percent"),
        axes: str | Sequence[str] = (),
        *,
        formulas: Mapping[str, str] | None = None,
        populations: Named | Sequence[Named] | None = None,
        datasets: Named | Sequence[Named] | None = None,
        q: float | None = None,
        percent_of: str | Sequence[str] = ("parent",),
        beads: Beads | None = None,
        compensation: str = "own",
        annotations: bool = False,
        layout: Layout = "medium",
        table: str = "",
    ) -> pd.DataFrame:
        """Statistics of populations, one row a dataset, population and axis.

        Parameters
        ----------
        statistics : mean, median, quantile, mad, geometric_mean, cv, stddev, event_count, percent, events_per_ul
        axes : channels or genes by name, or feature references; values are compensated, never scaled.
            ``reagent:CD3`` is in each dataset the channel that carries the reagent
        formulas : name of a column → formula, such as ``{"ratio": "median(CD4) / median(CD8)"}``
        populations : names or ids, "all" = all cells; None = all cells and all populations
        datasets : ids or names; None = all that are ready and no controls
        percent_of : parent, grandparent, total, or names of populations
        beads : population of counting beads, beads in each tube, and µL of sample in each tube; None = events per µL
            are of the volume that the file says was measured
        compensation : none, internal, own, or the id of one
        annotations : whether columns tell what datasets and samples are annotated with
        layout : medium; tall = one row a value; wide = one row a dataset; prism = one column a dataset

        Returns
        -------
        Without values where a dataset lacks a channel or reagent: the column ``note``, which is there where there is
        something to say, tells why.
        """
        body = await self._request(statistics, axes, populations, percent_of=percent_of, beads=beads) | {
            "formulas": dict(formulas or {}),
            "dataset_ids": await dataset_ids(self._http, self.id, datasets),
            "q": q,
            "compensation": compensation,
            "annotations": annotations,
            "layout": layout,
            "table": table,
            "format": "arrow",
        }
        return to_frame(await self._http.post_columns(f"studies/{self.id}/statistics", body))

    async def save_statistics(
        self,
        name: str,
        statistics: str | Sequence[str] = ("event_count", "percent"),
        axes: str | Sequence[str] = (),
        *,
        format: SavedFormat = "csv",
        **asked: Any,
    ) -> Record:
        """Compute a table of statistics and keep it in the study as a file; its numbers stay as they are now.

        Parameters
        ----------
        name : without the ending
        asked : as `statistics` takes it
        """
        populations, percent_of = asked.pop("populations", None), asked.pop("percent_of", ("parent",))
        if "datasets" in asked:
            asked["dataset_ids"] = await dataset_ids(self._http, self.id, asked.pop("datasets"))
        body = await self._request(
            statistics, axes, populations, percent_of=percent_of, beads=asked.pop("beads", None)
        ) | {**asked, "name": name, "format": format}
        return Record(await self._http.post(f"studies/{self.id}/statistics-exports", body))

    async def saved_statistics(self) -> Records:
        """The tables of statistics that were kept, newest first; ``statistics`` tells what was asked for."""
        return [Record(item) for item in (await self._http.get(f"studies/{self.id}/statistics-exports"))["items"]]

    async def download_statistics(self, saved: Record, path: str | Path) -> Path:
        """Write a kept table to a file."""
        place = Path(path)
        write_small(place, await self._http.get_bytes(f"attachments/{saved.id}/data"))
        return place

    async def delete_statistics(self, saved: Record) -> None:
        """Delete a kept table for good."""
        await self._http.change("DELETE", f"attachments/{saved.id}", version=saved.version)

    async def _request(
        self,
        statistics: str | Sequence[str],
        axes: str | Sequence[str],
        populations: Named | Sequence[Named] | None,
        *,
        percent_of: str | Sequence[str],
        beads: Beads | None,
    ) -> dict[str, Any]:
        """What the server is asked for, with populations by id."""
        study = AsyncPopulations(self._http, self.id)
        ids: list[str | None] = [None, *(one.id for one in await study.list())]
        if populations is not None:
            ids = [await population_id(self._http, name, study_id=self.id) for name in several(populations)]
        words = ("parent", "grandparent", "total")
        body: dict[str, Any] = {
            "statistics": [statistics] if isinstance(statistics, str) else list(statistics),
            "axes": axes_of(axes),
            "population_ids": ids,
            "percent_of": [of if of in words else (await study.get(of)).id for of in several(percent_of)],
        }
        if beads is not None:
            name, n_added, volume_ul = beads
            body["beads"] = {
                "population_id": (await study.get(name)).id,
                "n_added": n_added,
                "volume_ul": volume_ul,
            }
        return body
