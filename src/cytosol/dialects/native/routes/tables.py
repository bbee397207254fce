"""Reading tables: features, values, annotations, embeddings; bulk data as Arrow."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any, Literal

import numpy as np
import scipy.sparse as sp
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from cytosol.base.errors import InvalidInputError
from cytosol.base.tables import ColumnData
from cytosol.catalog.tables import Pinned
from cytosol.dialects.native.answers import list_answer
from cytosol.dialects.native.arrow import MEDIA_TYPE, arrow_answer, arrow_stream
from cytosol.dialects.native.conditions import etag, is_known
from cytosol.dialects.native.endpoints import Routes, actor_of, endpoint
from cytosol.dialects.native.translate.datasets import feature_json
from cytosol.dialects.native.translate.features import ALL, names_of
from cytosol.dialects.native.wire.common import Id, Page
from cytosol.dialects.native.wire.datasets import FeatureRecord

Version = Annotated[int | None, Query(ge=0, description="data_version to read; none = the newest")]
Names = Annotated[
    list[str] | None, Query(description="Names, separated by commas; a backslash before a comma that belongs to a name")
]
_TABLE = "/datasets/{dataset_id}/tables/{table}"


class TableRoutes(Routes):
    """Cells × features."""

    tag = "Tables"

    @endpoint("GET", f"{_TABLE}/values", media=MEDIA_TYPE)
    async def get_values(  # noqa: PLR0917 (a query's parameters)
        self,
        request: Request,
        dataset_id: Id,
        table: str,
        features: Names = None,
        unit: Literal["raw", "lognorm"] = "lognorm",
        layout: Literal["dense", "sparse"] = "dense",
        version: Version = None,
    ) -> Response:
        """Values of some features of all cells.

        ``unit=lognorm`` is ln(1 + 10,000 × count / total of the cell). ``layout=dense``: one float32 column a feature,
        named as asked for. ``layout=sparse``: cell (int32), feature (int32, place in the request), value (float32),
        ordered by feature; ``features=*`` = all of them, which only the sparse layout gives.
        """
        pinned = await self._pin(request, dataset_id, table, version)
        headers = _headers(pinned, version)
        if is_known(request, headers["etag"]):
            return Response(status_code=304, headers=headers)
        if features == [ALL]:
            if layout != "sparse":
                raise InvalidInputError("All features come in the sparse layout only", where="layout")
            batches = _triplets(self.catalog.tables.matrix_blocks(pinned, unit=unit))
            return StreamingResponse(arrow_stream(batches), media_type=MEDIA_TYPE, headers=headers)
        names = names_of(features or (), field="features")
        if not names:
            raise InvalidInputError("No feature is named", where="features", do="Name some, as in features=CD3E,CD4")
        found = await self.catalog.tables.values(pinned, features=names, unit=unit, layout=layout)
        if found.dense is not None:
            facts = {name: {"symbol": symbol} for name, symbol in zip(names, found.names, strict=True)}
            columns = dict(zip(names, found.dense, strict=True))
            return await arrow_answer(columns, metadata=facts, headers=headers)
        return await arrow_answer(_triplet(0, sp.csc_matrix(found.sparse)), headers=headers)

    @endpoint("GET", f"{_TABLE}/features", gives=Page[FeatureRecord])
    async def search_features(  # noqa: PLR0917 (a query's parameters)
        self,
        request: Request,
        dataset_id: Id,
        table: str,
        search: str = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    ) -> Response:
        """Search features by symbol or id: equal ones first, then by prefix, then those that contain the text."""
        pinned = await self._pin(request, dataset_id, table, None)
        return list_answer(await self.catalog.tables.search(pinned, text=search, limit=limit), feature_json)

    @endpoint("GET", f"{_TABLE}/features.arrow", media=MEDIA_TYPE)
    async def get_features(self, request: Request, dataset_id: Id, table: str, version: Version = None) -> Response:
        """All features: symbol, feature_id, feature_type, genome."""
        pinned = await self._pin(request, dataset_id, table, version)
        headers = _headers(pinned, version)
        if is_known(request, headers["etag"]):
            return Response(status_code=304, headers=headers)
        frame = (await self.catalog.tables.feature_table(pinned)).frame
        columns: dict[str, Any] = {"symbol": frame.index.to_numpy(object)}
        for name in ("feature_id", "feature_type", "genome"):
            columns[name] = frame[name].to_numpy(object) if name in frame else [""] * len(frame)
        return await arrow_answer(columns, headers=headers)

    @endpoint("GET", f"{_TABLE}/barcodes.arrow", media=MEDIA_TYPE)
    async def get_barcodes(self, request: Request, dataset_id: Id, table: str, version: Version = None) -> Response:
        """The names of the cells, in order: barcode."""
        pinned = await self._pin(request, dataset_id, table, version)
        headers = _headers(pinned, version)
        if is_known(request, headers["etag"]):
            return Response(status_code=304, headers=headers)
        return await arrow_answer({"barcode": await self.catalog.tables.barcodes(pinned)}, headers=headers)

    @endpoint("GET", f"{_TABLE}/columns.arrow", media=MEDIA_TYPE)
    async def get_columns(  # noqa: PLR0917 (a query's parameters)
        self, request: Request, dataset_id: Id, table: str, names: Names = None, version: Version = None
    ) -> Response:
        """Annotations by name; all where none is named.

        The metadata of each field says its kind. Categorical: int32 codes (-1 = missing) with categories, colors and
        ordered in the metadata; numeric: float64 (NaN = missing); text: utf8.
        """
        pinned = await self._pin(request, dataset_id, table, version)
        headers = _headers(pinned, version)
        if is_known(request, headers["etag"]):
            return Response(status_code=304, headers=headers)
        wanted = names_of(names, field="names") if names else None
        found = await self.catalog.tables.columns(pinned, names=wanted or None)
        columns = {name: _values_of(column) for name, column in found.items()}
        facts = {name: _facts_of(column) for name, column in found.items()}
        return await arrow_answer(columns, metadata=facts, headers=headers)

    @endpoint("GET", f"{_TABLE}/embeddings.arrow", media=MEDIA_TYPE)
    async def get_embedding(  # noqa: PLR0917 (a query's parameters)
        self, request: Request, dataset_id: Id, table: str, name: str, version: Version = None
    ) -> Response:
        """Coordinates of the cells: float32 columns named 0, 1, …; NaN = this cell has no place."""
        pinned = await self._pin(request, dataset_id, table, version)
        headers = _headers(pinned, version)
        if is_known(request, headers["etag"]):
            return Response(status_code=304, headers=headers)
        points = await self.catalog.tables.embedding(pinned, name=name)
        columns = {str(dim): points[:, dim].astype(np.float32) for dim in range(points.shape[1])}
        return await arrow_answer(columns, headers=headers)

    async def _pin(self, request: Request, dataset_id: Id, table: str, version: int | None) -> Pinned:
        return await self.catalog.tables.pin(actor_of(request), dataset_id=dataset_id, table=table, version=version)


def _headers(pinned: Pinned, asked: int | None) -> dict[str, str]:
    """A named version never changes; the newest is asked for again each time."""
    cache = "private, no-cache" if asked is None else "private, max-age=31536000, immutable"
    return {"etag": etag(pinned.version), "cache-control": cache}


def _triplet(first: int, block: sp.csc_matrix) -> Mapping[str, np.ndarray]:
    """A block of features as cell, feature, value; ``first`` is the place of its first feature."""
    features = np.repeat(np.arange(first, first + block.shape[1], dtype=np.int32), np.diff(block.indptr))
    return {
        "cell": block.indices.astype(np.int32, copy=False),
        "feature": features,
        "value": block.data.astype(np.float32, copy=False),
    }


async def _triplets(blocks: AsyncIterator[tuple[int, sp.csc_matrix]]) -> AsyncIterator[Mapping[str, np.ndarray]]:
    none = True
    async for first, block in blocks:
        none = False
        yield _triplet(first, block)
    if none:
        yield _triplet(0, sp.csc_matrix((0, 0), dtype=np.float32))


def _values_of(column: ColumnData) -> np.ndarray:
    if column.categories is not None:
        return column.values.astype(np.int32, copy=False)
    if column.values.dtype == object:
        return column.values
    return column.values.astype(np.float64)


def _facts_of(column: ColumnData) -> dict[str, Any]:
    if column.categories is not None:
        return {
            "kind": "categorical",
            "categories": column.categories,
            "colors": column.colors,
            "ordered": column.ordered,
        }
    return {"kind": "text" if column.values.dtype == object else "numeric"}
