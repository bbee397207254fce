"""Giving back in an h5ad file what was kept of the submitted file; see ``formats.remainder``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cytosol.formats.h5frame import frame_columns, index_name
from cytosol.formats.remainder import FACTS, read_facts

SLOTS = ("layers", "varm", "varp", "obsp")
_TEXT = h5py.string_dtype("utf-8")


@dataclass(frozen=True, slots=True)
class Origins:
    """Which entries of an export are entries of the submitted file, as they were: name in the export → in the file."""

    columns: Mapping[str, str] = field(default_factory=dict)
    embeddings: Mapping[str, str] = field(default_factory=dict)


class KeptFile:
    """What was kept of a submitted file, as an export gives it back.

    Parameters
    ----------
    file : as ``AnnDataRemainder.write`` wrote it
    origins : what of the export comes from the file
    """

    def __init__(self, file: h5py.File, origins: Origins) -> None:
        self.file = file
        self.origins = origins
        self._facts = read_facts(file)

    @property
    def main(self) -> str:
        """Where the matrix of the table belongs: X, raw/X or layers/NAME."""
        slot: str = self._facts["slot"]
        return "X" if slot == "raw/X" and "var" not in self.file else slot

    @property
    def features(self) -> str:
        """Where the features of that matrix belong: var or raw/var."""
        return "raw/var" if self.main == "raw/X" else "var"

    @property
    def index(self) -> str:
        """What the names of the cells are called; "" = nothing in particular."""
        name: str = self._facts["index"]
        return name if "/" not in name else ""

    def columns(self) -> Iterator[tuple[str, Any]]:
        """Annotations that the kept file holds more exactly: name in the export, item."""
        obs = self.file.get("obs", {})
        yield from ((name, obs[key]) for name, key in self.origins.columns.items() if key in obs)

    def embeddings(self) -> Iterator[tuple[str, Any]]:
        """The same for embeddings, and those entries of obsm that are no embeddings here."""
        obsm = self.file.get("obsm", {})
        yield from ((name, obsm[key]) for name, key in self.origins.embeddings.items() if key in obsm)
        yield from ((key, obsm[key]) for key in obsm if key not in self._facts["shown"])

    def entries(self) -> Iterator[tuple[str, Any]]:
        """Everything else by its place: the main matrix, layers, loadings, graphs, raw."""
        if self.main == "raw/X" or "var" in self.file or self._facts["slot"] != "raw/X":
            if "X" in self.file:
                yield "X", self.file["X"]
            for slot in SLOTS:
                yield from ((f"{slot}/{name}", item) for name, item in self.file.get(slot, {}).items())
        raw = self.file.get("raw", {})
        if self.main == "raw/X":
            yield "var", self.file["var"]
        elif "X" in raw:
            yield from ((f"raw/{part}", raw[part]) for part in ("X", "var") if part in raw)
        if "X" in raw or self.main == "raw/X":
            yield from ((f"raw/varm/{name}", item) for name, item in raw.get("varm", {}).items())

    def uns(self, n_levels: Mapping[str, int]) -> Iterator[tuple[str, Any]]:
        """Free notes: name in the export, item.

        Parameters
        ----------
        n_levels : of the categorical annotations of the export; colours that do not fit them are not given
        """
        uns = self.file.get("uns", {})
        colors = {f"{name}_colors" for name in self._facts["annotations"]}
        yield from ((key, uns[key]) for key in uns if key not in colors)
        for name, key in self.origins.columns.items():
            item = uns.get(f"{key}_colors")
            if isinstance(item, h5py.Dataset) and item.shape == (n_levels.get(name, -1),):
                yield f"{name}_colors", item


def give_back(path: Path, kept: KeptFile, n_levels: Mapping[str, int]) -> None:
    """Add to an h5ad file of ours what was kept of the submitted file, in the places that it had there.

    Parameters
    ----------
    n_levels : of the categorical annotations by their names in the file
    """
    with h5py.File(path, "r+") as file:
        if kept.main != "X":
            if kept.main == "raw/X":
                group = file.create_group("raw")
                group.attrs["encoding-type"], group.attrs["encoding-version"] = "raw", "0.1.0"
                file.move("var", "raw/var")
            file.move("X", kept.main)
        _features(file, kept)
        for place, item in kept.entries():
            _put(file, place, item)
        for name, item in kept.columns():
            _put(file, f"obs/{name}", item)
        for name, item in kept.embeddings():
            if "/" not in name:
                _put(file, f"obsm/{name}", item)
        for name, item in kept.uns(n_levels):
            if name != FACTS:
                _put(file, f"uns/{name}", item)
        _rename_index(file["obs"], kept.index)


def _put(file: h5py.File, place: str, item: Any) -> None:
    if place in file:
        del file[place]
    holder, _, name = place.rpartition("/")
    group = file.require_group(holder) if holder else file
    if holder.endswith("varm") and "encoding-type" not in group.attrs:
        group.attrs["encoding-type"], group.attrs["encoding-version"] = "dict", "0.1.0"
    item.file.copy(item, group, name)


def _features(file: h5py.File, kept: KeptFile) -> None:
    """The features as the submitted file has them, and what Cytosol says of them beside."""
    place = kept.features
    if place not in kept.file:
        return
    file.move(place, "ours")
    ours = file["ours"]
    _put(file, place, kept.file[place])
    group = file[place]
    names = frame_columns(group)
    for name in ("feature_id", "feature_type", "genome"):
        if name not in group and name in ours:
            file.move(f"ours/{name}", f"{place}/{name}")
            names.append(name)
    group.attrs.create("column-order", np.array(names, dtype=object), dtype=_TEXT, shape=(len(names),))
    del file["ours"]


def _rename_index(group: h5py.Group, wanted: str) -> None:
    current = index_name(group)
    if wanted and wanted != current and wanted not in group:
        group.move(current, wanted)
        group.attrs["_index"] = wanted
