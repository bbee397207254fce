"""Folders as sources: what a folder is, and archives unpacked to one whose paths are kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cytosol.base.errors import InvalidInputError
from cytosol.formats.files import FileSource

TREES = ("zarr", "tiledb-soma", "processed-folder")
"""Contents that are read as a folder, so that an archive of one is unpacked with its paths."""
_ZARR = (".zgroup", ".zarray", ".zattrs", ".zmetadata", "zarr.json")
PROCESSED = ("matrix.hdf5", "metadata.db")
_JUNK = re.compile(r"^(__MACOSX|\.DS_Store|\._.*|Thumbs\.db|desktop\.ini|\.ipynb_checkpoints)$", re.IGNORECASE)
_MOST_DOWN = 8


@dataclass(frozen=True, slots=True)
class FolderSource:
    """A folder on a local disk as a ``Source``; its files are read by their paths."""

    path: Path
    label: str = ""

    @property
    def name(self) -> str:
        """The name as the user gave it, else the last part of the path."""
        return self.label or self.path.name

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(path.stat().st_size for path in self.path.rglob("*") if path.is_file())

    def open(self) -> BinaryIO:
        """A folder has no bytes of its own.

        Raises
        ------
        InvalidInputError
            Always.
        """
        raise InvalidInputError("This is a folder, not a file", where=self.name, do="Name the file in it")

    def files(self) -> list[FileSource]:
        """The files in it, at any depth, hidden ones and leftovers of file managers left out."""
        found = []
        for path in sorted(self.path.rglob("*")):
            parts = path.relative_to(self.path).parts
            if path.is_file() and not any(part.startswith(".") or is_junk(part) for part in parts):
                found.append(FileSource(path, f"{self.name}/{'/'.join(parts)}"))
        return found


def is_junk(part: str) -> bool:
    """Whether a part of a path is a leftover of a file manager."""
    return _JUNK.match(part) is not None


def store_root(folder: Path) -> Path:
    """Where the content of a folder begins: below folders that hold nothing but one other."""
    for _ in range(_MOST_DOWN):
        entries = [entry for entry in folder.iterdir() if not is_junk(entry.name)]
        if len(entries) != 1 or not entries[0].is_dir() or entries[0].name.startswith("__"):
            return folder
        folder = entries[0]
    return folder


def folder_content(folder: Path) -> str:
    """What a folder is: zarr, tiledb-soma, processed-folder, or folder for anything else."""
    names = {entry.name for entry in store_root(folder).iterdir()}
    return tree_content(names) or "folder"


def tree_content(names: set[str]) -> str:
    """What the names at the top of a folder or an archive say; "" = nothing that is read by its paths."""
    if "__tiledb_group.tdb" in names or "__group" in names:
        return "tiledb-soma"
    if names.intersection(_ZARR):
        return "zarr"
    return "processed-folder" if names.issuperset(PROCESSED) else ""
