"""The sample table: typed in, pasted, sent as CSV, and undone."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

import cytosol
from tests.e2e.conftest import Site, Watch
from tests.e2e.gating import until

_SLOW_CHANGES = """() => {
  const send = window.fetch;
  window.fetch = async (url, options) => {
    if (options?.method === 'PATCH') await new Promise((done) => setTimeout(done, 300));
    return send(url, options);
  };
}"""


@pytest.fixture
def study(page: Page, site: Site, request: pytest.FixtureRequest) -> cytosol.Study:
    study = site.client.create_study(f"Samples of {request.node.name}"[:200])
    page.goto(f"{site.url}/app/studies/{study.id}/samples")
    return study


def test_samples_and_attributes_are_typed_in(page: Page, study: cytosol.Study) -> None:
    page.get_by_role("button", name="Add sample").first.click()
    expect(page.get_by_label("Name of Sample 1")).to_be_visible()
    page.get_by_role("button", name="Add sample").first.click()
    expect(page.get_by_label("Name of Sample 2")).to_be_visible()
    page.get_by_role("button", name="Add attribute").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Dose")
    dialog.get_by_label("Kind").select_option("number")
    dialog.get_by_label("Unit").fill("mg")
    dialog.get_by_role("button", name="Add attribute").click()
    # The column is drawn a moment before the dialog goes, and what lies under a dialog takes no text.
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("columnheader", name="Dose")).to_contain_text("(mg)")
    name = page.get_by_label("Name of Sample 1")
    name.fill("Donor A")
    name.press("Enter")
    expect(page.get_by_label("Name of Donor A")).to_be_visible()
    dose = page.get_by_label("Dose of Donor A")
    dose.fill("2.5")
    dose.press("Enter")
    expect(page.get_by_label("Dose of Sample 2")).to_be_focused()
    page.keyboard.type("a lot")
    page.keyboard.press("Enter")
    expect(page.locator(".error-notice")).to_contain_text("‘a lot’ is not a number")
    wanted = pd.DataFrame({"Dose": [2.5, None]}, index=pd.Index(["Donor A", "Sample 2"], name="sample"))
    # the dose is sent when the focus leaves its cell, which nothing on the page waits for
    assert until(lambda: study.samples().loc["Donor A", "Dose"] == 2.5)
    pd.testing.assert_frame_equal(study.samples(), wanted, check_dtype=False)

    page.get_by_role("button", name="Delete Sample 2").click()
    expect(page.get_by_label("Name of Sample 2")).to_have_count(0)
    page.get_by_role("tab", name="History").click()
    row = page.get_by_role("row", name=re.compile("^Sample deleted"))
    row.get_by_role("button", name="Undo").click()
    expect(row).to_contain_text("undone")
    assert list(study.samples().index) == ["Donor A", "Sample 2"]


def test_two_quick_edits_of_a_row_are_both_kept(page: Page, study: cytosol.Study) -> None:
    """The second is sent after the first is answered, for the version that it left."""
    study.set_samples(pd.DataFrame({"Dose": [1.0], "Day": [1]}, index=pd.Index(["Donor A"], name="sample")))
    dose, day = (page.get_by_label(f"{name} of Donor A") for name in ("Dose", "Day"))
    expect(day).to_have_value("1")
    page.evaluate(_SLOW_CHANGES)
    dose.fill("2.5")
    day.fill("7")
    day.press("Enter")
    assert until(lambda: study.samples().loc["Donor A"].to_dict() == {"Dose": 2.5, "Day": 7})
    expect(page.locator(".error-notice")).to_have_count(0)


def test_a_table_is_pasted_from_a_spreadsheet(page: Page, study: cytosol.Study) -> None:
    page.get_by_role("button", name="Add sample").first.click()
    page.get_by_label("Name of Sample 1").focus()
    text = "sample\tPatient\tAge\tTreated\nS1\tP01\t61\tyes\nS2\tP02\t\tno\nSample 1\tP03\t47\t"
    page.get_by_label("Name of Sample 1").evaluate(
        """(input, text) => {
          const data = new DataTransfer();
          data.setData('text/plain', text);
          input.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
        }""",
        text,
    )
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("cell", name="P02")).to_be_visible()
    dialog.get_by_role("button", name="Take 3 samples").click()
    expect(page.get_by_text("2 samples added, 1 changed, 3 attributes added")).to_be_visible()
    expect(page.get_by_label("Age of S1")).to_have_value("61")
    table = study.samples()
    assert sorted(table.index) == ["S1", "S2", "Sample 1"]
    assert table.loc["Sample 1", "Age"] == 47
    assert table.loc["S1", "Treated"] in (True, "yes")
    assert table["Patient"].to_dict() == {"Sample 1": "P03", "S1": "P01", "S2": "P02"}


def test_csv_goes_up_and_comes_down(page: Page, study: cytosol.Study, watch: Watch, tmp_path: Path) -> None:
    given = tmp_path / "samples.csv"
    given.write_text('name,Tissue,Weight\nA,"lung, left",3.25\nB,spleen,\n', encoding="utf-8")
    page.get_by_label("CSV file of samples").set_input_files(given)
    expect(page.get_by_text("2 samples added, 0 changed, 2 attributes added")).to_be_visible()
    expect(page.get_by_label("Tissue of A")).to_have_value("lung, left")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download CSV").click()
    back = pd.read_csv(waiting.value.path(), index_col=0)
    assert back.to_dict("index") == {
        "A": {"Tissue": "lung, left", "Weight": 3.25},
        "B": {"Tissue": "spleen", "Weight": pytest.approx(float("nan"), nan_ok=True)},
    }
    # a file that cannot be taken says where it is wrong
    watch.expected.append("status of 422")
    given.write_text("name,Tissue\nA,x\nA,y\n", encoding="utf-8")
    page.get_by_label("CSV file of samples").set_input_files(given)
    expect(page.locator(".error-notice")).to_contain_text("A")
