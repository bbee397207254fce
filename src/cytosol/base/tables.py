"""What a reader of a vendor file hands over, and what a writer of our store takes.

A matrix travels in blocks, so that a file larger than memory passes through in pieces.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
import scipy.sparse as sp

MatrixKind = Literal["counts", "normalized"]
"""Whether the values of a matrix are raw counts or already log-normalised."""


@dataclass(frozen=True, slots=True)
class MatrixBlock:
    """Some consecutive rows of a cells × features matrix, or some consecutive columns.

    Attributes
    ----------
    start : first cell (axis "cells") or first feature (axis "features") of the block
    axis : which axis is cut into blocks
    values : shape (n_block, n_features) CSR for axis "cells"; shape (n_cells, n_block) CSC for axis "features";
        float32, or the smallest unsigned integer that holds all counts; indices sorted, no duplicates, no stored zeros
    """

    start: int
    axis: Literal["cells", "features"]
    values: sp.csr_matrix | sp.csc_matrix


@dataclass(frozen=True, slots=True)
class Kept:
    """What was kept of a file beyond its table.

    Attributes
    ----------
    parts : for a log, such as 'layers spliced, unspliced'
    notes : one sentence for each part that was left out
    """

    parts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Remainder(Protocol):
    """What a file holds beyond its table; kept as a file of its own, so that exports give it back."""

    @property
    def slot(self) -> str:
        """The matrix of the file that became the table."""
        ...

    def cut(self, features: np.ndarray, *, is_first: bool) -> Remainder:
        """The same for some features by place; ``is_first`` = what belongs to the cells goes with this table."""
        ...

    def write(self, path: Path, keep: np.ndarray | None) -> Kept:
        """Write the file; ``keep`` has shape (n_cells,), bool, the cells that the table keeps; None = all."""
        ...


class TableSource(Protocol):
    """A cells × features table read from a file, lazily.

    ``obs`` is indexed by barcode, ``var`` by feature symbol, both made unique; ``var`` has the text columns
    ``feature_id``, ``feature_type`` and ``genome`` ("" where the file does not say).
    """

    @property
    def n_cells(self) -> int: ...
    @property
    def n_features(self) -> int: ...
    @property
    def obs(self) -> pd.DataFrame: ...
    @property
    def var(self) -> pd.DataFrame: ...
    @property
    def obsm(self) -> Mapping[str, np.ndarray]: ...
    @property
    def kind(self) -> MatrixKind: ...
    @property
    def notes(self) -> list[str]:
        """What was detected or mended while reading, one sentence each (orientation, names made unique)."""
        ...

    @property
    def remainder(self) -> Remainder | None:
        """What the file holds beyond the table; None = nothing that could be kept."""
        ...

    @property
    def memory_bytes(self) -> int:
        """Estimate of the memory that ``blocks`` needs at once."""
        ...

    def blocks(self, *, block_bytes: int) -> Iterator[MatrixBlock]:
        """The matrix in order, each block of about ``block_bytes`` in memory; may be called more than once."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ColumnData:
    """One column of ``obs``.

    Attributes
    ----------
    values : shape (n_cells,); float64/int64/bool for numeric, int32 codes into ``categories`` for categorical
        (-1 = missing), object array of str (None = missing) for text; NaN = missing for floats
    categories : the levels in their order; None for a column that is not categorical
    ordered : whether the order of the levels means something
    colors : one '#rrggbb' a level, or None
    """

    values: np.ndarray
    categories: list[str] | None = None
    ordered: bool = False
    colors: list[str] | None = None
    extra: dict[str, Any] = field(default_factory=dict)
