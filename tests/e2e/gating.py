"""What tests of the gating workspace know: events made here, where they lie on the screen, who is in a gate."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Locator, Page, expect

from cytosol.formats.fcs.writer import fcs_head, fcs_pieces

CHANNELS = (("FSC-A", ""), ("SSC-A", ""), ("B530-A", "CD4"), ("R660-A", "CD8"), ("Time", ""))
TOP = 262144


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


def write_fcs(path: Path, events: np.ndarray) -> Path:
    """An FCS 3.1 file of them."""
    channels = [{"N": name, "R": str(TOP)} | ({"S": reagent} if reagent else {}) for name, reagent in CHANNELS]
    head = fcs_head(channels, len(events), keywords={"$CYT": "a test", "TUBE NAME": path.stem})
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
