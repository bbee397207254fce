"""Matrices inside archives (tar, tar.gz, zip), and the roles of several files that belong together."""

from __future__ import annotations

import re
import shutil
import tarfile
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from cytosol.base.errors import InvalidInputError, LimitExceededError, UnreadableFileError
from cytosol.base.protocols import Source
from cytosol.formats.files import FileSource, open_unpacked, readable
from cytosol.formats.folders import is_junk
from cytosol.formats.orientation import gene_share
from cytosol.formats.sniff import FileHead, read_head
from cytosol.formats.textlists import read_rows

_FREE_BYTES = 256 << 20
_FEATURES = re.compile(r"feature|gene|symbol|protein", re.IGNORECASE)
_BARCODES = re.compile(r"barcode|cell", re.IGNORECASE)
_SINGLES = ("h5ad", "tenx-h5", "loom", "h5mu", "rds")
_LIST_SUFFIXES = (".tsv", ".csv", ".txt", ".tsv.gz", ".csv.gz", ".txt.gz")


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What an archive may unpack to; see the settings of the same names."""

    max_decompression_ratio: float = 1000.0
    max_archive_paths: int = 200_000


def expand_archive(source: Source, folder: Path, limits: ArchiveLimits) -> list[FileSource]:
    """Unpack the plain files of an archive into a folder under numbers; links and hidden files are left out.

    Returns
    -------
    Sources named ``<archive>/<path inside>``.

    Raises
    ------
    LimitExceededError
        It unpacks to more than the limits allow.
    """
    budget = max(int(source.size * limits.max_decompression_ratio), _FREE_BYTES)
    found: list[FileSource] = []
    with readable(source.name, "archive"), source.open() as stream:
        for number, (name, open_member) in enumerate(_members(stream)):
            if number >= limits.max_archive_paths:
                raise _over("max_archive_paths", f"more than {limits.max_archive_paths} files", source.name)
            if any(part.startswith(".") or is_junk(part) for part in PurePosixPath(name).parts if part != "."):
                continue
            path = folder / str(number)
            budget -= _copy(open_member, path, budget, source.name)
            found.append(FileSource(path, f"{source.name}/{name.removeprefix('./')}"))
    return found


def expand_tree(source: Source, folder: Path, limits: ArchiveLimits) -> None:
    """Unpack the plain files of an archive under their own paths; links are left out.

    Raises
    ------
    UnreadableFileError
        A path leads out of the archive.
    LimitExceededError
        It unpacks to more than the limits allow.
    """
    budget = max(int(source.size * limits.max_decompression_ratio), _FREE_BYTES)
    with readable(source.name, "archive"), source.open() as stream:
        for number, (name, open_member) in enumerate(_members(stream)):
            if number >= limits.max_archive_paths:
                raise _over("max_archive_paths", f"more than {limits.max_archive_paths} files", source.name)
            inside = PurePosixPath(name.replace("\\", "/"))
            if inside.is_absolute() or ".." in inside.parts or "\0" in name:
                raise UnreadableFileError(
                    f"The path '{name[:200]}' leads out of the archive",
                    where=source.name,
                    do="Pack the folder again with relative paths",
                )
            if any(is_junk(part) for part in inside.parts):
                continue
            path = folder / inside
            path.parent.mkdir(parents=True, exist_ok=True)
            budget -= _copy(open_member, path, budget, source.name)


def _members(stream: IO[bytes]) -> Iterator[tuple[str, Callable[[], IO[bytes] | None]]]:
    head = stream.read(4)
    stream.seek(0)
    if head.startswith(b"PK"):
        with zipfile.ZipFile(stream) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    yield info.filename, lambda info=info: archive.open(info)  # type: ignore[misc]
        return
    with tarfile.open(fileobj=stream) as tar:
        for member in tar:
            if member.isfile():
                yield member.name, lambda member=member: tar.extractfile(member)  # type: ignore[misc]


def _copy(open_member: Callable[[], IO[bytes] | None], path: Path, budget: int, name: str) -> int:
    """Copy one member, in pieces, until the budget is spent; returns its bytes."""
    written = 0
    member = open_member()
    if member is None:
        return 0
    with member, path.open("wb") as target:
        while piece := member.read(1 << 20):
            written += len(piece)
            if written > budget:
                raise _over("max_decompression_ratio", "far more than its own size", name)
            target.write(piece)
    return written


def _over(setting: str, what: str, name: str) -> LimitExceededError:
    return LimitExceededError(
        f"The archive unpacks to {what}",
        where=name,
        do=f"Unpack it yourself, or raise the setting {setting}",
        setting=setting,
    )


def drop_folder(folder: Path) -> None:
    """Remove an unpacked archive."""
    shutil.rmtree(folder, ignore_errors=True)


def assign_roles(sources: Sequence[Source]) -> dict[str, Source]:
    """Find the one matrix among some files, and what belongs to it.

    Parameters
    ----------
    sources : files of an archive, a folder or an upload, under any names

    Returns
    -------
    {"matrix": file}, or {"matrix", "features", "barcodes"} for a Matrix Market triplet.

    Raises
    ------
    UnreadableFileError
        There is no matrix.
    InvalidInputError
        There is more than one, or a list of a triplet cannot be told.
    """
    heads = [(source, read_head(source)) for source in sources if source.size]
    matrices = [source for source, head in heads if head.content == "mtx"]
    singles = [source for source, head in heads if head.content in _SINGLES]
    if not matrices and not singles:
        singles = [source for source, head in heads if head.content == "text" and _is_list(source.name)]
    found = matrices + singles
    if not found:
        names = ", ".join(source.name for source in sources[:5]) or "nothing"
        raise UnreadableFileError(
            "There is no matrix among the files",
            where=names,
            do="Give an h5ad, a 10x .h5, a matrix.mtx triplet, a TSV or a CSV",
        )
    if len(found) > 1:
        raise InvalidInputError(
            f"There are {len(found)} matrices: {', '.join(source.name for source in found[:5])}",
            where=_folder(found[0].name) or found[0].name,
            do="Give the files of one matrix, and each further one as a batch of its own",
        )
    if not matrices:
        return {"matrix": singles[0]}
    return {"matrix": matrices[0], **_lists_beside(matrices[0], heads)}


def genome_folders(sources: Sequence[Source]) -> dict[str, dict[str, Source]]:
    """Triplets that lie in folders of one parent, as Cell Ranger 1 and 2 write several genomes.

    Returns
    -------
    Name of the folder to roles; nothing where there is one matrix, or anything else.
    """
    heads = [(source, read_head(source)) for source in sources if source.size]
    matrices = [source for source, head in heads if head.content == "mtx"]
    folders = {_folder(source.name) for source in matrices}
    alone = not any(head.content in _SINGLES for _, head in heads)
    if len(matrices) < 2 or len(folders) != len(matrices) or len({_folder(name) for name in folders}) > 1 or not alone:
        return {}
    return {
        _folder(source.name).rpartition("/")[2]: {"matrix": source, **_lists_beside(source, heads)}
        for source in matrices
    }


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _is_list(name: str) -> bool:
    return name.lower().endswith(_LIST_SUFFIXES)


def _lists_beside(matrix: Source, heads: Sequence[tuple[Source, FileHead]]) -> Mapping[str, Source]:
    """Features and barcodes in the folder of a matrix, by their names, else by what they list."""
    beside = [
        source
        for source, head in heads
        if head.content == "text" and _is_list(source.name) and _folder(source.name) == _folder(matrix.name)
    ]
    roles: dict[str, list[Source]] = defaultdict(list)
    for source in beside:
        last = source.name.rpartition("/")[2]
        features, barcodes = bool(_FEATURES.search(last)), bool(_BARCODES.search(last))
        if features == barcodes:
            features = _lists_genes(source)
        roles["features" if features else "barcodes"].append(source)
    for role in ("features", "barcodes"):
        if len(roles[role]) != 1:
            names = ", ".join(source.name for source in roles[role]) or "none"
            raise InvalidInputError(
                f"The list of {role} of the matrix cannot be told; candidates: {names}",
                where=matrix.name,
                do="Give matrix.mtx.gz, features.tsv.gz and barcodes.tsv.gz of one run",
            )
    return {role: found[0] for role, found in roles.items()}


def _lists_genes(source: Source) -> bool:
    with open_unpacked(source) as stream:
        empty = not stream.read(1)
    rows = [] if empty else read_rows(source)[:500]
    return max((gene_share([row[place] for row in rows if len(row) > place]) for place in (0, 1)), default=0.0) > 0
