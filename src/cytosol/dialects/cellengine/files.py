"""FCS files: uploaded, listed, changed, deleted."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.dataset_attributes import checked_annotations
from cytosol.catalog.fcs_facts import spill_string
from cytosol.catalog.fcs_records import FileView
from cytosol.dialects.cellengine import wire
from cytosol.dialects.cellengine.calls import Asked, Call, parse, require_same
from cytosol.dialects.cellengine.experiments import E, experiment
from cytosol.dialects.cellengine.translate import (
    compensation_said,
    compensation_value,
    given_time,
    own_extra,
    time_of,
    with_own,
)
from cytosol.dialects.cellengine.uploads import file_in
from cytosol.model.sample_values import spell_value

READ_ONLY = ("_id", "experimentId", "eventCount", "size", "md5", "crc32c", "hasFileInternalComp")


def file_document(view: FileView) -> dict[str, Any]:
    """An FCS file as lists show it: without its keywords."""
    dataset = view.dataset
    chosen = dataset.compensation or ("internal" if view.has_internal else "none")
    return {
        "_id": dataset.id.hex24,
        "__v": 0,
        "experimentId": dataset.study_id.hex24,
        "filename": dataset.name,
        "annotations": annotations_of(view),
        "panel": [
            {"channel": entry["channel"], "reagent": entry["reagent"], "index": entry["index"]}
            for entry in dataset.panel
        ],
        "panelName": dataset.panel_name,
        "eventCount": view.n_events,
        "size": view.size,
        "md5": view.md5,
        "crc32c": view.crc32c,
        "isControl": dataset.is_control,
        "gatesLocked": dataset.gates_locked,
        "compensation": compensation_value(chosen),
        "hasFileInternalComp": view.has_internal,
        "sampleName": view.sample_name,
        "data": own_extra(dataset.extra).get("data", {}) | sources_of(view),
        "created": time_of(dataset.created_at),
        "deleted": time_of(dataset.deleted_at),
    }


def annotations_of(view: FileView) -> list[dict[str, Any]]:
    """The annotations as they came, with names that come twice and empty values, unless they were changed elsewhere."""
    said = own_extra(view.dataset.extra).get("annotations")
    if isinstance(said, list) and _kept(said) == {name: spell_value(value) for name, value in view.annotations}:
        return said
    return [{"name": name, "value": value} for name, value in view.annotations]


def _kept(said: list[dict[str, Any]]) -> dict[str, str]:
    """What the server keeps of annotations, as text: of a name that comes twice the last value, and no empty ones."""
    values = checked_annotations([(one["name"], one["value"]) for one in said])
    return {name: spell_value(value) for name, value in values.items() if value is not None}


def sources_of(view: FileView) -> dict[str, Any]:
    """What a derived file was made of, in order; nothing for one that was uploaded."""
    sources = view.dataset.lineage.get("source_files")
    if not isinstance(sources, list):
        return {}
    return {"sourceFiles": [{"experimentId": one["study_id"], "_id": one["dataset_id"]} for one in sources]}


async def whole_document(asked: Asked, view: FileView) -> dict[str, Any]:
    """An FCS file with its keywords, as JSON text, and its spill string."""
    text = await asked.catalog.cytometry.keywords(asked.actor, dataset_id=view.dataset.id)
    names = [str(entry["channel"]) for entry in view.dataset.panel]
    return {
        **file_document(view),
        "header": json.dumps(text, ensure_ascii=False),
        "spillString": spill_string(text[view.spill], names) if view.spill in text else None,
    }


async def file_of(asked: Asked, dataset_id: Key) -> FileView:
    """A live file of the experiment in the path."""
    view = await experiment(asked)
    found = await asked.catalog.cytometry.file(asked.actor, dataset_id=dataset_id)
    if found.dataset.study_id != view.study.id:
        raise NotFoundError("There is no such FCS file in this experiment")
    return found


async def list_files(asked: Asked) -> list[Any]:
    """The files of an experiment; controls with ``includeControls=true``, or where the query tells which files."""
    view = await experiment(asked)
    cytometry, listing = asked.catalog.cytometry, asked.listing
    found = await cytometry.files(asked.actor, study_id=view.study.id)
    if listing.shows_deleted:
        found += await _deleted(asked, view.study.id)
    with_controls = asked.flag("includeControls") or listing.looks_at("isControl", "filename", "_id")
    shown = [file for file in found if with_controls or not file.dataset.is_control]
    return asked.listed([file_document(file) for file in shown])


async def _deleted(asked: Asked, study_id: Key) -> list[FileView]:
    return await asked.catalog.cytometry.files(asked.actor, study_id=study_id, trash=True)


async def upload_file(asked: Asked) -> dict[str, Any]:
    """Take a file in; of one with several data sets the first, the others come beside it."""
    view = await experiment(asked)
    filename, body = await file_in(asked)
    made = await asked.catalog.cytometry.put_file(asked.actor, study_id=view.study.id, filename=filename, body=body)
    return await whole_document(asked, await asked.catalog.cytometry.file(asked.actor, dataset_id=made[0].id))


async def get_file(asked: Asked) -> dict[str, Any]:
    """One live file, with keywords."""
    return await whole_document(asked, await file_of(asked, asked.id("file")))


async def change_file(asked: Asked) -> dict[str, Any]:
    """Change facts of a file; ``deleted`` set deletes, ``deleted: null`` brings back."""
    body = await asked.body()
    said = parse(wire.FileChange, body)
    dataset_id, deleted = asked.id("file"), given_time(said.deleted, "deleted")
    view, gone = await _live_or_in_trash(asked, dataset_id)
    if gone and "deleted" not in said.model_fields_set:
        deleted = time_of(gone.dataset.deleted_at)  # it is changed, and stays where it lies
    require_same(body if isinstance(body, dict) else {}, file_document(view), READ_ONLY)
    if gone:
        await asked.catalog.datasets.undelete(asked.actor, dataset_id=dataset_id)
        view = await file_of(asked, dataset_id)
    if fields := _changes(said):
        view = await asked.catalog.cytometry.change(asked.actor, dataset_id=dataset_id, **fields)
    if said.annotations is not None:
        pairs = [_annotation(one) for one in said.annotations]
        own = own_extra(view.dataset.extra) | {"annotations": [{"name": name, "value": value} for name, value in pairs]}
        extra = with_own(view.dataset.extra, own)
        view = await asked.catalog.cytometry.annotate(
            asked.actor, dataset_id=dataset_id, annotations=pairs, extra=extra, widens=True
        )
    document = await whole_document(asked, view)
    if deleted is not None:
        await asked.catalog.datasets.delete(asked.actor, dataset_id=dataset_id)
        lying = [one for one in await _deleted(asked, view.dataset.study_id) if one.dataset.id == dataset_id]
        document |= file_document(lying[0])
    return document


def _changes(said: wire.FileChange) -> dict[str, Any]:
    named = {
        "name": said.filename,
        "panel": said.panel,
        "panel_name": said.panelName,
        "is_control": said.isControl,
        "gates_locked": said.gatesLocked,
    }
    fields = {name: value for name, value in named.items() if value is not None}
    if said.compensation is not None:
        chosen = compensation_said(said.compensation, "compensation")
        if chosen == "own":
            raise InvalidInputError('"compensation" of a file must be 0, -1 or the id of a compensation')
        fields["compensation"] = chosen
    return fields


def _annotation(said: dict[str, Any]) -> tuple[str, Any]:
    if not isinstance(said.get("name"), str):
        raise InvalidInputError('"annotations" must hold {"name": text, "value": text or number}')
    return said["name"], said.get("value")


async def _live_or_in_trash(asked: Asked, dataset_id: Key) -> tuple[FileView, FileView | None]:
    """A file, and once more where it lies in the trash."""
    try:
        return await file_of(asked, dataset_id), None
    except NotFoundError:
        view = await experiment(asked)
        for one in await _deleted(asked, view.study.id):
            if one.dataset.id == dataset_id:
                return one, one
        raise


async def delete_file(asked: Asked) -> Response:
    """Put a file into the trash; one that lies there already stays there."""
    found, gone = await _live_or_in_trash(asked, asked.id("file"))
    if gone is None:
        await asked.catalog.datasets.delete(asked.actor, dataset_id=found.dataset.id)
    return Response(status_code=204)


FILE_CALLS = (
    Call("GET", f"{E}/fcsfiles", list_files),
    Call("GET", f"{E}/fcsfiles/{{file}}", get_file),
    Call("PATCH", f"{E}/fcsfiles/{{file}}", change_file),
    Call("DELETE", f"{E}/fcsfiles/{{file}}", delete_file),
)
