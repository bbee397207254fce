"""Files of cytometry in a real browser: panels, names, analyses and reports, gates in and out, the lock."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flowio
import httpx
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Site, Watch, faults
from tests.e2e.gating import make_events, until, write_fcs
from tests.formats import facsdiva_samples as diva

_RUN_MS = 120_000
_PASTE = """text => {
  const clipboardData = new DataTransfer();
  clipboardData.setData('text/plain', text);
  document.activeElement.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
}"""


@dataclass
class Bench:
    url: str
    study_id: str
    api: httpx.Client
    folder: Path

    def files(self) -> dict[str, dict[str, Any]]:
        return {one["name"]: one for one in self.api.get(f"/studies/{self.study_id}/fcs").json()["items"]}

    def said(self, name: str) -> dict[str, Any]:
        """The annotations of a file."""
        return {one["name"]: one["value"] for one in self.files()[name]["annotations"]}

    def open(self, page: Page, tab: str, part: str = "") -> None:
        page.goto(self.url)
        page.get_by_role("tab", name=tab).click()
        if part:
            page.get_by_role("button", name=part, exact=True).click()


@pytest.fixture(scope="module")
def bench(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    yield from _bench(site, tmp_path_factory.mktemp("files"))


@pytest.fixture
def fresh_bench(site: Site, tmp_path: Path) -> Iterator[Bench]:
    """The same of a study of its own."""
    yield from _bench(site, tmp_path)


def _bench(site: Site, folder: Path) -> Iterator[Bench]:
    study = site.client.create_study("Plates")
    for at, name in enumerate(("P1_A01_ann.fcs", "P1_A02_bob.fcs", "P2_A01_cleo.fcs")):
        study.add_file(write_fcs(folder / name, make_events(2000, at)))
    with site.api() as api:
        yield Bench(f"{site.url}/app/studies/{study.id}/gating", study.id, api, folder)


def test_reagents_are_pasted_for_all_files(page: Page, bench: Bench, axe: str) -> None:
    bench.open(page, "Files and panel")
    expect(page.get_by_label("Files that get these reagents")).to_have_value("panel")
    told = page.get_by_role("status", name="What will change").bounding_box()
    assert told is not None
    assert told["height"] < 40, "a sentence is not squeezed to a column of words"
    text = "Detector\tMarker\nR660-A\tCD8a\nB530-A\tCD4 (RPA-T4)\n"
    page.get_by_label("Reagent of FSC-A").focus()
    page.evaluate(_PASTE, text)
    expect(page.get_by_text("2 reagents will change in 3 files.")).to_be_visible()
    page.get_by_label("Files that get these reagents").select_option("file")
    page.get_by_role("button", name="Save panel").click()
    expect(page.get_by_text("2 reagents named in 1 file")).to_be_visible()
    assert page.get_by_label("Reagent of R660-A").input_value() == "CD8a", "told when it is seen, not before"
    expect(page.get_by_role("group", name="Panels of the study").get_by_role("button")).to_have_count(2)
    expect(page.get_by_role("region", name="Panel", exact=True).get_by_role("row", name="R660-A")).to_contain_text(
        "CD8 in 2"
    )
    assert not faults(page, axe)
    page.get_by_label("Files that get these reagents").select_option("channels")
    page.get_by_role("button", name="Save panel").click()
    expect(page.get_by_role("group", name="Panels of the study")).to_have_count(0)
    name = page.get_by_label("Name of the panel")
    name.fill("T cells")
    name.press("Enter")
    expect(page.get_by_text("The panel of 3 files is called ‘T cells’")).to_be_visible()
    assert {file["panel_name"] for file in bench.files().values()} == {"T cells"}
    reagents = [{c["channel"]: c["reagent"] for c in file["panel"]} for file in bench.files().values()]
    assert [(one["B530-A"], one["R660-A"]) for one in reagents] == [("CD4 (RPA-T4)", "CD8a")] * 3


def test_files_are_annotated_and_renamed_by_their_names(page: Page, bench: Bench, axe: str, watch: Watch) -> None:
    bench.open(page, "Files and panel", "Names and annotations")
    page.get_by_label("Pattern of the names").fill("P{plate}_{well}_{donor}.fcs")
    page.get_by_label("New name").fill("{well}")
    expect(page.get_by_role("status").filter(has_text="cannot be done")).to_be_visible()
    expect(page.get_by_role("button", name="Annotate and rename")).to_be_disabled()
    page.get_by_label("New name").fill("{donor} {well}")
    row = page.get_by_role("table", name="Preview").get_by_role("row", name="P2_A01_cleo.fcs")
    expect(row).to_contain_text("cleo A01")
    assert not faults(page, axe)
    page.get_by_role("button", name="Annotate and rename 3 files").click()
    expect(page.get_by_role("region", name="Files").get_by_role("button", name="cleo A01")).to_be_visible()
    assert sorted(bench.files()) == ["ann A01", "bob A02", "cleo A01"]
    assert bench.said("cleo A01") == {"plate": 2, "well": "A01", "donor": "cleo"}
    page.get_by_role("button", name="Panels", exact=True).click()
    page.get_by_role("region", name="Files").get_by_role("button", name="cleo A01").click()
    donor = page.get_by_role("group", name="Annotations of the file").get_by_label("donor")
    donor.fill("Cleo")
    donor.press("Enter")
    assert until(lambda: bench.said("cleo A01")["donor"] == "Cleo")
    expect(donor).to_have_value("Cleo")
    plate = page.get_by_role("group", name="Annotations of the file").get_by_label("plate")
    watch.expected.append("422")
    plate.fill("two")
    plate.press("Enter")
    expect(page.get_by_text("'two' is not a number, and 'plate' holds numbers in this study")).to_be_visible()
    expect(plate).to_have_value("2")


def test_an_analysis_runs_and_its_report_is_read(page: Page, bench: Bench, axe: str) -> None:
    bench.open(page, "Analyses", "FlowSOM")
    form = page.get_by_role("form", name="FlowSOM")
    form.get_by_label("Number of clusters").fill("4")
    form.get_by_label("B530-A").check()
    form.get_by_label("R660-A").check()
    assert not faults(page, axe)
    form.get_by_role("button", name="Run FlowSOM").click()
    page.locator("iframe").wait_for(timeout=_RUN_MS)
    expect(page.frame_locator("iframe").get_by_text("joined to 4 populations")).to_be_visible()
    for theme, paper in (("dark", "rgb(20, 23, 26)"), ("light", "rgb(255, 255, 255)")):
        page.get_by_role("button", name="Theme").click()
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        expect(page.frame_locator("iframe").locator("html")).to_have_css("background-color", paper)
    page.get_by_role("button", name="All reports").click()
    reports = page.get_by_role("region", name="Reports")
    expect(reports.get_by_role("button", name="Report of FlowSOM", exact=True)).to_be_visible()
    reports.get_by_role("button", name="Delete").click()
    expect(reports).to_contain_text("An analysis writes a page")


def test_gates_go_out_and_come_in(page: Page, bench: Bench, axe: str, watch: Watch) -> None:
    gate = {"kind": "range", "name": "low", "x": "var:B530-A", "y": "", "geometry": {"x1": -1, "x2": 3, "y": 0.5}}
    made = bench.api.post(f"/studies/{bench.study_id}/gates", json={"gates": [gate], "populations": True})
    made.raise_for_status()
    bench.open(page, "Files and panel", "Gates in and out")
    with page.expect_download() as download:
        page.get_by_role("link", name="Gating-ML 2.0").click()
    path = bench.folder / "gates.xml"
    download.value.save_as(path)
    bench.api.post(f"/studies/{bench.study_id}/gates/reset").raise_for_status()
    page.get_by_label("Gating-ML document, FlowJo workspace or FACSDiva experiment").set_input_files(path)
    told = page.get_by_role("status", name="What came")
    expect(told).to_contain_text("1 gate, 1 population")
    expect(page.get_by_role("region", name="Populations").get_by_role("button", name="low", exact=True)).to_be_visible()
    assert not faults(page, axe)
    experiment = bench.folder / "experiment.xml"
    gates = [diva.gate("Cells", "INTERVAL", ("B530-A",), [(1, 0), (90000, 0)])]
    experiment.write_bytes(diva.experiment([diva.tube("one.fcs", gates)]))
    page.get_by_label("Gating-ML document, FlowJo workspace or FACSDiva experiment").set_input_files(experiment)
    expect(told).to_contain_text("experiment.xml: 1 gate, 1 population, 0 compensations")
    wrong = bench.folder / "wrong.xml"
    wrong.write_text("<nothing/>")
    watch.expected.append("422")
    with page.expect_response(lambda r: r.url.endswith("/gating-ml") and r.status >= 400):
        page.get_by_label("Gating-ML document, FlowJo workspace or FACSDiva experiment").set_input_files(wrong)
    expect(page.get_by_role("alert")).to_be_visible()


def test_files_are_packed_attached_and_locked(page: Page, bench: Bench, axe: str) -> None:
    bench.open(page, "Files and panel", "Attachments and lock")
    page.get_by_role("button", name="Download ZIP").click()
    page.get_by_role("dialog").get_by_label("Written as").select_option("tsv")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download 3 files").click()
    with zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes())) as packed:
        assert len(packed.namelist()) == 3
        assert all(packed.read(name).count(b"\n") == 2001 for name in packed.namelist())
    protocol = bench.folder / "protocol.txt"
    protocol.write_text("Stain, wash, run.")
    page.get_by_label("Files to attach").set_input_files(protocol)
    expect(page.get_by_role("link", name="protocol.txt")).to_be_visible()
    page.get_by_label("Name of the mark").fill("As sent")
    page.get_by_role("button", name="Mark", exact=True).click()
    expect(page.get_by_text("Marked as ‘As sent’")).to_be_visible()
    page.get_by_role("button", name="Lock the study").click()
    page.get_by_role("button", name="Unlock the study").wait_for()
    refused = bench.api.post(f"/studies/{bench.study_id}/panels", json={"reagents": {"B530-A": "x"}})
    assert refused.status_code == 409
    assert not faults(page, axe)
    page.get_by_role("button", name="Unlock the study").click()
    page.get_by_role("button", name="Lock the study").wait_for()
    page.set_viewport_size({"width": 800, "height": 1000})
    page.reload()
    expect(page.get_by_role("tab", name="Files and panel")).to_be_in_viewport(ratio=0.99)


def test_new_files_are_made_of_files(page: Page, fresh_bench: Bench, axe: str) -> None:
    bench = fresh_bench
    bench.open(page, "Files and panel", "New files")
    form = page.get_by_role("region", name="New files")
    sources = sorted(bench.files())
    told = form.get_by_role("status", name="What will be made")
    form.get_by_role("button", name="Files:").click()
    form.get_by_role("button", name="All", exact=True).click()
    page.keyboard.press("Escape")
    form.get_by_role("button", name="One file of all").click()
    form.get_by_label("How many of each file").select_option("count")
    form.get_by_label("Events of each file, at most").fill("0")
    expect(told).to_contain_text("above 0")
    expect(form.get_by_role("button", name="Make 1 file")).to_be_disabled()
    form.get_by_label("Events of each file, at most").fill("700")
    form.get_by_label("Seed").fill("5")
    form.get_by_label("EventNumber").check()
    form.get_by_label("FileNumber").check()
    form.get_by_label("Name").fill("all donors.fcs")
    expect(told).to_have_text("2,100 events of 3 files.")
    assert not faults(page, axe)
    form.get_by_role("button", name="Make 1 file").click()
    made = form.get_by_role("table", name="Files made").get_by_role("row", name="all donors.fcs")
    expect(made).to_contain_text("2,100")
    joined = _events_of(bench, "all donors.fcs")
    assert np.array_equal(np.round(joined[:, -1]), np.repeat([1, 2, 3], 700))
    for number, name in enumerate(sources):
        part = joined[number * 700 : (number + 1) * 700]
        rows = part[:, -2].astype(int) - 1
        assert len(set(rows)) == 700
        assert np.array_equal(_events_of(bench, name)[rows], part[:, :-2])
    form.get_by_role("button", name="A copy of each").click()
    form.get_by_label("How many of each file").select_option("share")
    form.get_by_label("Share (per cent)").fill("25")
    form.get_by_label("End of the names").fill(" (quarter)")
    form.get_by_role("button", name="Make 3 files").click()
    rows_made = form.get_by_role("table", name="Files made").get_by_role("row")
    expect(rows_made).to_have_count(4)
    assert not faults(page, axe)
    assert [bench.files()[_quarter(name)]["n_events"] for name in sources] == [500] * 3
    page.get_by_role("button", name=f"See plots of {_quarter(sources[0])}").click()
    expect(page.get_by_role("region", name="Files").locator("[aria-current]")).to_contain_text("(quarter)")


def _quarter(name: str) -> str:
    return name.replace(".fcs", " (quarter).fcs")


def _events_of(bench: Bench, name: str) -> np.ndarray:
    """All events of a file as it is written, shape (n_events, n_channels), float32; read by FlowIO."""
    answer = bench.api.get(f"/datasets/{bench.files()[name]['id']}/fcs", params={"format": "original"})
    read = flowio.FlowData(io.BytesIO(answer.raise_for_status().content))
    return np.array(read.events, np.float32).reshape(-1, read.channel_count)
