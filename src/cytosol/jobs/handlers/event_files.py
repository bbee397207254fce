"""New files in which some channels of a file have other values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cytosol.catalog.access import dataset_access, study_access
from cytosol.catalog.axes import Spill
from cytosol.catalog.dataset_attributes import Annotation
from cytosol.catalog.fcs_writing import channel_keywords, with_spill
from cytosol.catalog.index_sorts import taken_pairs, with_pairs
from cytosol.catalog.tables import Pinned
from cytosol.formats.fcs.writer import fcs_head, fcs_pieces
from cytosol.jobs.handlers.base import TableRun
from cytosol.model.names import clean_name
from cytosol.model.rights import Permission, require_user
from cytosol.store.space import check_free

SUFFIX = " (normalised)"


@dataclass(frozen=True, slots=True)
class Changed:
    """What is different in a new file.

    Attributes
    ----------
    columns : channel → shape (n_events,), float
    spill : all other channels of this are written compensated, and the new file has no matrix; None = as they are
    rows : shape (n,), int64, events that are written; None = all
    annotations : of the new file; () = what its keywords say
    """

    columns: Mapping[str, np.ndarray]
    spill: Spill | None = None
    rows: np.ndarray | None = None
    annotations: Sequence[Annotation] = ()


async def check_may_add(run: TableRun, sources: Sequence[Pinned]) -> None:
    """Refuse those who may not take files of the study out or put files in."""
    actor = run.run.actor
    require_user(actor, "write")
    async with run.run.catalog.context.db.read() as conn:
        await study_access(conn, actor, run.pinned.dataset.study_id, Permission.FILE_UPLOAD)
        for source in sources:
            await dataset_access(conn, actor, source.dataset.id, Permission.EXPORT)


async def add_changed(run: TableRun, source: Pinned, changed: Changed) -> str:
    """Write a file with some channels changed; its dataset comes with the commit of the job. Gives its name."""
    catalog = run.run.catalog
    panel = source.dataset.panel
    names = [str(entry["channel"]) for entry in panel]
    reading = await catalog.axes.reading(source, [f"var:{name}" for name in names], changed.spill)
    columns = [changed.columns[name] if name in changed.columns else reading.values(f"var:{name}") for name in names]
    if changed.rows is not None:
        columns = [column[changed.rows] for column in columns]
    text = await catalog.cytometry.keywords(run.run.actor, dataset_id=source.dataset.id)
    name = _name_of(source)
    channels = channel_keywords(text, panel)
    for channel, column in zip(channels, columns, strict=True):
        if channel["N"] in changed.columns:
            channel["R"] = _range(channel.get("R", ""), column)
    keywords = text if changed.spill is None else with_spill(text, None)
    if changed.rows is not None:
        keywords = with_pairs(keywords, taken_pairs(keywords, source.part.n_cells, changed.rows))
    keywords = {key: name if key.upper() == "$FIL" else value for key, value in keywords.items()}
    n_events = len(columns[0])
    context = catalog.context
    await check_free(context.blobs, context.settings, 3 * 4 * len(columns) * n_events)
    head = fcs_head(channels, n_events, keywords=keywords)
    pieces = fcs_pieces(head, [np.array(columns, np.float32)])
    next(pieces)  # the head goes before
    made = await catalog.derivations.write_made(
        run.run.actor, (head, pieces), name=name, sources=[source], writing=run.writing
    )
    values: dict[str, Any] = {**made.values, "is_control": source.dataset.is_control}
    if changed.annotations:
        written = [replace(one, annotations=changed.annotations) for one in made.written]
        made = replace(made, written=written)
    run.files.append(replace(made, values=values))
    return name


def _name_of(source: Pinned) -> str:
    stem, dot, ending = source.dataset.name.rpartition(".")
    whole = source.dataset.name
    return clean_name(f"{stem[:240]}{SUFFIX}.{ending}" if dot and len(ending) < 8 else f"{whole[:240]}{SUFFIX}")


def _range(said: str, column: np.ndarray) -> str:
    """$PnR that holds the values, too."""
    finite = column[np.isfinite(column)]
    top = float(np.ceil(finite.max())) if len(finite) else 0.0
    try:
        return said if float(said) >= top else f"{top:.0f}"
    except ValueError:
        return f"{max(top, 1.0):.0f}"
