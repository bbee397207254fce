"""The ordinary ``TableSource``, its parts by feature type, and its columns as records."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from cytosol.base.tables import ColumnData, MatrixBlock, MatrixKind, Remainder, TableSource
from cytosol.formats.features import make_unique

DEFAULT_BLOCK_BYTES = 64 << 20
_TYPE_NAMES = {
    "": "rna",
    "gene expression": "rna",
    "rna": "rna",
    "antibody capture": "antibody",
    "antibody": "antibody",
    "protein": "antibody",
    "adt": "antibody",
    "crispr guide capture": "crispr",
    "multiplexing capture": "multiplexing",
}
FEATURE_GROUPS = ("rna", "antibody", "crispr", "multiplexing", "other")


@dataclass(slots=True)
class MatrixTable:
    """A ``TableSource`` made of frames and a function that yields the blocks.

    ``obs.attrs["colors"]`` maps a categorical column to one '#rrggbb' a level, where the file has them;
    ``var.attrs["symbols"]`` lists the feature names before they were made unique.
    """

    obs: pd.DataFrame
    var: pd.DataFrame
    kind: MatrixKind
    make_blocks: Callable[[int], Iterator[MatrixBlock]]
    obsm: Mapping[str, np.ndarray] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    memory_bytes: int = 4 * DEFAULT_BLOCK_BYTES
    on_close: Callable[[], None] | None = None
    remainder: Remainder | None = None

    @property
    def n_cells(self) -> int:
        """Rows of the table."""
        return len(self.obs)

    @property
    def n_features(self) -> int:
        """Columns of the table."""
        return len(self.var)

    def blocks(self, *, block_bytes: int = DEFAULT_BLOCK_BYTES) -> Iterator[MatrixBlock]:
        """The matrix in order, in pieces of about ``block_bytes``."""
        return self.make_blocks(max(1 << 16, block_bytes))

    def close(self) -> None:
        """Let go of open files; may be called more than once."""
        if self.on_close is not None:
            self.on_close()
            self.on_close = None


def feature_groups(var: pd.DataFrame) -> np.ndarray:
    """Which of ``FEATURE_GROUPS`` each feature is of: shape (n_features,), object array of str."""
    return np.array([_TYPE_NAMES.get(text.strip().lower(), "other") for text in var["feature_type"]], dtype=object)


def normalization_of(var: pd.DataFrame, kind: MatrixKind) -> str:
    """How the values of a table are normalised when they are read: "log", "clr" for antibody counts, "" for not."""
    if kind != "counts":
        return ""
    return "clr" if len(var) and (feature_groups(var) == "antibody").all() else "log"


def split_feature_types(source: TableSource) -> dict[str, TableSource]:
    """Cut a table into one table a feature type.

    Parameters
    ----------
    source : a table of features of several types; it is closed when all parts are

    Returns
    -------
    Those of ``rna``, ``antibody``, ``crispr``, ``multiplexing``, ``other`` that occur, in this order. All have the
    same cells; columns of ``obs`` and ``obsm`` go to the first. A source of one type comes back as it is.
    """
    groups = feature_groups(source.var)
    present = [name for name in FEATURE_GROUPS if (groups == name).any()]
    if len(present) == 1:
        return {present[0]: source}
    open_parts = set(present)

    def closer(name: str) -> Callable[[], None]:
        def close() -> None:
            open_parts.discard(name)
            if not open_parts:
                source.close()

        return close

    parts: dict[str, TableSource] = {}
    for name in present:
        columns = np.flatnonzero(groups == name)
        var, changed = _take_features(source.var, columns)
        notes = [f"{len(columns)} of {source.n_features} features are of type {name}.", *source.notes]
        parts[name] = MatrixTable(
            obs=source.obs if name == present[0] else source.obs[[]].copy(),
            var=var,
            kind=source.kind,
            make_blocks=_part_blocks(source, columns),
            obsm=source.obsm if name == present[0] else {},
            notes=notes + ([f"{changed} feature names of type {name} were made unique."] if changed else []),
            memory_bytes=source.memory_bytes,
            on_close=closer(name),
            remainder=source.remainder and source.remainder.cut(columns, is_first=name == present[0]),
        )
    return parts


def _take_features(var: pd.DataFrame, columns: np.ndarray) -> tuple[pd.DataFrame, int]:
    """Rows of ``var`` by position, named anew from the names that the file has."""
    symbols = var.attrs.get("symbols") or list(var.index)
    chosen = [symbols[column] for column in columns]
    part = pd.DataFrame(var.iloc[columns])
    names, changed = make_unique(chosen)
    part.index = pd.Index(names, dtype=object)
    part.attrs = {**var.attrs, "symbols": chosen}
    return part, changed


def _part_blocks(source: TableSource, columns: np.ndarray) -> Callable[[int], Iterator[MatrixBlock]]:
    def blocks(block_bytes: int) -> Iterator[MatrixBlock]:
        for block in source.blocks(block_bytes=block_bytes):
            if block.axis == "cells":
                yield dataclasses.replace(block, values=block.values[:, columns])
                continue
            first, last = np.searchsorted(columns, [block.start, block.start + block.values.shape[1]])
            if last > first:
                yield MatrixBlock(
                    start=int(first), axis="features", values=block.values[:, columns[first:last] - block.start]
                )

    return blocks


def obs_columns(obs: pd.DataFrame) -> dict[str, ColumnData]:
    """Turn ``obs`` of a reader into column records, colours included.

    Returns
    -------
    In the order of the frame; see ``ColumnData`` for the types.
    """
    colors = obs.attrs.get("colors", {})
    return {str(name): _column(obs[name], colors.get(str(name))) for name in obs.columns}


def _column(series: pd.Series, colors: list[str] | None) -> ColumnData:
    if isinstance(series.dtype, pd.CategoricalDtype):
        return ColumnData(
            values=series.cat.codes.to_numpy(dtype=np.int32),
            categories=[str(level) for level in series.cat.categories],
            ordered=bool(series.cat.ordered),
            colors=colors,
        )
    kind = series.dtype.kind
    if kind == "b":
        return ColumnData(values=series.to_numpy(dtype=np.bool_))
    if kind == "i" or (kind == "u" and series.max() <= np.iinfo(np.int64).max):
        return ColumnData(values=series.to_numpy(dtype=np.int64))
    if kind in "uf":
        return ColumnData(values=series.to_numpy(dtype=np.float64))
    missing = series.isna().to_numpy()
    text = np.array([None if gone else str(value) for value, gone in zip(series, missing, strict=True)], dtype=object)
    return ColumnData(values=text)
