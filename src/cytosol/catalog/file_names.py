"""Annotations and new names of many files, from the names that they have; looked at first, then made as one step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cytosol.base.errors import ConflictError, InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog import history
from cytosol.catalog.access import study_access
from cytosol.catalog.context import Context
from cytosol.catalog.dataset_attributes import annotations_of, fitting_value, set_annotations
from cytosol.catalog.datasets import Datasets
from cytosol.catalog.layouts import rewrite_metadata
from cytosol.catalog.name_patterns import Fields, filled, match_names
from cytosol.catalog.records import all_to
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.model.names import clean_name
from cytosol.model.rights import Actor, Permission
from cytosol.model.sample_values import Value, guess_kind, spell_value
from cytosol.model.studies import Dataset

SUBJECT = "file_names"
"""Kind of subject in the history: names and annotations of files of a study."""


@dataclass(frozen=True, slots=True)
class NamedFile:
    """What a file gets.

    Attributes
    ----------
    matches : whether the pattern fits its name; where not, it stays as it is
    annotations : name and value that are set; others that it has stay
    new_name : "" = it keeps its name
    problem : why it cannot be done, "" = it can
    """

    dataset_id: Key
    name: str
    matches: bool
    annotations: Mapping[str, Value]
    new_name: str = ""
    problem: str = ""


FileList = list[NamedFile]


class FileNames:
    """The verb that annotates and renames files by their names."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def annotate(
        self,
        actor: Actor,
        *,
        study_id: Key,
        pattern: str,
        rename: str = "",
        dataset_ids: Sequence[Key] = (),
        preview: bool = True,
    ) -> FileList:
        """Take annotations from the names of files, and rename these; one revision for all.

        Needs the permission annotation.edit, and to rename, study.edit. Of a field that spells numbers in all files
        the values are numbers, unless the study has an annotation of this name, whose kind counts.

        Parameters
        ----------
        pattern : as in `name_patterns.match_names`
        rename : new name, with fields of the pattern or annotations of the file in braces; "" = names stay
        dataset_ids : () = all files of the study
        preview : only tell what would be done

        Returns
        -------
        All files that were asked for, in their order.

        Raises
        ------
        ConflictError
            Where it is no preview, and a file has a problem; nothing is changed then.
        """
        needed = [Permission.ANNOTATION_EDIT, *([Permission.STUDY_EDIT] if rename else [])]
        async with self._context.db.read() as conn:
            for permission in needed:
                await study_access(conn, actor, study_id, permission)
            names = [dataset.name for dataset in await _chosen(conn, study_id, dataset_ids)]
        fields = dict(zip(names, await match_names(pattern, list(names)), strict=True))
        async with self._context.db.read() if preview else self._context.db.write() as conn:
            for permission in needed:
                await study_access(conn, actor, study_id, permission)
            planned = await _plan(conn, study_id, dataset_ids, fields=fields, rename=rename)
            if not preview:
                await self._apply(conn, actor, study_id, planned)
        if not preview:
            self._context.notifier.events_stored()
            for file in planned:
                if file.new_name:
                    await rewrite_metadata(self._context, file.dataset_id)
        return planned

    async def _apply(self, conn: Connection, actor: Actor, study_id: Key, planned: FileList) -> None:
        bad = [file for file in planned if file.problem]
        if bad:
            more = f"; {len(bad) - 1:,} more of the files have a problem" if bad[1:] else ""
            raise ConflictError(
                f"Nothing was changed: {bad[0].problem}{more}", where=bad[0].name, do="Look at the preview"
            )
        changed = [file for file in planned if file.matches]
        before = await _state(conn, study_id, [file.dataset_id for file in changed])
        for file in changed:
            kept = [(name, value) for name, value in before[file.dataset_id.hex24]["annotations"]]
            await set_annotations(conn, study_id, file.dataset_id, [*kept, *file.annotations.items()])
            values = {"name": file.new_name} if file.new_name else {}
            await rows.change(conn, tables.datasets, file.dataset_id, values, expected=None)
        after = await _state(conn, study_id, [file.dataset_id for file in changed])
        same = [id for id in after if after[id] == before[id]]
        for id in same:
            del before[id], after[id]
        if after:
            subject = (SUBJECT, study_id)
            await history.record(
                conn, actor, "file.annotate-by-name", study_id=study_id, subject=subject, before=before, after=after
            )
            for dataset in all_to(
                Dataset, await rows.find(conn, tables.datasets, {"id": [Key.parse(i) for i in after]})
            ):
                await Datasets.tell(conn, dataset, "change")


async def _chosen(conn: Connection, study_id: Key, dataset_ids: Sequence[Key]) -> list[Dataset]:
    """The files of a study that are asked for, in their order."""
    live = {"study_id": study_id, "deleted_at": None, "data_version": rows.Above(0)}
    found = all_to(Dataset, await rows.find(conn, tables.datasets, live, order=("position", "id")))
    wanted = set(dataset_ids)
    chosen = [dataset for dataset in found if dataset.panel and (not wanted or dataset.id in wanted)]
    if missing := wanted - {dataset.id for dataset in chosen}:
        raise NotFoundError(f"{len(missing)} of the files are not in this study", where=next(iter(missing)).hex24)
    return chosen


async def _plan(
    conn: Connection, study_id: Key, dataset_ids: Sequence[Key], *, fields: Mapping[str, Fields | None], rename: str
) -> FileList:
    datasets = await _chosen(conn, study_id, dataset_ids)
    live = {"study_id": study_id, "deleted_at": None}
    known = {row["name"]: row["kind"] for row in await rows.find(conn, tables.attributes, live)}
    kinds: dict[str, str] = {}
    for name in {name for found in fields.values() for name in found or ()}:
        cells = [found[name] for found in fields.values() if found and name in found]
        kinds[name] = known.get(name) or guess_kind(cells)
    present = await annotations_of(conn, study_id, [dataset.id for dataset in datasets])
    planned = []
    for dataset in datasets:
        found = fields.get(dataset.name)
        if found is None:
            planned.append(NamedFile(dataset.id, dataset.name, False, {}))
            continue
        try:
            values = {name: fitting_value(text, kinds[name], name=name) for name, text in found.items()}
        except InvalidInputError as error:
            planned.append(NamedFile(dataset.id, dataset.name, True, {}, problem=error.what))
            continue
        file = NamedFile(dataset.id, dataset.name, True, values)
        said = {name: spell_value(value) for name, value in present.get(dataset.id, [])}
        planned.append(_renamed(file, rename, {**said, **found}) if rename else file)
    others = Counter(row["name"] for row in await rows.find(conn, tables.datasets, live)) if rename else Counter()
    return _without_clashes(planned, others)


def _renamed(file: NamedFile, rename: str, fields: Fields) -> NamedFile:
    text, missing = filled(rename, fields)
    if missing:
        return replace(
            file, problem=f"Its new name needs '{missing[0][:64]}', which neither its name nor its file says"
        )
    try:
        name = clean_name(text)
    except InvalidInputError as error:
        return replace(file, problem=f"Its new name cannot be kept: {error.what}")
    return replace(file, new_name="" if name == file.name else name)


def _without_clashes(planned: FileList, names: Counter[str]) -> FileList:
    """Say where two files of the study would have the same name, if one of them got it now."""
    for file in planned:
        if file.new_name:
            names[file.name] -= 1
            names[file.new_name] += 1
    return [
        replace(file, problem=f"Another file would be called '{file.new_name}', too")
        if file.new_name and names[file.new_name] > 1
        else file
        for file in planned
    ]


async def _state(conn: Connection, study_id: Key, ids: Sequence[Key]) -> dict[str, Any]:
    """Name and annotations of files, by id, as the history keeps them."""
    annotations = await annotations_of(conn, study_id, ids)
    found = await rows.find(conn, tables.datasets, {"id": list(ids)})
    return {
        row["id"].hex24: {"name": row["name"], "annotations": [list(one) for one in annotations.get(row["id"], [])]}
        for row in found
    }


class FileNamesSubject:
    """Names and annotations of files of a study, for undo."""

    kind = SUBJECT
    permission = Permission.STUDY_EDIT

    async def current(self, conn: Connection, subject_id: Key, like: history.Values) -> history.Values:
        return await _state(conn, subject_id, [Key.parse(id) for id in like])

    async def restore(self, conn: Connection, actor: Actor, subject_id: Key, values: history.Values) -> None:
        for id, was in values.items():
            key = Key.parse(id)
            said = [(name, value) for name, value in was["annotations"]]
            await set_annotations(conn, subject_id, key, said, widens=True)
            await rows.change(conn, tables.datasets, key, {"name": was["name"]}, expected=None)

    async def restored(self, subject_id: Key) -> None:
        """The name on disk follows with the next change of the data."""
