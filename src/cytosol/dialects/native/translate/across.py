"""Answers of queries over all studies as they are spelled."""

from __future__ import annotations

from typing import Any

import numpy as np

from cytosol.catalog.across import Expression, TableSums
from cytosol.catalog.study_search import GeneHit, StudyHit

NUMBERS = ("sum", "mean", "rate", "count", "total")
_TEXTS = ("gene", "study_id", "study", "dataset_id", "cell_type")


def expression_columns(found: Expression) -> dict[str, Any]:
    """One row for each gene, table and group that has a name; groups that differ in other annotations are joined."""
    texts: dict[str, list[str]] = {name: [] for name in _TEXTS}
    numbers: list[np.ndarray] = []
    names = [gene.name for gene in found.genes]
    for table in found.tables:
        groups, totals, counts, sums = joined_groups(table)
        for number, name in enumerate(names):
            if not table.measured[number] or not groups:
                continue
            n_groups = len(groups)
            texts["gene"] += [name] * n_groups
            texts["study_id"] += [table.source.study.id.hex24] * n_groups
            texts["study"] += [table.source.study.name] * n_groups
            texts["dataset_id"] += [table.source.pinned.dataset.id.hex24] * n_groups
            texts["cell_type"] += groups
            numbers.append(np.stack([sums[number], counts[number], totals]))
    sums, counts, totals = np.concatenate(numbers, axis=1) if numbers else np.zeros((3, 0))
    mean = np.divide(sums, counts, out=np.zeros(len(sums)), where=counts > 0)
    rate = np.divide(counts, totals, out=np.zeros(len(sums)), where=totals > 0)
    values = (sums, mean, rate, counts.astype(np.int64), totals.astype(np.int64))
    return {**texts, **dict(zip(NUMBERS, values, strict=True))}


def joined_groups(table: TableSums) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Groups with the same first value as one: names, cells, expressing cells and sums; unnamed cells are left out."""
    names = list(dict.fromkeys(group[0] for group in table.groups if group[0] is not None))
    if len(names) == len(table.groups):  # nothing to join
        return names, table.totals, table.counts, table.sums
    place = {name: number for number, name in enumerate(names)}
    into = np.zeros((len(table.groups), len(names)))
    for number, group in enumerate(table.groups):
        if group[0] is not None:
            into[number, place[group[0]]] = 1
    named = [number for number, group in enumerate(table.groups) if group[0] is not None]
    into = into[named]
    return names, table.totals[named] @ into, table.counts[:, named] @ into, table.sums[:, named] @ into


def expression_facts(found: Expression) -> dict[str, Any]:
    """What is said about the names that were asked for."""
    return {
        "lost": found.lost,
        "ambiguous": found.ambiguous,
        "missing": {name: [id.hex24 for id in dict.fromkeys(ids)] for name, ids in found.missing.items()},
        "named": {gene.asked: gene.name for gene in found.genes},
    }


def study_hit_json(hit: StudyHit) -> dict[str, Any]:
    """A study that was found."""
    study = hit.study
    return {
        "study_id": study.id.hex24,
        "name": study.name,
        "display_id": study.display_id,
        "species": study.species,
        "n_cells": hit.n_cells,
        "reasons": [{"where": reason.where, "values": list(reason.values)} for reason in hit.reasons],
    }


def gene_json(hit: GeneHit) -> dict[str, Any]:
    """A gene that was found."""
    return {
        "id": hit.gene.id,
        "symbol": hit.gene.symbol,
        "aliases": list(hit.gene.others),
        "n_studies": hit.n_studies,
    }
