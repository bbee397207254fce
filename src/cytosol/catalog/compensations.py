"""Compensations: spillover matrices of a study, and which one a dataset is read with."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cytosol.analyses.cytometry.compensation import check_matrix
from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog import gating_history as changes
from cytosol.catalog.access import study_access
from cytosol.catalog.axes import Spill, is_events
from cytosol.catalog.context import Context
from cytosol.catalog.records import all_to, to
from cytosol.catalog.tables import Pinned
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.model.gating import Compensation
from cytosol.model.gating_rules import clean_matrix
from cytosol.model.names import clean_name
from cytosol.model.rights import Actor, Permission

_GONE = "There is no such compensation, or it is not shared with you"
CompensationList = list[Compensation]


class Compensations:
    """The verbs of compensations. Changing needs the permission gate.edit."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def list(self, actor: Actor, *, study_id: Key) -> CompensationList:
        """The compensations of a study in the order they were made."""
        async with self._context.db.read() as conn:
            await study_access(conn, actor, study_id, Permission.STUDY_READ)
            where = {"study_id": study_id, "deleted_at": None}
            return all_to(Compensation, await rows.find(conn, tables.compensations, where))

    async def get(self, actor: Actor, *, compensation_id: Key) -> Compensation:
        """One compensation."""
        async with self._context.db.read() as conn:
            return await _compensation(conn, actor, compensation_id, Permission.STUDY_READ)

    async def create(
        self,
        actor: Actor,
        *,
        study_id: Key,
        name: str,
        channels: Sequence[str],
        matrix: Sequence[float],
        made_by: Mapping[str, Any] | None = None,
    ) -> Compensation:
        """Keep a matrix; its channels need not be in any file."""
        names, numbers = await _checked(channels, matrix)
        values = {"name": clean_name(name), "channels": names, "matrix": numbers, "made_by": dict(made_by or {})}
        async with self._context.db.write() as conn:
            await study_access(conn, actor, study_id, Permission.GATE_EDIT)
            id = await rows.insert(conn, tables.compensations, study_id=study_id, **values)
            edits = [changes.made("compensation", id)]
            await changes.record(conn, actor, "compensation.create", study_id=study_id, edits=edits)
            fresh = to(Compensation, await rows.need(conn, tables.compensations, id))
        self._context.notifier.events_stored()
        return fresh

    async def change(
        self,
        actor: Actor,
        *,
        compensation_id: Key,
        expected: int | None = None,
        name: str | None = None,
        channels: Sequence[str] | None = None,
        matrix: Sequence[float] | None = None,
    ) -> Compensation:
        """Rename a compensation, or set its channels and numbers."""
        values: dict[str, Any] = {} if name is None else {"name": clean_name(name)}
        async with self._context.db.write() as conn:
            old = await _compensation(conn, actor, compensation_id, Permission.GATE_EDIT)
            if channels is not None or matrix is not None:
                values["channels"], values["matrix"] = await _checked(
                    old.channels if channels is None else channels, old.matrix if matrix is None else matrix
                )
            row = await rows.need(conn, tables.compensations, compensation_id)
            edits = await changes.apply_changes(conn, "compensation", row, values, expected=expected)
            await changes.record(conn, actor, "compensation.change", study_id=old.study_id, edits=edits)
            fresh = to(Compensation, await rows.need(conn, tables.compensations, compensation_id))
        self._context.notifier.events_stored()
        return fresh

    async def delete(
        self, actor: Actor, *, compensation_id: Key, expected: int | None = None, in_use: bool = False
    ) -> None:
        """Delete a compensation.

        Parameters
        ----------
        in_use : whether also one that datasets or the study are read with; these say so from then on

        Raises
        ------
        ConflictError
            Where it is in use and ``in_use`` is not said; names the datasets.
        """
        async with self._context.db.write() as conn:
            old = await _compensation(conn, actor, compensation_id, Permission.GATE_EDIT)
            if not in_use:
                await changes.require_unused(conn, old)
            edits = await changes.remove(conn, "compensation", [old.id], expected=expected)
            await changes.record(conn, actor, "compensation.delete", study_id=old.study_id, edits=edits)
        self._context.notifier.events_stored()

    async def resolve(self, pinned: Pinned, said: str) -> Spill | None:
        """The matrix that a table is read with; rights were asked when it was pinned.

        Parameters
        ----------
        said : none; internal = that of the file; own = what the dataset says, else what its study says; or an id.
            Tables that hold no events have none, whatever is said.

        Raises
        ------
        InvalidInputError
            Where the file brought none, or the text names none.
        NotFoundError
            Where it is not in the study, or deleted.
        """
        check_said(said)
        if not is_events(pinned):
            return None
        name, is_own = pinned.dataset.name, said == "own"
        if is_own:
            said = pinned.dataset.compensation or await self._of_study(pinned)
        if said in ("", "none", "own"):
            return None
        if said == "internal":
            return _internal(pinned)
        async with self._context.db.read() as conn:
            row = await rows.get(conn, tables.compensations, Key.parse(said))
        if row is None or row["deleted_at"] is not None or row["study_id"] != pinned.dataset.study_id:
            where = f"compensation {said}"
            if is_own:
                text = f"The compensation that '{name}' is read with is not in its study any more"
                raise NotFoundError(text, where=where, do="Give the file another one, or undo the deletion")
            raise NotFoundError(f"There is no such compensation in the study of '{name}'", where=where)
        return Spill.of(row["channels"], row["matrix"])

    async def _of_study(self, pinned: Pinned) -> str:
        async with self._context.db.read() as conn:
            return str((await rows.need(conn, tables.studies, pinned.dataset.study_id))["compensation"])


async def _checked(channels: Sequence[str], matrix: Sequence[float]) -> tuple[list[str], list[float]]:
    """Channels and matrix as they are stored; refuses a matrix that has no inverse."""
    names, numbers = clean_matrix(channels, matrix)
    square = np.array(numbers, np.float64).reshape(len(names), len(names))
    await asyncio.to_thread(check_matrix, names, square)
    return names, numbers


def _internal(pinned: Pinned) -> Spill:
    """The matrix that the file of a table of events brought."""
    facts = pinned.part.table.meta.get("fcs") or {}
    if not facts.get("spill"):
        raise InvalidInputError(
            f"The file of '{pinned.dataset.name}' brought no compensation",
            where="compensation",
            do="Say none, or the id of one",
        )
    return Spill.of(facts["spill_channels"], facts["spill_matrix"])


def check_said(said: str) -> str:
    """Refuse what names no compensation: none, internal, own, or an id."""
    if said not in ("none", "internal", "own"):
        try:
            Key.parse(said)
        except InvalidInputError as error:
            raise InvalidInputError(
                f"'{said[:64]}' is no compensation",
                where="compensation",
                do="Say none, internal, own, or the id of one",
            ) from error
    return said


async def _compensation(conn: Connection, actor: Actor, id: Key, permission: Permission) -> Compensation:
    row = await rows.get(conn, tables.compensations, id)
    if row is None or row["deleted_at"] is not None:
        raise NotFoundError(_GONE)
    try:
        await study_access(conn, actor, row["study_id"], permission)
    except NotFoundError as error:
        raise NotFoundError(_GONE) from error
    return to(Compensation, row)
