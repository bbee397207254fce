"""Damaged files: cut at any place, with any bytes changed, they are read or refused, and nothing else."""

from __future__ import annotations

import gzip
import re
import struct
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cytosol.base.errors import CytosolError, UnreadableFileError
from cytosol.formats.files import BytesSource
from cytosol.formats.registry import open_table
from tests.formats.samples import barcodes, counts, delimited_text, ids, symbols, triplet, write_tenx_v2, write_tenx_v3
from tests.formats.test_registry import tar_of


@cache
def intact() -> dict[str, dict[str, BytesSource]]:
    """One small file of each format, by name."""
    matrix = counts(12, 9)
    packed = tar_of({part.name: part.content for part in triplet(matrix).values()})
    files = {
        "mtx": triplet(matrix),
        "mtx.gz": triplet(matrix, packed=True),
        "tsv": {"matrix": BytesSource("a.tsv", delimited_text(matrix, genes_in_rows=True).encode())},
        "csv.gz": {
            "matrix": BytesSource(
                "a.csv.gz", gzip.compress(delimited_text(matrix, genes_in_rows=False, delimiter=",").encode())
            )
        },
        "tar.gz": {"matrix": BytesSource("a.tar.gz", packed)},
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a"
        for layout in (np.asarray, sp.csr_matrix, sp.csc_matrix):
            data = anndata.AnnData(
                X=layout(matrix),
                obs=pd.DataFrame({"type": pd.Categorical(["a", "b"] * 6), "n": range(12)}, index=barcodes(12)),
                var=pd.DataFrame({"gene_ids": ids(9)}, index=symbols(9)),
                obsm={"X_umap": np.zeros((12, 2))},
            )
            data.raw = data
            data.uns["type_colors"] = ["#000000", "#ffffff"]
            data.write_h5ad(path, compression="gzip" if layout is sp.csr_matrix else None)
            files[f"h5ad {layout.__name__}"] = {"matrix": BytesSource("a.h5ad", path.read_bytes())}
        write_tenx_v3(path, matrix)
        files["tenx v3"] = {"matrix": BytesSource("a.h5", path.read_bytes())}
        write_tenx_v2(path, {"hg19": (matrix, barcodes(12)), "mm10": (matrix, barcodes(12)[::-1])})
        files["tenx v2"] = {"matrix": BytesSource("b.h5", path.read_bytes())}
    return files  # type: ignore[return-value]


LAYOUTS = ("h5ad asarray", "h5ad csr_matrix", "h5ad csc_matrix")
NAMES = ("mtx", "mtx.gz", "tsv", "csv.gz", "tar.gz", *LAYOUTS, "tenx v3", "tenx v2")


def read_or_refuse(files: dict[str, BytesSource], **options: Any) -> bool:
    """Whether the files were read; any error that is not ours passes through and fails the test."""
    table = None
    try:
        table = open_table(files, **options)
        for _ in table.blocks(block_bytes=1 << 20):
            pass
    except CytosolError:
        return False
    finally:
        if table is not None:
            table.close()
    return True


@pytest.mark.parametrize("name", NAMES)
def test_intact_files_are_read(name: str) -> None:
    assert read_or_refuse(intact()[name])


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_cut_files(name: str, data: st.DataObject) -> None:
    files = dict(intact()[name])
    role = data.draw(st.sampled_from(sorted(files)))
    content = files[role].content
    files[role] = BytesSource(files[role].name, content[: data.draw(st.integers(0, len(content) - 1))])
    read_or_refuse(files, matrix=data.draw(st.sampled_from(["raw", "normalized"])))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_changed_bytes(name: str, data: st.DataObject) -> None:
    files = dict(intact()[name])
    role = data.draw(st.sampled_from(sorted(files)))
    content = bytearray(files[role].content)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    files[role] = BytesSource(files[role].name, bytes(content))
    declared = data.draw(st.sampled_from([None, "h5ad", "tenx-h5", "tenx-mtx", "delimited"]))
    read_or_refuse(files, matrix=data.draw(st.sampled_from(["raw", "normalized"])), format=declared)


@settings(max_examples=100, deadline=None)
@given(
    content=st.one_of(st.binary(max_size=300), st.text(alphabet="AB019.,;-e\t\n \"'%", max_size=200).map(str.encode))
)
def test_any_bytes(content: bytes) -> None:
    read_or_refuse({"matrix": BytesSource("a", content)})
    read_or_refuse({"matrix": BytesSource("a.tsv", content)}, format="delimited")
    read_or_refuse({"matrix": BytesSource("a.gz", gzip.compress(content))})
    for role in ("matrix", "features", "barcodes"):
        read_or_refuse({**triplet(counts(4, 3)), role: BytesSource(role, content)})


def test_a_heap_that_the_hdf5_library_would_walk_for_ever_is_refused() -> None:
    content = bytearray(intact()["h5ad csr_matrix"]["matrix"].content)
    heaps = [found.start() for found in re.finditer(b"GCOL\x01", bytes(content))]
    assert heaps
    for heap in heaps:
        at = heap + 16
        while number := int.from_bytes(content[at : at + 2], "little"):
            assert number
            at += 16 + (int.from_bytes(content[at + 8 : at + 16], "little") + 7 & ~7)
        content[at + 8 : at + 16] = bytes(8)
    with pytest.raises(UnreadableFileError, match="damaged"):
        open_table({"matrix": BytesSource("a.h5ad", bytes(content))})


def test_a_list_of_free_blocks_that_leads_back_is_refused() -> None:
    content = bytearray(intact()["tenx v3"]["matrix"].content)
    for found in re.finditer(b"HEAP" + bytes(4), bytes(content)):
        size, first, segment = struct.unpack_from("<QQQ", content, found.start() + 8)
        if first + 16 <= size:
            struct.pack_into("<Q", content, segment + first, first)
    with pytest.raises(UnreadableFileError, match="local heap"):
        open_table({"matrix": BytesSource("a.h5", bytes(content))})


def test_the_readers_load_no_heavy_library() -> None:
    code = (
        "import sys, cytosol.formats.registry, cytosol.formats.join\n"
        "heavy = {'anndata', 'scanpy', 'numba', 'scranpy', 'igraph', 'spatialdata', 'starlette'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[]"
