"""Small reads and writes on a Zarr store: whole objects, arrays, and long arrays that grow piece by piece.

Everything is synchronous and for job processes or compute threads; several objects travel at once.
"""

from __future__ import annotations

import asyncio
import json
import math
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numcodecs import VLenUTF8, blosc
from zarr.abc.store import Store
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync
from zarr.storage import LocalStore

from cytosol.base.errors import ConflictError, DamagedDataError, NotFoundError

CHUNK_BYTES = 1 << 20
CHUNK_STRINGS = 1 << 16
SPARSE_CHUNK = 1 << 19
"""Values a chunk of ``X/data`` and ``X/indices`` holds."""
METADATA = "zarr.json"
_AT_ONCE = 32
_PENDING_CHUNKS = 8
_LEVEL = 5


# whole objects


def put_many(root: Store, items: Iterable[tuple[str, bytes]]) -> None:
    """Write whole objects, several at once; returns when all are stored.

    On this machine they are written here and now: for a small file, turns of an event loop take longer than the disk.
    """
    if type(root) is LocalStore and not root.read_only:
        for key, data in items:
            _put_file(root.root / key, data)
        return
    make = default_buffer_prototype().buffer.from_bytes

    async def run() -> None:
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(key: str, data: bytes) -> None:
            async with gate:
                await root.set(key, make(data))

        await asyncio.gather(*(one(key, data) for key, data in items))

    sync(run())


def get_many(root: Store, keys: Iterable[str]) -> list[bytes | None]:
    """Read whole objects, several at once; None for what is not there."""
    if isinstance(root, LocalStore):
        return [_file_bytes(root.root / key) for key in keys]
    prototype = default_buffer_prototype()

    async def run() -> list[bytes | None]:
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(key: str) -> bytes | None:
            async with gate:
                found = await root.get(key, prototype)
            return None if found is None else found.to_bytes()

        return list(await asyncio.gather(*(one(key) for key in keys)))

    return sync(run())


def _put_file(path: Path, data: bytes) -> None:
    """Write or replace a file: readers see all of it or nothing."""
    staged = path.with_name(f"{path.name}.{secrets.token_hex(16)}.partial")
    try:
        try:
            file = staged.open("wb")
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = staged.open("wb")
        with file:
            file.write(data)
        staged.replace(path)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise


def _file_bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def members(root: Store, path: str) -> set[str]:
    """Names that lie directly under a path, whether or not any metadata lists them."""

    async def run() -> set[str]:
        return {name.rstrip("/").rsplit("/", 1)[-1] async for name in root.list_dir(path)}

    return sync(run())


def json_bytes(document: Mapping[str, Any]) -> bytes:
    """Spell a metadata document; NaN as a fill value is written as Zarr asks, as text."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False).encode()


def group_document(attributes: Mapping[str, Any], consolidated: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The ``zarr.json`` of a Zarr v3 group."""
    document: dict[str, Any] = {"zarr_format": 3, "node_type": "group", "attributes": dict(attributes)}
    if consolidated is not None:
        document["consolidated_metadata"] = {
            "kind": "inline",
            "must_understand": False,
            "metadata": dict(consolidated),
        }
    return document


def put_group(root: Store, path: str, attributes: Mapping[str, Any]) -> None:
    """Write the metadata of one group."""
    put_many(root, [(join(path, METADATA), json_bytes(group_document(attributes)))])


def get_document(root: Store, path: str) -> dict[str, Any]:
    """Read the ``zarr.json`` of a node.

    Raises
    ------
    NotFoundError
        Where no node has this path.
    """
    (data,) = get_many(root, [join(path, METADATA)])
    if data is None:
        raise NotFoundError("The dataset holds no such part", where=path)
    return parse_document(data, path)


def parse_document(data: bytes, path: str) -> dict[str, Any]:
    """Read the bytes of a ``zarr.json``."""
    try:
        document = json.loads(data)
    except ValueError as error:
        raise DamagedDataError("The metadata is not JSON", where=path) from error
    if not isinstance(document, dict):
        raise DamagedDataError("The metadata is not a JSON object", where=path)
    return document


def join(*parts: str) -> str:
    """Join parts of a path inside the store, leaving out empty ones."""
    return "/".join(part for part in parts if part)


# arrays


def array_document(
    shape: tuple[int, ...],
    chunks: tuple[int, ...],
    dtype: np.dtype[Any],
    *,
    packed: bool,
    attributes: Mapping[str, Any],
    bare: bool = False,
) -> dict[str, Any]:
    """The ``zarr.json`` of a numeric array, compressed by blosc with lz4, which reads and writes fastest.

    Parameters
    ----------
    shape, chunks : of the array
    dtype : little-endian number, or bool
    packed : whether neighbouring values resemble one another bit by bit (counts, codes) rather than byte by byte
    attributes : what to note on the array
    bare : not compressed: for measurements, which hardly get smaller
    """
    first: dict[str, Any] = {"name": "bytes"}
    if dtype.itemsize > 1:
        first["configuration"] = {"endian": "little"}
    packer = {
        "typesize": dtype.itemsize,
        "cname": "lz4",
        "clevel": _LEVEL,
        "shuffle": "bitshuffle" if packed else "shuffle",
        "blocksize": 0,
    }
    fill = False if dtype.kind == "b" else 0.0 if dtype.kind == "f" else 0
    codecs = [first] if bare else [first, {"name": "blosc", "configuration": packer}]
    return _document(shape, chunks, dtype.name, fill=fill, codecs=codecs, attributes=attributes)


def _document(
    shape: tuple[int, ...],
    chunks: tuple[int, ...],
    data_type: str,
    *,
    fill: Any,
    codecs: list[dict[str, Any]],
    attributes: Mapping[str, Any],
) -> dict[str, Any]:
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(shape),
        "data_type": data_type,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(chunks)}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": fill,
        "codecs": codecs,
        "attributes": dict(attributes),
        "storage_transformers": [],
    }


def _pack(values: np.ndarray, *, packed: bool) -> bytes:
    """Compress one chunk as ``array_document`` says."""
    shuffle = blosc.BITSHUFFLE if packed else blosc.SHUFFLE
    data: bytes = blosc.compress(values, b"lz4", _LEVEL, shuffle, 0, values.dtype.itemsize)
    return data


def refuse_taken(root: Store, path: str) -> None:
    """Raise where something lies at a path, since arrays are written once."""
    if get_many(root, [join(path, METADATA)])[0] is not None or members(root, path):
        raise ConflictError(
            "This path of the dataset is taken, and arrays are written once",
            where=path,
            do="Write under a fresh path (fresh_path gives one)",
        )


def write_array(root: Store, path: str, values: np.ndarray, attributes: Mapping[str, Any]) -> None:
    """Write a numeric array of any shape, cut along its first axis into chunks of about 1 MiB.

    Parameters
    ----------
    root : the dataset's store
    path : where to write it
    values : numeric or bool array
    attributes : what to note on the array
    """
    values = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
    inner = values.shape[1:]
    row_bytes = max(1, values.dtype.itemsize * math.prod(inner))
    rows = max(1, min(len(values), CHUNK_BYTES // row_bytes))
    packed = values.dtype.kind in "biu"
    chunks = (rows, *(max(1, n) for n in inner))

    def pack(start: int) -> bytes:
        part = values[start : start + rows]
        if len(part) < rows:
            part = np.concatenate([part, np.zeros((rows - len(part), *inner), values.dtype)])
        return _pack(part, packed=packed)

    tail = "/0" * len(inner)
    starts = range(0, len(values), rows) if values.size else range(0)
    put_many(root, [(f"{path}/c/{start // rows}{tail}", pack(start)) for start in starts])
    document = array_document(values.shape, chunks, values.dtype, packed=packed, attributes=attributes)
    put_many(root, [(join(path, METADATA), json_bytes(document))])


def write_strings(root: Store, path: str, values: np.ndarray, attributes: Mapping[str, Any] | None = None) -> None:
    """Write a vector of text, UTF-8 with a length before each, as AnnData does.

    Parameters
    ----------
    root : the dataset's store
    path : where to write it
    values : shape (n,), object array of str
    attributes : what to note beside the encoding
    """
    rows = max(1, min(len(values), CHUNK_STRINGS))
    text = VLenUTF8()

    def pack(start: int) -> bytes:
        part = values[start : start + rows]
        if len(part) < rows:
            part = np.concatenate([part, np.full(rows - len(part), "", dtype=object)])
        data: bytes = blosc.compress(text.encode(part), b"zstd", 1, blosc.NOSHUFFLE, 0, 1)
        return data

    put_many(root, [(f"{path}/c/{start // rows}", pack(start)) for start in range(0, len(values), rows)])
    put_many(root, [(join(path, METADATA), json_bytes(_text_document(len(values), rows, attributes or {})))])


def write_row_numbers(root: Store, path: str, n_rows: int) -> None:
    """Write the numbers from 0 on as text, which is what AnnData wants as names of rows; any number of them."""
    rows = max(1, min(n_rows, CHUNK_STRINGS))

    def pack(start: int) -> bytes:
        texts = [_number_texts(max(low, start), min(high, start + rows, n_rows)) for low, high in _DECADES]
        n = min(rows, n_rows - start)
        whole = np.int32(rows).tobytes() + b"".join(texts) + bytes(4 * (rows - n))
        data: bytes = blosc.compress(whole, b"zstd", 1, blosc.NOSHUFFLE, 0, 1)
        return data

    put_many(root, ((f"{path}/c/{start // rows}", pack(start)) for start in range(0, n_rows, rows)))
    put_many(root, [(join(path, METADATA), json_bytes(_text_document(n_rows, rows, {})))])


_DECADES = [(0, 10), *((10**digits, 10 ** (digits + 1)) for digits in range(1, 12))]
"""Numbers with the same number of digits."""


def _number_texts(low: int, high: int) -> bytes:
    """Numbers of the same number of digits as UTF-8, the length before each."""
    if high <= low:
        return b""
    digits = len(str(low))
    texts = np.empty((high - low, 4 + digits), np.uint8)
    texts[:, :4] = np.frombuffer(np.array([digits], "<i4").tobytes(), np.uint8)
    numbers = np.arange(low, high)
    for place in range(digits):
        texts[:, 3 + digits - place] = 48 + numbers // 10**place % 10
    return texts.tobytes()


def _text_document(n: int, rows: int, attributes: Mapping[str, Any]) -> dict[str, Any]:
    packer = {"typesize": 1, "cname": "zstd", "clevel": 1, "shuffle": "noshuffle", "blocksize": 0}
    return _document(
        (n,),
        (rows,),
        "string",
        fill="",
        codecs=[{"name": "vlen-utf8"}, {"name": "blosc", "configuration": packer}],
        attributes={"encoding-type": "string-array", "encoding-version": "0.2.0", **attributes},
    )


def read_array(root: Store, path: str, rows: slice | None = None) -> np.ndarray:
    """Read an array, or some of its rows.

    Returns
    -------
    As stored; text comes as an object array of str.

    Raises
    ------
    NotFoundError
        Where no array has this path.
    """
    try:
        array = zarr.open_array(root, path=path, mode="r", zarr_format=3)
    except (FileNotFoundError, KeyError) as error:
        raise NotFoundError("The dataset holds no such array", where=path) from error
    values = np.asarray(array[...] if rows is None else array[rows])
    return values.astype(object) if values.dtype.kind in "TU" else values


class GrowingVector:
    """A long numeric vector that is written piece by piece; its metadata follows its last chunk.

    Parameters
    ----------
    root : the dataset's store
    path : where to write it
    dtype : data type of the values; ``append`` may widen it
    chunk : values in a chunk
    packed : see ``array_document``
    """

    def __init__(self, root: Store, path: str, dtype: np.dtype[Any], *, chunk: int, packed: bool = False) -> None:
        self._root = root
        self._path = path
        self._chunk = chunk
        self._packed = packed
        self._rest = np.empty(chunk, dtype)
        self._filled = 0
        self._n_chunks = 0
        self._pending: list[tuple[str, bytes]] = []
        self.dtype = dtype

    def __len__(self) -> int:
        return self._n_chunks * self._chunk + self._filled

    def append(self, values: np.ndarray) -> None:
        """Add values at the end, widening the vector where they need it.

        Parameters
        ----------
        values : shape (n,), numeric
        """
        if values.dtype != self.dtype:
            wider = common_dtype(self.dtype, values.dtype)
            if wider != self.dtype:
                self._widen(wider)
        at = 0
        while at < len(values):
            take = min(self._chunk - self._filled, len(values) - at)
            self._rest[self._filled : self._filled + take] = values[at : at + take]
            self._filled += take
            at += take
            if self._filled == self._chunk:
                self._add_chunk()

    def close(self, attributes: Mapping[str, Any]) -> None:
        """Write the last chunk, then the metadata."""
        n = len(self)
        if n < self._chunk:
            self._chunk = max(1, n)
            self._rest = self._rest[: self._chunk]
        if self._filled:
            self._rest[self._filled :] = 0
            self._add_chunk()
        self._flush()
        document = array_document((n,), (self._chunk,), self.dtype, packed=self._packed, attributes=attributes)
        put_many(self._root, [(join(self._path, METADATA), json_bytes(document))])

    def _add_chunk(self) -> None:
        self._pending.append((self._key(self._n_chunks), _pack(self._rest, packed=self._packed)))
        self._n_chunks += 1
        self._filled = 0
        if len(self._pending) >= _PENDING_CHUNKS:
            self._flush()

    def _flush(self) -> None:
        put_many(self._root, self._pending)
        self._pending = []

    def _key(self, number: int) -> str:
        return f"{self._path}/c/{number}"

    def _widen(self, dtype: np.dtype[Any]) -> None:
        """Rewrite what is there in a wider type; seldom, since the first blocks mostly show the range."""
        self._flush()
        old = self.dtype
        self.dtype = dtype
        rest = np.empty(self._chunk, dtype)
        rest[: self._filled] = self._rest[: self._filled]
        self._rest = rest
        for number in range(self._n_chunks):
            (data,) = get_many(self._root, [self._key(number)])
            if data is None:
                raise DamagedDataError("A chunk that was just written is gone", where=self._key(number))
            values = np.frombuffer(blosc.decompress(data), old).astype(dtype)
            put_many(self._root, [(self._key(number), _pack(values, packed=self._packed))])


def common_dtype(one: np.dtype[Any], other: np.dtype[Any]) -> np.dtype[Any]:
    """The type that a matrix of both takes: the wider unsigned integer, or float32 once there is a fraction."""
    if one.kind == "f" or other.kind == "f":
        return np.dtype("<f4")
    return max(one, other, key=lambda dtype: dtype.itemsize)
