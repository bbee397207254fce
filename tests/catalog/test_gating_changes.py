"""After any changes, what is kept gives the same answers as a catalog that keeps nothing, asked one thing at a time."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from cytosol.base.errors import CytosolError
from cytosol.base.keys import Key
from cytosol.catalog.annotations import Group
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.compute import Compute
from cytosol.catalog.gates import NewGate
from cytosol.catalog.gating import CountRow
from cytosol.catalog.plot_specs import PlotSpec
from cytosol.catalog.statistics_records import Asked, StatisticsRow
from cytosol.model.studies import Dataset
from tests.catalog.people import People
from tests.catalog.test_cytometry import add, fcs, study

AXES = ("var:FSC-A", "var:SSC-A", "var:FITC-A", "var:PE-A")
ASKED = Asked(["var:FITC-A", "var:SSC-A"], ["event_count", "percent", "mean", "median"])
SCALES: tuple[dict[str, Any], ...] = (
    {"type": "arcsinh", "minimum": -200, "maximum": 1200, "cofactor": 5},
    {"type": "arcsinh", "minimum": -200, "maximum": 600, "cofactor": 150},
    {"type": "linear", "minimum": 0, "maximum": 500},
)
N_CHANGES = 14
Change = Callable[[], Awaitable[object]]


def cold(catalog: Catalog) -> Catalog:
    """The same study, by a catalog that keeps nothing."""
    settings = catalog.settings.model_copy(update={"compute_cache_bytes": 0})
    return Catalog(replace(catalog.context, settings=settings, compute=Compute(settings)))


class World:
    """A study of three files, one with a count of events that fills no byte, and changes of all that a mask needs."""

    def __init__(self, catalog: Catalog, people: People, study_id: Key, files: list[Dataset], seed: int) -> None:
        self.catalog, self.people, self.study_id, self.files = catalog, people, study_id, files
        self.random = random.Random(seed)
        self.changes: tuple[Change, ...] = (
            self.draw, self.draw, self.move, self.move, self.move, self.tailor, self.tailor, self.untailor, self.drop,
            self.join, self.rescale, self.compensate, self.choose, self.name_reagent, self.annotate, self.sample,
            self.hide, self.show, self.undo,
        )  # fmt: skip

    def geometry(self) -> dict[str, Any]:
        x, y = sorted(self.random.sample(range(900), 2)), sorted(self.random.sample(range(900), 2))
        return {"x1": x[0], "x2": x[1], "y1": y[0], "y2": y[1]}

    def box(self, **more: Any) -> NewGate:
        x, y = self.random.sample(AXES, 2)
        return NewGate(**{"kind": "rectangle", "name": "box", "x": x, "y": y, "geometry": self.geometry(), **more})

    async def gates(self) -> list[Any]:
        return await self.catalog.gates.list(self.people.ada, study_id=self.study_id)

    async def draw(self) -> None:
        known = await self.catalog.populations.list(self.people.ada, study_id=self.study_id)
        parent = self.random.choice([None, *(one.id for one in known)])
        gate = self.box()
        if self.random.random() < 0.3:
            angles = self.random.choice(
                [[0, 1.5707963267948966, 3.141592653589793, 4.71238898038469], [0.1, 1.5, 3, 5]]
            )
            middle = {"x": self.random.randrange(900), "y": self.random.randrange(900), "angles": angles}
            gate = replace(gate, kind="quadrant", geometry=middle)
        await self.catalog.gates.create_with_populations(
            self.people.ada, study_id=self.study_id, gates=[gate], parent_id=parent
        )

    async def move(self) -> None:
        gate = self.random.choice(await self.gates())
        fresh = self.geometry()
        if gate.kind == "quadrant":
            fresh = {**gate.geometry, "x": fresh["x1"], "y": fresh["y1"]}
        await self.catalog.gates.change(self.people.ada, gate_id=gate.id, geometry=fresh)

    async def tailor(self) -> None:
        gate = self.random.choice([one for one in await self.gates() if one.kind == "rectangle"])
        ids = [one.id for one in self.random.sample(self.files, self.random.randint(1, 2))]
        own = self.box(x=gate.x, y=gate.y, dataset_id=ids[0])
        await self.catalog.gates.tailor(
            self.people.ada, study_id=self.study_id, gid=gate.gid, gate=own, dataset_ids=ids
        )

    async def untailor(self) -> None:
        gate = self.random.choice([one for one in await self.gates() if one.dataset_id is not None])
        await self.catalog.gates.delete(self.people.ada, gate_id=gate.id)

    async def drop(self) -> None:
        if self.random.random() < 0.3:
            await self.catalog.gates.delete(self.people.ada, gate_id=self.random.choice(await self.gates()).id)

    async def join(self) -> None:
        known = await self.catalog.populations.list(self.people.ada, study_id=self.study_id)
        parts = [one.tree for one in self.random.sample(known, min(2, len(known)))]
        parts += self.random.choices(
            [{"column": "chosen", "groups": ["a"]}, {"column": "dose", "groups": ["1"]}, {"and": []}], k=1
        )
        tree = {self.random.choice(["and", "or", "xor", "not"]): parts}
        if known and self.random.random() < 0.5:
            await self.catalog.populations.change(
                self.people.ada, population_id=self.random.choice(known).id, tree=tree
            )
        else:
            await self.catalog.populations.create(self.people.ada, study_id=self.study_id, name="joined", tree=tree)

    async def rescale(self) -> None:
        old = await self.catalog.scales.get(self.people.ada, study_id=self.study_id)
        fresh = {**old.scales, self.random.choice(AXES): self.random.choice(SCALES)}
        await self.catalog.scales.put(
            self.people.ada, study_id=self.study_id, scales=fresh, refit_gates=self.random.random() < 0.5
        )

    async def compensate(self) -> None:
        channels = [axis.removeprefix("var:") for axis in self.random.sample(AXES, 2)]
        matrix = [1, self.random.random() / 2, self.random.random() / 2, 1]
        known = await self.catalog.compensations.list(self.people.ada, study_id=self.study_id)
        said: dict[str, Any] = {"channels": channels, "matrix": matrix}
        if known and self.random.random() < 0.6:
            one = self.random.choice(known)
            await self.catalog.compensations.change(self.people.ada, compensation_id=one.id, **said)
        else:
            await self.catalog.compensations.create(self.people.ada, study_id=self.study_id, name="c", **said)

    async def choose(self) -> None:
        known = await self.catalog.compensations.list(self.people.ada, study_id=self.study_id)
        said = self.random.choice(["none", "internal", *(one.id.hex24 for one in known)])
        file = self.random.choice(self.files)
        await self.catalog.cytometry.change(self.people.ada, dataset_id=file.id, compensation=said)

    async def name_reagent(self) -> None:
        reagents = {self.random.choice(AXES).removeprefix("var:"): self.random.choice(["CD3", "CD4", None])}
        await self.catalog.cytometry.set_panel(
            self.people.ada, study_id=self.study_id, dataset_ids=[], reagents=reagents
        )

    async def annotate(self) -> None:
        file = self.random.choice(self.files)
        view = await self.catalog.datasets.get(self.people.ada, dataset_id=file.id)
        old = [column for table in view.tables for column in table.columns if column.name == "chosen"]
        for column in old:
            await self.catalog.annotations.delete(self.people.ada, dataset_id=file.id, column_id=column.id)
        if not old or self.random.random() < 0.7:
            group = Group("a", self.random.sample(range(40), 20))
            await self.catalog.annotations.add_groups(
                self.people.ada, dataset_id=file.id, name="chosen", groups=[group]
            )

    async def sample(self) -> None:
        table = await self.catalog.samples.table(self.people.ada, study_id=self.study_id)
        [dose] = [one for one in table.attributes if one.name == "dose"]
        sample = self.random.choice(table.samples).sample
        await self.catalog.samples.change(
            self.people.ada, sample_id=sample.id, values={dose.id: self.random.choice([1, 2, None])}
        )

    async def hide(self) -> None:
        await self.catalog.datasets.delete(self.people.ada, dataset_id=self.files[2].id)

    async def show(self) -> None:
        await self.catalog.datasets.undelete(self.people.ada, dataset_id=self.files[2].id)

    async def undo(self) -> None:
        page = await self.catalog.history.list(self.people.ada, study_id=self.study_id)
        newest = next(one for one in page.items if one.undone_at is None)
        await self.catalog.history.undo(self.people.ada, revision_id=newest.id)

    async def answers(
        self, catalog: Catalog, ids: list[Key], populations: list[Key | None]
    ) -> tuple[list[CountRow], list[StatisticsRow] | str]:
        """Counts and statistics, or why there are none of these."""
        of: dict[str, Any] = {"study_id": self.study_id, "dataset_ids": ids, "population_ids": populations}
        counts = await catalog.gating.counts(self.people.ada, **of)
        try:
            return counts, (await catalog.statistics.table(self.people.ada, asked=ASKED, **of)).rows
        except CytosolError as error:
            return counts, error.sentence

    async def check(self) -> None:
        pinned = await self.catalog.gating.pin(self.people.ada, study_id=self.study_id)
        known = await self.catalog.populations.list(self.people.ada, study_id=self.study_id)
        populations: list[Key | None] = [None, *(one.id for one in known)]
        datasets = [one.dataset.id for one in pinned]
        counts, found = await self.answers(self.catalog, datasets, populations)
        fresh = cold(self.catalog)
        alone = [await self.answers(fresh, [one], [of]) for one in datasets for of in populations]
        assert counts == [row for rows, _ in alone for row in rows]
        if isinstance(found, str):
            assert found in [said for _, said in alone]
        else:  # beside others that have it, a file that lacks something has no value
            for row, (_, said) in zip(found, alone, strict=True):
                assert row.n_events is None if isinstance(said, str) else [row] == said
        spec = PlotSpec("dot", *AXES[2:], population_id=self.random.choice(populations))
        drawn = []
        for catalog in (self.catalog, fresh):
            try:
                drawn.append(await catalog.plots.draw(self.people.ada, dataset_id=datasets[0], spec=spec))
            except CytosolError as error:
                drawn.append(error.sentence.encode())
        assert drawn[0] == drawn[1]
        fresh.context.compute.close()


@pytest.mark.parametrize("seed", range(2))
async def test_answers_follow_every_change(catalog: Catalog, people: People, seed: int) -> None:
    study_id = await study(catalog, people.ada)
    files = []
    await catalog.samples.add_attribute(people.ada, study_id=study_id, name="dose", kind="number")
    for place, n_events in enumerate((61, 80, 45)):
        files += await add(catalog, people.ada, study_id, f"{place}.fcs", fcs(n_events, seed=place))
        sample = await catalog.samples.add(people.ada, study_id=study_id, name=f"s{place}")
        await catalog.datasets.change(people.ada, dataset_id=files[-1].id, sample_id=sample.sample.id)
    world = World(catalog, people, study_id, files, seed)
    await world.draw()
    done: set[str] = set()
    for _ in range(N_CHANGES):
        change = world.random.choice(world.changes)
        with suppress(IndexError, StopIteration, CytosolError):  # there is nothing to change
            await change()
            done.add(change.__name__)
        await world.check()
    assert len(done) >= 5
