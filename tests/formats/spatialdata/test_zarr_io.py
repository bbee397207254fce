"""Whole objects of a Zarr store: written at once on this machine, through the store elsewhere, never half."""

from __future__ import annotations

from pathlib import Path

import pytest
from zarr.abc.store import Store
from zarr.storage import LocalStore, MemoryStore

from cytosol.formats.spatialdata.zarr_io import get_many, put_many


@pytest.fixture(params=["local", "memory"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return LocalStore(tmp_path / "root") if request.param == "local" else MemoryStore()


def test_objects_are_written_and_replaced(root: Store) -> None:
    put_many(root, ((f"a/{number}/c/0", bytes([number])) for number in range(20)))
    put_many(root, [("a/3/c/0", b"anew")])
    assert get_many(root, ["a/2/c/0", "a/3/c/0", "a/none"]) == [b"\x02", b"anew", None]


def test_what_breaks_off_leaves_what_was_there(tmp_path: Path) -> None:
    root = LocalStore(tmp_path)
    put_many(root, [("a/zarr.json", b"old")])
    with pytest.raises(TypeError):
        put_many(root, [("a/zarr.json", "no bytes")])  # type: ignore[list-item]
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["zarr.json"]
    assert get_many(root, ["a/zarr.json"]) == [b"old"]


def test_a_store_that_is_only_read_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="read-only"):
        put_many(LocalStore(tmp_path, read_only=True), [("a", b"1")])
    assert not list(tmp_path.iterdir())
