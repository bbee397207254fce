"""Cells of populations with their channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cytosol.base.errors import InvalidInputError
from cytosol.sdk.aio.http import AsyncHttp
from cytosol.sdk.aio.names import Named, population_id
from cytosol.sdk.frames import joined, to_frame
from cytosol.sdk.names import axes_of

if TYPE_CHECKING:
    import anndata
    import pandas as pd

MAX_AXES = 500
"""So many the server gives at once."""


class AsyncEvents:
    """Reads events; part of `AsyncDataset`."""

    _http: AsyncHttp
    id: str
    study_id: str
    tables: list[dict[str, Any]]

    async def events(
        self,
        axes: Sequence[str] | None = None,
        *,
        population: Named = "",
        compensation: str = "own",
        scale: bool = False,
        n: int | None = None,
        seed: float = 0,
        table: str = "",
    ) -> pd.DataFrame:
        """Values of axes for the cells of a population, one float32 column each, indexed by row number.

        Parameters
        ----------
        axes : channels or genes by name, ``obs:<annotation>``, ``obsm:<embedding>:<dim from 0>``; None = all channels
        population : name, unique name or id; "" = all cells
        compensation : none; internal = that of the file; own = what the dataset says; or the id of one
        scale : whether values are limited and scaled by the study's scales
        n, seed : at most so many cells, drawn at random
        """
        name = table or self.tables[0]["name"]
        path = f"datasets/{self.id}/tables/{name}"
        is_all = axes is None
        if axes is None:
            known = to_frame(await self._http.get_columns(f"{path}/features.arrow"))["symbol"]
            if len(known) > MAX_AXES:
                raise InvalidInputError(
                    f"The table '{name}' has {len(known):,} features, too many to give all of them",
                    where="axes",
                    do="Name axes, such as ['var:CD3E'], or take table.matrix()",
                )
            axes = [str(channel) for channel in known]
        named = [axes] if isinstance(axes, str) else list(axes)
        wanted = [f"var:{name}" for name in named] if is_all else axes_of(named)
        query = {
            "axes": joined(wanted), "compensation": compensation, "scaled": scale, "n": n, "seed": seed,
            "population": await population_id(self._http, population, study_id=self.study_id),
        }  # fmt: skip
        frame = to_frame(await self._http.get_columns(f"{path}/events", **query)).set_index("row")
        return frame.rename(columns=dict(zip(wanted, named, strict=True)))

    async def events_anndata(self, axes: Sequence[str] | None = None, **how: Any) -> anndata.AnnData:
        """The same as AnnData: cells × axes, ``obs_names`` = row numbers; see ``events`` for the choices."""
        import anndata  # takes seconds to import; needed here only

        frame = await self.events(axes, **how)
        frame.index = frame.index.astype(str)
        frame.index.name = None
        return anndata.AnnData(frame)
