"""Which channel of one study stands for which of another: as said, by the names of reagents, else by its own name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from cytosol.base.keys import Key
from cytosol.catalog.access import study_access
from cytosol.catalog.context import Context
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.model.rights import Actor, Permission

_VAR = "var:"


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


async def _reagents(conn: Connection, study_id: Key) -> dict[str, str]:
    """Channel → the reagent that most datasets of the study have on it, the first of equals."""
    counted: dict[str, Counter[str]] = {}
    for row in await rows.find(conn, tables.datasets, {"study_id": study_id, "deleted_at": None}):
        for entry in row["panel"]:
            if entry.get("reagent"):
                counted.setdefault(str(entry["channel"]), Counter())[str(entry["reagent"])] += 1
    return {channel: reagents.most_common(1)[0][0] for channel, reagents in counted.items()}
