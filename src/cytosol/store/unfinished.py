"""Notes of what is being written to the store before a record names it, in the data folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cytosol.store.space import disk_errors


class Unfinished:
    """One empty file a place below ``root``, named after it; what a process leaves that dies is found by the next.

    The notes are not forced to the disk: after a power failure the collector finds what they would have told.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def begin(self, place: str) -> None:
        """Note a place: a kind and a key, parted by '/'."""
        with disk_errors(place):
            self._root.mkdir(parents=True, exist_ok=True)
            (self._root / place.replace("/", ".")).touch()

    def end(self, places: Iterable[str]) -> None:
        """Forget places: a record names them now, or nothing is there."""
        for place in places:
            with disk_errors(place):
                (self._root / place.replace("/", ".")).unlink(missing_ok=True)

    def places(self) -> list[str]:
        """All that are noted."""
        if not self._root.is_dir():
            return []
        return sorted(path.name.replace(".", "/") for path in self._root.iterdir())
