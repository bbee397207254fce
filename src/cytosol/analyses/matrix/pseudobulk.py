"""Differential expression between replicates: counts are added up per replicate, and DESeq2's model is fitted."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from cytosol.analyses.matrix.comparison import Comparison, Moments, summarised
from cytosol.base.errors import InvalidInputError
from cytosol.base.tables import ColumnData, MatrixBlock

MIN_REPLICATES = 2
CONDITION = "first"
_SIDES = ("first", "second")


@dataclass(frozen=True, slots=True)
class Bulks:
    """Counts added up per replicate and set of cells.

    Attributes
    ----------
    counts : shape (n_bulks, n_features), int64
    replicate : name of each bulk's replicate
    is_first : shape (n_bulks,), bool, whether it is of the first set
    n_cells : shape (n_bulks,), int64
    """

    counts: np.ndarray
    replicate: list[str]
    is_first: np.ndarray
    n_cells: np.ndarray


@dataclass(frozen=True, slots=True)
class Plan:
    """Which cells make which bulk, and the design of the model.

    Attributes
    ----------
    codes : shape (n_cells,), int32, the bulk of each cell, -1 = none
    replicate, is_first, n_cells : of each bulk
    design : shape (n_bulks, n_terms), the columns of the model; that of the comparison is called "first"
    notes : what was left out
    """

    codes: np.ndarray
    replicate: list[str]
    is_first: np.ndarray
    n_cells: np.ndarray
    design: pd.DataFrame
    notes: list[str] = field(default_factory=list)


def plan_bulks(
    labels: np.ndarray,
    replicate: ColumnData,
    *,
    covariates: Mapping[str, ColumnData],
    paired: bool = False,
    min_cells: int = 10,
) -> Plan:
    """Decide on bulks and design, or refuse where the replicates do not allow the test.

    Parameters
    ----------
    labels : shape (n_cells,), integer; 0 = first set, 1 = second, -1 = neither
    replicate : categories of the cells
    covariates : by name; categories have to be the same within each bulk, numbers are averaged over its cells
    paired : whether the replicate is part of the design; those that are on one side only are left out then
    min_cells : bulks of fewer cells are left out

    Raises
    ------
    InvalidInputError
        Says how many replicates there are, or which covariate cannot be used.
    """
    names = replicate.categories or []
    codes = np.where((labels >= 0) & (replicate.values >= 0), 2 * replicate.values + labels, -1).astype(np.int32)
    sizes = np.bincount(codes[codes >= 0], minlength=2 * len(names))
    notes = []
    lost = int(((labels >= 0) & (codes < 0)).sum())
    if lost:
        notes.append(f"{lost:,} cells of the selections have no replicate and were left out")
    small = np.flatnonzero((sizes > 0) & (sizes < min_cells))
    if len(small):
        shown = ", ".join(f"{names[code // 2]} ({_SIDES[code % 2]}: {sizes[code]})" for code in small[:10])
        notes.append(f"Replicates with fewer than {min_cells} cells were left out: {shown}")
    kept = np.flatnonzero(sizes >= min_cells)
    both = sorted(set(kept[kept % 2 == 0] // 2) & set(kept[kept % 2 == 1] // 2))
    if paired:
        kept = np.array([code for code in kept if code // 2 in both], np.int64)
    elif both:
        notes.append(f"{len(both)} replicates are in both selections; 'paired' compares each with itself")
    _check_replicates(kept, names, sizes, paired=paired, min_cells=min_cells)
    number = np.full(2 * len(names) + 1, -1, np.int32)
    number[kept] = np.arange(len(kept))
    codes = number[codes]
    of = [names[code // 2] for code in kept]
    is_first = kept % 2 == 0
    design = _design(of, is_first, {n: _bulk_values(n, c, codes, of) for n, c in covariates.items()}, paired=paired)
    return Plan(codes, of, is_first, sizes[kept], design, notes)


def _check_replicates(
    kept: np.ndarray, names: Sequence[str], sizes: np.ndarray, *, paired: bool, min_cells: int
) -> None:
    for side, name in enumerate(_SIDES):
        n = int((kept % 2 == side).sum())
        if n < MIN_REPLICATES:
            there = int((sizes[side::2] > 0).sum())
            of = "in both selections" if paired else f"in the {name} selection"
            raise InvalidInputError(
                f"Pseudobulk needs at least {MIN_REPLICATES} replicates with {min_cells} or more cells {of}; there "
                f"{'is' if n == 1 else 'are'} {n} (of {there} with any cell of the {name})",
                where="replicate",
                do="Choose what tells individuals apart, lower min_cells, or use wilcoxon, which tests cells",
            )


def _bulk_values(name: str, column: ColumnData, codes: np.ndarray, replicate: Sequence[str]) -> pd.Series:
    """A covariate of each bulk: its category, or the mean of its numbers."""
    values: list[Any] = []
    for bulk, of in enumerate(replicate):
        mine = column.values[codes == bulk]
        if column.categories is None:
            if mine.dtype == object:
                raise InvalidInputError(f"'{name}' holds text", where="covariates", do="Give categories or numbers")
            values.append(float(np.mean(mine)))
            if not np.isfinite(values[-1]):
                raise InvalidInputError(f"'{name}' is missing for cells of replicate '{of}'", where="covariates")
            continue
        found = np.unique(mine)
        if len(found) != 1 or found[0] < 0:
            what = "is missing for cells" if (found < 0).any() else "differs between the cells"
            raise InvalidInputError(
                f"'{name}' {what} of replicate '{of}'", where="covariates", do="A covariate is one value a replicate"
            )
        values.append(column.categories[found[0]])
    return pd.Series(values)


def _design(
    replicate: Sequence[str], is_first: np.ndarray, covariates: Mapping[str, pd.Series], *, paired: bool
) -> pd.DataFrame:
    """Intercept, comparison, and one column a level but the first of each factor."""
    design = pd.DataFrame({"intercept": np.ones(len(replicate)), CONDITION: is_first.astype(float)})
    factors = dict(covariates) | ({"replicate": pd.Series(list(replicate))} if paired else {})
    for name, values in factors.items():
        if values.dtype.kind == "f":
            design[name] = values.to_numpy()
            continue
        for level in sorted(set(values))[1:]:
            design[f"{name}[{level}]"] = (values == level).astype(float).to_numpy()
    n_bulks, n_terms = design.shape
    if np.linalg.matrix_rank(design.to_numpy()) < n_terms:
        raise InvalidInputError(
            "The design cannot tell the comparison and the covariates apart: some are combinations of others",
            where=", ".join(factors) or "replicate",
            do="Leave out covariates that are the same as the comparison, the replicate or each other",
        )
    if n_bulks <= n_terms:
        raise InvalidInputError(
            f"{n_bulks} replicates are too few for a design with {n_terms} terms: none is left to estimate the spread",
            where="covariates" if covariates else "replicate",
            do="Leave out covariates, or add replicates",
        )
    design.index = pd.Index([f"bulk {number}" for number in range(n_bulks)])
    return design


def add_up(blocks: Iterable[MatrixBlock], plan: Plan, *, n_features: int) -> Bulks:
    """Add up counts per bulk.

    Parameters
    ----------
    blocks : counts as stored, axis "cells" (CSR)

    Raises
    ------
    InvalidInputError
        Where counts are no whole numbers.
    """
    n_bulks = len(plan.replicate)
    sums = np.zeros((n_bulks, n_features))
    for block in blocks:
        codes = plan.codes[block.start : block.start + block.values.shape[0]]
        mine = np.flatnonzero(codes >= 0)
        if not len(mine):
            continue
        where = (np.ones(len(mine)), (codes[mine], np.arange(len(mine))))
        sums += (sp.csr_matrix(where, shape=(n_bulks, len(mine))) @ block.values[mine].astype(np.float64)).toarray()
    if (sums != np.rint(sums)).any():
        raise InvalidInputError("The counts are no whole numbers, which pseudobulk needs", do="Use wilcoxon or t-test")
    return Bulks(sums.astype(np.int64), plan.replicate, plan.is_first, plan.n_cells)


def compare_bulks(bulks: Bulks, design: pd.DataFrame, found: Moments) -> tuple[Comparison, list[str]]:
    """Fit DESeq2's model and test the comparison by Wald's test; the result, and what the fit warned of.

    Parameters
    ----------
    design : from `plan_bulks`
    found : means and shares of the cells of both sets

    Notes
    -----
    Love, Huber and Anders 2014, doi:10.1186/s13059-014-0550-8, by PyDESeq2 with its defaults; features without any
    count, and those in which one replicate is an outlier by Cook's distance, are not tested.
    """
    # matplotlib and scikit-learn come along; needed here only
    from pydeseq2.dds import DeseqDataSet
    from pydeseq2.default_inference import DefaultInference
    from pydeseq2.ds import DeseqStats

    n_features = bulks.counts.shape[1]
    present = np.flatnonzero(bulks.counts.any(axis=0))
    statistic, p, change = (np.full(n_features, np.nan) for _ in range(3))
    if not len(present):
        raise InvalidInputError("The two selections hold no count at all")
    counts = pd.DataFrame(bulks.counts[:, present], index=design.index, columns=[str(n) for n in present])
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", UserWarning)
        metadata = pd.DataFrame({"replicate": bulks.replicate}, index=design.index)
        data = DeseqDataSet(
            counts=counts, metadata=metadata, design=design, inference=DefaultInference(n_cpus=1), quiet=True
        )
        data.deseq2()
        contrast = (design.columns == CONDITION).astype(float)
        stats = DeseqStats(data, contrast=contrast, inference=DefaultInference(n_cpus=1), quiet=True)
        stats.summary()
    table = stats.results_df
    statistic[present], p[present] = table["stat"].to_numpy(), table["pvalue"].to_numpy()
    change[present] = table["log2FoldChange"].to_numpy()
    statistic[np.isnan(p)] = np.nan
    notes = [" ".join(str(each.message).split()) for each in said if each.category is UserWarning]
    return summarised(found, statistic, p, change), list(dict.fromkeys(notes))
