"""The sample table of a study: samples, their attributes and values; edited, pasted, and as a CSV file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.base.keys import Key, new_key
from cytosol.base.times import now_us
from cytosol.catalog import events, history
from cytosol.catalog.access import study_access
from cytosol.catalog.context import Context
from cytosol.catalog.records import all_to, to
from cytosol.catalog.sample_files import Problems, SampleFile, place, read_table, write_table
from cytosol.catalog.sample_history import require_unique_names, row_field, value_field
from cytosol.db import rows, studies, tables
from cytosol.db.connections import Connection
from cytosol.model.names import clean_name
from cytosol.model.rights import Actor, Permission
from cytosol.model.sample_values import Value, check_kind, check_value, guess_kind, parse_value, spell_value
from cytosol.model.studies import Attribute, Sample


@dataclass(frozen=True, slots=True)
class SampleView:
    """A sample with its values.

    Attributes
    ----------
    values : attribute id → value; what is missing is not there
    """

    sample: Sample
    values: dict[Key, Value]


@dataclass(frozen=True, slots=True)
class SampleTable:
    """The sample table of a study, attributes and samples in their order."""

    attributes: list[Attribute]
    samples: list[SampleView]


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file changed.

    Attributes
    ----------
    created, updated : samples
    attributes : names of the new ones
    """

    created: int
    updated: int
    attributes: list[str]


class Samples:
    """The verbs on the sample table; every change is a revision."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def table(self, actor: Actor, *, study_id: Key) -> SampleTable:
        """The whole table."""
        async with self._context.db.read() as conn:
            await study_access(conn, actor, study_id, Permission.STUDY_READ)
            return await _load(conn, study_id)

    async def add(
        self, actor: Actor, *, study_id: Key, name: str, values: Mapping[Key, Any] | None = None
    ) -> SampleView:
        """Add a sample at the end."""
        async with self._context.db.write() as conn:
            await _lock(conn, actor, study_id)
            position = await rows.count(conn, tables.samples, {"study_id": study_id})
            row = {"study_id": study_id, "name": clean_name(name), "position": position}
            id = await rows.insert(conn, tables.samples, **row)
            await require_unique_names(conn, study_id)
            _, after = await _set_values(conn, study_id, id, values or {})
            deleted = row_field("sample", id, "deleted")
            before = dict.fromkeys(after) | {deleted: True}
            after |= {deleted: False}
            await self._note(conn, actor, "sample.add", study_id, subject=("sample", id), change=(before, after))
            view = await _sample(conn, id)
        self._context.notifier.events_stored()
        return view

    async def change(
        self,
        actor: Actor,
        *,
        sample_id: Key,
        expected: int | None = None,
        name: str | None = None,
        position: int | None = None,
        values: Mapping[Key, Any] | None = None,
    ) -> SampleView:
        """Rename or move a sample, or set some of its values (None takes a value away)."""
        async with self._context.db.write() as conn:
            study_id, sample = await self._find(conn, actor, tables.samples, sample_id)
            given: dict[str, Any] = {}
            if name is not None:
                given["name"] = clean_name(name)
            if position is not None:
                given["position"] = position
            await rows.change(conn, tables.samples, sample_id, given, expected=expected)
            await require_unique_names(conn, study_id)
            before, after = _differing("sample", sample, given)
            old, new = await _set_values(conn, study_id, sample_id, values or {})
            change = (before | old, after | new)
            await self._note(conn, actor, "sample.change", study_id, subject=("sample", sample_id), change=change)
            view = await _sample(conn, sample_id)
        self._context.notifier.events_stored()
        return view

    async def delete(self, actor: Actor, *, sample_id: Key, expected: int | None = None) -> None:
        """Remove a sample from the table; undo brings it back with its values. Its datasets stay."""
        await self._delete(actor, "sample", tables.samples, id=sample_id, expected=expected)

    async def add_attribute(
        self, actor: Actor, *, study_id: Key, name: str, kind: str = "text", unit: str = ""
    ) -> Attribute:
        """Add a column."""
        async with self._context.db.write() as conn:
            await _lock(conn, actor, study_id)
            position = await rows.count(conn, tables.attributes, {"study_id": study_id})
            row = {"name": clean_name(name), "kind": check_kind(kind), "unit": _clean_unit(unit), "position": position}
            id = await rows.insert(conn, tables.attributes, study_id=study_id, **row)
            await require_unique_names(conn, study_id)
            deleted = row_field("attribute", id, "deleted")
            change = ({deleted: True}, {deleted: False})
            await self._note(conn, actor, "attribute.add", study_id, subject=("attribute", id), change=change)
            made = to(Attribute, await rows.need(conn, tables.attributes, id))
        self._context.notifier.events_stored()
        return made

    async def change_attribute(
        self,
        actor: Actor,
        *,
        attribute_id: Key,
        expected: int | None = None,
        name: str | None = None,
        kind: str | None = None,
        unit: str | None = None,
        position: int | None = None,
    ) -> Attribute:
        """Rename or move a column, or change its unit or kind.

        Raises
        ------
        InvalidInputError
            Where a value is not of the new kind; names every row.
        """
        async with self._context.db.write() as conn:
            study_id, attribute = await self._find(conn, actor, tables.attributes, attribute_id)
            given: dict[str, Any] = {}
            if name is not None:
                given["name"] = clean_name(name)
            if unit is not None:
                given["unit"] = _clean_unit(unit)
            if position is not None:
                given["position"] = position
            old: dict[str, Any] = {}
            new: dict[str, Any] = {}
            if kind is not None and kind != attribute["kind"]:
                given["kind"] = check_kind(kind)
                old, new = await _convert(conn, study_id, to(Attribute, attribute), kind)
            await rows.change(conn, tables.attributes, attribute_id, given, expected=expected)
            await require_unique_names(conn, study_id)
            before, after = _differing("attribute", attribute, given)
            change = (before | old, after | new)
            subject = ("attribute", attribute_id)
            await self._note(conn, actor, "attribute.change", study_id, subject=subject, change=change)
            changed = to(Attribute, await rows.need(conn, tables.attributes, attribute_id))
        self._context.notifier.events_stored()
        return changed

    async def delete_attribute(self, actor: Actor, *, attribute_id: Key, expected: int | None = None) -> None:
        """Remove a column; undo brings it back with its values."""
        await self._delete(actor, "attribute", tables.attributes, id=attribute_id, expected=expected)

    async def write_csv(self, actor: Actor, *, study_id: Key) -> str:
        """The table as CSV; `read_csv` takes it back unchanged."""
        table = await self.table(actor, study_id=study_id)
        return write_table(
            [attribute.name for attribute in table.attributes],
            (
                (view.sample.name, [view.values.get(attribute.id) for attribute in table.attributes])
                for view in table.samples
            ),
        )

    async def read_csv(self, actor: Actor, *, study_id: Key, text: str) -> Imported:
        """Take a CSV file in: samples are matched by name, new samples and columns are made.

        An empty cell takes the value away; samples and columns that the file does not name stay as they are. All or
        nothing, as one revision.

        Raises
        ------
        InvalidInputError
            Names every cell that cannot be taken, with row and column.
        """
        return await self._import(actor, study_id, read_table(text))

    async def paste(self, actor: Actor, *, study_id: Key, text: str) -> Imported:
        """Take in cells as a spreadsheet puts them on the clipboard, with the same meaning as a CSV file."""
        return await self._import(actor, study_id, read_table(text, is_pasted=True))

    async def _import(self, actor: Actor, study_id: Key, file: SampleFile) -> Imported:
        async with self._context.db.write() as conn:
            await _lock(conn, actor, study_id)
            table = await _load(conn, study_id)
            attributes, new_attributes = _attributes_of(table, study_id, file)
            cells = _parse(file, attributes)
            known = {view.sample.name: view for view in table.samples}
            position = await rows.count(conn, tables.samples, {"study_id": study_id})
            new_samples: list[dict[str, Any]] = [
                {"id": new_key(), "study_id": study_id, "name": name, "position": position + n}
                for n, name in enumerate(name for _, name, _ in file.rows if name not in known)
            ]
            ids = {name: view.sample.id for name, view in known.items()}
            ids |= {row["name"]: row["id"] for row in new_samples}
            await rows.insert_many(conn, tables.attributes, new_attributes)
            await rows.insert_many(conn, tables.samples, new_samples)
            changed: dict[tuple[Key, Key], Value] = {}
            before: dict[str, Any] = {}
            for (name, attribute), value in cells.items():
                old = known[name].values.get(attribute) if name in known else None
                if not _same(old, value):
                    changed[ids[name], attribute] = value
                    before[value_field(ids[name], attribute)] = old
            await studies.set_sample_values(conn, changed)
            updated = {sample for sample, _ in changed} - {row["id"] for row in new_samples}
            for id in updated:
                await rows.change(conn, tables.samples, id, {}, expected=None)
            made = [row_field("sample", row["id"], "deleted") for row in new_samples]
            made += [row_field("attribute", row["id"], "deleted") for row in new_attributes]
            after: dict[str, Any] = {value_field(*place_): value for place_, value in changed.items()}
            change = (before | dict.fromkeys(made, True), after | dict.fromkeys(made, False))
            subject = ("sample_table", study_id)
            await self._note(conn, actor, "samples.import", study_id, subject=subject, change=change)
        self._context.notifier.events_stored()
        return Imported(len(new_samples), len(updated), [row["name"] for row in new_attributes])

    async def _delete(self, actor: Actor, kind: str, table: Any, *, id: Key, expected: int | None) -> None:
        async with self._context.db.write() as conn:
            study_id, _ = await self._find(conn, actor, table, id)
            await rows.change(conn, table, id, {"deleted_at": now_us()}, expected=expected)
            deleted = row_field(kind, id, "deleted")
            change = ({deleted: False}, {deleted: True})
            await self._note(conn, actor, f"{kind}.delete", study_id, subject=(kind, id), change=change)
        self._context.notifier.events_stored()

    async def _find(self, conn: Connection, actor: Actor, table: Any, id: Key) -> tuple[Key, Mapping[Any, Any]]:
        """The study and the live row, locked, if the actor may edit it."""
        word = table.name.removesuffix("s")
        row = await rows.get(conn, table, id)
        if row is None or row["deleted_at"] is not None:
            raise NotFoundError(f"There is no such {word}, or it is not shared with you")
        try:
            await _lock(conn, actor, row["study_id"])
        except NotFoundError as error:
            raise NotFoundError(f"There is no such {word}, or it is not shared with you") from error
        return row["study_id"], await rows.need(conn, table, id)

    async def _note(
        self,
        conn: Connection,
        actor: Actor,
        verb: str,
        study_id: Key,
        *,
        subject: tuple[str, Key],
        change: tuple[Mapping[str, Any], Mapping[str, Any]],
    ) -> None:
        if change[1]:
            await history.record(
                conn, actor, verb, study_id=study_id, subject=subject, before=change[0], after=change[1]
            )
            data = {"verb": verb}
            await events.append(
                conn, "study.changed", subject_kind="study", subject_id=study_id, study_id=study_id, data=data
            )


async def _lock(conn: Connection, actor: Actor, study_id: Key) -> None:
    """Check the right to edit, and keep others from editing the same table until the end of the transaction."""
    await study_access(conn, actor, study_id, Permission.STUDY_EDIT)
    await rows.lock(conn, tables.studies, study_id)


async def _load(conn: Connection, study_id: Key) -> SampleTable:
    live = {"study_id": study_id, "deleted_at": None}
    attributes = all_to(Attribute, await rows.find(conn, tables.attributes, live, order=("position", "id")))
    found = all_to(Sample, await rows.find(conn, tables.samples, live, order=("position", "id")))
    values: dict[Key, dict[Key, Value]] = {sample.id: {} for sample in found}
    for row in await studies.sample_values(conn, study_id):
        values[row["subject_id"]][row["attribute_id"]] = row["value"]
    return SampleTable(attributes, [SampleView(sample, values[sample.id]) for sample in found])


async def _sample(conn: Connection, sample_id: Key) -> SampleView:
    sample = to(Sample, await rows.need(conn, tables.samples, sample_id))
    values = await studies.sample_values(conn, sample.study_id)
    return SampleView(sample, {row["attribute_id"]: row["value"] for row in values if row["subject_id"] == sample_id})


async def _set_values(
    conn: Connection, study_id: Key, sample_id: Key, values: Mapping[Key, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Set values after checking them; the fields of the revision before and after, only those that differ."""
    if not values:
        return {}, {}
    live = {"study_id": study_id, "deleted_at": None, "id": set(values)}
    attributes = {row["id"]: row for row in await rows.find(conn, tables.attributes, live)}
    sample = await _sample(conn, sample_id)
    changed: dict[tuple[Key, Key], Value] = {}
    before: dict[str, Any] = {}
    for id, raw in values.items():
        if id not in attributes:
            raise NotFoundError("There is no such attribute in this study", where=f"values, {id.hex24}")
        where = f"sample '{sample.sample.name}', column '{attributes[id]['name']}'"
        value = check_value(raw, attributes[id]["kind"], where=where)
        if not _same(sample.values.get(id), value):
            changed[sample_id, id] = value
            before[value_field(sample_id, id)] = sample.values.get(id)
    await studies.set_sample_values(conn, changed)
    return before, {value_field(*place_): value for place_, value in changed.items()}


async def _convert(
    conn: Connection, study_id: Key, attribute: Attribute, kind: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Change all values of a column to another kind, or name the rows that cannot be."""
    table = await _load(conn, study_id)
    problems = Problems()
    changed: dict[tuple[Key, Key], Value] = {}
    before: dict[str, Any] = {}
    for view in table.samples:
        old = view.values.get(attribute.id)
        if old is None:
            continue
        try:
            where = f"sample '{view.sample.name}', column '{attribute.name}'"
            changed[view.sample.id, attribute.id] = parse_value(spell_value(old), kind, where=where)
            before[value_field(view.sample.id, attribute.id)] = old
        except InvalidInputError as error:
            problems.add(error)
    problems.raise_any(do="Mend these values first, or keep the kind")
    await studies.set_sample_values(conn, changed)
    return before, {value_field(*place_): value for place_, value in changed.items()}


def _attributes_of(
    table: SampleTable, study_id: Key, file: SampleFile
) -> tuple[list[tuple[Key, str, str]], list[dict[str, Any]]]:
    """Id, name and kind for each column of the file, and the rows of those that are new."""
    known = {attribute.name: attribute for attribute in table.attributes}
    position = max((attribute.position for attribute in table.attributes), default=-1) + 1
    attributes: list[tuple[Key, str, str]] = []
    fresh: list[dict[str, Any]] = []
    for column, name in enumerate(file.names):
        if name in known:
            attributes.append((known[name].id, name, known[name].kind))
            continue
        kind = guess_kind(cells[column] for _, _, cells in file.rows)
        id = new_key()
        fresh.append({"id": id, "study_id": study_id, "name": name, "kind": kind, "position": position + len(fresh)})
        attributes.append((id, name, kind))
    return attributes, fresh


def _parse(file: SampleFile, attributes: list[tuple[Key, str, str]]) -> dict[tuple[str, Key], Value]:
    problems = Problems()
    values: dict[tuple[str, Key], Value] = {}
    for line, sample, cells in file.rows:
        for (id, name, kind), cell in zip(attributes, cells, strict=True):
            try:
                values[sample, id] = parse_value(cell, kind, where=place(line, name))
            except InvalidInputError as error:
                problems.add(error)
    problems.raise_any(do="Mend these cells, or change the kind of the column, and send the table again")
    return values


def _differing(kind: str, row: Mapping[Any, Any], given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    changed = [name for name, value in given.items() if row[name] != value]
    return (
        {row_field(kind, row["id"], name): row[name] for name in changed},
        {row_field(kind, row["id"], name): given[name] for name in changed},
    )


def _same(old: Value, new: Value) -> bool:
    return type(old) is type(new) and old == new


def _clean_unit(unit: str) -> str:
    return clean_name(unit, field="unit", empty=True, max_letters=64)
