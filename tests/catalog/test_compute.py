"""The pool for queries: bounded, timed, each answer computed once and kept within its bytes."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from cytosol.base.errors import LimitExceededError, TooManyError
from cytosol.base.settings import load_settings
from cytosol.catalog import compute
from cytosol.catalog.compute import ByteCache, Compute, size_of


def pool(tmp_path: Path, **settings: float) -> Compute:
    return Compute(load_settings(data=tmp_path, **settings))


def counting(log: list[int], answer: object = "x") -> Callable[[], object]:
    def work() -> object:
        time.sleep(0.05)
        log.append(1)
        return answer

    return work


async def test_equal_queries_are_computed_once(tmp_path: Path) -> None:
    held = pool(tmp_path)
    log: list[int] = []
    answers = await asyncio.gather(*(held.cached(("f", 1), counting(log)) for _ in range(5)))
    assert answers == ["x"] * 5
    assert len(log) == 1
    await held.cached(("f", 2), counting(log))
    assert len(log) == 2
    held.close()


async def test_errors_are_not_kept(tmp_path: Path) -> None:
    held = pool(tmp_path)

    def fail() -> None:
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            await held.cached("k", fail)
    assert await held.cached("k", lambda: 3) == 3
    held.close()


async def test_a_slow_query_is_given_up_and_its_answer_kept(tmp_path: Path) -> None:
    held = pool(tmp_path, compute_time_s=0.05)
    go = threading.Event()
    with pytest.raises(LimitExceededError) as caught:
        await held.cached("slow", lambda: (go.wait(5), "late")[1])
    assert caught.value.details["setting"] == "compute_time_s"
    go.set()
    answer: object = ""
    while not answer:  # until the thread has come to its end
        with contextlib.suppress(LimitExceededError):
            answer = await held.cached("slow", lambda: "other")
    assert answer == "late"
    held.close()


async def test_too_many_that_wait_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = pool(tmp_path, compute_threads=1)
    go = threading.Event()
    tasks = [asyncio.create_task(held.run(go.wait, 5)) for _ in range(compute.WAITING_PER_THREAD)]
    await asyncio.sleep(0)
    with pytest.raises(TooManyError) as caught:
        await held.run(go.wait, 5)
    assert caught.value.details["setting"] == "compute_threads"
    go.set()
    assert all(await asyncio.gather(*tasks))
    assert await held.run(lambda: 1) == 1
    held.close()


def test_sizes_are_about_right() -> None:
    assert size_of(np.zeros(1000)) >= 8000
    assert size_of(sp.csr_matrix(np.ones((100, 10)))) >= 12_000
    assert size_of(pd.DataFrame({"a": ["text"] * 100})) > 5000
    assert size_of(np.array(["ab", None], dtype=object)) > 60
    assert size_of({"a": np.zeros(100), "b": [np.zeros(100)]}) >= 1600


def test_bulky_values_go_first() -> None:
    cache = ByteCache(1000)
    cache.put("small", 1, 100)
    for number in range(20):
        cache.put(number, number, 240, bulky=True)
    assert cache.get("small") == 1
    assert [number for number in range(20) if cache.get(number) is not None] == [17, 18, 19]
    cache.put(19, "new", 100)
    assert cache.get(19) == "new"
    assert cache.n_bytes == 100 + 100 + 2 * 240


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 400)), max_size=60))
def test_the_cache_never_holds_more_than_its_bytes(steps: list[tuple[int, int]]) -> None:
    cache = ByteCache(4000)
    truth: dict[int, int] = {}
    for key, size in steps:
        cache.put(key, np.zeros(size, np.uint8))
        truth[key] = size
        assert cache.n_bytes <= 4000
        kept = cache.get(key)
        assert kept is not None
        assert len(kept) == size
    for key, size in truth.items():
        found = cache.get(key)
        assert found is None or len(found) == size


def test_what_is_too_large_is_not_kept() -> None:
    cache = ByteCache(1000)
    cache.put("a", np.zeros(500, np.uint8))
    assert cache.get("a") is None
    assert ByteCache(0).get("x") is None
