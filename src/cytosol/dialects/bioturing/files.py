"""The batches of a submission: from what the clients name to the files meant."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.submissions import Batch, FileRef
from cytosol.catalog.uploads import UploadView, clean_path
from cytosol.dialects.bioturing.buckets import ServerFolder
from cytosol.dialects.bioturing.formats import StudyType
from cytosol.dialects.bioturing.wire import SubmitRequest

MAX_BATCH_NAME = 255
CUSTOM_EMBEDDINGS = "custom_embeddings"
_PROCESSED = {"coords.npy": "coords", "embeddings.db": "embeddings", "matrix.hdf5": "matrix", "metadata.db": "metadata"}


def named_batches(body: SubmitRequest) -> dict[str, dict[str, Any]]:
    """Batches that name their files, by the clients' name."""
    if not isinstance(body.batch_info, dict) or not body.batch_info:
        raise InvalidInputError("The submission names no batch", where="batch_info", do="Give at least one")
    return body.batch_info


def stored_batches(
    body: SubmitRequest, kind: StudyType, storage_id: Key, folder: ServerFolder | None = None
) -> list[Batch]:
    """The batches of a submission whose files lie on a storage."""
    batches = []
    for key, info in named_batches(body).items():
        files = {}
        for wire_name, role in kind.roles.items():
            path = info.get(wire_name)
            if not isinstance(path, str) or not path.strip():
                raise InvalidInputError(
                    f"A batch of {kind.title} needs '{wire_name}'", where=f"batch '{key[:255]}'", do="Name its file"
                )
            inside = folder.path(path) if folder is not None else path.strip("/")
            files[role] = FileRef(storage_id=storage_id, path=inside)
        name = str(info.get("name") or key)
        batches.append(Batch(_batch_name(name), files))
    return batches


def uploaded_batches(body: SubmitRequest, kind: StudyType, uploads: Sequence[UploadView]) -> list[Batch]:
    """The batches of a submission whose files were uploaded; each name takes the uploads with its suffixes in turn.

    Raises
    ------
    NotFoundError
        Names a file that was not uploaded.
    """
    names = list(body.batch_info)
    if not names:
        raise InvalidInputError("The submission names no batch", where="batch_info", do="Give at least one")
    by_name: dict[str, deque[Key]] = defaultdict(deque)
    for view in uploads:
        by_name[view.upload.name].append(view.upload.id)
    batches = []
    for name in names:
        files = {role: _take(by_name, name, suffixes) for role, suffixes in kind.uploads.items()}
        batches.append(Batch(_batch_name(name), files))
    return batches


def processed_batch(uploads: Sequence[UploadView], embeddings: Sequence[UploadView]) -> list[Batch]:
    """A processed folder as one batch: what was uploaded to it, and to its folder ``custom_embeddings``."""
    if not uploads:
        raise NotFoundError("Nothing was uploaded to this folder", where="study_path")
    named = [(view.upload.name, view) for view in uploads]
    named += [(f"{CUSTOM_EMBEDDINGS}/{view.upload.name}", view) for view in embeddings]
    files = {_PROCESSED.get(name, name): FileRef(upload_id=view.upload.id) for name, view in named}
    if "matrix" not in files:
        raise NotFoundError("There is no uploaded file 'matrix.hdf5'", where="study_path", do="Upload it again")
    return [Batch("Processed folder", files)]


def check_folder(folder: str) -> str:
    """A folder id that a client made; it may have parts, and never leads anywhere else."""
    parts = PurePosixPath(folder.replace("\\", "/")).parts
    if not parts or ".." in parts or parts[0] == "/":
        raise InvalidInputError("This cannot be the id of a folder", where=folder[:64], do="Give a plain name")
    return clean_path(folder)


def _take(by_name: Mapping[str, deque[Key]], name: str, suffixes: Sequence[str]) -> FileRef:
    for suffix in suffixes:
        if found := by_name.get(clean_path(name + suffix)):
            return FileRef(upload_id=found.popleft())
    wanted = " or ".join(f"'{(name + suffix)[:255]}'" for suffix in suffixes)
    raise NotFoundError(f"There is no uploaded file {wanted}", where="study_path", do="Upload it again")


def _batch_name(name: str) -> str:
    plain = "".join(letter if letter.isprintable() else " " for letter in name).strip()
    return plain[:MAX_BATCH_NAME] or "Batch"
