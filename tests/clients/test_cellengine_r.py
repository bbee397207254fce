"""The CellEngine toolkit for R, unmodified, where ``CELLENGINE_TOOLKIT_R`` names a checkout: every exported function.

The toolkit is in no package index, so a plain run skips this; the other tests of the wire cover the same ground.
"""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import flowio
import numpy as np
import pandas as pd
import pytest

from tests.clients.cellengine_world import CHANNELS, DYES, PASSWORD, CellEngineWorld, bd_file, events, spill_matrix
from tests.clients.matrix import Result, record

VARIABLE = "CELLENGINE_TOOLKIT_R"
WALK = Path(__file__).with_name("cellengine_walk.R")
CLIENT, RELEASE = "cellengine for R", "0.3.0"
N = 400
EVENTS = events(N, 1)
CLIENT_FAULTS = {
    "an experiment by name": "/cellengineexperiments",  # it forgets a slash
    "without a parent": "argument is of length zero",
    "applyScaleSet": "incorrect number of dimensions",  # it cannot take what getScaleSets gives
}
REFUSED = {
    "a wrong password": "401", "deleted": "404", "to a bucket": "Download the file",
    "no such channel": "has no channel", "no such population": "not found",
}  # fmt: skip
UNDRIVEN = {"toFlowCore", "FILE_INTERNAL", "PER_FILE", "UNCOMPENSATED", "UNGATED"}
"""Exports that are constants, or ask nothing of the server but flowCore of the machine."""
Walk = dict[tuple[str, str], Any]


@pytest.fixture(scope="module")
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """R's command for scripts, and a library with the toolkit."""
    checkout = os.environ.get(VARIABLE)
    if not checkout:
        pytest.skip(f"{VARIABLE} names no checkout of the toolkit, which is in no package index")
    rscript: str = request.getfixturevalue("rscript")
    library = tmp_path_factory.mktemp("library")
    install = [Path(rscript).with_name("R"), "CMD", "INSTALL", "--no-docs", f"--library={library}", checkout]
    subprocess.run(install, check=True, capture_output=True, timeout=120)
    return rscript, library


@pytest.fixture(scope="module", params=["token", "password"])
def walk(
    request: pytest.FixtureRequest,
    installed: tuple[str, Path],
    cellengine: CellEngineWorld,
    tmp_path_factory: pytest.TempPathFactory,
) -> Walk:
    """What each call gave, by its name and label; errors are texts that begin with ``!``."""
    folder = tmp_path_factory.mktemp("walk")
    (folder / "a b.fcs").write_bytes(bd_file(EVENTS))
    (folder / "second.fcs").write_bytes(bd_file(events(300, 2), well="A02"))
    (folder / "note.txt").write_text("hello")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("CELLENGINE_")}
    if request.param == "token":
        environment["CELLENGINE_AUTH_TOKEN"] = cellengine.tokens["ada"]
    else:
        environment |= {"CELLENGINE_USERNAME": "ada@example.org", "CELLENGINE_PASSWORD": PASSWORD}
    out = folder / "out.json"
    command = [installed[0], WALK, installed[1], cellengine.base_url, request.param, folder, out]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stderr[-3000:]
    found: Walk = {}
    for step in json.loads(out.read_text()):
        error, label = step.get("error"), step["label"]
        outcome: Result = "works" if error is None else "client fault" if label in CLIENT_FAULTS else "refused"
        if step["call"] != "exports":
            record(CLIENT, RELEASE, step["call"], outcome)
        found[step["call"], label] = step.get("value") if error is None else f"!{error}"
    return found


def table(rows: Any) -> pd.DataFrame:
    """Rows of a data frame of R."""
    return pd.DataFrame(rows)


def compensated() -> np.ndarray:
    """Shape (N, 15), float64: the events, dyes compensated by the file's own matrix."""
    values = EVENTS.astype(np.float64)
    values[:, 6:14] = values[:, 6:14] @ np.linalg.inv(spill_matrix())
    return values


def low() -> np.ndarray:
    """Which events lie in the first rectangle; shape (N,)."""
    x, y = EVENTS[:, 0], EVENTS[:, 3]
    return np.asarray((x >= 30000) & (x <= 100000) & (y >= 10000) & (y <= 60000.123456789))


def test_every_export_is_called_and_only_known_calls_fail(walk: Walk) -> None:
    assert {call for call, _ in walk} >= set(walk["exports", "exports"]) - UNDRIVEN
    failed = {label: value for (_, label), value in walk.items() if isinstance(value, str) and value.startswith("!")}
    expected = CLIENT_FAULTS | REFUSED
    assert set(failed) <= set(expected)
    for label, told in failed.items():
        assert expected[label] in told, label


def test_experiments(walk: Walk) -> None:
    blank, made = walk["createExperiment", "blank"], walk["createExperiment", "createExperiment"]
    assert (blank["name"], walk["deleteExperiment", "deleteExperiment"]) == ("Untitled Experiment", 204)
    assert (made["name"], made["tags"], made["comments"]) == ('R, "walk" (1)', "one", [{"insert": "hello\n"}])
    assert walk["getExperiment", "getExperiment"]["_id"] == walk["getExperiment", "by name"] == made["_id"]
    assert walk["getExperiments", "getExperiments"] == [{"_id": made["_id"], "name": made["name"]}]
    changed = walk["updateExperiment", "updateExperiment"]
    assert (changed["name"], changed["activeCompensation"], changed["tags"]) == ("R walk", -1, ["a", "b"])
    assert walk["updateExperiment", "nulls"] == "R walk"
    assert walk["deleteExperiment", "again"] == 204


def test_files(walk: Walk) -> None:
    first, second = walk["uploadFcsFile", "uploadFcsFile"], walk["uploadFcsFile", "by name"]
    assert (first["filename"], first["eventCount"], second["eventCount"]) == ("a b.fcs", N, 300)
    assert walk["getFcsFiles", "getFcsFiles"] == [first["_id"], second["_id"]]
    assert walk["getFcsFile", "by name"] == first
    sent = [("dose", 2.5), ("drug", "x"), ("dose", 3)]
    assert walk["annotateFcsFile", "annotateFcsFile"] == [{"name": name, "value": value} for name, value in sent]
    frame = [{"name": "day", "value": "1"}, {"name": "note", "value": None}]
    assert walk["annotateFcsFile", "a data frame"] == frame
    assert walk["annotateFcsFile", "none"] == []
    name, panel = walk["setFcsFilePanel", "setFcsFilePanel"]
    assert (name, [entry["channel"] for entry in panel]) == ("Panel X", list(CHANNELS))
    assert (panel[0]["reagent"], panel[1]["reagent"], panel[6]["reagent"]) == (None, "FSC-H", "CD3")
    assert (walk["getFcsFiles", "no controls"], walk["getFcsFiles", "controls"]) == (1, 2)
    assert walk["updateFcsFile", "updateFcsFile"] == [False, -1, "first.fcs"]
    assert (walk["deleteFcsFile", "deleteFcsFile"], walk["updateFcsFile", "brought back"]) == (204, second["_id"])


def test_gates(walk: Walk) -> None:
    rectangle = walk["createRectangleGate", "createRectangleGate"]
    gate, population = rectangle["gate"], rectangle["population"]
    assert gate["model"]["rectangle"] == {"x1": 30000, "x2": 100000, "y1": 10000, "y2": 60000.123456789}
    assert (population["parentId"], population["terminalGateGid"]) == (None, gate["gid"])
    ellipse = walk["createEllipseGate", "createEllipseGate"]
    assert ellipse["population"]["parentId"] == population["_id"], "the parent was told by name"
    assert json.loads(ellipse["population"]["gates"]) == {"$and": [gate["gid"], ellipse["gate"]["gid"]]}
    corners = [[1.5, 4], [2000, 40000], [50000, 5]]
    assert walk["createPolygonGate", "createPolygonGate"]["gate"]["model"]["polygon"]["vertices"] == corners
    assert walk["createPolygonGate", "with a label"]["gate"]["model"]["label"] == [1, 2]
    model = walk["createRangeGate", "createRangeGate"]["gate"]["model"]
    assert (model["range"], model["label"]) == ({"x1": 1, "x2": 3, "y": 0.5}, [2, 0.5])
    four = walk["createQuadrantGate", "createQuadrantGate"]
    assert [one["name"] for one in four["populations"]] == [f"four ({place})" for place in ("UR", "UL", "LL", "LR")]
    assert [one["terminalGateGid"] for one in four["populations"]] == four["gate"]["model"]["gids"]
    assert len(four["gate"]["model"]["labels"]) == 4
    assert walk["createSplitGate", "with labels"]["gate"]["model"]["labels"] == [[1, 0.95], [2, 0.95]]
    whole, own = walk["createRectangleGate", "of all files"]["gate"], walk["createRectangleGate", "of one file"]["gate"]
    assert (own["gid"], whole["fcsFileId"]) == (whole["gid"], None)
    assert (own["fcsFileId"], own["tailoredPerFile"]) == (walk["uploadFcsFile", "uploadFcsFile"]["_id"], True)
    assert [model["label"] for model in walk["createGates", "createGates"]][:2] == [[1.5, 3.5], [1, 2]]
    assert walk["getGates", "getGates"].keys() == {"_id", "name", "gid"}
    assert walk["getGate", "by name"] == ellipse["gate"]["model"]
    assert (walk["updateGate", "updateGate"]["name"], walk["updateGate", "updateGate"]["locked"]) == ("low 2", True)
    assert walk["updateGate", "unlocked"] is False
    assert [walk["updateGateFamily", label]["nModified"] for label in ("updateGateFamily", "none")] == [1, 0]


def test_populations(walk: Walk) -> None:
    rectangle = walk["createRectangleGate", "createRectangleGate"]
    either = walk["createPopulation", "of a text"]
    assert either["parentId"] == rectangle["population"]["_id"]
    assert (either["terminalGateGid"], walk["getPopulation", "by name"]) == (None, "either")
    assert json.loads(either["gates"])["$and"][0] == rectangle["gate"]["gid"]
    assert {"low", "round", "two (L)", "both", "either"} <= set(walk["getPopulations", "getPopulations"])
    assert walk["updatePopulation", "updatePopulation"] == "Low"
    assert walk["createLookup", "createLookup"][:3] == ["round", "both", "first.fcs"]
    assert (walk["deleteGates", "a family"], walk["deleteGates", "deleteGates"]) == (200, 204)
    left = set(walk["getPopulations", "without the branch"])
    assert {"labelled", "both"} <= left, "what lies beside the branch"
    assert not {"Low", "round", "three", "either"} & left


def test_compensations_and_scales(walk: Walk) -> None:
    made = walk["createCompensation", "createCompensation"]
    assert (made["channels"], made["spillMatrix"]) == (["Blue530-A", "Vio450-A"], [[1, 0.1], [0.02, 1]])
    assert walk["getCompensation", "by name"] == walk["createCompensation", "of a vector"]
    assert walk["getCompensations", "getCompensations"] == ["of a matrix", "of a vector"]
    changed = walk["updateCompensation", "updateCompensation"]
    assert (changed["name"], changed["spillMatrix"]) == ("C", [[1, 0.2], [0.3, 1]])
    assert walk["deleteCompensation", "deleteCompensation"] == 204
    scales = {one["channelName"]: one["scale"] for one in walk["getScaleSets", "getScaleSets"]["scales"]}
    assert list(scales) == list(CHANNELS)
    assert scales["Vio450-A"] == {"type": "ArcSinhScale", "minimum": -200, "maximum": 262144, "cofactor": 150}
    np.testing.assert_allclose(walk["applyScale", "applyScale"], [-4.38218, 1.44364, 9.90349], atol=1e-5)


def test_events(walk: Walk) -> None:
    for label in ("getEvents", "to disk"):
        data = flowio.FlowData(io.BytesIO(base64.b64decode(walk["getEvents", label])))
        np.testing.assert_array_equal(np.reshape(np.array(data.events, np.float32), (-1, 15)), EVENTS)
    whole = table(walk["getEvents", "TSV"])
    assert list(whole.columns) == list(CHANNELS)
    np.testing.assert_array_equal(whole.to_numpy(np.float32), EVENTS)
    assert len(walk["getEvents", "without header"]) == 5
    gated = table(walk["getEvents", "of a population"])
    rows = np.flatnonzero(low())
    np.testing.assert_array_equal(gated["EventNumber"], rows + 1)
    np.testing.assert_allclose(gated[list(CHANNELS)].to_numpy(), compensated()[rows], rtol=1e-4, atol=0.02)
    assert walk["downloadFcsFiles", "downloadFcsFiles"] == ["first.fcs", "second.fcs"]
    (name, lines) = walk["downloadFcsFiles", "of a population"]
    assert (name, lines) == ("first Low.tsv", low().sum() + 1)


def test_statistics(walk: Walk) -> None:
    medium = table(walk["getStatistics", "medium"])
    assert list(medium["channel"]) == ["FSC-A", "Vio605-A"] * 2
    for place, channel in enumerate(("FSC-A", "Vio605-A")):
        values = compensated()[low(), CHANNELS.index(channel)]
        row = medium.iloc[place]
        told = (row["mean"], row["median"], row["quantile"], row["stddev"], row["cv"], row["mad"])
        deviation = np.std(values, ddof=1)
        expected = (
            values.mean(), np.median(values), np.quantile(values, 0.9, method="median_unbiased"), deviation,
            100 * deviation / values.mean(), np.median(np.abs(values - np.median(values))),
        )  # fmt: skip
        np.testing.assert_allclose(told, expected, rtol=1e-4)
        assert (row["eventCount"], row["parentPopulationId"], row["population"]) == (low().sum(), "", "Low")
        assert row["percent"] == pytest.approx(100 * low().mean())
    tall = table(walk["getStatistics", "tall-skinny"])
    assert len(tall) == 2 * (7 * 2 + 2)
    wide = table(walk["getStatistics", "short-wide"])
    assert wide.loc[0, "Low - Vio605-A - median"] == medium.loc[1, "median"]
    assert list(table(walk["getStatistics", "by name"])["population"]) == ["Low", "both"]
    ungated = table(walk["getStatistics", "ungated"])
    assert (list(ungated["eventCount"]), list(ungated["populationId"])) == ([N, 300], ["", ""])
    assert "annotations" not in ungated
    several = table(walk["getStatistics", "percent of several"])
    assert list(several["percentOf"]) == ["Low", "Ungated", "Ungated"]
    np.testing.assert_allclose(several["percent"].iloc[0] * low().mean(), several["percent"].iloc[2])
    assert walk["getErrorInfo", "getErrorInfo"] == "nobody"


def test_plots_and_attachments(walk: Walk) -> None:
    for kind in ("dot", "density", "contour", "histogram"):
        assert base64.b64decode(walk["getPlot", kind])[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = np.frombuffer(base64.b64decode(walk["getPlot", "histogram"])[16:24], ">u4")
    assert (width, height) == (300, 200)
    attachment = walk["uploadAttachment", "uploadAttachment"]
    assert (attachment["filename"], attachment["size"]) == ("note.txt", 5)
    assert (walk["getAttachments", "getAttachments"], walk["downloadAttachment", "downloadAttachment"]) == (1, "hello")


def test_objects_of_flow_core(walk: Walk) -> None:
    rectangle = walk["fromFlowCore", "rectangle"]["rectangle"]
    assert rectangle == {"x1": 1, "x2": 3, "y1": 2, "y2": 4}
    assert walk["fromFlowCore", "ellipse"]["ellipse"] == {"center": [5, 6], "angle": 0, "major": 4, "minor": 2}
    assert walk["fromFlowCore", "polygon"]["polygon"]["vertices"] == [[1, 1], [2, 5], [3, 1]]
    assert walk["fromFlowCore", "polygon with a label"]["polygon"] == walk["fromFlowCore", "polygon"]["polygon"]
    compensation = walk["fromFlowCore", "compensation"]
    assert (compensation["channels"], compensation["spillMatrix"]) == (list(DYES[:2]), [[1, 0.1], [0.02, 1]])
