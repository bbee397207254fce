"""The toolkit's own integration tests, one by one, as far as they need no FCS file: sign-in to populations."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.cellengine_driver import APIError, Toolkit, generate_id, parse_time
from tests.clients.cellengine_world import PASSWORD, CellEngineWorld

TEXT = b"hello world\n\n"
pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def client(cellengine: CellEngineWorld) -> Toolkit:
    """Signed in by user and password, so that the cookie alone tells who asks."""
    return Toolkit(cellengine.base_url, username="ada@example.org", password=PASSWORD)


@pytest.fixture
def ligands(client: Toolkit) -> Iterator[dict[str, Any]]:
    """A blank experiment, which is deleted whatever the test did."""
    experiment = client.create_experiment(f"Ligands {generate_id()[-5:]}")
    yield experiment
    client.delete_experiment(experiment["_id"])


@pytest.fixture
def e(ligands: dict[str, Any]) -> str:
    """Its id."""
    id: str = ligands["_id"]
    return id


def refused(call: Any, *args: Any, status: int = 404, **kwargs: Any) -> str:
    """The message of a call that the server refuses."""
    with pytest.raises(APIError) as caught:
        call(*args, **kwargs)
    assert caught.value.status_code == status, caught.value
    return caught.value.message


# -- experiments -------------------------------------------------------------------------------------------------------


def test_client_get_experiments(client: Toolkit, ligands: dict[str, Any]) -> None:
    assert ligands in client.get_experiments()


def test_experiment_get(client: Toolkit, ligands: dict[str, Any]) -> None:
    assert client.get_experiment(_id=ligands["_id"]) == ligands
    assert client.get_experiment(name=ligands["name"]) == ligands
    with pytest.raises(RuntimeError, match="does not exist"):
        client.get_experiment(name="no such experiment")


def test_experiment_create(client: Toolkit) -> None:
    made = client.create_experiment()
    try:
        assert made["name"] == "Untitled Experiment"
        assert made["comments"] == [{"insert": "\n"}]
        assert made["retentionPolicy"] == {"history": []}
        assert made["uploader"]["_id"] == made["primaryResearcher"]["_id"] == client.user_id
        assert [item["grantee"]["_id"] for item in made["permissions"]] == [client.user_id]
        assert parse_time(made["deepUpdated"]) >= parse_time(made["created"])
        for key in ("path", "dataOrder", "revisions", "tags", "colorSpec", "savedStatisticsExports"):
            assert made[key] == [], key
        for key in ("data", "sortingSpec", "palettes"):
            assert made[key] == {}, key
        for key in ("locked", "perFileCompensationsEnabled"):
            assert made[key] is False, key
        assert (made["deleted"], made["activeCompensation"]) == (None, 0)
        for key in ("cloneSourceExperiment", "revisionSourceExperiment", "analysisSourceExperiment", "analysisTask"):
            assert made.get(key) is None, key
    finally:
        client.delete_experiment(made["_id"])


def test_experiment_create_with_everything(client: Toolkit) -> None:
    folder = client.create_folder("Place")
    made = client.create_experiment(
        "Drive", comments="hello", tags=["t1"], path=[folder["_id"]], primaryResearcher=client.user_id
    )
    assert (made["name"], made["tags"], made["path"]) == ("Drive", ["t1"], [folder["_id"]])
    assert made["comments"] == [{"insert": "hello\n"}]
    client.delete_experiment(made["_id"])
    assert "primaryResearcher" in refused(client.create_experiment, primaryResearcher=generate_id(), status=400)


def test_update_experiment(client: Toolkit, e: str) -> None:
    values: dict[str, Any] = {
        "name": "new name",
        "sortingSpec": {"plate": ["a", None]},
        "activeCompensation": -1,
        "locked": False,
        "tags": ["x", "y"],
        "colorSpec": [["plate", [["a", 1], [None, 2]]]],
        "savedStatisticsExports": [{"name": "s", "n": 1.5}],
        "palettes": {"p": ["#fff"]},
        "data": {"anything": {"deep": [1, None]}},
        "dataOrder": ["anything"],
        "perFileCompensationsEnabled": True,
        "retentionPolicy": {"history": [{"a": 1}]},
    }
    assert client.update_experiment(e, **values).items() >= values.items()
    assert client.get_experiment(e).items() >= values.items()


@pytest.mark.parametrize("value", [0, -1, -2, "5d2f8b4091704a1c3d2e1f00"])
def test_active_compensation(client: Toolkit, e: str, value: Any) -> None:
    assert client.update_experiment(e, activeCompensation=value)["activeCompensation"] == value


def test_comments_come_as_one_object_and_go_as_an_array(client: Toolkit, e: str) -> None:
    assert client.update_experiment(e, comments={"insert": "x\n"})["comments"] == [{"insert": "x\n"}]
    rich = [{"insert": "x", "attributes": {"bold": True}}, {"insert": "\n"}]
    assert client.update_experiment(e, comments=rich)["comments"] == rich
    assert client.get_experiment(e)["comments"] == rich
    assert "comments" in refused(client.update_experiment, e, comments=[1], status=400)


def test_delete_and_undelete(client: Toolkit, ligands: dict[str, Any]) -> None:
    e = ligands["_id"]
    assert client.mark_deleted(e)["deleted"] is not None
    refused(client.get_experiment, e)
    with pytest.raises(RuntimeError, match="does not exist"):
        client.get_experiment(name=ligands["name"])
    assert ligands["name"] not in [item["name"] for item in client.get_experiments()]
    found = client.get("experiments", query=f'and(eq(_id,"{e}"),ne(deleted,null))')
    assert [item["_id"] for item in found] == [e]
    assert client.undelete_experiment(e)["deleted"] is None
    assert client.get_experiment(e)["name"] == ligands["name"]


def test_delete_of_a_deleted_experiment_succeeds(client: Toolkit, e: str) -> None:
    client.mark_deleted(e)
    client.delete_experiment(e)
    client.delete_experiment(e)


def test_clone(client: Toolkit, ligands: dict[str, Any]) -> None:
    e = ligands["_id"]
    gate, _ = client.create_gate(
        e, "RangeGate", ("a",), {"range": {"x1": 1, "x2": 2}}, name="g", create_population=True
    )
    client.upload_attachment(e, "text.txt", TEXT)
    client.create_compensation(e, "c", ["a", "b"], [1, 0, 0, 1])
    copy = client.clone(e)
    try:
        assert copy["name"] == f"{ligands['name']}-1"
        assert copy["cloneSourceExperiment"] == e
        (same,) = client.things(copy["_id"], "gate")
        assert same["_id"] != gate["_id"]
        assert (same["gid"], same["model"]) == (gate["gid"], gate["model"])
        assert len(client.things(copy["_id"], "population")) == 1
        assert len(client.things(copy["_id"], "compensation")) == 1
        assert client.download_attachment(copy["_id"], name="text.txt") == TEXT
    finally:
        client.delete_experiment(copy["_id"])
    named = client.clone(e, name="Cloned", path=[])
    assert (named["name"], named["path"]) == ("Cloned", [])
    client.delete_experiment(named["_id"])


def test_save_revision(client: Toolkit, ligands: dict[str, Any]) -> None:
    answer = client.save_revision(ligands["_id"], "r1")
    assert [item["description"] for item in answer["revisions"]] == ["r1"]
    assert answer["deepUpdated"] > parse_time(ligands["deepUpdated"])
    assert [item["description"] for item in client.save_revision(ligands["_id"], "r2")["revisions"]] == ["r1", "r2"]


def test_import_resources(client: Toolkit, e: str) -> None:
    source = client.create_experiment("Source")["_id"]
    shape = {"rectangle": {"x1": 1, "x2": 2, "y1": 3, "y2": 4}}
    client.create_gate(source, "RectangleGate", ("FSC-A", "FSC-W"), shape, name="in", create_population=True)
    client.create_gate(source, "RectangleGate", ("FSC-A", "Time"), shape, name="out", create_population=True)
    client.create_compensation(source, "c", ["a", "b"], [1, 0, 0, 1])
    channel_map = {"FSC-A": "FSC-A", "FSC-W": "FSC-W", "Time": ""}
    client.import_resources(e, source, channel_map, populations=True, compensations=True, savedStatisticExports=True)
    assert [gate["name"] for gate in client.things(e, "gate")] == ["in"]
    (population,) = client.things(e, "population")
    assert population["parentId"] is None
    assert len(client.things(e, "compensation")) == 1
    client.import_resources(e, source, channel_map, population["_id"], populations=True, compensations=False)
    below = next(item for item in client.things(e, "population") if item["_id"] != population["_id"])
    assert below["parentId"] == population["_id"]
    unknown = generate_id()
    with_unknown = {"compensations": [client.things(source, "compensation")[0]["_id"], unknown]}
    assert unknown in refused(client.import_resources, e, source, channel_map, **with_unknown)
    assert len(client.things(e, "compensation")) == 1
    client.delete_experiment(source)


def test_changes_of_what_it_holds_move_deep_updated_alone(client: Toolkit, ligands: dict[str, Any]) -> None:
    client.create_compensation(ligands["_id"], "c", ["a", "b"], [1, 0, 0, 1])
    now = client.get_experiment(ligands["_id"])
    assert now["deepUpdated"] > ligands["deepUpdated"]
    assert now["updated"] == ligands["updated"]


def test_locked_experiments_refuse_changes_but_unlocking(client: Toolkit, e: str) -> None:
    assert client.update_experiment(e, locked=True)["locked"] is True
    for call in (
        lambda: client.update_experiment(e, name="x"),
        lambda: client.create_compensation(e, "c", ["a", "b"], [1, 0, 0, 1]),
        lambda: client.upload_attachment(e, "text.txt", TEXT),
        lambda: client.create_gate(e, "RangeGate", ("a",), {"range": {"x1": 1, "x2": 2}}, name="g"),
    ):
        assert "locked" in refused(call, status=400)
    assert client.update_experiment(e, locked=False)["locked"] is False


def test_read_only_keys_cannot_be_changed(client: Toolkit, e: str) -> None:
    assert refused(client.update_experiment, e, created="2020-01-01T00:00:00.000Z", status=400)
    client.update_experiment(e, fullName="ignored", name="n")


# -- folders -----------------------------------------------------------------------------------------------------------


def test_folders(client: Toolkit) -> None:
    above = client.create_folder("Above", path=[])
    assert (above["path"], above["deleted"]) == ([], None)
    assert above["creator"] == above["permissions"][0]["grantee"]["_id"] == client.user_id
    below = client.create_folder("Below", path=[above["_id"]])
    assert below["path"] == [above["_id"]]
    assert client.get_folder(below["_id"]) == below == client.get_folder(name="Below")
    assert below in client.get_folders()
    assert client.update_folder(below["_id"], name="Renamed")["name"] == "Renamed"
    refused(client.delete_folder, above["_id"], status=400)
    client.delete_folder(below["_id"])
    refused(client.get_folder, below["_id"])
    with pytest.raises(RuntimeError, match="does not exist"):
        client.get_folder(name="Renamed")
    assert client.undelete_folder(below["_id"])["deleted"] is None
    assert client.get_folder(below["_id"])["path"] == [above["_id"]]
    assert client.update_folder(below["_id"], path=[])["path"] == []
    assert client.update_folder(below["_id"], deleted="2026-01-01T00:00:00")["deleted"] is not None
    client.delete_folder(below["_id"])
    client.delete_folder(above["_id"])
    refused(client.update_folder, generate_id(), name="x")


def test_experiments_move_between_folders(client: Toolkit, e: str) -> None:
    above = client.create_folder("Above")["_id"]
    below = client.create_folder("Below", path=[above])["_id"]
    assert client.update_experiment(e, path=[above, below])["path"] == [above, below]
    assert client.update_experiment(e, path=[])["path"] == []


# -- attachments -------------------------------------------------------------------------------------------------------


def test_attachments(client: Toolkit, e: str) -> None:
    made = client.upload_attachment(e, "text.txt", TEXT)
    assert made["experimentId"] == e
    assert (made["filename"], made["size"]) == ("text.txt", 13)
    assert (made["md5"], made["crc32c"]) == ("d300fa70af75aa4b157382293609dcd9", "4afc08fb")
    assert client.attachments(e) == [made]
    assert client.get_attachment(e, _id=made["_id"]) == made == client.get_attachment(e, name="text.txt")
    assert client.download_attachment(e, _id=made["_id"]) == TEXT == client.download_attachment(e, name="text.txt")
    assert client.update_attachment(e, made["_id"], filename="new.txt")["filename"] == "new.txt"
    client.delete_attachment(e, made["_id"])
    with pytest.raises(RuntimeError, match="does not exist"):
        client.get_attachment(e, _id=made["_id"])
    refused(client.download_attachment, e, _id=made["_id"])


@pytest.mark.parametrize("filename", ["Zoë (DL350neg) [1].txt", "a,b;c.txt", "日本.txt", "in/folder.txt"])
def test_attachments_keep_their_names_and_bytes(client: Toolkit, e: str, filename: str) -> None:
    content = bytes(range(256)) * 300 + b"\r\n--x"
    made = client.upload_attachment(e, filename, content)
    assert (made["filename"], made["md5"]) == (filename, hashlib.md5(content, usedforsecurity=False).hexdigest())
    assert client.download_attachment(e, name=filename) == content
    assert client.upload_attachment(e, "empty", b"")["size"] == 0


# -- compensations -----------------------------------------------------------------------------------------------------


def test_compensations(client: Toolkit, e: str) -> None:
    made = client.create_compensation(e, "test_comp", ["a", "b"], [1, 0.25, 1e-17, 1])
    assert (made["name"], made["channels"], made["spillMatrix"]) == ("test_comp", ["a", "b"], [1, 0.25, 1e-17, 1])
    assert client.thing(e, "compensation", made["_id"]) == made == client.thing(e, "compensation", name="test_comp")
    assert client.things(e, "compensation") == [made]
    changed = client.update(e, "compensation", made["_id"], name="new", spillMatrix=[1, 0, 0, 1])
    assert (changed["name"], changed["spillMatrix"]) == ("new", [1, 0, 0, 1])
    client.remove(e, "compensation", made["_id"])
    refused(client.thing, e, "compensation", made["_id"])
    assert re.search("4", refused(client.create_compensation, e, "c", ["a", "b"], [1], status=400))
    assert "rows of a, b depend" in refused(client.create_compensation, e, "c", ["a", "b"], [1, 2, 1, 2], status=400)


# -- populations -------------------------------------------------------------------------------------------------------


def test_populations(client: Toolkit, e: str) -> None:
    shape = {"range": {"x1": 1, "x2": 2, "y": 0.5}}
    gate, (top,) = client.create_gate(e, "RangeGate", ("a",), shape, name="CD4", create_population=True)
    builder = {"$and": [gate["gid"], {"$or": [gate["gid"]]}, {"$not": [gate["gid"]]}, {"$xor": [gate["gid"]] * 3}]}
    made = client.create_population(e, "CD4", builder, parentId=top["_id"], terminalGateGid=None)
    assert made["gates"] == json.dumps(builder)
    assert (made["parentId"], made["terminalGateGid"]) == (top["_id"], None)
    assert (top["uniqueName"], made["uniqueName"]) == ("CD4", "CD4 > CD4")
    assert client.thing(e, "population", made["_id"]) == made
    changed = client.update(e, "population", made["_id"], name="CD45RA")
    assert (changed["name"], changed["uniqueName"]) == ("CD45RA", "CD45RA")
    assert client.thing(e, "population", name="CD45RA")["_id"] == made["_id"]
    client.remove(e, "population", top["_id"])
    refused(client.thing, e, "population", top["_id"])
    assert client.thing(e, "population", made["_id"])["parentId"] is None, "children move up"


def test_populations_by_the_names_of_the_suite(client: Toolkit, e: str) -> None:
    gid = generate_id()
    made = client.create_population(e, "p", {"$and": [gid]}, parent_id=None, terminal_gate_gid=gid)
    assert (made["parentId"], made["terminalGateGid"]) == (None, None), "keys in snake case mean nothing"
    for wrong in ("not JSON", '{"$and": ["x"]}', '{"$nand": []}', "[]", "1"):
        refused(client.create_population, e, "p", wrong, status=400)


def test_delete_of_a_branch_takes_gates_along(client: Toolkit, e: str) -> None:
    shape = {"range": {"x1": 1, "x2": 2, "y": 0.5}}
    _, (top,) = client.create_gate(e, "RangeGate", ("a",), shape, name="top", create_population=True)
    split = {"split": {"x": 1}, "gids": [generate_id(), generate_id()], "labels": [[0, 1], [1, 1]]}
    made = client.create_gate(
        e, "SplitGate", ("a",), split, names=["L", "R"], create_population=True, parent=top["_id"]
    )
    left = made[1][0]
    client.delete(f"experiments/{e}/populations/{left['_id']}?deleteBranch=true")
    assert len(client.things(e, "gate")) == 2, "the other sector is in use"
    client.delete(f"experiments/{e}/populations/{top['_id']}?deleteBranch=true")
    assert client.things(e, "population") == client.things(e, "gate") == []
