"""What no well-behaved client sends on the CellEngine wire: answers have a right status and a text, never a fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import requests

from tests.clients.cellengine_driver import Toolkit, generate_id, parse_time
from tests.clients.cellengine_world import A1, bd_file, events

pytestmark = pytest.mark.timeout(120)
RECTANGLE = {"rectangle": {"x1": 1, "x2": 2, "y1": 3, "y2": 4}}
SPLIT = {"split": {"x": 5, "y": 0.5}}


def ask(client: Toolkit, method: str, path: str, body: Any = None, **params: Any) -> requests.Response:
    url = f"{client.base_url}/api/v1/{path}"
    return client.session.request(method, url, json=body, params=params, timeout=120)


def gate(kind: str, model: dict[str, Any], **more: Any) -> dict[str, Any]:
    found = {"type": kind, "gid": generate_id(), "name": "g", "xChannel": "FSC-A", "yChannel": "SSC-A", "model": model}
    return found | more


def refused(answer: requests.Response, says: str) -> None:
    assert answer.status_code == 400, answer.text
    assert says in answer.json()["error"]


@pytest.mark.parametrize(
    "query",
    ["and(" * 3000, "and(" * 3000 + "eq(a,1)" + ")" * 3000, "in(name," + "[" * 3000],
    ids=["open", "deep", "lists"],
)
def test_deep_queries_are_refused(client: Toolkit, query: str) -> None:
    refused(ask(client, "GET", "experiments", query=query), '"query"')


def test_long_numbers_and_nested_queries_are_read(client: Toolkit, e: str) -> None:
    assert client.get("experiments", query=f"eq(name,{'9' * 5000})") == []
    assert e in [one["_id"] for one in client.get("experiments", limit="1" + "0" * 5000)]
    assert client.get("experiments", query="not(" * 91 + 'eq(name,"nobody")' + ")" * 91) != []


def test_booleans_are_booleans(client: Toolkit, e: str) -> None:
    for value in ("yes", 1):
        refused(ask(client, "PATCH", f"experiments/{e}", {"locked": value}), '"locked" must be a Boolean.')
    body = gate("RectangleGate", RECTANGLE | {"locked": "yes"})
    refused(ask(client, "POST", f"experiments/{e}/gates", body), '"model.locked" must be a Boolean.')


def test_locks_refuse_with_400_and_give_way_together_with_a_change(client: Toolkit, e: str) -> None:
    id = client.post(f"experiments/{e}/gates", gate("RectangleGate", RECTANGLE | {"locked": True}))["_id"]
    path = f"experiments/{e}/gates/{id}"
    refused(ask(client, "PATCH", path, {"name": "no"}), "locked")
    assert client.patch(path, {"locked": False, "name": "yes"})["name"] == "yes"


def test_the_time_of_deletion_is_kept_as_sent(client: Toolkit, e: str) -> None:
    path = f"experiments/{e}"
    gone = client.patch(path, {"deleted": "2026-11-22T10:44:15.724800"})
    assert gone["deleted"] == "2026-11-22T10:44:15.724Z"
    client.patch(path, {"deleted": None})
    refused(ask(client, "PATCH", path, {"deleted": "soon"}), '"deleted" must be a time or null')
    client.delete(path)
    (listed,) = client.get("experiments", query=f'and(eq(_id,"{e}"),ne(deleted,null))')
    assert parse_time(listed["deleted"]).year > 2000
    assert listed["deleted"] != gone["deleted"], "that of the second deletion"


def test_deleted_things_can_be_changed_and_deleted_again(client: Toolkit, e: str) -> None:
    folder = client.post("folders", {"name": "Old"})["_id"]
    file = client.upload(f"experiments/{e}/fcsfiles", A1, bd_file(events(20, 1)))["_id"]
    for path, name in ((f"experiments/{e}/fcsfiles/{file}", "filename"), (f"folders/{folder}", "name")):
        _changed_in_the_trash(client, path, name)
    _changed_in_the_trash(client, f"experiments/{e}", "name")


def _changed_in_the_trash(client: Toolkit, path: str, name: str) -> None:
    client.delete(path)
    client.delete(path)
    assert client.patch(path, {"deleted": "2026-11-22T10:44:15.724800"})["deleted"]
    changed = client.patch(path, {name: "New"})
    assert changed[name] == "New"
    assert changed["deleted"]
    assert ask(client, "GET", path).status_code == 404
    assert client.patch(path, {"deleted": None})["deleted"] is None
    assert client.get(path)[name] == "New"


def test_read_only_keys_may_be_repeated_but_not_changed(client: Toolkit, e: str) -> None:
    made = client.post(f"experiments/{e}/gates", gate("RectangleGate", RECTANGLE))
    path = f"experiments/{e}/gates/{made['_id']}"
    assert client.patch(path, made | {"name": "whole"})["name"] == "whole"
    for key in ("_id", "experimentId", "gid", "fcsFileId"):
        refused(ask(client, "PATCH", path, {key: generate_id()}), f'"{key}" cannot be changed')
    file = client.upload(f"experiments/{e}/fcsfiles", A1, bd_file(events(20, 1)))
    refused(ask(client, "PATCH", f"experiments/{e}/fcsfiles/{file['_id']}", {"size": 1}), '"size" cannot be changed')


def as_r(value: Any) -> Any:
    """A document that R read and writes: an array of one text or number is that text or number."""
    if isinstance(value, dict):
        return {name: as_r(one) for name, one in value.items()}
    if not isinstance(value, list):
        return value
    return value[0] if len(value) == 1 and not isinstance(value[0], dict | list) else [as_r(one) for one in value]


def timeless(document: dict[str, Any]) -> dict[str, Any]:
    """A document without the times that move with each change."""
    return {name: value for name, value in document.items() if name not in ("updated", "deepUpdated")}


@pytest.mark.parametrize("spell", [lambda document: document, as_r], ids=["python", "r"])
def test_whole_documents_may_be_sent_back(client: Toolkit, e: str, spell: Callable[[Any], Any]) -> None:
    folder = client.post("folders", {"name": "Whole"})
    client.patch(f"experiments/{e}", {"path": [folder["_id"]], "tags": ["a"], "sortingSpec": {"a": ["b", None]}})
    client.save_revision(e, "r")
    within = f"experiments/{e}"
    client.upload(f"{within}/fcsfiles", A1, bd_file(events(20, 1)))
    client.post(f"{within}/gates", gate("RectangleGate", RECTANGLE), createPopulation="true")
    client.post(f"{within}/gates", gate("SplitGate", SPLIT))
    client.post(f"{within}/compensations", {"name": "c", "channels": ["a", "b"], "spillMatrix": [1, 0, 0, 1]})
    client.upload(f"{within}/attachments", "n.txt", b"x")
    for path in (f"{within}/fcsfiles", f"{within}/gates", f"{within}/populations", f"{within}/compensations"):
        for item in client.get(path):
            whole = client.get(f"{path}/{item['_id']}")
            assert timeless(client.patch(f"{path}/{item['_id']}", spell(whole))) == timeless(whole)
    (attached,) = client.get(f"{within}/attachments")
    assert client.patch(f"{within}/attachments/{attached['_id']}", spell(attached)) == attached
    assert timeless(client.patch(f"folders/{folder['_id']}", spell(folder))) == timeless(folder)
    (scales,) = client.get(f"{within}/scalesets")
    assert client.patch(f"{within}/scalesets/{scales['_id']}", spell(scales))["scaleSet"]["scales"] == scales["scales"]
    document = client.get(within)
    changed = client.patch(within, spell(document | {"name": "New", "updated": "2020-01-01T00:00:00.000Z"}))
    assert timeless(changed) == timeless(document | {"name": "New"})
    refused(ask(client, "PATCH", within, document | {"permissions": []}), '"permissions" cannot be changed')


@pytest.mark.parametrize("labels", [[[1, 2]], [], None, 1.5, [[1, 2]] * 3, [[None, None]] * 2])
def test_labels_that_are_none_are_computed(client: Toolkit, e: str, labels: Any) -> None:
    made = client.post(f"experiments/{e}/gates", gate("SplitGate", SPLIT | {"labels": labels}))
    assert made["model"]["labels"] == [[-1e38, 0.5], [1e38, 0.5]]


def test_a_missing_y_channel_is_named(client: Toolkit, e: str) -> None:
    body = gate("RectangleGate", RECTANGLE, yChannel=None)
    refused(ask(client, "POST", f"experiments/{e}/gates", body), '"yChannel" is required.')


def test_a_scale_of_no_type_is_refused(client: Toolkit, e: str) -> None:
    (known,) = client.get(f"experiments/{e}/scalesets")
    body = {"scales": [{"channelName": "a", "scale": {"type": ["LinearScale"]}}]}
    refused(ask(client, "PATCH", f"experiments/{e}/scalesets/{known['_id']}", body), '"scale.type" must be one of')


@pytest.mark.parametrize("name", ["preSubsampleN", "postSubsampleN", "seed", "width", "smoothing"])
@pytest.mark.parametrize("value", ["nan", "inf"])
def test_numbers_are_finite(client: Toolkit, e: str, name: str, value: str) -> None:
    file = client.upload(f"experiments/{e}/fcsfiles", A1, bd_file(events(20, 1)))["_id"]
    asked = {"fcsFileId": file, "xChannel": "FSC-A", "yChannel": "SSC-A", "plotType": "dot", name: value}
    refused(ask(client, "GET", f"experiments/{e}/plot", **asked), f'"{name}" must be a finite number')
    if name in ("preSubsampleN", "postSubsampleN", "seed"):
        refused(ask(client, "GET", f"experiments/{e}/fcsfiles/{file}.fcs", **{name: value}), "finite")


def test_a_range_at_an_event_takes_it_in(client: Toolkit, e: str) -> None:
    values = events(501, 3)
    file = client.upload(f"experiments/{e}/fcsfiles", A1, bd_file(values))["_id"]
    edge = float(np.median(values[:, 0]))
    body = gate("RangeGate", {"range": {"x1": edge, "x2": 262144}})
    made = client.post(f"experiments/{e}/gates", body, createPopulation="true")
    asked = {"statistics": "eventCount", "fcsFileIds": [file], "populationIds": [made["population"]["_id"]]}
    (row,) = client.post(f"experiments/{e}/bulkstatistics", asked)
    assert row["eventCount"] == (values[:, 0] >= np.float32(edge)).sum()


@pytest.mark.parametrize("reagent", [5, ["CD4"], {}, True])
def test_a_reagent_is_a_text(client: Toolkit, e: str, reagent: Any) -> None:
    id = client.upload_fcs_file(e, "a.fcs", bd_file(events(20, 1)))["_id"]
    panel = [{"channel": "FSC-A", "reagent": reagent}]
    refused(ask(client, "PATCH", f"experiments/{e}/fcsfiles/{id}", {"panel": panel}), "FSC-A' is not a text")
