"""Changes of gates, populations, compensations and scales: their revisions, their undo, and what watchers are told.

A field of a revision is ``gate:<id>:geometry``, ``population:<id>:deleted`` and so on, so that one revision may hold
many records: of a family, of a tailoring, of a study that was emptied.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from cytosol.base.errors import ConflictError
from cytosol.base.keys import Key
from cytosol.base.times import now_us
from cytosol.catalog import audit, events, history
from cytosol.catalog.records import to
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.model.gating import Compensation
from cytosol.model.gating_rules import key_text
from cytosol.model.rights import Actor, Permission

TABLES: dict[str, sa.Table] = {
    "gate": tables.gates,
    "population": tables.populations,
    "compensation": tables.compensations,
    "scale_set": tables.scale_sets,
    "dataset": tables.datasets,
}
"""Of a dataset, that which a gating says: its compensation."""
MANY = "gating"
"""The subject of a change of several records; its id is that of the study."""
EVENT = "gate.changed"
_KEYS = ("dataset_id", "parent_id")
_MOST_NAMES = 10


@dataclass(frozen=True, slots=True)
class Edit:
    """What happened to one record: the fields that changed, as they are stored; ``deleted`` for coming and going."""

    kind: str
    id: Key
    before: Mapping[str, Any]
    after: Mapping[str, Any]


Edits = list[Edit]


def made(kind: str, id: Key) -> Edit:
    """A record came."""
    return Edit(kind, id, {"deleted": True}, {"deleted": False})


def gone(kind: str, id: Key) -> Edit:
    """A record went."""
    return Edit(kind, id, {"deleted": False}, {"deleted": True})


async def apply_changes(
    conn: Connection, kind: str, row: Mapping[Any, Any], values: Mapping[str, Any], *, expected: int | None = None
) -> list[Edit]:
    """Set fields of a record; none where nothing but ``extra`` changed."""
    await rows.change(conn, TABLES[kind], row["id"], values, expected=expected)
    names = [name for name in values if name != "extra" and row[name] != values[name]]
    if not names:
        return []
    before, after = {name: key_text(row[name]) for name in names}, {name: key_text(values[name]) for name in names}
    return [Edit(kind, row["id"], before, after)]


async def remove(conn: Connection, kind: str, ids: Iterable[Key], *, expected: int | None = None) -> list[Edit]:
    """Delete records; undo brings them back."""
    found, values = list(ids), {"deleted_at": now_us()}
    if expected is None:
        await rows.change_many(conn, TABLES[kind], found, values)
    else:
        for id in found:
            await rows.change(conn, TABLES[kind], id, values, expected=expected)
    return [gone(kind, id) for id in found]


async def record(conn: Connection, actor: Actor, verb: str, *, study_id: Key, edits: Iterable[Edit]) -> None:
    """Write down one act in its own transaction: revision, audit, event; nothing where there is no edit."""
    found = list(edits)
    if not found:
        return
    subject = (found[0].kind, found[0].id) if len(found) == 1 else (MANY, study_id)
    before, after = fields_of(found)
    await history.record(conn, actor, verb, study_id=study_id, subject=subject, before=before, after=after)
    detail = {"study_id": study_id.hex24, "n_records": len({edit.id for edit in found})}
    await audit.note(conn, actor, verb, subject_kind=subject[0], subject_id=subject[1], detail=detail)
    await tell(conn, study_id, verb)


def fields_of(edits: Iterable[Edit]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a revision says of edits: the fields before, and after."""
    found = list(edits)
    before = {_field(edit, name): value for edit in found for name, value in edit.before.items()}
    after = {_field(edit, name): value for edit in found for name, value in edit.after.items()}
    return before, after


async def tell(conn: Connection, study_id: Key, verb: str) -> None:
    """Let watchers know that the gating of a study changed."""
    await events.append(conn, EVENT, subject_kind="study", subject_id=study_id, study_id=study_id, data={"verb": verb})


class GatingSubject:
    """Gates, populations, compensations and scale sets, for undo.

    Parameters
    ----------
    kind : gate, population, compensation, scale_set, or gating for changes of several at once
    """

    permission = Permission.GATE_EDIT

    def __init__(self, kind: str) -> None:
        self.kind = kind

    async def current(self, conn: Connection, subject_id: Key, like: history.Values) -> history.Values:
        wanted = _by_record(like)
        held = await _records(conn, wanted)
        found: dict[str, Any] = {}
        for (kind, id), names in wanted.items():
            row = held.get((kind, id))
            for name in names if row is not None else ():
                value = row["deleted_at"] is not None if name == "deleted" else key_text(row[name])  # type: ignore[index]
                found[f"{kind}:{id.hex24}:{name}"] = value
        return {field: found[field] for field in like if field in found}

    async def restore(self, conn: Connection, actor: Actor, subject_id: Key, values: history.Values) -> None:
        wanted = _by_record(values)
        alike: dict[tuple[str, bool], list[Key]] = defaultdict(list)
        for (kind, id), fields in wanted.items():
            if fields.keys() == {"deleted"}:
                alike[kind, fields["deleted"]].append(id)
                continue
            change: dict[str, Any] = {}
            for name, value in fields.items():
                if name == "deleted":
                    change["deleted_at"] = now_us() if value else None
                else:
                    change[name] = Key.parse(value) if name in _KEYS and value is not None else value
            await rows.change(conn, TABLES[kind], id, change, expected=None)
        for (kind, is_gone), ids in alike.items():
            await rows.change_many(conn, TABLES[kind], ids, {"deleted_at": now_us() if is_gone else None})
        held = await _records(conn, wanted)
        for study_id in {row["study_id"] for row in held.values()}:
            await require_unique_gates(conn, study_id)
        for (kind, id), fields in wanted.items():
            if kind == "compensation" and fields.get("deleted"):
                await require_unused(conn, to(Compensation, held[kind, id]))

    async def restored(self, subject_id: Key) -> None:
        """Nothing lies outside the database."""


GATING_SUBJECTS = tuple(GatingSubject(kind) for kind in ("gate", "population", "compensation", "scale_set", MANY))


async def require_unique_gates(conn: Connection, study_id: Key) -> None:
    """Refuse where two live gates of a study are of one family and for the same dataset, or share a sector's gid."""
    family: set[tuple[str, Key | None]] = set()
    sectors: dict[str, str] = {}
    live = {"study_id": study_id, "deleted_at": None}
    columns = ("gid", "dataset_id", "name", "sectors")  # the geometry would take most of the time
    found = await rows.find(conn, tables.gates, live, columns=columns)
    families = {row["gid"] for row in found}
    for row in found:
        place = row["gid"], row["dataset_id"]
        if place in family:
            raise ConflictError(
                f"There is a gate of the family {row['gid']} for the same data already ('{row['name']}')",
                where="gid",
                do="Leave the gid out, or change that gate",
            )
        family.add(place)
        for sector in row["sectors"]:
            if sector["gid"] in families or sectors.setdefault(sector["gid"], row["gid"]) != row["gid"]:
                raise ConflictError(
                    f"The id {sector['gid']} of a sector of '{row['name']}' is that of another gate already",
                    where="sectors",
                    do="Give the sector an id of its own",
                )


async def _records(conn: Connection, wanted: Iterable[tuple[str, Key]]) -> dict[tuple[str, Key], Mapping[Any, Any]]:
    """The rows of records by kind and id, as they are now."""
    of_kind: dict[str, list[Key]] = defaultdict(list)
    for kind, id in wanted:
        of_kind[kind].append(id)
    found: dict[tuple[str, Key], Mapping[Any, Any]] = {}
    for kind, ids in of_kind.items():
        found |= {(kind, id): row for id, row in (await rows.find_many(conn, TABLES[kind], ids)).items()}
    return found


async def require_unused(conn: Connection, compensation: Compensation) -> None:
    """Refuse where a study, or datasets of it, are read with a compensation that is about to go."""
    said = {"compensation": compensation.id.hex24, "deleted_at": None}
    of_study = await rows.find(conn, tables.studies, {"id": compensation.study_id, **said})
    datasets = await rows.find(conn, tables.datasets, {"study_id": compensation.study_id, **said})
    names = [*("the study" for _ in of_study), *(f"'{row['name']}'" for row in datasets)]
    if names:
        verb = "is" if len(names) == 1 else "are"
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        raise ConflictError(
            f"'{compensation.name}' is what {', '.join(names[:_MOST_NAMES])}{more} {verb} read with",
            where=f"compensation {compensation.id.hex24}",
            do="Choose another compensation for them first",
        )


def _field(edit: Edit, name: str) -> str:
    return f"{edit.kind}:{edit.id.hex24}:{name}"


def _by_record(values: history.Values) -> dict[tuple[str, Key], dict[str, Any]]:
    found: dict[tuple[str, Key], dict[str, Any]] = defaultdict(dict)
    for field, value in values.items():
        kind, id, name = field.split(":")
        found[kind, Key.parse(id)][name] = value
    return found
