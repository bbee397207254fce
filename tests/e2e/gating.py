"""What tests of the gating workspace know: events made here, where they lie on the screen, who is in a gate."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
from playwright.sync_api import Locator, Page, expect

import cytosol
from cytosol.formats.fcs.writer import fcs_head, fcs_pieces

if TYPE_CHECKING:
    from tests.e2e.conftest import Site

CHANNELS = (("FSC-A", ""), ("SSC-A", ""), ("B530-A", "CD4"), ("R660-A", "CD8"), ("Time", ""))
TOP = 262144
_JOB_S = 120


def make_events(n: int, seed: int, shift: float = 1.0) -> np.ndarray:
    """Events of three kinds of cells, shape (n, 5), float32: helper, cytotoxic, and neither."""
    random = np.random.default_rng(seed)
    kind = random.choice(3, n, p=[0.5, 0.3, 0.2])
    forward = random.normal(90_000, 15_000, n)
    side = random.normal(np.array([40_000, 45_000, 110_000])[kind], 12_000)
    centres = np.array([[9_000, 150], [120, 20_000], [100, 100]])[kind] * shift
    markers = centres * random.lognormal(0, 0.4, (n, 2)) + random.normal(0, 60, (n, 2))
    values = np.column_stack([forward, side, markers, np.arange(n) / 100])
    return values.astype(np.float32)


def write_fcs(path: Path, events: np.ndarray, channels: Sequence[tuple[str, str]] = CHANNELS) -> Path:
    """An FCS 3.1 file of them."""
    named = [{"N": name, "R": str(TOP)} | ({"S": reagent} if reagent else {}) for name, reagent in channels]
    head = fcs_head(named, len(events), keywords={"$CYT": "a test", "TUBE NAME": path.stem})
    path.write_bytes(b"".join(fcs_pieces(head, [events.T])))
    return path


def scaled(values: np.ndarray, scale: dict[str, Any] | None) -> np.ndarray:
    """Places of values on an axis, by the documented formulas; float32 as the server keeps them."""
    if scale is None:
        return values
    limited = np.clip(values.astype(np.float64), scale["minimum"], scale["maximum"])
    placed = np.arcsinh(limited / scale["cofactor"]) if scale["type"] == "arcsinh" else limited
    assert scale["type"] in ("arcsinh", "linear")
    return placed.astype(np.float32)


def members(gate: dict[str, Any], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The part of a gate that each event is in, -1 = none; written here anew, event by event in plain NumPy."""
    g = {name: np.float32(v) if isinstance(v, float | int) else v for name, v in gate["geometry"].items()}
    kind = gate["kind"]
    if kind == "rectangle":
        inside = (x >= g["x1"]) & (x <= g["x2"]) & (y >= g["y1"]) & (y <= g["y2"])
    elif kind == "range":
        inside = (x >= g["x1"]) & (x <= g["x2"])
    elif kind == "split":
        return np.where(x < g["x"], 0, 1)
    elif kind == "quadrant":
        right, up = x >= g["x"], y >= g["y"]
        return np.select([right & up, ~right & up, ~right & ~up], [0, 1, 2], 3)
    elif kind == "ellipse":
        dx, dy = x.astype(float) - g["center"][0], y.astype(float) - g["center"][1]
        cos, sin = np.cos(float(g["angle"])), np.sin(float(g["angle"]))
        inside = (2 * (dx * cos + dy * sin) / g["major"]) ** 2 + (2 * (dy * cos - dx * sin) / g["minor"]) ** 2 <= 1
    else:
        corners = np.array(g["vertices"], np.float32).astype(float)
        inside = np.zeros(len(x), bool)
        for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            crosses = (ay > y) != (by > y)
            with np.errstate(divide="ignore", invalid="ignore"):
                inside ^= crosses & (x < (bx - ax) * (y.astype(float) - ay) / (by - ay) + ax)
    return np.where(inside, 0, -1)


def plot(page: Page, x: str, y: str | None = None) -> Locator:
    """The plot on these axes, when its events are drawn."""
    found = page.locator(f'.plot-card[data-x="{x}"]' + (f'[data-y="{y}"]' if y else "")).first
    expect(found).to_have_attribute("data-drawn", re.compile(r"\d+"))
    expect(found).to_have_attribute("aria-busy", "false")
    return found


def spot(card: Locator) -> Callable[[float, float], tuple[float, float]]:
    """Screen pixels of shares of a plot's width and height, from the lower left."""
    box = card.locator(".plot-area").bounding_box()
    assert box is not None
    return lambda x, y: (box["x"] + x * box["width"], box["y"] + (1 - y) * box["height"])


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Press, move in a few steps, let go."""
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    page.mouse.move(*end)
    page.mouse.up()


def name_gate(page: Page, *names: str) -> None:
    """Type the names of the gate just drawn, and keep it."""
    box = page.get_by_role("form", name="New gate")
    for field, name in zip(box.get_by_role("textbox").all(), names, strict=True):
        field.fill(name)
    page.keyboard.press("Enter")
    expect(box).to_have_count(0)


def row_of(page: Page, name: str) -> Locator:
    """The row of a population in the tree."""
    tree = page.get_by_role("region", name="Populations")
    return tree.locator(".gating-row.population").filter(has=page.get_by_role("button", name=name, exact=True))


def expect_count(page: Page, name: str, count: int) -> None:
    """The tree says that a population has so many events."""
    expect(row_of(page, name).locator(".count")).to_have_text(f"{count:,}")


def until(true: Callable[[], bool], timeout_s: float = 30) -> bool:
    """Whether something comes true in a while."""
    ends = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > ends:
            return False
        time.sleep(0.05)
    return True


def show(page: Page, axis: str, name: str) -> None:
    """Put another axis on the first plot, by the name of a reagent, channel, gene or embedding."""
    page.get_by_role("button", name=f"{axis} axis").first.click()
    page.get_by_role("textbox", name="Find an axis").fill(name)
    page.locator(".axis-list").get_by_role("button", name=name).first.click()


def markers(page: Page) -> Any:
    """CD4 against CD8, and where shares of that plot lie on the screen."""
    show(page, "Horizontal", "CD4")
    show(page, "Vertical", "CD8")
    return spot(plot(page, "var:B530-A", "var:R660-A"))


def add_files(site: Site, name: str, folder: Path, events: Mapping[str, np.ndarray]) -> cytosol.Study:
    """A study with these files in it."""
    study = site.client.create_study(name)
    paths = {file: write_fcs(folder / file, values) for file, values in events.items()}
    for job in [study.submit(path, name=file, progress=False) for file, path in paths.items()]:
        job.wait(progress=False, timeout_s=_JOB_S)
    return study


@dataclass
class Bench:
    """A study of two files of events, and the server's own words on its gates."""

    site: Site
    study_id: str
    api: httpx.Client
    events: dict[str, np.ndarray]

    @property
    def url(self) -> str:
        return f"{self.site.url}/app/studies/{self.study_id}/gating"

    def get(self, what: str) -> Any:
        """What a list or record of the study says."""
        answer = self.api.get(f"/studies/{self.study_id}/{what}")
        answer.raise_for_status()
        return answer.json()

    def gate(self, name: str, dataset_id: str | None = None) -> dict[str, Any]:
        """A gate by its name."""
        gates: list[dict[str, Any]] = self.get("gates")["items"]
        return next(g for g in gates if g["name"] == name and g["dataset_id"] == dataset_id)

    def column(self, file: str, reference: str) -> np.ndarray:
        """Places of all events of a file on an axis."""
        names = [f"var:{name}" for name, _ in CHANNELS]
        return scaled(self.events[file][:, names.index(reference)], self.get("scales")["scales"].get(reference))

    def sectors(self, gate: dict[str, Any], file: str = "first.fcs") -> np.ndarray:
        """Which part of the gate each event of a file is in."""
        x = self.column(file, gate["x"])
        return members(gate, x, self.column(file, gate["y"]) if gate["y"] else x)

    def clear(self) -> None:
        """Take all gates away, locked ones too."""
        for gate in self.get("gates")["items"]:
            if gate["locked"]:
                self.api.post(
                    f"/studies/{self.study_id}/gate-families/{gate['gid']}", json={"locked": False}
                ).raise_for_status()
        self.api.post(f"/studies/{self.study_id}/gates/reset").raise_for_status()
