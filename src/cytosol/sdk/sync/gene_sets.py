"""Gene sets and marker lists that are kept on the server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cytosol.sdk.records import Record
from cytosol.sdk.sync.http import Http

Sets = Mapping[str, Sequence[str]] | Sequence[Mapping[str, Any]]


class GeneSets(Record):
    """A collection of gene sets, or of markers of cell types."""

    _shown = ("name", "kind", "species", "n_sets", "owner", "id")

    def __init__(self, http: Http, fields: dict[str, Any]) -> None:
        super().__init__(fields)
        self._http = http

    def to_dict(self) -> dict[str, list[str]]:
        """The genes of each set, by its name."""
        return {one["name"]: one["genes"] for one in self.items()}

    def items(self) -> list[dict[str, Any]]:
        """The sets: name, description, genes, and negative genes."""
        if "sets" not in self._fields:
            self._fields = self._http.get(f"gene-sets/{self.id}")
        sets: list[dict[str, Any]] = self._fields["sets"]
        return sets

    def change(self, *, name: str | None = None, sets: Sets | None = None, group_id: str | None = None) -> GeneSets:
        """Rename them, replace their sets, or share them with another group."""
        body: dict[str, Any] = {"name": name, "sets": None if sets is None else set_items(sets), "group_id": group_id}
        body = {key: value for key, value in body.items() if value is not None}
        self._fields = self._http.change("PATCH", f"gene-sets/{self.id}", body, version=self.version)
        return self

    def unshare(self) -> GeneSets:
        """Share them with nobody any more."""
        body = {"group_id": None}
        self._fields = self._http.change("PATCH", f"gene-sets/{self.id}", body, version=self.version)
        return self

    def delete(self) -> None:
        """Put them into the trash."""
        self._http.change("DELETE", f"gene-sets/{self.id}", version=self.version)


def set_items(sets: Sets) -> list[dict[str, Any]]:
    """Sets as the server takes them: from name → genes, or from objects with name, genes, description, negative."""
    if isinstance(sets, Mapping):
        return [{"name": name, "genes": list(genes)} for name, genes in sets.items()]
    return [dict(one) for one in sets]


def read_small(path: str | Path) -> bytes:
    """The bytes of a small file."""
    return Path(path).read_bytes()
