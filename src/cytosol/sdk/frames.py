"""Columns as pandas, scipy and numpy objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cytosol.base.errors import UnavailableError
from cytosol.sdk.arrow import Column

if TYPE_CHECKING:
    import pandas as pd
    import scipy.sparse as sp


def to_frame(columns: Mapping[str, Column], *, index: np.ndarray | None = None) -> pd.DataFrame:
    """A data frame; a column with categories becomes a pandas Categorical (code -1 = missing)."""
    try:
        import pandas as pd  # half a second to import; not needed to connect
    except ModuleNotFoundError as error:
        raise UnavailableError(
            "Tables need pandas, which is not installed", do="Install it: pip install 'cytosol-sdk[pandas]'"
        ) from error

    data: dict[str, Any] = {}
    for name, column in columns.items():
        categories = column.facts.get("categories")
        if categories is None:
            data[name] = column.values
        else:
            ordered = bool(column.facts.get("ordered", False))
            data[name] = pd.Categorical.from_codes(column.values, categories=categories, ordered=ordered)
    return pd.DataFrame(data, index=index)


def to_csc(columns: Mapping[str, Column], *, shape: tuple[int, int]) -> sp.csc_matrix:
    """A cells × features matrix, float32, from the columns ``cell``, ``feature`` and ``value``, ordered by feature."""
    import scipy.sparse as sp  # half a second to import; not needed to connect

    features = columns["feature"].values
    indptr = np.zeros(shape[1] + 1, dtype=np.int64)
    np.cumsum(np.bincount(features, minlength=shape[1]), out=indptr[1:])
    return sp.csc_matrix((columns["value"].values, columns["cell"].values, indptr), shape=shape)


def joined(names: Sequence[str]) -> str:
    """Names as a list in an address: commas between them, a backslash before a comma that belongs to a name."""
    if isinstance(names, str):
        return names
    return ",".join(name.replace("\\", "\\\\").replace(",", "\\,") for name in names)
