"""Temporary folders of jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from cytosol.base.keys import new_key
from cytosol.store.scratch import Scratch


def test_a_folder_is_empty_at_first_and_gone_at_the_end(tmp_path: Path) -> None:
    scratch, job = Scratch(tmp_path / "scratch"), new_key()
    with scratch.folder(job, 1) as place:
        (place / "deep").mkdir()
        (place / "deep" / "x").write_bytes(b"123")
        with scratch.folder(job, 2) as other:
            assert other != place
    assert not place.exists()
    with pytest.raises(RuntimeError, match="job failed"), scratch.folder(job, 3) as place:
        raise RuntimeError("job failed")
    assert list((tmp_path / "scratch").iterdir()) == []


def test_what_a_killed_run_left_is_not_seen_by_the_next(tmp_path: Path) -> None:
    scratch, job = Scratch(tmp_path), new_key()
    left = tmp_path / f"{job.hex24}-1"
    left.mkdir()
    (left / "x").write_bytes(b"1")
    with scratch.folder(job, 1) as place:
        assert place == left
        assert list(place.iterdir()) == []


def test_sweep_keeps_live_jobs_only(tmp_path: Path) -> None:
    scratch, jobs = Scratch(tmp_path), [new_key() for _ in range(3)]
    for job in jobs:
        for epoch in (1, 2):
            (tmp_path / f"{job.hex24}-{epoch}" / "a").mkdir(parents=True)
            (tmp_path / f"{job.hex24}-{epoch}" / "a" / "x").write_bytes(b"1234")
    (tmp_path / "stray").write_bytes(b"12")
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (outside / "x").write_bytes(b"kept")
    (tmp_path / "link").symlink_to(outside)
    removed = scratch.sweep({(jobs[0], 2), (jobs[1], 1)})
    assert {path.name for path in tmp_path.iterdir()} == {f"{jobs[0].hex24}-2", f"{jobs[1].hex24}-1"}
    assert removed >= 4 * 4 + 2
    assert (outside / "x").read_bytes() == b"kept"


def test_absent_root(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path / "not" / "yet")
    assert scratch.sweep(set()) == 0
    assert scratch.free_bytes() > 0
