"""Gates, populations, compensations and scales: rules, locks, tailoring, undo."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from cytosol.base.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    VersionMismatchError,
)
from cytosol.base.keys import Key, new_key
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.collector import purge_dataset, purge_study
from cytosol.catalog.gates import NewGate
from cytosol.catalog.populations import unique_names
from cytosol.catalog.scales import extend_scales
from cytosol.catalog.sharing import GrantView
from cytosol.catalog.studies import StudyFields
from cytosol.db import rows, tables
from cytosol.model.gating import Gate
from cytosol.model.studies import Revision
from tests.catalog.people import People, id_of

RECTANGLE = {"x1": 1, "x2": 10.5, "y1": 2, "y2": 20}
QUADRANT = {"x": 1, "y": 2, "angles": [0, 1, 2, 3]}
_DIMS = {"x": "var:FSC-A", "y": "var:SSC-A"}


def rectangle(name: str = "Cells", **more: Any) -> NewGate:
    return NewGate(**{"kind": "rectangle", "name": name, **_DIMS, "geometry": RECTANGLE, **more})


def quadrant(name: str = "Q", **more: Any) -> NewGate:
    return NewGate(**{"kind": "quadrant", "name": name, **_DIMS, "geometry": QUADRANT, **more})


@pytest.fixture
async def study(catalog: Catalog, people: People) -> Key:
    return (await catalog.studies.create(people.ada, fields=StudyFields(name="Blood"))).study.id


async def dataset(catalog: Catalog, study: Key, name: str = "A1", **more: Any) -> Key:
    """A record of a dataset, which is all that tailoring looks at."""
    async with catalog.context.db.write() as conn:
        return await rows.insert(
            conn, tables.datasets, study_id=study, name=name, state="ready", bytes_id=new_key(), **more
        )


async def make(catalog: Catalog, people: People, study: Key, *gates: NewGate) -> list[Gate]:
    return await catalog.gates.create(people.ada, study_id=study, gates=gates)


async def undo_last(catalog: Catalog, people: People, study: Key) -> Revision:
    newest = (await catalog.history.list(people.ada, study_id=study)).items[0]
    return await catalog.history.undo(people.ada, revision_id=newest.id)


async def snapshot(catalog: Catalog, people: People, study: Key) -> list[Any]:
    """Everything about gating that people see, without versions and times."""
    gates = await catalog.gates.list(people.ada, study_id=study)
    populations = await catalog.populations.list(people.ada, study_id=study)
    matrices = await catalog.compensations.list(people.ada, study_id=study)
    return [
        [(g.id, g.dataset_id, g.gid, g.name, g.geometry, g.sectors, g.tailored, g.locked) for g in gates],
        [(p.id, p.parent_id, p.name, p.tree, p.position) for p in populations],
        [(m.id, m.name, m.channels, m.matrix) for m in matrices],
        (await catalog.scales.get(people.ada, study_id=study)).scales,
    ]


async def test_a_gate_comes_back_as_it_was_given(catalog: Catalog, people: People, study: Key) -> None:
    gid = new_key().hex24
    [gate] = await make(catalog, people, study, rectangle(gid=gid, extra={"labels": [[3, 4]]}))
    assert (gate.geometry, gate.gid, gate.sectors, gate.extra) == (RECTANGLE, gid, [], {"labels": [[3, 4]]})
    assert await catalog.gates.get(people.ada, gate_id=gate.id) == gate
    [made] = await make(catalog, people, study, quadrant())
    assert [sector["name"] for sector in made.sectors] == ["Q (UR)", "Q (UL)", "Q (LL)", "Q (LR)"]
    assert len({sector["gid"] for sector in made.sectors} | {made.gid}) == 5
    split = NewGate("split", "S", "obs:n_genes", geometry={"x": 1, "y": 0.5}, sectors=[{"name": "low"}, {}])
    [halves] = await make(catalog, people, study, split)
    assert [sector["name"] for sector in halves.sectors] == ["low", "S (R)"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (rectangle(geometry={"x1": 1, "x2": 2, "y1": 3}), "needs x1, x2, y1, y2"),
        (rectangle(geometry={**RECTANGLE, "x1": math.nan}), "not a finite number"),
        (rectangle(geometry={**RECTANGLE, "z": 1}), "needs x1, x2, y1, y2"),
        (NewGate("polygon", "P", **_DIMS, geometry={"vertices": [[0, 0], [1, 1]]}), "three pairs"),
        (rectangle(x="FSC-A"), "names no axis"),
        (rectangle(x="obsm:X_umap"), "names no axis"),
        (rectangle(y=""), "names no axis"),
        (NewGate("range", "R", "var:a", "var:b", geometry={"x1": 1, "x2": 2, "y": 0.5}), "one axis"),
        (rectangle(gid="ABC"), "24 hex digits"),
        (rectangle(name=" "), "empty"),
        (rectangle(kind="circle"), "no kind of gate"),
        (quadrant(sectors=[{}]), "4 sectors"),
        (rectangle(sectors=[{}]), "has no sectors"),
    ],
)
async def test_what_is_no_gate_is_refused(
    catalog: Catalog, people: People, study: Key, wrong: NewGate, message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        await make(catalog, people, study, rectangle(), wrong)
    assert await catalog.gates.list(people.ada, study_id=study) == []


async def test_a_family_has_one_gate_for_the_study_and_one_a_dataset(
    catalog: Catalog, people: People, study: Key
) -> None:
    [gate] = await make(catalog, people, study, rectangle())
    file = await dataset(catalog, study)
    await make(catalog, people, study, rectangle(gid=gate.gid, dataset_id=file))
    for twice in (rectangle(gid=gate.gid), rectangle(gid=gate.gid, dataset_id=file)):
        with pytest.raises(ConflictError, match="already"):
            await make(catalog, people, study, twice)
    with pytest.raises(ConflictError, match="of a sector"):
        await make(catalog, people, study, quadrant(sectors=[{"gid": gate.gid}, {}, {}, {}]))
    with pytest.raises(NotFoundError, match="no such dataset"):
        await make(catalog, people, study, rectangle(dataset_id=new_key()))
    other = (await catalog.studies.create(people.ada, fields=StudyFields(name="Other"))).study.id
    with pytest.raises(NotFoundError, match="no such dataset"):
        await make(catalog, people, other, rectangle(dataset_id=file))
    assert len(await catalog.gates.list(people.ada, study_id=study, gid=gate.gid)) == 2
    assert len(await catalog.gates.list(people.ada, study_id=study, dataset_id=None)) == 1
    assert len(await catalog.gates.list(people.ada, study_id=study, dataset_id=file)) == 1


async def test_a_locked_gate_takes_nothing_but_the_key(catalog: Catalog, people: People, study: Key) -> None:
    [gate] = await make(catalog, people, study, rectangle(locked=True))
    for act in (
        catalog.gates.change(people.ada, gate_id=gate.id, name="New"),
        catalog.gates.change_family(people.ada, study_id=study, gid=gate.gid, geometry=RECTANGLE),
        catalog.gates.delete(people.ada, gate_id=gate.id),
        catalog.gates.delete_family(people.ada, study_id=study, gid=gate.gid),
        catalog.gates.reset(people.ada, study_id=study),
    ):
        with pytest.raises(ConflictError, match="'Cells' is locked"):
            await act
    free = await catalog.gates.change(people.ada, gate_id=gate.id, locked=False)
    assert not free.locked
    assert (await catalog.gates.change(people.ada, gate_id=gate.id, name="New")).name == "New"


async def test_a_locked_gate_of_the_study_is_not_tailored(catalog: Catalog, people: People, study: Key) -> None:
    [gate] = await make(catalog, people, study, rectangle(tailored=True))
    first, second = await dataset(catalog, study), await dataset(catalog, study)
    told = {"study_id": study, "gid": gate.gid}
    await catalog.gates.tailor(people.ada, gate=rectangle(dataset_id=first), dataset_ids=[first], **told)
    await catalog.gates.change(people.ada, gate_id=gate.id, locked=True)
    before = await snapshot(catalog, people, study)
    with pytest.raises(ConflictError, match="'Cells' is locked"):
        await catalog.gates.tailor(people.ada, gate=rectangle(dataset_id=first), dataset_ids=[first, second], **told)
    with pytest.raises(ConflictError, match="'Cells' is locked"):
        await make(catalog, people, study, rectangle(dataset_id=second, gid=gate.gid))
    assert await snapshot(catalog, people, study) == before
    # what is another gate already is changed and taken away as it says itself
    done = await catalog.gates.tailor(people.ada, gate=rectangle(dataset_id=first), dataset_ids=[first], **told)
    assert [one.dataset_id for one in done.updated] == [first]
    done = await catalog.gates.tailor(people.ada, gate=rectangle(), dataset_ids=[first, second], **told)
    assert [one.dataset_id for one in done.deleted] == [first]


async def test_a_dataset_whose_gates_are_locked_is_not_tailored(catalog: Catalog, people: People, study: Key) -> None:
    [gate] = await make(catalog, people, study, rectangle())
    locked = await dataset(catalog, study, gates_locked=True)
    with pytest.raises(ConflictError, match="gates of 'A1' are locked"):
        await catalog.gates.tailor(
            people.ada, study_id=study, gid=gate.gid, gate=rectangle(dataset_id=locked), dataset_ids=[locked]
        )
    with pytest.raises(ConflictError, match="gates of 'A1' are locked"):
        await make(catalog, people, study, rectangle(dataset_id=locked))


async def test_tailoring_inserts_updates_and_deletes(catalog: Catalog, people: People, study: Key) -> None:
    [gate] = await make(catalog, people, study, rectangle())
    files = [await dataset(catalog, study, name) for name in ("A1", "A2")]
    before = await snapshot(catalog, people, study)

    async def tailor(new: NewGate, *ids: Key) -> Any:
        return await catalog.gates.tailor(people.ada, study_id=study, gid=gate.gid, gate=new, dataset_ids=ids)

    first = await tailor(rectangle(dataset_id=files[0]), files[0])
    assert ([g.dataset_id for g in first.inserted], first.updated, first.deleted) == ([files[0]], [], [])
    moved = {**RECTANGLE, "x2": 99}
    second = await tailor(rectangle(dataset_id=files[0], geometry=moved), *files)
    assert [g.dataset_id for g in second.inserted] == [files[1]]
    assert [(g.id, g.geometry) for g in second.updated] == [(first.inserted[0].id, moved)]
    family = await catalog.gates.list(people.ada, study_id=study, gid=gate.gid)
    assert len(family) == 3
    assert all(g.tailored for g in family)
    third = await tailor(rectangle(), *files)
    assert {g.dataset_id for g in third.deleted} == set(files)
    assert len(await catalog.gates.list(people.ada, study_id=study, gid=gate.gid)) == 1
    assert await tailor(rectangle(), *files) == type(third)([], [], [])
    for _ in range(3):
        await undo_last_open(catalog, people, study)
    assert await snapshot(catalog, people, study) == before


async def undo_last_open(catalog: Catalog, people: People, study: Key) -> None:
    """Undo the newest change that is neither undone nor an undo."""
    found = (await catalog.history.list(people.ada, study_id=study)).items
    newest = next(one for one in found if one.undone_at is None and not one.verb.startswith("undo"))
    await catalog.history.undo(people.ada, revision_id=newest.id)


async def test_populations_come_with_gates_and_below_others(catalog: Catalog, people: People, study: Key) -> None:
    [cells], [top] = await catalog.gates.create_with_populations(people.ada, study_id=study, gates=[rectangle()])
    assert (top.name, top.parent_id, top.terminal_gid) == ("Cells", None, cells.gid)
    assert top.tree == {"and": [{"gate": cells.gid}]}
    [made], sectors = await catalog.gates.create_with_populations(
        people.ada, study_id=study, gates=[quadrant()], parent_id=top.id
    )
    assert [one.terminal_gid for one in sectors] == [sector["gid"] for sector in made.sectors]
    assert sectors[1].tree == {"and": [{"gate": cells.gid}, {"gate": made.sectors[1]["gid"]}]}
    assert {one.parent_id for one in sectors} == {top.id}
    assert [p.position for p in await catalog.populations.list(people.ada, study_id=study)] == [0, 1, 2, 3, 4]
    await undo_last(catalog, people, study)
    assert len(await catalog.populations.list(people.ada, study_id=study)) == 1
    assert len(await catalog.gates.list(people.ada, study_id=study)) == 1


async def test_populations_keep_their_order_and_never_lie_below_themselves(
    catalog: Catalog, people: People, study: Key
) -> None:
    async def population(name: str, parent_id: Key | None = None) -> Key:
        made = await catalog.populations.create(
            people.ada, study_id=study, name=name, tree={"and": []}, parent_id=parent_id
        )
        return made.id

    top = await population("T")
    middle = await population("M", top)
    leaf = await population("L", middle)
    for parent in (top, middle, leaf):
        with pytest.raises(InvalidInputError, match="below itself"):
            await catalog.populations.change(people.ada, population_id=top, parent_id=parent)
    await catalog.populations.delete(people.ada, population_id=middle)
    left = await catalog.populations.list(people.ada, study_id=study)
    assert [(p.id, p.parent_id) for p in left] == [(top, None), (leaf, top)]
    await undo_last(catalog, people, study)
    back = await catalog.populations.list(people.ada, study_id=study)
    assert [(p.id, p.parent_id) for p in back] == [(top, None), (middle, top), (leaf, middle)]
    gone = await catalog.populations.delete(people.ada, population_id=middle, branch=True)
    assert {p.id for p in gone} == {middle, leaf}
    with pytest.raises(NotFoundError, match="no such population"):
        await catalog.populations.get(people.ada, population_id=leaf)
    with pytest.raises(NotFoundError, match="parent_id"):
        await population("X", leaf)
    with pytest.raises(InvalidInputError, match="no node and no leaf"):
        await catalog.populations.create(people.ada, study_id=study, name="X", tree={"nand": []})


async def test_unique_names_take_ancestors_then_numbers(catalog: Catalog, people: People, study: Key) -> None:
    made: dict[str, Key] = {}
    for label, name, parent in (
        ("a", "CD4", None), ("b", "CD8", None), ("c", "Naive", "a"), ("d", "Naive", "b"), ("e", "CD8", None),
        ("f", "IL2", "c"),
    ):  # fmt: skip
        population = await catalog.populations.create(
            people.ada, study_id=study, name=name, tree={"and": []}, parent_id=made.get(parent or "")
        )
        made[label] = population.id
    names = unique_names(await catalog.populations.list(people.ada, study_id=study))
    assert [names[made[label]] for label in "abcdef"] == ["CD4", "CD8", "CD4 > Naive", "CD8 > Naive", "CD8 (2)", "IL2"]


async def test_every_change_can_be_undone(catalog: Catalog, people: People, study: Key) -> None:
    [gate], [population] = await catalog.gates.create_with_populations(people.ada, study_id=study, gates=[rectangle()])
    matrix = await catalog.compensations.create(
        people.ada, study_id=study, name="C", channels=["a", "b"], matrix=[1, 0.1, 0, 1]
    )
    linear = {"var:FSC-A": {"type": "linear", "minimum": 0, "maximum": 100}}
    await catalog.scales.put(people.ada, study_id=study, scales=linear)
    ada, g, p, c = people.ada, gate.id, population.id, matrix.id
    logs = {"var:FSC-A": {"type": "log", "minimum": 1, "maximum": 100}}
    acts = (
        lambda: catalog.gates.change(ada, gate_id=g, name="N", geometry={**RECTANGLE, "x1": 5}, locked=True),
        lambda: catalog.gates.change_family(ada, study_id=study, gid=gate.gid, name="F", locked=False),
        lambda: catalog.populations.change(ada, population_id=p, name="P", tree={"not": [{"gate": gate.gid}]}),
        lambda: catalog.compensations.change(ada, compensation_id=c, matrix=[1, 0.2, 0, 1]),
        lambda: catalog.scales.put(ada, study_id=study, scales=logs),
        lambda: catalog.gates.delete_family(ada, study_id=study, gid=gate.gid),
        lambda: catalog.populations.delete(ada, population_id=p),
        lambda: catalog.compensations.delete(ada, compensation_id=c),
        lambda: catalog.gates.reset(ada, study_id=study),
        lambda: catalog.gates.create(ada, study_id=study, gates=[rectangle(), quadrant()]),
        lambda: catalog.populations.create(ada, study_id=study, name="X", tree={"and": []}),
        lambda: catalog.compensations.create(ada, study_id=study, name="X", channels=["a"], matrix=[1]),
    )
    for number, act in enumerate(acts):
        if number == 1:
            await catalog.gates.change(ada, gate_id=g, locked=False)
        before = await snapshot(catalog, people, study)
        await act()
        after = await snapshot(catalog, people, study)
        assert after != before, number
        undone = await undo_last(catalog, people, study)
        assert await snapshot(catalog, people, study) == before, number
        await catalog.history.undo(ada, revision_id=undone.id)
        assert await snapshot(catalog, people, study) == after, number
        await undo_last(catalog, people, study)


async def test_undo_does_not_make_a_second_gate_of_a_family(catalog: Catalog, people: People, study: Key) -> None:
    [gate] = await make(catalog, people, study, rectangle())
    await catalog.gates.delete(people.ada, gate_id=gate.id)
    deletion = (await catalog.history.list(people.ada, study_id=study)).items[0]
    await make(catalog, people, study, rectangle(gid=gate.gid))
    with pytest.raises(ConflictError, match="already"):
        await catalog.history.undo(people.ada, revision_id=deletion.id)
    assert len(await catalog.gates.list(people.ada, study_id=study)) == 1


async def test_gates_follow_their_scale(catalog: Catalog, people: People, study: Key) -> None:
    cofactor = {"type": "arcsinh", "minimum": -200, "maximum": 262144, "cofactor": 150}
    both = dict.fromkeys(("var:FSC-A", "var:SSC-A"), cofactor)
    await catalog.scales.put(people.ada, study_id=study, scales=both)
    box = {"x1": math.asinh(-100 / 150), "x2": 4, "y1": 1, "y2": 2}
    corners = [[1, 1], [4, 1], [2, 3]]
    ellipse = {"center": [3, 3], "angle": 0.5, "major": 2, "minor": 0.5}
    gates = await make(
        catalog,
        people,
        study,
        rectangle(geometry=box),
        rectangle(kind="polygon", geometry={"vertices": corners}),
        rectangle(kind="ellipse", geometry=ellipse),
        rectangle(x="var:other", y="var:another"),
    )
    fresh = {**both, "var:FSC-A": {**cofactor, "cofactor": 5}}
    scales, moved = await catalog.scales.put(people.ada, study_id=study, scales=fresh)
    assert scales.scales == fresh
    assert [gate.id for gate in moved] == [gate.id for gate in gates[:3]]
    expected = np.arcsinh(np.sinh([box["x1"], box["x2"]]) * 150 / 5)
    np.testing.assert_allclose([moved[0].geometry["x1"], moved[0].geometry["x2"]], expected)
    assert (moved[0].geometry["y1"], moved[0].geometry["y2"]) == (1, 2)
    np.testing.assert_allclose(
        np.array(moved[1].geometry["vertices"])[:, 0], np.arcsinh(np.sinh(np.array(corners)[:, 0]) * 30)
    )
    # an event inside before is inside after, for the middle of the ellipse
    assert abs(moved[2].geometry["center"][0] - math.asinh(math.sinh(3) * 30)) < 0.2
    logs = {**both, "var:FSC-A": {"type": "log", "minimum": 10, "maximum": 262144}}
    _, moved = await catalog.scales.put(people.ada, study_id=study, scales=logs)
    assert moved[0].geometry["x1"] == pytest.approx(1)  # what a log cannot spell: the minimum, 10
    _, moved = await catalog.scales.put(people.ada, study_id=study, scales=both, refit_gates=False)
    assert moved == []
    wider = {axis: {**cofactor, "maximum": 500000} for axis in both}
    _, moved = await catalog.scales.put(people.ada, study_id=study, scales=wider)
    assert moved == []  # the function is the same


async def test_scales_are_made_once_and_extended(catalog: Catalog, people: People, study: Key) -> None:
    first = await catalog.scales.get(people.ada, study_id=study)
    assert (first.name, first.scales) == ("Scale Set 1", {})
    assert await catalog.scales.get(people.ada, study_id=study) == first
    mine = {"var:A": {"type": "log", "minimum": 1, "maximum": 10}}
    put, _ = await catalog.scales.put(people.ada, study_id=study, scales=mine, expected=first.version)
    with pytest.raises(VersionMismatchError):
        await catalog.scales.put(people.ada, study_id=study, scales=mine, expected=first.version)
    linear = {"type": "linear", "minimum": 0, "maximum": 1}
    async with catalog.context.db.write() as conn:
        await extend_scales(conn, study, {"var:A": linear, "var:B": linear})
    after = await catalog.scales.get(people.ada, study_id=study)
    assert (after.scales, after.version) == ({**mine, "var:B": linear}, put.version + 1)
    for wrong in ({"A": linear}, {"var:A": {"type": "cubic"}}, {"var:A": {"type": "linear", "minimum": 2}}):
        with pytest.raises(InvalidInputError):
            await catalog.scales.put(people.ada, study_id=study, scales=wrong)


@pytest.mark.parametrize(
    ("channels", "matrix", "message"),
    [
        (["a", "a"], [1, 0, 0, 1], "occurs twice"),
        (["a", "b"], [1, 0, 0], "need 4 numbers"),
        ([], [], "1 to"),
        (["a"], [math.inf], "finite"),
        (["a", "b", "c"], [1, 0.5, 0, 0, 1, 0, 2, 1, 0], "rows of a, c depend on each other"),
    ],
)
async def test_what_is_no_matrix_is_refused(
    catalog: Catalog, people: People, study: Key, channels: list[str], matrix: list[float], message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        await catalog.compensations.create(people.ada, study_id=study, name="C", channels=channels, matrix=matrix)


async def test_readers_read_and_editors_change(catalog: Catalog, people: People, study: Key) -> None:
    [gate], [population] = await catalog.gates.create_with_populations(people.ada, study_id=study, gates=[rectangle()])
    with pytest.raises(NotFoundError, match="no such gate"):
        await catalog.gates.get(people.bob, gate_id=gate.id)
    with pytest.raises(NotFoundError, match="no such study"):
        await catalog.gates.list(people.bob, study_id=study)
    grants = [GrantView("user", id_of(people.bob), "", "reader"), GrantView("user", id_of(people.eve), "", "editor")]
    await catalog.sharing.put(people.ada, subject_kind="study", subject_id=study, grants=grants)
    assert await catalog.gates.get(people.bob, gate_id=gate.id) == gate
    assert (await catalog.scales.get(people.bob, study_id=study)).scales == {}
    for act in (
        catalog.gates.change(people.bob, gate_id=gate.id, name="B"),
        catalog.gates.create(people.bob, study_id=study, gates=[rectangle()]),
        catalog.gates.reset(people.bob, study_id=study),
        catalog.populations.delete(people.bob, population_id=population.id),
        catalog.populations.change(people.bob, population_id=population.id, name="B"),
        catalog.compensations.create(people.bob, study_id=study, name="C", channels=["a"], matrix=[1]),
        catalog.scales.put(people.bob, study_id=study, scales={}),
        undo_last_by(catalog, people, study),
    ):
        with pytest.raises(ForbiddenError, match=r"gate\.edit"):
            await act
    assert (await catalog.gates.change(people.eve, gate_id=gate.id, name="E")).name == "E"
    async with catalog.context.db.read() as conn:
        last = await rows.first(conn, tables.events, {"type": "gate.changed"}, order=("-serial",))
        noted = await rows.first(conn, tables.audit, {"verb": "gate.change"}, order=("-id",))
    assert last is not None
    assert (last["subject_kind"], last["subject_id"], last["data"]) == ("study", study, {"verb": "gate.change"})
    assert noted is not None
    assert noted["subject_id"] == gate.id


async def undo_last_by(catalog: Catalog, people: People, study: Key) -> None:
    newest = (await catalog.history.list(people.ada, study_id=study)).items[0]
    await catalog.history.undo(people.bob, revision_id=newest.id)


async def test_a_copy_of_a_study_has_its_gating(catalog: Catalog, people: People, study: Key) -> None:
    matrix = await catalog.compensations.create(people.ada, study_id=study, name="C", channels=["a"], matrix=[1])
    ready = {"data_version": 1, "technology": "flow"}
    file = await dataset(catalog, study, compensation=matrix.id.hex24, **ready)
    staging = await dataset(catalog, study, "A2")
    async with catalog.context.db.write() as conn:
        await rows.update(conn, tables.datasets, {"id": staging}, {"state": "staging"})
    [gate], [top] = await catalog.gates.create_with_populations(people.ada, study_id=study, gates=[rectangle()])
    own = [rectangle(gid=gate.gid, dataset_id=one) for one in (file, staging)]
    await make(catalog, people, study, *own)
    await catalog.gates.create_with_populations(people.ada, study_id=study, gates=[quadrant()], parent_id=top.id)
    scales = {"var:A": {"type": "log", "minimum": 1, "maximum": 10}}
    await catalog.scales.put(people.ada, study_id=study, scales=scales)
    copy = (await catalog.studies.duplicate(people.ada, study_id=study)).study.id
    gates = await catalog.gates.list(people.ada, study_id=copy)
    assert sorted(g.kind for g in gates) == ["quadrant", "rectangle", "rectangle"]
    async with catalog.context.db.read() as conn:
        [fresh] = await rows.find(conn, tables.datasets, {"study_id": copy})
    assert [g.dataset_id for g in gates if g.dataset_id is not None] == [fresh["id"]]
    [copied] = await catalog.compensations.list(people.ada, study_id=copy)
    assert fresh["compensation"] == copied.id.hex24
    populations = await catalog.populations.list(people.ada, study_id=copy)
    assert [p.parent_id for p in populations] == [None] + [populations[0].id] * 4
    assert populations[0].tree == top.tree
    assert (await catalog.scales.get(people.ada, study_id=copy)).scales == scales


async def test_a_gate_may_name_a_dataset_that_is_not_there(catalog: Catalog, people: People, study: Key) -> None:
    nobody, file = new_key(), await dataset(catalog, study)
    gates = [rectangle(dataset_id=nobody), rectangle(dataset_id=file)]
    kept, _ = await catalog.gates.create(people.ada, study_id=study, gates=gates, known=False)
    assert kept.dataset_id == nobody
    assert (await catalog.gates.change(people.ada, gate_id=kept.id, name="New")).dataset_id == nobody
    await catalog.datasets.delete(people.ada, dataset_id=file)
    async with catalog.context.db.write() as conn:
        await purge_dataset(conn, file)
    assert [gate.id for gate in await catalog.gates.list(people.ada, study_id=study)] == [kept.id]
    locked = await dataset(catalog, study, gates_locked=True)
    with pytest.raises(ConflictError, match="gates of 'A1' are locked"):
        await catalog.gates.create(people.ada, study_id=study, gates=[rectangle(dataset_id=locked)], known=False)


async def test_what_is_purged_takes_its_gating_along(catalog: Catalog, people: People, study: Key) -> None:
    file = await dataset(catalog, study)
    [gate], [top] = await catalog.gates.create_with_populations(people.ada, study_id=study, gates=[rectangle()])
    await make(catalog, people, study, rectangle(gid=gate.gid, dataset_id=file))
    await catalog.gates.create_with_populations(people.ada, study_id=study, gates=[quadrant()], parent_id=top.id)
    await catalog.compensations.create(people.ada, study_id=study, name="C", channels=["a"], matrix=[1])
    await catalog.scales.get(people.ada, study_id=study)
    async with catalog.context.db.write() as conn:
        await purge_dataset(conn, file)
        assert await rows.count(conn, tables.gates, {"study_id": study}) == 2
        await purge_study(conn, study)
        for table in (tables.gates, tables.populations, tables.compensations, tables.scale_sets):
            assert await rows.count(conn, table) == 0
