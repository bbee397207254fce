"""The runner: cancel, lost workers, memory, stopping and going on; with real workers and with a stand-in executor."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from cytosol.base.errors import LimitExceededError, NotFoundError
from cytosol.base.keys import new_key
from cytosol.base.settings import load_settings
from cytosol.base.times import now_us
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.commit import CommittedResult, commit_result
from cytosol.catalog.layouts import dataset_path
from cytosol.catalog.writing import Writing
from cytosol.db import rows, tables
from cytosol.jobs.executor import Executor, Exit, Frame, Task, Worker
from cytosol.jobs.pipeline import LOUVAIN
from cytosol.jobs.registry import JobKind, JobRegistry
from cytosol.jobs.signals import Signals
from cytosol.model.work import Job
from cytosol.store.originals import original_path
from tests.catalog.making import counts, folder_of, h5ad, submit, tsv
from tests.catalog.people import People, id_of
from tests.jobs.house import House, open_house

SMALL = tsv(counts(40, 30))


def nurseries() -> list[psutil.Process]:
    """Fork servers of this test; services of other tests are children of this process, too."""
    return [child for child in psutil.Process().children() if "cytosol.jobs.nursery" in " ".join(child.cmdline())]


def workers() -> list[psutil.Process]:
    """Processes that the nurseries of this test have forked."""
    return [child for nursery in nurseries() for child in nursery.children()]


async def gone(processes: list[psutil.Process]) -> None:
    end = time.monotonic() + 60
    while any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes):
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


def large() -> bytes:
    """A file whose ingest takes a few seconds."""
    return h5ad(counts(3000, 1500))


def leftovers(house: House) -> list[Path]:
    """Files of datasets, indexes and scratch."""
    folders = [
        folder_of(house.catalog, "datasets"),
        folder_of(house.catalog, "index"),
        house.catalog.context.scratch.root,
    ]
    return [path for folder in folders if folder.exists() for path in folder.rglob("*") if path.is_file()]


async def test_real_workers_cancel_lose_stop_and_go_on(tmp_path: Path) -> None:
    data = large()
    async with open_house(tmp_path / "data") as house:
        job, dataset_id = await submit(house.catalog, house.people.ada, {"a.h5ad": data})
        await house.until(job.id, lambda now: now.state == "running" and now.step)
        running = workers()
        assert len(running) == 1
        asked = time.monotonic()
        await house.catalog.jobs.cancel(house.people.ada, job_id=job.id)
        ended = await house.ended(job.id)
        assert ended.state == "cancelled"
        assert time.monotonic() - asked < 20
        await gone(running)
        assert leftovers(house) == []
        with pytest.raises(NotFoundError):
            await house.catalog.datasets.get(house.people.ada, dataset_id=dataset_id)
        assert (await house.log(job.id))[-1] == "Cancelled"

        await house.catalog.jobs.retry(house.people.ada, job_id=job.id)
        await house.until(job.id, lambda now: now.state == "running" and now.step)
        for worker in workers():
            os.kill(worker.pid, signal.SIGKILL)
        again = await house.until(job.id, lambda now: now.attempt == 2 and now.state == "running" and now.step)
        assert again.epoch == ended.epoch + 2
        assert any("signal 9" in line and line.endswith("Starting again") for line in await house.log(job.id))
        people = house.people
        last = workers()
    await gone(last)
    assert nurseries() == []
    async with open_house(tmp_path / "data", people=people) as house:
        ended = await house.ended(job.id)
        assert (ended.state, ended.attempt) == ("succeeded", 2)
        lines = await house.log(job.id)
        assert "The server was stopped; starting again later" in lines
        assert lines[-1] == "DONE !!!"
        assert (await house.catalog.datasets.get(people.ada, dataset_id=dataset_id)).n_cells == 3000
        assert [e.seq for e in await house.catalog.jobs.log(people.ada, job_id=job.id)] == list(
            range(1, len(lines) + 1)
        )


async def test_a_nursery_that_died_is_started_again(tmp_path: Path) -> None:
    async with open_house(tmp_path / "data") as house:
        job, _ = await submit(house.catalog, house.people.ada, {"a.tsv": SMALL}, embeddings="keep")
        assert (await house.ended(job.id)).state == "succeeded"
        for nursery in nurseries():
            nursery.kill()
        job, _ = await submit(house.catalog, house.people.ada, {"a.tsv": SMALL}, embeddings="keep")
        assert (await house.ended(job.id)).state == "succeeded"


async def test_a_job_too_large_is_stopped_with_the_setting_to_raise(tmp_path: Path) -> None:
    async with open_house(tmp_path / "data", job_memory_bytes=256 << 20) as house:
        many = {"n_genes": 5000, "tsne": False}
        job, _ = await submit(house.catalog, house.people.ada, {"a.tsv": SMALL}, parameters=many)
        ended = await house.ended(job.id)
        assert (ended.state, ended.attempt) == ("failed", 1)
        assert ended.error is not None
        assert "job_memory_bytes" in ended.error["detail"]
        assert ended.error["code"] == LimitExceededError.code
        assert LOUVAIN not in str(ended.result)


class _Script(Worker):
    """A worker that says what it was told to."""

    def __init__(self, frames: list[Frame], exit: Exit, memory: int) -> None:
        self._frames, self._exit, self._memory = frames, exit, memory
        self._killed = asyncio.Event()
        self.told: list[Frame] = []

    async def frames(self) -> AsyncIterator[Frame]:
        for frame in self._frames:
            if "hold" in frame:
                await frame["hold"].wait()
                continue
            if "sleep" in frame:
                try:
                    await asyncio.wait_for(self._killed.wait(), frame["sleep"])
                except TimeoutError:
                    continue
                return
            yield frame

    async def tell(self, frame: Frame) -> None:
        self.told.append(frame)

    async def kill(self) -> None:
        self._exit = Exit(None, 9)
        self._killed.set()

    async def wait(self) -> Exit:
        return self._exit

    def memory_bytes(self) -> int | None:
        return self._memory


class _Stage(Executor):
    """An executor whose workers follow scripts, one after another."""

    def __init__(self, *scripts: Callable[[], _Script]) -> None:
        self.scripts = list(scripts)
        self.tasks: list[Task] = []
        self.played: list[_Script] = []

    async def start(self) -> None:
        pass

    async def launch(self, task: Task) -> Worker:
        self.tasks.append(task)
        self.played.append(self.scripts.pop(0)())
        return self.played[-1]

    async def close(self) -> None:
        pass


def script(*frames: dict[str, Any], code: int = 0, memory: int = 0) -> Callable[[], _Script]:
    return lambda: _Script(list(frames), Exit(code, None), memory)


ERROR = {"code": "unreadable-file", "detail": "The file is damaged.", "details": {}}


async def test_what_a_worker_says_is_written_down_in_order(tmp_path: Path) -> None:
    said = [{"log": [now_us(), "info", f"line {n}"]} for n in range(50)]
    stage = _Stage(
        script(*said, {"progress": 0.5, "step": "half"}, {"flush": 1}, {"sleep": 0.5}, {"end": "error", "error": ERROR})
    )
    async with open_house(tmp_path / "data", executor=stage) as house:
        job, _ = await submit(house.catalog, house.people.ada, {"a.tsv": SMALL})
        ended = await house.ended(job.id)
        assert await house.log(job.id) == [
            "Waiting in queue",
            *(f"line {n}" for n in range(50)),
            "The file is damaged.",
        ]
        assert (ended.state, ended.error, ended.progress, ended.step) == ("failed", ERROR, 0.5, "half")
        assert stage.played[0].told == [{"ack": 1}]
        assert (stage.tasks[0].job_id, stage.tasks[0].epoch) == (job.id, 1)
        types = [event.type for event in await house.catalog.events.after(house.people.ada, last_id=0)]
        assert {"job.changed", "job.log", "dataset.changed"} <= set(types)


async def test_what_is_being_written_down_when_a_worker_ends_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = [{"log": [now_us(), "info", f"line {n}"]} for n in range(3)]
    stage = _Stage(script(*said, {"sleep": 1}, {"end": "error", "error": ERROR}))
    async with open_house(tmp_path / "data", executor=stage) as house:
        note = house.catalog.leases.note

        async def slow_note(job: Job, **said: Any) -> bool:
            await asyncio.sleep(2)
            return await note(job, **said)

        monkeypatch.setattr(house.catalog.leases, "note", slow_note)
        job, _ = await submit(house.catalog, house.people.ada, {"a.tsv": SMALL})
        await house.ended(job.id)
        assert (await house.log(job.id))[1:] == ["line 0", "line 1", "line 2", "The file is damaged."]


async def test_memory_beyond_the_limit_ends_a_job(tmp_path: Path) -> None:
    stage = _Stage(script({"sleep": 30}, memory=10 << 30))
    async with open_house(tmp_path / "data", executor=stage) as house:
        job, _ = await submit(house.catalog, house.people.ada, {"a.tsv": SMALL})
        ended = await house.ended(job.id, timeout_s=60)
        assert ended.state == "failed"
        assert ended.error is not None
        assert "more memory than the 2 GiB" in ended.error["detail"]
        assert "job_memory_bytes" in ended.error["detail"]


async def test_lost_workers_are_replaced_as_often_as_allowed(tmp_path: Path) -> None:
    stage = _Stage(script(code=1), script(code=3))
    async with open_house(tmp_path / "data", executor=stage) as house:
        job, _ = await submit(house.catalog, house.people.ada, {"a.tsv": SMALL})
        ended = await house.ended(job.id, timeout_s=60)
        assert (ended.state, ended.attempt) == ("failed", 2)
        assert ended.error is not None
        assert ended.error["detail"] == "The process that ran this job ended without a result (exit code 3)."


async def test_an_error_of_ours_is_logged_and_not_repeated(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ours = {"code": "internal-error", "detail": "Cytosol met an error of its own.", "details": {}}
    stage = _Stage(script({"end": "error", "error": ours, "again": False, "trace": "Traceback: boom"}))
    async with open_house(tmp_path / "data", executor=stage) as house:
        job, _ = await submit(house.catalog, house.people.ada, {"a.tsv": SMALL})
        assert (await house.ended(job.id, timeout_s=60)).attempt == 1
    assert "boom" in caplog.text


async def test_jobs_wait_their_turn(tmp_path: Path) -> None:
    go_on = asyncio.Event()
    stage = _Stage(*[script({"hold": go_on}, {"end": "error", "error": ERROR}) for _ in range(4)])
    async with open_house(tmp_path / "data", executor=stage, workers=1) as house:
        jobs = [(await submit(house.catalog, house.people.ada, {"a.tsv": SMALL}))[0] for _ in range(4)]
        await house.until(jobs[0].id, lambda now: now.state == "running")
        places = [(await house.catalog.jobs.get(house.people.ada, job_id=job.id)).queue_position for job in jobs]
        assert places == [None, 1, 2, 3]
        go_on.set()
        for job in jobs:
            await house.ended(job.id)
        assert [task.job_id for task in stage.tasks] == [job.id for job in jobs]
        assert house.runner.n_running == 0


async def test_a_disabled_account_stops_its_jobs(tmp_path: Path) -> None:
    async with open_house(tmp_path / "data", workers=1) as house:
        async with house.catalog.context.db.write() as conn:
            await rows.update(conn, tables.users, {"id": id_of(house.people.bob)}, {"disabled_at": now_us()})
        job, _ = await submit(house.catalog, house.people.bob, {"a.tsv": SMALL})
        ended = await house.ended(job.id)
        assert ended.state == "failed"
        assert ended.error is not None
        assert "disabled" in ended.error["detail"]


async def test_what_a_dead_server_left_is_taken_over(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path / "data", min_free_bytes=0)
    catalog = await Catalog.open(settings, notifier=Signals())
    people = await People.come(catalog)
    made = [await submit(catalog, people.ada, {"a.tsv": SMALL}, embeddings="keep") for _ in range(3)]
    first, second, third = [await catalog.leases.take("elsewhere:1:x", ["ingest"]) for _ in range(3)]
    assert first is not None
    assert second is not None
    assert third is not None
    async with catalog.context.db.write() as conn:
        await rows.update(conn, tables.jobs, {"id": second.id}, {"attempt": 2})
    await catalog.jobs.cancel(people.ada, job_id=third.id)
    half = folder_of(catalog, "datasets", made[0][1].hex24, "tables")
    half.mkdir(parents=True)
    (half / "half-made").write_bytes(b"x")
    scratch = settings.data / "scratch" / f"{first.id.hex24}-1"
    scratch.mkdir(parents=True)
    await catalog.close()
    async with open_house(tmp_path / "data", people=people) as house:
        assert (await house.ended(first.id)).state == "succeeded"
        failed = await house.ended(second.id)
        assert failed.error is not None
        assert (failed.state, failed.error["detail"]) == ("failed", "The server stopped while this job ran.")
        assert (await house.ended(third.id)).state == "cancelled"
        assert not scratch.exists()
        assert not (half / "half-made").exists()
        with pytest.raises(Exception, match="another worker"):
            await commit_result(house.catalog.context, second.id, second.epoch, CommittedResult())


@pytest.mark.parametrize("n_steps", range(5))
async def test_who_is_cancelled_while_being_woken_ends(n_steps: int) -> None:
    signals = Signals()

    async def serve() -> None:
        while True:
            await signals.wait_jobs(60)

    task = asyncio.create_task(serve())
    for _ in range(3):
        await asyncio.sleep(0)
    signals.jobs_waiting()
    for _ in range(n_steps):
        await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=10)
    assert done


async def test_signals_wake_those_who_wait() -> None:
    signals = Signals()
    signals.jobs_waiting()
    await asyncio.wait_for(signals.wait_jobs(60), 10)
    waiting = asyncio.create_task(signals.wait_events(60))
    await asyncio.sleep(0)
    signals.events_stored()
    assert await asyncio.wait_for(waiting, 10)
    assert not await signals.wait_events(0.01)


async def test_a_start_removes_what_a_server_that_died_never_recorded(tmp_path: Path) -> None:
    catalog = await Catalog.open(load_settings(data=tmp_path / "data", min_free_bytes=0), notifier=Signals())
    blobs, writing = catalog.context.blobs, Writing(catalog.context)
    lost = [original_path(new_key()), f"{dataset_path(new_key())}/zarr.json"]
    for path in lost:
        await writing.begin("/".join(path.split("/")[:2]))
        await blobs.put(path, b"{}")
    await catalog.close()
    async with open_house(tmp_path / "data", executor=_Stage()) as house:
        assert [await house.catalog.context.blobs.stat(path) for path in lost] == [None, None]
    assert not list((tmp_path / "data" / "unfinished").iterdir())


def test_kinds_are_registered_once() -> None:
    async def nothing(run: object) -> None: ...

    kind = JobKind("x", "X", nothing)
    registry = JobRegistry((kind,))
    assert registry.get("x") is kind
    with pytest.raises(Exception, match="two kinds"):
        registry.register(kind)
    with pytest.raises(NotFoundError):
        registry.get("y")
