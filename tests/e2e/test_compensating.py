"""Compensation in a real browser: found from controls, edited by hand, used by files; against what was spilled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from cytosol.formats.fcs.writer import fcs_head, fcs_pieces
from tests.e2e.conftest import Site, faults
from tests.e2e.gating import plot, show, until

_DYES = ("B530-A", "B585-A", "R660-A")
_CHANNELS = ("FSC-A", "SSC-A", *_DYES)
_SPILL = np.array([[1, 0.24, 0.01], [0.05, 1, 0.03], [0, 0.02, 1]])

_IS_DRAWN = """() => {
  const canvas = document.querySelector("[data-pair='18 18'] canvas");
  return new Set(canvas.getContext('2d').getImageData(0, 0, 90, 90).data).size > 2;
}"""


def _write(path: Path, dyes: np.ndarray, seed: int) -> Path:
    """An FCS file of events with so much of each dye, shape (n_events, 3), seen through the spillover."""
    random = np.random.default_rng(seed)
    scatter = random.normal(80_000, 9_000, (len(dyes), 2))
    seen = dyes @ _SPILL + random.normal(0, 20, dyes.shape)
    channels = [{"N": name, "R": "262144"} for name in _CHANNELS]
    events = np.column_stack([scatter, seen]).astype(np.float32)
    path.write_bytes(b"".join(fcs_pieces(fcs_head(channels, len(events), keywords={}), [events.T])))
    return path


@dataclass
class Bench:
    url: str
    study_id: str
    api: httpx.Client

    def matrices(self) -> dict[str, dict[str, Any]]:
        items = self.api.get(f"/studies/{self.study_id}/compensations").json()["items"]
        return {one["name"]: one for one in items}


@pytest.fixture(scope="module")
def bench(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("controls")
    study = site.client.create_study("Controls")
    random = np.random.default_rng(7)
    stained = [np.zeros((3000, 3)) for _ in range(5)]
    for dye in range(3):
        stained[dye + 1][:, dye] = np.where(np.arange(3000) < 2000, random.lognormal(8.5, 0.3, 3000), 0)
    stained[4] = random.choice([0, 5000], (3000, 3)).astype(float)
    for name, dyes in zip(["tube 0", "tube 1", "tube 2", "tube 3", "sample"], stained, strict=True):
        study.add_file(_write(folder / f"{name}.fcs", dyes, len(name)))
    with site.api() as api:
        yield Bench(f"{site.url}/app/studies/{study.id}/gating", study.id, api)


def test_a_matrix_is_computed_from_controls_edited_and_used(page: Page, bench: Bench, axe: str) -> None:
    page.goto(bench.url)
    page.get_by_role("tab", name="Compensation").click()
    page.get_by_role("button", name="Compute from controls").click()
    page.get_by_role("button", name="Find them").click()
    for channel, tube in zip(_DYES, ("tube 1", "tube 2", "tube 3"), strict=True):
        chosen = page.get_by_label(f"File of the control of {channel}").locator("option:checked")
        expect(chosen).to_have_text(f"{tube}.fcs")
    expect(page.get_by_label("Unstained control").locator("option:checked")).to_have_text("tube 0.fcs")
    expect(page.get_by_role("table", name="Spread")).to_be_visible()
    _narrow_the_bright_events(page)
    _swap_two_controls(page, axe)
    assert not faults(page, axe)
    page.get_by_label("Name of the matrix").fill("Tubes")
    page.get_by_role("button", name="Keep matrix").click()
    expect(page.get_by_role("heading", name="Tubes")).to_be_visible()
    kept = bench.matrices()["Tubes"]
    assert kept["channels"] == list(_DYES)
    assert np.abs(np.array(kept["matrix"]).reshape(3, 3) - _SPILL).max() < 0.01
    _edit_by_keys(page, bench)
    page.get_by_role("button", name="Used by 0 files").click()
    page.get_by_role("button", name="All", exact=True).click()
    page.get_by_role("button", name="Use for 5 files").click()
    expect(page.get_by_role("button", name="Used by 5 files")).to_be_visible()
    files = bench.api.get(f"/studies/{bench.study_id}/fcs").json()["items"]
    assert {file["compensation"] for file in files} == {kept["id"]}
    assert not faults(page, axe)


def _swap_two_controls(page: Page, axe: str) -> None:
    """Swapped files are named, and their matrix is kept only where somebody insists."""
    files = [page.get_by_label(f"File of the control of {channel}") for channel in _DYES[:2]]
    keep = page.get_by_role("button", name="Keep matrix")
    told = page.get_by_role("alert", name="Controls that may be swapped")
    for file, tube in zip(files, ("tube 2.fcs", "tube 1.fcs"), strict=True):
        file.select_option(label=tube)
    for channel, tube, other in ((_DYES[0], "tube 2.fcs", _DYES[1]), (_DYES[1], "tube 1.fcs", _DYES[0])):
        expect(told).to_contain_text(f"The control of {channel}, '{tube}', looks like one of {other}")
    expect(keep).to_be_disabled()
    assert not faults(page, axe)
    told.get_by_role("checkbox").check()
    expect(keep).to_be_enabled()
    for file, tube in zip(files, ("tube 1.fcs", "tube 2.fcs"), strict=True):
        file.select_option(label=tube)
    expect(told).to_have_count(0)
    expect(keep).to_be_enabled()


def _narrow_the_bright_events(page: Page) -> None:
    """Type another range, and have it found again."""
    row = page.get_by_role("group", name="Control of B530-A", exact=True)
    low = row.get_by_label("Bright events of B530-A, from")
    found = low.input_value()
    low.fill("3000")
    low.press("Enter")
    expect(row.get_by_role("button", name="Find again")).to_be_visible()
    row.get_by_role("button", name="Find again").click()
    expect(low).to_have_value(found)


def _edit_by_keys(page: Page, bench: Bench) -> None:
    """A number is typed, one nudged, one dragged in its plot; the plots follow before anything is kept."""
    grid = page.locator(".pair-grid")
    expect(grid).to_have_attribute("data-drawn", "3000")
    picture = "() => document.querySelector(\"[data-pair='0 1'] canvas\").toDataURL()"
    before = page.evaluate(picture)
    cell = page.get_by_label("B530-A in B585-A, per cent")
    cell.fill("60")
    page.wait_for_function(f"before => ({picture})() !== before", arg=before)
    cell.press("ArrowDown")
    below = page.get_by_label("B585-A in B585-A, per cent")
    expect(below).to_be_focused()
    page.keyboard.press("ArrowDown")
    nudged = page.get_by_label("R660-A in B585-A, per cent")
    nudged.fill("2")
    nudged.press("Alt+Shift+ArrowUp")
    expect(nudged).to_have_value("3")
    box = page.locator("[data-pair='2 0']").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 30, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 30, box["y"] + 50, steps=3)
    page.mouse.up()
    expect(page.get_by_label("R660-A in B530-A, per cent")).not_to_have_value("0")
    assert bench.matrices()["Tubes"]["matrix"][1] < 0.3
    page.get_by_role("button", name="Save matrix").click()
    expect(page.get_by_role("button", name="Save matrix")).to_have_count(0)
    kept = np.array(bench.matrices()["Tubes"]["matrix"]).reshape(3, 3)
    assert kept[0, 1] == pytest.approx(0.6)
    assert kept[2, 1] == pytest.approx(0.03)
    assert kept[2, 0] == pytest.approx(0.02, abs=0.006)


def test_plots_follow_the_matrix_of_their_file(page: Page, bench: Bench) -> None:
    """Another matrix for the file, and another number in the matrix: the events are read and drawn anew."""
    matrix = np.eye(3)
    matrix[0, 1] = 0.3  # neither what the file is read with before, nor none
    body = {"name": "Strong", "channels": list(_DYES), "matrix": matrix.ravel().tolist()}
    bench.api.post(f"/studies/{bench.study_id}/compensations", json=body).raise_for_status()
    page.goto(bench.url)
    page.get_by_role("button", name="sample.fcs").click()
    show(page, "Horizontal", "B530-A")
    show(page, "Vertical", "B585-A")
    before = _picture_of_dyes(page)
    page.get_by_role("tab", name="Files and panel").click()
    page.get_by_role("region", name="File", exact=True).get_by_role("combobox").select_option("Strong")
    before = _redrawn(page, before)
    page.get_by_role("tab", name="Compensation").click()
    page.get_by_label("Compensation matrix").select_option("Strong")
    page.get_by_label("B530-A in B585-A, per cent").fill("90")
    page.get_by_role("button", name="Save matrix").click()
    _redrawn(page, before)


def _picture_of_dyes(page: Page) -> str:
    card = plot(page, "var:B530-A", "var:B585-A")
    return str(card.locator("canvas").first.evaluate("(canvas) => canvas.toDataURL()"))


def _redrawn(page: Page, before: str) -> str:
    """The plot when its events came anew and it looks otherwise."""
    asked = "axes=var%3AB530-A%2Cvar%3AB585-A&compensation=own"
    with page.expect_response(lambda response: asked in response.url and response.ok):
        page.get_by_role("tab", name="Plots").click()
    assert until(lambda: _picture_of_dyes(page) != before)
    return _picture_of_dyes(page)


def test_real_controls_are_found_and_give_the_published_matrix(page: Page, site: Site, shared_data: Path) -> None:
    folder = shared_data / "cytometry" / "compensation" / "flowcore_compdata"
    lines = (folder / "comp_match").read_text().replace("\r", "\n").split()
    wanted = {channel: name for name, channel in (line.split(",") for line in lines[1:])}
    study = site.client.create_study("Real controls")
    for name in sorted(wanted.values()):
        study.add_file(folder / "data" / name)
    page.goto(f"{site.url}/app/studies/{study.id}/gating")
    page.get_by_role("tab", name="Compensation").click()
    page.get_by_role("button", name="Compute from controls").click()
    page.get_by_role("button", name="Find them").click()
    unstained = page.get_by_label("Unstained control").locator("option:checked")
    expect(unstained).to_have_text(wanted.pop("unstained"))
    for channel, name in wanted.items():
        expect(page.get_by_label(f"File of the control of {channel}").locator("option:checked")).to_have_text(name)
    rows = page.get_by_role("table", name="Computed spillover").locator("tbody tr")
    expect(rows).to_have_count(4)
    found = np.array([[float(cell) for cell in row.locator("td").all_inner_texts()] for row in rows.all()]) / 100
    published = np.loadtxt(folder / "compmatrix", skiprows=3, encoding="latin-1")
    assert np.abs(found - published).max() < 0.02


def test_a_matrix_of_forty_channels_is_worked_on(page: Page, site: Site, tmp_path: Path, axe: str) -> None:
    names = [f"D{n:02d}-A" for n in range(40)]
    study = site.client.create_study("Forty")
    light = np.random.default_rng(3).lognormal(6, 1, (40, 2000)).astype(np.float32)
    head = fcs_head([{"N": name, "R": "262144"} for name in names], 2000, keywords={})
    path = tmp_path / "forty.fcs"
    path.write_bytes(b"".join(fcs_pieces(head, [light])))
    study.add_file(path)
    matrix = np.eye(40)
    matrix[30, 31] = 0.4
    with site.api() as api:
        body = {"name": "Forty", "channels": names, "matrix": matrix.ravel().tolist()}
        api.post(f"/studies/{study.id}/compensations", json=body).raise_for_status()
    page.goto(f"{site.url}/app/studies/{study.id}/gating")
    page.get_by_role("tab", name="Compensation").click()
    plots = page.locator(".pair")
    expect(page.locator(".pair-grid")).to_have_attribute("data-drawn", "2000")
    expect(plots).to_have_count(16 * 16)
    expect(page.locator("[data-pair='30 31']")).to_be_attached()
    page.get_by_label("D39-A in D38-A, per cent").fill("25")
    expect(plots).to_have_count(18 * 18)
    expect(page.locator("[data-pair='39 38'] .number")).to_have_text("25")
    page.get_by_role("button", name="Channels:").click()
    sheet = page.get_by_role("dialog", name="Channels")
    sheet.get_by_role("button", name="None").click()
    sheet.get_by_label("Search channels").fill("D1")
    sheet.get_by_role("button", name="All", exact=True).click()
    expect(plots).to_have_count(12 * 12)
    assert not faults(page, axe)
    page.keyboard.press("Escape")
    page.get_by_label("Size of the plots").get_by_role("button", name="L").click()
    page.locator("[data-pair='18 18']").scroll_into_view_if_needed()
    page.wait_for_function(_IS_DRAWN)
    for head in (
        page.locator(".pair-grid .head", has_text="D18-A"),
        page.locator(".pair-grid .side-head", has_text="D18-A"),
    ):
        expect(head).to_be_in_viewport(ratio=0.9)
