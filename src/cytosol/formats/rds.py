"""Reader of Seurat (v3 to v5), SingleCellExperiment and plain matrices in R data files (.rds, .rda), without R."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from cytosol.base.errors import InvalidInputError, UnreadableFileError
from cytosol.base.protocols import Report, Source
from cytosol.base.tables import MatrixBlock, MatrixKind
from cytosol.formats.features import GENE_EXPRESSION, MODALITY_TYPES, cell_index, feature_table
from cytosol.formats.files import only_file, readable
from cytosol.formats.h5matrix import cut_pointers
from cytosol.formats.rvalues import RValue, read_r_values
from cytosol.formats.table import MatrixTable
from cytosol.formats.values import Checker, find_fault

_EXPERIMENTS = ("SingleCellExperiment", "SummarizedExperiment", "RangedSummarizedExperiment", "SpatialExperiment")
_DO = "In R, write it with sceasy, zellkonverter or SeuratDisk to .h5ad and give that"
_DO_COUNTS = "Give the file as normalized values, or add the raw counts to the object and try again"


@dataclass(slots=True)
class _Assay:
    """Matrices of one assay by name (counts, data …), each shape (n_cells, n_features)."""

    name: str
    cells: list[str]
    features: list[str]
    matrices: dict[str, sp.csr_matrix]


@dataclass(slots=True)
class _Study:
    """What an object holds: assays, the main one first, columns of the cells, embeddings."""

    assays: list[_Assay]
    columns: dict[str, Any] = field(default_factory=dict)
    embeddings: dict[str, np.ndarray] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def open_rds(
    files: Mapping[str, Source], *, matrix: MatrixKind, options: Mapping[str, str], report: Report | None
) -> MatrixTable:
    """Open an .rds or .rda file; it is held in memory.

    Parameters
    ----------
    files : {"matrix": the file}
    matrix : "counts" takes the counts of the active assay, else any matrix of it with whole numbers from 0;
        "normalized" takes its data (Seurat) or logcounts
    options : "assay" names the assay to take as the main one

    Returns
    -------
    Further assays of antibodies, guides or tags with the same cells come along, told apart by their feature type.

    Raises
    ------
    UnreadableFileError, InvalidInputError
        The file is damaged, holds no such object, or has no matrix of the kind.
    """
    source = only_file(files, "An .rds or .rda")
    values = read_r_values(source)
    with readable(source.name, "R data file"):
        study = _find(values, source.name, options.get("assay", ""))
        return _table(study, source, matrix)


def _find(values: dict[str, RValue], name: str, wanted: str) -> _Study:
    """The first object that is read."""
    for value in values.values():
        classes, slots = value.classes, value.slots
        if "Seurat" in classes:
            return _seurat(slots, name, wanted)
        if "seurat" in classes:
            raise UnreadableFileError(
                "The object is of Seurat version 2",
                where=name,
                do="In R: UpdateSeuratObject(object), and save it again",
            )
        if set(classes) & set(_EXPERIMENTS):
            return _experiment(slots, name, wanted)
        if "dim" in slots or "Dim" in slots:
            features, cells = value.dimnames()
            return _Study([_Assay("", cells, features, {"counts": value.cells_by_features()})])
    found = ", ".join(" ".join(value.classes) or value.kind for value in values.values()) or "nothing"
    raise UnreadableFileError(
        f"The R file holds no Seurat or SingleCellExperiment object and no matrix, but {found[:200]}",
        where=name,
        do=_DO,
    )


def _seurat(slots: dict[str, RValue], name: str, wanted: str) -> _Study:
    study = _Study([])
    assays = slots["assays"].items()
    active = slots["active.assay"].texts()[0] if "active.assay" in slots else ""
    if wanted and wanted not in assays:
        raise InvalidInputError(
            f"The object has no assay '{wanted}'", where=name, do=f"Name one of: {', '.join(assays)}"
        )
    if not wanted and active.lower() not in MODALITY_TYPES:
        active = next((key for key in assays if MODALITY_TYPES.get(key.lower()) == GENE_EXPRESSION), active)
    main = wanted or active or next(iter(assays), "")
    for key in sorted(assays, key=lambda key: key != main):
        try:
            assay = _seurat_assay(key, assays[key], study.notes)
        except (ValueError, LookupError, AttributeError, TypeError) as error:
            if key == main:
                raise
            study.notes.append(f"The assay '{key}' was left out: {error}.")
            continue
        if key == main or (MODALITY_TYPES.get(key.lower(), GENE_EXPRESSION) != GENE_EXPRESSION and not wanted):
            study.assays.append(assay)
        else:
            study.notes.append(f"The assay '{key}' was left out; '{main}' was read.")
    if not study.assays:
        raise UnreadableFileError("The Seurat object has no assay", where=name, do=_DO)
    cells = study.assays[0].cells
    meta = slots.get("meta.data")
    if meta is not None:
        _take_columns(study, meta.items(), meta.slots.get("row.names"), cells)
    reductions = slots["reductions"].items() if "reductions" in slots else {}
    for key, value in reductions.items():
        _take_embedding(study, key, value.slots.get("cell.embeddings"), cells)
    return study


def _seurat_assay(key: str, value: RValue, notes: list[str]) -> _Assay:
    slots = value.slots
    if "layers" in slots:
        return _layers(key, slots, notes)
    matrices: dict[str, sp.csr_matrix] = {}
    names: list[list[str]] = [[], []]
    for layer in ("counts", "data"):
        if layer in slots:
            matrix = slots[layer].cells_by_features()
            if matrix.shape[0] and matrix.shape[1]:
                matrices[layer] = matrix
                names = names if all(names) else slots[layer].dimnames()
    return _Assay(key, names[1], names[0], matrices)


def _layers(key: str, slots: dict[str, RValue], notes: list[str]) -> _Assay:
    """An Assay5: layers without names, and tables that say which cells and features each has; parts are joined."""
    cells, of_cells = _log_map(slots["cells"])
    features, of_features = _log_map(slots["features"])
    joined: dict[str, list[sp.coo_matrix]] = {}
    for layer, value in slots["layers"].items().items():
        kind = layer.split(".")[0]
        if kind == "scale":
            continue
        try:
            matrix = value.cells_by_features().tocoo()
        except ValueError as error:
            notes.append(f"The layer '{layer}' of '{key}' was left out: {error}.")
            continue
        rows, columns = of_cells[layer], of_features[layer]
        if matrix.shape != (len(rows), len(columns)):
            raise ValueError(f"layer {layer} is {matrix.shape}, its names count {len(rows)} and {len(columns)}")
        shape = (len(cells), len(features))
        joined.setdefault(kind, []).append(
            sp.coo_matrix((matrix.data, (rows[matrix.row], columns[matrix.col])), shape=shape)
        )
    matrices = {kind: sp.csr_matrix(sum(parts[1:], start=parts[0])) for kind, parts in joined.items()}
    return _Assay(key, cells, features, matrices)


def _log_map(value: RValue) -> tuple[list[str], dict[str, np.ndarray]]:
    """Names of the rows of a LogMap, and the rows of each layer."""
    names, layers = value.dimnames()
    marks = value.numbers().astype(bool).reshape(len(layers), len(names))
    return names, {layer: np.flatnonzero(row) for layer, row in zip(layers, marks, strict=True)}


def _experiment(slots: dict[str, RValue], name: str, wanted: str) -> _Study:
    study = _Study([])
    holder = slots["assays"].slots["data"].slots["listData"]
    nodes = holder.items()
    if not nodes:
        raise UnreadableFileError("The object has no assay", where=name, do=_DO)
    if wanted and wanted not in nodes:
        raise InvalidInputError(
            f"The object has no assay '{wanted}'", where=name, do=f"Name one of: {', '.join(nodes)}"
        )
    matrices: dict[str, sp.csr_matrix] = {}
    features: list[str] = []
    cells: list[str] = []
    for key, value in nodes.items():
        if key != "scaledata" and wanted in ("", key):
            matrices[{"logcounts": "data", wanted: "counts"}.get(key, key)] = value.cells_by_features()
            named = value.dimnames()
            features, cells = features or named[0], cells or named[1]
    frame = slots["colData"].slots
    row_names = frame.get("rownames")
    if row_names is not None and row_names.kind == "STR":
        cells = row_names.texts()
    features = _row_names(slots) or features
    study.assays.append(_Assay("", cells, features, matrices))
    _take_columns(study, frame["listData"].items(), None, cells)
    internal = slots.get("int_colData")
    dims = internal.slots["listData"].items().get("reducedDims") if internal is not None else None
    for key, value in (dims.slots["listData"].items() if dims is not None else {}).items():
        _take_embedding(study, key, value, cells)
    return study


def _row_names(slots: dict[str, RValue]) -> list[str]:
    """Names of the features of a SummarizedExperiment, wherever its version keeps them; [] if nowhere."""
    ranges = slots.get("rowRanges")
    places = [slots.get("NAMES")]
    if ranges is not None:
        places += [
            inner.slots.get("NAMES")
            for inner in (ranges.slots.get("partitioning"), ranges.slots.get("ranges"))
            if inner is not None
        ]
    return next((place.texts() for place in places if place is not None and place.kind == "STR"), [])


def _take_columns(study: _Study, items: dict[str, RValue], row_names: RValue | None, cells: list[str]) -> None:
    """Columns of the cells, in the order of the cells."""
    order: Any = slice(None)
    if row_names is not None and row_names.kind == "STR" and (names := row_names.texts()) != cells:
        order = pd.Index(names).get_indexer(pd.Index(cells))
    for key, value in items.items():
        try:
            column = value.column()
            if len(column) != len(cells) and isinstance(order, slice):
                raise ValueError(f"it has {len(column)} values for {len(cells)} cells")
            study.columns[key] = column if isinstance(order, slice) else pd.Series(column).reindex(order).array
        except (ValueError, TypeError, LookupError) as error:
            study.notes.append(f"The column '{key}' was left out: {error}.")


def _take_embedding(study: _Study, key: str, value: RValue | None, cells: list[str]) -> None:
    try:
        if value is None:
            raise ValueError("it has no coordinates")
        rows, columns = (int(size) for size in value.slots["dim"].numbers())
        points = value.numbers().reshape(columns, rows).T.astype(np.float64)
        names = value.dimnames()[0] or cells
        order = pd.Index(names).get_indexer(pd.Index(cells))
        if len(names) != rows or (order < 0).any():
            raise ValueError("it lacks some cells")
        study.embeddings[key] = np.ascontiguousarray(points[order])
    except (ValueError, TypeError, LookupError) as error:
        study.notes.append(f"The reduction '{key}' was left out: {error}.")


def _table(study: _Study, source: Source, kind: MatrixKind) -> MatrixTable:
    name, notes = source.name, study.notes
    main = study.assays[0]
    parts: list[tuple[_Assay, sp.csr_matrix]] = []
    for assay in study.assays:
        try:
            picked = _choose(assay, kind, name, notes)
        except InvalidInputError as error:
            if assay is main:
                raise
            notes.append(f"The assay '{assay.name}' was left out: {error.what}.")
            continue
        if assay is not main and assay.cells != main.cells:
            notes.append(f"The assay '{assay.name}' was left out: its cells are not those of '{main.name}'.")
            continue
        parts.append((assay, picked))
    types = [MODALITY_TYPES.get(assay.name.lower(), "") for assay, _ in parts for _ in assay.features]
    cells, more = cell_index(main.cells, where=f"{name}, cells")
    notes += more
    var, more = feature_table(
        [text for assay, _ in parts for text in assay.features], types=types, where=f"{name}, features"
    )
    matrix = parts[0][1] if len(parts) == 1 else sp.csr_matrix(sp.hstack([part for _, part in parts], format="csr"))
    checker = Checker(kind=kind, place=name, cells=cells, features=var.index)
    return MatrixTable(
        obs=pd.DataFrame(study.columns, index=cells),
        var=var,
        kind=kind,
        make_blocks=lambda block_bytes: _blocks(matrix, checker, block_bytes),
        obsm=study.embeddings,
        notes=notes + more,
        memory_bytes=3 * int(matrix.data.nbytes + matrix.indices.nbytes),
    )


def _choose(assay: _Assay, kind: MatrixKind, name: str, notes: list[str]) -> sp.csr_matrix:
    """The matrix of the kind, whose shape fits the names."""
    place = f"{name}, assay {assay.name}" if assay.name else name
    wanted = ["data", *assay.matrices] if kind == "normalized" else ["counts", *assay.matrices]
    faults: list[str] = []
    for key in dict.fromkeys(key for key in wanted if key in assay.matrices):
        matrix = assay.matrices[key]
        if matrix.shape != (len(assay.cells), len(assay.features)):
            raise UnreadableFileError(
                f"The matrix '{key}' has {matrix.shape[0]} cells and {matrix.shape[1]} features, but there are "
                f"{len(assay.cells)} names of cells and {len(assay.features)} of features",
                where=place,
                do="Give the object names of rows and columns, and save it again",
            )
        fault = find_fault(matrix.data, kind)
        if fault is None:
            if key != wanted[0]:
                notes.append(f"The values were taken from '{key}' of {place}.")
            return matrix
        faults.append(f"in {key} a value {fault[1]}")
    if not faults:
        raise InvalidInputError("The object has no matrix", where=place, do=_DO)
    what = "no raw counts" if kind == "counts" else "no usable values"
    raise InvalidInputError(f"The object holds {what}: " + "; ".join(faults), where=place, do=_DO_COUNTS)


def _blocks(matrix: sp.csr_matrix, check: Checker, block_bytes: int) -> Iterator[MatrixBlock]:
    pointers = matrix.indptr.astype(np.int64)
    per_entry = matrix.data.dtype.itemsize + matrix.indices.dtype.itemsize + 4
    for start, stop in cut_pointers(pointers, max(1, block_bytes // per_entry), max(1, block_bytes // 16)):
        yield check.rows(start, sp.csr_matrix(matrix[start:stop], copy=True))
