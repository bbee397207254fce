"""Datasets for tests: small files uploaded and ingested, in this process instead of a worker's."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import scipy.sparse as sp

from cytosol.base.keys import Key
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.credentials import actor_again
from cytosol.catalog.datasets import DatasetView
from cytosol.catalog.studies import StudyFields
from cytosol.catalog.submissions import Batch, FileRef, NewStudy, Submission
from cytosol.jobs.frames import Channel, ChannelReport
from cytosol.jobs.kinds import DEFAULT_KINDS
from cytosol.jobs.registry import JobRun
from cytosol.model.rights import Actor
from cytosol.model.work import Job


async def pieces(data: bytes, size: int = 1 << 16) -> AsyncIterator[bytes]:
    """A body."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


def counts(n_cells: int = 60, n_features: int = 40, seed: int = 0) -> sp.csr_matrix:
    """Counts of two kinds of cells: shape (n_cells, n_features), the first cells express the first features."""
    rng = np.random.default_rng(seed)
    rate = np.full((n_cells, n_features), 0.3)
    half = n_cells // 2
    rate[:half, : n_features // 4] = 6
    rate[half:, n_features // 4 : n_features // 2] = 6
    return sp.csr_matrix(rng.poisson(rate).astype(np.float32))


def tsv(matrix: sp.csr_matrix, *, prefix: str = "CELL") -> bytes:
    """Genes × cells as text; the second gene is mitochondrial."""
    n_cells, n_features = matrix.shape
    genes = [f"GENE{number}" for number in range(n_features)]
    if n_features > 1:
        genes[1] = "MT-ND1"
    frame = pd.DataFrame(matrix.toarray().T.astype(int), index=genes, columns=barcodes(n_cells, prefix))
    return frame.to_csv(sep="\t").encode()


def barcodes(n_cells: int, prefix: str = "CELL") -> list[str]:
    """Names of cells."""
    return [f"{prefix}{number:04d}-1" for number in range(n_cells)]


def h5ad(
    matrix: sp.csr_matrix, *, obs: pd.DataFrame | None = None, var: pd.DataFrame | None = None, **slots: Any
) -> bytes:
    """The same as an AnnData file."""
    import anndata

    n_cells, n_features = matrix.shape
    obs = pd.DataFrame(index=barcodes(n_cells)) if obs is None else obs
    var = pd.DataFrame(index=[f"GENE{number}" for number in range(n_features)]) if var is None else var
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.h5ad"
        anndata.AnnData(matrix, obs=obs, var=var, **slots).write_h5ad(path)
        return path.read_bytes()


async def upload(catalog: Catalog, actor: Actor, name: str, data: bytes) -> Key:
    """A complete upload."""
    view = await catalog.uploads.create(actor, name=name, size=len(data))
    if data:
        await catalog.uploads.write_at(actor, upload_id=view.upload.id, offset=0, body=pieces(data))
    await catalog.uploads.complete(actor, upload_id=view.upload.id)
    return view.upload.id


async def submit(
    catalog: Catalog, actor: Actor, files: dict[str, bytes], study: Key | NewStudy | None = None, **what: Any
) -> tuple[Job, Key]:
    """One batch a file; the job and the dataset."""
    batches = []
    for name, data in files.items():
        batches.append(Batch(name, {"matrix": FileRef(upload_id=await upload(catalog, actor, name, data))}))
    if all(name.endswith(".tsv") for name in files):
        what.setdefault("options", {"orientation": "genes-by-cells"})
    target = study if study is not None else NewStudy(StudyFields(name="Blood"))
    job, dataset = await catalog.submissions.submit(actor, study=target, what=Submission(batches, **what))
    return job, dataset.id


async def run_here(
    catalog: Catalog, kinds: tuple[str, ...] = ("ingest", "analyse", "subset", "export", "collect")
) -> Job:
    """Lease the next job and run it in this process; raises what its function raises."""
    job = await catalog.leases.take("test:0:0", kinds)
    assert job is not None
    await run_leased(catalog, job)
    done = await catalog.leases.state(job.id)
    assert done is not None
    return done


async def run_leased(catalog: Catalog, job: Job) -> list[str]:
    """Run a job that is leased already; the lines that it logged."""
    ours, theirs = socket.socketpair()
    lines: list[str] = []

    def answer() -> None:
        ours.sendall(b"{}\n")
        with ours, ours.makefile("rb") as said:
            for line in said:
                frame = orjson.loads(line)
                if "log" in frame:
                    lines.append(frame["log"][2])
                if "flush" in frame:
                    ours.sendall(orjson.dumps({"ack": frame["flush"]}) + b"\n")
                if "stop" in frame:
                    return

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    channel = _QuietChannel(theirs)
    channel.first()
    async with catalog.context.db.read() as conn:
        actor = await actor_again(conn, job.actor)
    try:
        with catalog.context.scratch.folder(job.id, job.epoch) as scratch:
            run = JobRun(catalog, job, actor, ChannelReport(channel), scratch, 1 << 30, channel)
            await DEFAULT_KINDS.get(job.kind).function(run)
    finally:
        channel.send(stop=True)
        thread.join()
        channel.ended.wait(10)
        theirs.close()
    return lines


class _QuietChannel(Channel):
    """Does not kill the tests when the line closes."""

    def __init__(self, line: socket.socket) -> None:
        super().__init__(line)
        self.ended = threading.Event()

    def _listen(self) -> None:
        with self._file:
            for line in self._file:
                with self._answered:
                    self._last_ack = max(self._last_ack, orjson.loads(line).get("ack", 0))
                    self._answered.notify_all()
        self.ended.set()


@dataclass(frozen=True)
class Made:
    """A dataset that is ready."""

    id: Key
    study_id: Key
    view: DatasetView
    matrix: sp.csr_matrix
    job: Job


async def make_dataset(catalog: Catalog, actor: Actor, study: Key | None = None, **what: Any) -> Made:
    """A small dataset without embeddings, with an annotation 'type' and an embedding 'X_map'."""
    matrix = counts()
    n_cells = matrix.shape[0]
    obs = pd.DataFrame(
        {
            "type": pd.Categorical(["B", "T"] * (n_cells // 2), categories=["T", "B"]),
            "age": np.linspace(1, 2, n_cells),
        },
        index=barcodes(n_cells),
    )
    data = h5ad(matrix, obs=obs, obsm={"X_map": np.arange(2 * n_cells, dtype=np.float32).reshape(-1, 2)})
    _, dataset_id = await submit(catalog, actor, {"blood.h5ad": data}, study, embeddings="keep", **what)
    job = await run_here(catalog)
    view = await catalog.datasets.get(actor, dataset_id=dataset_id)
    return Made(dataset_id, view.dataset.study_id, view, matrix, job)


def folder_of(catalog: Catalog, *parts: str) -> Path:
    """A folder of the local store."""
    path = catalog.context.blobs.local_path("/".join(parts))
    assert path is not None
    return path
