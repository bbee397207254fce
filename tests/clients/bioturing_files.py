"""Real cells as the files that people submit: written from the shipped PBMC data, read back by other programs only."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import scipy.io
import scipy.sparse as sp

from tests.formats import rwriter

DEMO = Path(__file__).parents[2] / "src/cytosol/demo_data"
TENX_H5 = DEMO / "pbmc8k_2700.h5"
REDUCED = DEMO / "pbmc68k_reduced.h5ad"
N_RAW, N_TSV, N_SMALL = 300, 90, 60


@dataclass(frozen=True)
class Cells:
    """Counts as the files hold them.

    Attributes
    ----------
    counts : shape (n_cells, n_genes) CSR, transcripts
    """

    counts: sp.csr_matrix
    barcodes: list[str]
    genes: list[str]

    def part(self, cells: slice, genes: slice = slice(None)) -> Cells:
        """Some of the cells and genes."""
        return Cells(self.counts[cells, genes].tocsr(), self.barcodes[cells], self.genes[genes])

    def lognorm(self, genes: Sequence[int] | slice = slice(None)) -> np.ndarray:
        """ln(1 + 10,000 × count / sum of the cell) of some genes, by plain numpy: shape (n_cells, n), float64."""
        totals = np.asarray(self.counts.sum(axis=1, dtype=np.float64))
        return np.log1p(self.counts[:, genes].toarray() / totals.reshape(-1, 1) * 1e4)


def read_cells() -> Cells:
    """The shipped 10x file through h5py alone."""
    with h5py.File(TENX_H5) as file:
        group = file["matrix"]
        n_genes, n_cells = group["shape"][()]
        parts = (group["data"][()], group["indices"][()], group["indptr"][()])
        counts = sp.csc_matrix(parts, shape=(n_genes, n_cells)).T.tocsr().astype(np.float32)
        barcodes = [name.decode() for name in group["barcodes"][()]]
        genes = [name.decode() for name in group["features/name"][()]]
    return Cells(counts, barcodes, list(anndata.utils.make_index_unique(pd.Index(genes))))


def write_raw_h5ad(path: Path, cells: Cells) -> anndata.AnnData:
    """An object as scanpy users have it: normalised X, counts in raw, annotations, embeddings, positions in tissue."""
    rng = np.random.default_rng(7)
    n_cells = len(cells.barcodes)
    score = rng.normal(size=n_cells)
    score[::17] = np.nan
    obs = pd.DataFrame(
        {
            "label": pd.Categorical(np.array(["T cell", "B cell", "NK cell"])[rng.integers(0, 3, n_cells)]),
            "score": score,
            "passed": rng.random(n_cells) > 0.5,
        },
        index=cells.barcodes,
    )
    made = anndata.AnnData(cells.counts.copy(), obs=obs, var=pd.DataFrame(index=cells.genes))
    made.raw = made
    made.X = sp.csr_matrix(cells.lognorm().astype(np.float32))
    made.obsm["spatial"] = rng.uniform(0, 500, (n_cells, 2)).astype(np.float32)
    made.write_h5ad(path)
    return made


def write_mtx(folder: Path, cells: Cells, *, packed: bool) -> dict[str, str]:
    """A triplet of Cell Ranger; its paths by role."""
    folder.mkdir(parents=True)
    matrix = io.BytesIO()
    scipy.io.mmwrite(matrix, cells.counts.T.tocoo().astype(np.int64), field="integer")
    features = "".join(f"ENSG{number:011d}\t{name}\tGene Expression\n" for number, name in enumerate(cells.genes))
    barcodes = "".join(f"{name}\n" for name in cells.barcodes)
    paths = {}
    for role, name, text in (
        ("matrix", "matrix.mtx", matrix.getvalue()),
        ("features", "features.tsv", features.encode()),
        ("barcodes", "barcodes.tsv", barcodes.encode()),
    ):
        path = folder / (f"{name}.gz" if packed else name)
        path.write_bytes(gzip.compress(text, 1) if packed else text)
        paths[role] = str(path)
    return paths


def write_tsv(path: Path, cells: Cells) -> None:
    """Genes × cells, names in the first row and column."""
    frame = pd.DataFrame(cells.counts.T.toarray().astype(int), index=cells.genes, columns=cells.barcodes)
    frame.to_csv(path, sep="\t")


def write_seurat(path: Path, cells: Cells) -> str:
    """A Seurat object with counts and one factor, as saveRDS writes it."""
    counts = rwriter.sparse(cells.counts.toarray().T, cells.genes, cells.barcodes)
    label = rwriter.factor([1 + number % 2 for number in range(len(cells.barcodes))], ["odd", "even"])
    value = rwriter.s4(
        "Seurat",
        **{
            "assays": rwriter.named({"RNA": rwriter.s4("Assay", counts=counts)}),
            "meta.data": rwriter.frame({"label": label}, cells.barcodes),
            "active.assay": ["RNA"],
        },
    )
    path.write_bytes(rwriter.rds(value))
    return str(path)


def write_bcs(path: Path, cells: Cells) -> str:
    """A study of BBrowser with the counts alone."""
    book = io.BytesIO()
    with h5py.File(book, "w") as file:
        group = file.create_group("bioturing")
        group["data"], group["indices"] = cells.counts.data.astype(np.float64), cells.counts.indices
        group["indptr"], group["shape"] = cells.counts.indptr, np.array(cells.counts.shape[::-1], dtype=np.int32)
        group["barcodes"], group["features"] = np.array(cells.barcodes, dtype="S"), np.array(cells.genes, dtype="S")
        group["feature_type"] = np.array(["RNA"] * len(cells.genes), dtype="S")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("8b4ae5f1/run_info.json", json.dumps({"version": 16}))
        archive.writestr("8b4ae5f1/main/matrix.hdf5", book.getvalue())
    return str(path)
