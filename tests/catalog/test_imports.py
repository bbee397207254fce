"""Gates, populations and compensations brought from one study into another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cytosol.analyses.cytometry.scales import scale_from_json
from cytosol.base.errors import ForbiddenError, NotFoundError
from cytosol.base.keys import Key, new_key
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.gates import NewGate
from cytosol.catalog.imports import Wanted
from cytosol.catalog.sharing import GrantView
from cytosol.catalog.studies import StudyFields
from tests.catalog.people import People, id_of

SQUARE = {"x1": 1.0, "x2": 3.0, "y1": 1.0, "y2": 3.0}
ARCSINH = {"type": "arcsinh", "minimum": -200.0, "maximum": 262144.0, "cofactor": 150.0}


async def _study(catalog: Catalog, people: People) -> dict[str, Any]:
    """A tree A (rectangle on a × b) > Q sectors (quadrant on a × c), a compensation, a scale of a."""
    study_id = (await catalog.studies.create(people.ada, fields=StudyFields(name="Source"))).study.id
    await catalog.scales.put(people.ada, study_id=study_id, scales={"var:a": ARCSINH})
    gate = NewGate("rectangle", "A", "var:a", "var:b", SQUARE)
    (one,), (top,) = await catalog.gates.create_with_populations(people.ada, study_id=study_id, gates=[gate])
    quadrant = NewGate("quadrant", "Q", "var:a", "var:c", {"x": 2.0, "y": 2.0, "angles": [0, 1.5708, 3.1416, 4.7124]})
    await catalog.gates.create_with_populations(people.ada, study_id=study_id, gates=[quadrant], parent_id=top.id)
    matrix = await catalog.compensations.create(
        people.ada, study_id=study_id, name="M", channels=["a", "b"], matrix=[1, 0.1, 0, 1]
    )
    return {"study": study_id, "gate": one, "top": top, "matrix": matrix}


async def _target(catalog: Catalog, people: People) -> Key:
    return (await catalog.studies.create(people.ada, fields=StudyFields(name="Target"))).study.id


async def test_only_what_the_channels_reach_comes(catalog: Catalog, people: People) -> None:
    source = await _study(catalog, people)
    target = await _target(catalog, people)
    brought = await catalog.imports.bring(
        people.ada,
        from_study=source["study"],
        to_study=target,
        wanted=Wanted(compensation_ids=None),
        channels={"a": "A-new", "b": "B-new", "c": ""},
    )
    (gate,), (population,), (matrix,) = brought.gates, brought.populations, brought.compensations
    assert (gate.x, gate.y, gate.geometry) == ("var:A-new", "var:B-new", SQUARE)
    assert gate.gid != source["gate"].gid
    assert population.tree == {"and": [{"gate": gate.gid}]}
    assert population.terminal_gid == gate.gid
    assert (matrix.channels, matrix.matrix) == (["a", "b"], source["matrix"].matrix)
    scales = (await catalog.scales.get(people.ada, study_id=target)).scales
    assert scales == {"var:A-new": ARCSINH}, "an axis without a scale gets that of the source"


async def test_compensations_that_are_not_there_are_named(catalog: Catalog, people: People) -> None:
    source, target = await _study(catalog, people), await _target(catalog, people)
    unknown = new_key()
    wanted = Wanted(compensation_ids=[source["matrix"].id, unknown])
    with pytest.raises(NotFoundError, match=f"no compensation {unknown.hex24}"):
        await catalog.imports.bring(people.ada, from_study=source["study"], to_study=target, wanted=wanted)
    assert await catalog.gates.list(people.ada, study_id=target) == [], "all or nothing"


async def test_all_of_it_twice_below_a_population(catalog: Catalog, people: People) -> None:
    source = await _study(catalog, people)
    target = await _target(catalog, people)
    place = NewGate("range", "live", "var:d", geometry={"x1": 0, "x2": 1, "y": 0.5})
    _, (live,) = await catalog.gates.create_with_populations(people.ada, study_id=target, gates=[place])
    for _ in range(2):
        brought = await catalog.imports.bring(
            people.ada, from_study=source["study"], to_study=target, wanted=Wanted(), parent_id=live.id
        )
        assert (len(brought.gates), len(brought.populations), brought.compensations) == (2, 5, [])
        top = next(one for one in brought.populations if one.name == "A")
        sectors = [one for one in brought.populations if one is not top]
        assert top.parent_id == live.id
        assert {one.parent_id for one in sectors} == {top.id}
        quadrant = next(gate for gate in brought.gates if gate.kind == "quadrant")
        gids = {sector["name"]: sector["gid"] for sector in quadrant.sectors}
        for one in sectors:
            assert one.tree == {"and": [*top.tree["and"], {"gate": gids[one.name]}]}
        assert top.tree["and"][0] == live.tree["and"][0]
    revision = (await catalog.history.list(people.ada, study_id=target, limit=1)).items[0]
    await catalog.history.undo(people.ada, revision_id=revision.id)
    assert len(await catalog.gates.list(people.ada, study_id=target)) == 3
    assert len(await catalog.populations.list(people.ada, study_id=target)) == 6


async def test_chosen_populations_bring_the_gates_that_they_name(catalog: Catalog, people: People) -> None:
    source = await _study(catalog, people)
    target = await _target(catalog, people)
    wanted = Wanted(population_ids=[source["top"].id])
    brought = await catalog.imports.bring(people.ada, from_study=source["study"], to_study=target, wanted=wanted)
    assert [gate.name for gate in brought.gates] == ["A"]
    assert [population.name for population in brought.populations] == ["A"]
    nothing = Wanted(populations=False, compensation_ids=[source["matrix"].id])
    brought = await catalog.imports.bring(people.ada, from_study=source["study"], to_study=target, wanted=nothing)
    assert (brought.gates, len(brought.compensations)) == ([], 1)


async def test_coordinates_follow_the_scales_of_the_target(catalog: Catalog, people: People) -> None:
    source = await _study(catalog, people)
    target = await _target(catalog, people)
    other = {**ARCSINH, "cofactor": 5.0}
    await catalog.scales.put(people.ada, study_id=target, scales={"var:a": other})
    brought = await catalog.imports.bring(people.ada, from_study=source["study"], to_study=target, wanted=Wanted())
    gate = next(gate for gate in brought.gates if gate.kind == "rectangle")
    data = np.array([SQUARE["x1"], SQUARE["x2"]])
    expected = scale_from_json(other).forward(np.sinh(data) * 150, clamp=False)
    np.testing.assert_allclose([gate.geometry["x1"], gate.geometry["x2"]], expected, rtol=1e-12)
    assert (gate.geometry["y1"], gate.geometry["y2"]) == (1.0, 3.0)


async def test_rights(catalog: Catalog, people: People) -> None:
    source = await _study(catalog, people)
    target = await _target(catalog, people)
    mine = (await catalog.studies.create(people.bob, fields=StudyFields(name="Bob's"))).study.id

    async def bring(from_study: Key, to_study: Key) -> None:
        await catalog.imports.bring(people.bob, from_study=from_study, to_study=to_study, wanted=Wanted())

    with pytest.raises(NotFoundError):
        await bring(source["study"], mine)
    grants = [GrantView("user", id_of(people.bob), "", "limited_reader")]
    for study_id in (source["study"], target):
        await catalog.sharing.put(people.ada, subject_kind="study", subject_id=study_id, grants=grants)
    await bring(source["study"], mine)
    with pytest.raises(ForbiddenError):
        await bring(mine, target)
