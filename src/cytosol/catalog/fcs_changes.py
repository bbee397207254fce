"""Changes of files: what may be set, panels of many files at once, and how each is undone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog import history
from cytosol.catalog.dataset_attributes import annotations_of, set_annotations
from cytosol.catalog.fcs_records import FileView
from cytosol.catalog.fcs_store import panel_name as name_of_panel
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.model.names import clean_name
from cytosol.model.rights import Actor, Permission
from cytosol.model.studies import Dataset

ANNOTATIONS = "file_annotations"
PANELS = "panels"
"""Kinds of subjects in the history: annotations of one file, and panels of files of a study."""
_FLAGS = ("is_control", "gates_locked")
Values = Mapping[str, Any]


async def checked_changes(conn: Connection, view: FileView, fields: Values) -> dict[str, Any]:
    """Changes of a file as they are stored.

    Raises
    ------
    InvalidInputError
        Where a field does not exist or its value cannot be kept.
    NotFoundError
        Where a compensation is not in the study.
    """
    values: dict[str, Any] = {}
    for name, value in fields.items():
        if name == "name":
            values[name] = clean_name(value)
        elif name == "panel_name":
            values[name] = clean_name(value, field="panel_name", empty=True)
        elif name in _FLAGS:
            values[name] = bool(value)
        elif name == "panel":
            values[name] = checked_panel(value, view.dataset)
        elif name == "compensation":
            values[name] = await _checked_compensation(conn, view, value)
        else:
            raise InvalidInputError(f"A file has no '{name[:64]}' that can be changed", where="fields")
    return values


def checked_panel(panel: Sequence[Values], dataset: Dataset) -> list[dict[str, Any]]:
    """A panel with new reagents: the channels of the file, each once, in its order."""
    said = {str(entry.get("channel", "")): entry.get("reagent") for entry in panel}
    known = {str(entry["channel"]) for entry in dataset.panel}
    if unknown := sorted(set(said) - known):
        raise InvalidInputError(
            f"The file has no channel '{unknown[0][:64]}'", where="panel", do="Name channels of the file only"
        )
    return with_reagents(dataset.panel, said)


def with_reagents(panel: Sequence[Values], reagents: Mapping[str, str | None]) -> list[dict[str, Any]]:
    """A panel in which some channels have another reagent, "" and None = none."""
    fresh = []
    for entry in panel:
        reagent = reagents.get(entry["channel"], entry["reagent"])
        if reagent is not None and not isinstance(reagent, str):
            raise InvalidInputError(
                f"The reagent of channel '{entry['channel']}' is not a text", where="panel", do="Give a text, or null"
            )
        clean = clean_name(reagent, field="reagent", empty=True) if reagent is not None else None
        fresh.append({"index": entry["index"], "channel": entry["channel"], "reagent": clean or None})
    return fresh


async def _checked_compensation(conn: Connection, view: FileView, said: Any) -> str:
    if said in ("", "none"):
        return str(said)
    if said == "internal":
        if not view.has_internal:
            raise InvalidInputError(
                "This file has no spillover matrix of its own",
                where=view.dataset.name,
                do="Choose a compensation of the study, or none",
            )
        return "internal"
    try:
        key = Key.parse(str(said))
    except InvalidInputError as error:
        raise InvalidInputError(
            f"'{str(said)[:64]}' is no compensation", where="compensation", do="Give none, internal or an id"
        ) from error
    row = await rows.get(conn, tables.compensations, key)
    if row is None or row["study_id"] != view.dataset.study_id or row["deleted_at"] is not None:
        raise NotFoundError("There is no such compensation in this study", where=key.hex24)
    return key.hex24


async def changed_panels(
    conn: Connection,
    study_id: Key,
    datasets: Sequence[Dataset],
    *,
    reagents: Mapping[str, str | None],
    panel_name: str,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Set reagents of channels of some datasets; before and after of those that changed, by id."""
    channels = {str(entry["channel"]) for dataset in datasets for entry in dataset.panel}
    if unknown := sorted(set(reagents) - channels):
        raise InvalidInputError(
            f"None of the files has a channel '{unknown[0][:64]}'", where="panel", do="Name channels of the files"
        )
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    names: list[tuple[list[dict[str, Any]], str]] = []
    for dataset in datasets:
        panel = with_reagents(dataset.panel, reagents)
        name = clean_name(panel_name, field="panel_name", empty=True)
        name = name or next((known for one, known in names if one == panel), "")
        if not name:
            name = dataset.panel_name if panel == dataset.panel else await name_of_panel(conn, study_id, panel)
        names.append((panel, name))
        if (panel, name) == (dataset.panel, dataset.panel_name):
            continue
        before[dataset.id.hex24] = {"panel": dataset.panel, "panel_name": dataset.panel_name}
        after[dataset.id.hex24] = {"panel": panel, "panel_name": name}
        await rows.change(conn, tables.datasets, dataset.id, after[dataset.id.hex24], expected=None)
    return before, after


class PanelSubject:
    """Panels of files of a study, for undo: id of the dataset → panel and its name."""

    kind = PANELS
    permission = Permission.STUDY_EDIT

    async def current(self, conn: Connection, subject_id: Key, like: history.Values) -> history.Values:
        found = await rows.find(conn, tables.datasets, {"id": [Key.parse(id) for id in like]})
        return {row["id"].hex24: {"panel": row["panel"], "panel_name": row["panel_name"]} for row in found}

    async def restore(self, conn: Connection, actor: Actor, subject_id: Key, values: history.Values) -> None:
        for id, panel in values.items():
            await rows.change(conn, tables.datasets, Key.parse(id), dict(panel), expected=None)

    async def restored(self, subject_id: Key) -> None:
        """Nothing lies outside the database."""


class FileAnnotationSubject:
    """Annotations of a file, for undo."""

    kind = ANNOTATIONS
    permission = Permission.ANNOTATION_EDIT

    async def current(self, conn: Connection, subject_id: Key, like: history.Values) -> history.Values:
        row = await rows.get(conn, tables.datasets, subject_id)
        if row is None:
            return {}
        found = await annotations_of(conn, row["study_id"], [subject_id])
        return {"annotations": [list(one) for one in found.get(subject_id, [])]}

    async def restore(self, conn: Connection, actor: Actor, subject_id: Key, values: history.Values) -> None:
        row = await rows.need(conn, tables.datasets, subject_id)
        await set_annotations(
            conn, row["study_id"], subject_id, [(name, value) for name, value in values["annotations"]], widens=True
        )

    async def restored(self, subject_id: Key) -> None:
        """Nothing lies outside the database."""
