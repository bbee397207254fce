"""Guards against damage that makes the HDF5 library loop for ever or crash instead of failing, and against leaks.

libhdf5 walks a global heap object by object, and the free blocks of a local heap link by link; a block of size 0 or a
link back never let it end. Such heaps are looked for in every small read before the library sees them. Sequences of
anything but text, which no format here has, crash it when their type is damaged. A dataset may name another file of
this machine that its values are read from; files with one are refused.
"""

from __future__ import annotations

import io
import re
import struct
from typing import Any, BinaryIO

import h5py
import numpy as np

from cytosol.base.errors import UnreadableFileError

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_HEAPS = re.compile(rb"GCOL\x01\x00\x00\x00|HEAP\x00\x00\x00\x00")
_MAX_ATTRIBUTE = 1 << 20
_STARTS = (0, *(512 << shift for shift in range(8)))  # a block of the user's may stand before the HDF5 part
_LARGEST_READ = 2 << 20
_LARGEST_HEAP = 64 << 20
_OBJECT = struct.Struct("<HHIQ")
_HEADER = 16


class GuardedStream(io.RawIOBase):
    """A readable file for h5py's file-object driver; checks heaps (those with 8-byte lengths) on the way."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._checked: set[int] = set()
        self._base = next((at for at in _STARTS if self._at(at, 8) == SIGNATURE), 0)
        stream.seek(0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; as any file."""
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """Where the next read starts."""
        return self._stream.tell()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer as far as the file goes.

        Raises
        ------
        OSError
            A heap is malformed.
        """
        start = self._stream.tell()
        content = self._stream.read(len(buffer))
        buffer[: len(content)] = content
        if len(content) <= _LARGEST_READ:
            back = self._stream.tell()
            for found in _HEAPS.finditer(content):
                self._check(start + found.start(), found.group())
            self._stream.seek(back)
        return len(content)

    def close(self) -> None:
        """Close the file below, too."""
        if not self.closed:
            self._stream.close()
        super().close()

    def _check(self, address: int, sign: bytes) -> None:
        """Walk the heap at an address as the library will."""
        if address in self._checked:
            return
        self._checked.add(address)
        if sign.startswith(b"GCOL"):
            size = int.from_bytes(self._at(address + 8, 8), "little")
            if size <= _LARGEST_HEAP:
                _walk_global(self._at(address, size), size)
            return
        fields = self._at(address + 8, 24)
        if len(fields) == 24:
            size, first, segment = struct.unpack("<QQQ", fields)
            if size <= _LARGEST_HEAP and segment < 1 << 62:
                _walk_local(self._at(self._base + segment, size), first)

    def _at(self, address: int, length: int) -> bytes:
        self._stream.seek(address)
        return self._stream.read(length)


def _walk_local(heap: bytes, first: int) -> None:
    """Follow the list of free blocks; 1 ends it."""
    seen: set[int] = set()
    at = first
    while at + 16 <= len(heap) and at != 1:
        if at in seen:
            raise OSError("a local heap of the HDF5 file is malformed")
        seen.add(at)
        at = int.from_bytes(heap[at : at + 8], "little")


def _walk_global(heap: bytes, size: int) -> None:
    """Step from object to object; each must lead on, and stay inside."""
    at = _HEADER
    while at + _OBJECT.size <= min(size, len(heap)):
        number, _, _, length = _OBJECT.unpack_from(heap, at)
        step = length if number == 0 else _HEADER + (length + 7 & ~7)
        if step < 8 or at + step > size:
            raise OSError("a global heap of the HDF5 file is malformed")
        at += step


def check_type(dtype: np.dtype[Any]) -> None:
    """Refuse sequences of anything but text.

    Raises
    ------
    OSError
        Reading such values could crash the library.
    """
    parts = [dtype] if dtype.names is None else [dtype[name] for name in dtype.names]
    for part in parts:
        plain = part.base.kind != "O" or h5py.check_string_dtype(part.base) is not None
        if not plain and h5py.check_ref_dtype(part.base) is None:
            raise OSError("its type is malformed or not plain")


def read_attribute(item: h5py.Group | h5py.Dataset, name: str, default: Any = None) -> Any:
    """Value of an attribute, or a default.

    Raises
    ------
    OSError
        Its type or size is impossible.
    """
    if name not in item.attrs:
        return default
    found = item.attrs.get_id(name)
    check_type(found.dtype)
    if np.prod(found.shape, dtype=np.float64) > _MAX_ATTRIBUTE:
        raise OSError("an attribute is too large")
    return item.attrs[name]


def check_self_contained(file: h5py.Group) -> None:
    """Refuse a file whose values lie in other files, which would be files of this machine.

    Raises
    ------
    UnreadableFileError
        A dataset is of that kind.
    OSError, RuntimeError
        A group cannot be listed.
    """
    seen: set[int] = set()
    waiting = [file]
    while waiting:
        group = waiting.pop()
        for name in list(group):
            try:
                kind = group.get(name, getlink=True)
                item = group[name] if isinstance(kind, h5py.HardLink) else None
            except (OSError, RuntimeError, LookupError, TypeError, ValueError):
                continue  # damaged: whoever needs it fails the same way
            if isinstance(item, h5py.Dataset):
                check_own_values(item)
            elif isinstance(item, h5py.Group):
                address = int(h5py.h5o.get_info(item.id).addr)
                if address not in seen:
                    seen.add(address)
                    waiting.append(item)


def check_own_values(dataset: h5py.Dataset) -> None:
    """Refuse a dataset whose values lie in other files.

    Raises
    ------
    UnreadableFileError
        They do.
    """
    if dataset.external or dataset.is_virtual:
        raise UnreadableFileError(
            f"The values of '{dataset.name}' lie in another file",
            do="Write the file again with its values in it; other files are never read on its behalf",
        )
