"""Reader of AnnData's Zarr stores (folders and archives, Zarr 2 and 3).

The store is copied piece by piece into a temporary HDF5 file, which the reader of .h5ad then reads in blocks, so that
both formats are read by the same rules.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import zarr

from cytosol.base.errors import CytosolError, InvalidInputError, LimitExceededError, UnreadableFileError
from cytosol.base.protocols import Report, Source
from cytosol.base.tables import MatrixKind
from cytosol.formats.archive import drop_folder
from cytosol.formats.files import only_file, readable
from cytosol.formats.folders import FolderSource, store_root
from cytosol.formats.h5ad import COUNT_LAYERS, read_anndata
from cytosol.formats.table import MatrixTable
from cytosol.formats.values import number_like

_PIECE_BYTES = 32 << 20
_PIECE_STRINGS = 1 << 18
_MAX_PACKING = 1100
_SMALL = 64 << 20
_FRAMES = ("obs", "var")
_CODECS = frozenset(
    "blosc bytes crc32c gzip lz4 lzma sharding_indexed shuffle transpose vlen-bytes vlen-utf8 zlib zstd bz2 delta "
    "fixedscaleoffset bitround astype packbits adler32 crc32 fletcher32".split()
)
"""Codecs that decode bytes and nothing else; above all not pickle."""


def open_zarr(
    files: Mapping[str, Source], *, matrix: MatrixKind, options: Mapping[str, str], report: Report | None
) -> MatrixTable:
    """Open an AnnData Zarr store.

    Parameters
    ----------
    files : {"matrix": the folder}
    matrix : as for .h5ad
    options : "slot" names the matrix to take: X, raw/X or layers/NAME; "table" the table of a SpatialData store

    Raises
    ------
    UnreadableFileError, InvalidInputError
        The store is damaged or no AnnData; or has no matrix of the kind.
    """
    source = only_file(files, "A Zarr store")
    if not isinstance(source, FolderSource):
        raise InvalidInputError("A Zarr store is a folder, or an archive of one", where=source.name)
    scratch = Path(tempfile.mkdtemp(prefix="cytosol-"))
    opened: list[h5py.File] = []

    def close() -> None:
        for file in opened:
            file.close()
        drop_folder(scratch)

    try:
        with readable(source.name, "Zarr store"):
            root = zarr.open_group(str(store_root(source.path)), mode="r")
            group, name = _anndata(root, source.name, options.get("table", ""))
            with h5py.File(scratch / "copy.h5ad", "w") as copy:
                notes = _copy_anndata(group, copy, name, options.get("slot", ""))
        opened.append(h5py.File(scratch / "copy.h5ad", "r"))
        with readable(source.name, "Zarr store"):
            table = read_anndata(opened[0], name, matrix, slot=options.get("slot", ""))
    except BaseException:
        close()
        raise
    table.notes += notes
    table.on_close = close
    return table


def _anndata(root: zarr.Group, name: str, wanted: str) -> tuple[zarr.Group, str]:
    """The group of the AnnData: the store itself, or a table of SpatialData; and its place for errors."""
    if all(frame in root for frame in _FRAMES):
        return root, name
    found: dict[str, zarr.Group] = {}
    for folder in ("tables", "table"):
        group = root.get(folder)
        if isinstance(group, zarr.Group):
            found |= {key: item for key, item in group.groups() if all(frame in item for frame in _FRAMES)}
    if wanted and wanted not in found:
        raise InvalidInputError(
            f"The store has no table '{wanted}'", where=name, do=f"Name one of: {', '.join(sorted(found)) or 'none'}"
        )
    if not found:
        raise UnreadableFileError(
            "The Zarr store has no 'obs' and 'var', so it is not an AnnData",
            where=name,
            do="Give a folder that adata.write_zarr() wrote, or pack it as a zip",
        )
    if len(found) > 1 and not wanted:
        raise InvalidInputError(
            f"The store has {len(found)} tables", where=name, do=f"Name one as option table: {', '.join(sorted(found))}"
        )
    key = wanted or next(iter(found))
    return found[key], f"{name}, table {key}"


def _copy_anndata(group: zarr.Group, file: h5py.File, name: str, slot: str) -> list[str]:
    """Copy everything; one sentence for each part that no table needs and that cannot be copied."""
    notes: list[str] = []
    _copy_attributes(group, file)
    for part in ("X", "obs", "var", "raw.X", "raw.var"):
        if part in group:
            _copy(group[part], file, part, name)
    raw = group.get("raw")
    if isinstance(raw, zarr.Group):
        target = file.create_group("raw")
        for part in ("X", "var"):
            if part in raw:
                _copy(raw[part], target, part, f"{name}, raw")
        for key, item in _members(raw, "varm"):
            _try_copy(item, target.require_group("varm"), key, f"{name}, raw/varm", notes=notes)
    for key, item in _members(group, "layers"):
        target = file.require_group("layers")
        if key in COUNT_LAYERS or slot == f"layers/{key}":
            _copy(item, target, key, f"{name}, layers")
        else:
            _try_copy(item, target, key, f"{name}, layers", notes=notes)
    for part in ("obsm", "uns", "varm", "obsp", "varp"):
        for key, item in _members(group, part):
            _try_copy(item, file.require_group(part), key, f"{name}, {part}", notes=notes)
    return notes


def _members(group: zarr.Group, key: str) -> list[tuple[str, Any]]:
    """What a group inside of a group holds; nothing where there is none."""
    inner = group.get(key)
    return list(inner.members()) if isinstance(inner, zarr.Group) else []


def _try_copy(item: Any, parent: h5py.Group, key: str, place: str, *, notes: list[str]) -> None:
    """Copy what no table needs; a failure is no reason to refuse a store."""
    try:
        with readable(f"{place}/{key}"):
            _copy(item, parent, key, place)
    except LimitExceededError:
        raise
    except CytosolError as error:
        if key in parent:
            del parent[key]
        notes.append(f"{place}/{key} was left out: {error.what}.")


def _copy(item: Any, parent: h5py.Group, key: str, place: str) -> None:
    where = f"{place}, {key}"
    if isinstance(item, zarr.Array):
        _copy_array(item, parent, key, where)
        return
    group = parent.create_group(key)
    _copy_attributes(item, group)
    for name, member in item.members():
        _copy(member, group, name, where)
    for name, member in item.members():
        levels = member.attrs.get("categories") if isinstance(member, zarr.Array) else None
        if isinstance(levels, str) and levels in group:
            group[name].attrs["categories"] = group[levels].ref


def _copy_attributes(item: Any, target: Any) -> None:
    """Those attributes that an .h5ad has, too: text, numbers, and lists of one of them."""
    for key, value in item.attrs.items():
        if isinstance(value, str | bool | int | float):
            target.attrs[key] = value
        elif isinstance(value, list) and all(isinstance(entry, str) for entry in value):
            target.attrs.create(key, np.array(value, dtype=object), dtype=h5py.string_dtype())
        elif isinstance(value, list) and all(isinstance(entry, int | float) for entry in value):
            target.attrs[key] = np.array(value)


def _copy_array(array: zarr.Array[Any], parent: h5py.Group, key: str, where: str) -> None:
    with readable(where, "array"):
        _check(array, where)
        text = array.dtype.kind in "OTU"
        if not (text or _is_plain(array.dtype)):
            raise UnreadableFileError(f"Its values are of the kind {array.dtype}", where=where)
        dtype = h5py.string_dtype() if text else _native(array.dtype)
        try:
            target = parent.create_dataset(key, shape=array.shape, dtype=dtype)
            for part in _pieces(array):
                values = np.asarray(array[part])
                target[part] = _texts(values) if text else values.astype(dtype) if values.dtype.names else values
        except OSError as error:
            if error.errno is None:
                raise
            raise LimitExceededError(
                "There is no room for a working copy of the Zarr store",
                where=tempfile.gettempdir(),
                do="Free disk space or set TMPDIR",
            ) from error
    _copy_attributes(array, target)


def _is_plain(dtype: np.dtype[Any]) -> bool:
    """Whether HDF5 stores values of a type as they are: numbers, bytes, or records of them."""
    parts = [dtype] if dtype.names is None else [dtype[name] for name in dtype.names]
    return all(part.kind == "S" or number_like(part) or (part.kind == "U" and dtype.names) for part in parts)


def _native(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The same in the byte order of this machine; text in records has any length, as AnnData writes it."""
    if dtype.names is None:
        return dtype.newbyteorder("=")
    parts = {name: dtype[name] for name in dtype.names}
    return np.dtype([(name, h5py.string_dtype() if one.kind == "U" else _native(one)) for name, one in parts.items()])


def _pieces(array: zarr.Array[Any]) -> Iterable[Any]:
    """Cuts along the first axis, at the borders of chunks."""
    if array.ndim == 0:
        return [()]
    width = max(1, int(np.prod(array.shape[1:], dtype=np.int64)) * max(array.dtype.itemsize, 1))
    step = max(1, _PIECE_STRINGS if array.dtype.kind in "OTU" else _PIECE_BYTES // width)
    chunk = max(1, array.chunks[0])
    step = max(chunk, step - step % chunk)
    return [slice(start, min(start + step, array.shape[0])) for start in range(0, array.shape[0], step)]


def _texts(values: np.ndarray) -> np.ndarray:
    flat = ["" if value is None else str(value) for value in values.ravel().tolist()]
    return np.array(flat, dtype=object).reshape(values.shape)


def _check(array: zarr.Array[Any], where: str) -> None:
    """Refuse codecs that may run code, and shapes far beyond what is stored."""
    unknown = _codecs(array) - _CODECS
    if unknown:
        raise UnreadableFileError(
            f"The array is packed with '{sorted(unknown)[0][:64]}', which is not read",
            where=where,
            do="Write it again with blosc, zstd or gzip",
        )
    item = max(array.dtype.itemsize, 1)
    claimed = max(np.prod(array.shape, dtype=np.float64), np.prod(array.chunks, dtype=np.float64)) * item
    if claimed > _SMALL and claimed > _MAX_PACKING * max(array.nbytes_stored(), 1):
        raise UnreadableFileError(
            f"The array claims the shape {array.shape}, far more than the store holds",
            where=where,
            do="Copy the store again; a damaged size field looks like this",
        )


def _codecs(array: zarr.Array[Any]) -> set[str]:
    """Names of everything that decodes the chunks of an array."""
    document = array.metadata.to_dict()
    found: set[str] = set()
    queue: list[Any] = [document.get(key) for key in ("codecs", "filters", "compressor")]
    while queue:
        item = queue.pop()
        if isinstance(item, list | tuple):
            queue += item
        elif isinstance(item, Mapping):
            found.add(str(item.get("name", item.get("id", ""))))
            configuration = item.get("configuration")
            if isinstance(configuration, Mapping):
                queue += [configuration.get(key) for key in ("codecs", "index_codecs")]
        elif item is not None:
            name = getattr(item, "codec_id", None)
            if name is None:
                queue.append(item.to_dict() if hasattr(item, "to_dict") else {"name": type(item).__name__})
            else:
                found.add(str(name))
    return {name.removeprefix("numcodecs.") for name in found}
