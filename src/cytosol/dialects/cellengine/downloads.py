"""Events to take away: FCS and TSV, archives of many files, and files made of files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response, StreamingResponse

from cytosol.asgi.responses import attachment
from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.derivations import Derivation
from cytosol.catalog.fcs_selection import EventChoice
from cytosol.catalog.file_exports import FileDownload, FileFormat, ZipRequest
from cytosol.dialects.cellengine import wire
from cytosol.dialects.cellengine.calls import Asked, Call
from cytosol.dialects.cellengine.experiments import E, experiment
from cytosol.dialects.cellengine.files import file_of, upload_file, whole_document
from cytosol.dialects.cellengine.translate import compensation_said, given_key

ARCHIVES = {
    "fcs": FileFormat("fcs"),
    "tsv (with header)": FileFormat("tsv", headers=True),
    "tsv (without header)": FileFormat("tsv", headers=False),
}
TOKENS = {
    "{fcsfile.filename}": "{file}",
    "{fcsfile.name}": "{file}",
    "{fcsfile._id}": "{file_id}",
    "{population.name}": "{population}",
    "{population.uniqueName}": "{population}",
    "{population._id}": "{population_id}",
}
"""Their words for parts of a file name, and ours."""
_S3 = "Files are neither read from nor written to buckets that a request names"


async def download(asked: Asked) -> Response:
    """Events of a file; ``original=true`` gives the file as it was uploaded, whatever else is said."""
    ending = asked.request.path_params["ending"].lower()
    if ending not in ("fcs", "tsv"):
        raise NotFoundError("Files are downloaded as .fcs or .tsv")
    view = await file_of(asked, asked.id("file"))
    compensated = bool(asked.flag("compensatedQ"))
    numbered = bool(asked.flag("addEventNumber"))
    format = FileFormat("fcs", compensated, event_number=numbered)
    if ending == "tsv":
        format = FileFormat("tsv", compensated, headers=bool(asked.flag("headers")), event_number=numbered)
    if asked.flag("original"):
        format = FileFormat("original")
    names = ("populationId", "compensationId", "preSubsampleN", "preSubsampleP", "postSubsampleN", "postSubsampleP")
    said = {name: asked.text(name) for name in names}
    if format.kind != "original" and said["compensationId"] is None and (compensated or said["populationId"]):
        raise InvalidInputError('"compensationId" is required')
    choice = _choice({**said, **{name: asked.number(name) for name in names[2:]}, "seed": asked.number("seed")})
    file = await asked.catalog.file_exports.export(
        asked.actor, dataset_id=view.dataset.id, format=format, choice=choice
    )
    return _file_response(file, filename=view.dataset.name if ending == "fcs" else file.filename)


def _choice(said: Mapping[str, Any]) -> EventChoice:
    """The events that are meant."""
    counts = {}
    for name in ("preSubsampleN", "postSubsampleN"):
        value = said.get(name)
        if value is not None and (value != int(value) or value < 0):
            raise InvalidInputError(f'"{name}" must be a whole number, 0 or more')
        counts[name] = None if value is None else int(value)
    return EventChoice(
        population_id=given_key(said.get("populationId"), "populationId"),
        compensation=compensation_said(said.get("compensationId")),
        pre_n=counts["preSubsampleN"],
        pre_p=said.get("preSubsampleP"),
        post_n=counts["postSubsampleN"],
        post_p=said.get("postSubsampleP"),
        seed=said.get("seed") or 0,
    )


def _file_response(file: FileDownload, *, filename: str) -> Response:
    headers = {"content-disposition": attachment(filename)}
    if file.size is not None:
        headers["content-length"] = str(file.size)
    return StreamingResponse(file.body, headers=headers, media_type=file.media_type)


async def export_to_bucket(asked: Asked) -> Response:
    """Refused: the server reaches out to no host that a request names."""
    await file_of(asked, asked.id("file"))
    raise InvalidInputError(_S3, do="Download the file")


async def download_zip(asked: Asked) -> Response:
    """An archive of many files."""
    view = await experiment(asked)
    said = await asked.said(wire.Zip)
    if said.format.lower() not in ARCHIVES:
        raise InvalidInputError(f'"format" must be one of {", ".join(ARCHIVES)}')
    format = ARCHIVES[said.format.lower()]
    what = ZipRequest(
        dataset_ids=tuple(_ids(said.fcsFileIds, "fcsFileIds")),
        population_ids=tuple(given_key(id, "populationIds") for id in said.populationIds or ()),
        choice=_choice(said.model_dump()),
        format=FileFormat(format.kind, said.compensatedQ, format.headers),
        template=template_of(said.filenameTemplate),
    )
    file = await asked.catalog.file_exports.zip(asked.actor, study_id=view.study.id, what=what)
    return _file_response(file, filename=file.filename)


def template_of(text: str | None) -> str:
    """A template of file names in our words; without the ending, which the format gives."""
    if not text:
        return "{file}"
    for theirs, ours in TOKENS.items():
        text = text.replace(theirs, ours)
    return re.sub(r"\.(fcs|tsv)$", "", text, flags=re.IGNORECASE)


async def add_file(asked: Asked) -> dict[str, Any]:
    """Upload a file where the body is a form; else make one of files."""
    if asked.request.headers.get("content-type", "").lower().startswith("multipart/"):
        return await upload_file(asked)
    view = await experiment(asked)
    said = await asked.said(wire.Derive)
    made = await asked.catalog.derivations.derive(
        asked.actor,
        study_id=view.study.id,
        what=Derivation(
            dataset_ids=tuple([await _source(asked, one, view.study.id) for one in said.fcsFiles]),
            filename=said.filename or "",
            add_file_number=said.addFileNumber,
            add_event_number=said.addEventNumber,
            choice=_choice(said.model_dump()),
        ),
    )
    return await whole_document(asked, await asked.catalog.cytometry.file(asked.actor, dataset_id=made[0].id))


async def _source(asked: Asked, said: str | dict[str, Any], study_id: Key) -> Key:
    """A source: an id of this experiment, or an object that names its experiment, too, in either spelling."""
    if isinstance(said, dict) and "host" in said:
        raise InvalidInputError(_S3, do="Upload the file")
    id = given_key(said if isinstance(said, str) else said.get("_id"), "fcsFiles")
    other = None if isinstance(said, str) else said.get("experimentId", said.get("experiment_id"))
    if id is None:
        raise InvalidInputError('"fcsFiles" must hold ids, or objects {"_id", "experimentId"}')
    source = await asked.catalog.cytometry.file(asked.actor, dataset_id=id)
    if source.dataset.study_id != (given_key(other, "experimentId") or study_id):
        raise NotFoundError("There is no such FCS file in that experiment", where=id.hex24)
    return id


def _ids(texts: list[str] | None, name: str) -> list[Key]:
    if "" in (texts or ()):
        raise InvalidInputError(f'"{name}" must hold ids of 24 hex digits')
    return [key for text in texts or [] if (key := given_key(text, name)) is not None]


DOWNLOAD_CALLS = (
    Call("POST", f"{E}/fcsfiles", add_file, status=201),
    Call("POST", f"{E}/fcsfiles/zip", download_zip),
    Call("GET", f"{E}/fcsfiles/{{file}}.{{ending}}", download),
    Call("POST", f"{E}/fcsfiles/{{file}}.{{ending}}", export_to_bucket),
)
