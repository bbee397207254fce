"""What a reader of a vendor file hands over, and what a writer of our store takes.

A matrix travels in blocks, so that a file larger than memory passes through in pieces.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
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
