"""What tests know of a plot: where cells lie on the screen, what is drawn, which cells an outline holds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from playwright.sync_api import Page, expect

MARGIN_PX = 36
_COUNT_COLOURS = """() => {
  const shown = [...document.querySelectorAll('.plot canvas')].slice(0, 2);
  const out = document.createElement('canvas');
  out.width = shown[0].width; out.height = shown[0].height;
  const context = out.getContext('2d');
  for (const canvas of shown) context.drawImage(canvas, 0, 0, out.width, out.height);
  const { data } = context.getImageData(0, 0, out.width, out.height);
  const counts = {};
  let drawn = 0;
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] < 200) continue;
    drawn++;
    const key = '#' + [data[i], data[i + 1], data[i + 2]].map((c) => c.toString(16).padStart(2, '0')).join('');
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return { drawn, counts };
}"""


@dataclass(frozen=True)
class Place:
    """Where an embedding lies on the screen when all cells are fitted in.

    Computed here from the plot's box and the embedding alone, with the documented rule: the middle of the data in the
    middle of the plot, one scale for both axes, a margin of 36 pixels.
    """

    left: float
    top: float
    width: float
    height: float
    middle: np.ndarray
    scale: float

    def to_screen(self, xy: np.ndarray) -> np.ndarray:
        """Screen pixels of data coordinates, shape (n, 2)."""
        x = (xy[:, 0] - self.middle[0]) * self.scale + self.left + self.width / 2
        y = self.top + self.height / 2 - (xy[:, 1] - self.middle[1]) * self.scale
        return np.column_stack([x, y])


def open_plot(page: Page, url: str, n_cells: int) -> None:
    """Open an explorer and wait until its cells are drawn."""
    page.goto(url)
    page.locator(".plot[data-drawn]").wait_for()
    expect(page.locator(".plot .corner")).to_contain_text(f"{n_cells:,} cells")
    settled(page)


def settled(page: Page) -> None:
    """Wait until nothing is loaded any more and two frames went by."""
    expect(page.locator(".plot .loading")).to_have_count(0)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))")


def place_of(page: Page, xy: np.ndarray) -> Place:
    """Where the cells lie."""
    box = page.locator(".plot").bounding_box()
    assert box is not None
    low, high = xy.min(axis=0).astype(np.float64), xy.max(axis=0).astype(np.float64)
    room = np.array([box["width"], box["height"]]) - 2 * MARGIN_PX
    return Place(box["x"], box["y"], box["width"], box["height"], (low + high) / 2, float((room / (high - low)).min()))


def colours(page: Page) -> tuple[int, dict[str, int]]:
    """How many pixels are drawn on, and the number of each opaque colour."""
    settled(page)
    found = page.evaluate(_COUNT_COLOURS)
    return int(found["drawn"]), {str(k): int(v) for k, v in found["counts"].items()}


def is_inside(points: np.ndarray, polygon: Sequence[tuple[float, float]]) -> np.ndarray:
    """Even-odd rule, one point after another edge; bool, shape (n,)."""
    inside = np.zeros(len(points), bool)
    for (ax, ay), (bx, by) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        crosses = (ay > points[:, 1]) != (by > points[:, 1])
        if not crosses.any():
            continue
        at = (bx - ax) * (points[:, 1] - ay) / (by - ay) + ax
        inside ^= crosses & (points[:, 0] < at)
    return inside


def edge_distance(points: np.ndarray, polygon: Sequence[tuple[float, float]]) -> np.ndarray:
    """Distance to the nearest edge, pixels, shape (n,)."""
    best = np.full(len(points), np.inf)
    for a, b in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        start, way = np.array(a), np.array(b) - np.array(a)
        share = np.clip(((points - start) @ way) / max(1e-9, float(way @ way)), 0, 1)
        best = np.minimum(best, np.hypot(*(points - start - share[:, None] * way).T))
    return best


def draw_lasso(page: Page, polygon: Sequence[tuple[float, float]]) -> None:
    """Draw an outline with the mouse; the corners lie on whole pixels."""
    page.keyboard.press("l")
    page.mouse.move(*polygon[0])
    page.mouse.down()
    for x, y in polygon[1:]:
        page.mouse.move(x, y)
    page.mouse.up()


def pixels_at(page: Page, points: np.ndarray) -> np.ndarray:
    """The drawn colour at screen positions, RGBA of uint8, shape (n, 4); without what the pointer adds."""
    settled(page)
    found = page.evaluate(_PIXELS, points.tolist())
    return np.array(found, np.uint8)


_PIXELS = """(points) => {
  const shown = [...document.querySelectorAll('.plot canvas')].slice(0, 2);
  const box = shown[0].getBoundingClientRect();
  const out = document.createElement('canvas');
  out.width = box.width; out.height = box.height;
  const context = out.getContext('2d', { willReadFrequently: true });
  for (const canvas of shown) context.drawImage(canvas, 0, 0, box.width, box.height);
  const at = (x, y) => context.getImageData(Math.floor(x - box.left), Math.floor(y - box.top), 1, 1).data;
  return points.map(([x, y]) => [...at(x, y)]);
}"""


def until_drawn(page: Page, points: np.ndarray, wanted: np.ndarray, timeout_s: float = 30) -> None:
    """Wait until each point has its colour (red, green, blue), but for rounding."""
    ends = time.monotonic() + timeout_s
    while True:
        off = np.abs(pixels_at(page, points)[:, :3].astype(int) - wanted).max(axis=1)
        if (off <= 3).all():
            return
        assert time.monotonic() < ends, f"{(off > 3).sum()} of {len(off)} points have another colour"


def far_apart(points: np.ndarray, distance_px: float) -> np.ndarray:
    """Indices of points with no other within a distance."""
    gaps = np.hypot(points[:, None, 0] - points[None, :, 0], points[:, None, 1] - points[None, :, 1])
    np.fill_diagonal(gaps, np.inf)
    return np.flatnonzero(gaps.min(axis=1) > distance_px)


def rgb_of(hex_colour: str) -> np.ndarray:
    """Red, green, blue, 0 to 255."""
    return np.array([int(hex_colour[i : i + 2], 16) for i in (1, 3, 5)])


def number_shown(page: Page) -> int:
    """The number of cells that the plot says it shows."""
    text = page.locator(".plot .corner").inner_text()
    return int(text.split(" of ")[0].split(" cells")[0].replace(",", ""))
