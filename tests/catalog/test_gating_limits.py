"""What gates of single files must not do: slip past a lock, take over another family, stand for the whole study."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from cytosol.analyses.cytometry.plots.spec import PlotStyle
from cytosol.base.errors import ConflictError, InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog import gate_limits
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.gates import NewGate
from cytosol.catalog.plot_specs import PlotSpec
from cytosol.catalog.statistics_records import Asked
from cytosol.catalog.studies import StudyFields
from cytosol.formats.gating_ml.reader import read_gating_ml
from cytosol.model.gating import Gate
from cytosol.model.studies import Dataset
from tests.catalog.people import People
from tests.catalog.test_cytometry import add, fcs, study

BOX = NewGate(
    kind="rectangle", name="box", x="var:FSC-A", y="var:SSC-A", geometry={"x1": 0, "x2": 500, "y1": 0, "y2": 500}
)
SMALL = {"x1": 1, "x2": 2, "y1": 1, "y2": 2}
CROSS = {"x": 500, "y": 500, "angles": [0, math.pi / 2, math.pi, 3 * math.pi / 2]}
LOOK = PlotStyle(width=220, height=200)
QUADRANT = replace(BOX, kind="quadrant", geometry=CROSS)


class Files:
    """A study of two files, whose gates can be locked."""

    def __init__(self, catalog: Catalog, people: People, study_id: Key, one: Dataset, two: Dataset) -> None:
        self.catalog, self.people, self.study_id, self.one, self.two = catalog, people, study_id, one, two

    async def draw(self, *gates: NewGate) -> list[Gate]:
        made, _ = await self.catalog.gates.create_with_populations(self.people.ada, study_id=self.study_id, gates=gates)
        return made

    async def tailor(self, gate: Gate, own: NewGate) -> None:
        own = replace(own, dataset_id=self.one.id)
        await self.catalog.gates.tailor(
            self.people.ada, study_id=self.study_id, gid=gate.gid, gate=own, dataset_ids=[self.one.id]
        )

    async def lock(self) -> None:
        await self.catalog.cytometry.change(self.people.ada, dataset_id=self.one.id, gates_locked=True)

    async def gates(self) -> list[Gate]:
        return await self.catalog.gates.list(self.people.ada, study_id=self.study_id)


@pytest.fixture
async def files(catalog: Catalog, people: People) -> Files:
    study_id = await study(catalog, people.ada)
    (one,) = await add(catalog, people.ada, study_id, "one.fcs", fcs(50, seed=1))
    (two,) = await add(catalog, people.ada, study_id, "two.fcs", fcs(50, seed=2))
    return Files(catalog, people, study_id, one, two)


async def test_locked_files_keep_their_gates_when_a_study_is_emptied(files: Files) -> None:
    (gate,) = await files.draw(BOX)
    await files.tailor(gate, replace(BOX, geometry=SMALL))
    await files.lock()
    before = await files.gates()
    with pytest.raises(ConflictError, match=r"The gates of 'one\.fcs' are locked"):
        await files.catalog.gates.reset(files.people.ada, study_id=files.study_id)
    assert await files.gates() == before


async def test_locked_files_get_no_gates_of_an_exchange_file(files: Files) -> None:
    exchange = files.catalog.gating_exchange
    (gate,) = await files.draw(BOX)
    await files.tailor(gate, replace(BOX, geometry=SMALL))
    data = await exchange.write(files.people.ada, study_id=files.study_id, form="flowjo")
    await files.catalog.gates.reset(files.people.ada, study_id=files.study_id)
    await files.lock()
    await files.catalog.cytometry.change(files.people.ada, dataset_id=files.two.id, gates_locked=True)
    with pytest.raises(ConflictError, match="are locked"):
        await exchange.bring(files.people.ada, study_id=files.study_id, data=data)
    assert await files.gates() == []
    assert await files.catalog.populations.list(files.people.ada, study_id=files.study_id) == []


async def test_sectors_of_a_family_are_not_those_of_another(files: Files) -> None:
    one, two = await files.draw(QUADRANT, QUADRANT)
    with pytest.raises(ConflictError, match="that of another gate already"):
        await files.catalog.gates.change_family(
            files.people.ada, study_id=files.study_id, gid=one.gid, sectors=two.sectors
        )
    renamed = [{**sector, "name": f"part {place}"} for place, sector in enumerate(one.sectors)]
    changed = await files.catalog.gates.change_family(
        files.people.ada, study_id=files.study_id, gid=one.gid, sectors=renamed
    )
    assert changed == 1


async def test_a_file_gets_no_gate_of_another_kind_in_a_family(files: Files) -> None:
    (gate,) = await files.draw(QUADRANT)
    with pytest.raises(InvalidInputError, match="is a quadrant gate, not a rectangle"):
        await files.tailor(gate, BOX)
    assert len(await files.gates()) == 1


async def test_a_gate_that_names_no_dataset_is_not_written_as_that_of_the_study(files: Files) -> None:
    (gate,) = await files.draw(BOX)
    for dataset_id in (files.study_id, files.one.id):
        own = replace(BOX, gid=gate.gid, dataset_id=dataset_id, geometry=SMALL)
        await files.catalog.gates.create(files.people.ada, study_id=files.study_id, gates=[own], known=False)
    data = await files.catalog.gating_exchange.write(files.people.ada, study_id=files.study_id, form="gating-ml")
    (region,) = read_gating_ml(data).regions.values()
    assert region.geometry["limits"][0][0] is None or region.geometry["limits"][0][0] < 1


async def test_a_file_of_no_sample_lacks_what_samples_have(files: Files) -> None:
    catalog, ada, study_id = files.catalog, files.people.ada, files.study_id
    dose = await catalog.samples.add_attribute(ada, study_id=study_id, name="dose", kind="number")
    sample = await catalog.samples.add(ada, study_id=study_id, name="s", values={dose.id: 1})
    await catalog.datasets.change(ada, dataset_id=files.one.id, sample_id=sample.sample.id)
    treated = await catalog.populations.create(
        ada, study_id=study_id, name="treated", tree={"column": "dose", "groups": ["1"]}
    )
    counts = await catalog.gating.counts(ada, study_id=study_id)
    assert [(row.population_id, row.n_events) for row in counts] == [
        (None, 50), (treated.id, 50), (None, 50), (treated.id, None),
    ]  # fmt: skip
    assert "Nothing says which sample" in counts[3].problem
    asked = Asked(["var:FSC-A"], ["event_count", "mean"])
    found = await catalog.statistics.table(ada, study_id=study_id, asked=asked, population_ids=[None, treated.id])
    assert [row.n_events for row in found.rows] == [50, 50, 50, None]
    assert found.rows[0].values == found.rows[1].values
    assert found.rows[3].values == {"var:FSC-A": {"mean": None}}
    spec = PlotSpec("dot", "var:FSC-A", "var:SSC-A", population_id=treated.id)
    sheet = await catalog.plots.grid(ada, study_id=study_id, specs=[spec], style=replace(LOOK, format="svg"))
    assert b"lacks annotation 'dose'" in sheet


async def test_attributes_are_read_once_for_all_files(files: Files) -> None:
    catalog, ada, study_id = files.catalog, files.people.ada, files.study_id
    for dataset in (files.one, files.two):
        await catalog.cytometry.annotate(ada, dataset_id=dataset.id, annotations=[("dose", 2), ("plate", "A")])
    tree = {"and": [{"column": "dose", "groups": ["2"]}, {"column": "plate", "groups": ["A"]}]}
    await catalog.populations.create(ada, study_id=study_id, name="treated", tree=tree)
    seen: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        counts = await catalog.gating.counts(ada, study_id=study_id)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    assert [row.n_events for row in counts] == [50] * 4
    assert sum("FROM attribute_values" in statement for statement in seen) == 2


async def test_what_a_file_is_annotated_with_counts_for_all_its_events(files: Files) -> None:
    """And for more than what its sample has."""
    catalog, ada, study_id = files.catalog, files.people.ada, files.study_id
    dose = await catalog.samples.add_attribute(ada, study_id=study_id, name="dose", kind="number")
    sample = await catalog.samples.add(ada, study_id=study_id, name="s", values={dose.id: 1})
    await catalog.datasets.change(ada, dataset_id=files.one.id, sample_id=sample.sample.id)
    tree = {"column": "dose", "groups": ["2"]}
    treated = await catalog.populations.create(ada, study_id=study_id, name="treated", tree=tree)

    async def counts() -> list[int | None]:
        found = await catalog.gating.counts(ada, study_id=study_id, population_ids=[treated.id])
        return [row.n_events for row in found]

    assert await counts() == [0, None]
    await catalog.cytometry.annotate(ada, dataset_id=files.two.id, annotations=[("dose", 2)])
    assert await counts() == [0, 50]
    await catalog.cytometry.annotate(ada, dataset_id=files.one.id, annotations=[("dose", 2)])
    assert await counts() == [50, 50]
    await catalog.cytometry.annotate(ada, dataset_id=files.two.id, annotations=[("dose", 3)])
    assert await counts() == [50, 0]


async def test_one_file_is_asked_about_without_the_own_gates_of_others(files: Files) -> None:
    (gate,) = await files.draw(BOX)
    await files.tailor(gate, replace(BOX, geometry=SMALL))
    whole = await files.catalog.gating.state(files.study_id)
    for dataset in (files.one, files.two):
        alone = await files.catalog.gating.state(files.study_id, [dataset.id])
        assert alone.in_force(dataset.id) == whole.in_force(dataset.id)
        assert alone.populations == whole.populations
    assert [one.dataset_id for one in alone.gates] == [None]
    assert alone.in_force(None) == whole.in_force(None)


async def test_a_study_has_so_many_gates(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_limits, "MAX_GATES", 1)
    (gate,) = await files.draw(BOX)
    with pytest.raises(ConflictError, match="at most 1 gates"):
        await files.draw(BOX)
    with pytest.raises(ConflictError, match="at most 1 gates"):
        await files.tailor(gate, BOX)
    assert len(await files.gates()) == 1


async def undo(files: Files, verb: str) -> None:
    """Undo the newest change of a kind."""
    found = (await files.catalog.history.list(files.people.ada, study_id=files.study_id)).items
    await files.catalog.history.undo(files.people.ada, revision_id=next(one.id for one in found if one.verb == verb))


async def test_changes_of_a_gate_that_is_locked_are_not_taken_back(files: Files) -> None:
    ada, gates, history = files.people.ada, files.catalog.gates, files.catalog.history
    mark = await history.mark(ada, study_id=files.study_id, label="before")
    (gate,) = await files.draw(BOX)
    await gates.change(ada, gate_id=gate.id, geometry=SMALL)
    await gates.change(ada, gate_id=gate.id, locked=True)
    before = await files.gates()
    _, changed, drawn, _ = (await history.list(ada, study_id=files.study_id)).items
    for one in (changed, drawn):
        with pytest.raises(ConflictError, match="'box' is locked"):
            await history.undo(ada, revision_id=one.id)
    with pytest.raises(ConflictError, match="'box' is locked"):
        await history.go_back(ada, revision_id=mark.id, whole_study=True)
    assert await files.gates() == before
    await undo(files, "gate.change")  # the lock itself
    await history.go_back(ada, revision_id=mark.id, whole_study=True)
    assert await files.gates() == []


async def test_one_goes_back_to_before_a_gate_was_locked(files: Files) -> None:
    ada, history = files.people.ada, files.catalog.history
    (gate,) = await files.draw(BOX)
    mark = await history.mark(ada, study_id=files.study_id, label="drawn")
    await files.catalog.gates.change(ada, gate_id=gate.id, locked=True)
    await files.catalog.gates.create(ada, study_id=files.study_id, gates=[QUADRANT])
    await history.go_back(ada, revision_id=mark.id, whole_study=True)
    assert [(one.id, one.locked) for one in await files.gates()] == [(gate.id, False)]


async def test_gates_of_locked_files_stay_as_they_are_when_changes_are_taken_back(files: Files) -> None:
    (gate,) = await files.draw(BOX)
    await files.tailor(gate, replace(BOX, geometry=SMALL))
    await files.lock()
    before = await files.gates()
    with pytest.raises(ConflictError, match=r"The gates of 'one\.fcs' are locked"):
        await undo(files, "gate.tailor")
    assert await files.gates() == before


async def test_locked_gates_follow_a_scale_forth_and_back(files: Files) -> None:
    ada, scales = files.people.ada, files.catalog.scales
    linear = {"type": "linear", "minimum": 0, "maximum": 1000}
    await scales.put(ada, study_id=files.study_id, scales={"var:FSC-A": linear, "var:SSC-A": linear})
    (gate,) = await files.draw(replace(BOX, geometry=SMALL))
    await files.catalog.gates.change(ada, gate_id=gate.id, locked=True)
    log = {"type": "log", "minimum": 1, "maximum": 1000}
    _, (moved,) = await scales.put(ada, study_id=files.study_id, scales={"var:FSC-A": log, "var:SSC-A": linear})
    assert moved.geometry["x2"] == pytest.approx(math.log10(2))
    await undo(files, "scales.change")
    assert [one.geometry for one in await files.gates()] == [SMALL]


async def test_a_compensation_in_use_stays(files: Files) -> None:
    ada, compensations, cytometry = files.people.ada, files.catalog.compensations, files.catalog.cytometry
    said = {"channels": ["FITC-A", "PE-A"], "matrix": [1, 0.1, 0, 1]}
    made = await compensations.create(ada, study_id=files.study_id, name="Spill", **said)
    for id in (files.one.id, files.two.id):
        await cytometry.change(ada, dataset_id=id, compensation=made.id.hex24)
    fields = StudyFields(compensation=made.id.hex24)
    await files.catalog.studies.change(ada, study_id=files.study_id, fields=fields)
    for act in (
        lambda: compensations.delete(ada, compensation_id=made.id),
        lambda: undo(files, "compensation.create"),
    ):
        with pytest.raises(ConflictError, match=r"'Spill' is what the study, 'one\.fcs', 'two\.fcs' are read with"):
            await act()
    await files.catalog.studies.change(ada, study_id=files.study_id, fields=StudyFields(compensation="none"))
    await cytometry.change(ada, dataset_id=files.one.id, compensation="none")
    with pytest.raises(ConflictError, match=r"'Spill' is what 'two\.fcs' is read with"):
        await compensations.delete(ada, compensation_id=made.id)
    # as the toolkits of CellEngine delete: the file says so, and undo brings the matrix back
    await compensations.delete(ada, compensation_id=made.id, in_use=True)
    pinned = await files.catalog.tables.pin(ada, dataset_id=files.two.id)
    with pytest.raises(NotFoundError, match="not in its study any more"):
        await compensations.resolve(pinned, "own")
    await undo(files, "compensation.delete")
    spill = await compensations.resolve(pinned, "own")
    assert spill is not None
    assert spill.matrix.tolist() == [[1, 0.1], [0, 1]]
    await cytometry.change(ada, dataset_id=files.two.id, compensation="none")
    await compensations.delete(ada, compensation_id=made.id)
    assert await compensations.list(ada, study_id=files.study_id) == []


async def test_an_own_gate_is_in_force_though_that_of_the_study_is_younger(files: Files) -> None:
    catalog, ada, study_id = files.catalog, files.people.ada, files.study_id
    own = replace(BOX, gid="ab" * 12, dataset_id=files.one.id, geometry={"x1": 2e9, "x2": 3e9, "y1": 2e9, "y2": 3e9})
    of_study = replace(BOX, gid=own.gid, geometry={"x1": -1e9, "x2": 1e9, "y1": -1e9, "y2": 1e9})
    await catalog.gates.create(ada, study_id=study_id, gates=[own])
    await catalog.gates.create(ada, study_id=study_id, gates=[of_study])
    box = await catalog.populations.create(ada, study_id=study_id, name="box", tree={"gate": own.gid})
    for ids in (None, [files.one.id, files.two.id]):
        found = await catalog.gating.counts(ada, study_id=study_id, dataset_ids=ids, population_ids=[box.id])
        assert [row.n_events for row in found] == [0, 50]


async def test_a_compensation_of_another_study_serves_no_file(files: Files) -> None:
    catalog, ada = files.catalog, files.people.ada
    other = await study(catalog, ada, "Other")
    matrix = await catalog.compensations.create(
        ada, study_id=other, name="m", channels=["FITC-A", "PE-A"], matrix=[1, 0, 0, 1]
    )
    asked = Asked(["var:FITC-A"], ["mean"], compensation=matrix.id.hex24)
    with pytest.raises(NotFoundError, match="no such compensation in the study"):
        await catalog.statistics.table(ada, study_id=files.study_id, asked=asked)
