"""Mounted storages: what can be seen and read, and that no path or link leads out."""

from __future__ import annotations

import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from cytosol.base.errors import ConflictError, ForbiddenError, InvalidInputError, LimitExceededError, NotFoundError
from cytosol.base.settings import Settings, load_settings
from cytosol.catalog.storages import listing_stamp, walk
from cytosol.store.mounts import copy_down
from cytosol.store.storages import Storage, open_storage
from tests.conformance.store import BrokenLineError, pieces
from tests.services import S3Server
from tests.store.test_s3 import bucket_of

MIB = 1 << 20
SECRET = b"the server's own bytes"
FILES = {
    "run1/matrix.mtx.gz": os.urandom(3 * MIB + 5),
    "run1/Gewebe Größe/features.tsv": b"gene\n",
    "run2/50%.txt": b"half",
    "b.txt": b"b",
    "A.txt": b"aa",
    "empty": b"",
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "cytosol.db").write_bytes(SECRET)
    return load_settings(data=tmp_path / "data")


@pytest.fixture
def mount(tmp_path: Path) -> Path:
    root = tmp_path / "mount"
    for path, data in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    (tmp_path / "mount-beside").mkdir()
    (tmp_path / "mount-beside" / "x").write_bytes(SECRET)
    (tmp_path / "secret").write_bytes(SECRET)
    return root


@pytest.fixture(params=["folder", "s3"])
async def storage(request: pytest.FixtureRequest, settings: Settings) -> Storage:
    if request.param == "folder":
        return open_storage("folder", {"path": str(request.getfixturevalue("mount"))}, settings)
    from cytosol.store.s3 import S3BlobStore

    server: S3Server = request.getfixturevalue("s3_server")
    bucket = bucket_of(server)
    outside = S3BlobStore(bucket)
    await outside.put("secret", SECRET)
    await outside.put("mount-beside/x", SECRET)
    for path, data in FILES.items():
        await outside.put(f"mount/{path}", data)
    location = {
        "url": f"s3://{bucket.name}/{bucket.prefix}/mount", "endpoint": server.endpoint,
        "access_key": server.access_key, "secret_key": server.secret_key,
    }  # fmt: skip
    return open_storage("s3", location, settings)


async def test_listing(storage: Storage) -> None:
    root = await storage.list("")
    assert [(entry.name, entry.is_folder, entry.size) for entry in root] == [
        ("run1", True, 0), ("run2", True, 0), ("A.txt", False, 2), ("b.txt", False, 1), ("empty", False, 0),
    ]  # fmt: skip
    assert [entry.name for entry in await storage.list("run1")] == ["Gewebe Größe", "matrix.mtx.gz"]
    assert [entry.name for entry in await storage.list("run1/Gewebe Größe")] == ["features.tsv"]
    assert all(entry.etag and entry.modified_us for entry in root if not entry.is_folder)
    for path in ("nothing", "run1/nothing"):
        with pytest.raises(NotFoundError):
            await storage.list(path)


async def test_stat_and_exists(storage: Storage) -> None:
    entry = await storage.stat("run1/matrix.mtx.gz")
    assert entry is not None
    assert entry == (await storage.list("run1"))[1]
    folder = await storage.stat("run1")
    assert folder is not None
    assert folder.is_folder
    assert await storage.exists("")
    assert await storage.exists("run2/50%.txt")
    assert not await storage.exists("run2/50%25.txt")
    assert await storage.stat("run") is None
    assert await storage.stat("b.txt/x") is None


async def test_reading_in_place(storage: Storage) -> None:
    for path, data in FILES.items():
        source = storage.source(path)
        assert (source.name, source.size) == (path, len(data))
        with source.open() as file:
            assert file.read() == data
    for path in ("", "run1", "nothing"):
        with pytest.raises(NotFoundError):
            storage.source(path)


async def test_fetch_reports_its_progress(storage: Storage, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    path = "run1/matrix.mtx.gz"
    entry = await storage.fetch(path, tmp_path / "copy", lambda done, total: told.append((done, total)))
    assert (tmp_path / "copy").read_bytes() == FILES[path]
    assert entry.name == "matrix.mtx.gz"
    assert told[-1] == (len(FILES[path]), len(FILES[path]))
    assert 0 < told[0][0] < len(FILES[path])
    assert told == sorted(told)
    await storage.fetch("empty", tmp_path / "empty")
    assert (tmp_path / "empty").read_bytes() == b""
    with pytest.raises(NotFoundError):
        await storage.fetch("nothing", tmp_path / "nothing")
    assert sorted(os.listdir(tmp_path)) == sorted({*os.listdir(tmp_path)} - {"nothing", "nothing.part", "copy.part"})


async def test_a_folder_is_walked_and_its_files_are_placed(storage: Storage, tmp_path: Path) -> None:
    target = tmp_path / "placed"
    for path, entry in await walk(storage, "run1", most=100):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        assert (await storage.place(f"run1/{path}", target / path)).size == entry.size
    found = {f"run1/{path.relative_to(target)}": path.read_bytes() for path in target.rglob("*") if path.is_file()}
    assert found == {path: data for path, data in FILES.items() if path.startswith("run1/")}
    everything = await walk(storage, "", most=100)
    assert [path for path, _ in everything] == sorted(FILES)
    assert (
        listing_stamp(everything) == listing_stamp(await walk(storage, "", most=100)) != listing_stamp(everything[1:])
    )
    with pytest.raises(LimitExceededError, match="max_archive_paths"):
        await walk(storage, "", most=2)
    with pytest.raises(NotFoundError):
        await storage.place("nothing", tmp_path / "nothing")


@pytest.mark.parametrize(
    "path",
    ["..", "../secret", "run1/../../secret", "run1/..", "/etc/passwd", "/", "//", "run1//matrix.mtx.gz", ".", "./b.txt",
     "..\\secret", "b.txt\x00", "b.txt\n", "run1/", "\ud800"],
)  # fmt: skip
async def test_paths_that_leave_are_refused(storage: Storage, path: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError):
        await storage.list(path)
    with pytest.raises(InvalidInputError):
        await storage.stat(path)
    with pytest.raises(InvalidInputError):
        storage.source(path)
    with pytest.raises(InvalidInputError):
        await storage.fetch(path, tmp_path / "copy")
    with pytest.raises(InvalidInputError):
        await storage.place(path, tmp_path / "copy")


@pytest.mark.parametrize(
    "path",
    ["%2e%2e/secret", "..%2fsecret", "%2e%2e%2fsecret", "..%5csecret", "%252e%252e/secret", "\uff0e\uff0e/secret",
     "\u2024\u2024/secret", "..\u2215secret", "..\uff0fsecret", "\u202e../secret", ".. /secret", "...", "....//secret",
     "~/secret", "~root", "file:secret", "mount-beside", "b.txt%00", "B.TXT"],
)  # fmt: skip
async def test_tricks_are_plain_names_that_do_not_exist(storage: Storage, path: str) -> None:
    with pytest.raises((NotFoundError, InvalidInputError)):
        storage.source(path)


async def test_links_inside_work_and_links_out_do_not(mount: Path, tmp_path: Path, settings: Settings) -> None:
    storage = open_storage("folder", {"path": str(mount)}, settings)
    (mount / "inside").symlink_to("run1")
    (mount / "out").symlink_to(tmp_path / "secret")
    (mount / "out-relative").symlink_to("../secret")
    (mount / "out-folder").symlink_to("..")
    (mount / "out-beside").symlink_to(tmp_path / "mount-beside")
    (mount / "out-absent").symlink_to(tmp_path / "there-is-none")
    (mount / "loop").symlink_to("loop")
    (mount / "chain").symlink_to("out-folder/secret")
    with storage.source("inside/matrix.mtx.gz").open() as file:
        assert file.read() == FILES["run1/matrix.mtx.gz"]
    shown = {entry.name for entry in await storage.list("")}
    assert shown == {"run1", "run2", "A.txt", "b.txt", "empty", "inside"}
    for path in ("out", "out-relative", "out-folder", "out-folder/secret", "out-beside/x", "out-absent", "chain",
                 "out-folder/there-is-none"):  # fmt: skip
        with pytest.raises(ForbiddenError, match="leads out"):
            storage.source(path)
        with pytest.raises(ForbiddenError, match="leads out"):
            await storage.list(path)
    with pytest.raises(Exception, match="storage"):
        storage.source("loop")


async def test_a_file_swapped_for_a_link_after_it_was_found_is_not_read(
    mount: Path, tmp_path: Path, settings: Settings
) -> None:
    source = open_storage("folder", {"path": str(mount)}, settings).source("b.txt")
    (mount / "b.txt").unlink()
    (mount / "b.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(ForbiddenError):
        source.open()


async def test_the_servers_own_data_cannot_be_reached(tmp_path: Path, settings: Settings) -> None:
    for path in (settings.data, settings.data / "logs"):
        path.mkdir(exist_ok=True)
        with pytest.raises(ForbiddenError, match="own data"):
            open_storage("folder", {"path": str(path)}, settings)
    above = open_storage("folder", {"path": str(tmp_path)}, settings)
    assert "data" not in {entry.name for entry in await above.list("")}
    for path in ("data", "data/cytosol.db"):
        with pytest.raises(ForbiddenError):
            above.source(path)


async def test_what_is_no_file_is_not_shown(mount: Path, settings: Settings) -> None:
    storage = open_storage("folder", {"path": str(mount)}, settings)
    os.mkfifo(mount / "pipe")
    (mount / "bad\nname").write_bytes(b"1")
    (mount / "back\\slash").write_bytes(b"1")
    with open(os.fsencode(mount) + b"/\xff", "wb") as file:
        file.write(b"1")
    assert {entry.name for entry in await storage.list("")} == {"run1", "run2", "A.txt", "b.txt", "empty"}
    with pytest.raises(NotFoundError):
        storage.source("pipe")


async def test_h5py_on_a_storage(storage: Storage, mount: Path, settings: Settings) -> None:
    with h5py.File(mount / "x.h5", "w") as file:
        file["x"] = np.arange(100_000)
    source = open_storage("folder", {"path": str(mount)}, settings).source("x.h5")
    with source.open() as raw, h5py.File(raw) as file:
        assert file["x"][5000] == 5000


@pytest.mark.parametrize(
    ("kind", "location", "error"),
    [
        ("folder", {}, InvalidInputError),
        ("folder", {"path": "relative"}, InvalidInputError),
        ("folder", {"path": 5}, InvalidInputError),
        ("folder", {"path": "/there/is/none"}, NotFoundError),
        ("folder", {"path": "/etc/passwd"}, InvalidInputError),
        ("s3", {}, InvalidInputError),
        ("s3", {"url": "http://x/y"}, InvalidInputError),
        ("s3", {"bucket": "b", "prefix": "../x"}, InvalidInputError),
        ("ftp", {"path": "/"}, InvalidInputError),
    ],
)
def test_locations_that_cannot_be_mounted(
    settings: Settings, kind: str, location: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        open_storage(kind, location, settings)  # type: ignore[arg-type]


async def test_without_keys_a_bucket_is_asked_anonymously(s3_server: S3Server, settings: Settings) -> None:
    storage = open_storage("s3", {"bucket": s3_server.bucket, "endpoint": s3_server.endpoint}, settings)
    with pytest.raises(ForbiddenError):
        await storage.list("")


@pytest.mark.parametrize(("fail", "size", "error"), [(True, 10, BrokenLineError), (False, 11, ConflictError)])
async def test_a_broken_copy_leaves_what_was_there(
    tmp_path: Path, fail: bool, size: int, error: type[Exception]
) -> None:
    (tmp_path / "x").write_bytes(b"before")
    with pytest.raises(error):
        await copy_down(pieces(b"0123456789", 3, fail=fail), size, tmp_path / "x", None)
    assert os.listdir(tmp_path) == ["x"]
    assert (tmp_path / "x").read_bytes() == b"before"
