"""Runs in the client's own environment: makes calls of biocolabsdk's EConnector that come as lines of JSON.

A line in: {"id", "host", "token", "connector", "method", "kwargs"}; ``host`` is the server's address. ``kwargs`` may
have "init" (arguments of EConnector), "args" (of the method), "home" (the folder that stands for the user's home) and
"then", a list of what is called on the result: [name, arguments] or, for attributes and places in lists, [name]. Only
the address of bioflex, the host of talk2data and the home are set from outside. A line out: {"id", "pickle"}.
"""

import base64
import contextlib
import io
import json
import pickle
import sys

import biocolabsdk.util
import bioflex._connection
from biocolabsdk.connector import EConnector
from scipy import sparse

OUT = sys.stdout


def plain(value):
    """A value of the client as types that every version of pickle knows."""
    if sparse.issparse(value):
        parts = (value.data, value.indices, value.indptr, value.shape)
        return {"sparse": value.format, "dtype": str(value.dtype), "parts": parts}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    return {key: plain(item) for key, item in vars(value).items() if not key.startswith("_")} or type(value).__name__


def value_of(call):
    if call["method"] == "public methods":
        return sorted(name for name in dir(EConnector) if not name.startswith("_"))
    asked = call["kwargs"]
    bioflex._connection.BIOTURING_ADDRESS = call["host"] + "/bioflex"
    if "home" in asked:
        biocolabsdk.util.get_user_home_path = lambda: asked["home"]
    value = getattr(EConnector(**asked.get("init", {})), call["method"])(**asked.get("args", {}))
    if call["method"] == "get_talk2data":
        for name in vars(value):
            if name.endswith("__host"):
                setattr(value, name, call["host"] + "/t2d_index_tool/")
    for name, *arguments in asked.get("then", []):
        value = value[name] if isinstance(name, int) else getattr(value, name)
        value = value(**arguments[0]) if arguments else value
    return plain(value)


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
