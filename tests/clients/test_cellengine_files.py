"""FCS files and statistics on the CellEngine wire: the toolkit's own tests of them, and the quirks around."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import flowio
import numpy as np
import pytest
import requests

from tests.clients.cellengine_driver import UNSET, APIError, Toolkit
from tests.clients.cellengine_world import A1, A2, CHANNELS, DYES, bd_file, events, spill_matrix

N = {A1: 4000, A2: 3000}
EVENTS = {A1: events(N[A1], 1), A2: events(N[A2], 2)}
WELLS = {A1: "A01", A2: "A02"}
INSIDE = {"x1": 30000, "x2": 100000, "y1": 10000, "y2": 60000}
ROW = (
    "fcsFileId", "filename", "populationId", "population", "uniquePopulationName", "parentPopulation",
    "parentPopulationId", "annotations", "percentOfId", "percentOf", "percentOfUniqueName", "percent", "eventCount",
    "channel", "reagent",
)  # fmt: skip
pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def ligands(client: Toolkit) -> Iterator[dict[str, Any]]:
    """An experiment with two files; the ids of these are under their names."""
    e = client.create_experiment("Ligands of files")["_id"]
    ids = {name: client.upload_fcs_file(e, name, bd_file(EVENTS[name], well=WELLS[name]))["_id"] for name in (A1, A2)}
    yield {"e": e, **ids}
    client.delete_experiment(e)


def column(name: str, channel: str) -> np.ndarray:
    """Compensated by the file's own matrix, float64; shape (n_events,)."""
    values = EVENTS[name].astype(np.float64)
    if channel not in DYES:
        return values[:, CHANNELS.index(channel)]
    dyes = values[:, 6:14] @ np.linalg.inv(spill_matrix())
    return dyes[:, DYES.index(channel)]


def inside(name: str) -> np.ndarray:
    """Which events lie in the rectangle on FSC-A × SSC-A; shape (n_events,)."""
    x, y = column(name, "FSC-A"), column(name, "SSC-A")
    return (x >= INSIDE["x1"]) & (x <= INSIDE["x2"]) & (y >= INSIDE["y1"]) & (y <= INSIDE["y2"])


def quantile(values: np.ndarray, q: float) -> float:
    """Hyndman and Fan's type 8."""
    return float(np.quantile(values, q, method="median_unbiased"))


# -- files -------------------------------------------------------------------------------------------------------------


def test_upload_tells_everything_at_once(client: Toolkit, e: str) -> None:
    content = bd_file(EVENTS[A1])
    made = client.upload_fcs_file(e, A1, content)
    assert (made["filename"], made["eventCount"], made["size"]) == (A1, N[A1], len(content))
    assert made["panel"][0] == {"channel": "FSC-A", "reagent": "FSC-A", "index": 1}
    assert [item["index"] for item in made["panel"]] == list(range(1, 16))
    assert next(item["reagent"] for item in made["panel"] if item["channel"] == "Time") == "Time"
    assert made["annotations"] == [
        {"name": "plate", "value": "96 Well - V bottom"},
        {"name": "plate row", "value": "A"},
        {"name": "plate column", "value": "01"},
        {"name": "plate well", "value": "A01"},
    ]
    assert (made["hasFileInternalComp"], made["compensation"], made["sampleName"]) == (True, -1, " ")
    assert (made["isControl"], made["gatesLocked"], made["deleted"], made["data"]) == (False, False, None, {})
    assert made["panelName"] == "Panel 1"
    scales = {item["channelName"]: item["scale"] for item in client.scaleset(e)["scales"]}
    assert list(scales) == list(CHANNELS)
    assert scales["FSC-A"] == {"type": "LinearScale", "minimum": 1, "maximum": 262144}
    assert scales["Time"]["type"] == "LinearScale"
    assert scales["Vio450-A"] == {"type": "ArcSinhScale", "minimum": -200, "maximum": 262144, "cofactor": 150}


def test_existing_scales_stay_when_files_arrive(client: Toolkit, e: str) -> None:
    client.upload_fcs_file(e, A1, bd_file(EVENTS[A1][:50]))
    scale_set = client.scaleset(e)
    scale_set["scales"][0]["scale"]["maximum"] = 10
    assert client.update_scales(e, scale_set["_id"], scale_set["scales"])[0]["scale"]["maximum"] == 10
    client.upload_fcs_file(e, A2, bd_file(EVENTS[A2][:50]))
    assert client.scaleset(e)["scales"] == scale_set["scales"]


def test_get_by_name_with_brackets_and_by_id(client: Toolkit, ligands: dict[str, Any]) -> None:
    e = ligands["e"]
    by_id = client.thing(e, "fcsfile", ligands[A1])
    assert client.thing(e, "fcsfile", name=A1) == by_id
    listed = {item["_id"]: item for item in client.things(e, "fcsfile")}
    assert list(listed) == [ligands[A1], ligands[A2]]
    assert listed[ligands[A1]].items() <= by_id.items()
    assert "header" not in listed[ligands[A1]], "lists go without keywords"


def test_header_and_spill_string(client: Toolkit, ligands: dict[str, Any]) -> None:
    header = client.header(ligands["e"], ligands[A1])
    assert (header["$PAR"], header["$TOT"], header["$P1N"], header["SAMPLE ID"]) == ("15", str(N[A1]), "FSC-A", " ")
    text = client.thing(ligands["e"], "fcsfile", ligands[A1])["spillString"]
    n, *rest = text.split(",")
    assert rest[: int(n)] == list(DYES)
    np.testing.assert_allclose(np.array(rest[int(n) :], float).reshape(8, 8), spill_matrix())


def test_annotations_come_back_as_they_were_sent(client: Toolkit, e: str) -> None:
    id = client.upload_fcs_file(e, A1, bd_file(EVENTS[A1][:50]))["_id"]
    sent = [
        {"name": "dose", "value": 5},
        {"name": "plate", "value": "P1"},
        {"name": " arm ", "value": "A"},
        {"name": "dose", "value": 7.5},
        {"name": "note", "value": ""},
        {"name": "day", "value": None},
    ]
    assert client.update(e, "fcsfile", id, annotations=sent)["annotations"] == sent
    assert client.thing(e, "fcsfile", id)["annotations"] == sent
    assert client.things(e, "fcsfile")[0]["annotations"] == sent
    (row,) = client.get_statistics(e, "eventCount", [])
    assert row["annotations"] == {"dose": 7.5, "plate": "P1", "arm": "A"}, "of a name that comes twice the last counts"
    turned = list(reversed(sent))
    assert client.update(e, "fcsfile", id, annotations=turned)["annotations"] == turned, "the order is kept as well"
    assert client.update(e, "fcsfile", id, annotations=[])["annotations"] == []


def test_annotations_changed_elsewhere_show_what_they_are_now(client: Toolkit, e: str) -> None:
    id = client.upload_fcs_file(e, A1, bd_file(EVENTS[A1][:50]))["_id"]
    client.update(e, "fcsfile", id, annotations=[{"name": "day", "value": None}, {"name": "dose", "value": 1}])
    native = client.base_url.removesuffix("/cellengine") + f"/api/v1/datasets/{id}/file-annotations"
    said = {"annotations": [{"name": "dose", "value": 2}]}
    requests.put(native, json=said, headers={"Authorization": f"Bearer {client.token}"}, timeout=60).raise_for_status()
    assert client.thing(e, "fcsfile", id)["annotations"] == [{"name": "dose", "value": 2}]


def test_file_update(client: Toolkit, e: str) -> None:
    id = client.upload_fcs_file(e, A1, bd_file(EVENTS[A1][:50]))["_id"]
    file = client.thing(e, "fcsfile", id)
    annotations = [*file["annotations"], {"name": "new", "value": "x"}]
    changed = client.update(e, "fcsfile", id, filename="new name.fcs", annotations=annotations)
    assert (changed["filename"], changed["annotations"]) == ("new name.fcs", annotations)
    assert client.thing(e, "fcsfile", id)["annotations"] == annotations
    numbers = [{"name": "dose", "value": 5.5}]
    assert client.update(e, "fcsfile", id, annotations=numbers)["annotations"] == numbers, "R sends numbers"
    matrix = client.create_compensation(e, "c", ["a", "b"], [1, 0, 0, 1])["_id"]
    for value in (0, -1, matrix):
        assert client.update(e, "fcsfile", id, compensation=value)["compensation"] == value
    with pytest.raises(APIError, match="compensation"):
        client.update(e, "fcsfile", id, compensation=-2)
    client.delete(f"experiments/{e}/compensations/{matrix}")
    with pytest.raises(APIError, match="is read with is not in its study any more"):
        client.get_events(e, id, compensatedQ=True, compensationId=-2)
    with pytest.raises(APIError, match="no such compensation in the study"):
        client.get_events(e, id, compensatedQ=True, compensationId=matrix)
    panel = [{**item, "reagent": "CD4"} if item["channel"] == "Vio450-A" else item for item in file["panel"]]
    changed = client.update(e, "fcsfile", id, panel=panel, panelName="T cells", gatesLocked=True)
    assert (changed["panel"], changed["panelName"], changed["gatesLocked"]) == (panel, "T cells", True)
    assert client.header(e, id)["$P8S"] == "Vio450-A", "the file itself stays"


def test_controls_stay_out_of_lists_and_statistics(client: Toolkit, e: str) -> None:
    first = client.upload_fcs_file(e, "a.fcs", bd_file(EVENTS[A1][:50]))["_id"]
    control = client.upload_fcs_file(e, "control.fcs", bd_file(EVENTS[A1][:50]))["_id"]
    client.update(e, "fcsfile", control, isControl=True)
    path = f"experiments/{e}/fcsfiles"
    assert [item["_id"] for item in client.get(path)] == [first]
    assert [item["_id"] for item in client.get(path, includeControls="true")] == [first, control]
    assert client.thing(e, "fcsfile", name="control.fcs")["isControl"] is True
    for query in ("eq(deleted,null)", 'eq(panelName,"Panel 1")'):  # as the vignettes of R list files
        assert [item["_id"] for item in client.get(path, query=query)] == [first]
        assert len(client.get(path, query=query, includeControls="true")) == 2
    assert [item["_id"] for item in client.get(path, query="eq(isControl,true)")] == [control]
    rows = client.get_statistics(e, "mean", "FSC-A")
    assert [row["fcsFileId"] for row in rows] == [first]


def test_file_delete_and_undelete(client: Toolkit, e: str) -> None:
    id = client.upload_fcs_file(e, "a.fcs", bd_file(EVENTS[A1][:50]))["_id"]
    client.remove(e, "fcsfile", id)
    with pytest.raises(APIError, match="404"):
        client.thing(e, "fcsfile", id)
    assert client.things(e, "fcsfile") == []
    with pytest.raises(RuntimeError, match="does not exist"):
        client.thing(e, "fcsfile", name="a.fcs")
    assert client.update(e, "fcsfile", id, deleted=None)["deleted"] is None
    assert client.update(e, "fcsfile", id, deleted="2026-11-22T10:44:15.724800")["deleted"] is not None
    assert client.things(e, "fcsfile") == []


@pytest.mark.parametrize("content", [b"", b"hello world", bd_file(EVENTS[A1])[:9000]])
def test_bad_files_are_refused_whole(client: Toolkit, e: str, content: bytes) -> None:
    with pytest.raises(APIError) as caught:
        client.upload_fcs_file(e, "bad.fcs", content)
    assert caught.value.status_code == 400
    assert "bad.fcs" in caught.value.message
    assert client.things(e, "fcsfile") == []


def test_file_from_a_data_frame(client: Toolkit, e: str) -> None:
    """FlowIO writes TEXT at byte 256 with the delimiter /, which it doubles inside values."""
    output = io.BytesIO()
    values = np.array([[1, 2, 3], [4, 5, 6.5]], np.float32)
    flowio.create_fcs(
        output,
        values.ravel().tolist(),
        ["Ax488-A", "PE-A", "Time"],
        opt_channel_names=["a/B", "", ""],
        metadata_dict={"$COM": "from a / frame", "extra": "1"},
    )
    made = client.upload_fcs_file(e, "New file.fcs", output.getvalue())
    assert (made["filename"], made["eventCount"]) == ("New file.fcs", 2)
    assert [(item["channel"], item["reagent"]) for item in made["panel"]] == [
        ("Ax488-A", "a/B"),
        ("PE-A", None),
        ("Time", None),
    ]
    header = json.loads(client.thing(e, "fcsfile", made["_id"])["header"])
    lower = {key.lower(): value for key, value in header.items()}
    assert (lower["$par"], lower["$tot"], lower["$p1s"], lower["$com"]) == ("3", "2", "a/B", "from a / frame")
    assert "$p3s" not in lower


# -- statistics --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gated(client: Toolkit, ligands: dict[str, Any]) -> dict[str, Any]:
    """The experiment with the rectangle, its population, and one below that takes the lower half."""
    e = ligands["e"]
    gate, (population,) = client.create_gate(
        e, "RectangleGate", ("FSC-A", "SSC-A"), {"rectangle": INSIDE}, name="cells", create_population=True
    )
    _, (below,) = client.create_gate(
        e,
        "RangeGate",
        ("Vio450-A",),
        {"range": {"x1": -10, "x2": 1.0}},
        name="low",
        create_population=True,
        parent=population["_id"],
    )
    return ligands | {"gate": gate, "cells": population["_id"], "low": below["_id"]}


def test_statistics_of_a_population(client: Toolkit, gated: dict[str, Any]) -> None:
    asked = ["mean", "median", "quantile", "eventcount", "percent"]
    rows = client.get_statistics(
        gated["e"], asked, ["FSC-A", "Vio450-A"], compensationId=-1, q=0.9, percentOf="PARENT",
        populationIds=[gated["cells"]],
    )  # fmt: skip
    assert [(row["filename"], row["channel"]) for row in rows] == [
        (name, channel) for name in (A1, A2) for channel in ("FSC-A", "Vio450-A")
    ]
    for row in rows:
        assert tuple(row) == (*ROW, "mean", "median", "quantile"), "in this order"
        mask = inside(row["filename"])
        values = column(row["filename"], row["channel"])[mask]
        assert (row["eventCount"], row["percent"]) == (mask.sum(), pytest.approx(100 * mask.mean()))
        assert row["mean"] == pytest.approx(values.mean(), rel=1e-5)
        assert row["median"] == pytest.approx(np.median(values), rel=1e-4)
        assert row["quantile"] == pytest.approx(quantile(values, 0.9), rel=1e-4)
        assert (row["population"], row["uniquePopulationName"]) == ("cells", "cells")
        assert (row["parentPopulation"], row["parentPopulationId"]) == ("Ungated", None)
        assert (row["percentOf"], row["percentOfId"], row["percentOfUniqueName"]) == ("Ungated", None, "Ungated")
        assert row["annotations"]["plate well"] == WELLS[row["filename"]]
        assert row["reagent"] == row["channel"]


def test_statistics_of_all_events(client: Toolkit, ligands: dict[str, Any]) -> None:
    rows = client.get_statistics(ligands["e"], "mean", ["FSC-A"], fcsFileIds=[ligands[A1], ligands[A2]])
    assert [row["mean"] for row in rows] == [pytest.approx(column(n, "FSC-A").mean(), rel=1e-6) for n in (A1, A2)]
    assert {row["population"] for row in rows} == {"Ungated"}
    for ids in ([], None, UNSET):
        assert client.get_statistics(ligands["e"], "mean", ["FSC-A"], fcsFileIds=ids, populationIds=ids) == rows


def test_every_statistic_against_numpy(client: Toolkit, ligands: dict[str, Any]) -> None:
    names = ["MEAN", "mad", "stddev", "cv", "geometricMean", "Quantile", "median"]
    rows = client.get_statistics(ligands["e"], names, ["FSC-H", "Vio605-A"], q=0.25, fcsFileIds=[ligands[A2]])
    assert list(rows[0])[-7:] == ["mean", "mad", "stddev", "cv", "geometricMean", "quantile", "median"]
    assert not {"percent", "eventCount", "percentOf"} & rows[0].keys()
    for row in rows:
        values = EVENTS[A2][:, CHANNELS.index(row["channel"])].astype(np.float64)  # not compensated by default
        expected = {
            "mean": values.mean(),
            "mad": np.median(np.abs(values - np.median(values))),
            "stddev": values.std(ddof=1),
            "cv": 100 * values.std(ddof=1) / values.mean(),
            "quantile": quantile(values, 0.25),
            "median": np.median(values),
        }
        assert {name: row[name] for name in expected} == pytest.approx(expected, rel=1e-5)
        geometric = float(np.exp(np.log(values).mean())) if (values > 0).all() else None
        assert row["geometricMean"] == (geometric if geometric is None else pytest.approx(geometric, rel=1e-5))


def test_percent_of_several_references(client: Toolkit, gated: dict[str, Any]) -> None:
    rows = client.get_statistics(
        gated["e"], ["percent", "eventCount"], [], populationIds=[gated["low"], None], fcsFileIds=[gated[A1]],
        percentOf=["PARENT", None, gated["cells"]], compensationId=-1,
    )  # fmt: skip
    low = inside(A1) & (np.arcsinh(np.clip(column(A1, "Vio450-A"), -200, 262144) / 150) <= 1.0)
    assert [(row["population"], row["percentOf"]) for row in rows] == [
        ("low", "cells"), ("low", "Ungated"), ("low", "cells"),
        ("Ungated", "Ungated"), ("Ungated", "Ungated"), ("Ungated", "cells"),
    ]  # fmt: skip
    n, n_cells = int(low.sum()), int(inside(A1).sum())
    assert [row["eventCount"] for row in rows] == [n] * 3 + [N[A1]] * 3
    expected = [n / n_cells, n / N[A1], n / n_cells, 1, 1, N[A1] / n_cells]
    assert [row["percent"] for row in rows] == pytest.approx([100 * value for value in expected])
    assert "channel" not in rows[0], "counts alone give one row a population"
    assert rows[0]["parentPopulationId"] == gated["cells"]
    grand = client.get_statistics(
        gated["e"], "percent", [], percentOf=None, populationIds=[gated["low"]], fcsFileIds=[gated[A1]],
        compensationId=-1,
    )  # fmt: skip
    assert grand[0]["percent"] == pytest.approx(100 * n / N[A1]), "null means all events"


def test_statistics_of_nothing_are_null(client: Toolkit, e: str) -> None:
    client.upload_fcs_file(e, A1, bd_file(EVENTS[A1][:100]))
    _, (population,) = client.create_gate(
        e, "RangeGate", ("FSC-A",), {"range": {"x1": 2, "x2": 3}}, name="none", create_population=True
    )
    (row,) = client.get_statistics(
        e, ["mean", "stddev", "percent", "eventCount"], "FSC-A", populationIds=[population["_id"]]
    )
    assert (row["eventCount"], row["percent"], row["mean"], row["stddev"]) == (0, 0, None, None)
    (row,) = client.get_statistics(e, ["percent"], [], percentOf=population["_id"])
    assert row["percent"] is None, "of an empty population"


def test_statistics_of_a_channel_that_no_file_has_say_so(client: Toolkit, e: str) -> None:
    client.upload_fcs_file(e, A1, bd_file(EVENTS[A1][:10]))
    with pytest.raises(APIError) as caught:
        client.get_statistics(e, ["mean"], "FITC-Z")
    assert caught.value.status_code == 400
    assert "no channel 'FITC-Z'" in str(caught.value)
    assert "FSC-A" in str(caught.value)


def table(response: Any, separator: str = ",") -> list[list[str]]:
    """The cells of a text answer, whose lines all end in CRLF."""
    text = response.text
    assert text.endswith("\r\n")
    assert text.count("\n") == text.count("\r\n")
    return list(csv.reader(io.StringIO(text), delimiter=separator))


def test_statistics_as_text(client: Toolkit, gated: dict[str, Any]) -> None:
    asked: dict[str, Any] = {"populationIds": [gated["cells"]], "raw": True}
    response = client.get_statistics(gated["e"], ["mean", "eventCount"], ["FSC-A"], format="CSV (with header)", **asked)
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="Ligands of files - Statistics.csv"' in response.headers["content-disposition"]
    header, first, second = table(response)
    assert header[:2] == ["fcsFileId", "filename"]
    assert "plate well" in header, "each annotation is a column"
    assert dict(zip(header, second, strict=True))["plate well"] == "A02"
    assert int(dict(zip(header, first, strict=True))["eventCount"]) == inside(A1).sum()
    for format, separator in (
        ("csv", ","),
        ("TSV (without header)", "\t"),
        ("tsv", "\t"),
        ("CSV (without header)", ","),
    ):
        response = client.get_statistics(gated["e"], ["mean", "eventCount"], ["FSC-A"], format=format, **asked)
        assert table(response, separator) == [first, second], format
    response = client.get_statistics(
        gated["e"], "eventcount", [], format="csv", layout="short-wide", annotations=False, **asked
    )
    assert table(response) == [[gated[name], name, str(inside(name).sum())] for name in (A1, A2)]


def test_other_layouts(client: Toolkit, gated: dict[str, Any]) -> None:
    asked: dict[str, Any] = {
        "populationIds": [gated["cells"], gated["low"]],
        "annotations": False,
        "compensationId": -1,
    }
    rows = client.get_statistics(
        gated["e"], ["mean", "eventCount", "percent"], ["FSC-A", "Time"], layout="tall-skinny", **asked
    )
    assert len(rows) == 2 * 2 * (2 + 1 + 1)
    assert list(rows[0])[-4:] == ["channel", "reagent", "statistic", "value"]
    first = [row for row in rows if row["population"] == "cells" and row["filename"] == A1]
    found = {(row["statistic"], row["channel"]): row["value"] for row in first}
    assert found["eventCount", None] == inside(A1).sum()
    assert found["mean", "FSC-A"] == pytest.approx(column(A1, "FSC-A")[inside(A1)].mean(), rel=1e-6)
    wide = client.get_statistics(gated["e"], ["mean", "percent"], ["FSC-A"], layout="short-wide", **asked)
    assert list(wide[0]) == [
        "fcsFileId", "filename", "cells - FSC-A - mean", "cells - percent of Ungated", "low - FSC-A - mean",
        "low - percent of cells",
    ]  # fmt: skip
    assert wide[0]["cells - FSC-A - mean"] == found["mean", "FSC-A"]


@pytest.mark.parametrize(
    "said",
    [{"statistics": ["nothing"]}, {"statistics": ["quantile"]}, {"statistics": ["quantile"], "q": 2},
     {"format": "xml"}, {"layout": "round"}, {"percentOf": "x"}, {"compensationId": -3}, {"channels": []},
     {"populationIds": ["x"]}, {"statistics": None}],
)  # fmt: skip
def test_statistics_that_cannot_be_are_refused(client: Toolkit, ligands: dict[str, Any], said: dict[str, Any]) -> None:
    body = {"statistics": ["mean"], "channels": ["FSC-A"]} | said
    with pytest.raises(APIError) as caught:
        client.post(f"experiments/{ligands['e']}/bulkstatistics", body)
    assert caught.value.status_code == 400


def test_a_population_of_a_deleted_gate_is_named(client: Toolkit, e: str) -> None:
    client.upload_fcs_file(e, A1, bd_file(EVENTS[A1][:50]))
    gate, (population,) = client.create_gate(
        e, "RangeGate", ("FSC-A",), {"range": {"x1": 2, "x2": 3}}, name="g", create_population=True
    )
    client.remove(e, "gate", gate["_id"])
    with pytest.raises(APIError) as caught:
        client.get_statistics(e, "eventCount", [], populationIds=[population["_id"]])
    assert caught.value.status_code == 400
    assert gate["gid"] in caught.value.message


# -- tailoring ---------------------------------------------------------------------------------------------------------


def test_apply_tailoring(client: Toolkit, gated: dict[str, Any]) -> None:
    e = gated["e"]
    gate, (population,) = client.create_gate(
        e, "RangeGate", ("FSC-H",), {"range": {"x1": 1, "x2": 40000, "y": 0.5}}, name="t", create_population=True,
        tailored=True, fcs_file_id=None,
    )  # fmt: skip
    own = client.create_gate(
        e, "RangeGate", ("FSC-H",), {"range": {"x1": 1, "x2": 60000, "y": 0.5}}, name="t", gid=gate["gid"],
        tailored=True, fcs_file_id=gated[A1],
    )  # fmt: skip
    done = client.apply_tailoring(e, own, [gated[A2]])
    (inserted,) = done["inserted"]
    assert (inserted["fcsFileId"], done["updated"], done["deleted"]) == (gated[A2], [], [])
    moved = own | {"model": {**own["model"], "range": {"x1": 1, "x2": 50000, "y": 0.5}}}
    done = client.apply_tailoring(e, moved, [gated[A2]])
    assert [item["_id"] for item in done["updated"]] == [inserted["_id"]]
    counts = client.get_statistics(e, "eventCount", [], populationIds=[population["_id"]])
    for row, limit in zip(counts, (60000, 50000), strict=True):
        assert row["eventCount"] == (EVENTS[row["filename"]][:, 1] <= limit).sum()
    done = client.apply_tailoring(e, gate, [gated[A2]])
    assert done == {"inserted": [], "updated": [], "deleted": [inserted]}
    counts = client.get_statistics(e, "eventCount", [], populationIds=[population["_id"]])
    assert counts[1]["eventCount"] == (EVENTS[A2][:, 1] <= 40000).sum()
    client.delete_family(e, gate["gid"])


def test_locked_gates_of_a_file_are_not_tailored(client: Toolkit, e: str) -> None:
    id = client.upload_fcs_file(e, A1, bd_file(EVENTS[A1][:50]))["_id"]
    client.update(e, "fcsfile", id, gatesLocked=True)
    gate = client.create_gate(e, "RangeGate", ("FSC-H",), {"range": {"x1": 1, "x2": 2}}, name="t", tailored=True)
    with pytest.raises(APIError, match="locked"):
        client.apply_tailoring(e, gate | {"fcsFileId": id}, [id])


def test_clone_and_import_with_files(client: Toolkit, gated: dict[str, Any]) -> None:
    copy = client.clone(gated["e"])["_id"]
    files = client.things(copy, "fcsfile")
    assert [item["filename"] for item in files] == [A1, A2]
    assert not {item["_id"] for item in files} & {gated[A1], gated[A2]}
    assert client.header(copy, files[0]["_id"])["$TOT"] == str(N[A1])
    names = [item["name"] for item in client.things(copy, "population")]
    assert names[:2] == ["cells", "low"]
    same = client.get_statistics(copy, ["mean"], ["FSC-A"])
    assert [row["mean"] for row in same] == [
        row["mean"] for row in client.get_statistics(gated["e"], ["mean"], ["FSC-A"])
    ]
    client.delete_experiment(copy)
