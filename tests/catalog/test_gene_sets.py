"""Gene sets: who reads and changes them, what they hold, where they go."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cytosol.base.errors import (
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    NotSignedInError,
    VersionMismatchError,
)
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.collector import Collector
from cytosol.db import rows, tables
from cytosol.model.rights import ANONYMOUS, SYSTEM
from tests.catalog.people import People

SETS = [
    {"name": "T cell", "genes": ["CD3D", " CD3E ", "CD3D"], "negative": ["MS4A1"]},
    {"name": "B", "genes": ["MS4A1"]},
]


async def test_a_collection_is_its_owners_alone(catalog: Catalog, people: People) -> None:
    made = await catalog.gene_sets.create(people.ada, name=" Blood ", sets=SETS, kind="markers")
    assert (made.gene_sets.name, made.gene_sets.n_sets, made.may_edit) == ("Blood", 2, True)
    assert made.sets is not None
    assert made.sets[0].genes == ("CD3D", "CD3E")
    id = made.gene_sets.id
    with pytest.raises(NotFoundError):
        await catalog.gene_sets.get(people.bob, gene_sets_id=id)
    with pytest.raises(NotSignedInError):
        await catalog.gene_sets.list(ANONYMOUS)
    assert await catalog.gene_sets.list(people.bob) == []
    (listed,) = await catalog.gene_sets.list(people.ada, kind="markers", species="human")
    assert listed.sets is None
    assert await catalog.gene_sets.list(people.ada, kind="sets") == []


async def test_members_of_the_group_use_it(catalog: Catalog, people: People) -> None:
    group = (await catalog.groups.create(people.ada, name="Lab")).group.id
    assert people.bob.user_id is not None
    await catalog.groups.put_member(people.ada, group_id=group, user_id=people.bob.user_id)
    ada = replace(people.ada, group_ids=frozenset((group,)))
    bob = replace(people.bob, group_ids=frozenset((group,)))
    made = await catalog.gene_sets.create(bob, name="Blood", sets=SETS, group_id=group)
    id = made.gene_sets.id
    assert not (
        await catalog.gene_sets.get(replace(people.eve, group_ids=frozenset((group,))), gene_sets_id=id)
    ).may_edit
    with pytest.raises(NotFoundError):
        await catalog.gene_sets.get(people.eve, gene_sets_id=id)
    # an owner of the group may change it too
    changed = await catalog.gene_sets.change(ada, gene_sets_id=id, name="Blood 2", expected=1)
    assert changed.gene_sets.version == 2
    with pytest.raises(VersionMismatchError):
        await catalog.gene_sets.change(bob, gene_sets_id=id, sets=SETS[:1], expected=1)
    changed = await catalog.gene_sets.change(bob, gene_sets_id=id, sets=SETS[:1])
    assert changed.gene_sets.n_sets == 1
    with pytest.raises(NotFoundError, match="no such group"):
        await catalog.gene_sets.create(people.eve, name="X", sets=SETS, group_id=group)
    read_only = replace(bob, scopes=frozenset(("read",)))
    with pytest.raises(ForbiddenError):
        await catalog.gene_sets.delete(read_only, gene_sets_id=id)
    await catalog.groups.delete(ada, group_id=group)
    left = await catalog.gene_sets.get(people.bob, gene_sets_id=id)
    assert left.gene_sets.group_id is None


async def test_the_trash(catalog: Catalog, people: People) -> None:
    made = await catalog.gene_sets.create(people.ada, name="Blood", sets=SETS)
    id = made.gene_sets.id
    await catalog.gene_sets.delete(people.ada, gene_sets_id=id, expected=1)
    with pytest.raises(NotFoundError):
        await catalog.gene_sets.get(people.ada, gene_sets_id=id)
    back = await catalog.gene_sets.undelete(people.ada, gene_sets_id=id)
    assert back.sets is not None
    assert len(back.sets) == 2
    verbs = [entry.verb for entry in (await catalog.audit.list(SYSTEM)).items]
    assert [verb for verb in verbs if verb.startswith("gene-sets")] == [
        "gene-sets.undelete", "gene-sets.delete", "gene-sets.create",
    ]  # fmt: skip
    async with catalog.context.db.write() as conn:
        await rows.update(conn, tables.gene_set_lists, {"id": id}, {"deleted_at": 1})
    assert (await Collector(catalog.context, lambda _line: None).run())["gene sets"] == 1
    async with catalog.context.db.read() as conn:
        assert await rows.count(conn, tables.gene_set_contents) == 0


async def test_files_and_what_cannot_be_kept(catalog: Catalog, people: People) -> None:
    made = await catalog.gene_sets.read_file(people.ada, text="T\tx\tCD3D\n", filename="my.sets.gmt")
    assert made.gene_sets.name == "my.sets"
    for sets, said in (
        ([], "no gene set"),
        ([{"name": "T", "genes": []}], "has no gene"),
        ([{"name": "T", "genes": ["A"]}, {"name": "T", "genes": ["B"]}], "Two sets"),
        ([{"name": "T", "genes": ["A"], "negative": ["A"]}], "must be absent"),
        ([{"name": "", "genes": ["A"]}], "empty"),
        ([{"name": "T", "genes": "CD3D"}], "not a list"),
    ):
        with pytest.raises(InvalidInputError, match=said):
            await catalog.gene_sets.create(people.ada, name="X", sets=sets)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="no kind"):
        await catalog.gene_sets.create(people.ada, name="X", sets=SETS, kind="other")  # type: ignore[arg-type]
