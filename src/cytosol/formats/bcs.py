"""Reader of BioTuring compressed studies (.bcs): counts, cell annotations and embeddings of a zipped folder."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from cytosol.base.errors import CytosolError, LimitExceededError, UnreadableFileError
from cytosol.base.protocols import Report, Source
from cytosol.base.tables import MatrixKind
from cytosol.formats.archive import drop_folder
from cytosol.formats.features import cell_index, feature_table
from cytosol.formats.files import FileSource, only_file, open_hdf5, readable
from cytosol.formats.h5matrix import SparseMatrix, read_whole
from cytosol.formats.table import DEFAULT_BLOCK_BYTES, MatrixTable
from cytosol.formats.values import Checker

_MAX_RATIO = 1000
_FREE_BYTES = 256 << 20
_DO = "Export it again, or give the study as .h5ad or MTX"


def open_bcs(
    files: Mapping[str, Source], *, matrix: MatrixKind, options: Mapping[str, str], report: Report | None
) -> MatrixTable:
    """Open a .bcs file.

    Parameters
    ----------
    files : {"matrix": the file}
    matrix : "counts" takes the group ``bioturing``, "normalized" the group ``normalizedT``

    Raises
    ------
    UnreadableFileError, InvalidInputError, LimitExceededError
        The file is damaged or of another layout, has no matrix of the kind, or unpacks to far more than its size.
    """
    source = only_file(files, "A .bcs")
    folder = Path(tempfile.mkdtemp(prefix="cytosol-"))
    opened: list[h5py.File] = []

    def close() -> None:
        for file in opened:
            file.close()
        drop_folder(folder)

    try:
        with readable(source.name, ".bcs file"), source.open() as stream, zipfile.ZipFile(stream) as archive:
            table = _open(archive, source, folder, kind=matrix, opened=opened)
    except BaseException:
        close()
        raise
    table.on_close = close
    return table


def _open(
    archive: zipfile.ZipFile, source: Source, folder: Path, *, kind: MatrixKind, opened: list[h5py.File]
) -> MatrixTable:
    name = source.name
    matrix_name = next((entry for entry in archive.namelist() if entry.endswith("main/matrix.hdf5")), None)
    if matrix_name is None:
        raise UnreadableFileError("The study has no main/matrix.hdf5", where=name, do=_DO)
    root = matrix_name.removesuffix("matrix.hdf5")
    budget = max(source.size * _MAX_RATIO, _FREE_BYTES)
    if sum(info.file_size for info in archive.infolist()) > budget:
        raise LimitExceededError("The study unpacks to far more than its own size", where=name, do=_DO)
    file = _unpack_matrix(archive, matrix_name, folder / "matrix.hdf5", name)
    opened.append(file)
    cells, var, matrix, notes = read_study_matrix(file, name, kind)
    checker = Checker(kind=kind, place=matrix.place, cells=cells, features=var.index)
    return MatrixTable(
        obs=pd.DataFrame(_columns(archive, root, name, n_cells=len(cells), notes=notes), index=cells),
        var=var,
        kind=kind,
        make_blocks=lambda block_bytes: matrix.blocks(checker, block_bytes),
        obsm=_embeddings(archive, root, name, n_cells=len(cells), notes=notes),
        notes=notes,
        memory_bytes=3 * DEFAULT_BLOCK_BYTES + 32 * len(cells),
    )


def read_study_matrix(
    file: h5py.File, name: str, kind: MatrixKind
) -> tuple[pd.Index, pd.DataFrame, SparseMatrix, list[str]]:
    """Cells, features and values of a ``matrix.hdf5``, and notes; also for processed folders.

    Raises
    ------
    UnreadableFileError
        It has not the layout that rBCS writes.
    """
    group = file.get("bioturing")
    if not isinstance(group, h5py.Group):
        raise UnreadableFileError("The matrix has no group 'bioturing'", where=f"{name}/matrix.hdf5", do=_DO)
    cells, var, notes = _names(group, name)
    return cells, var, _matrix(file, name, kind, (len(cells), len(var))), notes


def _unpack_matrix(archive: zipfile.ZipFile, member: str, path: Path, name: str) -> h5py.File:
    with archive.open(member) as packed, path.open("wb") as target:
        shutil.copyfileobj(packed, target, 1 << 20)
    return open_hdf5(FileSource(path, f"{name}/matrix.hdf5"))


def _names(group: h5py.Group, name: str) -> tuple[pd.Index, pd.DataFrame, list[str]]:
    """Cells and features; antibodies lose the ADT- in front of their names."""
    features = _texts(group, "features", name)
    types = _texts(group, "feature_type", name) if "feature_type" in group else [""] * len(features)
    symbols = [text.removeprefix("ADT-") if kind == "ADT" else text for text, kind in zip(features, types, strict=True)]
    cells, notes = cell_index(_texts(group, "barcodes", name), where=f"{name}, barcodes")
    var, more = feature_table(symbols, types=types, where=f"{name}, features")
    return cells, var, notes + more


def _matrix(file: h5py.File, name: str, kind: MatrixKind, shape: tuple[int, int]) -> SparseMatrix:
    n_cells, n_features = shape
    if kind == "counts":
        return SparseMatrix(file["bioturing"], n_cells, n_features, "cells", f"{name}, bioturing")
    group = file.get("normalizedT")
    if not isinstance(group, h5py.Group):
        raise UnreadableFileError("The study has no normalised values", where=name, do="Give it as raw")
    return SparseMatrix(group, n_features, n_cells, "features", f"{name}, normalizedT")


def _texts(group: h5py.Group, key: str, name: str) -> list[str]:
    item = group.get(key)
    if not isinstance(item, h5py.Dataset) or item.ndim != 1:
        raise UnreadableFileError(f"'bioturing/{key}' is missing", where=f"{name}/matrix.hdf5", do=_DO)
    values = read_whole(item, name).tolist()
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values]


def _json(archive: zipfile.ZipFile, path: str) -> Any:
    with archive.open(path) as stream:
        return json.load(stream)


def _columns(archive: zipfile.ZipFile, root: str, name: str, *, n_cells: int, notes: list[str]) -> dict[str, Any]:
    """Annotations of the cells by their names; a category 'Unassigned' stands for missing."""
    found: dict[str, Any] = {}
    if f"{root}metadata/metalist.json" not in archive.namelist():
        notes.append("The study has no list of annotations.")
        return found
    for key, entry in _json(archive, f"{root}metadata/metalist.json")["content"].items():
        title = str(entry.get("name") or key)
        try:
            with readable(f"{name}, annotation {title}"):
                values = _json(archive, f"{root}metadata/{key}.json")["clusters"]
                column = _column(entry, values)
                if len(column) != n_cells:
                    raise ValueError(f"it has {len(column)} values for {n_cells} cells")
        except CytosolError as error:
            notes.append(f"The annotation '{title}' was left out: {error.what}.")
            continue
        found[title if title not in found else f"{title} ({key})"] = column
    return found


def _column(entry: Mapping[str, Any], values: list[Any]) -> Any:
    if entry["type"] != "category":
        return np.array([np.nan if value in (None, "", "NA", "NaN") else float(value) for value in values])
    levels = [str(level) for level in entry["clusterName"]]
    codes = np.array(values, dtype=np.int64)
    if levels and levels[0] == "Unassigned":
        levels, codes = levels[1:], codes - 1
    return pd.Categorical.from_codes(codes, categories=pd.Index(levels, dtype=object))


def _embeddings(
    archive: zipfile.ZipFile, root: str, name: str, *, n_cells: int, notes: list[str]
) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    if f"{root}dimred/meta" not in archive.namelist():
        return found
    for key, entry in _json(archive, f"{root}dimred/meta")["data"].items():
        title = str(entry.get("name") or key)
        try:
            with readable(f"{name}, embedding {title}"):
                points = np.array(_json(archive, f"{root}dimred/{key}")["coords"], dtype=np.float64)
                if points.ndim != 2 or len(points) != n_cells:
                    raise ValueError(f"it has the shape {points.shape} for {n_cells} cells")
        except CytosolError as error:
            notes.append(f"The embedding '{title}' was left out: {error.what}.")
            continue
        found[title if title not in found else f"{title} ({key})"] = points
    return found
