"""Where jobs run: one small interface, so that a cluster can stand in for this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from cytosol.base.keys import Key

Frame = Mapping[str, Any]
"""What a worker says, or is told; JSON values. See ``frames`` for the words."""


@dataclass(frozen=True, slots=True)
class Task:
    """A run of a job: all that a worker needs to begin.

    Attributes
    ----------
    settings : of the server, as JSON values
    memory_bytes : what it may use
    """

    job_id: Key
    epoch: int
    settings: Mapping[str, Any]
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Exit:
    """How a worker ended: its exit code, or the signal that killed it."""

    code: int | None
    signal: int | None

    @property
    def words(self) -> str:
        """For people."""
        return f"signal {self.signal}" if self.signal is not None else f"exit code {self.code}"


class Worker(Protocol):
    """One run under way."""

    def frames(self) -> AsyncIterator[Frame]:
        """What it says, until it ends."""
        ...

    async def tell(self, frame: Frame) -> None:
        """Say something to it; nothing happens where it has ended."""
        ...

    async def kill(self) -> None:
        """End it, and everything that it started, now."""
        ...

    async def wait(self) -> Exit:
        """How it ended, once it has."""
        ...

    def memory_bytes(self) -> int | None:
        """Memory that it holds for itself, bytes; None where nobody can tell."""
        ...


class Executor(Protocol):
    """Starts workers. Each ends by itself when the one who started it is gone."""

    async def start(self) -> None:
        """Get ready; may go on in the background."""
        ...

    async def launch(self, task: Task) -> Worker:
        """Begin a run."""
        ...

    async def close(self) -> None:
        """End all workers and let go of everything."""
        ...
