"""Gates come from Gating-ML and FlowJo and go there; counted before and after. Compensations come from controls."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cytosol.analyses.cytometry.exchange import evaluate_regions
from cytosol.analyses.cytometry.exchange_units import to_data, to_scaled
from cytosol.base.errors import ConflictError, InvalidInputError, NotFoundError, UnreadableFileError
from cytosol.base.gating import Axis, Gating, Matrix, Region, SampleGating
from cytosol.base.keys import Key
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.control_matrices import Control
from cytosol.catalog.unmixing import References
from cytosol.formats.flowjo.reader import read_workspace
from cytosol.formats.flowjo.writer import write_workspace
from cytosol.formats.gating_ml.reader import read_gating_ml
from cytosol.formats.gating_ml.writer import write_gating_ml
from tests.catalog.making import folder_of
from tests.catalog.people import People
from tests.catalog.test_cytometry import add, column, fcs, study
from tests.formats.fcs_files import build, floats, plain

LOGICLE = {"type": "logicle", "t": 1000.0, "w": 0.5, "m": 4.5, "a": 0.0}
MATRIX = Matrix(("FITC-A", "PE-A"), ("FITC-A", "PE-A"), ((1.0, 0.1), (0.2, 1.0)))


def gating(*, low: float = 0.9) -> Gating:
    """A tree on compensated and plain channels, and on time."""
    regions = [
        Region("cells", "cells", "box", {"limits": [[200.0, None], [None, 900.0]]}, (Axis("FSC-A"), Axis("SSC-A"))),
        Region("cells/dye", "dye", "box", {"limits": [[low, None]]}, (Axis("FITC-A", "Spill", LOGICLE),), "cells"),
        Region(
            "cells/both",
            "both",
            "polygon",
            {"vertices": [[0.7, 0.6], [1.05, 0.8], [0.9, 1.05]]},
            (Axis("FITC-A", "Spill", LOGICLE), Axis("PE-A", "Spill", LOGICLE)),
            "cells",
        ),
        Region("early", "early", "box", {"limits": [[None, 5.0]]}, (Axis("Time"),)),
        Region("late", "late", "boolean", {"op": "not", "refs": [["early", False]]}),
    ]
    return Gating({region.id: region for region in regions}, {"Spill": MATRIX})


def events(seed: int) -> dict[str, np.ndarray]:
    """What ``fcs(400, seed=…, _TIMESTEP=0.01)`` holds, on the scale of the file."""
    columns = floats(400, 5, seed=seed).astype(np.float32).T
    found = dict(zip(("FSC-A", "SSC-A", "FITC-A", "PE-A", "Time"), columns, strict=True))
    return found | {"Time": found["Time"].astype(np.float64) * 0.01}


async def filled(catalog: Catalog, people: People) -> tuple[Key, list[Any]]:
    study_id = await study(catalog, people.ada)
    datasets = []
    for seed in (1, 2):
        data = fcs(400, seed=seed, _TIMESTEP="0.01")
        datasets += await add(catalog, people.ada, study_id, f"{seed}.fcs", data)
    return study_id, datasets


async def counted(
    catalog: Catalog, people: People, study_id: Key, dataset_id: Key, compensation: str
) -> dict[str, int | None]:
    found = await catalog.gating.counts(
        people.ada, study_id=study_id, dataset_ids=[dataset_id], compensation=compensation
    )
    names = {one.id: one.name for one in await catalog.populations.list(people.ada, study_id=study_id)}
    assert not any(row.problem for row in found)
    return {names[row.population_id]: row.n_events for row in found if row.population_id is not None}


def wanted(of: Gating, seed: int) -> dict[str, int]:
    masks = evaluate_regions(of, events(seed).__getitem__)
    found = {region.name: int(masks[name].sum()) for name, region in of.regions.items()}
    assert all(0 < count < 400 for count in found.values())
    return found


async def test_gating_ml_in_and_out(catalog: Catalog, people: People) -> None:
    study_id, (one, two) = await filled(catalog, people)
    brought = await catalog.gating_exchange.bring(
        people.ada, study_id=study_id, data=write_gating_ml(gating()), name="gates.xml"
    )
    assert brought.notes == []
    assert [population.name for population in brought.populations] == ["cells", "dye", "both", "early", "late"]
    assert brought.populations[1].parent_id == brought.populations[0].id
    assert [compensation.name for compensation in brought.compensations] == ["Spill"]
    assert brought.compensation == brought.compensations[0].id.hex24
    assert brought.scale_set.scales["var:FITC-A"]["type"] == "logicle"
    assert brought.scale_set.scales["var:FSC-A"]["type"] == "linear"
    for seed, dataset in ((1, one), (2, two)):
        found = await counted(catalog, people, study_id, dataset.id, brought.compensation)
        assert found == wanted(gating(), seed)
    data = await catalog.gating_exchange.write(
        people.ada, study_id=study_id, form="gating-ml", compensation=brought.compensation
    )
    again = read_gating_ml(data)
    masks = evaluate_regions(again, events(1).__getitem__)
    counts = {region.name: int(masks[name].sum()) for name, region in again.regions.items()}
    assert {name: counts[name] for name in wanted(gating(), 1)} == wanted(gating(), 1)


async def test_it_is_one_step_to_undo(catalog: Catalog, people: People) -> None:
    study_id, _ = await filled(catalog, people)
    before = (await catalog.scales.get(people.ada, study_id=study_id)).scales
    await catalog.gating_exchange.bring(people.ada, study_id=study_id, data=write_gating_ml(gating()))
    revision = (await catalog.history.list(people.ada, study_id=study_id)).items[0]
    await catalog.history.undo(people.ada, revision_id=revision.id)
    assert await catalog.gates.list(people.ada, study_id=study_id) == []
    assert await catalog.populations.list(people.ada, study_id=study_id) == []
    assert await catalog.compensations.list(people.ada, study_id=study_id) == []
    assert (await catalog.scales.get(people.ada, study_id=study_id)).scales == before


async def test_a_workspace_in_and_out(catalog: Catalog, people: People) -> None:
    study_id, (one, two) = await filled(catalog, people)
    samples = [
        SampleGating("unknown.fcs", to_data(gating(low=0.85))),
        SampleGating("1.fcs", to_data(gating())),
        SampleGating("2.fcs", to_data(gating(low=0.92))),
    ]
    brought = await catalog.gating_exchange.bring(people.ada, study_id=study_id, data=write_workspace(samples))
    dye = [gate for gate in brought.gates if gate.name == "dye"]
    assert [gate.dataset_id for gate in dye] == [None, two.id]
    assert all(gate.tailored for gate in dye)
    assert dye[0].gid == dye[1].gid
    assert len(brought.populations) == 5
    assert await counted(catalog, people, study_id, one.id, brought.compensation) == wanted(gating(), 1)
    assert await counted(catalog, people, study_id, two.id, brought.compensation) == wanted(gating(low=0.92), 2)
    data = await catalog.gating_exchange.write(
        people.ada, study_id=study_id, form="flowjo", compensation=brought.compensation
    )
    for seed, low, sample in zip((1, 2), (0.9, 0.92), read_workspace(data), strict=True):
        assert (sample.name, sample.n_events) == (f"{seed}.fcs", 400)
        masks = evaluate_regions(to_scaled(sample.gating), events(seed).__getitem__)
        counts = {region.name: int(masks[name].sum()) for name, region in sample.gating.regions.items()}
        expected = wanted(gating(low=low), seed)
        assert all(abs(counts[name] - count) <= 1 for name, count in expected.items())


@pytest.mark.parametrize("of_file", [True, False])
async def test_samples_of_a_workspace_with_compensations_of_their_own(
    catalog: Catalog, people: People, of_file: bool
) -> None:
    study_id = await study(catalog, people.ada)
    ids, samples = [], []
    for seed, (there, back) in ((1, (0.1, 0.2)), (2, (0.3, 0.05))):
        spill = f"2,FITC-A,PE-A,1,{there},{back},1" if of_file or seed == 1 else "2,FITC-A,PE-A,1,0,0,1"
        data = fcs(400, seed=seed, _TIMESTEP="0.01", _SPILLOVER=spill)
        ids += [one.id for one in await add(catalog, people.ada, study_id, f"{seed}.fcs", data)]
        matrix = replace(MATRIX, values=((1.0, there), (back, 1.0)))
        samples.append(SampleGating(f"{seed}.fcs", to_data(replace(gating(), matrices={"Spill": matrix}))))
    brought = await catalog.gating_exchange.bring(people.ada, study_id=study_id, data=write_workspace(samples))
    assert (brought.compensation, len(brought.compensations)) == (("internal", 0) if of_file else ("own", 1))
    for id, seed, sample in zip(ids, (1, 2), samples, strict=True):
        counts = await counted(catalog, people, study_id, id, brought.compensation)
        assert counts == wanted(to_scaled(sample.gating), seed)
    revision = (await catalog.history.list(people.ada, study_id=study_id)).items[0]
    await catalog.history.undo(people.ada, revision_id=revision.id)
    assert await catalog.compensations.list(people.ada, study_id=study_id) == []
    views = await catalog.cytometry.files(people.ada, study_id=study_id)
    assert {view.dataset.compensation for view in views} == {"internal"}


async def test_the_published_workspace(catalog: Catalog, people: People, shared_data: Path) -> None:
    folder = shared_data / "cytometry" / "flowjo" / "flowsom"
    study_id = await study(catalog, people.ada)
    (dataset,) = await add(catalog, people.ada, study_id, "68983.fcs", (folder / "68983.fcs").read_bytes())
    workspace = (folder / "gating.wsp").read_bytes()
    brought = await catalog.gating_exchange.bring(people.ada, study_id=study_id, data=workspace)
    assert brought.notes == []
    found = await counted(catalog, people, study_id, dataset.id, brought.compensation)
    (sample,) = read_workspace(workspace)
    assert len(found) == 15
    for region in sample.gating.regions.values():
        ours, theirs = found[region.name], region.n_events
        assert ours is not None
        assert theirs is not None
        assert abs(ours - theirs) <= max(0.005 * theirs, 1), region.name


async def test_rights_and_files_that_cannot_be_brought(catalog: Catalog, people: People) -> None:
    study_id, _ = await filled(catalog, people)
    data = write_gating_ml(gating())
    with pytest.raises(NotFoundError):
        await catalog.gating_exchange.bring(people.bob, study_id=study_id, data=data)
    with pytest.raises(UnreadableFileError, match=r"notes\.xml"):
        await catalog.gating_exchange.bring(people.ada, study_id=study_id, data=b"<a/>", name="notes.xml")
    with pytest.raises(InvalidInputError, match="no gates"):
        await catalog.gating_exchange.bring(people.ada, study_id=study_id, data=write_gating_ml(Gating({})))
    with pytest.raises(InvalidInputError, match="no form"):
        await catalog.gating_exchange.write(people.ada, study_id=study_id, form="pdf")
    empty = await study(catalog, people.ada, "Empty")
    with pytest.raises(NotFoundError, match="no data"):
        await catalog.gating_exchange.write(people.ada, study_id=empty, form="gating-ml")


def control(place: int | None, seed: int) -> bytes:
    """A control of two dyes, 40 % stained."""
    generator = np.random.default_rng(seed)
    dyes = np.zeros((3000, 2))
    if place is not None:
        bright = generator.random(3000) < 0.4
        dyes[bright, place] = generator.lognormal(7, 0.5, int(bright.sum()))
    light = dyes @ np.array([[1, 0.25], [0.05, 1]]) + 20
    seen = generator.poisson(light) + generator.normal(0, 4, light.shape)
    others = generator.uniform(0, 1000, (3000, 1))
    columns = np.column_stack([others, seen]).astype("<f4")
    return build(plain(3000, ("FSC-A", "FITC-A", "PE-A")), columns.tobytes())


async def test_a_compensation_from_controls(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    ids = []
    for name, place in (("fitc", 0), ("pe", 1), ("none", None)):
        ids += [one.id for one in await add(catalog, people.ada, study_id, f"{name}.fcs", control(place, 7))]
    controls = [Control("FITC-A", ids[0]), Control("PE-A", ids[1], positive=(300.0, 5000.0))]
    found = await catalog.control_matrices.compute(
        people.ada, study_id=study_id, controls=controls, unstained=Control("", ids[2]), name="From controls"
    )
    assert found.channels == ["FITC-A", "PE-A"]
    assert found.matrix == pytest.approx(np.array([[1, 0.25], [0.05, 1]]), abs=0.01)
    assert found.spread[0, 1] == pytest.approx(np.sqrt(0.25 + 0.25**2), rel=0.2)
    assert found.parts["PE-A"].positive == (300, 5000)
    assert found.compensation is not None
    kept = await catalog.compensations.get(people.ada, compensation_id=found.compensation.id)
    assert kept.matrix == found.matrix.reshape(-1).tolist()
    assert kept.made_by["controls"][1]["positive"] == [300, 5000]
    only = await catalog.control_matrices.compute(people.ada, study_id=study_id, controls=controls[:1])
    assert only.compensation is None
    assert len(await catalog.compensations.list(people.ada, study_id=study_id)) == 1
    with pytest.raises(InvalidInputError, match="one control"):
        await catalog.control_matrices.compute(people.ada, study_id=study_id, controls=controls[:1] * 2)
    assert found.warnings == []


async def test_swapped_controls_are_kept_only_where_somebody_insists(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    ids = []
    for name, place in (("fitc", 0), ("pe", 1)):
        ids += [one.id for one in await add(catalog, people.ada, study_id, f"{name}.fcs", control(place, 7))]
    swapped = [Control("FITC-A", ids[1]), Control("PE-A", ids[0])]
    compute = partial(catalog.control_matrices.compute, people.ada, study_id=study_id, controls=swapped)
    shown = await compute()
    assert [text.rpartition(":")[0] for text in shown.warnings] == [
        "The control of FITC-A, 'pe.fcs', looks like one of PE-A",
        "The control of PE-A, 'fitc.fcs', looks like one of FITC-A",
    ]
    assert "it is 3.98 times" in shown.warnings[1]  # about one over 0.25
    with pytest.raises(
        ConflictError, match=r"'pe\.fcs', looks like one of PE-A.*'fitc\.fcs', looks like one of FITC-A"
    ):
        await compute(name="Swapped")
    assert await catalog.compensations.list(people.ada, study_id=study_id) == []
    kept = await compute(name="Swapped", insist=True)
    assert kept.compensation is not None
    assert kept.warnings == shown.warnings


SPECTRA = np.array([[1.0, 0.5, 0.1, 0.02], [0.05, 0.3, 1.0, 0.4]])
DETECTORS = ("V1-A", "V2-A", "V3-A", "V4-A")


async def references(catalog: Catalog, people: People, study_id: Key) -> tuple[list[Key], np.ndarray]:
    """Controls of two dyes, an unstained one and a mixture, and how much of the dyes its events have, (n_events, 2)."""
    generator = np.random.default_rng(4)

    def cells(dyes: np.ndarray) -> bytes:
        light = generator.poisson(dyes @ SPECTRA + 10)
        columns = np.column_stack([generator.uniform(0, 1000, len(dyes)), light, np.arange(len(dyes))])
        names = ("FSC-A", *DETECTORS, "Time")
        return build(plain(len(dyes), names, SPILL="1,V1-A,1"), columns.astype("<f4").tobytes())

    dyes = generator.gamma(1, 2000, (2500, 2))
    ids = []
    for name, amounts in (
        ("one", np.column_stack([dyes[:, 0], np.zeros(2500)])),
        ("two", np.column_stack([np.zeros(2500), dyes[:, 1]])),
        ("none", np.zeros((2500, 2))),
        ("mix.fcs", dyes),
    ):
        ids += [one.id for one in await add(catalog, people.ada, study_id, name, cells(amounts))]
    return ids, dyes


async def test_files_are_unmixed_by_reference_controls(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    ids, dyes = await references(catalog, people, study_id)
    controls = [Control("V1-A", ids[0], dye="BV421"), Control("V3-A", ids[1], dye="BV605")]
    for weighted in (False, True):
        (made,) = await catalog.unmixing.unmix(
            people.ada,
            study_id=study_id,
            dataset_ids=[ids[3]],
            references=References(controls, Control("", ids[2])),
            weighted=weighted,
        )
        assert made.name == ("mix (unmixed, weighted).fcs" if weighted else "mix (unmixed).fcs")
        assert [entry["channel"] for entry in made.panel] == ["FSC-A", "Time", "BV421", "BV605"]
        assert not (await catalog.cytometry.file(people.ada, dataset_id=made.id)).has_internal
        for place, dye in enumerate(("BV421", "BV605")):
            found = await column(catalog, people.ada, made, dye)
            assert np.corrcoef(found, dyes[:, place])[0, 1] > 0.99
            assert np.median(found - dyes[:, place]) == pytest.approx(0, abs=40)
        assert np.array_equal(await column(catalog, people.ada, made, "Time"), np.arange(2500, dtype=np.float32))
        (report,) = await catalog.reports.list(people.ada, dataset_id=made.id)
        _, page = await catalog.reports.read(people.ada, dataset_id=made.id, id=report.id)
        assert ("weighted" in page.decode()) == weighted
        assert "<td>BV605</td><td>V3-A</td>" in page.decode()
        cosine = SPECTRA[0] @ SPECTRA[1] / np.linalg.norm(SPECTRA[0]) / np.linalg.norm(SPECTRA[1])
        (said,) = re.findall(r"<td>BV421</td><td class=number>1</td><td class=number>([\d.]+)</td>", page.decode())
        assert float(said) == pytest.approx(cosine, abs=0.02)


async def test_where_files_cannot_be_unmixed_nothing_is_made(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    ids, _ = await references(catalog, people, study_id)
    controls = [Control("V1-A", ids[0], dye="BV421"), Control("V3-A", ids[1], dye="BV605")]
    swapped = [replace(controls[0], dataset_id=ids[1]), replace(controls[1], dataset_id=ids[0])]
    said = "The control of BV421, 'two', looks like one of BV605: it is brightest in V3-A. The control of BV605, 'one',"
    with pytest.raises(ConflictError, match=re.escape(said)):
        await catalog.unmixing.unmix(
            people.ada, study_id=study_id, dataset_ids=[ids[3]], references=References(swapped)
        )
    with pytest.raises(InvalidInputError, match="not unique"):
        await catalog.unmixing.unmix(
            people.ada,
            study_id=study_id,
            dataset_ids=[ids[3]],
            references=References([replace(one, dye="x") for one in controls]),
        )
    (other,) = await add(catalog, people.ada, study_id, "other", build(plain(2, ("FSC-A", "V1-A")), bytes(16)))
    before = await catalog.cytometry.files(people.ada, study_id=study_id)
    with pytest.raises(NotFoundError, match="has no channel 'V2-A'"):
        await catalog.unmixing.unmix(
            people.ada,
            study_id=study_id,
            dataset_ids=[ids[3], other.id],
            references=References(controls, detectors=DETECTORS),
        )
    assert await catalog.cytometry.files(people.ada, study_id=study_id) == before, "nothing of the first file stays"
    assert not list(folder_of(catalog, "index").rglob("*.html"))
