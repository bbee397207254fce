"""Cell types by marker genes: which type's genes a group of cells, or a cell, expresses, and which it lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from cytosol.analyses.parameters import Params, parameter
from cytosol.base.errors import InvalidInputError

UNKNOWN = "unknown"
_PRIOR = 1.0
"""Weight of evidence that every type lacks: one full marker alone gives half a point."""
_SHARED = 0.9
"""How much of a narrow type's score counts for its parent, where its genes tell the parent too."""
_AT_ONCE = 64
"""Genes that are averaged at once."""
_CELL = 0.5
"""Bounds of single cells, of those of groups: a cell shows only some of its genes."""


@dataclass(frozen=True, slots=True)
class TypingParams(Params):
    """When a type is named."""

    min_score: float = parameter(0.2, "Least score of a type; below, the group is unknown", minimum=0, maximum=1)
    min_margin: float = parameter(0.05, "Least lead over the second best type", minimum=0, maximum=1)
    min_subtype_score: float = parameter(0.15, "Least score of a narrower type", minimum=0, maximum=1)
    min_subtype_margin: float = parameter(0.1, "Least lead over the next narrower type", minimum=0, maximum=1)
    min_markers: int = parameter(
        2, "Fewest genes of a type that the table has to hold for it to be considered", unit="genes", minimum=1
    )
    min_marker_share: float = parameter(
        0.15, "Least share of a type's genes that the table has to hold", unit="share of 1", minimum=0, maximum=1
    )


@dataclass(frozen=True, slots=True)
class TypingRun(TypingParams):
    """What cells of a table that is ready are typed by."""

    reference: str = parameter(
        "cytosol",
        "'cytosol' = the shipped reference, else the id of a marker list, or the name of a model on the server",
    )
    column: str = parameter(
        "", "Annotation whose groups are typed; empty = the Louvain clusters, where there are some", names="column"
    )
    per_cell: bool = parameter(False, "Whether each cell is typed by itself instead")
    tissue: str = parameter("", "Only types of this tissue, of blood and of all tissues, such as 'brain'; empty = all")
    min_probability: float = parameter(
        0.5, "Least probability of a model's class; below, the cell is unknown", unit="share of 1", minimum=0, maximum=1
    )


@dataclass(frozen=True, slots=True)
class TypeMarkers:
    """A type and the places of its genes among the rows' columns.

    Attributes
    ----------
    expressed, absent : shape (n,), int64; columns of the levels
    n_listed : genes that the reference lists as expressed, whether the table has them or not
    """

    name: str
    parent: str
    tells_parent: bool
    expressed: np.ndarray
    absent: np.ndarray
    n_listed: int


@dataclass(frozen=True, slots=True)
class Typed:
    """What each row is.

    Attributes
    ----------
    names : one a row; ``UNKNOWN`` where no type is sure
    scores : shape (n_rows,), float64; score of the wide type, at most 1
    n_considered : types of which the table holds enough genes
    """

    names: list[str]
    scores: np.ndarray
    n_considered: int


def group_levels(values: sp.csc_matrix, groups: np.ndarray, n_groups: int) -> np.ndarray:
    """How highly each group expresses each gene, compared with the group that does most.

    Parameters
    ----------
    values : shape (n_cells, n_genes), CSC, log-normalised
    groups : shape (n_cells,), integer; -1 = left out
    n_groups : how many there are

    Returns
    -------
    shape (n_groups, n_genes), float64, 0 to 1: the mean over the largest mean of any group, and less where under a
    fifth of the group's cells express the gene
    """
    kept = np.flatnonzero(groups >= 0)
    one = sp.csr_matrix((np.ones(len(kept)), (groups[kept], kept)), shape=(n_groups, len(groups)))
    size = np.maximum(np.bincount(groups[kept], minlength=n_groups), 1)[:, None]
    mean, share = np.empty((n_groups, values.shape[1])), np.empty((n_groups, values.shape[1]))
    for first in range(0, values.shape[1], _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        wide = values[:, some].astype(np.float64)
        mean[:, some] = np.maximum((one @ wide).toarray() / size, 0)
        wide.data = (wide.data > 0).astype(np.float64)
        share[:, some] = (one @ wide).toarray() / size
    top = mean.max(axis=0)
    level = np.divide(mean, top, out=np.zeros_like(mean), where=top > 0)
    return np.asarray(level * np.minimum(1, share / 0.2))


def cell_levels(values: sp.csc_matrix) -> sp.csr_matrix:
    """How highly each cell expresses each gene, compared with the upper quartile of the cells that do.

    Parameters
    ----------
    values : shape (n_cells, n_genes), CSC, log-normalised

    Returns
    -------
    shape (n_cells, n_genes), CSR, float32, 0 to 1
    """
    wide = values.astype(np.float32)
    wide.data = np.maximum(wide.data, 0)
    for gene in range(wide.shape[1]):
        column = slice(wide.indptr[gene], wide.indptr[gene + 1])
        positive = wide.data[column][wide.data[column] > 0]
        if len(positive):
            wide.data[column] = np.minimum(1, wide.data[column] / np.quantile(positive, 0.75))
    return wide.tocsr()


def name_types(
    levels: np.ndarray | sp.csr_matrix,
    types: Sequence[TypeMarkers],
    params: TypingParams | None = None,
    *,
    single_cells: bool = False,
) -> Typed:
    """Name the type of each row.

    Parameters
    ----------
    levels : shape (n_rows, n_genes), 0 to 1; of groups or of cells
    types : the types that are considered
    params : None = defaults
    single_cells : whether rows are cells, whose scores are lower

    Raises
    ------
    InvalidInputError
        Where the table holds too few genes of every type.

    Notes
    -----
    A definition of our own; that genes a type lacks count, and shared ones weigh less, is of Ianevski et al. 2022,
    doi:10.1038/s41467-022-28803-w. The score of a type is Σ w · level / (Σ w + 1) over its genes, less
    Σ level / (n + 1) over the n genes that it lacks; w is 1 over the number of wide types that share the gene. So a
    type with few genes in the table cannot score high. The widest types compete first; among the narrower ones of the
    winner the best is named where it leads, else the wide one is kept. Where no type reaches ``min_score``, or two
    are within ``min_margin``, the row is unknown.
    """
    params = params or TypingParams()
    scale = _CELL if single_cells else 1.0
    considered = [one for one in types if _is_told(one, params)]
    roots = [one for one in considered if not one.parent]
    if not roots:
        raise InvalidInputError(
            "The table holds too few genes of every type",
            do="Check the species of the study, choose a tissue, or lower min_markers and min_marker_share",
        )
    n_genes = levels.shape[1]
    scores = np.asarray(levels @ _weights(roots, _lineages(considered), n_genes))
    for place, root in enumerate(roots):
        telling = [one for one in considered if one.parent == root.name and one.tells_parent]
        if telling:
            narrow = np.asarray(levels @ _weights(telling, _lineages(considered, telling), n_genes))
            scores[:, place] = np.maximum(scores[:, place], _SHARED * narrow.max(axis=1))
    best, lead = _best(scores)
    top = scores[np.arange(len(scores)), best]
    sure = (top >= scale * params.min_score) & (lead >= scale * params.min_margin)
    names = np.where(sure, np.array([root.name for root in roots], object)[best], UNKNOWN)
    for root in roots:
        rows = np.flatnonzero(names == root.name)
        narrower = [one for one in considered if one.parent == root.name]
        if len(rows) and narrower:
            inside = np.asarray(levels[rows] @ _weights(narrower, _lineages(narrower, narrower), n_genes))
            which, ahead = _best(inside)
            reached = inside[np.arange(len(rows)), which] >= scale * params.min_subtype_score
            told = reached & (ahead >= scale * params.min_subtype_margin)
            names[rows[told]] = np.array([one.name for one in narrower], object)[which[told]]
    return Typed([str(name) for name in names], top, len(considered))


def _is_told(one: TypeMarkers, params: TypingParams) -> bool:
    n_found = len(one.expressed)
    return n_found >= min(params.min_markers, one.n_listed) and n_found >= params.min_marker_share * one.n_listed


def _lineages(types: Sequence[TypeMarkers], apart: Sequence[TypeMarkers] = ()) -> dict[int, int]:
    """How many wide types share each gene; those of ``apart`` count one by one."""
    sharing: dict[int, set[str]] = {}
    for one in types:
        lineage = one.name if one in apart else one.parent or one.name
        for gene in one.expressed.tolist():
            sharing.setdefault(gene, set()).add(lineage)
    return {gene: len(names) for gene, names in sharing.items()}


def _weights(types: Sequence[TypeMarkers], sharing: dict[int, int], n_genes: int) -> np.ndarray:
    """What each gene adds to each type's score: shape (n_genes, n_types), float64."""
    weights = np.zeros((n_genes, len(types)))
    for place, one in enumerate(types):
        share = np.array([1 / sharing[gene] for gene in one.expressed.tolist()])
        weights[one.expressed, place] += share / (share.sum() + _PRIOR)
        weights[one.absent, place] -= 1 / (len(one.absent) + _PRIOR)
    return weights


def _best(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best type of each row and its lead over the second: shapes (n_rows,), int64 and float64."""
    if scores.shape[1] == 1:
        return np.zeros(len(scores), np.int64), np.full(len(scores), np.inf)
    order = np.argsort(-scores, axis=1, kind="stable")
    rows = np.arange(len(scores))
    return order[:, 0], scores[rows, order[:, 0]] - scores[rows, order[:, 1]]
