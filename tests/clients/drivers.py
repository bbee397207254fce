"""A published client at work in its own environment, seen from the tests."""

from __future__ import annotations

import base64
import json
import pickle
import subprocess
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import scipy.sparse as sp

from tests.clients.matrix import Result, record

CALL_S = 240.0
_REFUSALS = frozenset(("RequestError", "HTTPError", "ConnectionError", "Exception", "ValueError"))
"""Errors with which clients tell what the server said."""


@dataclass(frozen=True)
class Outcome:
    """What a call of a client gave: its value, what it printed, and the type and text of the error that it raised."""

    value: Any
    printed: str
    error: tuple[str, str] | None

    @property
    def good(self) -> Any:
        """The value of a call that raised nothing."""
        assert self.error is None, self.error
        return self.value

    @property
    def result(self) -> Result:
        """What the matrix of clients says about it."""
        if self.error is None:
            return "refused" if self.value is False or "Submission failed" in self.printed else "works"
        return "refused" if self.error[0] in _REFUSALS else "client fault"

    @property
    def matrix(self) -> sp.csc_matrix:
        """The sparse matrix that it gave."""
        assert (self.good["sparse"], self.good["dtype"]) == ("csc", "float32")
        data, indices, indptr, shape = self.good["parts"]
        return sp.csc_matrix((data, indices, indptr), shape=shape)

    @property
    def frame(self) -> pd.DataFrame:
        """The data frame that it gave."""
        return pd.DataFrame(self.good["columns"], index=pd.Index(self.good["index"], name=self.good["index_name"]))


class Driver:
    """Sends calls to the process in which a client runs.

    Parameters
    ----------
    client, release : under which the outcomes of the calls enter the matrix of clients
    """

    def __init__(self, python: Path, script: Path, folder: Path, *, client: str, release: str) -> None:
        self.client, self.release = client, release
        self._waiting: dict[int, tuple[str, Future[Outcome]]] = {}
        self._lock = threading.Lock()
        self._errors = (folder / f"{client}-{release}.log").open("wb")
        self._process = subprocess.Popen(
            [python, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, cwd=folder, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n", Path(self._errors.name).read_text()
        threading.Thread(target=self._listen, daemon=True).start()

    def begin(self, method: str, *, host: str, token: str, connector: str, kwargs: dict[str, Any]) -> Future[Outcome]:
        """Start a call."""
        future: Future[Outcome] = Future()
        with self._lock:
            id = len(self._waiting)
            self._waiting[id] = (f"{connector}.{method}", future)
            call = {"id": id, "host": host, "token": token, "connector": connector, "method": method, "kwargs": kwargs}
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(call) + "\n")
            self._process.stdin.flush()
        return future

    def close(self) -> None:
        """End the client."""
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer = json.loads(line)
            value, printed, error = pickle.loads(base64.b64decode(answer["pickle"]))
            method, future = self._waiting[answer["id"]]
            outcome = Outcome(value, printed, error)
            if not method.endswith(".public methods"):
                record(self.client, self.release, method, outcome.result)
            future.set_result(outcome)


@dataclass(frozen=True)
class Client:
    """One connector of one user."""

    driver: Driver
    host: str
    token: str
    connector: str = "BBrowserXConnector"

    def begin(self, method: str, **kwargs: Any) -> Future[Outcome]:
        """Start a call; several may run side by side."""
        return self.driver.begin(method, host=self.host, token=self.token, connector=self.connector, kwargs=kwargs)

    def call(self, method: str, **kwargs: Any) -> Outcome:
        """Make a call."""
        return self.begin(method, **kwargs).result(CALL_S)
