"""A full disk: a real one of two megabytes, mounted where nobody else sees it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cytosol.base.errors import OutOfSpaceError
from cytosol.base.settings import load_settings
from cytosol.store.local import FolderBlobStore
from cytosol.store.space import check_free
from tests.services import absent

SMALL_DISK = "mount -t tmpfs -o size=2m,mode=777 none {folder} && exec {python} {script} {folder}"
SCRIPT = """
import asyncio, os, sys
from pathlib import Path
from cytosol.base.errors import OutOfSpaceError
from cytosol.base.keys import new_key
from cytosol.store import uploads
from cytosol.store.local import FolderBlobStore
from cytosol.store.mounts import copy_down

root = Path(sys.argv[1])
store = FolderBlobStore(root / "store")
upload = new_key()
large = root.parent / "large"
large.write_bytes(bytes(4 << 20))

async def body(n):
    for _ in range(n):
        yield bytes(1 << 16)

async def refused(call):
    before = {info.path: info.size async for info in store.list("")}
    try:
        await call
    except OutOfSpaceError as error:
        assert error.details["setting"] == "min_free_bytes", error.details
    else:
        raise SystemExit("it was accepted")
    assert before == {info.path: info.size async for info in store.list("")}
    assert os.listdir(root / "store" / ".staging") == []

async def main():
    await store.put("kept", b"kept")
    await uploads.write_at(store, upload, 0, body(4), max_bytes=1 << 40)
    await refused(store.put("a", bytes(4 << 20)))
    await refused(store.put("kept", body(64)))
    await refused(store.put_file("f", large))
    await refused(uploads.write_chunk(store, upload, 0, body(64), max_bytes=1 << 40))
    await refused(uploads.write_at(store, upload, 4 << 16, body(64), max_bytes=1 << 40))
    assert await uploads.received(store, upload) == 4 << 16
    await refused(copy_down(body(64), 64 << 16, root / "fetched", None))
    assert sorted(os.listdir(root)) == ["store"]
    await store.put("half", bytes(1 << 20), durable=True)
    for n in range(2):
        await uploads.write_chunk(store, upload, n, body(4), max_bytes=1 << 40)
    await refused(uploads.assemble(store, upload, 2, "o/x"))
    assert await store.get("kept") == b"kept"
    await store.delete("half")
    assert (await uploads.assemble(store, upload, 2, "o/x")).size == 8 << 16
    print("done")

asyncio.run(main())
"""


def test_a_full_disk_is_named_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    script, folder = tmp_path / "script.py", tmp_path / "disk"
    script.write_text(SCRIPT)
    folder.mkdir()
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        absent("this machine allows no private mount, which the small disk needs: allow user namespaces, or be root")
    command = SMALL_DISK.format(folder=folder, python=sys.executable, script=script)
    ran = subprocess.run(
        ["unshare", "-rm", "sh", "-c", command], capture_output=True, text=True, check=False, timeout=60
    )
    assert (ran.returncode, ran.stdout) == (0, "done\n"), ran.stderr


async def test_check_free_keeps_the_reserve(tmp_path: Path) -> None:
    store = FolderBlobStore(tmp_path)
    free = await store.free_bytes()
    assert free is not None
    settings = load_settings(data=tmp_path, min_free_bytes=0)
    await check_free(store, settings, 1)
    with pytest.raises(OutOfSpaceError) as caught:
        await check_free(store, settings, free * 2)
    assert caught.value.details["setting"] == "min_free_bytes"
    with pytest.raises(OutOfSpaceError):
        await check_free(store, load_settings(data=tmp_path, min_free_bytes=free * 2), 0)
