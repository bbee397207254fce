"""Runs in the client's own environment: makes calls of talk2data_sdk that come as lines of JSON.

A line in: {"id", "host", "token", "connector", "method", "kwargs"}. A line out: {"id", "pickle"}, with the value, what
the call printed, and the error that it raised. ``connector`` is the class whose method or property is asked for.
"""

import base64
import json
import pickle
import sys

import pandas
from talk2data_sdk.connector.talk2data_connector import Talk2DataConnector
from talk2data_sdk.database.database import Database, DatabaseInfo

CLASSES = {cls.__name__: cls for cls in (Talk2DataConnector, Database)}


def plain(value):
    """A value of the client as types that every version of pickle knows."""
    if isinstance(value, pandas.DataFrame):
        columns = {name: value[name].tolist() for name in value.columns}
        return {"index": value.index.tolist(), "index_name": value.index.name, "columns": columns}
    if isinstance(value, DatabaseInfo):
        return value.model_dump(mode="json") | {"repr": repr(value)}
    if isinstance(value, Database):
        return plain(value.info)
    if isinstance(value, list):
        return [plain(part) for part in value]
    return value


def run(call):
    """The value of a call and the error that it raised."""
    arguments = dict(call["kwargs"])
    cls = CLASSES[call["connector"]]
    if call["method"] == "public methods":
        return sorted(name for name in vars(cls) if not name.startswith("_")), None
    try:
        login = {name: arguments.pop(name) for name in ("http_user_name", "http_password") if name in arguments}
        found = Talk2DataConnector(call["host"], call["token"], **login)
        if cls is Database:
            found = found.get_database(found.list_databases()[0].id.hex)
        value = getattr(found, call["method"])
        return plain(value(**arguments) if callable(value) else value), None
    except Exception as raised:  # noqa: BLE001 whatever it is, the test is told
        return None, (type(raised).__name__, str(raised))


def main():
    """Answer until there are no more calls."""
    print("ready", flush=True)
    for line in sys.stdin:
        call = json.loads(line)
        value, error = run(call)
        packed = base64.b64encode(pickle.dumps((value, "", error))).decode()
        print(json.dumps({"id": call["id"], "pickle": packed}), flush=True)


main()
