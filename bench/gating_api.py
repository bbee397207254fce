"""How fast 20 populations of many files are counted and described through the API, beside FlowKit on the same files.

Seeded files of 20 channels, half of them dyes with a spillover matrix in the file. Asked in one request over HTTP:
mean, median, MAD, CV and count of 20 nested populations on one channel, compensated by each file's own matrix. FlowKit
reads each file into a sample, gates it by the same gates, and the same events go into the same statistics of NumPy. All
numbers are compared. Unit: CPU seconds of the process, all threads; the first question to our server finds nothing
kept, the second is asked after one gate was moved. FlowKit takes half of its files just before, half just after the
first question, as machines are noisy. Memory is the most that the server has.

    python bench/gating_api.py                      1,000 files x 20,000 events; FlowKit takes the first 50
    python bench/gating_api.py --files 3 --events 5000    as a test
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from _servers import Served, cytosol

from cytosol.formats.fcs.writer import fcs_head, fcs_pieces

DYES = [f"D{number}" for number in range(10)]
CHANNELS = ["FSC-A", "SSC-A", "FSC-H", "SSC-H", "FSC-W", "SSC-W", "A1", "A2", "A3", *DYES, "Time"]
T, M, A = 262_144, 4.5, 0.5
SCALE = {"type": "gml-asinh", "t": T, "m": M, "a": A}
STATISTICS = ["mean", "median", "mad", "cv", "event_count"]
AXIS = "var:D0"


def spill() -> np.ndarray:
    """A matrix of ten dyes, ones and some spill of the neighbours."""
    matrix = np.eye(len(DYES))
    for number in range(len(DYES) - 1):
        matrix[number, number + 1], matrix[number + 1, number] = 0.1, 0.04
    return matrix


def events(n: int, seed: int) -> np.ndarray:
    """Events of a file: shape (20, n), float32."""
    rng = np.random.default_rng(seed)
    bright = rng.random((len(DYES), n)) < 0.5
    dyes = rng.lognormal(np.where(bright, 8.5, 4.5), 0.6).T @ spill()
    rest = rng.normal(60_000, 15_000, (len(CHANNELS) - len(DYES), n))
    return np.concatenate([rest[:9], dyes.T, rest[9:]]).astype(np.float32)


def write_files(folder: Path, n_files: int, n_events: int) -> list[Path]:
    channels = [{"N": name, "R": str(T)} for name in CHANNELS]
    words = ",".join([str(len(DYES)), *DYES, *(repr(float(value)) for value in spill().ravel())])
    paths = []
    for number in range(n_files):
        paths.append(folder / f"{number:04d}.fcs")
        pieces = fcs_pieces(fcs_head(channels, n_events, keywords={"$SPILLOVER": words}), [events(n_events, number)])
        paths[-1].write_bytes(b"".join(bytes(piece) for piece in pieces))
    return paths


def gates() -> list[dict[str, Any]]:
    """Twenty gates on pairs of dyes: polygons and rectangles, in chains of four."""
    made = []
    for number in range(20):
        x, y = DYES[number % 9], DYES[number % 9 + 1]
        low = 0.25 + 0.01 * (number % 5)
        if number % 2:
            box = {"x1": low, "x2": 1.2, "y1": -0.5, "y2": 1.2}
            made.append({"kind": "rectangle", "geometry": box, "x": x, "y": y})
        else:
            round_ = [
                [0.55 + 0.45 * math.cos(turn), 0.5 + 0.5 * math.sin(turn)]
                for turn in np.linspace(0, 2 * math.pi, 12, endpoint=False)
            ]
            made.append({"kind": "polygon", "geometry": {"vertices": round_}, "x": x, "y": y})
        made[-1] |= {"name": f"P{number}", "parent": number - 1 if number % 4 else None}
    return made


def most_bytes(pid: int) -> int:
    """The most bytes that a process ever had in memory."""
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def set_up(client: httpx.Client, paths: list[Path]) -> tuple[str, list[dict[str, Any]]]:
    """A study with the files, its scales and populations."""
    study = client.post("studies", json={"name": "Bench"}).json()["id"]
    for path in paths:
        answer = client.put(f"studies/{study}/fcs/{path.name}", content=path.read_bytes())
        assert answer.status_code == 201, answer.text
    scales = client.get(f"studies/{study}/scales").json()
    said = {"scales": {**scales["scales"], **{f"var:{dye}": SCALE for dye in DYES}}}
    put = client.put(f"studies/{study}/scales", json=said, headers={"if-match": f'"{scales["version"]}"'})
    assert put.status_code == 200, put.text
    populations: list[dict[str, Any]] = []
    for gate in gates():
        parent = None if gate["parent"] is None else populations[gate["parent"]]["id"]
        body = {name: gate[name] for name in ("kind", "name", "geometry")}
        body |= {"x": f"var:{gate['x']}", "y": f"var:{gate['y']}"}
        made = client.post(
            f"studies/{study}/gates", json={"gates": [body], "populations": True, "parent_id": parent}
        ).json()
        populations.append({**made["populations"][0], "gate": made["gates"][0]})
    return study, populations


def ask(
    server: Served, client: httpx.Client, study: str, populations: list[dict[str, Any]]
) -> tuple[float, list[dict[str, Any]]]:
    """All statistics in one request; CPU seconds of the server, and the rows."""
    body = {
        "population_ids": [one["id"] for one in populations], "axes": [AXIS], "statistics": STATISTICS,
        "compensation": "internal",
    }  # fmt: skip
    before = server.cpu_s
    answer = client.post(f"studies/{study}/statistics", json=body)
    taken = server.cpu_s - before
    assert answer.status_code == 200, answer.text
    return taken, answer.json()["items"]


def flowkit_strategy() -> Any:
    import flowkit

    strategy = flowkit.GatingStrategy()
    strategy.add_transform("asinh", flowkit.transforms.AsinhTransform(T, M, A))
    strategy.add_comp_matrix("spill", flowkit.Matrix(spill(), DYES))
    paths: list[tuple[str, ...]] = []
    for gate in gates():
        shape = gate["geometry"]
        ranges = {gate["x"]: (shape.get("x1"), shape.get("x2")), gate["y"]: (shape.get("y1"), shape.get("y2"))}
        dimensions = [
            flowkit.Dimension(name, "spill", "asinh", range_min=low, range_max=high)
            for name, (low, high) in ranges.items()
        ]
        if gate["kind"] == "polygon":
            built = flowkit.gates.PolygonGate(gate["name"], dimensions, shape["vertices"])
        else:
            built = flowkit.gates.RectangleGate(gate["name"], dimensions)
        path = ("root",) if gate["parent"] is None else (*paths[gate["parent"]], f"P{gate['parent']}")
        strategy.add_gate(built, path)
        paths.append(path)
    return strategy


def run_flowkit(paths: list[Path]) -> tuple[float, list[dict[str, Any]]]:
    """The same of some files by FlowKit; CPU seconds, and the rows."""
    import flowkit

    strategy = flowkit_strategy()
    matrix = flowkit.Matrix(spill(), DYES)
    rows = []
    start = time.process_time()
    for path in paths:
        sample = flowkit.Sample(str(path))
        results = strategy.gate_sample(sample)
        sample.apply_compensation(matrix)
        values = sample.get_events(source="comp")[:, sample.get_channel_index("D0")]
        for number in range(20):
            inside = values[results.get_gate_membership(f"P{number}")]
            median = np.median(inside)
            mean, spread = inside.mean(), inside.std(ddof=1)
            rows.append(
                {"mean": mean, "median": median, "mad": np.median(np.abs(inside - median)), "cv": 100 * spread / mean,
                 "event_count": len(inside)}
            )  # fmt: skip
    return time.process_time() - start, rows


def differences(ours_: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> dict[str, float]:
    """The largest difference of each statistic: of counts as a number, else relative."""
    found = dict.fromkeys(STATISTICS, 0.0)
    for one, other in zip(ours_, theirs, strict=False):
        for name in STATISTICS:
            apart = abs(one[name] - other[name])
            found[name] = max(found[name], apart if name == "event_count" else apart / abs(other[name]))
    return found


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--files", type=int, default=1000)
    words.add_argument("--events", type=int, default=20_000)
    words.add_argument("--beside", type=int, default=50, help="files that FlowKit takes")
    said = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = write_files(Path(folder), said.files, said.events)
        with cytosol(Path(folder) / "data") as server:
            client = httpx.Client(
                base_url=f"{server.url}/api/v1/", headers={"authorization": f"Bearer {server.token}"}, timeout=600
            )
            start = server.cpu_s
            study, populations = set_up(client, paths)
            added = server.cpu_s - start
            half, n_beside = min(said.beside, said.files) // 2, min(said.beside, said.files)
            before, beside = run_flowkit(paths[:half])
            first, rows = ask(server, client, study, populations)
            after, more = run_flowkit(paths[half:n_beside])
            gate = populations[5]["gate"]
            moved = {"geometry": {**gate["geometry"], "x1": 0.3}}
            client.patch(f"gates/{gate['id']}", json=moved, headers={"if-match": f'"{gate["version"]}"'})
            again, _ = ask(server, client, study, populations)
            peak = most_bytes(server.process.pid)
    per_second, theirs_per_second = said.files * said.events / first, n_beside * said.events / (before + after)
    report = {
        "files": said.files, "events": said.events, "added_s": added, "first_s": first, "one_gate_moved_s": again,
        "events_per_s": per_second, "flowkit_events_per_s": theirs_per_second, "ratio": per_second / theirs_per_second,
        "peak_bytes": peak, "differences": differences(rows, beside + more), "cores": os.cpu_count(),
        "python": platform.python_version(),
    }  # fmt: skip
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
