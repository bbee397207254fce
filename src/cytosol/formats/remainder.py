"""What an AnnData file holds beyond the table made of it: layers, graphs, loadings, raw, notes, exact types.

It is kept as an HDF5 file in AnnData's own layout, for the cells and features of the table; exports give it back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np

from cytosol.base.errors import CytosolError
from cytosol.base.tables import Kept
from cytosol.formats.h5frame import frame_columns, index_name, read_frame
from cytosol.formats.h5write import write_numbers, write_plain_frame
from cytosol.formats.hdf5_copy import WHOLE, Cut, NodeCopier, Positions, layout_of, shape_of

FACTS = "cytosol"
"""Dataset of the file: JSON text of the other attributes of ``AnnDataRemainder``."""
_MAX_LEVELS = 65_536


@dataclass(frozen=True, slots=True)
class AnnDataRemainder:
    """What an open AnnData file holds beyond its table.

    Attributes
    ----------
    group : the file, or the group of one; it has to stay open
    name : of the file, for notes
    slot : the matrix that became the table: X, raw/X or layers/NAME
    shown : entries of obsm that are embeddings of the dataset
    annotations : columns of obs
    index : what the file calls the names of the cells
    features : places of the table's features among those of the slot, rising; None = all
    is_first : whether what belongs to the cells goes with this table
    """

    group: h5py.Group
    name: str
    slot: str
    shown: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()
    index: str = ""
    features: Positions = None
    is_first: bool = True

    @classmethod
    def again(cls, file: h5py.File, name: str) -> Self:
        """What a file that ``write`` wrote holds."""
        facts = read_facts(file)
        return cls(file, name, facts["slot"], tuple(facts["shown"]), tuple(facts["annotations"]), index=facts["index"])

    def cut(self, features: np.ndarray, *, is_first: bool) -> AnnDataRemainder:
        """The same for some of the features."""
        return replace(self, features=np.asarray(features, np.int64), is_first=is_first)

    @property
    def is_raw(self) -> bool:
        """Whether the table was made of the file's raw."""
        return self.slot == "raw/X"

    def write(self, path: Path, keep: np.ndarray | None) -> Kept:
        """Write the file.

        Parameters
        ----------
        keep : shape (n_cells,), bool, the cells that the table keeps; None = all
        """
        cells = None if keep is None or keep.all() else np.flatnonzero(keep)
        with h5py.File(path, "w") as target:
            names = {"shown": self.shown, "annotations": self.annotations}
            target[FACTS] = json.dumps({"slot": self.slot, "index": self.index, **names})
            return _Writing(self, target, cells).run()

    def raw(self) -> dict[str, Any]:
        """The matrix and the frame of raw, in old and new layouts."""
        raw = self.group.get("raw")
        if isinstance(raw, h5py.Group):
            return {part: raw[part] for part in ("X", "var", "varm") if part in raw}
        return {part: self.group[f"raw.{part}"] for part in ("X", "var") if f"raw.{part}" in self.group}


_AXES = {
    "layers": ("obs", "var"),
    "obsm": ("obs",),
    "obsp": ("obs", "obs"),
    "varm": ("var",),
    "varp": ("var", "var"),
    "uns": (),
}


class _Writing:
    """One run of ``AnnDataRemainder.write``."""

    def __init__(self, source: AnnDataRemainder, target: h5py.File, cells: Positions) -> None:
        self._source, self._target, self._cells = source, target, cells
        self._copier = NodeCopier(f"{source.name}, ")
        self._kept = Kept()
        frames = {axis: source.group.get(axis) for axis in ("obs", "var")}
        self._lengths = {
            axis: shape_of(item)[0] for axis, item in frames.items() if item is not None and shape_of(item)
        }

    def run(self) -> Kept:
        source, features = self._source, self._source.features
        if source.is_first or not source.is_raw:
            self._of_features(None if source.is_raw else features)
        raw = source.raw()
        if source.is_raw:
            self._raw({part: item for part, item in raw.items() if part != "X"}, features)
        elif source.is_first:
            self._raw(raw, None)
        if source.is_first:
            self._of_cells()
        return self._kept

    def _of_features(self, features: Positions) -> None:
        """The main matrix, layers, features, loadings and graphs of features."""
        group, slot = self._source.group, self._source.slot
        if slot != "X" and "X" in group and layout_of(group["X"]) != "null":
            self._take(group["X"], self._target, "X", Cut(self._cells, features))
        self._frame(group["var"], self._target, "var", features)
        skipped = {slot.removeprefix("layers/")} if slot.startswith("layers/") else set()
        self._slot("layers", Cut(self._cells, features), skipped)
        self._slot("varm", Cut(features))
        self._slot("varp", Cut(features, features))

    def _raw(self, raw: dict[str, Any], features: Positions) -> None:
        if not raw:
            return
        target = self._target.create_group("raw")
        if "X" in raw and self._take(raw["X"], target, "X", Cut(self._cells)):
            self._kept.parts.append("raw")
        self._frame(raw["var"], target, "var", features)
        loadings = raw.get("varm")
        for name, item in _members(loadings):
            self._take(item, target.require_group("varm"), name, Cut(features))

    def _of_cells(self) -> None:
        """Annotations and embeddings that the dataset does not hold exactly, graphs of cells, free notes."""
        group = self._source.group
        obs = group.get("obs")
        if isinstance(obs, h5py.Group):
            target = self._target.create_group("obs")
            for name in frame_columns(obs):
                if not _is_exact_column(obs[name]):
                    self._take(obs[name], target, name, Cut(self._cells))
        elif isinstance(obs, h5py.Dataset):
            self._of_old_cells(obs)
        obsm = group.get("obsm")
        exact = {name for name, item in _members(obsm) if _is_exact_embedding(item)}
        if isinstance(obsm, h5py.Dataset):
            exact = {name for name in obsm.dtype.names or () if obsm.dtype[name].base == np.dtype("<f4")}
        self._slot("obsm", Cut(self._cells), exact & set(self._source.shown))
        self._slot("obsp", Cut(self._cells, self._cells))
        old = {f"{name}_categories" for name in self._source.annotations} if isinstance(obs, h5py.Dataset) else set()
        self._slot("uns", WHOLE, {FACTS, *old})

    def _of_old_cells(self, obs: h5py.Dataset) -> None:
        """The same where AnnData wrote one record a cell, before 0.7."""
        rows = slice(None) if self._cells is None else self._cells
        group = self._source.group
        levels = {f"{name}_categories" for name in self._source.annotations} & set(group.get("uns", ()))
        numbers = {
            name: obs[name][rows]
            for name in self._source.annotations
            if f"{name}_categories" not in levels and obs.dtype[name].kind in "iuf" and obs.dtype[name].itemsize < 8
        }
        for name, values in numbers.items():
            write_numbers(self._target.require_group("obs"), name, values)

    def _slot(self, slot: str, cut: Cut, skipped: AbstractSet[str] = frozenset()) -> None:
        """All entries of a slot but some."""
        target = self._target.create_group(slot)
        old = self._source.group.get(slot)
        if isinstance(old, h5py.Dataset):
            for name in set(old.dtype.names or ()) - skipped:
                write_numbers(target, name, old[name][slice(None) if cut.rows is None else cut.rows])
        axes = [self._lengths.get(axis) for axis in _AXES[slot]]
        wanted = [(name, item) for name, item in _members(self._source.group.get(slot)) if name not in skipped]
        done = [name for name, item in wanted if self._fits(item, axes) and self._take(item, target, name, cut)]
        if done:
            listed = f" {', '.join(done)}" if len(done) <= 10 else f" ({len(done)})"
            self._kept.parts.append(slot + listed)

    def _fits(self, item: Any, axes: list[int | None]) -> bool:
        """Whether the shape of an item is that of its table."""
        shape = shape_of(item)
        fits = len(shape) >= len(axes) and all(
            wanted in (None, found) for wanted, found in zip(axes, shape, strict=False)
        )
        if not fits:
            self._kept.notes.append(
                f"{item.name.strip('/')} is not kept for exports: its shape {shape} does not fit its table."
            )
        return fits

    def _take(self, item: Any, parent: h5py.Group, name: str, cut: Cut = WHOLE) -> bool:
        """Copy one item, or note why not."""
        try:
            self._copier.copy(item, parent, name, cut)
        except CytosolError as error:
            self._kept.notes.append(f"{item.name.strip('/')} is not kept for exports: {error.what}.")
            return False
        return True

    def _frame(self, item: Any, parent: h5py.Group, name: str, rows: Positions) -> None:
        """A table of features; one of an old layout is written anew."""
        plain = isinstance(item, h5py.Group) and not any("categories" in item[key].attrs for key in frame_columns(item))
        if plain:
            self._take(item, parent, name, Cut(rows))
            return
        uns = self._source.group.get("uns")
        frame = read_frame(item, uns=uns if isinstance(uns, h5py.Group) else None, place=f"{self._source.name}, {name}")
        taken = slice(None) if rows is None else rows
        names = np.array(frame.index, dtype=object)[taken]
        write_plain_frame(
            parent, name, (index_name(item), names), {key: values[taken] for key, values in frame.columns.items()}
        )


def read_facts(file: h5py.File) -> dict[str, Any]:
    """What a file of ``AnnDataRemainder.write`` says of itself."""
    said: dict[str, Any] = json.loads(file[FACTS].asstr()[()])
    return said


def _members(group: Any) -> Iterator[tuple[str, Any]]:
    """What lies in a group itself; links out of it are passed over."""
    if isinstance(group, h5py.Group):
        for name in group:
            if isinstance(group.get(name, getlink=True), h5py.HardLink):
                yield name, group[name]


def _is_exact_column(item: Any) -> bool:
    """Whether an annotation holds all that this column does: 64-bit numbers, truth values, named categories."""
    if isinstance(item, h5py.Dataset):
        return "categories" in item.attrs or item.dtype.newbyteorder("=").str[1:] in ("f8", "i8", "b1")
    levels = item.get("categories") if layout_of(item) == "categorical" else None
    if not isinstance(levels, h5py.Dataset):
        return False
    return h5py.check_string_dtype(levels.dtype) is not None and levels.size <= _MAX_LEVELS


def _is_exact_embedding(item: Any) -> bool:
    return isinstance(item, h5py.Dataset) and item.ndim == 2 and item.dtype.newbyteorder("=").str[1:] == "f4"
