"""Reader of the processed study folders that BBrowser's clients upload.

Their layout is not documented. What is read is what can be told with certainty: ``matrix.hdf5`` in the layout of a
BioTuring compressed study, arrays of one row a cell (``coords.npy``, ``custom_embeddings/*.npy``), and tables of SQLite
databases (``metadata.db``, ``embeddings.db``) that have one row a cell and a column with its barcodes.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import h5py
import numpy as np
import pandas as pd

from cytosol.base.errors import CytosolError, UnreadableFileError
from cytosol.base.protocols import Report, Source
from cytosol.base.tables import MatrixKind
from cytosol.formats.archive import drop_folder
from cytosol.formats.bcs import read_study_matrix
from cytosol.formats.files import copy_down, open_hdf5, readable
from cytosol.formats.folders import FolderSource, store_root
from cytosol.formats.table import DEFAULT_BLOCK_BYTES, MatrixTable
from cytosol.formats.values import Checker, find_fault, number_like

CUSTOM = "custom_embeddings/"
_ROLES = {"coords.npy": "coords", "embeddings.db": "embeddings", "matrix.hdf5": "matrix", "metadata.db": "metadata"}
_EXPECTED = "coords.npy, embeddings.db, matrix.hdf5 (with the group 'bioturing'), metadata.db, custom_embeddings/*.npy"
_MAX_WIDTH = 1000
_MAX_COLUMNS = 2000
_MAX_TEXT = 1 << 20


def open_processed(
    files: Mapping[str, Source], *, matrix: MatrixKind, options: Mapping[str, str], report: Report | None
) -> MatrixTable:
    """Open a processed study folder.

    Parameters
    ----------
    files : {"matrix": the folder}, or "matrix", "coords", "metadata", "embeddings", and "custom_embeddings/NAME.npy"
    matrix : "counts" takes the group ``bioturing``; if it holds no whole numbers, as normalised values with a note

    Raises
    ------
    UnreadableFileError
        ``matrix.hdf5`` is damaged or of another layout.
    """
    parts = dict(files)
    if isinstance(files.get("matrix"), FolderSource):
        parts = folder_parts(files["matrix"])
    if "matrix" not in parts:
        raise UnreadableFileError("The folder has no matrix.hdf5", do=f"Expected were {_EXPECTED}")
    name = parts["matrix"].name
    scratch = Path(tempfile.mkdtemp(prefix="cytosol-"))
    opened: list[h5py.File] = []

    def close() -> None:
        for file in opened:
            file.close()
        drop_folder(scratch)

    try:
        with readable(name, "matrix.hdf5 of a processed folder"):
            opened.append(open_hdf5(parts["matrix"]))
            table = _open(opened[0], parts, scratch, matrix)
    except BaseException:
        close()
        raise
    table.on_close = close
    return table


def folder_parts(source: Source) -> dict[str, Source]:
    """The files of a folder by their roles."""
    if not isinstance(source, FolderSource):
        return {"matrix": source}
    root = store_root(source.path)
    found: dict[str, Source] = {}
    for file in FolderSource(root, source.name).files():
        role = role_of(file.name.removeprefix(f"{source.name}/"))
        if role:
            found[role] = file
    return found


def role_of(path: str) -> str:
    """The role of a file of a processed folder, "" for one that does not belong to it."""
    if path.startswith(CUSTOM) and path.endswith(".npy") and path.count("/") == 1:
        return path
    return _ROLES.get(path, "")


def _open(file: h5py.File, parts: Mapping[str, Source], scratch: Path, kind: MatrixKind) -> MatrixTable:
    name = parts["matrix"].name
    cells, var, matrix, notes = read_study_matrix(file, name, kind)
    if kind == "counts" and find_fault(matrix.probe(), "counts") is not None:
        kind = "normalized"
        notes.append("The values of matrix.hdf5 are not whole numbers, so they are taken as normalised.")
    n_cells = len(cells)
    obsm: dict[str, np.ndarray] = {}
    for role, source in sorted(parts.items()):
        if role == "coords" or role.startswith(CUSTOM):
            title = "coords" if role == "coords" else role.removeprefix(CUSTOM).removesuffix(".npy")
            try:
                obsm[title] = _read_array(source, n_cells)
            except CytosolError as error:
                notes.append(f"The embedding '{title}' was left out: {error.what}.")
    columns: dict[str, Any] = {}
    for role in ("metadata", "embeddings"):
        if role in parts:
            try:
                found = _read_tables(parts[role], scratch / role, cells)
            except CytosolError as error:
                notes.append(f"{role}.db was left out: {error.what}.")
                continue
            _take(found, columns, obsm, as_embeddings=role == "embeddings")
    checker = Checker(kind=kind, place=matrix.place, cells=cells, features=var.index)
    return MatrixTable(
        obs=pd.DataFrame(columns, index=cells),
        var=var,
        kind=kind,
        make_blocks=lambda block_bytes: matrix.blocks(checker, block_bytes),
        obsm=obsm,
        notes=notes,
        memory_bytes=3 * DEFAULT_BLOCK_BYTES + 32 * n_cells,
    )


def _read_array(source: Source, n_cells: int) -> np.ndarray:
    """An embedding of shape (n_cells, n_dims); one that lies on its side is turned."""
    with readable(source.name, ".npy file"), source.open() as stream:
        version = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(stream)
        if not number_like(dtype) or len(shape) != 2:
            raise UnreadableFileError(f"it holds values of the kind {dtype} in the shape {shape}", where=source.name)
        if np.prod(shape, dtype=np.float64) * dtype.itemsize > source.size:
            raise UnreadableFileError(f"it is cut short: its shape is {shape}", where=source.name)
        stream.seek(0)
        values = np.load(stream, allow_pickle=False)
    if values.shape[0] != n_cells and values.shape[1] == n_cells:
        values = values.T
    if values.shape[0] != n_cells or not 1 <= values.shape[1] <= _MAX_WIDTH:
        raise UnreadableFileError(f"it has the shape {values.shape} for {n_cells} cells", where=source.name)
    return np.ascontiguousarray(values, dtype=np.float64)


def _read_tables(source: Source, path: Path, cells: pd.Index) -> dict[str, pd.DataFrame]:
    """Tables with one row a cell and a column of its barcodes, put into the order of the cells."""
    copy_down(source, path)
    found = {}
    try:
        with _connect(path) as conn:
            listed = conn.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
            for name, sql in listed:
                if str(name).startswith("sqlite_") or str(sql).upper().startswith("CREATE VIRTUAL"):
                    continue
                frame = _read_table(conn, str(name), cells)
                if frame is not None:
                    found[str(name)] = frame
    except (sqlite3.Error, ValueError, OverflowError) as error:
        raise UnreadableFileError(f"it is no SQLite database that can be read: {error}", where=source.name) from error
    if not found:
        raise UnreadableFileError(
            "it holds no table with one row a cell and a column of barcodes", where=source.name, do=_EXPECTED
        )
    return found


def _connect(path: Path) -> sqlite3.Connection:
    conn = sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)
    conn.execute("PRAGMA trusted_schema = OFF")
    conn.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_TEXT)
    return conn


def _read_table(conn: sqlite3.Connection, name: str, cells: pd.Index) -> pd.DataFrame | None:
    quoted = '"' + name.replace('"', '""') + '"'
    columns = [str(row[1]) for row in conn.execute(f"PRAGMA table_info({quoted})")]
    n_rows = conn.execute(f"SELECT count(*) FROM {quoted}").fetchone()[0]
    if n_rows != len(cells) or not 2 <= len(columns) <= _MAX_COLUMNS or len(set(columns)) != len(columns):
        return None
    frame = pd.DataFrame(conn.execute(f"SELECT * FROM {quoted}").fetchall(), columns=columns)
    for column in columns:
        if frame[column].is_unique and set(frame[column].map(str)) == set(cells):
            return frame.set_index(frame[column].map(str)).drop(columns=column).reindex(cells)
    return None


def _take(
    found: Mapping[str, pd.DataFrame], columns: dict[str, Any], obsm: dict[str, np.ndarray], *, as_embeddings: bool
) -> None:
    """Tables become annotations, or, where all their columns are numbers, embeddings under the name of the table."""
    for table, frame in found.items():
        numbers = [column for column in frame.columns if frame[column].dtype.kind in "iuf"]
        if as_embeddings and len(numbers) == len(frame.columns) and len(numbers) <= _MAX_WIDTH:
            obsm.setdefault(table, frame.to_numpy(dtype=np.float64))
            continue
        for column in frame.columns:
            title = str(column) if column not in columns else f"{column} ({table})"
            values = frame[column]
            if column not in numbers:
                texts = pd.Series([None if value is None else str(value) for value in values], index=frame.index)
                values = texts.astype("category") if texts.nunique() <= max(2, len(texts) // 2) else texts
            columns[title] = values
