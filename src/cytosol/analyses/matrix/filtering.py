"""Which cells are kept, and which features are mitochondrial."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cytosol.analyses.parameters import Params, parameter
from cytosol.base.errors import InvalidInputError

_INF = float("inf")
_PREFIX = {
    "human": re.compile(r"^(?:[A-Za-z0-9.]+_+)?MT-"),
    "mouse": re.compile(r"^(?:[A-Za-z0-9.]+_+)?mt-"),
    "rat": re.compile(r"^(?:[A-Za-z0-9.]+_+)?Mt-"),
    "fly": re.compile(r"^mt:"),
}
_ANY_PREFIX = re.compile(r"^(?:[A-Za-z0-9.]+_+)?mt[-:]", re.IGNORECASE)
_BARE = frozenset(
    "ND1 ND2 ND3 ND4 ND4L ND5 ND6 COX1 COX2 COX3 CO1 CO2 CO3 COI COII COIII CYTB ATP6 ATP8 RNR1 RNR2".split()
)
_WORM = frozenset("nduo-1 nduo-2 nduo-3 nduo-4 nduo-5 nduo-6 ndfl-4 ctc-1 ctc-2 ctc-3 ctb-1 atp-6".split())
_SPECIES = {
    "human": "human", "homo sapiens": "human", "mouse": "mouse", "mus musculus": "mouse", "rat": "rat",
    "rattus norvegicus": "rat", "fly": "fly", "drosophila melanogaster": "fly", "worm": "worm",
    "caenorhabditis elegans": "worm",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FilterParams(Params):
    """Bounds within which a cell is kept; all inclusive."""

    min_counts: float = parameter(0.0, "Fewest mRNA transcripts of a cell", unit="transcripts", minimum=0)
    max_counts: float = parameter(_INF, "Most mRNA transcripts of a cell", unit="transcripts", minimum=0)
    min_genes: float = parameter(0.0, "Fewest genes that a cell expresses", unit="genes", minimum=0)
    max_genes: float = parameter(_INF, "Most genes that a cell expresses", unit="genes", minimum=0)
    max_mito_share: float = parameter(
        1.0, "Largest share of a cell's transcripts from mitochondrial genes", unit="share of 1", minimum=0, maximum=1
    )


def keep_cells(
    totals: np.ndarray, n_genes: np.ndarray, mito_share: np.ndarray | None, params: FilterParams
) -> np.ndarray:
    """Decide for each cell whether it is kept.

    Parameters
    ----------
    totals : shape (n_cells,), transcripts of a cell
    n_genes : shape (n_cells,), genes with at least one transcript
    mito_share : shape (n_cells,), share of 1; NaN (a cell without transcripts) passes. None if unknown: no bound
    params : the bounds

    Returns
    -------
    shape (n_cells,), bool; True = kept

    Raises
    ------
    InvalidInputError
        Where the arrays differ in length.
    """
    if len(totals) != len(n_genes) or (mito_share is not None and len(mito_share) != len(totals)):
        raise InvalidInputError("The measures of the cells differ in length", do="Give one value a cell in each")
    keep: np.ndarray = (totals >= params.min_counts) & (totals <= params.max_counts)
    keep &= (n_genes >= params.min_genes) & (n_genes <= params.max_genes)
    if mito_share is not None:
        keep &= ~(mito_share > params.max_mito_share)
    return keep


def mito_features(symbols: Sequence[str], species: str = "") -> np.ndarray:
    """Find mitochondrial genes by their symbols; no table of Ensembl ids is needed.

    Parameters
    ----------
    symbols : one gene symbol a feature
    species : for example "human", "Mus musculus"; "" or any other name = the general rule

    Returns
    -------
    shape (n_features,), bool

    Notes
    -----
    Human: 'MT-' in capitals (so neither MTOR nor MT1X). Mouse: 'mt-'. Rat: 'Mt-'. Fly: 'mt:'. Worm: the twelve
    names nduo-1 … ctb-1. Elsewhere: 'mt-' or 'mt:' in any case, and the bare names that Ensembl gives to other
    vertebrates (ND1, COX1, CYTB, ATP6 …). A genome in front, as in 'GRCh38_MT-ND1', is allowed.
    """
    kind = _SPECIES.get(species.strip().lower(), "other")
    if kind == "worm":
        return np.fromiter((s in _WORM for s in symbols), bool, len(symbols))
    rule = _PREFIX.get(kind)
    if rule is not None:
        return np.fromiter((rule.match(s) is not None for s in symbols), bool, len(symbols))
    found = (s in _BARE or _ANY_PREFIX.match(s) is not None for s in symbols)
    return np.fromiter(found, bool, len(symbols))
