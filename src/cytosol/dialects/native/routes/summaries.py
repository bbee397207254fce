"""Numbers behind figures, as Arrow: features summarised by groups of cells, and their densities."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from cytosol.analyses.matrix.densities import DensityParams
from cytosol.analyses.matrix.summaries import QUANTILES, SummaryParams
from cytosol.base.errors import InvalidInputError
from cytosol.catalog.group_summaries import ATTRIBUTE, Grouping, Summary, Violins
from cytosol.catalog.tables import Pinned
from cytosol.dialects.native.arrow import MEDIA_TYPE, arrow_answer
from cytosol.dialects.native.conditions import etag, is_known
from cytosol.dialects.native.endpoints import Routes, actor_of, endpoint
from cytosol.dialects.native.translate.features import names_of
from cytosol.dialects.native.wire.analyses import SummaryRequest, ViolinRequest
from cytosol.dialects.native.wire.common import Id

_TABLE = "/datasets/{dataset_id}/tables/{table}"
_By = Annotated[
    str,
    Query(max_length=1000, description="An annotation, or attribute:NAME of an attribute of the samples; none = all"),
]
_UNKEPT = {"cache-control": "no-store"}
_Unit = Literal["raw", "lognorm"]
_Version = Annotated[int | None, Query(ge=0, description="data_version to read; none = the newest")]


class SummaryRoutes(Routes):
    """Groups of cells."""

    tag = "Tables"

    @endpoint("GET", f"{_TABLE}/summary.arrow", media=MEDIA_TYPE)
    async def get_summary(  # noqa: PLR0913, PLR0917 (a query's parameters)
        self,
        request: Request,
        dataset_id: Id,
        table: str,
        features: Annotated[list[str], Query(description="Symbols or ids, separated by commas")],
        group_by: _By = "",
        split_by: _By = "",
        unit: _Unit = "lognorm",
        threshold: float = 0.0,
        version: _Version = None,
    ) -> Response:
        """Features in groups of cells: feature, group, split, n, mean, share, q0, q25, q50, q75, q100.

        One row for each feature and group that has cells, features in the order asked for. ``n``: cells with a value;
        ``mean`` and the quantiles are over all of them, zeros included; ``share`` of 1: cells whose value is above the
        threshold. ``group`` and ``split`` are levels of the two annotations; ``split`` is empty where nothing splits.
        """
        names = names_of(features, field="features")
        if not names:
            raise InvalidInputError("No feature is named", where="features", do="Name some, as in features=CD3E,CD4")
        pinned, grouping = await self._group(request, (dataset_id, table), by=(group_by, split_by), version=version)
        headers = _headers(pinned, grouping, (group_by, split_by), version)
        if is_known(request, headers["etag"]):
            return Response(status_code=304, headers=headers)
        found = await self.catalog.group_summaries.summary(
            pinned, grouping, features=names, unit=unit, params=SummaryParams(threshold=threshold)
        )
        return await arrow_answer(await asyncio.to_thread(_summary_columns, found), headers=headers)

    @endpoint("GET", f"{_TABLE}/violins.arrow", media=MEDIA_TYPE)
    async def get_violins(  # noqa: PLR0913, PLR0917 (a query's parameters)
        self,
        request: Request,
        dataset_id: Id,
        table: str,
        feature: str,
        group_by: _By = "",
        split_by: _By = "",
        unit: _Unit = "lognorm",
        bandwidth: float = 1.0,
        n_points: int = 100,
        version: _Version = None,
    ) -> Response:
        """Densities of a feature in groups of cells: feature, group, split, n, bandwidth, value, density.

        ``n_points`` rows a group, from its lowest to its highest value. Gaussian kernels over all cells of the group,
        zeros included; ``bandwidth`` multiplies Scott's. Where all values are equal, the bandwidth is 0 and the
        density NaN.
        """
        params = DensityParams(bandwidth=bandwidth, n_points=n_points)
        pinned, grouping = await self._group(request, (dataset_id, table), by=(group_by, split_by), version=version)
        headers = _headers(pinned, grouping, (group_by, split_by), version)
        if is_known(request, headers["etag"]):
            return Response(status_code=304, headers=headers)
        found = await self.catalog.group_summaries.violins(pinned, grouping, feature=feature, unit=unit, params=params)
        return await arrow_answer(await asyncio.to_thread(_violin_columns, found), headers=headers)

    @endpoint("POST", f"{_TABLE}/summary.arrow", media=MEDIA_TYPE)
    async def query_summary(self, request: Request, dataset_id: Id, table: str, body: SummaryRequest) -> Response:
        """Features in groups of some cells: as from GET, of the cells of a selection only.

        ``selection`` is said as in POST …/analyses. Nothing is changed: it needs the right to read.
        """
        if not body.features:
            raise InvalidInputError("No feature is named", where="features", do="Name some, as in ['CD3E', 'CD4']")
        pinned, grouping = await self._group(
            request,
            (dataset_id, table),
            by=(body.group_by, body.split_by),
            version=body.version,
            selection=body.selection,
        )
        found = await self.catalog.group_summaries.summary(
            pinned,
            grouping,
            features=body.features,
            unit=body.unit,
            params=SummaryParams(threshold=body.threshold),
        )
        return await arrow_answer(await asyncio.to_thread(_summary_columns, found), headers=_UNKEPT)

    @endpoint("POST", f"{_TABLE}/violins.arrow", media=MEDIA_TYPE)
    async def query_violins(self, request: Request, dataset_id: Id, table: str, body: ViolinRequest) -> Response:
        """Densities of a feature in groups of some cells: as from GET, of the cells of a selection only.

        ``selection`` is said as in POST …/analyses. Nothing is changed: it needs the right to read.
        """
        params = DensityParams(bandwidth=body.bandwidth, n_points=body.n_points)
        pinned, grouping = await self._group(
            request,
            (dataset_id, table),
            by=(body.group_by, body.split_by),
            version=body.version,
            selection=body.selection,
        )
        found = await self.catalog.group_summaries.violins(
            pinned, grouping, feature=body.feature, unit=body.unit, params=params
        )
        return await arrow_answer(await asyncio.to_thread(_violin_columns, found), headers=_UNKEPT)

    async def _group(
        self,
        request: Request,
        place: tuple[Id, str],
        *,
        by: tuple[str, str],
        version: int | None,
        selection: Any = None,
    ) -> tuple[Pinned, Grouping]:
        pinned = await self.catalog.tables.pin(actor_of(request), dataset_id=place[0], table=place[1], version=version)
        return pinned, await self.catalog.group_summaries.grouping(
            pinned, group_by=by[0], split_by=by[1], selection=selection
        )


def _headers(pinned: Pinned, grouping: Grouping, by: tuple[str, str], asked: int | None) -> dict[str, str]:
    """A named version never changes, but attributes of samples are no part of it."""
    if any(name.startswith(ATTRIBUTE) for name in by):
        return {"etag": f'"{pinned.version}-{grouping.digest}"', "cache-control": "private, no-cache"}
    cache = "private, no-cache" if asked is None else "private, max-age=31536000, immutable"
    return {"etag": etag(pinned.version), "cache-control": cache}


def _summary_columns(found: Summary) -> dict[str, Any]:
    values = found.values
    feature, group = np.nonzero(values.n)
    columns: dict[str, Any] = {
        "feature": [found.features[place] for place in feature],
        "group": [found.grouping.groups[place] for place in group],
        "split": [found.grouping.splits[place] for place in group],
        "n": values.n[feature, group],
        "mean": values.mean[feature, group],
        "share": values.share[feature, group],
    }
    for place, quantile in enumerate(QUANTILES):
        columns[f"q{100 * quantile:.0f}"] = values.quantiles[feature, group, place]
    return columns


def _violin_columns(found: Violins) -> dict[str, Any]:
    values = found.values
    n_points = values.points.shape[1]
    there = np.flatnonzero(values.n)
    group = np.repeat(there, n_points)
    return {
        "feature": [found.feature] * len(group),
        "group": [found.grouping.groups[place] for place in group],
        "split": [found.grouping.splits[place] for place in group],
        "n": values.n[group],
        "bandwidth": values.bandwidth[group],
        "value": values.points[there].ravel(),
        "density": values.density[there].ravel(),
    }
