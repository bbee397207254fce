"""The words of bioflex and ours: databases, studies, metadata, sums of cell types."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from cytosol.asgi.encoding import base64_array
from cytosol.base.errors import InvalidInputError
from cytosol.base.tables import ColumnData
from cytosol.catalog.across import Expression
from cytosol.catalog.level_terms import label_of
from cytosol.model.studies import Element, Study

VERSION = 1
"""The one version of every database: what is readable now."""
UNASSIGNED = "Unassigned"
MAX_CATEGORIES = 65_536
NUMERIC, CATEGORY = 0, 1


def database_id(species: str) -> str:
    """The id of the database of a species: 32 hex digits, the same on every server."""
    return hashlib.blake2b(f"cytosol database {species}".encode(), digest_size=16).hexdigest()


def database_item(species: str) -> dict[str, Any]:
    """A database as the client lists it."""
    return {"id": database_id(species), "name": f"Cytosol {species}", "species": species, "version": VERSION}


def fields_of(columns: Sequence[Element]) -> list[Element]:
    """The annotations that the client can take: those that have not too many categories."""
    return [column for column in columns if int(column.meta.get("n_categories") or 0) < MAX_CATEGORIES]


def study_item(study: Study, columns: Sequence[Element]) -> dict[str, Any]:
    """A study as the client reads it; a text annotation counts as a category."""
    return {
        "id": study.id.hex32,
        "hash_id": study.display_id or study.id.hex32,
        "title": study.name,
        "authors": list(study.authors),
        "reference": str(study.extra.get("reference", "")),
        "metalist": [
            {
                "id": column.position,
                "name": column.name,
                "type": NUMERIC if column.meta.get("kind") == "numeric" else CATEGORY,
            }
            for column in fields_of(columns)
        ],
    }


def metadata_item(name: str, column: ColumnData) -> dict[str, Any]:
    """An annotation of all cells; a cell without a category is in 'Unassigned', as the client knows no missing one.

    Raises
    ------
    InvalidInputError
        Where there are more categories than the client's 16 bits can number.
    """
    if column.categories is None and column.values.dtype != object:
        return {"name": name, "type": NUMERIC, "metadata_values": base64_array(column.values, "<f4")}
    if column.categories is None:
        codes, levels = pd.factorize(column.values)
        names = [str(level) for level in levels]
    else:
        codes, names = column.values.astype(np.int64), list(column.categories)
    if (codes < 0).any():
        if UNASSIGNED not in names:
            names.append(UNASSIGNED)
        codes = np.where(codes < 0, names.index(UNASSIGNED), codes)
    if len(names) > MAX_CATEGORIES:
        raise InvalidInputError(
            f"'{name}' has {len(names):,} categories; this client takes {MAX_CATEGORIES:,}",
            do="Read it with client.study(...).dataset().table().obs()",
        )
    return {
        "name": name,
        "type": CATEGORY,
        "metadata_values": base64_array(codes, "<u2"),
        "cluster_names": names,
        "cluster_lengths": np.bincount(codes, minlength=len(names)).tolist(),
    }


def summary_items(found: Expression) -> dict[str, list[dict[str, Any]]]:
    """For each gene one row a cell type over all tables, by name.

    ``total`` counts the cells of the type in the whole database, also those of studies that do not measure the gene.
    """
    totals: dict[str, int] = {}
    counts: dict[str, np.ndarray] = {}
    sums: dict[str, np.ndarray] = {}
    nothing = np.zeros(len(found.genes))
    for table in found.tables:
        for number, group in enumerate(table.groups):
            if group[0] is None:
                continue
            name = label_of(table.source, group[0])
            totals[name] = totals.get(name, 0) + int(table.totals[number])
            counts[name] = counts.get(name, nothing) + table.counts[:, number]
            sums[name] = sums.get(name, nothing) + np.nan_to_num(table.sums[:, number])
    names = sorted(totals, key=str.casefold)
    return {
        gene.asked: [_summary(name, sums[name][place], counts[name][place], totals[name]) for name in names]
        for place, gene in enumerate(found.genes)
    }


def _summary(name: str, total_sum: float, count: float, total: int) -> dict[str, Any]:
    return {
        "name": name,
        "sum": float(total_sum),
        "mean": float(total_sum / count) if count else 0.0,
        "rate": float(count / total) if total else 0.0,
        "count": float(count),
        "total": total,
    }
