"""A file of cytometry that is sent is there whole or not at all, at whatever step the server dies or cannot go on."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cytosol.base.keys import Key, new_key
from cytosol.base.settings import load_settings
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.layouts import dataset_path, index_path
from cytosol.catalog.studies import StudyFields
from cytosol.catalog.writing import Writing
from cytosol.db import rows, tables
from cytosol.store.originals import original_path
from cytosol.store.paths import STAGING
from tests.catalog import dying
from tests.catalog.making import folder_of
from tests.catalog.people import Bell, People
from tests.formats.fcs_files import build, floats, plain

NAMES = ("FSC-A", "FITC-A", "PE-A")
POINTS = 12
TIMEOUT_S = 60
_N = 200
_DATA = build(plain(_N, NAMES) | {"SPILL": "2,FITC-A,PE-A,1,0.1,0.2,1", "WELL ID": "A09"}, floats(_N, 3).tobytes())
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.catalog.dying"])


def _run(work: Callable[..., None], *arguments: Any) -> int | None:
    process = _processes.Process(target=work, args=arguments)
    process.start()
    process.join(TIMEOUT_S)
    assert process.exitcode is not None
    return process.exitcode


async def _open(folder: Path) -> Catalog:
    """What the start of a server does before it takes requests."""
    catalog = await Catalog.open(load_settings(data=folder, min_free_bytes=0), notifier=Bell())
    catalog.context.scratch.sweep(set())
    await catalog.context.blobs.sweep()
    await catalog.care.drop_unfinished()
    return catalog


async def _check(catalog: Catalog, people: People, study_id: Key) -> int:
    """Every file is whole, and nothing else lies on the disk; how many there are."""
    views = await catalog.cytometry.files(people.ada, study_id=study_id)
    for view in views:
        assert view.annotations == [("plate row", "A"), ("plate column", "09"), ("plate well", "A09")]
        assert (view.dataset.panel_name, view.dataset.compensation, view.size) == ("Panel 1", "internal", len(_DATA))
        pinned = await catalog.tables.pin(people.ada, dataset_id=view.dataset.id)
        values = await catalog.tables.values(pinned, features=["PE-A"])
        assert values.dense is not None
        np.testing.assert_array_equal(values.dense[0], floats(_N, 3)[:, 2])
        assert (await catalog.compensations.resolve(pinned, "internal")) is not None
        assert (await catalog.cytometry.keywords(people.ada, dataset_id=view.dataset.id))["WELL ID"] == "A09"
    if views:
        assert len((await catalog.scales.get(people.ada, study_id=study_id)).scales) == len(NAMES)
    async with catalog.context.db.read() as conn:
        datasets = await rows.find(conn, tables.datasets)
        originals = await rows.find(conn, tables.originals)
        assert await rows.count(conn, tables.uploads) == 0
        assert await rows.count(conn, tables.elements) == len(datasets)
    assert len(datasets) == len(originals) == len(views)
    known = {dataset_path(row["bytes_id"]) for row in datasets} | {original_path(row["bytes_id"]) for row in originals}
    assert _places(catalog) == known
    return len(views)


def _places(catalog: Catalog) -> set[str]:
    root = folder_of(catalog, "originals").parent
    assert not list((root / STAGING).iterdir())
    assert not list(root.parent.glob("unfinished/*"))
    files = [path.relative_to(root).parts for path in root.rglob("*") if path.is_file()]
    return {"/".join(parts[:2]) for parts in files}


@pytest.fixture
async def place(tmp_path: Path) -> tuple[Path, People, Key]:
    folder = tmp_path / "data"
    catalog = await _open(folder)
    people = await People.come(catalog)
    study_id = (await catalog.studies.create(people.ada, fields=StudyFields(name="Blood"))).study.id
    await catalog.close()
    return folder, people, study_id


def _n_steps(place: tuple[Path, People, Key]) -> int:
    folder, people, study_id = place
    ours, theirs = _processes.Pipe()
    assert _run(dying.count_steps, folder, people.ada, study_id, _DATA, theirs) == 0
    return int(ours.recv())


async def test_killed_at_any_step(place: tuple[Path, People, Key]) -> None:
    folder, people, study_id = place
    n_steps = _n_steps(place)
    found = []
    for at in range(1, n_steps + 1, max(1, n_steps // POINTS)):
        ended = _run(dying.put_and_die, folder, people.ada, study_id, _DATA, at)
        assert ended == -signal.SIGKILL or at > 0.8 * n_steps  # some folders are there already: it takes fewer steps
        catalog = await _open(folder)
        found.append(await _check(catalog, people, study_id))
        await catalog.close()
    assert found[0] == 1  # that of the count
    assert found[-1] > 1  # killed after the commit


async def test_a_full_disk_or_a_cancellation_at_any_step(place: tuple[Path, People, Key]) -> None:
    folder, people, study_id = place
    n_steps = _n_steps(place)
    steps = range(1, n_steps + 1, max(1, n_steps // (2 * POINTS)))
    ends = [(how, at) for how in ("full disk", "called off") for at in steps]
    assert _run(dying.put_and_fail, folder, people.ada, study_id, _DATA, ends) == 0
    catalog = await Catalog.open(load_settings(data=folder, min_free_bytes=0), notifier=Bell())
    assert 1 < await _check(catalog, people, study_id) < len(ends)
    await catalog.close()


async def test_what_was_derived_of_a_file_goes_with_it(place: tuple[Path, People, Key]) -> None:
    folder, people, study_id = place
    catalog = await _open(folder)
    await dying.put(catalog, people.ada, study_id, "whole.fcs", _DATA)
    (view,) = await catalog.cytometry.files(people.ada, study_id=study_id)
    for id in (view.dataset.bytes_id, new_key()):
        await Writing(catalog.context).begin(dataset_path(id))  # the server is killed before the end
        for place_of in (f"{dataset_path(id)}/more", index_path(id, new_key(), "html")):
            await catalog.context.blobs.put(place_of, b"bytes")
    await catalog.close()
    catalog = await _open(folder)
    for kind in ("datasets", "index"):
        assert [path.name for path in folder_of(catalog, kind).iterdir()] == [view.dataset.bytes_id.hex24]
    await catalog.close()
