"""Cells of populations with their channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.sdk.frames import joined, to_frame
from cytosol.sdk.sync.http import Http

if TYPE_CHECKING:
    import anndata
    import pandas as pd

MAX_AXES = 500
"""So many the server gives at once."""


class Events:
    """Reads events; part of `Dataset`."""

    _http: Http
    id: str
    study_id: str
    tables: list[dict[str, Any]]

    def events(
        self,
        axes: Sequence[str] | None = None,
        *,
        population: str = "",
        compensation: str = "own",
        scale: bool = False,
        n: int | None = None,
        seed: float = 0,
        table: str = "",
    ) -> pd.DataFrame:
        """Values of axes for the cells of a population, one float32 column each, indexed by row number.

        Parameters
        ----------
        axes : feature references: ``var:<channel or gene>``, ``obs:<annotation>``, ``obsm:<embedding>:<dim from 0>``;
            all channels, by their names, where None
        population : name, unique name or id; "" = all cells
        compensation : none; internal = that of the file; own = what the dataset says; or the id of one
        scale : whether values are limited and scaled by the study's scales
        n, seed : at most so many cells, drawn at random
        """
        name = table or self.tables[0]["name"]
        path = f"datasets/{self.id}/tables/{name}"
        wanted = axes
        if wanted is None:
            known = to_frame(self._http.get_columns(f"{path}/features.arrow"))["symbol"]
            if len(known) > MAX_AXES:
                raise InvalidInputError(
                    f"The table '{name}' has {len(known):,} features, too many to give all of them",
                    where="axes",
                    do="Name axes, such as ['var:CD3E'], or take table.matrix()",
                )
            wanted = [f"var:{channel}" for channel in known]
        query = {
            "axes": joined(wanted), "compensation": compensation, "scaled": scale, "n": n, "seed": seed,
            "population": self._population(population),
        }  # fmt: skip
        frame = to_frame(self._http.get_columns(f"{path}/events", **query)).set_index("row")
        return frame.rename(columns=lambda axis: axis.removeprefix("var:")) if axes is None else frame

    def events_anndata(self, axes: Sequence[str] | None = None, **how: Any) -> anndata.AnnData:
        """The same as AnnData: cells × axes, ``obs_names`` = row numbers; see ``events`` for the choices."""
        import anndata  # takes seconds to import; needed here only

        frame = self.events(axes, **how)
        frame.index = frame.index.astype(str)
        frame.index.name = None
        return anndata.AnnData(frame)

    def _population(self, name: str) -> str | None:
        """The id of a population by name, unique name or id; None = all cells."""
        if not name:
            return None
        page = self._http.get(f"studies/{self.study_id}/populations")
        for key in ("id", "unique_name", "name"):
            for one in page["items"]:
                if one[key] == name:
                    return str(one["id"])
        raise NotFoundError(f"The study has no population '{name}'", do="See study.populations.tree()")
