"""Names of features and cells: made unique, Ensembl ids found, empty names refused."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import pandas as pd

from cytosol.base.errors import UnreadableFileError

ENSEMBL = re.compile(
    r"^(ENS[A-Z]{0,7}G\d{6,}|FBgn\d{7}|WBGene\d{8}|Y[A-P][LR]\d{3}[WC](-[A-Z])?|AT[1-5MC]G\d{5})(\.\d+)?(_PAR_Y)?$"
)
FEATURE_COLUMNS = ("feature_id", "feature_type", "genome")
GENE_EXPRESSION = "Gene Expression"
MODALITY_TYPES = {
    "rna": GENE_EXPRESSION,
    "spatial": GENE_EXPRESSION,
    "gex": GENE_EXPRESSION,
    "gene expression": GENE_EXPRESSION,
    "prot": "Antibody Capture",
    "protein": "Antibody Capture",
    "adt": "Antibody Capture",
    "cite": "Antibody Capture",
    "antibody": "Antibody Capture",
    "antibody capture": "Antibody Capture",
    "crispr": "CRISPR Guide Capture",
    "gdo": "CRISPR Guide Capture",
    "hto": "Multiplexing Capture",
    "atac": "Peaks",
    "peaks": "Peaks",
}
"""The feature type that a modality or an assay of some name (lower case) holds."""


def looks_like_ensembl(name: str) -> bool:
    """Whether a name is a stable gene id rather than a symbol."""
    return ENSEMBL.match(name) is not None


def make_unique(names: Sequence[str]) -> tuple[list[str], int]:
    """Rename repeats to ``NAME-1``, ``NAME-2`` … as AnnData does; the first keeps its name.

    Returns
    -------
    The names, all different, and how many were changed.
    """
    taken = set(names)
    if len(taken) == len(names):
        return list(names), 0
    seen: set[str] = set()
    counts: Counter[str] = Counter()
    result, changed = [], 0
    for name in names:
        if name not in seen:
            seen.add(name)
            result.append(name)
            continue
        while True:
            counts[name] += 1
            fresh = f"{name}-{counts[name]}"
            if fresh not in taken:
                break
        taken.add(fresh)
        result.append(fresh)
        changed += 1
    return result, changed


def feature_table(
    symbols: Sequence[str],
    *,
    ids: Sequence[str] | None = None,
    types: Sequence[str] | None = None,
    genomes: Sequence[str] | None = None,
    where: str,
) -> tuple[pd.DataFrame, list[str]]:
    """Build ``var`` of a table.

    Parameters
    ----------
    symbols : source names, one a feature; an empty one is replaced by its id
    ids, types, genomes : "" where the file does not say; without ids, a name that is a stable id counts as one
    where : file and place, for errors

    Returns
    -------
    Frame indexed by unique symbol with text columns ``feature_id``, ``feature_type``, ``genome``, whose
    ``attrs["symbols"]`` keeps the names as the file has them; and notes.

    Raises
    ------
    UnreadableFileError
        A feature has neither name nor id, or there are no features.
    """
    notes: list[str] = []
    count = len(symbols)
    if count == 0:
        raise UnreadableFileError(
            "There are no features", where=where, do="Give a matrix that has at least one feature"
        )
    id_list = [_clean(text) for text in ids] if ids is not None else [""] * count
    names = [_clean(text) for text in symbols]
    empty = [row for row, name in enumerate(names) if not name]
    for row in empty:
        if not id_list[row]:
            raise UnreadableFileError(
                f"Feature {row + 1} has no name", where=where, do="Give every feature a name or an id"
            )
        names[row] = id_list[row]
    if empty:
        notes.append(f"{len(empty)} features without a name are named by their id.")
    if ids is None:
        id_list = [name if looks_like_ensembl(name) else "" for name in names]
    unique, changed = make_unique(names)
    if changed:
        notes.append(f"{changed} feature names occurred more than once and were made unique (NAME-1, NAME-2).")
    repeated = len([text for text in id_list if text]) - len({text for text in id_list if text})
    if repeated:
        notes.append(f"{repeated} features share their id with another feature.")
    frame = pd.DataFrame(
        {
            "feature_id": pd.Series(id_list, dtype=object),
            "feature_type": pd.Series(
                [_clean(text) for text in types] if types is not None else [""] * count, dtype=object
            ),
            "genome": pd.Series(
                [_clean(text) for text in genomes] if genomes is not None else [""] * count, dtype=object
            ),
        }
    )
    frame.index = pd.Index(unique, dtype=object)
    frame.attrs["symbols"] = names
    return frame, notes


def cell_index(barcodes: Sequence[str], *, where: str) -> tuple[pd.Index, list[str]]:
    """Build the index of ``obs``: barcodes made unique.

    Raises
    ------
    UnreadableFileError
        A barcode is empty, or there are no cells.
    """
    if len(barcodes) == 0:
        raise UnreadableFileError("There are no cells", where=where, do="Give a matrix that has at least one cell")
    names = [_clean(text) for text in barcodes]
    for row, name in enumerate(names):
        if not name:
            raise UnreadableFileError(f"Cell {row + 1} has no barcode", where=where, do="Give every cell a name")
    unique, changed = make_unique(names)
    notes = [f"{changed} barcodes occurred more than once and were made unique (NAME-1, NAME-2)."] if changed else []
    return pd.Index(unique, dtype=object), notes


def _clean(text: str) -> str:
    """Without blanks around and without control characters inside."""
    text = text.strip()
    return text if text.isprintable() else "".join(letter for letter in text if letter.isprintable()).strip()
