"""Tables as CSV, for R and spreadsheets: one row a cell, its barcode first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Literal

import numpy as np
import pandas as pd
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from cytosol.base.errors import InvalidInputError
from cytosol.base.tables import ColumnData
from cytosol.catalog.tables import Pinned
from cytosol.dialects.native.endpoints import Routes, actor_of, endpoint
from cytosol.dialects.native.routes.tables import Names, Version
from cytosol.dialects.native.translate.features import names_of
from cytosol.dialects.native.wire.common import Id

MEDIA_TYPE = "text/csv"
_TABLE = "/datasets/{dataset_id}/tables/{table}"
_ROWS = 20_000


class TableTextRoutes(Routes):
    """Cells × features as text."""

    tag = "Tables"

    @endpoint("GET", f"{_TABLE}/values.csv", media=MEDIA_TYPE)
    async def get_values_csv(  # noqa: PLR0917 (a query's parameters)
        self,
        request: Request,
        dataset_id: Id,
        table: str,
        features: Names = None,
        unit: Literal["raw", "lognorm"] = "lognorm",
        version: Version = None,
    ) -> Response:
        """Values of some features as CSV: barcode, then one column a feature, named as asked for.

        ``unit=lognorm`` is ln(1 + 10,000 × count / total of the cell).
        """
        pinned = await self._pin(request, dataset_id, table, version)
        names = names_of(features or (), field="features")
        if not names:
            raise InvalidInputError("No feature is named", where="features", do="Name some, as in features=CD3E,CD4")
        found = await self.catalog.tables.values(pinned, features=names, unit=unit)
        dense = found.dense if found.dense is not None else ()
        return await self._answer(pinned, dict(zip(names, dense, strict=True)))

    @endpoint("GET", f"{_TABLE}/columns.csv", media=MEDIA_TYPE)
    async def get_columns_csv(  # noqa: PLR0917 (a query's parameters)
        self, request: Request, dataset_id: Id, table: str, names: Names = None, version: Version = None
    ) -> Response:
        """Annotations as CSV: barcode, then one column an annotation; all where none is named; empty = missing."""
        pinned = await self._pin(request, dataset_id, table, version)
        wanted = names_of(names, field="names") if names else None
        found = await self.catalog.tables.columns(pinned, names=wanted or None)
        return await self._answer(pinned, {name: _readable(column) for name, column in found.items()})

    @endpoint("GET", f"{_TABLE}/embeddings.csv", media=MEDIA_TYPE)
    async def get_embedding_csv(  # noqa: PLR0917 (a query's parameters)
        self, request: Request, dataset_id: Id, table: str, name: str, version: Version = None
    ) -> Response:
        """Coordinates of the cells as CSV: barcode, then columns named 0, 1, …; empty = this cell has no place."""
        pinned = await self._pin(request, dataset_id, table, version)
        points = await self.catalog.tables.embedding(pinned, name=name)
        return await self._answer(pinned, {str(dim): points[:, dim] for dim in range(points.shape[1])})

    async def _pin(self, request: Request, dataset_id: Id, table: str, version: int | None) -> Pinned:
        return await self.catalog.tables.pin(actor_of(request), dataset_id=dataset_id, table=table, version=version)

    async def _answer(self, pinned: Pinned, columns: Mapping[str, np.ndarray | pd.Categorical]) -> Response:
        barcodes = await self.catalog.tables.barcodes(pinned)
        frame = pd.DataFrame(dict(columns), index=pd.Index(barcodes, name="barcode"), copy=False)
        headers = {"cache-control": "private, no-cache"}
        return StreamingResponse(_csv(frame), media_type=MEDIA_TYPE, headers=headers)


async def _csv(frame: pd.DataFrame) -> AsyncIterator[str]:
    """The rows piece by piece; shortest numbers that read back the same."""
    yield await asyncio.to_thread(frame.iloc[:0].to_csv)
    for start in range(0, len(frame), _ROWS):
        yield await asyncio.to_thread(frame.iloc[start : start + _ROWS].to_csv, header=False)


def _readable(column: ColumnData) -> np.ndarray | pd.Categorical:
    if column.categories is None:
        return column.values
    return pd.Categorical.from_codes(column.values, categories=column.categories)
