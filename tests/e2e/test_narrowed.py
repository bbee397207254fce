"""Figures count the cells that are filtered or selected in the plot, as pandas does on the same cells."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

import anndata
import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import DATA, Site
from tests.e2e.plots import draw_lasso, edge_distance, is_inside, open_plot, place_of
from tests.e2e.test_figures import GENES, LABELS, code_shown, drawn, expression, is_same

FILTERS = [
    {"kind": "categories", "column": "phase", "hidden": ["S"]},
    {"kind": "range", "column": "n_genes", "low": 300, "high": 1100},
]


@pytest.fixture(scope="module")
def truth() -> anndata.AnnData:
    """The file itself, read by anndata."""
    return anndata.read_h5ad(DATA / "pbmc68k_reduced.h5ad")


@pytest.fixture(scope="module")
def passing(truth: anndata.AnnData) -> np.ndarray:
    """The cells that pass the filters, found by pandas."""
    obs = truth.obs
    return ((obs["phase"] != "S") & obs["n_genes"].between(300, 1100)).to_numpy()


def filtered(site: Site, views: str, **query: str) -> str:
    """The address of a view with both filters."""
    view = json.dumps({"version": 2, "color": {"by": "column", "name": LABELS}, "filters": FILTERS})
    more = {"genes": ",".join(GENES), "group": LABELS, "view": view, **query}
    return site.explorer(f"?views={views}&" + "&".join(f"{name}={quote(text)}" for name, text in more.items()))


def check_sums(page: Page, truth: anndata.AnnData, cells: np.ndarray) -> None:
    """Violins, dots, heat map and composition of some cells."""
    obs = truth.obs[cells]
    groups = expression(truth, GENES)[cells].groupby(obs[LABELS], observed=True)
    means = groups.mean()
    violins = drawn(page, "median")
    is_same(violins, "median", groups.median())
    is_same(violins, "n", groups.count())
    page.get_by_role("tab", name="Dot plot").click()
    is_same(drawn(page, "share"), "share", groups.agg(lambda column: (column > 0).mean()))
    page.get_by_role("tab", name="Heat map").click()
    is_same(drawn(page, "shown"), "shown", (means - means.min()) / (means.max() - means.min()))
    page.get_by_role("tab", name="Composition").click()
    page.get_by_label("Divide bars by").select_option("louvain")
    expect(page.get_by_role("region", name=f"louvain in each {LABELS}")).to_be_visible()
    bars = drawn(page, "category")
    wanted = pd.crosstab(obs[LABELS], obs["louvain"])
    found = bars.assign(n=bars["n"].astype(int)).pivot(index="group", columns="category", values="n").fillna(0)
    assert (found.loc[list(wanted.index), list(wanted.columns)].to_numpy() == wanted.to_numpy()).all()


def ran(code: str) -> dict[str, Any]:
    """What the code makes; it is that of the page."""
    told: dict[str, Any] = {}
    exec(code, told)  # noqa: S102
    told["client"].close()
    return told


def panel_counts(page: Page) -> dict[str, int]:
    page.get_by_role("tab", name="Side by side").click()
    page.get_by_label("One panel for each").select_option(LABELS)
    page.locator(".panels figure", has_text="Dendritic").wait_for()
    shown = page.locator(".panels figcaption").evaluate_all(
        "(all) => all.map((e) => [...e.children].map((c) => c.textContent))"
    )
    return {name: int(n.replace(",", "")) for name, n in shown}


def test_filters_narrow_every_figure(page: Page, site: Site, truth: anndata.AnnData, passing: np.ndarray) -> None:
    n = int(passing.sum())
    assert 100 < n < 600
    page.goto(filtered(site, "violin"))
    line = page.locator(".scope-line")
    expect(line).to_contain_text(f"{n} of 700 cells: those that pass the filters")
    check_sums(page, truth, passing)
    assert panel_counts(page) == truth.obs[passing][LABELS].value_counts().to_dict()
    # the way back, and forth; the address keeps it
    page.get_by_role("tab", name="Violins").click()
    line.get_by_role("button", name="Use all cells").click()
    expect(line).to_contain_text("All 700 cells")
    page.reload()
    expect(line).to_contain_text("All 700 cells")
    check_sums(page, truth, np.ones(700, bool))
    line.get_by_role("button", name=f"Only the {n}").click()
    expect(line).to_contain_text(f"{n} of 700 cells")


def test_the_code_of_a_narrowed_figure_gives_its_numbers(
    page: Page, site: Site, truth: anndata.AnnData, passing: np.ndarray
) -> None:
    code = code_shown(page, filtered(site, "violin", genes="LYZ"), site)
    # what comes before the drawing is run here, and gives the same cells
    told = ran(code.split("import matplotlib")[0])
    groups = expression(truth, ["LYZ"])[passing].groupby(truth.obs[passing][LABELS], observed=True)["LYZ"]
    summary = told["summary"].set_index("group")
    assert summary["n"].to_dict() == groups.count().to_dict()
    np.testing.assert_allclose(summary.loc[list(groups.groups), "mean"], groups.mean(), rtol=1e-5)
    code = code_shown(
        page, filtered(site, "composition", group="louvain", composition=json.dumps({"of": LABELS})), site
    )
    told = ran(code.split("axes =")[0])
    wanted = pd.crosstab(truth.obs[passing]["louvain"], truth.obs[passing][LABELS])
    counts = told["counts"].loc[list(wanted.index), list(wanted.columns)]
    assert (counts.to_numpy() == wanted.to_numpy()).all()


def test_a_lasso_narrows_every_figure(page: Page, site: Site, truth: anndata.AnnData) -> None:
    open_plot(page, site.explorer(f"?views=cells&genes={','.join(GENES)}&group={LABELS}"), 700)
    place = place_of(page, truth.obsm["X_umap"])
    points = place.to_screen(truth.obsm["X_umap"])
    middle = np.median(points, axis=0)
    polygon = [
        (round(middle[0] + dx), round(middle[1] + dy))
        for dx, dy in ((-150, -120), (160, -110), (140, 130), (-130, 120))
    ]
    inside = is_inside(points, polygon)
    assert edge_distance(points, polygon).min() > 0.01
    assert 50 < inside.sum() < 650
    draw_lasso(page, polygon)
    bar = page.get_by_role("region", name="Selected cells")
    expect(bar).to_contain_text(f"{inside.sum()} cells")
    page.get_by_role("tab", name="Violins").click()
    expect(page.locator(".scope-line")).to_contain_text(f"{inside.sum()} of 700 cells: those selected in the plot")
    check_sums(page, truth, inside)
    assert panel_counts(page) == {k: n for k, n in truth.obs[inside][LABELS].value_counts().items() if n}
    # let go, and all count again
    page.get_by_role("tab", name="Cells").click()
    bar.get_by_role("button", name=re.compile("^Clear the selection")).click()
    page.get_by_role("tab", name="Violins").click()
    expect(page.locator(".scope-line")).to_have_count(0)
    check_sums(page, truth, np.ones(700, bool))
