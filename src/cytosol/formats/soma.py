"""Reader of TileDB-SOMA experiments: obs, and the measurements with their layers, embeddings and features."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from cytosol.base.errors import CytosolError, InvalidInputError, UnreadableFileError
from cytosol.base.protocols import Report, Source
from cytosol.base.tables import MatrixBlock, MatrixKind
from cytosol.formats.features import GENE_EXPRESSION, MODALITY_TYPES, cell_index, feature_table
from cytosol.formats.files import only_file, readable
from cytosol.formats.folders import FolderSource, store_root
from cytosol.formats.modalities import combine_modalities
from cytosol.formats.table import DEFAULT_BLOCK_BYTES, MatrixTable
from cytosol.formats.values import Checker, find_fault, number_like

_JOINID = "soma_joinid"
_CELL_NAMES = ("obs_id", "barcode", "barcodes", "cell_id", "index", "_index")
_FEATURE_NAMES = ("var_id", "feature_name", "gene_symbol", "gene_symbols", "symbol", "index", "_index")
_FEATURE_IDS = ("gene_ids", "feature_id", "gene_id", "ensembl_id")
_TYPES = ("feature_types", "feature_type")
_COUNT_LAYERS = ("counts", "raw", "raw_counts", "data", "X")
_VALUE_LAYERS = ("data", "lognorm", "normalized", "X")
_MAX_EMBEDDING = 1000
_MAX_AXIS = 50_000_000
_PROBED_CELLS = 20_000
_SETTINGS = {"sm.compute_concurrency_level": "2", "sm.io_concurrency_level": "2"}
_DO = "Write it again with tiledbsoma.io.from_h5ad, or give the study as .h5ad"


@dataclass(frozen=True, slots=True)
class _Layer:
    """A matrix of a measurement, shape (n_cells, n_features), addressed by the join ids of both axes."""

    path: Path
    place: str
    rows: np.ndarray
    columns: np.ndarray

    def read(self, start: int, stop: int) -> sp.csr_matrix:
        """Some consecutive cells, unchecked values."""
        with readable(self.place, "SOMA array"), _opened(self.path) as array:
            first, last = int(self.rows[start]), int(self.rows[stop - 1])
            if array.schema.sparse:
                found = array.multi_index[first:last, :]
                cells, features, values = found["soma_dim_0"], found["soma_dim_1"], found["soma_data"]
            else:
                dense = np.asarray(array[first : last + 1]["soma_data"])
                cells, features = np.nonzero(dense)
                values = dense[cells, features]
                cells = cells + first
            if not number_like(np.asarray(values).dtype):
                raise UnreadableFileError("The matrix holds no numbers", where=self.place, do=_DO)
            at, known = _positions(self.rows[start:stop], cells)
            feature, named = _positions(self.columns, features)
            if not (known & named).all():
                raise UnreadableFileError(
                    "The matrix has values of cells or features that obs and var do not list", where=self.place, do=_DO
                )
            return sp.csr_matrix((values, (at, feature)), shape=(stop - start, len(self.columns)))

    def blocks(self, check: Checker, block_bytes: int) -> Iterator[MatrixBlock]:
        """Cells in order; the first piece tells how many of them fit into one."""
        start, step = 0, max(1, min(1024, block_bytes // (24 * max(1, len(self.columns)))))
        while start < len(self.rows):
            stop = min(start + step, len(self.rows))
            piece = self.read(start, stop)
            per_cell = max(1, 48 * piece.nnz // (stop - start))
            step = max(1, min(block_bytes // per_cell, 1 << 16))
            yield check.rows(start, piece)
            start = stop


def open_soma(
    files: Mapping[str, Source], *, matrix: MatrixKind, options: Mapping[str, str], report: Report | None
) -> MatrixTable:
    """Open an experiment of TileDB-SOMA.

    Parameters
    ----------
    files : {"matrix": the folder}
    matrix : "counts" takes the layer counts, raw, raw_counts, data or X, whichever holds whole numbers from 0, else the
        measurement that ``tiledbsoma.io`` makes of ``adata.raw``; "normalized" takes data, lognorm, normalized or X
    options : "measurement" names the only one to take, "layer" the layer of it

    Returns
    -------
    One table; ``var["feature_type"]`` tells the measurements apart.

    Raises
    ------
    UnreadableFileError, InvalidInputError
        The experiment is damaged, or has no matrix of the kind.
    """
    source = only_file(files, "A SOMA experiment")
    if not isinstance(source, FolderSource):
        raise InvalidInputError("A SOMA experiment is a folder, or an archive of one", where=source.name)
    name = source.name
    with readable(name, "SOMA experiment"):
        root = store_root(source.path)
        rows, frame = _read_frame(root / "obs", f"{name}, obs")
        cells, notes = _names(frame, _CELL_NAMES, len(rows))
        index, more = cell_index(cells, where=f"{name}, obs")
        book = _Book(root, name, matrix, rows, index, options.get("layer", ""))
        tables: dict[str, MatrixTable] = {}
        for number, key in enumerate(_measurements(book, options.get("measurement", ""))):
            try:
                tables[key] = _measurement(book, key)
            except InvalidInputError as error:
                if number == 0 and matrix == "counts" and (root / "ms" / "raw").is_dir() and key != "raw":
                    tables[key] = _measurement(book, "raw")
                    notes.append("Raw counts were taken from the measurement 'raw'.")
                elif number == 0:
                    raise
                else:
                    notes.append(f"The measurement '{key}' was left out: {error.what}.")
        obs = pd.DataFrame(frame, index=index)
        if len(tables) == 1:
            table = next(iter(tables.values()))
            table.obs = obs
        else:
            table = combine_modalities(tables, list(index), obs, kind=matrix, name=name)
        table.notes[:0] = notes + more
        return table


@dataclass(frozen=True, slots=True)
class _Book:
    """The experiment, what is wanted of it, and its cells."""

    root: Path
    name: str
    kind: MatrixKind
    rows: np.ndarray
    cells: pd.Index
    layer: str


def _measurements(book: _Book, wanted: str) -> list[str]:
    """Names of the measurements to take, that of the genes first; 'raw' holds the same cells' genes again."""
    folder = book.root / "ms"
    found = sorted(path.name for path in folder.iterdir() if (path / "__tiledb_group.tdb").exists())
    if not found:
        raise UnreadableFileError("The experiment has no measurement (ms/…)", where=book.name, do=_DO)
    if wanted:
        if wanted not in found:
            raise InvalidInputError(
                f"The experiment has no measurement '{wanted}'", where=book.name, do=f"Name one of: {', '.join(found)}"
            )
        return [wanted]
    plain = [key for key in found if key != "raw"] or found
    return sorted(plain, key=lambda key: MODALITY_TYPES.get(key.lower()) != GENE_EXPRESSION)


def _measurement(book: _Book, key: str) -> MatrixTable:
    folder, place = book.root / "ms" / key, f"{book.name}, ms/{key}"
    columns, frame = _read_frame(folder / "var", f"{place}/var")
    symbols, notes = _names(frame, _FEATURE_NAMES, len(columns))
    kind = MODALITY_TYPES.get(key.lower()) or ("" if key == "raw" else key)
    var, more = feature_table(
        symbols,
        ids=_texts(frame, _FEATURE_IDS),
        types=_texts(frame, _TYPES) or [kind] * len(columns),
        where=f"{place}/var",
    )
    notes += more
    layer = _choose(book, key, columns, notes)
    check = Checker(kind=book.kind, place=layer.place, cells=book.cells, features=var.index)
    return MatrixTable(
        obs=pd.DataFrame(index=book.cells),
        var=var,
        kind=book.kind,
        make_blocks=lambda block_bytes: layer.blocks(check, block_bytes),
        obsm=_embeddings(book, folder / "obsm", f"{place}/obsm", notes),
        notes=notes,
        memory_bytes=5 * DEFAULT_BLOCK_BYTES + 32 * (len(book.rows) + len(columns)),
    )


def _choose(book: _Book, key: str, columns: np.ndarray, notes: list[str]) -> _Layer:
    """The layer whose values are of the kind."""
    folder = book.root / "ms" / key / "X"
    place = f"{book.name}, ms/{key}/X"
    found = sorted(path.name for path in folder.iterdir() if (path / "__schema").is_dir()) if folder.is_dir() else []
    if not found:
        raise InvalidInputError(f"The measurement '{key}' has no matrix", where=place, do=_DO)
    order = _COUNT_LAYERS if book.kind == "counts" else _VALUE_LAYERS
    names = [layer for layer in order if layer in found] or found
    if book.layer:
        if book.layer not in found:
            raise InvalidInputError(
                f"There is no layer '{book.layer}'", where=place, do=f"Name one of: {', '.join(found)}"
            )
        names = [book.layer]
    faults = []
    for name in names:
        layer = _Layer(folder / name, f"{place}/{name}", book.rows, columns)
        probed = layer.read(0, min(len(book.rows), _PROBED_CELLS, max(1, 20_000_000 // max(1, len(columns))))).data
        fault = find_fault(probed, book.kind)
        if fault is None:
            if len(found) > 1:
                notes.append(f"Values were taken from the layer {name} of {', '.join(found)}.")
            return layer
        faults.append(f"in {name} a value {fault[1]}")
    raise InvalidInputError(
        f"It has no matrix of that kind: {'; '.join(faults)}",
        where=place,
        do="Give it as normalized values, or add the raw counts as the layer 'counts'",
    )


def _read_frame(path: Path, place: str) -> tuple[np.ndarray, dict[str, Any]]:
    """Join ids in order, shape (n,), and the columns of a SOMA data frame."""
    with readable(place, "SOMA data frame"), _opened(path) as array:
        domain = array.nonempty_domain()
        schema = array.schema
        if [schema.domain.dim(at).name for at in range(schema.domain.ndim)] != [_JOINID] or domain is None:
            raise UnreadableFileError("It is not a data frame that is indexed by soma_joinid", where=place, do=_DO)
        if int(domain[0][1]) - int(domain[0][0]) >= _MAX_AXIS:
            raise UnreadableFileError("It claims more rows than are read", where=place, do=_DO)
        found = array.query()[:]
        order = np.argsort(found[_JOINID], kind="stable")
        columns = {}
        for at in range(schema.nattr):
            attribute = schema.attr(at)
            levels = array.enum(attribute.enum_label) if attribute.enum_label else None
            values = np.ma.asarray(found[attribute.name])[order]
            columns[attribute.name] = _column(values, levels)
        return np.asarray(found[_JOINID])[order].astype(np.int64), columns


def _column(values: Any, levels: Any) -> Any:
    missing = np.ma.getmaskarray(values)
    plain = np.ma.getdata(values)
    if levels is not None:
        names = [_text(level) for level in levels.values()]
        codes = np.where(missing, -1, plain.astype(np.int64))
        if len(codes) and (codes.min() < -1 or codes.max() >= len(names)):
            raise UnreadableFileError("A category code has no category", do=_DO)
        return pd.Categorical.from_codes(codes, categories=pd.Index(names, dtype=object), ordered=bool(levels.ordered))
    if plain.dtype == object and all(isinstance(value, int | float) for value in plain.tolist()[:1000]):
        plain = pd.to_numeric(pd.Series(plain)).to_numpy()
    if plain.dtype.kind in "iuf":
        return np.where(missing, np.nan, plain.astype(np.float64)) if missing.any() else plain
    if plain.dtype.kind == "b" and not missing.any():
        return plain
    return np.array([None if gone else _text(value) for value, gone in zip(plain, missing, strict=True)], dtype=object)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _names(frame: dict[str, Any], known: tuple[str, ...], count: int) -> tuple[list[str], list[str]]:
    """Names of the rows, whose column leaves the frame."""
    for name in known:
        texts = _texts(frame, (name,))
        if texts is not None:
            del frame[name]
            return texts, []
    return [str(number) for number in range(count)], [f"There is no column {known[0]}; rows are named by their number."]


def _texts(frame: Mapping[str, Any], names: tuple[str, ...]) -> list[str] | None:
    for name in names:
        values = frame.get(name)
        if isinstance(values, pd.Categorical) or (values is not None and values.dtype == object):
            return ["" if value is None or value != value else str(value) for value in values]
    return None


def _embeddings(book: _Book, folder: Path, place: str, notes: list[str]) -> dict[str, np.ndarray]:
    """Every array of ``obsm`` whose rows are the cells; NaN where it has none."""
    found: dict[str, np.ndarray] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not (path / "__schema").is_dir():
            continue
        try:
            found[path.name] = _embedding(path, f"{place}/{path.name}", book.rows)
        except CytosolError as error:
            notes.append(f"obsm['{path.name}'] was left out: {error.what}.")
    return found


def _embedding(path: Path, place: str, rows: np.ndarray) -> np.ndarray:
    with readable(place, "SOMA array"), _opened(path) as array:
        domain = array.nonempty_domain()
        if domain is None or array.schema.domain.ndim != 2 or int(domain[1][1]) >= _MAX_EMBEDDING:
            raise UnreadableFileError("It is not a narrow matrix", where=place)
        values = np.full((len(rows), int(domain[1][1]) + 1), np.nan)
        if array.schema.sparse:
            found = array.query()[:]
            at, known = _positions(rows, found["soma_dim_0"])
            values[at[known], found["soma_dim_1"][known]] = found["soma_data"][known]
        else:
            dense = np.asarray(array[int(rows[0]) : int(rows[-1]) + 1, : values.shape[1]]["soma_data"])
            values[:] = dense[rows - rows[0]]
        return values


def _positions(ids: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each wanted id stands among sorted ids, and whether it does."""
    wanted = np.asarray(wanted, dtype=np.int64)
    if not len(ids):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), bool)
    at = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return at, ids[at] == wanted


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """An array, addressed by where it lies and never by what a group says, which may lead elsewhere."""
    import tiledb  # loads a large library; few jobs read this format

    try:
        with tiledb.open(str(path), ctx=tiledb.Ctx(_SETTINGS)) as array:
            yield array
    except tiledb.TileDBError as error:
        raise OSError(str(error).splitlines()[0] if str(error) else "TileDB cannot read it") from error
