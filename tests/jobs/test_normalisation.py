"""Bead normalisation and normalisation across runs as jobs: new files, annotations and reports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from cytosol.base.keys import Key
from cytosol.catalog.studies import StudyFields
from cytosol.catalog.writing import Writing
from cytosol.formats.fcs.writer import fcs_head
from cytosol.model.studies import Dataset
from cytosol.model.work import Job
from tests.analyses.cytometry.test_batches import EVEN, measured, medians
from tests.analyses.cytometry.test_beads import drift, run
from tests.catalog.making import folder_of, upload
from tests.formats.fcs_files import build, plain
from tests.jobs.house import House, open_house

pytestmark = pytest.mark.asyncio(loop_scope="module")
CYTOF = ("Time", "Event_length", "Ce140Di", "Eu151Di", "Eu153Di", "Ho165Di", "Lu175Di", "Ir191Di", "Ir193Di", "Nd145Di")
FLOW = ("FSC-A", "FITC-A", "PE-A", "APC-A")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with open_house(tmp_path_factory.mktemp("normalisation") / "data") as house:
        yield house


async def study(house: House) -> Key:
    return (await house.catalog.studies.create(house.people.ada, fields=StudyFields(name="Blood"))).study.id


async def add(
    house: House, study_id: Key, name: str, values: np.ndarray, channels: tuple[str, ...], **more: str
) -> Dataset:
    said = plain(len(values), channels, **more)
    text = {"$" + key[1:] if key.startswith("_") else key: value for key, value in said.items()}
    data = build(text, values.astype(np.float32).tobytes())
    return await add_bytes(house, study_id, name, data)


async def add_bytes(house: House, study_id: Key, name: str, data: bytes) -> Dataset:
    upload_id = await upload(house.catalog, house.people.ada, name, data)
    (made,) = await house.catalog.cytometry.add_file(house.people.ada, study_id=study_id, upload_id=upload_id)
    return made


async def analysed(house: House, dataset_id: Key, analysis: str, **parameters: Any) -> Job:
    job = await house.catalog.analyses.submit(
        house.people.ada, dataset_id=dataset_id, analysis=analysis, parameters=parameters
    )
    return await house.ended(job.id)


async def values_of(house: House, dataset_id: Key, *names: str) -> np.ndarray:
    """Shape (n_events, n_names), as the table has them."""
    pinned = await house.catalog.tables.pin(house.people.ada, dataset_id=dataset_id)
    found = await house.catalog.tables.values(pinned, features=list(names))
    assert found.dense is not None
    return np.stack(list(found.dense), axis=1)


async def page_of(house: House, dataset_id: Key) -> str:
    (report,) = await house.catalog.reports.list(house.people.ada, dataset_id=dataset_id)
    _, page = await house.catalog.reports.read(house.people.ada, dataset_id=dataset_id, id=report.id)
    return page.decode()


async def test_beads_give_a_file_without_the_drift(house: House) -> None:
    study_id = await study(house)
    made = run()
    columns = [made["time"], np.full(len(made["time"]), 20), *made["beads"].T, *made["dna"].T, made["marker"]]
    dataset = await add(house, study_id, "run.fcs", np.column_stack(columns), CYTOF, _CYT="DVSSCIENCES-CYTOF-6.0")
    job = await analysed(house, dataset.id, "bead-normalisation", window=100, remove_beads=True)
    assert (job.state, job.error) == ("succeeded", None)
    assert job.result["events"] == {"event": 38440, "bead": 1500, "bead and cell": 60}
    pinned = await house.catalog.tables.pin(house.people.ada, dataset_id=dataset.id)
    column = await house.catalog.tables.column(pinned, "beads")
    assert column.categories == ["event", "bead", "bead and cell"]
    assert np.array_equal(column.values, made["truth"])
    (new,) = [Key.parse(id) for id in job.result["dataset_ids"]]
    view = await house.catalog.cytometry.file(house.people.ada, dataset_id=new)
    assert (view.dataset.name, view.n_events, view.dataset.technology) == ("run (normalised).fcs", 38440, "mass")
    assert view.dataset.lineage["source_files"][0]["dataset_id"] == dataset.id.hex24
    cells = made["truth"] == 0
    time, length, marker = (await values_of(house, new, "Time", "Event_length", "Nd145Di")).T
    assert np.array_equal(time, made["time"][cells].astype(np.float32))
    assert (length == 20).all()
    told = marker / made["marker"][cells] * drift(made["time"][cells])
    off = np.abs(told / np.median(told) - 1)
    assert off[np.abs(made["time"][cells] - 2400) > 130].max() < 0.04
    page = await page_of(house, dataset.id)
    assert "bead and cell" in page
    assert page.count("data:image/png") == 4  # two figures, each for both themes


async def test_the_beads_of_a_real_run(house: House, shared_data: Path) -> None:
    study_id = await study(house)
    data = (shared_data / "cytometry/fcs/cytof_helios_raw.fcs").read_bytes()
    dataset = await add_bytes(house, study_id, "helios.fcs", data)
    job = await analysed(house, dataset.id, "bead-normalisation")
    assert (job.state, job.error) == ("succeeded", None)
    assert 70 <= job.result["events"]["bead"] <= 160  # of 150 that are bright in all five channels
    assert job.result["events"]["bead"] + job.result["events"]["bead and cell"] == 150
    (new,) = [Key.parse(id) for id in job.result["dataset_ids"]]
    before, after = [await values_of(house, id, "Ce140Di", "Time") for id in (dataset.id, new)]
    assert np.array_equal(before[:, 1], after[:, 1])
    factor = after[before[:, 0] > 0, 0] / before[before[:, 0] > 0, 0]
    assert 0.8 < factor.min() <= factor.max() < 1.25


async def test_a_file_without_beads_is_refused_and_leaves_nothing(house: House) -> None:
    study_id = await study(house)
    made = run()
    cells = made["truth"] == 0
    columns = [made["time"], made["time"], *(0.1 * made["beads"].T), *made["dna"].T, made["marker"]]
    dataset = await add(house, study_id, "none.fcs", np.column_stack(columns)[cells], CYTOF)
    job = await analysed(house, dataset.id, "bead-normalisation")
    assert job.state == "failed"
    assert "0 beads were found" in str(job.error)
    assert len(await house.catalog.cytometry.files(house.people.ada, study_id=study_id)) == 1


async def test_a_written_file_is_dropped_unless_its_dataset_was_written_down(house: House) -> None:
    study_id, catalog, ada = await study(house), house.catalog, house.people.ada
    source = await add(house, study_id, "a.fcs", np.ones((9, 4)), FLOW)
    pinned = await catalog.tables.pin(ada, dataset_id=source.id)
    head = fcs_head([{"N": name} for name in FLOW], 3)
    before = everything(house)
    made = []
    async with Writing(catalog.context) as writing:
        for name in ("kept.fcs", "dropped.fcs"):
            file = (head, iter([np.ones((3, 4), "<f4").tobytes()]))
            made.append(await catalog.derivations.write_made(ada, file, name=name, sources=[pinned], writing=writing))
        async with catalog.context.db.write() as conn:
            (kept,) = await catalog.derivations.insert_made(conn, ada, study_id, made[0])
    new = everything(house) - before
    assert new
    assert all(made[0].original["id"].hex24 in str(path) or kept.id.hex24 in str(path) for path in new)
    assert (await values_of(house, kept.id, *FLOW) == 1).all()


def everything(house: House) -> set[Path]:
    root = folder_of(house.catalog, "originals").parent
    return {path for name in ("datasets", "originals") for path in (root / name).rglob("*") if path.is_file()}


async def test_batches_are_led_to_each_other(house: House) -> None:
    study_id = await study(house)
    ada, catalog = house.people.ada, house.catalog
    truths: dict[str, np.ndarray] = {}
    first = None
    for batch in range(3):
        for kind, seed in (("control", 10 + batch), ("sample", 20 + batch)):
            scaled, truth = measured(
                EVEN if kind == "control" else ((0.2, 0.2, 0.6), EVEN, (0.1, 0.7, 0.2))[batch], batch, seed
            )
            raw = np.column_stack([np.full(len(scaled), 5e4), 150 * np.sinh(scaled.astype(np.float64))])
            name = f"{kind} {batch}.fcs"
            dataset = await add(house, study_id, name, raw, FLOW, _P2S="CD4", _P3S="CD8", _P4S="CD19")
            truths[name] = truth
            await catalog.cytometry.annotate(ada, dataset_id=dataset.id, annotations=[("run", batch + 1)])
            if kind == "control":
                await catalog.cytometry.change(ada, dataset_id=dataset.id, is_control=True)
            first = first or dataset
    assert first is not None
    job = await analysed(house, first.id, "batch-normalisation", batch="run", n_clusters=3)
    assert (job.state, job.error) == ("succeeded", None)
    assert (job.result["batches"], job.result["n_controls"], len(job.result["dataset_ids"])) == (["1", "2", "3"], 3, 6)
    found = {}
    for id in job.result["dataset_ids"]:
        view = await catalog.cytometry.file(ada, dataset_id=Key.parse(id))
        name = view.dataset.name.replace(" (normalised)", "")
        assert view.annotations == [("run", int(name[-5]) + 1)]
        assert view.dataset.is_control == name.startswith("control")
        values = await values_of(house, Key.parse(id), *FLOW)
        assert (values[:, 0] == 5e4).all()
        found[name] = medians(np.arcsinh(values[:, 1:] / 150), truths[name])
    for kind in ("control", "sample"):
        assert np.ptp([found[f"{kind} {batch}.fcs"] for batch in range(3)], axis=0).max() < 0.1
    page = await page_of(house, first.id)
    assert all(text in page for text in ("CD4 (FITC-A)", "sample 2.fcs", "data:image/png"))
    refused = await analysed(house, first.id, "batch-normalisation", batch="donor")
    assert refused.state == "failed"
    assert "No file of this study has an annotation 'donor' (batch). Annotate them, or choose of 'run'" in str(
        refused.error
    )
    bare = await add(house, study_id, "bare.fcs", raw, FLOW)
    for files, text in (
        ([*job.result["dataset_ids"][:2], bare.id.hex24], "The file 'bare.fcs' has no annotation 'run'"),
        ([bare.id.hex24, "0" * 24], "This file is not in the study"),
        (job.result["dataset_ids"][:2], "All files have the same 'run', 1, and at least 2 batches are needed"),
    ):
        refused = await analysed(house, first.id, "batch-normalisation", batch="run", files=files)
        assert refused.state == "failed"
        assert text in str(refused.error)
