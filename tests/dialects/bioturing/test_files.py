"""From what a client names to the files meant."""

from __future__ import annotations

from typing import Any

import pytest

from cytosol.base.errors import ForbiddenError, InvalidInputError, NotFoundError, UnsupportedFormatError
from cytosol.base.keys import Key, new_key
from cytosol.catalog.uploads import UploadView
from cytosol.dialects.bioturing.buckets import ServerFolder
from cytosol.dialects.bioturing.files import check_folder, stored_batches, uploaded_batches
from cytosol.dialects.bioturing.formats import STUDY_TYPES, study_type
from cytosol.dialects.bioturing.wire import SubmitRequest
from cytosol.formats.registry import DEFAULT_REGISTRY
from cytosol.model.work import Upload


def uploaded(name: str) -> UploadView:
    id = new_key()
    upload = Upload(
        id=id, created_at=0, updated_at=0, deleted_at=None, version=1, extra={}, owner_id=id, folder="f", name=name,
        size=None, n_chunks=1, state="open", expires_at=0, original_id=None,
    )  # fmt: skip
    return UploadView(upload, 1, (0,))


def body(batch_info: Any, **more: Any) -> SubmitRequest:
    return SubmitRequest(group_id="personal", batch_info=batch_info, **more)


def test_every_study_type_is_a_format_of_ours_with_its_roles() -> None:
    for kind in STUDY_TYPES.values():
        entry = DEFAULT_REGISTRY.get(kind.format)
        assert set(kind.roles.values()) <= set(entry.roles)
        assert set(kind.uploads) == set(kind.roles.values())
    read = {code for code, kind in STUDY_TYPES.items() if DEFAULT_REGISTRY.get(kind.format).reads}
    assert read == {0, 1, 2, 3, 4, 5, 6, 15, 23}


@pytest.mark.parametrize("code", [7, 8, 12, 13, "LENS_SC", "PROTEOMICS"])
def test_spatial_types_are_named_in_the_refusal(code: int | str) -> None:
    with pytest.raises(UnsupportedFormatError, match="does not take in"):
        study_type(code)


@pytest.mark.parametrize("code", [18, 99, "2", "OTHER"])
def test_types_that_no_client_defines(code: int | str) -> None:
    with pytest.raises(InvalidInputError, match="no study type"):
        study_type(code)


def test_uploads_of_a_triplet_are_found_by_the_names_that_the_client_gives() -> None:
    names = [
        "d1matrix.mtx.gz",
        "d1features.tsv.gz",
        "d1barcodes.csv",
        "d2matrix.mtx",
        "d2features.tsv",
        "d2barcodes.csv.gz",
    ]
    views = [uploaded(name) for name in names]
    first, second = uploaded_batches(body(["d1", "d2"], study_type=3), study_type(3), views)
    found = [batch.files[role].upload_id for batch in (first, second) for role in ("matrix", "features", "barcodes")]
    assert found == [view.upload.id for view in views]
    assert (first.name, second.name) == ("d1", "d2")


def test_a_batch_name_with_a_separator_is_prefixed_to_the_files() -> None:
    views = [uploaded(f"x/y{name}") for name in ("matrix.mtx", "features.tsv", "barcodes.csv")]
    (batch,) = uploaded_batches(body(["x/y"]), study_type(3), views)
    assert batch.files["matrix"].upload_id == views[0].upload.id


def test_two_files_of_one_name_are_two_batches() -> None:
    views = [uploaded("a.h5ad"), uploaded("a.h5ad")]
    batches = uploaded_batches(body(["a.h5ad", "a.h5ad"]), study_type(2), views)
    assert [batch.files["matrix"].upload_id for batch in batches] == [view.upload.id for view in views]
    with pytest.raises(NotFoundError, match=r"a\.h5ad"):
        uploaded_batches(body(["a.h5ad"] * 3), study_type(2), views)


def test_a_batch_without_its_file_is_named() -> None:
    with pytest.raises(InvalidInputError, match="'features'"):
        stored_batches(body({"Batch_0": {"matrix": "m.mtx", "name": "d"}}), study_type(3), Key(bytes(12)))
    for empty in ({}, []):
        with pytest.raises(InvalidInputError, match="no batch"):
            stored_batches(body(empty), study_type(2), Key(bytes(12)))


@pytest.mark.parametrize("folder", ["", "..", "a/../b", "/etc", "a\\..\\b"])
def test_folder_ids_lead_nowhere_else(folder: str) -> None:
    with pytest.raises(InvalidInputError):
        check_folder(folder)


def test_folder_ids_may_have_a_slash() -> None:
    assert check_folder("0123abcd/custom_embeddings") == "0123abcd/custom_embeddings"


@pytest.mark.parametrize(
    ("spelled", "inside", "file", "expected"),
    [
        ("/data/lab", "", "/data/lab/run/a.h5ad", "run/a.h5ad"),
        ("/data/lab/run", "run", "/data/lab/run/a.h5ad", "run/a.h5ad"),
        ("/data/lab/run", "run", "a.h5ad", "run/a.h5ad"),
        ("lab", "", "lab/a.h5ad", "a.h5ad"),
        ("lab/run", "run", "lab/run/a.h5ad", "run/a.h5ad"),
        ("lab", "", "a.h5ad", "a.h5ad"),
    ],
)
def test_files_of_a_server_folder(spelled: str, inside: str, file: str, expected: str) -> None:
    assert ServerFolder(new_key(), inside, spelled).path(file) == expected


@pytest.mark.parametrize("file", ["/etc/passwd", "/data/labour/a.h5ad", "../a.h5ad", "/data/lab/../x"])
def test_files_outside_a_server_folder_are_refused(file: str) -> None:
    with pytest.raises(ForbiddenError, match="not in the shared folder"):
        ServerFolder(new_key(), "", "/data/lab").path(file)
