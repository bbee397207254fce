"""The formats that Cytosol knows, and the one way to open a table."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pandas as pd

from cytosol.base.errors import InvalidInputError, UnreadableFileError, UnsupportedFormatError
from cytosol.base.protocols import Report, Source
from cytosol.base.tables import MatrixKind
from cytosol.formats.archive import (
    ArchiveLimits,
    assign_roles,
    drop_folder,
    expand_archive,
    expand_tree,
    genome_folders,
)
from cytosol.formats.entries import DEFAULT_FORMATS as DEFAULT_FORMATS
from cytosol.formats.entries import FormatEntry as FormatEntry
from cytosol.formats.entries import FormatOption as FormatOption
from cytosol.formats.folders import TREES, FolderSource
from cytosol.formats.modalities import combine_modalities
from cytosol.formats.sniff import FileHead, read_head, refuse_content
from cytosol.formats.table import MatrixTable

Values = Literal["raw", "normalized"]


@dataclass(frozen=True, slots=True)
class FormatRegistry:
    """The formats, chosen by declaration, else by suffix, priority and content."""

    entries: tuple[FormatEntry, ...] = DEFAULT_FORMATS
    limits: ArchiveLimits = field(default_factory=ArchiveLimits)

    def __post_init__(self) -> None:
        names = [entry.name for entry in self.entries]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InvalidInputError(
                f"The format name '{twice[0]}' is taken", where="format registry", do="Register it under another name"
            )

    def __iter__(self) -> Iterator[FormatEntry]:
        return iter(self.entries)

    def register(self, entry: FormatEntry) -> FormatRegistry:
        """A new registry with one format more."""
        return FormatRegistry((*self.entries, entry), self.limits)

    def get(self, name: str) -> FormatEntry:
        """The format of a name.

        Raises
        ------
        UnsupportedFormatError
            No format is called so.
        """
        for entry in self.entries:
            if entry.name == name:
                return entry
        readable = ", ".join(entry.name for entry in self.entries if entry.reads)
        raise UnsupportedFormatError(
            f"There is no format '{name[:64]}'", do=f"Name one of: {readable}", format=name[:64]
        )

    def choose(self, head: FileHead) -> FormatEntry:
        """The format of a file: those with its suffix first, by priority, then all; the content decides.

        Raises
        ------
        UnreadableFileError
            The content is of no known format.
        """
        name = head.name.lower()
        by_suffix = [entry for entry in self.entries if name.endswith(entry.suffixes)]
        ranked = sorted(by_suffix, key=lambda entry: -entry.priority)
        rest = sorted((entry for entry in self.entries if entry not in by_suffix), key=lambda entry: -entry.priority)
        expected = ranked[0].title if ranked else ""
        if head.content == "text" and ranked and ranked[0].name != "delimited":
            raise refuse_content(head, expected=f"{expected} as its name says")
        for entry in (*ranked, *rest):
            if entry.sniff is not None and entry.sniff(head):
                return entry
        raise refuse_content(head, expected=f"{expected} as its name says" if expected else "")


DEFAULT_REGISTRY = FormatRegistry()


def open_table(
    files: Mapping[str, Source],
    *,
    format: str | None = None,
    matrix: Values = "raw",
    report: Report | None = None,
    options: Mapping[str, str] | None = None,
    registry: FormatRegistry = DEFAULT_REGISTRY,
) -> MatrixTable:
    """Open the cells × features table of some files.

    Parameters
    ----------
    files : role to file: {"matrix": file}, or {"matrix": …, "features": …, "barcodes": …}; a folder of one matrix or
        an archive of it (zip, tar, tar.gz) is a "matrix", too
    format : name of the format; None tells it by the content
    matrix : whether the counts are wanted, or values that are normalised already
    report : told what was detected
    options : for the reader, see ``FormatEntry.options``

    Raises
    ------
    UnreadableFileError, UnsupportedFormatError, InvalidInputError
        With what is wrong, where and what to do.
    """
    if matrix not in ("raw", "normalized"):
        raise InvalidInputError(f"matrix is '{matrix}'", do="Give raw or normalized")
    if "matrix" not in files:
        raise InvalidInputError("No matrix file was given", do="Give it under the role 'matrix'")
    declared = registry.get(format) if format is not None else None
    source = files["matrix"]
    if declared is not None and not declared.reads:
        raise declared.refuse(source.name)
    how = _How(declared, matrix, options or {}, report, registry)
    head = read_head(source)
    if isinstance(source, FolderSource):
        return _open_folder(files, head, how)
    if head.content in ("zip", "tar", *TREES):
        return _open_archive(files, head, how)
    return _open(files, head, how)


@dataclass(frozen=True, slots=True)
class _How:
    """What the caller asked for."""

    declared: FormatEntry | None
    matrix: Values
    options: Mapping[str, str]
    report: Report | None
    registry: FormatRegistry


def _open(files: Mapping[str, Source], head: FileHead, how: _How) -> MatrixTable:
    entry = how.declared or how.registry.choose(head)
    if entry.open is None:
        raise entry.refuse(files["matrix"].name)
    if entry.sniff is not None and not entry.sniff(head):
        raise refuse_content(head, expected=f"{entry.title} ({entry.name})", do=entry.instead)
    if head.packed not in entry.packings:
        raise UnreadableFileError(
            f"The file is {head.title}, which is not unpacked here",
            where=head.name,
            do="Unpack it, or pack it with gzip",
        )
    _check_options(entry, how.options)
    kind: MatrixKind = "counts" if how.matrix == "raw" else "normalized"
    table = entry.open(files, matrix=kind, options=how.options, report=how.report)
    named = [other.title for other in DEFAULT_FORMATS if head.name.lower().endswith(other.suffixes)]
    if named and entry.title not in named and entry.name != "processed-folder":
        table.notes.insert(0, f"The name says {named[0]}, but the content is {entry.title} and was read as that.")
    if how.report is not None:
        for note in table.notes:
            how.report.log(note)
    return table


def _check_options(entry: FormatEntry, options: Mapping[str, str]) -> None:
    known = {option.name: option for option in entry.options}
    for name, value in options.items():
        if name not in known:
            raise InvalidInputError(
                f"The format {entry.name} has no option '{name}'", do=f"Options: {', '.join(known) or 'none'}"
            )
        if known[name].values and value not in known[name].values:
            raise InvalidInputError(
                f"The option {name} cannot be '{value}'",
                where=entry.name,
                do=f"Give one of: {', '.join(known[name].values)}",
            )


def _open_folder(files: Mapping[str, Source], head: FileHead, how: _How) -> MatrixTable:
    """Open what a folder holds: a store that is a folder, or the one matrix among its files."""
    source = files["matrix"]
    if head.content in TREES or not isinstance(source, FolderSource):
        return _open(files, head, how)
    if len(files) > 1:
        raise InvalidInputError("A folder is given alone", where=source.name, do="Leave the other files out")
    return _open_files(source.files(), source.name, how)


def _open_files(sources: Sequence[Source], name: str, how: _How) -> MatrixTable:
    """Open the one matrix among some files; triplets of several genomes, which share no feature, are one."""
    genomes = genome_folders(sources)
    tables = {key: _open(files, read_head(files["matrix"]), how) for key, files in sorted(genomes.items())}
    features = [set(table.var["feature_id"]) | set(table.var.attrs["symbols"]) for table in tables.values()]
    if tables and len(set().union(*features)) == sum(map(len, features)):
        cells = list(dict.fromkeys(str(cell) for table in tables.values() for cell in table.obs.index))
        kind = next(iter(tables.values())).kind
        table = combine_modalities(tables, cells, pd.DataFrame(index=cells), kind=kind, name=name, genomes=True)
        table.notes.insert(0, f"{len(tables)} genomes were put side by side: {', '.join(tables)}.")
        return table
    inside = assign_roles(sources)
    return _open(inside, read_head(inside["matrix"]), how)


def _open_archive(files: Mapping[str, Source], head: FileHead, how: _How) -> MatrixTable:
    """Unpack an archive to a temporary folder, which the table drops when it is closed, and open what it holds."""
    source = files["matrix"]
    if len(files) > 1:
        raise InvalidInputError("An archive is given alone", where=source.name, do="Leave the other files out")
    folder = Path(tempfile.mkdtemp(prefix="cytosol-"))
    try:
        if head.content in TREES:
            expand_tree(source, folder, how.registry.limits)
            tree = FolderSource(folder, source.name)
            table = _open_folder({"matrix": tree}, read_head(tree), how)
        else:
            table = _open_files(expand_archive(source, folder, how.registry.limits), source.name, how)
    except BaseException:
        drop_folder(folder)
        raise
    inner_close = table.on_close

    def close() -> None:
        if inner_close is not None:
            inner_close()
        drop_folder(folder)

    table.on_close = close
    return table
