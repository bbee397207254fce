"""Backup while the server runs, destruction, restoration elsewhere: every byte and every row comes back."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from importlib.resources import files
from pathlib import Path

import pandas as pd
import pytest

import cytosol
from tests.processes import RunningServer, command, server, serving

__all__ = ["server"]
H5AD = Path(str(files("cytosol") / "demo_data" / "pbmc68k_reduced.h5ad"))
_PASSING = ("sessions", "tokens")
"""Rows that commands of this test add after the backup."""


def bytes_of(folder: Path) -> dict[str, str]:
    """The digest of every stored file, by path."""
    store = folder / "store"
    kept = ("originals", "datasets", "index")
    return {
        str(path.relative_to(store)): hashlib.sha256(path.read_bytes()).hexdigest()
        for top in kept
        for path in sorted((store / top).rglob("*"))
        if path.is_file()
    }


def rows_of(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table that does not pass."""
    with sqlite3.connect(f"file:{folder / 'cytosol.db'}?mode=ro", uri=True) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: sorted(db.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr)
            for name in names
            if name not in _PASSING
        }


def ingest(running: RunningServer) -> str:
    with cytosol.Client(running.url, running.token) as client:
        study = client.create_study("Kept")
        job = study.submit(H5AD, matrix="normalized", embeddings="keep", progress=False).wait(progress=False)
        dataset = client.dataset(job.dataset_id)
        barcodes = dataset.table().barcodes()
        dataset.table().annotate("Picked", pd.Series("yes", index=barcodes[:10]))
        return str(dataset.id)


def test_backup_destroy_restore(tmp_path: Path) -> None:
    data, saved, elsewhere = tmp_path / "data", tmp_path / "saved", tmp_path / "elsewhere"
    with serving(data) as running:
        dataset_id = ingest(running)
        token = running.token
        with cytosol.Client(running.url, token) as client:
            before = client.dataset(dataset_id).table().obs()
        running.command("backup", str(saved))
        running.stop()
    rows, stored = rows_of(data), bytes_of(data)
    assert len(stored) > 20
    shutil.rmtree(data)

    command("restore", str(saved), data=elsewhere)
    assert bytes_of(elsewhere) == stored
    restored = rows_of(elsewhere)
    assert restored.keys() == rows.keys()
    changed = {name for name in rows if restored[name] != rows[name]}
    assert changed <= {"counters", "audit", "events"}, changed
    command("check", "--deep", data=elsewhere)

    with serving(elsewhere, with_user=False) as running, cytosol.Client(running.url, token) as client:
        after = client.dataset(dataset_id).table().obs()
        assert after.equals(before)
        assert client.study("Kept").name == "Kept"


def test_restore_refuses_a_folder_in_use(server: RunningServer, tmp_path: Path) -> None:
    server.command("backup", str(tmp_path / "saved"))
    with pytest.raises(AssertionError, match="server runs on this data folder"):
        server.command("restore", str(tmp_path / "saved"))


def test_a_damaged_backup_is_refused(server: RunningServer, tmp_path: Path) -> None:
    ingest(server)
    saved = tmp_path / "saved"
    server.command("backup", str(saved))
    victim = max((path for path in saved.rglob("*") if path.is_file() and "originals" in path.parts), key=str)
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    with pytest.raises(AssertionError, match=victim.name):
        command("restore", str(saved), data=tmp_path / "elsewhere")


def test_check_mends_a_lost_index_and_du_and_logs(server: RunningServer) -> None:
    with cytosol.Client(server.url, server.token) as client:
        study = client.create_study("Weighed")
        job = study.submit(H5AD, matrix="normalized", embeddings="keep", progress=False).wait(progress=False)
        values = client.dataset(job.dataset_id).table().values(["CD3E"])
        weights = {row["study"]: row for row in json.loads(server.command("du", "--json"))}
        assert weights["Weighed"]["originals"] == H5AD.stat().st_size
        assert weights["Weighed"]["datasets"] > 0
        log = server.command("logs", str(job.serial))
        assert "Waiting in queue" in log
        assert log.rstrip().endswith("DONE !!!")
        for index in (server.data / "store" / "index").rglob("*.cyi"):
            index.unlink()
        assert "mended" in server.command("check")
        assert client.dataset(job.dataset_id).table().values(["CD3E"]).equals(values)
