"""Giving back in a Zarr v2 view what was kept of the submitted file; see ``formats.remainder``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import h5py
import numpy as np
from numcodecs import Blosc, VLenUTF8

from cytosol.formats.h5frame import frame_columns, index_name
from cytosol.formats.hdf5_copy import layout_of
from cytosol.formats.remainder import FACTS
from cytosol.formats.spatialdata.give_back import KeptFile
from cytosol.formats.spatialdata.zarr_v2_view import TEXT_FILTER, ZarrV2View, usable_names

_CHUNK_BYTES = 1 << 20
_CHUNK_STRINGS = 1 << 16
_PACKER = Blosc(cname="lz4", clevel=5, shuffle=Blosc.SHUFFLE)
_DICT = {"encoding-type": "dict", "encoding-version": "0.1.0"}


def give_back_v2(view: ZarrV2View, kept: KeptFile, n_levels: Mapping[str, int]) -> None:
    """Add to a view what was kept of the submitted file, in the places that it had there; the file has to stay open.

    Parameters
    ----------
    n_levels : of the categorical annotations by their names in the view
    """
    if kept.main == "raw/X":
        view.group("raw", {"encoding-type": "raw", "encoding-version": "0.1.0"})
        view.move("var", "raw/var")
    if kept.main != "X":
        view.move("X", kept.main)
    if kept.features in kept.file:
        _features(view, kept)
    for place, item in kept.entries():
        if place.startswith("raw/varm/"):
            view.group("raw/varm", _DICT)
        if place == "raw/X":
            view.group("raw", {"encoding-type": "raw", "encoding-version": "0.1.0"})
        _put(view, place, item)
    for name, item in kept.columns():
        _put(view, f"obs/{name}", item)
    for name, item in kept.embeddings():
        _put(view, f"obsm/{name}", item)
    for name, item in kept.uns(n_levels):
        if name != FACTS:
            _put(view, f"uns/{name}", item)
    index = kept.index
    said = view.attributes("obs")
    if index and index not in said["column-order"] and index != said["_index"]:
        view.move(f"obs/{said['_index']}", f"obs/{index}")
        view.group("obs", {**said, "_index": index})


def _features(view: ZarrV2View, kept: KeptFile) -> None:
    """The features as the submitted file has them, and what Cytosol says of them beside."""
    place = kept.features
    ours = view.attributes(place)["column-order"]
    view.move(place, "ours")
    _put(view, place, kept.file[place])
    said = view.attributes(place)
    taken = {said["_index"], *said["column-order"]}
    added = [name for name in ("feature_id", "feature_type", "genome") if name in ours and name not in taken]
    for name in added:
        view.move(f"ours/{name}", f"{place}/{name}")
    view.group(place, {**said, "column-order": [*said["column-order"], *added]})
    view.drop("ours")


def _put(view: ZarrV2View, place: str, item: Any) -> None:
    view.drop(place)
    if isinstance(item, h5py.Dataset):
        _put_dataset(view, place, item)
        return
    attributes = _attributes(item)
    if layout_of(item) == "dataframe":
        index = index_name(item)
        names = usable_names([(name, name) for name in frame_columns(item)], index)
        view.group(place, {**attributes, "column-order": [name for name, _ in names]})
        _put(view, f"{place}/{index}", item[index])
    else:
        names = usable_names([(name, name) for name in item], "")
        view.group(place, attributes)
    for name, key in names:
        _put(view, f"{place}/{name}", item[key])


def _put_dataset(view: ZarrV2View, place: str, item: h5py.Dataset) -> None:
    attributes = _attributes(item)
    is_text = h5py.check_string_dtype(item.dtype) is not None and item.dtype.kind == "O"
    if item.shape is None:
        view.array(place, _document((), (), "|b1", False), attributes)
    elif item.ndim == 0:
        value = np.array(item.asstr()[()] if is_text else item[()])
        value = _plain(value)
        value = value if value.dtype.itemsize else value.astype("<U1")
        view.array(place, _document((), (), _spelled(value.dtype), None), attributes)
        view.content(f"{place}/0", value.tobytes)
    elif is_text:
        rows = max(1, min(item.shape[0], _CHUNK_STRINGS // max(1, math.prod(item.shape[1:]))))
        document = _document(item.shape, (rows, *item.shape[1:]), "|O", "")
        view.array(place, {**document, "filters": [TEXT_FILTER]}, attributes)
        _put_chunks(view, place, item, rows)
    else:
        dtype = _plain(item[:0], like=item).dtype
        width = max(1, dtype.itemsize * math.prod(item.shape[1:]))
        rows = max(1, min(item.shape[0], _CHUNK_BYTES // width))
        fill = None if dtype.names or dtype.kind == "S" else False if dtype.kind == "b" else 0
        document = _document(item.shape, (rows, *item.shape[1:]), _spelled(dtype), fill)
        view.array(place, {**document, "compressor": _PACKER.get_config()}, attributes)
        _put_chunks(view, place, item, rows)


def _put_chunks(view: ZarrV2View, place: str, item: h5py.Dataset, rows: int) -> None:
    if not item.size:
        return
    tail = ".0" * (item.ndim - 1)
    for start in range(0, item.shape[0], rows):
        view.content(f"{place}/{start // rows}{tail}", partial(_chunk, item, start, rows))


def _chunk(item: h5py.Dataset, start: int, rows: int) -> bytes:
    """The bytes of one chunk; the last one is filled up."""
    text = item.dtype.kind == "O"
    piece = item.asstr()[start : start + rows] if text else _plain(item[start : start + rows], like=item)
    if len(piece) < rows:
        filler = np.full((rows - len(piece), *item.shape[1:]), "", dtype=object) if text else None
        if filler is None:
            filler = np.zeros((rows - len(piece), *item.shape[1:]), piece.dtype)
        piece = np.concatenate([piece, filler])
    if text:
        return bytes(VLenUTF8().encode(np.asarray(piece, dtype=object).ravel()))
    packed: bytes = _PACKER.encode(np.ascontiguousarray(piece).view(np.uint8).ravel())
    return packed


def _plain(values: np.ndarray, *, like: h5py.Dataset | None = None) -> np.ndarray:
    """Little-endian values; text inside of records gets a fixed width."""
    if values.dtype.names is None:
        return values.astype(values.dtype.newbyteorder("<"), copy=False)
    whole = values if like is None else like[()]
    fields = []
    for name in values.dtype.names:
        dtype = values.dtype[name]
        if dtype.kind == "O":
            longest = max((len(_decoded(value)) for value in whole[name].ravel()), default=1)
            dtype = np.dtype(f"<U{max(1, longest)}")
        fields.append((name, dtype.newbyteorder("<")))
    out = np.empty(values.shape, dtype=fields)
    for name in values.dtype.names:
        text = values.dtype[name].kind == "O"
        out[name] = [_decoded(value) for value in values[name]] if text else values[name]
    return out


def _decoded(value: Any) -> str:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def _spelled(dtype: np.dtype[Any]) -> Any:
    return [[name, dtype[name].str] for name in dtype.names] if dtype.names else dtype.str


def _document(shape: tuple[int, ...], chunks: tuple[int, ...], dtype: Any, fill: Any) -> dict[str, Any]:
    return {
        "zarr_format": 2,
        "shape": list(shape),
        "chunks": [max(1, length) for length in chunks],
        "dtype": dtype,
        "compressor": None,
        "fill_value": fill,
        "order": "C",
        "filters": None,
        "dimension_separator": ".",
    }


def _attributes(item: h5py.Group | h5py.Dataset) -> dict[str, Any]:
    """As JSON knows them."""
    found: dict[str, Any] = {}
    for name, value in item.attrs.items():
        if isinstance(value, np.generic | np.ndarray):
            value = value.tolist()
        if isinstance(value, list):
            value = [_decoded(entry) if isinstance(entry, bytes) else entry for entry in value]
        found[name] = _decoded(value) if isinstance(value, bytes) else value
    return {name: value for name, value in found.items() if not isinstance(value, float) or math.isfinite(value)}
