"""Which channel of one study or file stands for which of another: as said, by reagent, else by its own name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from cytosol.base.keys import Key
from cytosol.catalog.access import study_access
from cytosol.catalog.context import Context
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.model.rights import Actor, Permission

_VAR = "var:"
Panel = Sequence[Mapping[str, Any]]


class ChannelMaps:
    """Matches the channels of studies."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def between(
        self,
        actor: Actor,
        *,
        from_study: Key,
        to_study: Key,
        said: Mapping[str, str] | None = None,
        by_reagent: bool = False,
    ) -> dict[str, str]:
        """The channel or feature of the target for each that gates of the source lie on; "" = there is none.

        Parameters
        ----------
        said : channel in the source → in the target; comes before all else
        by_reagent : a channel with a reagent goes to the one with the same reagent in the target, whatever the case;
            one without keeps its name
        """
        chosen = {old.removeprefix(_VAR): new.removeprefix(_VAR) for old, new in (said or {}).items()}
        async with self._context.db.read() as conn:
            await study_access(conn, actor, from_study, Permission.STUDY_READ)
            await study_access(conn, actor, to_study, Permission.STUDY_READ)
            gates = await rows.find(conn, tables.gates, {"study_id": from_study, "deleted_at": None})
            here = await _reagents(conn, from_study) if by_reagent else {}
            there = await _reagents(conn, to_study) if by_reagent else {}
        channels = {reagent.casefold(): channel for channel, reagent in reversed(there.items())}
        axes = dict.fromkeys(axis for row in gates for axis in (row["x"], row["y"]) if axis.startswith(_VAR))
        found: dict[str, str] = {}
        for axis in axes:
            name = axis.removeprefix(_VAR)
            reagent = here.get(name)
            found[name] = chosen.get(name, channels.get(reagent.casefold(), "") if reagent else name)
        return found


def same_reagent(reference: str, here: Panel, there: Panel) -> str:
    """The axis of a file that stands for an axis of another, by the reagent of its channel.

    Where several channels have the reagent, that of the same name comes first, then that with the same ending, such as
    -A or -H. A channel stays what it is where it has no reagent in one of the files, or where no channel of the other
    has its reagent: what is then missing is told where it is read.
    """
    name = reference.removeprefix(_VAR)
    reagent = next((_reagent(one) for one in here if one["channel"] == name), "")
    alike = [str(one["channel"]) for one in there if reagent and _reagent(one) == reagent]
    if not reference.startswith(_VAR) or not alike or name in alike:
        return reference
    return _VAR + next((one for one in alike if _ending(one) == _ending(name)), alike[0])


def _reagent(entry: Mapping[str, Any]) -> str:
    return str(entry.get("reagent") or "").strip().casefold()


def _ending(channel: str) -> str:
    return channel.rpartition("-")[2]


async def _reagents(conn: Connection, study_id: Key) -> dict[str, str]:
    """Channel → the reagent that most datasets of the study have on it, the first of equals."""
    counted: dict[str, Counter[str]] = {}
    for row in await rows.find(conn, tables.datasets, {"study_id": study_id, "deleted_at": None}):
        for entry in row["panel"]:
            if entry.get("reagent"):
                counted.setdefault(str(entry["channel"]), Counter())[str(entry["reagent"])] += 1
    return {channel: reagents.most_common(1)[0][0] for channel, reagents in counted.items()}
