"""Studies of a project, which are our datasets: submitted, listed, annotated, copied."""

from __future__ import annotations

from typing import Any

from cytosol.asgi.dialect import Services
from cytosol.base.errors import ConflictError, InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.datasets import DatasetView
from cytosol.catalog.submissions import Batch, Submission
from cytosol.dialects.bbrowserx import wire
from cytosol.dialects.bbrowserx.calls import Call
from cytosol.dialects.bbrowserx.paths import file_at
from cytosol.dialects.bbrowserx.projects import datasets_of
from cytosol.dialects.bbrowserx.translate import (
    CREATED,
    ORIGIN,
    STUDY_COLUMNS,
    SUCCESS,
    filters_of,
    key_of,
    listed,
    project_of,
    study_detail,
    study_item,
)
from cytosol.model.rights import Actor

_FORMATS = {
    "H5AD": "h5ad",
    "RDS": "rds",
    "H5_10X": "tenx-h5",
    "MTX_10X": "tenx-mtx",
    "TSV": "delimited",
    "PARSE_BIOSCIENCE": "tenx-mtx",
}
_ROLES = {"anndata": "matrix", "matrix": "matrix", "barcodes": "barcodes", "features": "features"}


async def create_study(services: Services, actor: Actor, body: wire.StudyRequest) -> dict[str, Any]:
    """Submit files as a study of a project; answers at once."""
    formats = {batch.format for batch in body.submission_info}
    if unknown := sorted(formats - set(_FORMATS)):
        raise InvalidInputError(f"There is no format '{unknown[0][:32]}'", do=f"Use {', '.join(_FORMATS)}")
    if len(formats) != 1:
        raise InvalidInputError(
            "All batches of a study have one format", where="submission_info", do="Give at least one"
        )
    batches = []
    for number, given in enumerate(body.submission_info, 1):
        files = {}
        for file in given.files:
            if file.key not in _ROLES:
                raise InvalidInputError(f"A file cannot be '{file.key[:32]}'", do=f"Use {', '.join(_ROLES)}")
            files[_ROLES[file.key]] = await file_at(services.catalog, actor, file.value)
        batches.append(Batch(given.name.strip() or f"Batch {number}", files))
    what = Submission(
        batches,
        name=body.name,
        format=_FORMATS[formats.pop()],
        matrix="raw" if body.normalize else "normalized",
        filters=filters_of(body.filter_params),
    )
    job, dataset = await services.catalog.submissions.submit(actor, study=key_of(body.project_id, "project"), what=what)
    return {"project_id": dataset.study_id.hex32, "study_id": dataset.id.hex32, "task_id": job.id.hex32}


async def list_studies(services: Services, actor: Actor, body: wire.KeyRequest) -> dict[str, Any]:
    """The studies of a project."""
    view = await services.catalog.studies.get(actor, study_id=key_of(body.key, "project"))
    found = await datasets_of(services, actor, view)
    shown = [study_item(dataset, view.owner_email) for dataset in found[body.offset : body.offset + body.limit]]
    return {"list": listed(shown, STUDY_COLUMNS), "total": len(found)}


async def get_study(services: Services, actor: Actor, body: wire.KeyRequest) -> dict[str, Any]:
    """A study, its state, and why it failed if it did: this client has no call to follow a submission."""
    catalog = services.catalog
    view = await catalog.datasets.get(actor, dataset_id=key_of(body.key, "study"))
    owner = (await catalog.studies.get(actor, study_id=view.dataset.study_id)).owner_email
    detail = study_detail(view, owner)
    if detail["status"] == SUCCESS or view.job_id is None:
        return {"study": detail | {"message": "", "progress": 1.0}}
    job = (await catalog.jobs.get(actor, job_id=view.job_id)).job
    said = str((job.error or {}).get("detail", ""))
    ended = job.state in ("failed", "cancelled")
    state = {"status": CREATED if ended else detail["status"], "progress": job.progress or 0.0}
    return {"study": detail | state | {"message": said or job.state}}


async def convert_from_bbx(services: Services, actor: Actor, body: wire.ConvertRequest) -> dict[str, str]:
    """Copy a study of BBrowserX, known by its uuid there, into a project; the bytes are shared."""
    pinned = await services.catalog.tables.pin_study(actor, study_id=key_of(body.bbx_id, "study"))
    view = await services.catalog.datasets.copy(
        actor, dataset_id=pinned.dataset.id, study_id=key_of(body.project_id, "project"), name=body.name
    )
    return {"project_id": view.dataset.study_id.hex32, "study_id": view.dataset.id.hex32}


async def import_metadata(services: Services, actor: Actor, body: wire.MetadataRequest) -> dict[str, Any]:
    """Add the columns of a TSV or CSV, matched by barcode."""
    view = await _study(services, actor, body)
    file = await file_at(services.catalog, actor, body.metadata_path)
    files = services.catalog.annotation_files
    if file.upload_id is not None:
        added = await files.add_upload(actor, dataset_id=view.dataset.id, upload_id=file.upload_id)
    else:
        storage_id = file.storage_id or Key(bytes(12))
        added = await files.add(actor, dataset_id=view.dataset.id, storage_id=storage_id, path=file.path)
    return {"study_id": body.study_id, "metadata": [column.name for column in added.columns]}


async def update_defaults(services: Services, actor: Actor, body: wire.DefaultsRequest) -> dict[str, Any]:
    """Which embedding and which annotation the study shows first."""
    view = await _study(services, actor, body)
    main = view.tables[0]
    choices = {
        "embedding": (body.embedding, [embedding.name for embedding in main.embeddings]),
        "metadata": (body.metadata, [column.name for column in main.columns if not column.is_private]),
    }
    chosen: dict[str, Any] = {}
    for what, (name, names) in choices.items():
        if name is not None and name not in names:
            raise NotFoundError(f"The study has no {what} '{name[:255]}'", do=f"There are: {', '.join(names)}")
        chosen |= {} if name is None else {what: name}
    await _note(services, actor, view, chosen)
    return {"study_id": body.study_id} | chosen


async def rename_layer(services: Services, actor: Actor, body: wire.LayerRequest) -> str:
    """Call a layer, which is one of our tables, by another name in this client."""
    view = await _study(services, actor, body)
    named = dict(view.dataset.extra.get(ORIGIN, {}).get("layers", {}))
    shown = {named.get(table.name, table.name): table.name for table in view.tables}
    if body.layer not in shown:
        raise NotFoundError(f"The study has no layer '{body.layer[:255]}'", do=f"There are: {', '.join(shown)}")
    fresh = body.new_layer.strip()[:255]
    if not fresh or (fresh in shown and fresh != body.layer):
        raise ConflictError("A layer needs a name of its own", where="new_layer", do="Choose another name")
    named[shown[body.layer]] = fresh
    await _note(services, actor, view, {"layers": named})
    return fresh


async def list_terms(services: Services, actor: Actor, body: wire.TermsRequest) -> list[dict[str, Any]]:
    """The ontology terms that labels of annotations were given; those of one ontology where it is named."""
    view = await _study(services, actor, body)
    pinned = await services.catalog.tables.pin(actor, dataset_id=view.dataset.id)
    prefix = f"{body.ontology_id}:" if body.ontology_id else ""
    return [
        {
            "ontology_id": term.partition(":")[0],
            "node_id": term,
            "metadata_field": column.name,
            "metadata_label": label,
            "created_time": column.created_at // 1_000_000,
            "status": SUCCESS,
        }
        for column in pinned.part.columns
        for label, term in (column.meta.get("terms") or {}).items()
        if term and str(term).startswith(prefix)
    ]


async def _study(services: Services, actor: Actor, body: wire.StudyPathRequest) -> DatasetView:
    """A finished study of the project at a path."""
    view = await services.catalog.datasets.get(actor, dataset_id=key_of(body.study_id, "study"))
    if view.dataset.study_id != project_of(body.project_path):
        raise NotFoundError("The project has no such study", where=body.study_id[:64])
    if not view.tables:
        raise ConflictError("The study is being made", do="Wait until it is finished")
    return view


async def _note(services: Services, actor: Actor, view: DatasetView, values: dict[str, Any]) -> None:
    extra = view.dataset.extra
    await services.catalog.datasets.change(
        actor,
        dataset_id=view.dataset.id,
        expected=view.dataset.version,
        extra={**extra, ORIGIN: {**extra.get(ORIGIN, {}), **values}},
    )


STUDY_CALLS = (
    Call("openapi/study/create", wire.StudyRequest, create_study),
    Call("openapi/study/list", wire.KeyRequest, list_studies, "GET"),
    Call("openapi/study/detail", wire.KeyRequest, get_study, "GET"),
    Call("openapi/study/convert_from_bbx", wire.ConvertRequest, convert_from_bbx),
    Call("pyapi/v1/metadata/import_metadata", wire.MetadataRequest, import_metadata),
    Call("pyapi/v1/study/update_default_info", wire.DefaultsRequest, update_defaults),
    Call("pyapi/v1/study/rename_layer", wire.LayerRequest, rename_layer),
    Call("pyapi/v1/ontology/list_term_mapping", wire.TermsRequest, list_terms),
)
