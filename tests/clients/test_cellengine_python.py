"""The CellEngine toolkit for Python, unmodified, where ``CELLENGINE_TOOLKIT_PYTHON`` names a checkout: every method."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.clients.cellengine_suite import lay_out
from tests.clients.cellengine_world import CHANNELS, PASSWORD, CellEngineWorld, bd_file, events, spill_matrix
from tests.clients.environments import client_python
from tests.clients.matrix import record
from tests.clients.test_cellengine_suite import VARIABLE

WALK = Path(__file__).with_name("cellengine_walk.py")
CLIENT, RELEASE = "cellengine for Python", "1.0.0"
N = 400
EVENTS = events(N, 1)
REFUSED = {
    "quadrant on arcsinh": "not JSON serializable",  # the client's own fault: labels at f(±1e38)
    "from a bucket": "Upload the file",
    "orange": '"locked" must be a Boolean.',
    "no family": "No gates updated",
    "no such channel": "has no channel 'nothing'",
    "folder with something in it": "not empty",
    "file gone": "404",
    "nobody": "does not exist",
}
UNCALLED = {"Gate.untailor", "Plot.display"}
"""The one does nothing, the other shows a picture on the screen."""


@pytest.fixture(scope="module", params=["token", "password"])
def walk(
    request: pytest.FixtureRequest, cellengine: CellEngineWorld, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What each call gave, by its label."""
    checkout = os.environ.get(VARIABLE)
    if not checkout:
        pytest.skip(f"{VARIABLE} names no checkout of the toolkit, which is in no package index")
    folder = tmp_path_factory.mktemp("walk")
    lay_out(Path(checkout), folder, data=False)
    (folder / "a.fcs").write_bytes(bd_file(EVENTS))
    (folder / "second.fcs").write_bytes(bd_file(events(300, 2), well="A02"))
    (folder / "note.txt").write_text("hello")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("CELLENGINE_")}
    environment |= {"CELLENGINE_BASE_URL": cellengine.base_url, "PYTHONPATH": str(folder)}
    if request.param == "token":
        environment["CELLENGINE_AUTH_TOKEN"] = cellengine.tokens["ada"]
    else:
        environment |= {"CELLENGINE_USERNAME": "ada@example.org", "CELLENGINE_PASSWORD": PASSWORD}
    out = folder / "out.json"
    command = [client_python("cellengine-1.0"), WALK, folder, out]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=180
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told: dict[str, Any] = json.loads(out.read_text())
    for name in told["called"]:
        record(CLIENT, RELEASE, name, "works")
    return told


def compensated() -> np.ndarray:
    """Shape (N, 15), float64: the events, dyes compensated by the file's own matrix."""
    values = EVENTS.astype(np.float64)
    values[:, 6:14] = values[:, 6:14] @ np.linalg.inv(spill_matrix())
    return values


def rectangle() -> np.ndarray:
    """Which events lie in the gate; shape (N,)."""
    x, y = EVENTS[:, 0], EVENTS[:, 3]
    return np.asarray((x >= 30000) & (x <= 100000) & (y >= 10000) & (y <= 60000))


def test_everything_is_called_and_only_known_calls_fail(walk: dict[str, Any]) -> None:
    assert set(walk["public"]) - set(walk["called"]) == UNCALLED
    assert walk["errors"].keys() == REFUSED.keys(), walk["errors"]
    for label, told in walk["errors"].items():
        assert REFUSED[label] in told, label


def test_experiments_and_files(walk: dict[str, Any]) -> None:
    values = walk["values"]
    assert values["list"] is True
    assert values["upload under a name"] == "x y.fcs"
    assert values["experiment changed"]["sorting_spec"] == {"a": ["b", None]}
    assert values["experiment changed"]["comments"] == [{"insert": "x\n"}]
    assert values["file changed"] == {"filename": "new.fcs", "gates_locked": True}
    sent = [{"name": "dose", "value": 1}, {"name": "dose", "value": 2}, {"name": "note", "value": None}]
    assert values["annotated"] == {"annotations": sent}
    assert values["file brought back"] == {"deleted": None}
    assert values["by names"] == [True, True]
    assert (values["channel"], values["revision"], values["clone"]) == ("Time", ["r1"], ["K", True])
    assert values["cloned"][0] is True
    assert (values["emptied"], values["attachment"], values["attachment to disk"]) == ([[], []], "hello", "hello")


def test_events(walk: dict[str, Any]) -> None:
    values = walk["values"]
    assert values["events {}"] == values["events {'original': True}"] == [N, 15]
    assert values["events {'preSubsampleN': 10, 'seed': 1}"] == [10, 15]
    assert values["events {'postSubsampleP': 0.5}"] == [N // 2, 15]
    numbered = pd.DataFrame(values["events numbered"])
    np.testing.assert_array_equal(numbered["EventNumber"], np.arange(1, N + 1))
    np.testing.assert_array_equal(numbered[list(CHANNELS)].to_numpy(np.float32), EVENTS)
    own = pd.DataFrame(values["own matrix"])[list(CHANNELS)].to_numpy()
    np.testing.assert_allclose(own, compensated(), rtol=1e-4, atol=0.02)
    assert values["matrix"] == [1, 0.5, 0, 1]
    assert values["concatenated"] == [2 * N, ["EventNumber", "FileNumber"], 2]
    (panel, keyword), scale = values["of a frame"], values["scale of a frame"]
    assert [(one["channel"], one["reagent"]) for one in panel] == [("A", "CD3"), ("B", None)]
    assert (keyword, scale) == ("Linear,0,10", {"type": "LinearScale", "minimum": 0, "maximum": 10})
    assert values["scale"].items() >= {"type": "LogScale", "minimum": 1, "maximum": 1e5}.items()


def test_gates_and_populations(walk: dict[str, Any]) -> None:
    values = walk["values"]
    sectors = [[f"quad ({place})" for place in ("UR", "UL", "LL", "LR")], ["split (L)", "split (R)"]]
    assert values["sectors"] == sectors
    assert [values[f"tailored {number}"] for number in range(3)] == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert values["gate changed"] == {"name": "renamed", "locked": True}
    assert values["sectors changed"] == {"names": ["a", "b", "c", "d"]}
    assert values["in bulk"] == ["a", "b"]
    assert [next(iter(part)) for part in values["complex"]["$and"][2:]] == ["$or", "$not", "$xor"]
    assert (values["population changed"]["name"], values["population by name"]) == ("cc", True)
    assert values["population freed"] == {"parent_id": None, "terminal_gate_gid": None}
    assert (values["excluded"], values["family deleted"]) == (True, False)


def test_statistics_and_plots(walk: dict[str, Any]) -> None:
    values = walk["values"]
    medium = pd.DataFrame(values["medium"])
    assert list(medium["channel"]) == ["FSC-A", "Vio605-A"] * 2
    for place, channel in enumerate(("FSC-A", "Vio605-A")):
        expected = compensated()[rectangle(), CHANNELS.index(channel)]
        row, deviation = medium.iloc[place], np.std(expected, ddof=1)
        np.testing.assert_allclose(
            (row["mean"], row["median"], row["quantile"], row["stddev"], row["cv"]),
            (
                expected.mean(), np.median(expected), np.quantile(expected, 0.9, method="median_unbiased"), deviation,
                100 * deviation / expected.mean(),
            ), rtol=1e-4,
        )  # fmt: skip
        assert (row["eventCount"], row["annotations"]) == (rectangle().sum(), {"dose": 2})
    assert len(values["tall-skinny"]) == 2 * (7 * 2 + 2)
    assert values["short-wide"][0]["rect - Vio605-A - median"] == pytest.approx(medium.loc[1, "median"])
    for layout in ("medium", "tall-skinny", "short-wide"):
        header, first, *_ = values[f"{layout} TSV (with header)"].split("\r\n")
        assert header.startswith("fcsFileId\tfilename\t")
        assert values[f"{layout} csv"].split("\r\n")[0].split(",") == first.split("\t"), "without a header"
        assert len(values[f"{layout} json"]) == (1 if layout == "short-wide" else 2)
    assert [one["percentOf"] for one in values["percents"]] == ["rect", "rect", "Ungated"]
    for kind in ("dot", "contour", "density", "histogram"):
        head = bytes(values[kind])
        assert head[:8] == b"\x89PNG\r\n\x1a\n"
        assert tuple(np.frombuffer(head[16:24], ">u4")) == (310, 200)
