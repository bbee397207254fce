"""Reader of Matrix Market triplets as Cell Ranger writes them: matrix, features (or genes) and barcodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from cytosol.base.errors import InvalidInputError, UnreadableFileError
from cytosol.base.protocols import Report, Source
from cytosol.base.tables import MatrixBlock, MatrixKind
from cytosol.formats.features import cell_index, feature_table
from cytosol.formats.files import open_unpacked
from cytosol.formats.matrix_market import READ_BYTES, Header, MarketFile, find_order, market_blocks, read_header
from cytosol.formats.table import DEFAULT_BLOCK_BYTES, MatrixTable
from cytosol.formats.textlists import FeatureList, read_features, read_names, read_rows
from cytosol.formats.values import Checker

_ROLES = ("matrix", "features", "barcodes")


def open_tenx_mtx(
    files: Mapping[str, Source], *, matrix: MatrixKind, options: Mapping[str, str], report: Report | None
) -> MatrixTable:
    """Open a triplet, each file plain or gzipped, under any name.

    Parameters
    ----------
    files : roles "matrix", "features" and "barcodes"

    Raises
    ------
    UnreadableFileError
        A file is damaged, or the three disagree; the sentence has the three counts.
    """
    missing = [role for role in _ROLES if role not in files]
    if missing:
        raise InvalidInputError(
            f"A 10x MTX matrix is three files; missing: {', '.join(missing)}",
            where=", ".join(source.name for source in files.values()),
            do="Give matrix.mtx.gz, features.tsv.gz (or genes.tsv) and barcodes.tsv.gz together",
        )
    source = files["matrix"]
    with open_unpacked(source) as stream:
        header = read_header(stream, source.name)
    swapped, listed, barcodes = _read_lists(header, files)
    notes = ["The rows of the matrix are cells and its columns features; it was turned."] if swapped else []
    cells, more = cell_index(barcodes, where=files["barcodes"].name)
    notes += more
    var, more = feature_table(
        listed.symbols, ids=listed.ids, types=listed.types, genomes=listed.genomes, where=files["features"].name
    )
    notes += more
    check = Checker(kind=matrix, place=source.name, cells=cells, features=var.index)
    market = MarketFile(source, header, swapped, find_order(source, header, swapped=swapped))
    if market.order == "none":
        notes.append("The entries are in no order and are sorted by cell through a temporary file.")

    def blocks(block_bytes: int) -> Iterator[MatrixBlock]:
        return market_blocks(market, check, block_bytes)

    return MatrixTable(
        obs=pd.DataFrame(index=cells),
        var=var,
        kind=matrix,
        make_blocks=blocks,
        notes=notes,
        memory_bytes=3 * DEFAULT_BLOCK_BYTES + 12 * READ_BYTES,
    )


def _read_lists(header: Header, files: Mapping[str, Source]) -> tuple[bool, FeatureList, list[str]]:
    """Features and barcodes, and whether the rows of the file are cells (Parse Biosciences and others write it so)."""
    feature_rows, barcode_rows = read_rows(files["features"]), read_rows(files["barcodes"])
    listed, barcodes = read_features(feature_rows, header.n_rows), read_names(barcode_rows, header.n_columns)
    if (len(listed.symbols), len(barcodes)) == (header.n_rows, header.n_columns):
        return False, listed, barcodes
    turned, turned_barcodes = read_features(feature_rows, header.n_columns), read_names(barcode_rows, header.n_rows)
    if (len(turned.symbols), len(turned_barcodes)) == (header.n_columns, header.n_rows):
        return True, turned, turned_barcodes
    raise UnreadableFileError(
        f"The matrix has {header.n_rows} features and {header.n_columns} barcodes, the list of features has "
        f"{len(listed.symbols)} and the list of barcodes {len(barcodes)}",
        where=", ".join(files[role].name for role in _ROLES),
        do="Give the three files of the same run and folder",
    )
