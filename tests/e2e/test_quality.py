"""The quality of the cells before they are submitted: what the page counts is what the server keeps."""

from __future__ import annotations

import re

import h5py
import numpy as np
import pytest
import scipy.sparse as sp
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import DATA, Site, faults

COUNTS = DATA / "pbmc8k_2700.h5"
_JOB_MS = 120_000
MIN_COUNTS, MAX_MITO = 2500, 0.08


def measures() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counts, genes and mitochondrial share of the cells of the file, counted independently."""
    with h5py.File(COUNTS) as file:
        group = file["matrix"]
        shape = tuple(group["shape"][:])
        matrix = sp.csc_matrix((group["data"][:], group["indices"][:], group["indptr"][:]), shape=shape)
        names = [name.decode() for name in group["features/name"][:]]
    totals = np.asarray(matrix.sum(axis=0), np.float64).ravel()
    mito = np.flatnonzero([name.startswith("MT-") for name in names])
    of_mito = np.asarray(matrix[mito].sum(axis=0), np.float64).ravel()
    return totals, np.diff(matrix.indptr), of_mito / totals


def kept_text(quality: Locator) -> int:
    text = quality.locator(".quality-kept strong").inner_text()
    return int(text.replace(",", ""))


def test_limits_are_chosen_on_histograms_and_the_server_keeps_as_many(page: Page, site: Site, axe: str) -> None:
    study = site.client.create_study("Quality")
    page.goto(f"{site.url}/app/studies/{study.id}")
    page.get_by_role("button", name="Add data").first.click()
    page.get_by_label("Files to upload").set_input_files(COUNTS)
    form = page.get_by_role("region", name="Add data")
    form.get_by_role("button", name="Look at the cells").click()
    quality = form.get_by_role("region", name="Quality of the cells")
    kept = quality.locator(".quality-kept")
    totals, n_genes, share = measures()
    expect(kept).to_have_text(f"{len(totals):,} of {len(totals):,} cells kept", timeout=_JOB_MS)

    # the handle moves by keys, and the number beside it follows
    genes = quality.get_by_label("Genes per cell, least")
    genes.focus()
    for _ in range(3):
        page.keyboard.press("PageUp")
    typed = quality.get_by_label("Least genes per cell")
    min_genes = int(typed.input_value())
    assert min_genes > 0
    expect(kept).to_contain_text(f"{int((n_genes >= min_genes).sum()):,} of")

    # numbers are typed; the axis may be linear
    quality.get_by_role("button", name="Linear").click()
    typed.fill("900")
    quality.get_by_label("Least counts per cell").fill(str(MIN_COUNTS))
    quality.get_by_label("Most mitochondrial share, percent").fill(str(100 * MAX_MITO))
    keep = (n_genes >= 900) & (totals >= MIN_COUNTS) & (share <= MAX_MITO)
    assert 200 < keep.sum() < 2600
    expect(kept).to_contain_text(f"{int(keep.sum()):,} of {len(totals):,} cells kept")
    below = int((n_genes < 900).sum())
    expect(quality.get_by_text(f"{below:,} below")).to_be_visible()

    # the handle is dragged: the count follows at once
    handle = quality.get_by_label("Counts per cell, most")
    box = handle.bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] - 7, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, y, steps=4)
    page.mouse.up()
    max_counts = int(quality.get_by_label("Most counts per cell").input_value())
    assert MIN_COUNTS < max_counts < totals.max()
    n_kept = int((keep & (totals <= max_counts)).sum())
    assert 0 < n_kept < keep.sum()
    expect(kept).to_contain_text(f"{n_kept:,} of")
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        assert faults(page, axe) == [], theme

    form.get_by_label("Embeddings").select_option("keep")
    expect(kept).to_contain_text(f"{n_kept:,} of")
    form.get_by_role("button", name="Add data").click()
    row = page.get_by_role("row", name=re.compile("pbmc8k_2700"))
    expect(row).to_contain_text("ready", timeout=_JOB_MS)
    dataset = study.dataset()
    assert dataset.n_cells == n_kept
    assert f"Filtered: {n_kept} cells remain" in site.client.job(dataset.job_id).log()


def test_files_that_cannot_be_read_say_so_before_they_are_submitted(
    page: Page, site: Site, tmp_path_factory: pytest.TempPathFactory
) -> None:
    wrong = tmp_path_factory.mktemp("wrong") / "not_really.h5ad"
    wrong.write_bytes(b"\x89HDF\r\n\x1a\n" + b"nothing of the kind" * 50)
    study = site.client.create_study("Quality, unreadable")
    page.goto(f"{site.url}/app/studies/{study.id}")
    page.get_by_role("button", name="Add data").first.click()
    page.get_by_label("Files to upload").set_input_files(wrong)
    quality = page.get_by_role("region", name="Quality of the cells")
    quality.get_by_role("button", name="Look at the cells").click()
    expect(quality.get_by_role("alert")).to_contain_text("not_really.h5ad", timeout=_JOB_MS)
    assert study.datasets() == []
