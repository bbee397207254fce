"""The kinds of jobs that there are, and what runs each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.catalog.catalog import Catalog
from cytosol.jobs.frames import Channel, ChannelReport
from cytosol.model.rights import Actor
from cytosol.model.work import Job


@dataclass(frozen=True, slots=True)
class JobRun:
    """A run of a job, as its function gets it.

    Attributes
    ----------
    catalog : opened by the worker for itself
    actor : who submitted the job, with the rights of today
    scratch : an empty folder on local disk, removed at the end
    memory_bytes : what the run may use; it is killed beyond
    channel : `Channel.flush` before committing, so that no line of the log comes late
    """

    catalog: Catalog
    job: Job
    actor: Actor
    report: ChannelReport
    scratch: Path
    memory_bytes: int
    channel: Channel


@dataclass(frozen=True, slots=True)
class JobKind:
    """A kind of job; its function ends by committing a result, or raises."""

    name: str
    title: str
    function: Callable[[JobRun], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class JobRegistry:
    """An unchangeable set of kinds."""

    kinds: tuple[JobKind, ...]

    def __post_init__(self) -> None:
        names = [kind.name for kind in self.kinds]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise InvalidInputError(f"There are two kinds of jobs called '{twice}'", do="Give one another name")

    def __iter__(self) -> Iterator[JobKind]:
        return iter(self.kinds)

    def register(self, kind: JobKind) -> JobRegistry:
        """A new registry with one kind more."""
        return JobRegistry((*self.kinds, kind))

    def get(self, name: str) -> JobKind:
        """The kind of this name."""
        for kind in self.kinds:
            if kind.name == name:
                return kind
        raise NotFoundError(f"There is no kind of job called '{name}'")
