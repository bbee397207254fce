"""Runs in the client's own environment: makes calls of bioflex that come as lines of JSON.

A line in: {"id", "host", "token", "connector", "method", "kwargs"}. A line out: {"id", "pickle"}, with the value, what
the call printed, and the error that it raised. ``connector`` is the class whose method is called: an object of it is
found by ``species`` (databases), ``study`` (hash id) and ``field`` (metadata), which are taken out of the arguments.
"""

import base64
import json
import pickle
import sys

import bioflex
import bioflex._connection
from bioflex.connection import Connection
from bioflex.database import Database, ExpressionSummary
from bioflex.metadata import Metadata
from bioflex.study import Study
from scipy import sparse

CLASSES = {cls.__name__: cls for cls in (Connection, Database, Study, Metadata)}


def plain(value):
    """A value of the client as types that every version of pickle knows."""
    if sparse.issparse(value):
        parts = (value.data, value.indices, value.indptr, value.shape)
        return {"sparse": value.format, "dtype": str(value.dtype), "parts": parts}
    if isinstance(value, Database):
        return {"id": value.id, "name": value.name, "species": value.species, "version": value.version}
    if isinstance(value, Study):
        fields = [(field.id, field.name, field.type) for field in value.metalist]
        return {"id": value.id, "title": value.title, "authors": value.authors, "metalist": fields, "repr": repr(value)}
    if isinstance(value, ExpressionSummary):
        return dict(vars(value))
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    return value


def target(connector, name, arguments):
    """The object whose method is called."""
    if name == "Connection":
        return connector
    species = arguments.pop("species", "human")
    database = next(database for database in connector.databases() if database.species == species)
    if name == "Database":
        return database
    study = database.get_study(arguments.pop("study"))
    if name == "Study":
        return study
    field = arguments.pop("field")
    return next(known for known in study.metalist if known.name == field)


def run(call):
    """The value of a call and the error that it raised."""
    arguments = dict(call["kwargs"])
    bioflex._connection.BIOTURING_ADDRESS = call["host"]
    if call["method"] == "public methods":
        return sorted(name for name in vars(CLASSES[call["connector"]]) if not name.startswith("_")), None
    try:
        found = target(bioflex.connect(call["token"]), call["connector"], arguments)
        value = getattr(found, call["method"])
        value = value(**arguments) if callable(value) else [(field.id, field.name, field.type) for field in value]
        if call["connector"] == "Metadata":
            value = {"values": found.values.tolist(), "dtype": str(found.values.dtype), "type": found.type}
        return plain(value), None
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
