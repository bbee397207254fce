"""Runs in the client's own environment: makes calls of bioturing_connector that come as lines of JSON.

A line in: {"id", "host", "token", "connector", "method", "kwargs"}. A line out: {"id", "pickle"}, with the value, what
the call printed, and the error that it raised. Calls run side by side, each in a thread.
"""

import base64
import importlib
import io
import json
import os
import pickle
import sys
import threading
from pathlib import Path

import pandas
from scipy import sparse

HOMES = {
    "BBrowserXConnector": ("bbrowserx_connector", "connector"),  # the latter up to 1.5.3
    "LensBulkConnector": ("lens_bulk_connector",),
    "LensSCConnector": ("lens_sc_connector",),
}
# the client runs the program zip, whose words go where ours would
OUT = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
LOCK = threading.Lock()


def connectors():
    """The connectors that this release has."""
    found = {}
    for name, homes in HOMES.items():
        for home in homes:
            try:
                module = importlib.import_module(f"bioturing_connector.{home}")
            except ModuleNotFoundError:
                continue
            if name not in found and hasattr(module, name):
                found[name] = getattr(module, name)
    return found


CONNECTORS = connectors()


class Printed:
    """What each thread prints, apart."""

    def __init__(self):
        self._local = threading.local()

    def begin(self):
        self._local.text = io.StringIO()

    def end(self):
        return self._local.text.getvalue()

    def write(self, text):
        getattr(self._local, "text", sys.stderr).write(text)

    def flush(self):
        pass


def given(value):
    """A value of JSON as the client takes it."""
    if isinstance(value, dict) and set(value) == {"frame"}:
        return pandas.DataFrame(value["frame"]["columns"], index=value["frame"]["index"])
    if isinstance(value, dict) and set(value) == {"paths"}:
        return [Path(path) for path in value["paths"]]
    return value


def plain(value):
    """A value of the client as types that every version of pickle knows."""
    if sparse.issparse(value):
        parts = (value.data, value.indices, value.indptr, value.shape)
        return {"sparse": value.format, "dtype": str(value.dtype), "parts": parts}
    if isinstance(value, pandas.DataFrame):
        columns = {name: value[name].tolist() for name in value.columns}
        return {"index": value.index.tolist(), "index_name": value.index.name, "columns": columns}
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    return value


def run(call):
    sys.stdout.begin()
    value, error = None, None
    try:
        if call["method"] == "public methods":
            value = sorted(name for name in dir(CONNECTORS[call["connector"]]) if not name.startswith("_"))
        else:
            connector = CONNECTORS[call["connector"]](host=call["host"], token=call["token"])
            method = getattr(connector, call["method"])
            value = plain(method(**{name: given(part) for name, part in call["kwargs"].items()}))
    except Exception as raised:  # noqa: BLE001 whatever it is, the test is told
        error = (type(raised).__name__, str(raised))
    answer = base64.b64encode(pickle.dumps((value, sys.stdout.end(), error))).decode()
    with LOCK:
        OUT.write(json.dumps({"id": call["id"], "pickle": answer}) + "\n")
        OUT.flush()


def main():
    sys.stdout = Printed()
    OUT.write("ready\n")
    OUT.flush()
    for line in sys.stdin:
        threading.Thread(target=run, args=(json.loads(line),), daemon=True).start()


main()
