"""Gates and scales on the CellEngine wire: the toolkit's own tests of them, and what its faults send."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.clients.cellengine_driver import APIError, Toolkit, generate_id

FAR = 1e38
pytestmark = pytest.mark.timeout(120)


MODELS: dict[str, dict[str, Any]] = {
    "RectangleGate": {
        "label": [60, 75.25],
        "rectangle": {"x1": 60, "x2": 113446.7481834943, "y1": 75, "y2": 1e-17},
    },
    "PolygonGate": {
        "label": [3.141592653589793, 2],
        "polygon": {"vertices": [[1, 4], [2, 5], [3, 6.000000000000001]]},
    },
    "EllipseGate": {
        "label": [260000, 64000],
        "ellipse": {"center": [259441.51, 63059.46], "angle": -0.169, "major": 113446.7481834943, "minor": 70116.01},
    },
    "RangeGate": {"label": [13000, 0.5], "range": {"x1": 12502.5, "x2": 95102, "y": 0.5}},
    "QuadrantGate": {
        "labels": [[FAR, FAR], [-FAR, FAR], [-FAR, -FAR], [FAR, -FAR]],
        "gids": [generate_id() for _ in range(4)],
        "skewable": False,
        "quadrant": {"x": 160000, "y": 200000, "angles": [0, math.pi / 2, math.pi, 3 * math.pi / 2]},
    },
    "SplitGate": {
        "labels": [[-FAR, 0.916], [FAR, 0.916]],
        "gids": [generate_id() for _ in range(2)],
        "split": {"x": 160000, "y": 1},
    },
}
NAMES = {"QuadrantGate": [f"q {place}" for place in ("UR", "UL", "LL", "LR")], "SplitGate": ["s left", "s right"]}


def make(client: Toolkit, e: str, type: str, **said: Any) -> Any:
    """A gate of a type on channels that no file has."""
    channels = ("BUV805-A",) if type in ("RangeGate", "SplitGate") else ("BUV805-A", "FSC-W")
    called = {"names": NAMES[type]} if type in NAMES else {"name": f"my {type}"}
    return client.create_gate(e, type, channels, MODELS[type], **called, **said)


@pytest.mark.parametrize("type", MODELS)
def test_models_come_back_exactly(client: Toolkit, e: str, type: str) -> None:
    gid = generate_id()
    gate = make(client, e, type, gid=gid)
    assert gate["model"] == {"locked": False, **MODELS[type]}
    assert (gate["experimentId"], gate["gid"], gate["type"]) == (e, gid, type)
    assert (gate["tailoredPerFile"], gate["fcsFileId"], gate["locked"]) == (False, None, False)
    assert gate["xChannel"] == "BUV805-A"
    assert gate["yChannel"] == (None if type in ("RangeGate", "SplitGate") else "FSC-W")
    assert gate["names"] == NAMES.get(type, [])
    assert not {"population", "populations"} & gate.keys()
    assert client.thing(e, "gate", gate["_id"]) == gate == client.things(e, "gate")[0]


@pytest.mark.parametrize("type", MODELS)
def test_populations_of_new_gates(client: Toolkit, e: str, type: str) -> None:
    _, (parent,) = client.create_gate(
        e, "RangeGate", ("a",), {"range": {"x1": 1, "x2": 2}}, name="parent", create_population=True
    )
    gate, populations = make(client, e, type, create_population=True, parent=parent["_id"])
    gids = gate["model"].get("gids", [gate["gid"]])
    assert [item["terminalGateGid"] for item in populations] == gids
    assert [item["name"] for item in populations] == NAMES.get(type, [f"my {type}"])
    for item, gid in zip(populations, gids, strict=True):
        assert item["parentId"] == parent["_id"], "under the misspelt parentPopulationid"
        assert item["gates"] == f'{{"$and": ["{parent["terminalGateGid"]}", "{gid}"]}}'


def test_the_file_of_a_gate_need_not_be_there(client: Toolkit, e: str) -> None:
    gid, file = generate_id(), generate_id()
    everywhere = make(client, e, "RectangleGate", gid=gid, tailored=True)
    own, (population,) = make(
        client, e, "RectangleGate", gid=gid, tailored=True, fcs_file_id=file, create_population=True
    )
    assert (own["fcsFileId"], own["tailoredPerFile"], population["terminalGateGid"]) == (file, True, gid)
    assert client.update(e, "gate", own["_id"], name="renamed")["fcsFileId"] == file
    assert client.update_family(e, gid, name="both") == 2
    (many,) = client.create_gates(e, [own | {"gid": generate_id()}])
    assert many["fcsFileId"] == file
    with pytest.raises(APIError, match="404"):
        client.apply_tailoring(e, own, [generate_id()])  # a file is tailored that is there
    (taken,) = client.apply_tailoring(e, everywhere, [file])["deleted"]
    assert taken == {"_id": own["_id"], "fcsFileId": file}
    client.remove(e, "gate", many["_id"])
    assert [gate["_id"] for gate in client.things(e, "gate")] == [everywhere["_id"]]


def test_the_answer_to_a_create_has_the_right_form(client: Toolkit, e: str) -> None:
    body = {"type": "RangeGate", "xChannel": "a", "name": "g", "model": {"range": {"x1": 1, "x2": 2}}}
    path = f"experiments/{e}/gates"
    assert "gate" not in client.post(path, body)
    assert "gate" not in client.post(path, body, createPopulation="false")
    assert client.post(path, body, createPopulation="true").keys() == {"gate", "population"}
    split = body | {"type": "SplitGate", "model": {"split": {"x": 1}}}
    assert client.post(path, split, createPopulation="true").keys() == {"gate", "populations"}
    many = client.create_gates(e, [body, split, body | {"parentPopulationId": None}])
    assert [gate["type"] for gate in many] == ["RangeGate", "SplitGate", "RangeGate"]


def test_what_is_left_out_is_made(client: Toolkit, e: str) -> None:
    def label(type: str, shape: dict[str, Any]) -> Any:
        model = {type: shape} | ({"label": None} if type != "split" else {"labels": [1]})
        names = {"name": "g"}
        channels = ("a",) if type in ("range", "split") else ("a", "b")
        model = client.create_gate(e, f"{type.title()}Gate", channels, model, **names)["model"]
        return model.get("label", model.get("labels"))

    assert label("rectangle", {"x1": 1, "x2": 2, "y1": 10, "y2": 30}) == [1.5, 20]
    assert label("polygon", {"vertices": [[0, 0], [3, 0], [0, 6]]}) == [1, 2]
    assert label("ellipse", {"center": [5, 6], "angle": 0, "major": 2, "minor": 1}) == [5, 6]
    assert label("range", {"x1": 1, "x2": 3}) == [2, 0.5]
    assert label("split", {"x": 1}) == [[-FAR, 0.5], [FAR, 0.5]]
    quadrant = client.create_gate(e, "QuadrantGate", ("a", "b"), {"quadrant": {"x": 1, "y": 2}}, name="q")
    assert quadrant["names"] == ["q (UR)", "q (UL)", "q (LL)", "q (LR)"]
    assert len(set(quadrant["model"]["gids"])) == 4
    assert quadrant["model"]["quadrant"]["angles"] == [0, math.pi / 2, math.pi, 3 * math.pi / 2]
    assert (quadrant["name"], quadrant["model"]["skewable"]) == ("q", False)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"xChannel": "a", "model": {}}, '"type" is required.'),
        ({"type": "StarGate", "xChannel": "a", "model": {}}, '"type"'),
        ({"type": "RangeGate", "model": {}}, '"xChannel" is required.'),
        ({"type": "RangeGate", "xChannel": "a", "model": {}}, '"model.range" is required'),
        ({"type": "RangeGate", "xChannel": "a", "model": {"range": {"x1": 1}}}, "x2"),
        ({"type": "RectangleGate", "xChannel": "a", "model": {"rectangle": {"x1": 1}}}, '"yChannel" is required'),
        ({"type": "RangeGate", "xChannel": "a", "gid": "x", "model": {"range": {"x1": 1, "x2": 2}}}, '"gid"'),
        ({"type": "RangeGate", "xChannel": "a", "tailoredPerFile": "x", "model": {}}, "must be a Boolean"),
        ({"type": "SplitGate", "xChannel": "a", "model": {"split": {"x": 1}}}, '"names" is required'),
        ({"type": "SplitGate", "xChannel": "a", "names": ["a"], "model": {"split": {"x": 1}}}, '"names" must hold 2'),
    ],
)
def test_gates_that_cannot_be_are_refused(client: Toolkit, e: str, body: dict[str, Any], says: str) -> None:
    with pytest.raises(APIError) as caught:
        client.post(f"experiments/{e}/gates", body)
    assert (caught.value.status_code, says in caught.value.message) == (400, True), caught.value.message


def test_gate_update(client: Toolkit, e: str) -> None:
    gate = make(client, e, "RectangleGate")
    changed = client.update(e, "gate", gate["_id"], locked=True, name="singlets2")
    assert (changed["locked"], changed["model"]["locked"], changed["name"]) == (True, True, "singlets2")
    with pytest.raises(APIError, match="locked"):
        client.update(e, "gate", gate["_id"], name="x")
    assert client.update(e, "gate", gate["_id"], locked=False)["locked"] is False
    model = {"label": [0, 0], "rectangle": {"x1": 0, "x2": 1, "y1": 0, "y2": 1}, "locked": False}
    assert client.update(e, "gate", gate["_id"], model=model)["model"] == model
    split = make(client, e, "SplitGate")
    changed = client.update(e, "gate", split["_id"], names=["a", "b"])
    assert (changed["names"], changed["model"]) == (["a", "b"], split["model"])


def test_family_update(client: Toolkit, e: str) -> None:
    gate = make(client, e, "RectangleGate")
    assert client.update_family(e, gate["gid"], name="fam") == 1
    assert client.thing(e, "gate", gate["_id"])["name"] == "fam"
    with pytest.raises(Warning, match="No gates updated"):
        client.update_family(e, generate_id(), name="fam")
    with pytest.raises(APIError, match='"gid" is required'):
        client.patch(f"experiments/{e}/gates", {"name": "x"})


def test_gate_delete(client: Toolkit, e: str) -> None:
    gate, _ = make(client, e, "QuadrantGate", create_population=True)
    client.delete_family(e, gate["model"]["gids"][0])
    assert len(client.things(e, "gate")) == 1, "the gid of a sector deletes nothing"
    client.delete_family(e, gate["gid"], exclude=gate["_id"])
    assert len(client.things(e, "gate")) == 1, "what the client glues into the gid names no family"
    client.delete_family(e, gate["gid"])
    assert client.things(e, "gate") == []
    assert len(client.things(e, "population")) == 4, "populations stay"
    single = make(client, e, "RangeGate")
    client.remove(e, "gate", single["_id"])
    with pytest.raises(APIError, match="404"):
        client.thing(e, "gate", single["_id"])


def test_delete_all_gates_and_populations(client: Toolkit, e: str) -> None:
    make(client, e, "QuadrantGate", create_population=True)
    client.reset_gates(e)
    assert client.things(e, "gate") == client.things(e, "population") == []


def test_scales(client: Toolkit, e: str) -> None:
    scale_set = client.scaleset(e)
    assert (scale_set["name"], scale_set["scales"]) == ("Scale Set 1", [])
    gate = client.create_gate(e, "RangeGate", ("B-A",), {"range": {"x1": 1.0, "x2": 3.0, "y": 0.5}}, name="g")
    linear = {"channelName": "FSC-A", "scale": {"type": "LinearScale", "minimum": 1, "maximum": 10}}
    arcsinh = {"type": "ArcSinhScale", "minimum": -200, "maximum": 262144, "cofactor": 150}
    log = {"channelName": "L", "scale": {"type": "LogScale", "minimum": 1, "maximum": 1e4}}
    first = [linear, {"channelName": "B-A", "scale": arcsinh}, log]
    assert client.update_scales(e, scale_set["_id"], first) == first
    before = client.thing(e, "gate", gate["_id"])["model"]["range"]
    second = [linear, {"channelName": "B-A", "scale": arcsinh | {"cofactor": 5}}, log]
    answer = client.patch(f"experiments/{e}/scalesets/{scale_set['_id']}", {"scales": second})
    assert answer["scaleSet"]["scales"] == second == client.scaleset(e)["scales"]
    moved = {item["_id"]: item["model"]["range"] for item in answer["gates"]}[gate["_id"]]
    for name in ("x1", "x2"):
        assert moved[name] == pytest.approx(math.asinh(math.sinh(before[name]) * 150 / 5), rel=1e-9)
    with pytest.raises(APIError, match="type"):
        client.update_scales(e, scale_set["_id"], [{"channelName": "a", "scale": {"type": "CubicScale"}}])
    with pytest.raises(APIError, match="minimum 0 is not above zero"):
        client.update_scales(e, scale_set["_id"], [linear, log | {"scale": log["scale"] | {"minimum": 0}}])
    assert client.scaleset(e)["scales"] == second


def test_scales_that_the_clients_do_not_know_come_back(client: Toolkit, e: str) -> None:
    scale = {"type": "LogicleScale", "t": 262144, "w": 0.5, "m": 4.5, "a": 0}
    (found,) = client.update_scales(e, client.scaleset(e)["_id"], [{"channelName": "a", "scale": scale}])
    assert found["scale"].items() >= scale.items()
    assert client.update_scales(e, client.scaleset(e)["_id"], [found]) == [found]


def test_things_of_another_experiment_are_not_found(client: Toolkit, e: str) -> None:
    other = client.create_experiment("Other")["_id"]
    gate, (population,) = make(client, e, "RangeGate", create_population=True)
    compensation = client.create_compensation(e, "c", ["a", "b"], [1, 0, 0, 1])
    attachment = client.upload_attachment(e, "t", b"x")
    for kind, one in (("gate", gate), ("population", population), ("compensation", compensation)):
        for call in (client.thing, client.remove):
            with pytest.raises(APIError, match="404"):
                call(other, kind, one["_id"])
    with pytest.raises(APIError, match="404"):
        client.delete_attachment(other, attachment["_id"])
    client.delete_experiment(other)
