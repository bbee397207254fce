"""Scale sets: how the axes of a study are scaled; gates follow when a scale changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cytosol.analyses.cytometry.scales import scale_from_json
from cytosol.base.errors import InvalidInputError
from cytosol.base.keys import Key
from cytosol.catalog import gating_history as changes
from cytosol.catalog.access import study_access
from cytosol.catalog.context import Context
from cytosol.catalog.gating_refit import moved
from cytosol.catalog.records import all_to, to
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.model.gating import Gate, ScaleSet
from cytosol.model.gating_rules import parse_fixed
from cytosol.model.rights import Actor, Permission

NAME = "Scale Set 1"
MAX_SCALES = 10_000
Said = Mapping[str, Mapping[str, Any]]


class Scales:
    """The verbs of scale sets; a study has one."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def get(self, actor: Actor, *, study_id: Key) -> ScaleSet:
        """The scales of a study; made on first use."""
        async with self._context.db.read() as conn:
            await study_access(conn, actor, study_id, Permission.STUDY_READ)
            row = await rows.first(conn, tables.scale_sets, {"study_id": study_id})
        if row is not None:
            return to(ScaleSet, row)
        async with self._context.db.write() as conn:
            return await need_scales(conn, study_id)

    async def put(
        self, actor: Actor, *, study_id: Key, scales: Said, expected: int | None = None, refit_gates: bool = True
    ) -> tuple[ScaleSet, list[Gate]]:
        """Set all scales of a study.

        Parameters
        ----------
        scales : feature reference → scale; what is not named has none
        refit_gates : move the gates on axes whose function changed, so that they stay around the same cells as far as
            straight edges allow: v becomes f_new(f_old⁻¹(v))

        Returns
        -------
        The scale set, and the gates that moved.
        """
        fresh = checked(scales)
        async with self._context.db.write() as conn:
            await study_access(conn, actor, study_id, Permission.GATE_EDIT)
            old = await need_scales(conn, study_id)
            row = await rows.need(conn, tables.scale_sets, old.id)
            edits = await changes.apply_changes(conn, "scale_set", row, {"scales": fresh}, expected=expected)
            touched: list[Key] = []
            where = {"study_id": study_id, "deleted_at": None}
            for found in await rows.find(conn, tables.gates, where) if refit_gates else ():
                geometry = moved(to(Gate, found), old.scales, fresh)
                if geometry is not None:
                    edits += await changes.apply_changes(conn, "gate", found, {"geometry": geometry})
                    touched.append(found["id"])
            await changes.record(conn, actor, "scales.change", study_id=study_id, edits=edits)
            scale_set = to(ScaleSet, await rows.need(conn, tables.scale_sets, old.id))
            gates = all_to(Gate, await rows.find(conn, tables.gates, {"id": touched})) if touched else []
        self._context.notifier.events_stored()
        return scale_set, gates


async def need_scales(conn: Connection, study_id: Key) -> ScaleSet:
    """The scale set of a study, made where there is none; in a transaction that writes."""
    row = await rows.first(conn, tables.scale_sets, {"study_id": study_id})
    if row is None:
        id = await rows.insert(conn, tables.scale_sets, study_id=study_id, name=NAME, scales={})
        row = await rows.need(conn, tables.scale_sets, id)
    return to(ScaleSet, row)


async def extend_scales(conn: Connection, study_id: Key, scales: Said) -> None:
    """Add scales of axes that have none yet, in the transaction of what brings these axes; others stay."""
    known = await need_scales(conn, study_id)
    fresh = {axis: scale for axis, scale in checked(scales).items() if axis not in known.scales}
    if fresh:
        await rows.change(conn, tables.scale_sets, known.id, {"scales": {**known.scales, **fresh}}, expected=None)
        await changes.tell(conn, study_id, "scales.extend")


def checked(scales: Said) -> dict[str, dict[str, Any]]:
    """Scales as they are stored.

    Raises
    ------
    InvalidInputError
        Where one is none, or is of no axis.
    """
    if len(scales) > MAX_SCALES:
        raise InvalidInputError(f"A study has at most {MAX_SCALES:,} scales", where="scales")
    found = {}
    for axis, scale in scales.items():
        parse_fixed(axis, where="scales")
        try:
            found[axis] = dict(scale_from_json(scale).to_json())
        except InvalidInputError as error:
            raise InvalidInputError(error.what, where=f"scales.{axis[:100]}", do=error.do) from error
    return found
