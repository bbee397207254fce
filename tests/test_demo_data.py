"""The data that the package ships is what its notice says."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import scipy.sparse

import cytosol

FOLDER = Path(cytosol.__file__).parent / "demo_data"
COUNTS = FOLDER / "pbmc8k_2700.h5"


def read() -> tuple[scipy.sparse.csc_matrix, list[str], list[str], list[str]]:
    """The matrix (genes x cells), cells, gene ids and names."""
    with h5py.File(COUNTS) as file:
        group = file["matrix"]
        matrix = scipy.sparse.csc_matrix(
            (group["data"][()], group["indices"][()], group["indptr"][()]), shape=tuple(group["shape"][()])
        )
        texts = [[text.decode() for text in group[name][()]] for name in ("barcodes", "features/id", "features/name")]
    return matrix, texts[0], texts[1], texts[2]


def test_counts_are_those_of_the_source() -> None:
    matrix, cells, ids, _ = read()
    assert matrix.shape == (33_694, 2_700) == (len(set(ids)), len(set(cells)))
    assert (matrix.nnz, int(matrix.sum(dtype=np.int64))) == (3_813_293, 12_655_047)
    assert matrix.has_sorted_indices
    assert matrix.data.min() == 1


def test_genes_can_be_asked_for_by_symbol() -> None:
    matrix, _, ids, names = read()
    symbols = dict(zip(ids, names, strict=True))
    known = {"ENSG00000198851": "CD3E", "ENSG00000156738": "MS4A1", "ENSG00000090382": "LYZ", "ENSG00000115523": "GNLY"}
    assert {gene: symbols[gene] for gene in known} == known
    assert sum(name != gene for gene, name in symbols.items()) == 24_810
    per_gene = np.diff(matrix.tocsr().indptr)
    assert (np.diff(per_gene) <= 0).all()


def test_counts_equal_the_file_they_came_from(shared_data: Path) -> None:
    source = pd.read_csv(shared_data / "scrna" / "tsv" / "pbmc8k_subset2700.tsv.gz", sep="\t", index_col=0)
    matrix, cells, ids, _ = read()
    assert list(source.columns) == cells
    order = pd.Index(ids).get_indexer(source.index)
    assert (order >= 0).all()
    assert (matrix[order] != scipy.sparse.csc_matrix(source.to_numpy())).nnz == 0


def test_notice_names_each_file_with_its_digest_and_licence() -> None:
    notice = (FOLDER / "NOTICE.md").read_text(encoding="utf-8")
    shipped = sorted(path for path in FOLDER.iterdir() if path.suffix in {".h5", ".h5ad", ".fcs"})
    assert [path.name for path in shipped] == sorted(re.findall(r"^## (\S+\.\w+)$", notice, re.MULTILINE))
    for path in shipped:
        assert hashlib.sha256(path.read_bytes()).hexdigest() in notice
        assert path.stat().st_size < 4_900_000
    assert notice.count("CC BY 4.0, 10x Genomics") == 2
    assert notice.count("BSD-3-Clause, © 2018 Scott White") == 1
