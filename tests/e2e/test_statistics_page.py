"""Tables of statistics in a real browser: formulas, events per µL by counting beads, tables kept in the study."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Site, Watch, faults
from tests.e2e.gating import make_events, write_fcs

_EVENTS = make_events(3000, 7)
_BRIGHT = _EVENTS[:, 2] >= 4000
_BEADS = _EVENTS[:, 3] >= 15_000
_ADDED, _VOLUME = 50_000, 200


@pytest.fixture(scope="module")
def url(site: Site, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A study of a file, the population bright, and beads."""
    study = site.client.create_study("Tables")
    study.add_file(write_fcs(tmp_path_factory.mktemp("tables") / "one.fcs", _EVENTS))
    with site.api(f"/studies/{study.id}") as api:
        version = {"If-Match": f'"{api.get("scales").json()["version"]}"'}
        scale = {"type": "linear", "minimum": -1e6, "maximum": 1e6}
        scales = {"var:B530-A": scale, "var:R660-A": scale}
        api.put("scales", json={"scales": scales}, headers=version).raise_for_status()
        gates = [
            {"kind": "range", "name": name, "x": x, "geometry": {"x1": low, "x2": 1e6, "y": 0.5}}
            for name, x, low in (("bright", "var:B530-A", 4000), ("beads", "var:R660-A", 15_000))
        ]
        api.post("gates", json={"gates": gates, "populations": True}).raise_for_status()
    return f"{site.url}/app/studies/{study.id}/gating"


def _told(row: Locator, n: int) -> list[float]:
    """The last numbers of a row, once the table is computed."""
    expect(row.page.locator(".statistics[aria-busy=false]")).to_be_visible()
    return [float(text.replace(",", "")) for text in row.get_by_role("cell").all_inner_texts()[-n:]]


def test_formulas_and_beads_are_columns_and_the_table_is_kept(
    page: Page, url: str, watch: Watch, axe: str, tmp_path: Path
) -> None:
    page.goto(url)
    page.get_by_role("tab", name="Statistics").click()
    table = page.get_by_role("table", name="Statistics of populations")
    page.get_by_role("toolbar", name="Statistics").get_by_role("button", name="Statistics").click()
    for name in ("Percent", "Median"):
        page.get_by_role("checkbox", name=name, exact=True).uncheck()
    page.get_by_role("checkbox", name="Events per µL").check()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Counting beads").click()
    page.get_by_label("Population of beads").select_option("beads")
    page.get_by_label("Beads added to each tube").fill(str(_ADDED))
    page.get_by_label("Volume of the sample, µL").fill(str(_VOLUME))
    row = table.get_by_role("row").filter(has_text="bright")
    per_ul = _BRIGHT.sum() / _BEADS.sum() * _ADDED / _VOLUME
    page.get_by_role("button", name="Counting beads: on").wait_for()
    assert _told(row, 2) == pytest.approx([_BRIGHT.sum(), per_ul], rel=2e-3)

    page.get_by_role("button", name="Formulas").click()
    editor = page.get_by_role("textbox", name="Formulas, one a line")
    watch.expected.append("422")
    editor.fill("share = event_count / event_count(Ungated)\nratio = median(CD4) / (2")
    editor.press("Control+Enter")
    expect(page.get_by_role("alert")).to_contain_text("letter 17")
    assert not faults(page, axe)
    page.get_by_role("button", name="Line 2", exact=True).click()
    expect(editor).to_be_focused()
    editor.fill("share = event_count / event_count(Ungated)\nratio = median(CD4) / median(CD8)")
    page.get_by_role("button", name="Use formulas").click()
    ratio = np.median(_EVENTS[_BRIGHT, 2]) / np.median(_EVENTS[_BRIGHT, 3])
    expect(table.get_by_role("columnheader", name="ratio")).to_be_visible()
    assert _told(row, 4) == pytest.approx([_BRIGHT.sum(), per_ul, _BRIGHT.mean(), ratio], rel=5e-3)

    page.get_by_role("button", name="Saved tables").click()
    page.get_by_role("textbox", name="Name of the table").fill("For the paper")
    page.get_by_role("button", name="Save in the study").click()
    kept = page.get_by_role("table", name="Saved tables").get_by_role("row").filter(has_text="For the paper.csv")
    with page.expect_download() as download:
        kept.get_by_role("link").click()
    download.value.save_as(tmp_path / "kept.csv")
    line = pd.read_csv(tmp_path / "kept.csv").set_index("population").loc["bright"]
    truth = [_BRIGHT.sum(), per_ul, _BRIGHT.mean(), ratio]
    np.testing.assert_allclose(line[["event_count", "events_per_ul", "share", "ratio"]].astype(float), truth, rtol=1e-6)
    assert not faults(page, axe)

    page.goto(f"{url}?gating=%7B%22view%22%3A%22statistics%22%7D")
    expect(table.get_by_role("columnheader", name="Percent")).to_be_visible()
    page.get_by_role("button", name="Saved tables").click()
    page.get_by_role("button", name="Show again For the paper.csv").click()
    expect(table.get_by_role("columnheader", name="Percent")).to_have_count(0)
    expect(table.get_by_role("columnheader", name="ratio")).to_be_visible()
    assert _told(row, 4) == pytest.approx(truth, rel=5e-3)
    page.get_by_role("button", name="Delete For the paper.csv").click()
    expect(kept).to_have_count(0)


def test_a_table_of_usual_statistics_needs_no_scrolling_sideways(page: Page, url: str) -> None:
    page.goto(f"{url}?gating=%7B%22view%22%3A%22statistics%22%7D")
    table = page.get_by_role("table", name="Statistics of populations")
    expect(table.get_by_role("columnheader", name="Median CD8")).to_be_visible()
    expect(page.locator(".statistics[aria-busy=false]")).to_be_visible()
    over, shown = page.locator(".data-table").evaluate("(room) => [room.scrollWidth, room.clientWidth]")
    assert over <= shown
    cells = table.get_by_role("row").nth(1).get_by_role("cell")
    cut = cells.evaluate_all(
        "(all) => all.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.innerText)"
    )
    assert cut == []
