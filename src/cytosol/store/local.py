"""A store in a folder of this machine."""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from zarr.storage import LocalStore

from cytosol.base.errors import InvalidInputError, NotFoundError, UnavailableError
from cytosol.base.waiting import to_the_end
from cytosol.store.handles import Handle, HandleCache, discard, mark_of, sync
from cytosol.store.paths import STAGING, check_path, check_prefix
from cytosol.store.pieces import pump, write_all
from cytosol.store.records import STREAM_BYTES, BlobInfo
from cytosol.store.sources import FileSource
from cytosol.store.space import disk_errors

if TYPE_CHECKING:
    from zarr.abc.store import Store as ZarrStore

_LIST_BATCH = 1000
_FLUSHED_AT_ONCE = 16
_TRIES = 20
"""Of making a folder that others remove as empty."""


class FolderBlobStore:
    """Blobs as plain files below ``root``; replaced by an atomic rename of a staged file.

    A staged file is locked as long as its writer lives, so `sweep` knows the orphans of a killed process.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.abspath(root))
        self._base = str(self.root) + "/"
        self._staging = self.root / STAGING
        self._handles = HandleCache()
        with disk_errors(str(root)):
            try:
                self._staging.mkdir(parents=True, exist_ok=True)
            except (FileExistsError, NotADirectoryError) as error:
                raise UnavailableError("The store is not a folder", where=str(root), do="Name a folder") from error
            except FileNotFoundError as error:
                raise UnavailableError("The store cannot be made here", where=str(root), do="Name a folder") from error

    def __reduce__(self) -> tuple[type[FolderBlobStore], tuple[Path]]:
        return FolderBlobStore, (self.root,)

    # writing

    async def put(self, path: str, data: bytes | AsyncIterator[bytes], *, durable: bool = True) -> BlobInfo:
        """Write or replace a blob."""
        place = self._place(path)
        if isinstance(data, bytes | bytearray | memoryview):
            return await asyncio.to_thread(self._put_bytes, path, place, bytes(data), durable)
        staging = asyncio.ensure_future(asyncio.to_thread(self.stage))
        try:
            staged = await to_the_end(staging)
        except asyncio.CancelledError:
            discard(staging.result())
            raise
        try:
            offset = 0

            def write(pieces: list[bytes]) -> None:
                nonlocal offset
                with disk_errors(path):
                    write_all(staged, pieces, offset)
                offset += sum(map(len, pieces))

            await pump(data, write)
            return await to_the_end(asyncio.to_thread(self.commit, staged, path, durable))
        except BaseException:
            discard(staged)
            raise

    async def put_file(self, path: str, local: Path, *, move: bool = False) -> BlobInfo:
        """Write or replace a blob from a file."""
        self._place(path)
        return await asyncio.to_thread(self._put_file, path, local, move)

    def stage(self) -> Handle:
        """Open a fresh file that `commit` or `discard` ends; swept if this process dies before."""
        with disk_errors(STAGING):
            while True:
                handle = Handle(str(self._staging / secrets.token_hex(12)), os.O_RDWR | os.O_CREAT | os.O_EXCL)
                fcntl.flock(handle.fd, fcntl.LOCK_EX)
                if os.fstat(handle.fd).st_nlink:  # else a sweep came between the two lines above
                    return handle

    def commit(self, staged: Handle, path: str, durable: bool = True) -> BlobInfo:
        """Give a staged file its path, replacing what was there."""
        place = self._place(path)
        with disk_errors(path):
            if durable:
                sync(staged)
            self._move(staged.place, place, durable)
            self._handles.drop(place)
            return _info(path, os.fstat(staged.fd))

    def _put_bytes(self, path: str, place: str, data: bytes, durable: bool) -> BlobInfo:
        staged = self.stage()
        try:
            with disk_errors(path):
                write_all(staged, [data], 0)
            return self.commit(staged, path, durable)
        except BaseException:
            discard(staged)
            raise

    def _put_file(self, path: str, local: Path, move: bool) -> BlobInfo:
        place = self._place(path)
        if move and not local.is_symlink() and os.stat(local).st_dev == os.stat(self._staging).st_dev:
            moved = Handle(str(local), os.O_RDONLY)
            return self.commit(moved, path)
        staged = self.stage()
        try:
            with disk_errors(path):
                shutil.copyfile(local, staged.place)
            info = self.commit(staged, path)
        except BaseException:
            discard(staged)
            raise
        if move:
            local.unlink(missing_ok=True)
        self._handles.drop(place)
        return info

    def _move(self, source: str, place: str, durable: bool) -> None:
        """Rename into a folder that another thread may be deleting as empty."""
        folder = os.path.dirname(place)
        for tries_left in reversed(range(_TRIES)):
            try:
                made = _make_folders(folder)
                os.replace(source, place)
                break
            except FileNotFoundError:
                if not tries_left or not os.path.exists(source):
                    raise
            except (IsADirectoryError, NotADirectoryError, FileExistsError) as error:
                raise InvalidInputError(
                    "A folder of the store has this path", where=place[len(self._base) :]
                ) from error
        if durable:
            for changed in [folder, *made]:
                _fsync_folder(changed)

    async def delete(self, path: str) -> None:
        """Remove a blob if it is there."""
        place = self._place(path)
        self._handles.drop(place)
        await asyncio.to_thread(self._delete, path, place)

    def _delete(self, path: str, place: str) -> None:
        with disk_errors(path), suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
            os.unlink(place)
            self._prune(os.path.dirname(place))

    def _prune(self, folder: str) -> None:
        """Remove folders that have become empty: a prefix is there as long as blobs are."""
        while folder.startswith(self._base):
            try:
                os.rmdir(folder)
            except OSError:  # not empty, or gone already: both are fine
                return
            folder = os.path.dirname(folder)

    async def delete_prefix(self, prefix: str) -> int:
        """Remove all blobs below a prefix: out of sight at once, then from disk."""
        place = self._place(prefix)
        self._handles.drop(place)
        return await asyncio.to_thread(self._delete_prefix, prefix, place)

    def _delete_prefix(self, prefix: str, place: str) -> int:
        if not os.path.isdir(place):
            return 0
        with disk_errors(prefix):
            doomed = str(self._staging / secrets.token_hex(12))
            try:
                os.rename(place, doomed)
            except FileNotFoundError:
                return 0
            self._prune(os.path.dirname(place))
            return _remove_tree(doomed)

    async def flush(self, prefix: str) -> None:
        """Make what was written below a prefix survive a power failure."""
        place = self._place(prefix)
        await asyncio.to_thread(self._flush, prefix, place)

    def _flush(self, prefix: str, place: str) -> None:
        walked = list(os.walk(place))
        files = [os.path.join(folder, name) for folder, _, names in walked for name in names]
        with disk_errors(prefix):
            # several at once: what the disk's journal writes for one goes with the others
            with ThreadPoolExecutor(_FLUSHED_AT_ONCE) as pool:
                list(pool.map(_sync_file, files))
                list(pool.map(_fsync_folder, [folder for folder, _, _ in walked]))
            while place.startswith(self._base):
                place = os.path.dirname(place)
                _fsync_folder(place)

    async def sweep(self) -> int:
        """Remove what writers that died left behind."""
        return await asyncio.to_thread(self._sweep)

    def _sweep(self) -> int:
        removed = 0
        for entry in os.scandir(self._staging):
            if entry.is_dir(follow_symlinks=False):
                removed += _remove_tree(entry.path)
                continue
            try:
                handle = Handle(entry.path, os.O_RDONLY)
                fcntl.flock(handle.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (FileNotFoundError, BlockingIOError):  # just renamed, or its writer lives
                continue
            removed += handle.mark[2]
            with suppress(FileNotFoundError):
                os.unlink(entry.path)
        return removed

    # reading

    async def get(self, path: str, start: int = 0, end: int | None = None) -> bytes:
        """Bytes of a blob."""
        self._place(path)
        return await asyncio.to_thread(self._get, path, start, end)

    def _get(self, path: str, start: int, end: int | None) -> bytes:
        length = (self._open(path).mark[2] if end is None else end) - start
        return self.read(path, start, max(0, length))

    def read(self, path: str, start: int, length: int) -> bytes:
        """Bytes of a blob, for threads and worker processes."""
        if start < 0 or length < 0:
            raise ValueError("a range starts at or after 0 and has no negative length")
        try:
            return self._handles.read(self._base + check_path(path), start, length)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise _absent(path) from error

    async def stream(self, path: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Bytes of a blob in pieces; those of the version that was there at the start."""
        handle = await asyncio.to_thread(self._open, path)
        stop = handle.mark[2] if end is None else min(end, handle.mark[2])
        while start < stop:
            piece = await asyncio.to_thread(os.pread, handle.fd, min(STREAM_BYTES, stop - start), start)
            if not piece:
                return
            start += len(piece)
            yield piece

    async def stat(self, path: str) -> BlobInfo | None:
        """What is known about a blob."""
        place = self._place(path)
        return await asyncio.to_thread(_stat, path, place)

    async def list(self, prefix: str) -> AsyncIterator[BlobInfo]:
        """All blobs below a prefix."""
        walk = self._walk(check_prefix(prefix))
        while batch := await asyncio.to_thread(_take, walk, _LIST_BATCH):
            for info in batch:
                yield info

    async def used_bytes(self, prefix: str) -> int:
        """Bytes of all blobs below a prefix."""
        check_prefix(prefix)
        return await asyncio.to_thread(lambda: sum(info.size for info in self._walk(prefix)))

    async def free_bytes(self) -> int | None:
        """Bytes free for this user on the disk."""
        status = os.statvfs(self.root)
        return status.f_bavail * status.f_frsize

    def source(self, path: str, name: str) -> FileSource:
        """A blob as a file."""
        place = self._place(path)
        info = _stat(path, place)
        if info is None:
            raise _absent(path)
        return FileSource(name, info.size, Path(place))

    def zarr(self, prefix: str, *, read_only: bool) -> ZarrStore:
        """The blobs below a prefix as a Zarr store."""
        return LocalStore(self._place(prefix), read_only=read_only)

    def local_path(self, path: str) -> Path | None:
        """The file or folder that holds a blob or prefix."""
        return Path(self._place(path))

    def _place(self, path: str) -> str:
        return self._base + check_path(path)

    def _open(self, path: str) -> Handle:
        try:
            place = self._place(path)
            if os.path.isdir(place):
                raise _absent(path)
            return Handle(place, os.O_RDONLY)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise _absent(path) from error

    def _walk(self, prefix: str) -> Iterator[BlobInfo]:
        folders = [prefix]
        while folders:
            folder = folders.pop()
            try:
                entries = list(os.scandir(self._base + folder))
            except (FileNotFoundError, NotADirectoryError):  # deleted meanwhile, or never there
                continue
            for entry in entries:
                path = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    if path != STAGING:
                        folders.append(path)
                    continue
                with suppress(FileNotFoundError):
                    yield _info(path, entry.stat(follow_symlinks=False))


@contextmanager
def staged_file(store: FolderBlobStore) -> Iterator[Handle]:
    """A staged file that is removed unless it was committed."""
    staged = store.stage()
    try:
        yield staged
    finally:
        discard(staged)


def _absent(path: str) -> NotFoundError:
    return NotFoundError("The stored bytes are not there", where=path)


def _take(walk: Iterator[BlobInfo], count: int) -> list[BlobInfo]:
    return [info for _, info in zip(range(count), walk, strict=False)]


def _info(path: str, status: os.stat_result) -> BlobInfo:
    inode, modified_ns, size = mark_of(status)
    return BlobInfo(path, size, f"{inode:x}-{modified_ns:x}-{size:x}", modified_ns // 1000)


def _stat(path: str, place: str) -> BlobInfo | None:
    if os.path.isdir(place):
        return None
    try:
        return _info(path, os.stat(place))
    except (FileNotFoundError, NotADirectoryError):
        return None


def _make_folders(folder: str) -> list[str]:
    """Make a folder and those above it; gives the folders in which one was made."""
    made = []
    missing = []
    while not os.path.isdir(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    for each in reversed(missing):
        with suppress(FileExistsError):
            os.mkdir(each)
        made.append(os.path.dirname(each))
    return made


def _sync_file(place: str) -> None:
    with suppress(FileNotFoundError):
        sync(Handle(place, os.O_RDONLY))


def _fsync_folder(folder: str) -> None:
    with suppress(FileNotFoundError):
        sync(Handle(folder, os.O_RDONLY | os.O_DIRECTORY))


def _remove_tree(folder: str) -> int:
    """Remove a folder that nobody else uses; gives the bytes of its files."""
    removed = 0
    for above, folders, files in os.walk(folder, topdown=False):
        for name in files:
            place = os.path.join(above, name)
            with suppress(FileNotFoundError):
                removed += os.lstat(place).st_size
                os.unlink(place)
        for name in folders:
            place = os.path.join(above, name)
            with suppress(OSError):  # a link to a folder is no folder; the next sweep sees what stays
                os.unlink(place) if os.path.islink(place) else os.rmdir(place)
    with suppress(OSError):  # another sweep took it
        os.rmdir(folder)
    return removed
