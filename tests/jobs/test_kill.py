"""A server that is killed in the middle of its work, at twenty random moments, leaves nothing half-made."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import orjson
import psutil
import pytest

from cytosol.base.settings import load_settings
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.jobs import ENDED
from cytosol.jobs.signals import Signals
from cytosol.model.rights import SYSTEM
from cytosol.model.work import Job
from tests.catalog.making import counts, folder_of, h5ad, submit
from tests.catalog.people import People

KILLS = 20
START_S = 60.0
ZYGOTE = Path(__file__).with_name("zygote.py")
PARAMETERS = {"n_components": 10}


class Zygote:
    """A process that has loaded everything and starts servers by forking, so that each starts at once."""

    def __init__(self, data: Path) -> None:
        root = Path(__file__).parents[2]
        self._line, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, str(ZYGOTE), str(theirs.fileno()), str(data)],
                pass_fds=(theirs.fileno(),),
                cwd=root,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )
        self._file = self._line.makefile("rb")
        self._line.settimeout(START_S)

    def server(self) -> int:
        """Start a server; its process id, once it has taken over and begins to run jobs."""
        self._line.sendall(b"start\n")
        return int(orjson.loads(self._file.readline())["ready"])

    def close(self) -> None:
        """End it and what it started."""
        self._file.close()
        self._line.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def family(pid: int) -> list[psutil.Process]:
    """A server and everything below it."""
    server = psutil.Process(pid)
    return [server, *server.children(recursive=True)]


def is_gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def wait_gone(processes: list[psutil.Process]) -> None:
    end = time.monotonic() + 60
    while not all(map(is_gone, processes)):
        assert time.monotonic() < end, [process for process in processes if not is_gone(process)]
        await asyncio.sleep(0.01)


async def all_jobs(catalog: Catalog) -> list[Job]:
    return [view.job for view in (await catalog.jobs.list(SYSTEM, limit=500)).items]


async def check(catalog: Catalog, people: People, expected: np.ndarray) -> None:
    """What holds at any moment: every dataset is whole or absent."""
    for job in await all_jobs(catalog):
        if job.kind != "ingest":
            continue
        study_id, dataset_id = job.study_id, job.dataset_id
        assert study_id is not None
        assert dataset_id is not None
        if job.state == "succeeded":
            pinned = await catalog.tables.pin(people.ada, dataset_id=dataset_id)
            values = await catalog.tables.values(pinned, features=[1], unit="raw")
            assert values.dense is not None
            np.testing.assert_array_equal(values.dense[0], expected)
            assert {element.name for element in pinned.part.embeddings} >= {"X_pca", "X_umap"}
            assert (await catalog.jobs.log(SYSTEM, job_id=job.id))[-1].text == "DONE !!!"
            continue
        visible = (await catalog.datasets.list(SYSTEM, study_id=study_id)).items if job.state != "failed" else []
        assert all(view.dataset.data_version == 0 and not view.tables for view in visible)
        if job.state == "failed":
            assert job.error is not None
            assert job.error["detail"] == "The server stopped while this job ran."
            assert job.attempt == 2
            assert not folder_of(catalog, "datasets", dataset_id.hex24).exists()
            assert not folder_of(catalog, "index", dataset_id.hex24).exists()


def leftovers(catalog: Catalog, jobs: list[Job]) -> list[str]:
    """What lies in the store and in scratch and belongs to no finished dataset."""
    finished = {job.dataset_id.hex24 for job in jobs if job.state == "succeeded" and job.dataset_id}
    found = [
        str(path)
        for prefix in ("datasets", "index")
        if folder_of(catalog, prefix).exists()
        for path in folder_of(catalog, prefix).iterdir()
        if path.name not in finished
    ]
    store = folder_of(catalog, "uploads").parent
    for root in (catalog.context.scratch.root, store / "uploads", store / ".staging"):
        found += [str(path) for path in root.rglob("*")] if root.exists() else []
    return found


async def finish(catalog: Catalog) -> None:
    """Wait until no job waits or runs."""
    end = time.monotonic() + 120
    while any(job.state not in ENDED for job in await all_jobs(catalog)) and time.monotonic() < end:
        await asyncio.sleep(0.02)


async def undisturbed(catalog: Catalog, people: People, zygote: Zygote, file: bytes) -> float:
    """How long a job takes that nobody kills, seconds."""
    await submit(catalog, people.ada, {"a.h5ad": file}, parameters=PARAMETERS)
    server = await asyncio.to_thread(zygote.server)
    begun = time.monotonic()
    await finish(catalog)
    took = time.monotonic() - begun
    processes = family(server)
    os.kill(server, signal.SIGKILL)
    await wait_gone(processes)
    return took


@pytest.mark.slow
async def test_twenty_kills_at_random_moments(tmp_path: Path) -> None:
    data = tmp_path / "data"
    catalog = await Catalog.open(load_settings(data=data, min_free_bytes=0), notifier=Signals())
    people = await People.come(catalog)
    matrix = counts(300, 200)
    file = h5ad(matrix)
    expected = matrix.toarray()[:, 1]
    chance = random.Random(20)
    zygote = Zygote(data)
    killed_while: list[str] = []
    try:
        longest_s = await undisturbed(catalog, people, zygote, file)
        for _ in range(KILLS):
            if not any(job.state not in ENDED for job in await all_jobs(catalog)):
                await submit(catalog, people.ada, {"a.h5ad": file}, parameters=PARAMETERS)
            server = await asyncio.to_thread(zygote.server)
            await check(catalog, people, expected)
            moment = chance.uniform(0, longest_s)
            await asyncio.sleep(moment)
            processes = family(server)
            os.kill(server, signal.SIGKILL)
            await wait_gone(processes)
            states = {job.state: job.step for job in await all_jobs(catalog)}
            killed_while.append(states.get("running", "nothing ran"))
            # the machine may be busier or calmer than when nobody killed: kills go on to fall within the work
            if states.keys() <= set(ENDED):
                longest_s = moment
            elif moment > 0.8 * longest_s:
                longest_s *= 1.25
            await check(catalog, people, expected)
        server = await asyncio.to_thread(zygote.server)
        await finish(catalog)
        await asyncio.sleep(0.3)
        jobs = await all_jobs(catalog)
        await check(catalog, people, expected)
        assert {job.state for job in jobs} <= {"succeeded", "failed"}
        assert leftovers(catalog, jobs) == []
        processes = family(server)
        os.kill(server, signal.SIGKILL)
        await wait_gone(processes)
        assert sum(state != "nothing ran" for state in killed_while) >= KILLS // 3, killed_while
        assert len(set(killed_while)) >= 3, killed_while
        assert await catalog.care.check(SYSTEM, deep=True) == []
    finally:
        zygote.close()
        await catalog.close()
