"""Quirks of the CellEngine wire, each by name: how the toolkits for Python and R ask, and what they cannot bear."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from tests.clients.cellengine_driver import APIError, Toolkit, generate_id, parse_time
from tests.clients.cellengine_world import A1, PASSWORD, CellEngineWorld, bd_file, events

pytestmark = pytest.mark.timeout(120)


class R:
    """Asks as the toolkit for R does: Bearer token, blanks in queries, the text ``null``, part name ``file``."""

    def __init__(self, world: CellEngineWorld) -> None:
        self.base = world.base_url.rstrip("/")  # setServer strips a slash
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {world.tokens['ada']}"

    def ask(self, method: str, path: str, **said: Any) -> Any:
        """The answer by its type: JSON, bytes of a PNG, else text; any status below 400 is fine."""
        response = self.session.request(method, f"{self.base}/api/v1/{path}", timeout=120, **said)
        if response.status_code >= 400:
            raise APIError(path, response.status_code, str(response.json()["error"]))
        kind = response.headers.get("content-type", "")
        if kind.startswith("application/json"):
            return response.json()
        return response.content if kind == "image/png" else response.text

    def by_name(self, path: str, name: str, key: str = "name") -> Any:
        """With a blank after the comma, and the sign of the fields escaped."""
        (found,) = self.ask("GET", f'{path}?query=eq({key}, "{name}")&limit=2')
        return found


@pytest.fixture(scope="module")
def r(cellengine: CellEngineWorld) -> R:
    return R(cellengine)


# -- who asks ----------------------------------------------------------------------------------------------------------


def test_a_token_as_raw_cookie_makes_no_sign_in(cellengine: CellEngineWorld) -> None:
    assert isinstance(cellengine.toolkit().get_experiments(), list)


def test_after_a_sign_in_the_cookie_alone_tells_who_asks(cellengine: CellEngineWorld) -> None:
    client = Toolkit(cellengine.base_url, username="ada@example.org", password=PASSWORD, otp="123456")
    (cookie,) = list(client.session.cookies)
    assert (cookie.name, cookie.value, cookie.path, cookie.secure) == ("token", client.token, "/", False)
    assert len(client.user_id) == 24
    with pytest.raises(APIError, match="401"):
        Toolkit(cellengine.base_url, token="").get_experiments()
    again = Toolkit(cellengine.base_url, token=client.token)
    assert isinstance(again.get_experiments(), list), "what sign-in gave works as token, too"
    client.post("signout")
    with pytest.raises(APIError, match="401"):
        again.get_experiments()


def test_wrong_credentials_have_an_error_that_is_text(cellengine: CellEngineWorld) -> None:
    for said in ({"username": "ada@example.org", "password": "no"}, {"username": "nobody", "password": PASSWORD}):
        with pytest.raises(APIError) as caught:
            Toolkit(cellengine.base_url, **said)
        assert caught.value.status_code == 401
        assert "password is wrong" in caught.value.message
        assert '"otp" is required' not in caught.value.message


# -- queries -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ['nope "x"', "a) (b), [c]", 'ends with "', "Zoë – 日本", "back\\slash", "eq(name,null)"]
)
def test_names_are_found_without_escaping(client: Toolkit, name: str) -> None:
    made = client.create_experiment(name)
    assert client.get_experiment(name=made["name"])["_id"] == made["_id"]
    client.delete_experiment(made["_id"])


def test_two_of_a_name_are_both_listed(client: Toolkit) -> None:
    ids = [client.create_experiment("Twice")["_id"] for _ in range(3)]
    with pytest.raises(RuntimeError, match="More than one"):
        client.get_experiment(name="Twice")
    for id in ids:
        client.delete_experiment(id)


def test_a_property_that_things_lack_is_null(client: Toolkit, e: str) -> None:
    made = client.create_compensation(e, "c", ["a", "b"], [1, 0, 0, 1])
    assert "deleted" not in made
    assert client.thing(e, "compensation", name="c") == made


def test_r_finds_things_by_name(client: Toolkit, r: R, e: str) -> None:
    file = client.upload_fcs_file(e, A1, bd_file(events(50, 1)))
    gate, (population,) = client.create_gate(
        e, "RangeGate", ("FSC-A",), {"range": {"x1": 1, "x2": 2}}, name="g", create_population=True
    )
    matrix = client.create_compensation(e, "c", ["a", "b"], [1, 0, 0, 1])
    name = client.get_experiment(e)["name"]
    assert r.by_name("experiments", name)["_id"] == e
    assert r.by_name(f"experiments/{e}/fcsfiles", A1, "filename")["_id"] == file["_id"]
    assert r.by_name(f"experiments/{e}/populations", "g")["_id"] == population["_id"]
    assert r.by_name(f"experiments/{e}/compensations", "c")["_id"] == matrix["_id"]
    assert r.by_name(f"experiments/{e}/gates", "g")["_id"] == gate["_id"]
    query = f'in(filename, ["{A1}","other.fcs"])'
    found = r.ask("GET", f"experiments/{e}/fcsfiles?query={query}&fields=%2Bfilename")
    assert found == [{"_id": file["_id"], "filename": A1}]
    assert r.ask("GET", f"experiments/{e}/populations", params={"fields": "+name,+terminalGateGid"}) == [
        {"_id": population["_id"], "name": "g", "terminalGateGid": gate["gid"]}
    ]
    assert r.ask("GET", f"experiments/{e}/gates?fields=+name&query=null&limit=null") == [
        {"_id": gate["_id"], "name": "g"}
    ], "a + that was not escaped comes as a blank"


def test_queries_that_cannot_be_read_are_refused(client: Toolkit, r: R) -> None:
    for query in ("nonsense", 'like(name,"x")', "eq(name)"):
        with pytest.raises(APIError, match="query") as caught:
            r.ask("GET", "experiments", params={"query": query})
        assert caught.value.status_code == 400


# -- forms of R --------------------------------------------------------------------------------------------------------


def test_r_uploads_under_the_part_name_file(r: R, e: str) -> None:
    content = bd_file(events(20, 1))
    made = r.ask("POST", f"experiments/{e}/fcsfiles", files={"file": ("a b.fcs", content)})
    assert (made["filename"], made["eventCount"]) == ("a b.fcs", 20)
    noted = r.ask("POST", f"experiments/{e}/attachments", files={"file": ("note.txt", b"x")})
    assert r.ask("GET", f"experiments/{e}/attachments/{noted['_id']}") == "x"
    with pytest.raises(APIError, match="no form"):
        r.ask("POST", f"experiments/{e}/attachments", data=b"x", headers={"content-type": "text/plain"})
    with pytest.raises(APIError, match="filename"):
        r.ask("POST", f"experiments/{e}/attachments", files={"file": (None, "x")})


def test_r_makes_gates_with_null_as_text(r: R, e: str) -> None:
    body = {"type": "RangeGate", "name": "g", "gid": generate_id(), "xChannel": "a", "tailoredPerFile": False,
            "fcsFileId": None,
            "model": {"locked": False, "label": [1, 0.5], "range": {"x1": 1, "x2": 2, "y": 0.5}}}  # fmt: skip
    path = f"experiments/{e}/gates?parentPopulationId=null&createPopulation=true"
    made = r.ask("POST", path, json=body)
    assert (made["population"]["parentId"], made["gate"]["gid"]) == (None, body["gid"])
    below = r.ask(
        "POST", path.replace("null", made["population"]["_id"]), json=body | {"gid": generate_id(), "name": "h"}
    )
    assert below["population"]["parentId"] == made["population"]["_id"]
    assert r.ask("GET", f"experiments/{e}/gates/{made['gate']['_id']}/")["name"] == "g", "a slash at the end"


def test_r_spells_an_empty_object_as_an_array(r: R) -> None:
    made = r.ask("POST", "experiments", data="[]", headers={"content-type": "application/json"})
    assert made["name"] == "Untitled Experiment"
    assert r.ask("PATCH", f"experiments/{made['_id']}", json={"sortingSpec": []})["sortingSpec"] == {}
    r.ask("DELETE", f"experiments/{made['_id']}")


def test_r_spells_an_array_of_one_text_as_the_text(r: R) -> None:
    folder = r.ask("POST", "folders", json={"name": "of R"})["_id"]
    made = r.ask("POST", "experiments", json={"name": "of R", "tags": "a", "path": folder})
    assert (made["tags"], made["path"]) == (["a"], [folder])
    path = f"experiments/{made['_id']}"
    changed = r.ask("PATCH", path, json={"tags": "b", "dataOrder": "c", "path": folder})
    assert (changed["tags"], changed["dataOrder"], changed["path"]) == (["b"], ["c"], [folder])
    copy = r.ask("POST", f"{path}/clone", json={"path": folder})
    assert copy["path"] == [folder]
    for id in (made["_id"], copy["_id"]):
        r.ask("DELETE", f"experiments/{id}")
    r.ask("DELETE", f"folders/{folder}")


def test_r_calls_all_events_by_an_empty_text(client: Toolkit, r: R, e: str) -> None:
    client.upload_fcs_file(e, A1, bd_file(events(50, 1)))
    model = {"range": {"x1": 1, "x2": 1e9, "y": 0.5}}
    path, body = f"experiments/{e}/gates?createPopulation=true", {"type": "RangeGate", "name": "g", "model": model}
    top = r.ask("POST", path, json=body | {"xChannel": "FSC-A"})["population"]
    made = {"name": "p", "gates": top["gates"], "terminalGateGid": None}
    assert r.ask("POST", f"experiments/{e}/populations", json=made | {"parentId": ""})["parentId"] is None
    below = r.ask("POST", f"experiments/{e}/populations", json=made | {"parentId": top["_id"]})
    freed = r.ask("PATCH", f"experiments/{e}/populations/{below['_id']}", json={"parentId": ""})
    assert freed["parentId"] is None
    asked = {"statistics": ["percent"], "populationIds": ["", top["_id"]], "percentOf": ["", "PARENT"]}
    rows = r.ask("POST", f"experiments/{e}/bulkstatistics", json=asked)
    assert [(row["populationId"], row["percentOf"]) for row in rows] == [
        (None, "Ungated"), (None, "Ungated"), (top["_id"], "Ungated"), (top["_id"], "Ungated")
    ]  # fmt: skip
    with pytest.raises(APIError, match="24 hex digits"):
        r.ask("POST", f"experiments/{e}/bulkstatistics", json=asked | {"fcsFileIds": [""]})


def test_r_wraps_the_vertices_of_flow_core(r: R, e: str) -> None:
    corners = [[1.5, 4], [2, 5], [3, 1]]
    model = {"label": [1, 2], "polygon": {"vertices": [corners]}}
    body = {"type": "PolygonGate", "name": "p", "xChannel": "a", "yChannel": "b", "model": model}
    made = r.ask("POST", f"experiments/{e}/gates", json=body)
    assert made["model"] == {"locked": False, "label": [1, 2], "polygon": {"vertices": corners}}
    with pytest.raises(APIError, match="400"):
        r.ask("POST", f"experiments/{e}/gates", json=body | {"model": {"polygon": {"vertices": [[[1, 2]]]}}})


def test_r_sends_a_matrix_as_rows(r: R, e: str) -> None:
    body = {"name": "c", "channels": ["a", "b"], "spillMatrix": [[1, 0.1], [0.02, 1]]}
    made = r.ask("POST", f"experiments/{e}/compensations", json=body)
    assert made["spillMatrix"] == [1, 0.1, 0.02, 1]
    path = f"experiments/{e}/compensations/{made['_id']}"
    assert r.ask("PATCH", path, json={"spillMatrix": [[1, 0.5], [0, 1]]})["spillMatrix"] == [1, 0.5, 0, 1]
    with pytest.raises(APIError, match="400"):
        r.ask("PATCH", path, json={"spillMatrix": [[1, 0.5], [0, "x"]]})


def test_r_sends_labels_that_are_none(r: R, e: str) -> None:
    for labels in (None, 1, [1], [[1, 2]]):
        body = {"type": "SplitGate", "name": "s", "xChannel": "a", "model": {"labels": labels, "split": {"x": 1}}}
        made = r.ask("POST", f"experiments/{e}/gates", json=body)
        assert len(made["model"]["labels"]) in (1, 2)


def test_paths_that_r_misspells_are_not_found_in_json(r: R) -> None:
    for path in ("v/1/experiments/x/compensations/y", "experiment"):
        with pytest.raises(APIError, match="There is no address") as caught:
            r.ask("DELETE", path)
        assert caught.value.status_code == 404


def test_r_statistics(client: Toolkit, r: R, e: str) -> None:
    id = client.upload_fcs_file(e, A1, bd_file(events(50, 1)))["_id"]
    body = {"statistics": ["mean"], "channels": ["FSC-A"], "q": 1, "annotations": False, "compensationId": 0,
            "fcsFileIds": [id], "populationIds": [None], "percentOf": None, "format": "json",
            "layout": "medium"}  # fmt: skip
    (row,) = r.ask("POST", f"experiments/{e}/bulkstatistics", json=body)
    assert (row["fcsFileId"], row["populationId"]) == (id, None)
    text = r.ask("POST", f"experiments/{e}/bulkstatistics", json=body | {"format": "TSV (with header)"})
    assert text.startswith("fcsFileId\tfilename\t")
    png = r.ask(
        "GET",
        f"experiments/{e}/plot?fcsFileId={id}&xChannel=FSC-A&yChannel=SSC-A&zChannel=&plotType=dot"
        "&axisLabelsQ=true&ticksQ=true",
    )
    assert png[:4] == b"\x89PNG"


# -- bodies and types --------------------------------------------------------------------------------------------------


def test_python_names_json_on_every_request(client: Toolkit, e: str) -> None:
    client.update_experiment(e, name="n")
    assert client.session.headers["Content-Type"] == "application/json"
    assert client._request("GET", f"experiments/{e}").request.headers["Content-Type"] == "application/json"
    assert client._request("DELETE", f"experiments/{e}").status_code == 204


def test_every_create_and_change_answers_json(client: Toolkit, e: str) -> None:
    for method, path, body, status in (
        ("POST", "experiments", {}, 201),
        ("PATCH", f"experiments/{e}", {"name": "x"}, 200),
        ("POST", f"experiments/{e}/gates/reset", None, 200),
        ("POST", f"experiments/{e}/revision", {"description": "r"}, 200),
        ("POST", f"experiments/{e}/importResources", {"srcExperiment": e, "import": {}}, 200),
        ("POST", f"experiments/{e}/clone", {}, 201),
    ):
        response = client._request(method, path, json=body)
        assert (response.status_code, response.headers["content-type"]) == (status, "application/json"), path
        answer = response.json()
        if response.status_code == 201:
            client.delete_experiment(answer["_id"])


def test_times_have_a_fraction_and_a_z(client: Toolkit, e: str) -> None:
    document = client.get_experiment(e)
    for key in ("created", "updated", "deepUpdated"):
        parse_time(document[key])
        assert len(document[key]) == len("2026-11-22T10:44:15.724Z")
    assert parse_time(client.mark_deleted(e)["deleted"])


def test_numbers_come_back_as_doubles(client: Toolkit, e: str) -> None:
    numbers = [1e38, -1e38, 3.141592653589793, 113446.7481834943, 5e-324, 0.1]
    made = client.update_experiment(e, data={"numbers": numbers})
    assert made["data"]["numbers"] == numbers
    text = client._request("GET", f"experiments/{e}").text
    assert json.loads(text)["data"]["numbers"] == numbers


def test_ids_have_24_hex_digits_in_either_case(client: Toolkit, e: str) -> None:
    assert client.get_experiment(e.upper())["_id"] == e
    gid = generate_id().upper()
    gate = client.create_gate(e, "RangeGate", ("a",), {"range": {"x1": 1, "x2": 2}}, name="g", gid=gid)
    assert gate["gid"] == gid.lower()
    assert client.update_family(e, gid, name="h") == 1


def test_pictures_and_files_of_others_are_not_found(cellengine: CellEngineWorld, client: Toolkit, e: str) -> None:
    file = client.upload_fcs_file(e, A1, bd_file(events(20, 1)))
    bob = cellengine.toolkit("bob")
    for call in (
        lambda: bob.get_events(e, file["_id"]),
        lambda: bob.plot(e, file["_id"], "FSC-A", "SSC-A", "dot"),
        lambda: bob.get_statistics(e, "mean", "FSC-A"),
        lambda: bob.upload_fcs_file(e, A1, bd_file(events(20, 1))),
        lambda: bob.create_fcs_file(e, file["_id"]),
        lambda: bob.get(f"experiments/{e}/fcsfiles"),
    ):
        with pytest.raises(APIError) as caught:
            call()
        assert caught.value.status_code == 404
    mine = bob.create_experiment("Bob's")["_id"]
    with pytest.raises(APIError, match="404"):
        bob.create_fcs_file(mine, [{"_id": file["_id"], "experiment_id": e}], "stolen.fcs")
    with pytest.raises(APIError, match="404"):
        bob.import_resources(mine, e, {})
    bob.delete_experiment(mine)
