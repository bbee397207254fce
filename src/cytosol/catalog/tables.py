"""Reading a table: features, values, annotations, embeddings, markers, whole matrices; each at one version."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd
import scipy.sparse as sp

from cytosol.analyses.matrix.markers import adjust_p
from cytosol.analyses.matrix.normalization import log_normalize, log_normalize_feature
from cytosol.base.errors import ConflictError, InvalidInputError, LimitExceededError, NotFoundError
from cytosol.base.keys import Key
from cytosol.base.tables import ColumnData
from cytosol.catalog.access import dataset_access, study_access
from cytosol.catalog.context import Context
from cytosol.catalog.feature_tables import FeatureTable, FeatureTables
from cytosol.catalog.indexes import Indexes
from cytosol.catalog.layouts import DatasetLayout, Layouts, TableLayout, dataset_path, lasting_id
from cytosol.catalog.matrix_file import MatrixFile, write_matrix_file
from cytosol.catalog.records import to
from cytosol.db import rows, tables
from cytosol.formats.spatialdata.columns import read_barcodes, read_column, read_embedding, read_features
from cytosol.formats.spatialdata.events import EventColumns, FeatureReader
from cytosol.model.rights import Actor, Permission
from cytosol.model.studies import Dataset, Element

Unit = Literal["raw", "lognorm"]
MAX_DENSE_BYTES = 1 << 30
INLINE_VALUES = 200_000
BLOCK_BYTES = 16 << 20
Feature = str | int


@dataclass(frozen=True, slots=True)
class Pinned:
    """A table at one version of its dataset, open for reading."""

    dataset: Dataset
    layout: DatasetLayout
    part: TableLayout

    @property
    def version(self) -> int:
        """The version of the dataset that is read."""
        return self.layout.version

    @property
    def key(self) -> tuple[Key, str]:
        """What caches call the table; its matrix never changes."""
        return self.part.table.id, self.part.table.path


@dataclass(frozen=True, slots=True)
class FeatureHit:
    """A feature that a search found; ``index`` is its place in the table."""

    index: int
    symbol: str
    feature_id: str
    feature_type: str


@dataclass(frozen=True, slots=True)
class Values:
    """Values of some features.

    Attributes
    ----------
    version : of the dataset
    features : places in the table, in the order asked for
    names : their symbols
    dense : shape (n_features, n_cells), float32, in the unit asked for; None if sparse was asked for
    sparse : shape (n_cells, n_features) CSC, float32; None if dense was asked for
    """

    version: int
    features: list[int]
    names: list[str]
    dense: np.ndarray | None
    sparse: sp.csc_matrix | None


@dataclass(frozen=True, slots=True)
class MarkerTable:
    """Markers of each group of one annotation; arrays of shape (n_groups, n_features), see ``analyses`` for each."""

    version: int
    column: str
    groups: list[str]
    statistics: dict[str, np.ndarray]


def _has_repeats(channels: Sequence[str]) -> bool:
    """Whether channels may have been told apart by numbers, so that the file calls them otherwise."""
    known = set(channels)
    return any(name.rpartition("-")[0] in known for name in channels if name[-1:].isdigit())


class Tables:
    """The verbs that read tables. All need the permission to read data."""

    def __init__(self, context: Context, layouts: Layouts) -> None:
        self._context = context
        self._layouts = layouts
        self._indexes = Indexes(context)
        self._feature_tables = FeatureTables(context.compute)

    async def pin(self, actor: Actor, *, dataset_id: Key, table: str = "", version: int | None = None) -> Pinned:
        """Fix the version that is read; None = the newest. ``table`` "" is the main one.

        Raises
        ------
        NotFoundError
            Where there is no such dataset, version or table.
        ConflictError
            While the dataset is being made.
        """
        async with self._context.db.read() as conn:
            dataset, _ = await dataset_access(conn, actor, dataset_id, Permission.DATA_READ)
            layout = await self._layouts.get(conn, dataset, version, viewer=actor.user_id)
        if not dataset.data_version:
            raise ConflictError("The dataset is being made", do="Wait until its job has succeeded")
        return Pinned(dataset, layout, layout.table(table))

    async def pin_study(self, actor: Actor, *, study_id: Key) -> Pinned:
        """The main table of a study: that of its first published dataset.

        Raises
        ------
        NotFoundError
            Where there is no such study, or nothing of it is published.
        """
        ready = {"study_id": study_id, "state": "published", "deleted_at": None, "data_version": rows.Above(0)}
        async with self._context.db.read() as conn:
            await study_access(conn, actor, study_id, Permission.DATA_READ)
            row = await rows.first(conn, tables.datasets, ready, order=("position", "id"))
            if row is None:
                raise NotFoundError("There is no such study, or it is not shared with you")
            dataset = to(Dataset, row)
            layout = await self._layouts.get(conn, dataset, viewer=actor.user_id)
        return Pinned(dataset, layout, layout.table(""))

    async def search(self, pinned: Pinned, *, text: str = "", limit: int = 50) -> list[FeatureHit]:
        """Features whose symbol or id contains the text, whatever the case: equal ones first, then by prefix."""
        known = await self.feature_table(pinned)
        places = (await self._context.compute.run(known.containing, text))[: max(0, limit)]
        return [self._hit(known.frame, place) for place in places]

    @staticmethod
    def _hit(frame: pd.DataFrame, place: int) -> FeatureHit:
        ids, types = frame["feature_id"], frame["feature_type"]
        return FeatureHit(place, str(frame.index[place]), str(ids.iat[place]), str(types.iat[place]))

    async def feature_table(self, pinned: Pinned) -> FeatureTable:
        """All features."""
        known = self._feature_tables.held(pinned.key)
        if known is not None:
            return known
        channels = [str(entry["channel"]) for entry in pinned.dataset.panel]
        if channels and len(channels) == pinned.part.table.meta["n_features"] and not _has_repeats(channels):
            return self._feature_tables.of_channels(pinned.key, channels)
        return await self._feature_tables.get(pinned.key, lambda: self.read_frame(pinned))

    def read_frame(self, pinned: Pinned) -> pd.DataFrame:
        """All features, for threads: indexed by symbol, with feature_id, feature_type and genome; not kept."""
        return read_features(self._root(pinned), pinned.part.table.path)

    def index_of(self, pinned: Pinned) -> FeatureReader:
        """The feature-major index, for threads."""
        return self._indexes.open(pinned.layout, pinned.part)

    def read_column(self, pinned: Pinned, path: str) -> ColumnData:
        """One annotation by its path, for threads; not kept."""
        return read_column(self._root(pinned), pinned.part.table.path, path)

    async def barcodes(self, pinned: Pinned) -> np.ndarray:
        """Names of the cells: shape (n_cells,), object array of str, unique."""
        return await self._context.compute.cached(
            ("barcodes", pinned.key), lambda: read_barcodes(self._root(pinned), pinned.part.table.path)
        )

    async def places(self, pinned: Pinned, features: Sequence[Feature]) -> list[int]:
        """Places of features given by symbol, by id, or by place.

        Raises
        ------
        NotFoundError
            Names those that are not in the table.
        """
        known = await self.feature_table(pinned)
        found: list[int] = []
        missing: list[Feature] = []
        for feature in features:
            if isinstance(feature, str):
                place = known.place(feature)
            else:
                place = feature if 0 <= feature < len(known.frame) else -1
            if place >= 0:
                found.append(place)
            else:
                missing.append(feature)
        if missing:
            shown = ", ".join(str(name)[:64] for name in missing[:10]) + (" …" if len(missing) > 10 else "")
            raise NotFoundError(
                f"{len(missing)} of {len(features)} features are not in this table: {shown}",
                do="Search for them; symbols and ids are compared letter by letter",
                missing=[str(name)[:64] for name in missing[:100]],
            )
        return found

    async def values(
        self,
        pinned: Pinned,
        *,
        features: Sequence[Feature],
        unit: Unit = "lognorm",
        layout: Literal["dense", "sparse"] = "dense",
    ) -> Values:
        """Values of some features of all cells.

        Parameters
        ----------
        features : symbols, ids or places; none in a sparse layout = all
        unit : "raw" = as stored; "lognorm" = ln(1 + 10,000 × count / total of the cell); of antibodies CLR; of events
            both are the values of the file

        Raises
        ------
        LimitExceededError
            Where a dense answer would be too large.
        ConflictError
            Where counts are wanted of a table that holds normalised values only.
        """
        check_unit(pinned, unit)
        if not features and layout == "sparse":
            places = list(range(int(pinned.part.table.meta["n_features"])))
        else:
            places = await self.places(pinned, features)
        known = await self.feature_table(pinned)
        names = [str(known.frame.index[place]) for place in places]
        if layout == "sparse":
            matrix = await self._context.compute.run(self.read_sparse, pinned, places, unit)
            return Values(pinned.version, places, names, None, matrix)
        if 4 * len(places) * pinned.part.n_cells > MAX_DENSE_BYTES:
            raise LimitExceededError(
                f"{len(places):,} features of {pinned.part.n_cells:,} cells are too much for a dense answer",
                do="Ask for fewer features, or for the sparse layout",
                setting="dense-answer",
            )
        index = self._indexes.known(pinned.part)
        if index is not None and int(index.counts[places].sum()) <= INLINE_VALUES and self._indexes.local:
            # cheaper than handing it to a thread
            return Values(pinned.version, places, names, self._dense(pinned, places, unit), None)
        dense = await self._context.compute.run(self._dense, pinned, places, unit)
        return Values(pinned.version, places, names, dense, None)

    def _dense(self, pinned: Pinned, places: list[int], unit: Unit) -> np.ndarray:
        index = self._indexes.open(pinned.layout, pinned.part)
        if isinstance(index, EventColumns):
            return np.array(index.columns(places), np.float32).reshape(len(places), index.n_cells)
        out = np.zeros((len(places), index.n_cells), np.float32)
        normalise = unit == "lognorm" and pinned.part.table.meta["kind"] == "counts"
        if len(places) == 1:
            cells, values = index.feature(places[0])
            out[0, cells] = log_normalize_feature(values, cells, index.totals) if normalise else values
            return out
        matrix = index.features(places)
        values = log_normalize_feature(matrix.data, matrix.indices, index.totals) if normalise else matrix.data
        ends = matrix.indptr.tolist()
        for row, (first, last) in enumerate(pairwise(ends)):
            out[row, matrix.indices[first:last]] = values[first:last]
        return out

    def read_sparse(self, pinned: Pinned, places: list[int], unit: Unit) -> sp.csc_matrix:
        """Values of some features, shape (n_cells, n_places) CSC, float32; blocks, so call it on a thread."""
        index = self._indexes.open(pinned.layout, pinned.part)
        matrix = index.features(places)
        return self._in_unit(pinned, matrix, index.totals, unit)

    @staticmethod
    def _in_unit(pinned: Pinned, matrix: sp.csc_matrix, totals: np.ndarray, unit: Unit) -> sp.csc_matrix:
        if unit == "raw" or pinned.part.table.meta["kind"] != "counts":
            return matrix
        return log_normalize(matrix, totals)

    async def matrix_blocks(
        self, pinned: Pinned, *, unit: Unit = "lognorm", block_bytes: int = BLOCK_BYTES
    ) -> AsyncIterator[tuple[int, sp.csc_matrix]]:
        """The whole matrix, feature by feature: pairs of the first feature and a block (n_cells, n) CSC, float32."""
        check_unit(pinned, unit)
        index = await self._context.compute.run(self._indexes.open, pinned.layout, pinned.part)
        blocks = index.blocks(block_bytes)

        def following() -> tuple[int, sp.csc_matrix] | None:
            step = next(blocks, None)
            return None if step is None else (step[0], self._in_unit(pinned, step[1], index.totals, unit))

        while (block := await self._context.compute.run(following)) is not None:
            yield block

    async def matrix_file(self, pinned: Pinned, *, unit: Unit = "lognorm") -> MatrixFile:
        """The whole matrix as a temporary HDF5 file: data, indices, indptr and shape of cells × features, CSC."""
        meta = pinned.part.table.meta
        shape = pinned.part.n_cells, int(meta["n_features"])
        return await write_matrix_file(self._context, self.matrix_blocks(pinned, unit=unit), shape, int(meta["nnz"]))

    async def column(self, pinned: Pinned, name: str) -> ColumnData:
        """One annotation."""
        return await self._column(pinned, pinned.part.column(name))

    async def columns(self, pinned: Pinned, *, names: Sequence[str] | None = None) -> dict[str, ColumnData]:
        """Annotations by name; None = all, in their order."""
        chosen = pinned.part.columns if names is None else [pinned.part.column(name) for name in names]
        return {element.name: await self._column(pinned, element) for element in chosen}

    async def _column(self, pinned: Pinned, element: Element) -> ColumnData:
        return await self._context.compute.cached(
            ("column", pinned.key, element.path),
            lambda: read_column(self._root(pinned), pinned.part.table.path, element.path),
        )

    async def embedding(self, pinned: Pinned, *, name: str) -> np.ndarray:
        """Coordinates: shape (n_cells, n_dims), float32; NaN = this cell has no place."""
        element = pinned.part.embedding(name)
        return await self._context.compute.cached(
            ("embedding", pinned.key, element.path),
            lambda: read_embedding(self._root(pinned), pinned.part.table.path, element.path),
        )

    async def markers(self, pinned: Pinned, *, column: str = "") -> MarkerTable:
        """Marker genes of the groups of an annotation, the newest; "" = of the first annotation that has them."""
        found = [element for element in pinned.part.results if element.kind == "markers"]
        if not column and found:
            column = found[0].meta["column"]
        ids = {lasting_id(element).hex24: element.name for element in pinned.part.columns}
        for element in reversed(found):
            # renamed since; in a copy of the dataset columns have other ids, but the names of then
            if ids.get(element.meta.get("column_id", ""), element.meta["column"]) == column:
                read = partial(self._read_markers, element.path)
                held = await self._context.compute.cached(("markers", element.id), read)
                return MarkerTable(pinned.version, column, list(element.meta["groups"]), held)
        raise NotFoundError(
            "No markers were computed for this annotation", where=column, do="Run the analysis 'markers' on it first"
        )

    def _read_markers(self, path: str) -> dict[str, np.ndarray]:
        from scipy.special import ndtr  # loads in a thread; few queries need it

        with self._context.blobs.source(path, "markers.npz").open() as file:
            data = file.read()
        with np.load(io.BytesIO(data), allow_pickle=False) as held:
            statistics = {name: held[name] for name in held.files}
        statistics["p"] = np.minimum(2 * ndtr(-np.abs(statistics["z"])), 1.0)
        statistics["p_adjusted"] = adjust_p(statistics["p"])
        return statistics

    def open_index(self, pinned: Pinned) -> FeatureReader:
        """The feature-major index, for jobs; made again where it is lost."""
        return self._indexes.open(pinned.layout, pinned.part)

    def _root(self, pinned: Pinned) -> Any:
        return self._context.blobs.zarr(dataset_path(pinned.dataset.bytes_id), read_only=True)


def check_unit(pinned: Pinned, unit: str) -> None:
    """Refuse a unit that does not exist, or that the table cannot give.

    Raises
    ------
    ConflictError
        Where counts are wanted of a table that holds normalised values only.
    """
    if unit not in ("raw", "lognorm"):
        raise InvalidInputError(f"'{unit[:32]}' is no unit", where="unit", do="Use raw or lognorm")
    if unit == "raw" and pinned.part.table.meta["kind"] == "normalized":
        raise ConflictError("This table holds normalised values only, no counts", do="Ask for lognorm")
