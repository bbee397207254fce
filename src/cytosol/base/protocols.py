"""The seams that join floors which may not import each other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import BinaryIO, Literal, Protocol

LogLevel = Literal["info", "warning", "error"]


class Source(Protocol):
    """A readable file, wherever it lies.

    ``name`` is the path as the user gave it, with '/' between parts; its last part carries the file's suffix.
    """

    @property
    def name(self) -> str: ...
    @property
    def size(self) -> int:
        """Bytes."""
        ...

    def open(self) -> BinaryIO:
        """Open for reading from the start; seekable; usable from any thread that opened it."""
        ...


class Sink(Protocol):
    """A place to write one file to; whole or absent."""

    def write(self, data: bytes) -> int: ...
    def close(self) -> None: ...


class Notifier(Protocol):
    """Wakes whoever runs jobs, and whoever watches events."""

    def jobs_waiting(self) -> None: ...
    def events_stored(self) -> None: ...


class Report(Protocol):
    """Where running work says how far it is."""

    def log(self, text: str, *, level: LogLevel = "info") -> None:
        """Add one line to the job's log, without a time stamp; lines are never rewritten."""
        ...

    def progress(self, fraction: float, step: str = "") -> None:
        """Set the progress of the job, 0 to 1, and the name of the step that it is in."""
        ...


class Bytes(Protocol):
    """A body that arrives in pieces."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...
