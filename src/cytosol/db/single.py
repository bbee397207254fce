"""Makes sure that only one server process works on a data folder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from cytosol.base.errors import ConflictError, UnavailableError


class ServerLock:
    """Held by the server while it runs; the kernel lets go of it however the process ends.

    Workers and commands on the same folder do not take it.

    Parameters
    ----------
    folder : the data folder
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "server.lock"
        self._file: int | None = None

    def hold(self) -> None:
        """Take the lock.

        Raises
        ------
        ConflictError
            Where another live server process has it.
        UnavailableError
            Where the folder cannot be written.
        """
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UnavailableError(
                f"The data folder cannot be used: {error.strerror}",
                where=str(self._path.parent),
                do="Choose another one",
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            other = os.read(file, 32).decode(errors="replace").strip()
            os.close(file)
            raise ConflictError(
                f"Another Cytosol server{f' (process {other})' if other else ''} already runs on this data folder",
                where=str(self._path.parent),
                do="Stop it, or choose another folder with --data",
            ) from error
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
        self._file = file

    def release(self) -> None:
        """Let go of the lock; the file stays."""
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = None

    def __enter__(self) -> ServerLock:
        self.hold()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def running_server(folder: Path) -> int | None:
    """The process id of the server that runs on the folder; None where none does."""
    try:
        file = os.open(folder / "server.lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        text = os.read(file, 32).decode(errors="replace").strip()
        return int(text) if text.isdigit() else None
    finally:
        os.close(file)
    return None
