"""Which channel of one study stands for which of another: as said, by reagent, else by its own name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from cytosol.analyses.cytometry.trees import gids_of
from cytosol.base.errors import InvalidInputError
from cytosol.base.keys import Key
from cytosol.catalog.access import study_access
from cytosol.catalog.context import Context
from cytosol.catalog.populations import live_populations
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.model.panels import VAR, Panel, carrier, plain, reagent_of
from cytosol.model.rights import Actor, Permission

_MOST_TOLD = 20


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
        population_ids: Collection[Key] | None = None,
    ) -> dict[str, str]:
        """The channel or feature of the target for each that gates of the source lie on; "" = there is none.

        Parameters
        ----------
        said : channel in the source → in the target; comes before all else
        by_reagent : a channel with a reagent goes to the one with the same reagent in the target, whatever the case;
            one without keeps its name. Controls do not count
        population_ids : whose gates are meant; None = all gates

        Raises
        ------
        InvalidInputError
            Where files disagree on the reagent of a channel, or on the channel of a reagent, or one file has it on
            several; names all of these.
        """
        chosen = {old.removeprefix(VAR): new.removeprefix(VAR) for old, new in (said or {}).items()}
        async with self._context.db.read() as conn:
            await study_access(conn, actor, from_study, Permission.STUDY_READ)
            await study_access(conn, actor, to_study, Permission.STUDY_READ)
            names = await _channels(conn, from_study, population_ids)
            here = await _panels(conn, from_study) if by_reagent else []
            there = await _panels(conn, to_study) if by_reagent else []
        found: dict[str, str] = {}
        problems: list[str] = []
        for name in names:
            if name in chosen or not by_reagent:
                found[name] = chosen.get(name, name)
                continue
            counted = Counter(plain(reagent) for panel in here if (reagent := reagent_of(panel, name)))
            told = {plain(reagent_of(panel, name)): reagent_of(panel, name) for panel in here}
            if len(counted) > 1:
                problems.append(f"{name} is {_with_files((told[one], n) for one, n in counted.most_common())} here")
                continue
            reagent = told[next(iter(counted))] if counted else ""
            channels = _carriers(there, reagent, name) if reagent else Counter([(name,)])
            if len(channels) > 1 or any(len(among) > 1 for among in channels):
                several = ((" and ".join(among), n) for among, n in channels.most_common())
                problems.append(f"{reagent} is on {_with_files(several)} there")
                continue
            found[name] = next((among[0] for among in channels), "")
        if problems:
            more = ", …" if len(problems) > _MOST_TOLD else ""
            raise InvalidInputError(
                f"Reagents do not tell which channels are meant: {', '.join(problems[:_MOST_TOLD])}{more}",
                where="channels",
                do='Say where the gates of such a channel go, as in {"FITC-A": "PE-A"}',
                problems=problems,
            )
        return found


async def _channels(conn: Connection, study_id: Key, population_ids: Collection[Key] | None) -> list[str]:
    """The channels that the gates of a study lie on; gates of single datasets left out."""
    wanted = None
    if population_ids is not None:
        populations = [one for one in await live_populations(conn, study_id) if one.id in set(population_ids)]
        wanted = {gid for one in populations for gid in gids_of(one.tree)}
    where = {"study_id": study_id, "dataset_id": None, "deleted_at": None}
    gates = [
        row
        for row in await rows.find(conn, tables.gates, where)
        if wanted is None or wanted & {row["gid"], *(sector["gid"] for sector in row["sectors"])}
    ]
    axes = dict.fromkeys(axis for row in gates for axis in (row["x"], row["y"]) if axis.startswith(VAR))
    return [axis.removeprefix(VAR) for axis in axes]


async def _panels(conn: Connection, study_id: Key) -> list[Panel]:
    """The panels of the files of a study that are no controls."""
    where: dict[str, Any] = {"study_id": study_id, "is_control": False, "deleted_at": None}
    return [row["panel"] for row in await rows.find(conn, tables.datasets, where) if row["panel"]]


def _carriers(panels: Iterable[Panel], reagent: str, like: str) -> Counter[tuple[str, ...]]:
    """The channels that carry a reagent, several where nobody can tell one, with how many files have them."""
    found = (carrier(panel, reagent, like=like) for panel in panels)
    return Counter((one.channel,) if one.channel else one.among for one in found if one.among)


def _with_files(found: Iterable[tuple[str, int]]) -> str:
    return " and ".join(f"{name} in {n} {'file' if n == 1 else 'files'}" for name, n in found)
