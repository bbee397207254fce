"""Raw uploads on local disk: bodies written straight into one file, moved into place when done."""

from __future__ import annotations

import asyncio
import os
import threading
from weakref import WeakValueDictionary

from cytosol.base.errors import ConflictError, DamagedDataError
from cytosol.store.digests import PIECE_BYTES, Digest, Digester, crc32c, digest_handle
from cytosol.store.handles import Handle
from cytosol.store.local import FolderBlobStore, staged_file
from cytosol.store.pieces import CheckedBody, pump, write_all
from cytosol.store.space import disk_errors


class _Turn:
    """Who may write to a file now: the last one that asked."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.owner: object = None


_turns: WeakValueDictionary[str, _Turn] = WeakValueDictionary()
_turns_lock = threading.Lock()


def _turn_of(place: str) -> _Turn:
    with _turns_lock:
        turn = _turns.get(place)
        if turn is None:
            turn = _turns[place] = _Turn()
        return turn


class LocalUpload:
    """One raw upload, or the chunks of one, in a folder store.

    Parameters
    ----------
    path : of the file that raw bodies are written to
    """

    def __init__(self, store: FolderBlobStore, path: str) -> None:
        self._store = store
        self._path = path
        place = store.local_path(path)
        self._place = str(place)
        self._turn = _turn_of(self._place)

    async def write(self, offset: int, body: CheckedBody) -> int:
        """Write a body from ``offset`` on; gives the bytes that the file then has."""
        handle = await asyncio.to_thread(self._open)
        stands = os.fstat(handle.fd).st_size
        if offset > stands:
            raise ConflictError(
                f"The upload stands at byte {stands:,}",
                do="Go on from there",
                received=stands,
            )
        me = object()
        self._turn.owner = me
        at = offset

        def write(pieces: list[bytes]) -> None:
            nonlocal at
            with self._turn.lock:
                self._check_turn(me)
                with disk_errors(self._path):
                    write_all(handle, pieces, at)
            at += sum(map(len, pieces))

        try:
            await pump(aiter(body), write)
        except Exception as error:
            if body.refused(error):
                with self._turn.lock:
                    if self._turn.owner is me:
                        os.ftruncate(handle.fd, offset)
            raise
        return os.fstat(handle.fd).st_size

    def assemble(self, paths: list[str], destination: str, marks: dict[str, tuple[int, int]]) -> Digest:
        """Join files into one blob: a single one is moved, several are copied."""
        self._turn.owner = None
        with self._turn.lock:
            if len(paths) == 1:
                return self._move(paths[0], destination, marks.get(paths[0]))
        with staged_file(self._store) as staged, Digester() as digester:
            offset = 0
            for path in paths:
                offset = self._append(staged, offset, path, digester, mark=marks.get(path))
            self._store.commit(staged, destination)
            return digester.digest()

    def _open(self) -> Handle:
        with disk_errors(self._path):
            os.makedirs(os.path.dirname(self._place), exist_ok=True)
            return Handle(self._place, os.O_RDWR | os.O_CREAT)

    def _check_turn(self, me: object) -> None:
        if self._turn.owner is not me:
            raise ConflictError(
                "Another request has taken over this upload", do="Ask how far it is and go on from there"
            )

    def _move(self, path: str, destination: str, mark: tuple[int, int] | None) -> Digest:
        try:
            handle = Handle(str(self._store.local_path(path)), os.O_RDONLY)
        except FileNotFoundError:
            moved = str(self._store.local_path(destination))  # by an earlier call that was cut off
            try:
                return digest_handle(Handle(moved, os.O_RDONLY))
            except FileNotFoundError as error:
                raise ConflictError("Nothing of this upload has arrived", do="Send its bytes first") from error
        digest = digest_handle(handle)
        _check_mark(path, mark, digest.size, digest.crc32c)
        self._store.commit(handle, destination)
        return digest

    def _append(
        self, staged: Handle, offset: int, path: str, digester: Digester, *, mark: tuple[int, int] | None
    ) -> int:
        handle = Handle(str(self._store.local_path(path)), os.O_RDONLY)
        size = checksum = 0
        while piece := os.pread(handle.fd, PIECE_BYTES, size):
            digester.update(piece)
            checksum = crc32c(piece, checksum)
            with disk_errors(path):
                write_all(staged, [piece], offset + size)
            size += len(piece)
        _check_mark(path, mark, size, checksum)
        return offset + size


def _check_mark(path: str, mark: tuple[int, int] | None, size: int, checksum: int) -> None:
    if mark is not None and mark != (size, checksum):
        raise DamagedDataError("A chunk is no longer what was stored", where=path, do="Send it again")
