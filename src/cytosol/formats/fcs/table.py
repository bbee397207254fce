"""The first data set of an FCS file as a cells × features table, for those who read files of any kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
import scipy.sparse as sp

from cytosol.base.protocols import Report, Source
from cytosol.base.tables import MatrixBlock, MatrixKind
from cytosol.formats.fcs.header import FcsHeader, read_headers
from cytosol.formats.fcs.reader import read_blocks
from cytosol.formats.features import make_unique
from cytosol.formats.files import only_file
from cytosol.formats.table import MatrixTable


def open_fcs(
    files: Mapping[str, Source], *, matrix: MatrixKind, options: Mapping[str, str], report: Report | None
) -> MatrixTable:
    """Open an FCS file; its values are measurements, which no normalisation changes."""
    source = only_file(files, "An FCS file")
    headers = read_headers(source)
    header = headers[0]
    names, renamed = make_unique([channel.name for channel in header.channels])
    var = pd.DataFrame(
        {
            "feature_id": [channel.name for channel in header.channels],
            "feature_type": "channel",
            "genome": "",
            "reagent": [channel.reagent or "" for channel in header.channels],
        },
        index=pd.Index(names, dtype=object),
    )
    notes = list(header.notes)
    if renamed:
        notes.append(f"{renamed} names of channels were made unique.")
    if len(headers) > 1:
        notes.append(f"The file has {len(headers)} data sets; this is the first.")
    return MatrixTable(
        obs=pd.DataFrame(index=pd.RangeIndex(header.n_events).astype(str)),
        var=var,
        kind="normalized",
        make_blocks=lambda block_bytes: _blocks(header, block_bytes),
        notes=notes,
    )


def _blocks(header: FcsHeader, block_bytes: int) -> Iterator[MatrixBlock]:
    step = max(8, block_bytes // (8 * len(header.channels)) // 8 * 8)
    for start, block in read_blocks(header, step):
        yield MatrixBlock(start, "cells", sp.csr_matrix(block.T.astype(np.float32)))
