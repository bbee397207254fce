"""Damage inside of MuData and Loom files and of stores that are folders: they are read or refused, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cytosol.base.errors import CytosolError
from cytosol.formats.contigs import read_contigs
from cytosol.formats.files import BytesSource
from cytosol.formats.folders import FolderSource
from tests.formats.samples import barcodes, counts, symbols
from tests.formats.stores import write_processed, write_soma, write_zarr
from tests.formats.test_contigs import AIRR, TENX
from tests.formats.test_damage import read_or_refuse
from tests.formats.test_h5mu import write_h5mu
from tests.formats.test_loom import write_loom

CALM = list(HealthCheck)


def data(matrix: np.ndarray) -> anndata.AnnData:
    n_cells, n_features = matrix.shape
    obs = pd.DataFrame({"type": pd.Categorical(["a", "b"] * (n_cells // 2))}, index=barcodes(n_cells))
    return anndata.AnnData(matrix.astype(np.float32), obs, pd.DataFrame(index=symbols(n_features)))


@cache
def intact(name: str) -> dict[str, bytes]:
    """The files of a small example by their paths."""
    matrix = counts(12, 9)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "x"
        if name == "h5mu":
            parts = {"rna": data(matrix), "prot": data(matrix[:, :3])}
            return {"a.h5mu": write_h5mu(root, parts, barcodes(12)).read_bytes()}
        if name == "loom":
            return {"a.loom": write_loom(root, matrix).read_bytes()}
        if name == "zarr":
            write_zarr(data(matrix), root, 2)
        elif name == "soma":
            write_soma(root, names=barcodes(12))
        else:
            write_processed(root, matrix)
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def read_changed(files: dict[str, bytes]) -> bool:
    """Whether the files of an example are read."""
    if len(files) == 1:
        (name, content), *_ = files.items()
        return read_or_refuse({"matrix": BytesSource(name, content)})
    with tempfile.TemporaryDirectory() as folder:
        for path, content in files.items():
            place = Path(folder) / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        return read_or_refuse({"matrix": FolderSource(Path(folder))})  # type: ignore[dict-item]


def damaged(files: dict[str, bytes], path: str, at: float, value: int, *, cut: bool) -> dict[str, bytes]:
    """One file cut, or with one byte changed."""
    content = bytearray(files[path])
    place = int(at * len(content)) if content else 0
    if cut or not content:
        return {**files, path: bytes(content[:place])}
    content[min(place, len(content) - 1)] = value
    return {**files, path: bytes(content)}


@pytest.mark.parametrize("name", ["h5mu", "loom", "zarr", "processed"])
def test_intact_examples_are_read(name: str) -> None:
    assert read_changed(intact(name))


@pytest.mark.parametrize("name", ["h5mu", "loom", "zarr", "processed"])
@settings(max_examples=40, deadline=None, suppress_health_check=CALM)
@given(at=st.floats(0, 1), value=st.integers(0, 255), cut=st.booleans(), data=st.data())
def test_damage(name: str, at: float, value: int, cut: bool, data: st.DataObject) -> None:
    files = intact(name)
    read_changed(damaged(files, data.draw(st.sampled_from(sorted(files))), at, value, cut=cut))


@settings(max_examples=60, deadline=None, suppress_health_check=CALM)
@given(at=st.floats(0, 1), value=st.integers(0, 255), cut=st.booleans(), text=st.sampled_from([TENX, AIRR]))
def test_damaged_contigs(at: float, value: int, cut: bool, text: str) -> None:
    content = damaged({"c": text.encode()}, "c", at, value, cut=cut)["c"]
    with suppress(CytosolError):
        read_contigs(BytesSource("c.csv", content))


def test_damaged_experiments_of_soma_never_end_the_process() -> None:
    """TileDB is C++: a crash would show as the exit status of a process of its own."""
    code = (
        "import random\n"
        "from tests.formats.test_damaged_stores import damaged, intact, read_changed\n"
        "files, random_ = intact('soma'), random.Random(3)\n"
        "assert read_changed(files)\n"
        "read = 0\n"
        "for number in range(24):\n"
        "    path, at, value = random_.choice(sorted(files)), random_.random(), random_.randrange(256)\n"
        "    read += read_changed(damaged(files, path, at, value, cut=number % 2 == 0))\n"
        "print('done', read)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240, check=False)
    assert (done.returncode, done.stdout[:4]) == (0, "done"), done.stderr[-2000:]
