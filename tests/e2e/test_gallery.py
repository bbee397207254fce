"""The gallery over files of differing panels: channels are found by reagent, and files that lack one are named."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Page, Request, expect

import cytosol
from tests.e2e.conftest import Site, Watch, faults
from tests.e2e.gating import CHANNELS, drag, make_events, name_gate, plot, show, spot, write_fcs


def _panel(green: str, red: str) -> list[tuple[str, str]]:
    named = {"B530-A": green, "R660-A": red}
    return [(channel, named.get(channel, reagent)) for channel, reagent in CHANNELS]


def test_files_are_compared_by_reagent(page: Page, site: Site, tmp_path: Path) -> None:
    study = site.client.create_study("Three panels")
    panels = {"plain.fcs": _panel("CD4", "CD8"), "turned.fcs": _panel("CD8", "cd4"), "other.fcs": _panel("CD19", "CD8")}
    ids = {}
    for seed, (name, panel) in enumerate(panels.items()):
        events = make_events(800 + 100 * seed, seed)
        if name == "turned.fcs":
            events = events[:, [0, 1, 3, 2, 4]]
        [made] = study.add_file(write_fcs(tmp_path / name, events, panel))
        ids[made.id] = name
        made.annotate_file({"day": 2 if name == "plain.fcs" else 1})
    asked: dict[str, set[str]] = {}

    def note(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.path.endswith("/events") and "/datasets/" in parts.path:
            file = ids[parts.path.split("/datasets/")[1].split("/")[0]]
            asked.setdefault(file, set()).update(parse_qs(parts.query)["axes"][0].split(","))

    page.goto(f"{site.url}/app/studies/{study.id}/gating")
    page.get_by_role("button", name="plain.fcs").click()
    plot(page, "var:FSC-A", "var:SSC-A")
    page.on("request", note)
    page.get_by_role("tab", name="Gallery").click()
    show(page, "Horizontal", "CD4")
    # the keyboard goes on from where the menu was opened
    expect(page.get_by_role("button", name="Horizontal axis: CD4")).to_be_focused()
    page.get_by_role("combobox", name="Group plots by").select_option("day")
    for day, file, axis in ((1, "turned.fcs", "cd4 · R660-A"), (2, "plain.fcs", "CD4 · B530-A")):
        cards = page.get_by_role("region", name=f"day {day}", exact=True).locator(".plot-card")
        expect(cards).to_have_count(1)
        expect(cards).to_have_attribute("data-file", file)
        expect(cards).to_contain_text(axis)
    expect(page.get_by_text("1 file has no CD4: other.fcs")).to_be_visible()
    assert "var:R660-A" in asked["turned.fcs"]
    assert not {"var:B530-A", "var:R660-A"} & asked["other.fcs"]
    # the choice stands when another file is opened, whatever lies on that channel there
    page.get_by_role("region", name="Files").get_by_role("button", name="other.fcs").click()
    expect(page.locator('.plot-card[data-file="turned.fcs"]')).to_contain_text("cd4 · R660-A")
    page.get_by_role("toolbar", name="Gallery").get_by_role("button", name="Save").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="SVG drawing").click()
    sheet = download.value.path().read_text(encoding="utf-8")
    assert all(words in sheet for words in ("CD4 (B530-A)", "cd4 (R660-A)", "turned.fcs"))
    assert "CD19" not in sheet
    page.get_by_role("button", name="Overlay").click()
    curves = page.get_by_role("region", name="Curves")
    expect(curves).to_contain_text("1 file has no CD4: other.fcs")
    expect(curves.locator("li")).to_have_count(2)
    curves.get_by_role("button", name="Save").click()
    with page.expect_download() as download:
        curves.get_by_role("link", name="SVG drawing").click()
    assert "CD4 (B530-A)" in download.value.path().read_text(encoding="utf-8")


_PANELS = {
    "plain.fcs": _panel("CD4", "CD8"),
    "turned.fcs": _panel("CD8", "cd4"),
    "other.fcs": _panel("CD19", "CD8"),
    "twice.fcs": [("FSC-A", ""), ("SSC-A", ""), ("V450-A", "CD4"), ("V500-A", "CD4"), ("Time", "")],
}
_EVENTS = {name: make_events(600 + 50 * seed, seed) for seed, name in enumerate(_PANELS)}


@pytest.fixture
def panels(page: Page, site: Site, tmp_path: Path) -> cytosol.Study:
    """CD4 on one detector, on another, nowhere, and on both; the first file is open."""
    study = site.client.create_study("Reagents of panels")
    for name, panel in _PANELS.items():
        study.add_file(write_fcs(tmp_path / name, _EVENTS[name], panel))
    page.goto(f"{site.url}/app/studies/{study.id}/gating")
    page.get_by_role("region", name="Files").get_by_role("button", name="plain.fcs").click()
    plot(page, "var:FSC-A", "var:SSC-A")
    return study


@pytest.mark.usefixtures("panels")
def test_statistics_go_by_reagent(page: Page, watch: Watch, axe: str) -> None:
    page.get_by_role("tab", name="Statistics").click()
    table = page.get_by_role("table", name="Statistics of populations")
    expect(table.get_by_role("columnheader", name="Median CD4")).to_be_visible()
    notes = page.get_by_role("note", name="Notes on values")
    several, none = (
        "CD4 is on V450-A and V500-A; name one of these channels: twice.fcs",
        "No channel has the reagent CD4",
    )
    expect(notes).to_contain_text(f"{none}: other.fcs")
    expect(notes).to_contain_text(several)
    # CD4 and CD8, as the panel of the open file has them
    for name, columns in {"plain": (2, 3), "turned": (3, 2), "other": (None, 3), "twice": (None, None)}.items():
        row = table.get_by_role("row").filter(has_text=f"{name}.fcs")
        for text, column in zip(row.get_by_role("cell").all_inner_texts()[-2:], columns, strict=True):
            truth = None if column is None else float(np.median(_EVENTS[f"{name}.fcs"][:, column]))
            told = None if text == "–" else float(text.replace(",", "").replace("−", "-"))
            assert told == (None if truth is None else pytest.approx(truth, rel=0.006))
    assert not faults(page, axe)
    # the channels of the file that has the reagent twice can be chosen by name
    page.get_by_role("button", name="Channels").click()
    menu = page.get_by_role("group", name="Channels")
    menu.get_by_role("checkbox", name="CD4 · V450-A").check()
    expect(table.get_by_role("columnheader", name="Median CD4 · V450-A")).to_be_visible()
    expect(notes).to_contain_text("No channel V450-A: plain.fcs, turned.fcs and other.fcs")
    page.keyboard.press("Escape")
    for tab, of, picture in (("Heat map", "Files", "4 rows"), ("Boxes and bars", "Bars", "Median of CD4")):
        page.get_by_role("tab", name=tab).click()
        page.get_by_role("button", name=of, exact=True).click()
        if of == "Bars":
            page.get_by_role("combobox", name="Statistic", exact=True).select_option("median")
            page.get_by_role("combobox", name="Channel").select_option(label="CD4")
        expect(notes).to_contain_text(several)
        expect(page.get_by_role("img", name=picture)).to_be_visible()


def test_a_pasted_gate_asks_for_the_channel_where_several_have_its_reagent(
    page: Page, panels: cytosol.Study, watch: Watch, axe: str
) -> None:
    files = page.get_by_role("region", name="Files")
    show(page, "Horizontal", "CD4")
    at = spot(plot(page, "var:B530-A", "var:SSC-A"))
    page.keyboard.press("r")
    drag(page, at(0.5, 0.2), at(0.9, 0.8))
    name_gate(page, "helpers")
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.locator(".notice", has_text="is copied")).to_be_visible()
    files.get_by_role("button", name="turned.fcs").click()
    expect(page.get_by_role("button", name="Horizontal axis: CD8 · B530-A")).to_be_visible()
    page.keyboard.press("Control+v")
    expect(page.locator(".notice", has_text="‘helpers 1’ is pasted into")).to_be_visible()
    files.get_by_role("button", name="other.fcs").click()
    page.keyboard.press("Control+v")
    expect(page.locator(".notice", has_text="This file has no channel for ‘CD4’")).to_be_visible()
    files.get_by_role("button", name="twice.fcs").click()
    page.keyboard.press("Control+v")
    dialog = page.get_by_role("dialog", name="Paste ‘helpers’")
    expect(dialog).to_contain_text("In twice.fcs it is on V450-A and V500-A.")
    expect(dialog.get_by_role("button", name="Paste gate")).to_be_disabled()
    assert not faults(page, axe)
    dialog.get_by_label("Channel of CD4").select_option("V500-A")
    dialog.get_by_role("button", name="Paste gate").click()
    expect(dialog).to_have_count(0)
    expect(page.locator(".notice", has_text="‘helpers 2’ is pasted into")).to_be_visible()
    assert [(gate.name, gate.x) for gate in panels.gates.list()] == [
        ("helpers", "var:B530-A"),
        ("helpers 1", "var:R660-A"),
        ("helpers 2", "var:V500-A"),
    ]


def test_colours_and_names_stay_the_same(page: Page, site: Site, tmp_path: Path) -> None:
    """A population has one colour in every view; ends of long names and the names of rows stay in sight."""
    study = site.client.create_study("Looks")
    names = [f"a very long name of a file of donor number {number}.fcs" for number in (1, 2)]
    for seed, name in enumerate(names):
        study.add_file(write_fcs(tmp_path / name, make_events(500, seed)))
    page.goto(f"{site.url}/app/studies/{study.id}/gating")
    at = spot(plot(page, "var:FSC-A", "var:SSC-A"))
    for name, left in (("Low", 0.1), ("High", 0.5)):
        page.keyboard.press("r")
        drag(page, at(left, 0.1), at(left + 0.2, 0.4))
        name_gate(page, name)
    for number in (1, 2):
        end = page.get_by_role("region", name="Files").get_by_text(f"ber {number}.fcs", exact=True)
        box, row = end.bounding_box(), page.locator(".gating-row").first.bounding_box()
        assert box is not None
        assert row is not None
        assert row["x"] < box["x"] < box["x"] + box["width"] < row["x"] + row["width"]
    ring = page.get_by_role("button", name="Lay High over the plots")
    ring.click()
    colour = "(element) => getComputedStyle(element).backgroundColor"
    known = ring.locator("span").evaluate(colour)
    page.get_by_role("tab", name="Gallery").click()
    page.get_by_role("button", name="Overlay").click()
    page.get_by_role("button", name="Populations", exact=True).click()
    curve = page.get_by_role("region", name="Curves").get_by_role("button", name="High")
    assert curve.locator(".dot").evaluate(colour) == known
    page.get_by_role("tab", name="Statistics").click()
    page.get_by_role("toolbar", name="Statistics").get_by_role("button", name="Statistics").click()
    for statistic in ("Mean", "MAD", "CV", "Standard deviation"):
        page.get_by_role("checkbox", name=statistic, exact=True).check()
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 1000, "height": 700})
    table = page.locator(".data-table")
    expect(table.locator("td").first).to_be_visible()
    names = [table.locator("tbody td.stays").nth(column) for column in (0, 1)]
    before = [name.bounding_box() for name in names]
    assert None not in before
    assert table.evaluate("(element) => (element.scrollLeft = 200, element.scrollLeft)") > 0
    assert [name.bounding_box() for name in names] == before
