"""Runs in the client's own environment: makes calls of bbrowserx_connector that come as lines of JSON.

A line in: {"id", "host", "token", "connector", "method", "kwargs"}; ``connector`` is BBrowserXProConnector, or one of
the two objects that it holds. A line out: {"id", "pickle"}, with the value, what was printed, and the error raised.
"""

import base64
import contextlib
import inspect
import io
import json
import pickle
import sys

import bbrowserx_connector._submit_format as formats
import pandas
from bbrowserx_connector._connector import BBrowserXProConnector
from bbrowserx_connector._utils import RequestContent

OUT = sys.stdout


def given(value):
    """A value of JSON as the client takes it."""
    if isinstance(value, dict) and set(value) == {"content"}:
        return RequestContent(**value["content"])
    if isinstance(value, dict) and set(value) == {"batches"}:
        return [getattr(formats, batch.pop("class"))(**batch) for batch in value["batches"]]
    return value


def plain(value):
    """A value of the client as types that every version of pickle knows."""
    if isinstance(value, pandas.DataFrame):
        columns = {name: value[name].tolist() for name in value.columns}
        return {"index": value.index.tolist(), "index_name": value.index.name, "columns": columns}
    if isinstance(value, (dict, list, str, int, float, bool, type(None))):
        return value
    return type(value).__name__


def value_of(call):
    if call["method"] == "public methods":
        return sorted(name for name in dir(BBrowserXProConnector) if not name.startswith("_"))
    pro = BBrowserXProConnector(call["host"], call["token"])
    holder = {"OpenAPI": pro.openapi, "PyAPI": pro.pyapi}.get(call["connector"], pro)
    found = inspect.getattr_static(type(holder), call["method"])
    if isinstance(found, property):
        return plain(getattr(holder, call["method"]))
    return plain(getattr(holder, call["method"])(**{name: given(part) for name, part in call["kwargs"].items()}))


def run(call):
    value, error, printed = None, None, io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            value = value_of(call)
        except Exception as raised:  # noqa: BLE001 whatever it is, the test is told
            error = (type(raised).__name__, str(raised))
    answer = base64.b64encode(pickle.dumps((value, printed.getvalue(), error))).decode()
    OUT.write(json.dumps({"id": call["id"], "pickle": answer}) + "\n")
    OUT.flush()


def main():
    OUT.write("ready\n")
    OUT.flush()
    for line in sys.stdin:
        run(json.loads(line))


main()
