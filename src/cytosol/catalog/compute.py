"""Answers queries that compute: a bounded pool of warm threads with a time limit, and a cache of their answers."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import fields, is_dataclass
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np
import pandas as pd
import scipy.sparse as sp

from cytosol.base.errors import LimitExceededError, TooManyError
from cytosol.base.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")
WAITING_PER_THREAD = 64
_OVERHEAD_BYTES = 200


class Compute:
    """Runs functions on threads.

    A query that takes longer than ``compute_time_s`` is given up; its thread is free again when the function ends. At
    most 64 queries a thread wait. Answers under a key are kept, the least used ones dropped, and a query that is
    under way already is not begun twice. Answers are shared: callers must not change them.
    """

    def __init__(self, settings: Settings) -> None:
        self._time_s = settings.compute_time_s
        self._most_waiting = settings.compute_threads * WAITING_PER_THREAD
        self._threads = ThreadPoolExecutor(settings.compute_threads, thread_name_prefix="cytosol-compute")
        self._cache = ByteCache(settings.compute_cache_bytes)
        self._running: dict[Hashable, asyncio.Future[Any]] = {}
        self._n_waiting = 0

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run on a thread.

        Raises
        ------
        LimitExceededError
            Where it takes too long; names ``compute_time_s``.
        TooManyError
            Where too many wait; names ``compute_threads``.
        """
        return await self._in_time(self._begin(lambda: function(*args, **kwargs)))

    async def cached(self, key: Hashable, work: Callable[[], T]) -> T:
        """The answer under a key, or that of ``work``, run on a thread.

        Parameters
        ----------
        key : function, element and version, arguments; never one key for two answers
        """
        known = self._cache.get(key)
        if known is not None:
            return cast(T, known)
        future = self._running.get(key)
        if future is None:
            future = self._running[key] = self._begin(work)
            future.add_done_callback(lambda done: self._keep(key, done))
        return await self._in_time(cast("asyncio.Future[T]", future))

    def held(self, key: Hashable) -> Any:
        """The answer under a key if it is kept, else None; for threads."""
        return self._cache.get(key)

    def hold(self, key: Hashable, value: Any, n_bytes: int | None = None, *, bulky: bool = False) -> None:
        """Keep an answer that was computed on a thread already; bulky ones make room for all others."""
        self._cache.put(key, value, n_bytes, bulky=bulky)

    def _keep(self, key: Hashable, done: asyncio.Future[Any]) -> None:
        self._running.pop(key, None)
        if not done.cancelled() and done.exception() is None:
            self._cache.put(key, done.result())

    def _begin(self, work: Callable[[], T]) -> asyncio.Future[T]:
        if self._n_waiting >= self._most_waiting:
            raise TooManyError(
                "Too many queries wait for an answer",
                do="Try again in a moment, or raise compute_threads",
                setting="compute_threads",
            )
        self._n_waiting += 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        future.add_done_callback(self._one_less)
        return future

    def _one_less(self, _done: asyncio.Future[Any]) -> None:
        self._n_waiting -= 1

    async def _in_time(self, future: asyncio.Future[T]) -> T:
        try:
            return await asyncio.wait_for(asyncio.shield(future), self._time_s)
        except TimeoutError as error:
            future.add_done_callback(lambda done: done.cancelled() or done.exception())
            raise LimitExceededError(
                f"The query took longer than {self._time_s:g} seconds and was given up",
                do="Ask for less, or raise compute_time_s",
                setting="compute_time_s",
            ) from error

    def close(self) -> None:
        """Take nothing more; running functions end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class ByteCache:
    """The most recently used values, up to a number of bytes; safe for threads.

    Parameters
    ----------
    most_bytes : 0 = keep nothing; a value larger than a quarter of it is not kept
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._bulky: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Any:
        """The value, or None."""
        # without the lock: threads that wait for it would wait for the interpreter, too
        for held in (self._held, self._bulky):
            entry = held.get(key)
            if entry is not None:
                with suppress(KeyError):  # dropped in between
                    held.move_to_end(key)
                return entry[0]
        return None

    def put(self, key: Hashable, value: Any, n_bytes: int | None = None, *, bulky: bool = False) -> None:
        """Keep a value that is not None; of how many bytes is found out unless it is said.

        Bulky values go first, so that reading through many tables leaves the small answers about them.
        """
        size = size_of(value) if n_bytes is None else n_bytes
        with self._lock:
            if value is None or size > self._most_bytes // 4:
                return
            for held in (self._held, self._bulky):
                self._bytes -= held.pop(key, (None, 0))[1]
            (self._bulky if bulky else self._held)[key] = (value, size)
            self._bytes += size
            while self._bytes > self._most_bytes:
                _, (_, dropped) = (self._bulky or self._held).popitem(last=False)
                self._bytes -= dropped

    def takes(self, n_bytes: int) -> bool:
        """Whether values of so many bytes together would stay."""
        return n_bytes <= self._most_bytes // 4

    @property
    def n_bytes(self) -> int:
        """Bytes held, about."""
        return self._bytes


def size_of(value: Any) -> int:
    """About how many bytes a value takes in memory; one may say so itself, as ``n_bytes``."""
    if isinstance(said := getattr(value, "n_bytes", None), int):
        return said
    if isinstance(value, np.ndarray):
        if value.dtype == object:
            return _OVERHEAD_BYTES + 8 * value.size + sum(sys.getsizeof(item) for item in value.flat)
        return _OVERHEAD_BYTES + value.nbytes
    if sp.issparse(value):
        return _OVERHEAD_BYTES + sum(size_of(getattr(value, name)) for name in ("data", "indices", "indptr"))
    if isinstance(value, pd.DataFrame | pd.Series | pd.Index):
        used = value.memory_usage(deep=True)
        return _OVERHEAD_BYTES + int(used.sum() if isinstance(value, pd.DataFrame) else used)
    if is_dataclass(value) and not isinstance(value, type):
        return _OVERHEAD_BYTES + sum(size_of(getattr(value, field.name)) for field in fields(value))
    if isinstance(value, Mapping):
        return _OVERHEAD_BYTES + sum(size_of(key) + size_of(item) for key, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return _OVERHEAD_BYTES + sum(size_of(item) for item in value)
    return sys.getsizeof(value)
