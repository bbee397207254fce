"""Temporary folders of jobs on local disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path

from cytosol.base.errors import InvalidInputError
from cytosol.base.keys import Key
from cytosol.store.space import disk_errors


class Scratch:
    """One folder per job and lease epoch below ``root``; nothing in it outlives the job."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def folder(self, job: Key, epoch: int) -> Iterator[Path]:
        """An empty folder for one run of a job, removed at the end."""
        place = self.root / f"{job.hex24}-{epoch}"
        with disk_errors(str(place)):
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def remove(self, job: Key, epoch: int) -> None:
        """Remove what a run of a job left that was killed."""
        shutil.rmtree(self.root / f"{job.hex24}-{epoch}", ignore_errors=True)

    def sweep(self, live: Set[tuple[Key, int]]) -> int:
        """Remove what belongs to no live (job, epoch); gives the bytes removed."""
        if not self.root.is_dir():
            return 0
        removed = 0
        for entry in list(os.scandir(self.root)):
            if _owner(entry.name) in live:
                continue
            removed += _size(entry)
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                Path(entry.path).unlink(missing_ok=True)
        return removed

    def free_bytes(self) -> int:
        """Bytes free for this user on the disk."""
        place = self.root
        while not place.exists():
            place = place.parent
        return shutil.disk_usage(place).free


def _owner(name: str) -> tuple[Key, int] | None:
    job, _, epoch = name.partition("-")
    if not epoch.isdecimal():
        return None
    try:
        return Key.parse(job), int(epoch)
    except InvalidInputError:
        return None


def _size(entry: os.DirEntry[str]) -> int:
    if not entry.is_dir(follow_symlinks=False):
        return entry.stat(follow_symlinks=False).st_size
    total = 0
    for folder, _, files in os.walk(entry.path):
        for name in files:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size
            except FileNotFoundError:  # its writer removed it meanwhile
                continue
    return total
