"""Copying parts of AnnData files from one HDF5 file to another: all cells and features, or some of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np
import scipy.sparse as sp

from cytosol.base.errors import InvalidInputError, UnreadableFileError
from cytosol.formats.files import readable
from cytosol.formats.h5frame import index_name
from cytosol.formats.h5guard import check_own_values, check_type, read_attribute
from cytosol.formats.h5matrix import SparseMatrix, check_claim, cut_pointers

Positions = np.ndarray | None
"""Which entries of an axis are taken, rising, shape (n,), int64; None = all."""
_PIECE_BYTES = 16 << 20
_PACKED = 1 << 16
_CHUNK = 1 << 18
_MAX_DEPTH = 32
_MAX_NODES = 20_000
_ALONG_ROWS = {
    "categorical": ("codes",),
    "nullable-integer": ("values", "mask"),
    "nullable-boolean": ("values", "mask"),
    "nullable-string-array": ("values", "mask"),
}


@dataclass(frozen=True, slots=True)
class Cut:
    """What is taken of the first and second axis of an item."""

    rows: Positions = None
    columns: Positions = None

    @property
    def is_whole(self) -> bool:
        """Whether everything is taken."""
        return self.rows is None and self.columns is None


WHOLE = Cut()


@dataclass(slots=True)
class NodeCopier:
    """Copies items, and counts them, so that a file of endless groups ends.

    Attributes
    ----------
    place : file that the items come from, for errors
    """

    place: str
    n_nodes: int = field(default=0)

    def copy(self, item: Any, parent: h5py.Group, name: str, cut: Cut = WHOLE) -> None:
        """Copy one item, or what is taken of it.

        Raises
        ------
        UnreadableFileError
            It is damaged, or of a kind that no AnnData holds. What was copied until then is removed.
        InvalidInputError
            Some of its rows are wanted, and it has none.
        """
        try:
            with readable(f"{self.place}{item.name}"):
                self._copy(item, parent, name, cut, depth=0)
        except BaseException:
            if name in parent:
                del parent[name]
            raise

    def _copy(self, item: Any, parent: h5py.Group, name: str, cut: Cut, *, depth: int) -> None:
        self.n_nodes += 1
        if depth > _MAX_DEPTH or self.n_nodes > _MAX_NODES:
            raise UnreadableFileError(f"It has more than {_MAX_DEPTH} levels or {_MAX_NODES:,} parts")
        if isinstance(item, h5py.Dataset):
            _copy_dataset(item, parent, name, cut)
            return
        kind = layout_of(item)
        if cut.is_whole:
            along: Mapping[str, Cut] = dict.fromkeys(item, WHOLE)
        elif kind in ("csr_matrix", "csc_matrix"):
            _copy_sparse(item, parent, name, cut)
            return
        elif kind == "dataframe":
            along = dict.fromkeys(item, Cut(cut.rows))
        elif kind in _ALONG_ROWS:
            along = {member: Cut(cut.rows) if member in _ALONG_ROWS[kind] else WHOLE for member in item}
        else:
            raise InvalidInputError(f"It is of the kind '{kind or 'group'}', of which no part can be taken")
        target = parent.create_group(name)
        _copy_attributes(item, target)
        for member, taken in along.items():
            if isinstance(item.get(member, getlink=True), h5py.HardLink):
                self._copy(item[member], target, member, taken, depth=depth + 1)


def _copy_dataset(item: h5py.Dataset, parent: h5py.Group, name: str, cut: Cut) -> None:
    rows, columns = cut.rows, cut.columns
    _check(item)
    if not item.ndim:
        value = h5py.Empty(item.dtype) if item.shape is None else item[()]
        target = parent.create_dataset(name, data=value, dtype=item.dtype)
        _copy_attributes(item, target)
        return
    shape = list(item.shape)
    for axis, taken in ((0, rows), (1, columns)):
        if taken is not None:
            if axis >= len(shape) or (len(taken) and taken[-1] >= shape[axis]):
                raise UnreadableFileError(f"It has the shape {item.shape}, which does not fit its table")
            shape[axis] = len(taken)
    target = parent.create_dataset(name, tuple(shape), item.dtype, **_packing(shape, item.dtype))
    at = 0
    for start, stop in _pieces(item):
        if rows is not None and not len(rows):
            break
        piece = item[start:stop]
        if rows is not None:
            low, high = np.searchsorted(rows, [start, stop])
            piece = piece[rows[low:high] - start]
        if columns is not None:
            piece = piece[:, columns]
        if len(piece):
            target[at : at + len(piece)] = piece
        at += len(piece)
    _copy_attributes(item, target)


def _copy_sparse(item: h5py.Group, parent: h5py.Group, name: str, cut: Cut) -> None:
    shape = [int(length) for length in read_attribute(item, "shape", read_attribute(item, "h5sparse_shape"))]
    rows, columns = cut.rows, cut.columns
    by_rows = layout_of(item) == "csr_matrix"
    major, minor = (rows, columns) if by_rows else (columns, rows)
    n_major, n_minor = shape if by_rows else reversed(shape)
    matrix = SparseMatrix(item, n_major, n_minor, "cells" if by_rows else "features", item.name)
    pointers = matrix.pointers()
    target = parent.create_group(name)
    _copy_attributes(item, target)
    for axis, taken in ((0, rows), (1, columns)):
        shape[axis] = shape[axis] if taken is None else len(taken)
    target.attrs["h5sparse_shape" if "h5sparse_shape" in item.attrs else "shape"] = shape
    options: dict[str, Any] = {"maxshape": (None,), "chunks": (_CHUNK,), "compression": "gzip", "shuffle": True}
    options["compression_opts"] = 1
    vectors = [target.create_dataset(part, (0,), item[part].dtype, **options) for part in ("data", "indices")]
    lengths = [np.zeros(1, np.int64)]
    at = 0
    for start, stop in cut_pointers(pointers, _CHUNK * 4, 1 << 20):
        piece = matrix.rows(start, stop, pointers)
        if major is not None:
            low, high = np.searchsorted(major, [start, stop])
            piece = piece[major[low:high] - start]
        if minor is not None:
            piece = sp.csr_matrix(piece[:, minor])
        for vector, values in zip(vectors, (piece.data, piece.indices), strict=True):
            vector.resize((at + len(values),))
            vector[at:] = values
        lengths.append(np.diff(piece.indptr))
        at += piece.nnz
    target.create_dataset("indptr", data=np.cumsum(np.concatenate(lengths)).astype(item["indptr"].dtype))


def layout_of(item: h5py.Group | h5py.Dataset) -> str:
    """The kind that an item says it is; "" where it says nothing."""
    said = _text(item, "encoding-type")
    if not said and _text(item, "h5sparse_format") in ("csr", "csc"):
        return f"{_text(item, 'h5sparse_format')}_matrix"
    return said


def shape_of(item: h5py.Group | h5py.Dataset) -> tuple[int, ...]:
    """Shape of an array or sparse matrix, length of a data frame; () where there is none."""
    if isinstance(item, h5py.Dataset):
        return tuple(item.shape or ())
    if layout_of(item) == "dataframe":
        index = item.get(index_name(item))
        if isinstance(index, h5py.Group):  # newer files: text and a mask of what is missing
            index = index.get("values")
        return tuple(index.shape) if isinstance(index, h5py.Dataset) else ()
    said = read_attribute(item, "shape", read_attribute(item, "h5sparse_shape"))
    return () if said is None else tuple(int(length) for length in np.atleast_1d(said))


def _text(item: h5py.Group | h5py.Dataset, name: str) -> str:
    value = read_attribute(item, name, "")
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _check(item: h5py.Dataset) -> None:
    """Refuse values that are neither numbers nor text, and sizes beyond what is stored."""
    check_type(item.dtype)
    check_own_values(item)
    check_claim(item, str(item.name))
    parts = [item.dtype] if item.dtype.names is None else [item.dtype[name] for name in item.dtype.names]
    for part in parts:
        plain = part.base.kind in "biufcS" or (part.base.kind == "O" and h5py.check_string_dtype(part.base) is not None)
        if not plain:
            raise UnreadableFileError(f"Its values are of the kind {part}")


def _copy_attributes(item: h5py.Group | h5py.Dataset, target: h5py.Group | h5py.Dataset) -> None:
    """All but references, which would point into the other file."""
    for name in item.attrs:
        value = read_attribute(item, name)
        if isinstance(value, h5py.Reference) or h5py.check_ref_dtype(getattr(value, "dtype", np.dtype(bool))):
            continue
        if isinstance(value, np.ndarray) and value.dtype.kind == "O":
            target.attrs.create(name, value, dtype=h5py.string_dtype())
        else:
            target.attrs[name] = value


def _packing(shape: list[int], dtype: np.dtype[Any]) -> dict[str, Any]:
    """Large arrays are packed, so that a small file stays about as small."""
    if not all(shape) or np.prod(shape, dtype=np.float64) * dtype.itemsize < _PACKED:
        return {}
    width = max(1, int(np.prod(shape[1:], dtype=np.int64)) * dtype.itemsize)
    chunks = (max(1, min(shape[0], (1 << 20) // width)), *shape[1:])
    return {
        "chunks": chunks if width <= 1 << 24 else True,
        "compression": "gzip",
        "compression_opts": 1,
        "shuffle": True,
    }


def _pieces(item: h5py.Dataset) -> Iterator[tuple[int, int]]:
    """Cuts along the first axis of about 16 MiB."""
    width = max(1, int(np.prod(item.shape[1:], dtype=np.int64)) * max(item.dtype.itemsize, 1))
    step = max(1, _PIECE_BYTES // width)
    for start in range(0, item.shape[0], step):
        yield start, min(start + step, item.shape[0])
