"""Files become a study: submitted, followed, committed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from starlette.responses import Response

from cytosol.asgi.responses import json_response
from cytosol.base.errors import ConflictError, NotFoundError, UnsupportedFormatError
from cytosol.base.keys import Key
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.studies import StudyFields
from cytosol.catalog.submissions import Batch, NewStudy, Submission
from cytosol.dialects.bioturing import wire
from cytosol.dialects.bioturing.buckets import ServerFolder, bucket_of
from cytosol.dialects.bioturing.calls import Call
from cytosol.dialects.bioturing.files import (
    CUSTOM_EMBEDDINGS,
    check_folder,
    processed_batch,
    stored_batches,
    uploaded_batches,
)
from cytosol.dialects.bioturing.formats import StudyType, study_type
from cytosol.dialects.bioturing.logs import render_log, task_state
from cytosol.dialects.bioturing.translate import (
    ALL_MEMBERS,
    PERSONAL,
    filed_under,
    filters_of,
    is_species,
    key_of,
    species_of,
    study_item,
)
from cytosol.model.rights import Actor
from cytosol.model.work import LogEntry

ORIGIN = "bioturing"
PROCESSED_FOLDER = 23
_LOG_PAGE = 5000


async def submit_from_s3(catalog: Catalog, actor: Actor, body: wire.SubmitRequest) -> dict[str, str]:
    """Files in one of the user's buckets."""
    kind = study_type(body.study_type)
    storage_id = await bucket_of(catalog, actor, body.s3_id, shared=False)
    return await _submit(catalog, actor, body, kind=kind, batches=stored_batches(body, kind, storage_id))


async def submit_from_shared_s3(catalog: Catalog, actor: Actor, body: wire.SubmitRequest) -> dict[str, str]:
    """Files in a shared bucket."""
    kind = study_type(body.study_type)
    storage_id = await bucket_of(catalog, actor, body.shared_s3_id, shared=True)
    return await _submit(catalog, actor, body, kind=kind, batches=stored_batches(body, kind, storage_id))


async def submit_from_server(catalog: Catalog, actor: Actor, body: wire.SubmitRequest) -> dict[str, str]:
    """Files in a folder of the server that is mounted as a storage."""
    kind = study_type(body.study_type)
    folder = await ServerFolder.find(catalog, actor, body.shared_folder_path)
    return await _submit(catalog, actor, body, kind=kind, batches=stored_batches(body, kind, folder.storage_id, folder))


async def submit_from_local(catalog: Catalog, actor: Actor, body: wire.SubmitRequest) -> dict[str, str]:
    """Files that the client uploaded before."""
    kind = study_type(body.study_type)
    uploads = await catalog.uploads.list(actor, folder=check_folder(body.study_path))
    return await _submit(catalog, actor, body, kind=kind, batches=uploaded_batches(body, kind, uploads))


async def submit_processed(catalog: Catalog, actor: Actor, body: wire.SubmitRequest) -> dict[str, str]:
    """A processed folder that the client uploaded before."""
    folder = check_folder(body.study_path)
    uploads = await catalog.uploads.list(actor, folder=folder)
    embeddings = await catalog.uploads.list(actor, folder=f"{folder}/{CUSTOM_EMBEDDINGS}")
    kind = study_type(PROCESSED_FOLDER)
    processed = body.model_copy(update={"normalize": True, "skip_dimred": True})  # it says neither
    return await _submit(catalog, actor, processed, kind=kind, batches=processed_batch(uploads, embeddings))


async def get_submission_log(catalog: Catalog, actor: Actor, body: wire.TaskRequest) -> dict[str, str]:
    """State and the whole log so far; the same for exports."""
    job_id = key_of(body.task_id, "task")
    state = (await catalog.jobs.get(actor, job_id=job_id)).job.state  # before the log, so that it ends with the job
    entries: list[LogEntry] = []
    while True:
        page = await catalog.jobs.log(actor, job_id=job_id, after=entries[-1].seq if entries else 0, limit=_LOG_PAGE)
        entries += page
        if len(page) < _LOG_PAGE:
            return {"status": task_state(state), "log": render_log(entries)}


async def commit_submission(catalog: Catalog, actor: Actor, body: wire.TaskRequest) -> Response:
    """Make a finished submission visible; may be called again."""
    job_id = key_of(body.task_id, "task")
    job = (await catalog.jobs.get(actor, job_id=job_id)).job
    if job.study_id is None or job.kind != "ingest":
        raise NotFoundError("There is no such submission, or it is not yours")
    if job.state == "succeeded":
        view = await catalog.studies.get(actor, study_id=job.study_id)
        told = view.study.extra.get(ORIGIN, {}).get("group_id", "")
        if body.group_id != told:
            raise ConflictError(
                "The study was submitted to another group", where="group_id", do=f"Commit it to '{told}'"
            )
    dataset = await catalog.submissions.publish(actor, job_id=job_id)
    view = await catalog.studies.get(actor, study_id=dataset.study_id)
    return json_response({"status": 200, "data": {}, "study_info": study_item(view) | {"group_id": body.group_id}})


async def _submit(
    catalog: Catalog, actor: Actor, body: wire.SubmitRequest, *, kind: StudyType, batches: Sequence[Batch]
) -> dict[str, str]:
    """Write the job down; one of a format that is not read is written down, too, and has failed."""
    what = Submission(
        batches=batches,
        name=_title(body),
        format=kind.format,
        matrix="raw" if body.normalize else "normalized",
        filters=filters_of(body.filter_params),
        embeddings="keep" if body.skip_dimred else "compute",
        publish=False,
        extra={ORIGIN: {"study_type": body.study_type}},
    )
    try:
        job, _ = await catalog.submissions.submit(actor, study=_new_study(body), what=what)
    except UnsupportedFormatError as error:
        job = await catalog.jobs.refuse(actor, kind="ingest", error=error)
    return {"id": job.id.hex32}


def _new_study(body: wire.SubmitRequest) -> NewStudy:
    info = body.study_info
    fields = StudyFields(
        name=_title(body),
        description=info.abstract,
        authors=[author for author in info.authors if author.strip()],
        species=species_of(body.species),
        display_id=info.study_hash_id,
        extra={ORIGIN: {"group_id": body.group_id}},
    )
    new = NewStudy(fields, origin=ORIGIN)
    filed = filed_under(body.group_id)
    if isinstance(filed, Key):
        return replace(new, share_with="group", group_id=filed)
    if filed == "public":
        raise NotFoundError("Nothing can be submitted to the public studies", do=f"Use {PERSONAL} or {ALL_MEMBERS}")
    return replace(new, share_with="all_members") if filed == "all_members" else new


def _title(body: wire.SubmitRequest) -> str:
    return body.study_info.name.strip() or "TBD"


async def list_studies(catalog: Catalog, actor: Actor, body: wire.GroupStudiesRequest) -> list[dict[str, Any]]:
    """The committed studies of a species in a group; those of cytometry alone are nothing for these clients."""
    views = await catalog.group_studies.list(actor, filed=filed_under(body.group_id))
    shown = [view for view in views if not view.is_cytometry]
    return [study_item(view) for view in shown if is_species(view.study.species, body.species)]


SUBMISSION_CALLS = (
    Call("get_all_studies_info_in_group", wire.GroupStudiesRequest, list_studies),
    Call("submit_study_from_s3", wire.SubmitRequest, submit_from_s3),
    Call("submit_study_from_shared_s3", wire.SubmitRequest, submit_from_shared_s3),
    Call("submit_study_from_server", wire.SubmitRequest, submit_from_server),
    Call("submit_study_from_local", wire.SubmitRequest, submit_from_local),
    Call("submit_processed_study_from_local", wire.SubmitRequest, submit_processed),
    Call("get_submission_log", wire.TaskRequest, get_submission_log, hides_status=True),
    Call("commit_submission_result", wire.TaskRequest, commit_submission, hides_status=True),
)
