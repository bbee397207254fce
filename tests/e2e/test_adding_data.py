"""Adding data: by drag and drop, over a broken connection, from a storage; jobs watched, stopped and tried again."""

from __future__ import annotations

import base64
import re
import shutil
from pathlib import Path

import anndata
import h5py
import numpy as np
import pytest
from playwright.sync_api import Locator, Page, Route, expect

import cytosol
from tests.e2e.conftest import DATA, Site, Watch
from tests.e2e.gating import make_events, write_fcs

LABELLED = DATA / "pbmc68k_reduced.h5ad"
COUNTS = DATA / "pbmc8k_2700.h5"
_JOB_MS = 120_000
LEAST_GENES = 900


@pytest.fixture
def study(page: Page, site: Site, request: pytest.FixtureRequest) -> cytosol.Study:
    study = site.client.create_study(request.node.name[:200])
    page.goto(f"{site.url}/app/studies/{study.id}")
    page.get_by_role("button", name="Add data").first.click()
    return study


def drop(page: Page, *paths: Path, zone: str = ".drop") -> None:
    """Drop files on the page as a file manager does."""
    data = page.evaluate_handle(
        """(files) => {
          const data = new DataTransfer();
          for (const [text, name] of files) {
            data.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], name));
          }
          return data;
        }""",
        [(base64.b64encode(path.read_bytes()).decode(), path.name) for path in paths],
    )
    place = page.locator(zone)
    place.dispatch_event("dragover", {"dataTransfer": data})
    expect(place).to_have_class(re.compile("over"))
    place.dispatch_event("drop", {"dataTransfer": data})


def job_dialog(page: Page, kind: str) -> Locator:
    """The dialog of the job of this kind; the list may be there before the job is."""
    page.get_by_role("tab", name="Jobs").click()
    page.locator("tbody").get_by_role("button", name=re.compile(f"^{kind} #")).click()
    return page.get_by_role("dialog")


def test_a_dropped_file_is_uploaded_read_and_opened_while_its_log_is_watched(page: Page, study: cytosol.Study) -> None:
    drop(page, COUNTS)
    expect(page.get_by_text(", arrived")).to_be_visible()
    expect(page.get_by_role("progressbar", name=f"Upload of {COUNTS.name}")).to_have_attribute("aria-valuenow", "100")
    form = page.get_by_role("region", name="Add data")
    expect(form.get_by_label("Name of the dataset")).to_have_value("pbmc8k_2700")
    form.get_by_label("Name of the dataset").fill("Healthy donor")
    form.get_by_text("Filters of cells").click()
    form.get_by_label("Least genes per cell").fill(str(LEAST_GENES))
    form.get_by_role("button", name="Add data").click()
    dialog = job_dialog(page, "Add data")
    log = dialog.get_by_role("log")
    expect(log).to_contain_text("Reading batch: pbmc8k_2700")
    # further lines come by themselves, and the end
    expect(log).to_contain_text("DONE !!!", timeout=_JOB_MS)
    expect(dialog.locator(".pill")).to_have_text("succeeded")
    job = next(job for job in study.datasets() if job.name == "Healthy donor").job_id
    lines = log.locator("div").all_inner_texts()
    assert [line.split(" ", 1)[1] for line in lines] == _client_of(study).job(job).log()
    dialog.get_by_role("button", name="Close").click()
    page.get_by_role("tab", name="Data").click()
    n_cells = study.dataset("Healthy donor").n_cells
    assert n_cells == cells_with(LEAST_GENES)
    page.get_by_role("cell").get_by_role("link", name="Healthy donor").click()
    expect(page.locator(".plot .corner")).to_have_text(f"{n_cells:,} cells")
    expect(page.get_by_label("Embedding").locator("option")).to_contain_text(["UMAP"])


def cells_with(n_genes: int) -> int:
    """Cells of the file in which so many genes are seen."""
    with h5py.File(COUNTS) as file:
        group = file["matrix"]
        seen = np.diff(group["indptr"][:])
        assert (group["data"][:] > 0).all()
    found = int((seen >= n_genes).sum())
    assert 500 < found < 2600
    return found


def _client_of(study: cytosol.Study) -> cytosol.Client:
    client = cytosol.Client.__new__(cytosol.Client)
    client.http = study._http
    return client


def test_an_upload_goes_on_where_the_connection_broke(
    page: Page, site: Site, study: cytosol.Study, watch: Watch
) -> None:
    broken: list[str] = []

    def breaking(route: Route) -> None:
        if len(broken) < 2:
            broken.append(route.request.url)
            route.abort("connectionreset")
        else:
            route.continue_()

    watch.expected.append("ERR_CONNECTION_RESET")
    page.route(re.compile("/uploads/[0-9a-f]+/data"), breaking)
    page.get_by_label("Files to upload").set_input_files(LABELLED)
    expect(page.get_by_text(", arrived")).to_be_visible()
    assert len(broken) == 2
    form = page.get_by_role("region", name="Add data")
    form.get_by_label("Values").select_option("normalized")
    form.get_by_label("Embeddings").select_option("keep")
    form.get_by_role("button", name="Add data").click()
    row = page.get_by_role("row", name=re.compile("pbmc68k_reduced"))
    expect(row).to_contain_text("ready", timeout=_JOB_MS)
    expect(row).to_contain_text("700")
    table = study.dataset().table()
    file = anndata.read_h5ad(LABELLED)
    np.testing.assert_allclose(table.values(["CD3D"])["CD3D"], file[:, "CD3D"].X.ravel(), rtol=1e-6)


def test_dropped_fcs_files_become_a_dataset_each_and_one_that_is_none_says_why(
    page: Page, site: Site, watch: Watch, tmp_path: Path
) -> None:
    study = site.client.create_study("Thirty tubes")
    page.goto(f"{site.url}/app/studies/{study.id}")
    page.get_by_text("No data yet", exact=True).wait_for()
    first = write_fcs(tmp_path / "first.fcs", make_events(300, 1))
    calibur = write_fcs(tmp_path / "060909.001", make_events(200, 2))  # told by its content
    cut = tmp_path / "cut.fcs"
    cut.write_bytes(first.read_bytes()[:3000])
    drop(page, first, cut, calibur, zone=".drop-room")
    form = page.get_by_role("region", name="Add data")
    expect(form.get_by_text("3 files of events: each becomes a dataset of its own")).to_be_visible()
    expect(form.get_by_label("Values")).to_have_count(0)  # asked of counts only
    watch.expected.append("status of 422")
    form.get_by_role("button", name="Add data").click()
    expect(page.get_by_text("2 files added")).to_be_visible()
    expect(form).to_contain_text("300 events are announced")
    expect(form.get_by_text("first.fcs")).to_have_count(0)
    assert {file.name: file.n_events for file in study.files()} == {"first.fcs": 300, "060909.001": 200}
    form.get_by_role("button", name="Close").click()
    expect(form).to_have_count(0)
    expect(page.get_by_role("row", name=re.compile("060909.001"))).to_contain_text("ready")
    page.get_by_role("button", name="See plots").click()
    expect(page.get_by_role("region", name="Files").get_by_role("button", name="first.fcs")).to_be_visible()


def test_a_file_that_is_no_data_fails_with_a_sentence(page: Page, study: cytosol.Study, tmp_path: Path) -> None:
    wrong = tmp_path / "not_really.h5ad"
    wrong.write_bytes(b"\x89HDF\r\n\x1a\n" + b"nothing of the kind" * 50)
    page.get_by_label("Files to upload").set_input_files(wrong)
    form = page.get_by_role("region", name="Add data")
    expect(form.get_by_role("button", name="Add data")).to_be_enabled()
    form.get_by_role("button", name="Add data").click()
    dialog = job_dialog(page, "Add data")
    expect(dialog.locator(".pill")).to_have_text("failed", timeout=_JOB_MS)
    expect(dialog.locator(".error")).to_contain_text("not_really.h5ad")
    expect(dialog.get_by_role("log").locator(".error-line").first).to_be_visible()
    expect(dialog.get_by_role("button", name="Try again")).to_be_visible()


def test_a_job_is_cancelled_and_tried_again(page: Page, study: cytosol.Study) -> None:
    page.get_by_label("Files to upload").set_input_files(COUNTS)
    form = page.get_by_role("region", name="Add data")
    expect(form.get_by_role("button", name="Add data")).to_be_enabled()
    form.get_by_role("button", name="Add data").click()
    dialog = job_dialog(page, "Add data")
    pill = dialog.locator(".pill")
    expect(pill).to_have_text("running")
    dialog.get_by_role("button", name="Cancel").click()
    expect(pill).to_have_text("cancelled")
    dialog.get_by_role("button", name="Try again").click()
    expect(pill).to_have_text(re.compile("queued|running"))
    expect(pill).to_have_text("succeeded", timeout=_JOB_MS)
    expect(dialog.get_by_role("log")).to_contain_text("DONE !!!")


def test_files_of_a_storage_are_browsed_and_read_without_upload(page: Page, site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "sequencing"
    (folder / "run 1").mkdir(parents=True)
    shutil.copy(LABELLED, folder / "run 1" / "cells.h5ad")
    page.goto(f"{site.url}/app/storages")
    page.get_by_role("button", name="Add storage").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Sequencing")
    dialog.get_by_label("Path on the server").fill(str(folder))
    dialog.get_by_role("button", name="Add storage").click()
    page.get_by_role("button", name="Sequencing", exact=True).click()
    page.get_by_role("button", name="run 1").click()
    expect(page.get_by_role("cell", name="cells.h5ad")).to_be_visible()

    study = site.client.create_study("From a storage")
    page.goto(f"{site.url}/app/studies/{study.id}")
    page.get_by_role("button", name="Add data").first.click()
    form = page.get_by_role("region", name="Add data")
    form.get_by_role("button", name="From a storage").click()
    form.get_by_role("button", name="run 1").click()
    form.get_by_label("cells.h5ad").check()
    form.get_by_label("Values").select_option("normalized")
    form.get_by_label("Embeddings").select_option("keep")
    form.get_by_role("button", name="Add data").click()
    row = page.get_by_role("row", name=re.compile("^cells"))
    expect(row).to_contain_text("ready", timeout=_JOB_MS)
    assert study.dataset("cells").n_cells == 700

    page.goto(f"{site.url}/app/storages")
    page.get_by_role("button", name="Remove Sequencing").click()
    dialog.get_by_role("button", name="Remove storage").click()
    expect(page.get_by_text("No storages yet")).to_be_visible()


def test_a_dataset_is_exported_downloaded_deleted_and_brought_back(page: Page, site: Site, tmp_path: Path) -> None:
    study_id, _ = site.add_labelled("To be exported")
    page.goto(f"{site.url}/app/studies/{study_id}")
    page.get_by_role("button", name="Actions for labelled").click()
    page.get_by_role("button", name="Export as h5ad").click()
    dialog = job_dialog(page, "Export")
    expect(dialog.locator(".pill")).to_have_text("succeeded", timeout=_JOB_MS)
    with page.expect_download() as waiting:
        dialog.get_by_role("link", name="Download").click()
    path = tmp_path / waiting.value.suggested_filename
    assert path.suffix == ".h5ad"
    waiting.value.save_as(path)
    exported, given = anndata.read_h5ad(path), anndata.read_h5ad(LABELLED)
    assert exported.obs_names.tolist() == given.obs_names.tolist()
    assert exported.obs["bulk_labels"].tolist() == given.obs["bulk_labels"].tolist()
    np.testing.assert_allclose(exported.obsm["X_umap"], given.obsm["X_umap"], rtol=1e-6)
    dialog.get_by_role("button", name="Close").click()

    page.get_by_role("tab", name="Data").click()
    page.get_by_role("button", name="Actions for labelled").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No data yet", exact=True)).to_be_visible()
    page.get_by_role("tab", name="History").click()
    page.get_by_role("button", name="Bring back").last.click()
    expect(page.get_by_text("Nothing deleted.")).to_be_visible()
    page.get_by_role("tab", name="Data").click()
    expect(page.get_by_role("button", name="Actions for labelled")).to_be_visible()
