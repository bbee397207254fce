"""Opening of user files so that every failure of the bytes becomes an error of ours."""

from __future__ import annotations

import csv
import gzip
import io
import lzma
import shutil
import struct
import tarfile
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import h5py

from cytosol.base.errors import CytosolError, InvalidInputError, UnreadableFileError
from cytosol.base.protocols import Source
from cytosol.formats.h5guard import GuardedStream, check_self_contained

MiB = 1 << 20
_BROKEN = (
    OSError,
    EOFError,
    ValueError,
    ArithmeticError,
    LookupError,
    TypeError,
    AttributeError,
    RuntimeError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    tarfile.TarError,
    tokenize.TokenError,  # headers of .npy files are read as Python
    SyntaxError,
    zipfile.BadZipFile,
    csv.Error,
)
_GZIP = b"\x1f\x8b"
_CHUNK_CACHE = 32 * MiB


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file on a local disk as a ``Source``."""

    path: Path
    label: str = ""

    @property
    def name(self) -> str:
        """The name as the user gave it, else the last part of the path."""
        return self.label or self.path.name

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size

    def open(self) -> BinaryIO:
        """Open for reading from the start."""
        return self.path.open("rb")


@dataclass(frozen=True, slots=True)
class BytesSource:
    """Bytes in memory as a ``Source``."""

    name: str
    content: bytes

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.content)

    def open(self) -> BinaryIO:
        """Open for reading from the start."""
        return io.BytesIO(self.content)


@contextmanager
def readable(where: str, kind: str = "file") -> Iterator[None]:
    """Turn every failure that damaged bytes can cause into ``UnreadableFileError``.

    Parameters
    ----------
    where : name of the file, and the place in it
    kind : what the file should have been, for the sentence
    """
    try:
        yield
    except CytosolError:
        raise
    except MemoryError as error:
        raise UnreadableFileError(
            f"The {kind} asks for more memory than there is",
            where=where,
            do="Check that the file was copied whole; a damaged size field looks like this",
        ) from error
    except _BROKEN as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UnreadableFileError(
            f"The {kind} is damaged, cut short or not of its kind: {reason}",
            where=where,
            do="Copy or download the file again and compare its size or checksum with the first copy",
        ) from error


def is_gzip(head: bytes) -> bool:
    """Whether bytes begin like a gzip file."""
    return head.startswith(_GZIP)


@contextmanager
def open_unpacked(source: Source) -> Iterator[BinaryIO]:
    """Open a file for reading in sequence, unpacked if it is gzip (told by its first bytes, not by its name)."""
    with readable(source.name), source.open() as raw:
        packed = is_gzip(raw.read(2))
        raw.seek(0)
        if not packed:
            yield raw
            return
        with gzip.GzipFile(fileobj=raw, mode="rb") as unpacked:
            yield cast(BinaryIO, unpacked)


class _StreamFile(h5py.File):  # type: ignore[misc]
    """An HDF5 file that closes the stream below it."""

    def __init__(self, stream: GuardedStream) -> None:
        super().__init__(stream, "r", rdcc_nbytes=_CHUNK_CACHE)
        self._stream = stream

    def close(self) -> None:
        """Close the file and its stream; may be called more than once."""
        super().close()
        self._stream.close()


def open_hdf5(source: Source) -> h5py.File:
    """Open an HDF5 file; closing it closes the stream below as well. One that points to other files is refused."""
    with readable(source.name, "HDF5 file"):
        stream = GuardedStream(source.open())
        try:
            file = _StreamFile(stream)
        except BaseException:
            stream.close()
            raise
        try:
            check_self_contained(file)
        except BaseException:
            file.close()
            raise
        return file


def copy_down(source: Source, path: Path) -> None:
    """Copy a file to a path of this machine, for a library that opens files by their paths."""
    with readable(source.name), source.open() as stream, path.open("wb") as target:
        shutil.copyfileobj(stream, target, MiB)


def only_file(files: Mapping[str, Source], title: str) -> Source:
    """The one file of a format that has only one."""
    extra = sorted(set(files) - {"matrix"})
    if extra or "matrix" not in files:
        found = ", ".join(f"{role}: {source.name}" for role, source in sorted(files.items())) or "none"
        raise InvalidInputError(
            f"{title} is one file, given under the role 'matrix'; given were {found}",
            do="Give the matrix file alone, or name the format that the files belong to",
        )
    return files["matrix"]
