"""Make the demo data that the package ships, from 10x Genomics' counts and a table of gene symbols.

Run it only to renew the files; what comes out is committed. ``NOTICE.md`` beside the files says where each input is
from.

    python scripts/make_demo_data.py --counts pbmc8k_subset2700.tsv.gz --symbols genes_homo_sapiens.csv.gz \
        --labelled pbmc68k_reduced.h5ad
"""

from __future__ import annotations

import argparse
import csv
import gzip
import shutil
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import scipy.sparse

FOLDER = Path(__file__).parents[1] / "src" / "cytosol" / "demo_data"
EXPECTED = {"cells": 2_700, "genes": 33_694, "nonzeros": 3_813_293, "sum": 12_655_047}
COMPRESSED = {"compression": "gzip", "compression_opts": 9, "shuffle": True}
CHUNK = 1 << 18


def read_symbols(path: Path) -> dict[str, str]:
    """Read rows ``Ensembl id, symbol, ...`` without a header."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as handle:
        return {row[0]: row[1] for row in csv.reader(handle)}


def read_counts(path: Path) -> tuple[scipy.sparse.csc_matrix, list[str], list[str]]:
    """Read a genes x cells table into a sparse matrix of that shape, with gene ids and cell names."""
    table = pd.read_csv(path, sep="\t", index_col=0)
    counts = scipy.sparse.csc_matrix(table.to_numpy())
    found = {"cells": counts.shape[1], "genes": counts.shape[0], "nonzeros": int(counts.nnz), "sum": int(counts.sum())}
    if found != EXPECTED:
        sys.exit(f"{path} is another file: expected {EXPECTED}, found {found}")
    return counts, [str(gene) for gene in table.index], [str(cell) for cell in table.columns]


def write_counts(
    path: Path, counts: scipy.sparse.csc_matrix, *, genes: list[str], cells: list[str], symbols: dict[str, str]
) -> None:
    """Write the layout of Cell Ranger 3: cells as columns, genes by falling number of cells that express them.

    That order lets neighbouring indices compress well; ties keep the order of the input.
    """
    order = np.argsort(-np.diff(counts.tocsr().indptr), kind="stable")
    matrix = counts.tocsr()[order].tocsc()
    matrix.sort_indices()
    ids = [genes[i] for i in order]
    columns = {
        "id": ids,
        "name": [symbols.get(gene, gene) for gene in ids],
        "feature_type": ["Gene Expression"] * len(ids),
        "genome": ["GRCh38"] * len(ids),
    }
    arrays = {
        "data": matrix.data.astype(np.uint16),
        "indices": matrix.indices.astype(np.int32),
        "indptr": matrix.indptr.astype(np.int64),
        "barcodes": np.array(cells, dtype="S"),
        **{f"features/{name}": np.array(values, dtype="S") for name, values in columns.items()},
    }
    with h5py.File(path, "w", libver="earliest") as file:
        file.attrs["filetype"] = np.bytes_("matrix")
        file.attrs["version"] = 2
        file.attrs["chemistry_description"] = np.bytes_("Single Cell 3' v2")
        file.attrs["library_ids"] = np.array([b"pbmc8k"])
        file.attrs["original_gem_groups"] = np.array([1])
        group = file.create_group("matrix")
        group.create_dataset("shape", data=np.array(matrix.shape, dtype=np.int32))
        for name, values in arrays.items():
            chunks = (min(CHUNK, len(values)),)
            group.create_dataset(name, data=values, chunks=chunks, track_times=False, **COMPRESSED)


def main() -> None:
    """Read the inputs, write the files, print their sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--counts", type=Path, required=True, help="genes x cells table of raw counts (.tsv.gz)")
    parser.add_argument("--symbols", type=Path, required=True, help="table of Ensembl id and symbol (.csv.gz)")
    parser.add_argument("--labelled", type=Path, required=True, help="the labelled PBMC 68k reduced set (.h5ad)")
    given = parser.parse_args()
    counts, genes, cells = read_counts(given.counts)
    symbols = read_symbols(given.symbols)
    target = FOLDER / "pbmc8k_2700.h5"
    write_counts(target, counts, genes=genes, cells=cells, symbols=symbols)
    shutil.copyfile(given.labelled, FOLDER / "pbmc68k_reduced.h5ad")
    named = sum(symbols.get(gene, gene) != gene for gene in genes)
    print(f"{target.name}: {target.stat().st_size:,} bytes; {named:,} of {len(genes):,} genes have a symbol")


if __name__ == "__main__":
    main()
