"""Comparisons and markers as JSON and columns."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from cytosol.base.times import to_rfc3339
from cytosol.catalog.comparisons import ComparisonView
from cytosol.catalog.tables import MarkerTable

_STATISTICS = ("z", "p", "p_adjusted", "log2_fold_change", "share_in", "share_out", "mean_in", "mean_out")


def comparison_json(view: ComparisonView) -> dict[str, Any]:
    """A comparison, without its columns."""
    said = ("method", "first", "second", "n_first", "n_second", "parameters", "notes")
    return {
        "id": view.id.hex(),
        "created_at": to_rfc3339(view.created_at),
        "name": view.name,
        **{name: view.meta[name] for name in said},
    }


def marker_columns(held: MarkerTable, features: pd.DataFrame, *, limit: int) -> dict[str, Any]:
    """The best markers of each group, group by group, best first.

    Parameters
    ----------
    features : of the table, indexed by symbol
    limit : rows a group at most
    """
    z = held.statistics["z"]
    n = min(limit, z.shape[1])
    best = np.argsort(-z, axis=1, kind="stable")[:, :n]
    rows = np.repeat(np.arange(len(held.groups)), n)
    places = best.ravel()
    columns: dict[str, Any] = {
        "group": np.array(held.groups, object)[rows],
        "feature": features.index.to_numpy(object)[places],
        "feature_id": features["feature_id"].to_numpy(object)[places],
    }
    return columns | {name: held.statistics[name][rows, places].astype(np.float64) for name in _STATISTICS}


def attachment(name: str, suffix: str) -> dict[str, str]:
    """Headers of a file that a browser saves under a name of any letters."""
    plain = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_ ") else "_" for letter in name)
    spelled = quote(f"{name}.{suffix}", safe="")
    return {"content-disposition": f"attachment; filename=\"{plain[:100]}.{suffix}\"; filename*=UTF-8''{spelled}"}
