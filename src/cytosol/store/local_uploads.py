"""Raw uploads on local disk: bodies written straight into one file, moved into place when done."""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import suppress
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
        self._place = str(store.local_path(path))
        self._whole = self._place + "-whole"
        self._turn = _turn_of(self._place)

    async def write(self, offset: int, body: CheckedBody) -> int:
        """Write a body from ``offset`` on; gives the bytes that the file then has."""
        me = object()
        handle = await asyncio.to_thread(self._take_turn, me, offset)
        at = offset

        def write(pieces: list[bytes]) -> None:
            nonlocal at
            with self._turn.lock, disk_errors(self._path):
                self._check_turn(me)
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

    def received(self) -> int:
        """Bytes that the file has, or the finished one."""
        for place in (self._whole, self._place):
            try:
                return os.stat(place).st_size
            except FileNotFoundError:
                continue
        return 0

    def finish(self, destination: str) -> Digest:
        """Move the file to its place; what a body that still runs wants to add is refused from now on."""
        with self._turn.lock:
            self._turn.owner = None
            if not os.path.exists(self._whole):
                with suppress(FileNotFoundError):
                    os.rename(self._place, self._whole)
        return self._move(self._whole, destination, None)

    def assemble(self, paths: list[str], destination: str, marks: dict[str, tuple[int, int]]) -> Digest:
        """Join chunks into one blob: a single one is moved, several are copied."""
        if len(paths) == 1:
            return self._move(str(self._store.local_path(paths[0])), destination, marks.get(paths[0]))
        with staged_file(self._store) as staged, Digester() as digester:
            offset = 0
            for path in paths:
                offset = self._append(staged, offset, path, digester, mark=marks.get(path))
            self._store.commit(staged, destination)
            return digester.digest()

    def _take_turn(self, me: object, offset: int) -> Handle:
        with self._turn.lock, disk_errors(self._path):
            if os.path.exists(self._whole):
                raise ConflictError("This upload is being finished", do="Wait for it, or begin another upload")
            os.makedirs(os.path.dirname(self._place), exist_ok=True)
            handle = Handle(self._place, os.O_RDWR | os.O_CREAT)
            stands = handle.mark[2]
            if offset > stands:
                raise ConflictError(f"The upload stands at byte {stands:,}", do="Go on from there", received=stands)
            self._turn.owner = me
            return handle

    def _check_turn(self, me: object) -> None:
        if self._turn.owner is not me:
            raise ConflictError(
                "Another request has taken over this upload", do="Ask how far it is and go on from there"
            )

    def _move(self, place: str, destination: str, mark: tuple[int, int] | None) -> Digest:
        try:
            handle = Handle(place, os.O_RDONLY)
        except FileNotFoundError:
            moved = str(self._store.local_path(destination))  # by an earlier call that was cut off
            try:
                return digest_handle(Handle(moved, os.O_RDONLY))
            except FileNotFoundError as error:
                raise ConflictError("Nothing of this upload has arrived", do="Send its bytes first") from error
        digest = digest_handle(handle)
        _check_mark(place, mark, digest.size, digest.crc32c)
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
