"""Experiments of FACSDiva and populations of Cytobank come into a study, and count as there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from cytosol.base.gating import Axis, Gating, Region, SampleGating
from cytosol.catalog.catalog import Catalog
from cytosol.formats.flowjo.writer import write_workspace
from tests.catalog.people import People
from tests.catalog.test_cytometry import add, fcs, study
from tests.catalog.test_gating_exchange import counted, events, filled
from tests.formats import facsdiva_samples as diva
from tests.formats.fcs_files import build, plain
from tests.formats.gating_samples import CYTOBANK

FITC, PE = "FITC-A:120", "PE-A:300"
BOX = [(60416.0, 150000.0), (95000.0, 150000.0), (95000.0, -9.0), (60416.0, -9.0)]


def file_of(values: Mapping[str, np.ndarray], names: tuple[str, ...] = diva.CHANNELS) -> bytes:
    spill = "2,FITC-A,PE-A,1,0.1,0.2,1"
    columns = np.column_stack([values[name] for name in names]).astype("<f4")
    return build(plain(len(columns), names, SPILL=spill), columns.tobytes())


def in_box(at: Mapping[str, np.ndarray], names: tuple[str, str] = ("FSC-W", "FSC-H")) -> np.ndarray:
    width, height = at[names[0]], at[names[1]]
    return np.asarray((width >= 60416) & (width < 95232) & (height < 150528))


async def test_tubes_of_facsdiva(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    at = {name: diva.places(seed) for seed, name in enumerate(("one.fcs", "two.fcs"))}
    datasets = {}
    for name, where in at.items():
        (datasets[name],) = await add(catalog, people.ada, study_id, name, file_of(diva.measured(where)))
    gates = [diva.gate("P1", "RECTANGLE", ("FSC-W", "FSC-H"), BOX), *diva.quadrants("P1", (FITC, PE), 1640.0, 2112.0)]
    moved = [gates[0], *diva.quadrants("P1", (FITC, PE), 2048.0, 2112.0)]
    setup = diva.tube("control.fcs", [diva.gate("P1", "POLYGON", ("FSC-A", "FSC-H"), BOX[:3])], n_events=0)
    other = [diva.gate("P1", "INTERVAL", ("PE-A:log",), [(2.0, 0), (4.0, 0)])]
    data = diva.experiment(
        [setup, diva.tube("one.fcs", gates), diva.tube("two.fcs", moved), diva.tube("gone.fcs", other)]
    )
    brought = await catalog.gating_exchange.bring(people.ada, study_id=study_id, data=data, name="Blood.xml")
    assert [one.name for one in brought.compensations] == ["Blood (FACSDiva)"]
    assert brought.compensation == brought.compensations[0].id.hex24
    quadrants = [gate for gate in brought.gates if gate.kind == "quadrant"]
    assert [(gate.name, gate.dataset_id) for gate in quadrants] == [
        ("Q1, Q2, Q3, Q4", None),
        ("Q1, Q2, Q3, Q4", datasets["two.fcs"].id),
    ]
    assert brought.scale_set.scales["var:FITC-A"]["type"] == "logicle"
    for name, x in (("one.fcs", 1640), ("two.fcs", 2048)):
        found = await counted(catalog, people, study_id, datasets[name].id, brought.compensation)
        p1, right, upper = in_box(at[name]), at[name]["FITC-A"] >= x, at[name]["PE-A"] >= 2112
        wanted = {"P1": p1, "Q1": p1 & ~right & upper, "Q2": p1 & right & upper, "Q3": p1 & ~right & ~upper}
        for population, mask in wanted.items():
            assert mask.sum() > 100
            assert abs((found[population] or 0) - mask.sum()) <= 1, population
    revision = (await catalog.history.list(people.ada, study_id=study_id)).items[0]
    await catalog.history.undo(people.ada, revision_id=revision.id)
    assert await catalog.gates.list(people.ada, study_id=study_id) == []
    # where no file is here, the gates of all tubes come, but not those of a control that was never counted
    empty = await study(catalog, people.ada, "Empty")
    brought = await catalog.gating_exchange.bring(people.ada, study_id=empty, data=data)
    assert [(one.kind, one.x) for one in brought.gates if one.name == "P1"] == [
        ("rectangle", "var:FSC-W"),
        ("range", "var:PE-A"),
    ]
    assert brought.notes == ["In 'gone.fcs' other gates are called so, and came beside the first ones: P1"]


@pytest.mark.parametrize("is_crossed", [False, True])
async def test_heights_and_widths_are_taken_as_facsdiva_counted(
    catalog: Catalog, people: People, is_crossed: bool
) -> None:
    study_id = await study(catalog, people.ada)
    at = diva.places()
    names = ("FSC-A", "FSC-W", "FSC-H", "FITC-A", "PE-A") if is_crossed else diva.CHANNELS
    values = dict(zip(diva.CHANNELS, (diva.measured(at)[name] for name in names), strict=True))
    (dataset,) = await add(catalog, people.ada, study_id, "one.fcs", file_of(values))
    count = int(in_box(at).sum())
    data = diva.experiment([diva.tube("one.fcs", [diva.gate("P1", "RECTANGLE", ("FSC-W", "FSC-H"), BOX, count=count)])])
    brought = await catalog.gating_exchange.bring(people.ada, study_id=study_id, data=data)
    assert await counted(catalog, people, study_id, dataset.id, brought.compensation) == {"P1": count}
    assert ["exchanged heights and widths" in note for note in brought.notes] == [True] * is_crossed


async def test_populations_of_cytobank(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    (one,) = await add(catalog, people.ada, study_id, "one.fcs", fcs(400, seed=1))
    (two,) = await add(catalog, people.ada, study_id, "two.fcs", fcs(400, seed=1))
    brought = await catalog.gating_exchange.bring(people.ada, study_id=study_id, data=CYTOBANK.encode())
    parents = {population.id: population.name for population in brought.populations}
    assert {one.name: one.parent_id and parents[one.parent_id] for one in brought.populations} == {
        "Cells": None,
        "T cells": "Cells",
        "CD4": "T cells",
        "CD8": "T cells",
        "not CD4": "T cells",
    }
    (quadrant,) = [gate for gate in brought.gates if gate.kind == "quadrant"]
    assert (quadrant.name, quadrant.geometry["angles"][0]) == ("CD4 by CD8", 0.1)
    assert [sector["name"] for sector in quadrant.sectors] == ["CD4", "CD8", "Gate_3LL", "Gate_3LR"]
    cells = [gate for gate in brought.gates if gate.name == "cells gate"]
    assert [gate.dataset_id for gate in cells] == [None, one.id]
    values = events(1)["FSC-A"]
    for dataset, low in ((one, 150), (two, 100)):
        found = await counted(catalog, people, study_id, dataset.id, brought.compensation)
        assert found["Cells"] == int(((values >= low) & (values < 900)).sum())
        assert (found["CD4"] or 0) + (found["not CD4"] or 0) == found["T cells"]


async def test_gates_that_share_only_their_name_come_beside_each_other(catalog: Catalog, people: People) -> None:
    study_id, (one, two) = await filled(catalog, people)
    box = Region("P1", "P1", "box", {"limits": [[200.0, 800.0]]}, (Axis("FSC-A"),))
    below = Region("P1/P2", "P2", "box", {"limits": [[100.0, None]]}, (Axis("SSC-A"),), "P1")
    other, gone = replace(box, axes=(Axis("SSC-A"),)), replace(box, axes=(Axis("FITC-A"),))
    samples = [
        SampleGating(name, Gating({"P1": region, "P1/P2": below}, unit="data"))
        for name, region in (("1.fcs", box), ("2.fcs", other), ("gone.fcs", gone), ("gone too.fcs", gone))
    ]
    brought = await catalog.gating_exchange.bring(people.ada, study_id=study_id, data=write_workspace(samples))
    assert brought.notes == ["In '2.fcs' other gates are called so, and came beside the first ones: P1, P2"]
    assert sorted(gate.x for gate in brought.gates) == ["var:FSC-A", "var:SSC-A", "var:SSC-A", "var:SSC-A"]
    rows = await catalog.gating.counts(people.ada, study_id=study_id, dataset_ids=[one.id, two.id], compensation="none")
    counts = {(row.dataset_id, row.population_id): row.n_events for row in rows}
    first, second = [population.id for population in brought.populations if population.name == "P1"]
    for seed, dataset in ((1, one), (2, two)):
        for population, channel in ((first, "FSC-A"), (second, "SSC-A")):
            values = events(seed)[channel]
            assert counts[dataset.id, population] == int(((values >= 200) & (values < 800)).sum())
