"""The figures of the explorer: their numbers are those of the file, and their files and code are what they promise."""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anndata
import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import DATA, Site, Watch, faults
from tests.e2e.plots import open_plot, settled
from tests.services import need

LABELS = "bulk_labels"
GENES = ["CD3D", "LYZ", "CD79A"]
VIEWS = {
    "side": "Side by side", "violin": "Violins", "dots": "Dot plot", "heatmap": "Heat map", "composition": "Composition"
}  # fmt: skip


SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def truth() -> anndata.AnnData:
    """The file itself, read by anndata."""
    return anndata.read_h5ad(DATA / "pbmc68k_reduced.h5ad")


def address(site: Site, views: str, **query: str) -> str:
    more = {"genes": ",".join(GENES), "group": LABELS, **query}
    return site.explorer(f"?views={views}&" + "&".join(f"{name}={quote(text)}" for name, text in more.items()))


def drawn(page: Page, key: str) -> pd.DataFrame:
    """The numbers behind the marks that have a certain one, as texts."""
    marks = page.locator(f".scene [data-{key}]")
    marks.first.wait_for()
    rows = marks.evaluate_all("(all) => all.map((e) => ({ ...e.dataset, fill: e.getAttribute('fill') }))")
    return pd.DataFrame(rows)


def expression(truth: anndata.AnnData, genes: list[str]) -> pd.DataFrame:
    return pd.DataFrame(truth[:, genes].X, columns=genes, index=truth.obs_names).astype(np.float64)


def is_same(found: pd.DataFrame, column: str, wanted: pd.DataFrame) -> None:
    """Found numbers in rows of feature and group; wanted ones as groups × features."""
    table = found.assign(v=found[column].astype(float)).pivot(index="group", columns="feature", values="v")
    assert table.shape == wanted.shape
    wanted = wanted.set_axis(wanted.index.astype(str))
    np.testing.assert_allclose(table.loc[wanted.index, wanted.columns], wanted, rtol=1e-5, atol=1e-6)


def test_violins_dots_and_heat_maps_hold_the_numbers_of_pandas(page: Page, site: Site, truth: anndata.AnnData) -> None:
    groups = expression(truth, GENES).groupby(truth.obs[LABELS], observed=True)
    page.goto(address(site, "violin"))
    violins = drawn(page, "median")
    is_same(violins, "median", groups.median())
    is_same(violins, "mean", groups.mean())
    is_same(violins, "n", groups.count())
    # the colours of the groups are those of the file, as in the plot of cells
    stored = dict(zip(truth.obs[LABELS].cat.categories, truth.uns[f"{LABELS}_colors"], strict=True))
    assert {row.group: row.fill for row in violins.itertuples()} == {k: v.lower() for k, v in stored.items()}
    page.keyboard.press("v")
    page.keyboard.press("d")
    dots = drawn(page, "share")
    is_same(dots, "mean", groups.mean())
    is_same(dots, "share", groups.agg(lambda column: (column > 0).mean()))
    page.keyboard.press("v")
    page.keyboard.press("h")
    expect(page.get_by_role("toolbar", name="Heat map")).to_be_visible()
    means = groups.mean()
    is_same(drawn(page, "shown"), "shown", (means - means.min()) / (means.max() - means.min()))
    page.get_by_label("Colours", exact=True).select_option("z")
    page.get_by_role("img", name=re.compile("^Heat map of")).locator("[data-shown]").first.wait_for()
    page.wait_for_function(
        "() => [...document.querySelectorAll('.scene [data-shown]')].some((e) => e.dataset.shown < 0)"
    )
    is_same(drawn(page, "shown"), "shown", (means - means.mean()) / means.std())
    # what was chosen lies in the address
    page.reload()
    is_same(drawn(page, "shown"), "shown", (means - means.mean()) / means.std())
    page.get_by_role("button", name="Take LYZ out").click()
    page.wait_for_function("() => !document.querySelector('.scene [data-feature=LYZ]')")
    assert set(drawn(page, "shown")["feature"]) == {"CD3D", "CD79A"}


def test_violins_are_split_and_smoothed(page: Page, site: Site, truth: anndata.AnnData) -> None:
    page.goto(address(site, "violin", genes="CD3D"))
    page.get_by_label("Split groups by").select_option("phase")
    page.locator(".scene [data-split=S]").first.wait_for()
    found = drawn(page, "median")
    wanted = (
        expression(truth, ["CD3D"])["CD3D"].groupby([truth.obs[LABELS], truth.obs["phase"]], observed=True).median()
    )
    for row in found.itertuples():
        assert float(row.median) == pytest.approx(wanted[row.group, row.split], abs=1e-6)
    assert len(found) == len(wanted)
    page.get_by_role("button", name="Settings of the violins").click()
    # help, unit and bounds are those of the registry
    entry = next(a for a in site.client.http.get("analyses")["items"] if a["name"] == "densities")
    sentence = next(p["help"] for p in entry["parameters"] if p["name"] == "bandwidth")
    expect(page.get_by_text(sentence)).to_be_visible()
    before = found.set_index(["group", "split"])["bandwidth"].astype(float)
    page.get_by_label(re.compile("^Bandwidth")).fill("0.5")
    group, split = before[before > 0].index[0]
    page.wait_for_function(
        """([group, split, wanted]) => [...document.querySelectorAll('.scene [data-bandwidth]')].some(
             ({ dataset: d }) => d.group === group && d.split === split && Math.abs(d.bandwidth - wanted) < 1e-6)""",
        arg=[group, split, before[group, split] / 2],
    )


def test_composition_is_the_crosstab_of_pandas(page: Page, site: Site, truth: anndata.AnnData) -> None:
    page.goto(address(site, "composition", group="louvain"))
    page.get_by_label("Divide bars by").select_option(LABELS)
    expect(page.get_by_role("region", name=f"{LABELS} in each louvain")).to_be_visible()
    wanted = pd.crosstab(truth.obs["louvain"], truth.obs[LABELS])
    found = drawn(page, "category")
    table = found.assign(n=found["n"].astype(int)).pivot(index="group", columns="category", values="n").fillna(0)
    assert (table.loc[list(wanted.index), list(wanted.columns)].to_numpy() == wanted.to_numpy()).all()
    stored = dict(zip(truth.obs[LABELS].cat.categories, truth.uns[f"{LABELS}_colors"], strict=True))
    assert {row.category: row.fill for row in found.itertuples()} == {k: v.lower() for k, v in stored.items()}
    # over the study there is one dataset
    page.get_by_label("Group cells by").select_option(label="dataset")
    expect(page.get_by_role("region", name=f"{LABELS} in each dataset")).to_be_visible()
    page.locator(".scene [data-group=labelled]").first.wait_for()
    counts = drawn(page, "category").set_index("category")["n"].astype(int)
    assert counts.to_dict() == truth.obs[LABELS].value_counts().to_dict()


def saved(page: Page, what: str, folder: Path) -> Path:
    page.get_by_role("button", name="Save", exact=True).click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name=what).click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_files_of_a_figure_are_whole_and_hold_its_names(
    page: Page, site: Site, truth: anndata.AnnData, tmp_path: Path
) -> None:
    page.goto(address(site, "dots"))
    drawn(page, "share")
    width, height = page.locator(".scene svg").evaluate("(e) => [e.width.baseVal.value, e.height.baseVal.value]")
    png = saved(page, "PNG picture", tmp_path).read_bytes()
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    pixels = struct.unpack(">II", png[16:24])
    assert pixels[0] == pytest.approx(2 * (width + 32), abs=2)
    assert pixels[1] > 2 * height
    svg = saved(page, "SVG drawing", tmp_path)
    root = ET.parse(svg).getroot()
    texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {*GENES, "Dendritic", "CD14+ Monocyte"} <= texts
    assert len(root.findall(".//{http://www.w3.org/2000/svg}circle")) >= 30
    table = pd.read_csv(saved(page, "Numbers (CSV)", tmp_path))
    groups = expression(truth, GENES).groupby(truth.obs[LABELS], observed=True)
    is_same(table.rename(columns={"gene": "feature", LABELS: "group"}), "mean", groups.mean())
    pdf = saved(page, "PDF page", tmp_path)
    assert pdf.read_bytes()[:5] == b"%PDF-"
    need(shutil.which("pdftotext") is not None, "There is no pdftotext (Debian: poppler-utils)")
    result = subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, text=True, check=True, timeout=60)
    assert result.stderr == ""
    assert "CD14+ Monocyte" in result.stdout
    # names of genes stand upright, so that the layout may part their letters
    letters = re.sub(r"\s", "", result.stdout)
    assert "CD3D" in letters or set("CD3D") <= set(letters)


def test_cells_are_points_in_files_and_letters_of_all_scripts_are_kept(
    page: Page, site: Site, truth: anndata.AnnData, tmp_path: Path
) -> None:
    odd = "Моноциты 細胞"
    types = truth.obs[LABELS].astype(str).replace("CD14+ Monocyte", odd)
    site.table.annotate("Scripts", types)
    view = json.dumps({"version": 2, "color": {"by": "column", "name": "Scripts"}, "labels": True})
    page.goto(site.explorer(f"?views=cells&view={quote(view)}"))
    expect(page.get_by_role("region", name="Legend")).to_contain_text(odd)
    settled(page)
    box = page.locator(".plot").bounding_box()
    assert box is not None
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("hold every cell as a vector point")).to_be_visible()
    expect(page.get_by_text("Names in letters that the fonts of PDF lack are pictures in the PDF")).to_be_visible()
    page.keyboard.press("Escape")
    svg = saved(page, "SVG drawing", tmp_path)
    root = ET.parse(svg).getroot()
    assert list(root.iter(f"{SVG}image")) == []
    group = root.find(f"{SVG}g")
    assert group is not None
    assert len(group) == 700
    # each stands where it is on the page
    umap = truth.obsm["X_umap"].astype(np.float64)
    low, high = umap.min(axis=0), umap.max(axis=0)
    scale = ((np.array([box["width"], box["height"]]) - 72) / (high - low)).min()
    centre = np.array([box["width"] / 2, box["height"] / 2])
    wanted = centre + (umap - (low + high) / 2) * [scale, -scale]
    found = np.array([[float(c.get("cx", "")), float(c.get("cy", ""))] for c in group])
    np.testing.assert_allclose(found[np.lexsort(found.T)], wanted[np.lexsort(np.round(wanted, 2).T)], atol=0.02)
    monocytes = (truth.obs[LABELS] == "CD14+ Monocyte").sum()
    fills = pd.Series([c.get("fill") for c in group]).value_counts()
    assert monocytes in fills.to_list()
    assert odd in {element.text for element in root.iter(f"{SVG}text")}
    pdf = saved(page, "PDF page", tmp_path)
    need(shutil.which("pdftotext") is not None, "There is no pdftotext (Debian: poppler-utils)")
    run = subprocess.run(["pdftotext", pdf, "-"], capture_output=True, text=True, check=True, timeout=60)
    assert run.stderr == ""
    assert odd in run.stdout
    assert "Dendritic" in run.stdout
    # the letters are there to be seen: once in the legend, once over the cells; of nothing else there is a picture
    assert pdf.read_bytes().count(b"/Subtype /Image") == 4
    subprocess.run(["pdftoppm", "-r", "72", "-gray", "-singlefile", pdf, tmp_path / "page"], check=True, timeout=60)
    _, size, _, data = (tmp_path / "page.pgm").read_bytes().split(b"\n", 3)
    width, height = map(int, size.split())
    pixels = np.frombuffer(data, np.uint8).reshape(height, width)
    assert 0.005 < (pixels < 128).mean() < 0.5


_TELL = {
    "cells": 'told["cells"] = [len(points), {k: int(v) for k, v in obs["phase"].value_counts().items()}]',
    "violin": 'told["violin"] = [violins["LYZ"].groupby("group")["density"].max().to_dict(), summary["q50"].tolist()]',
    "heatmap": 'told["heatmap"] = means.to_dict()',
    "composition": 'told["composition"] = counts.to_dict()',
    "side": 'told["side"] = [len(points), len(axes[0])]',
}
_CHOSEN = {
    "cells": {"view": '{"version":2,"color":{"by":"column","name":"phase"}}'},
    "composition": {"composition": '{"of":"phase"}'},
    "side": {"side": '{"by":"phase"}'},
}


def code_shown(page: Page, url: str, site: Site) -> str:
    """The code of the figure at an address, with the token put in."""
    page.goto(url)
    page.get_by_role("button", name="Code").click()
    code = page.get_by_label("Python code").inner_text()
    assert site.url in code
    return code.replace('token="..."', f'token="{site.server.token}"')


def run_codes(codes: list[str]) -> dict[str, Any]:
    """What the codes, one after the other, have put into ``told``."""
    script = [
        "import json, warnings",
        "warnings.simplefilter('ignore')",
        "told = {}",
        *codes,
        "print(json.dumps(told))",
    ]
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    words = [sys.executable, "-c", "\n".join(script)]
    result = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=180, check=False)
    assert result.returncode == 0, result.stderr[-2000:]
    told: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return told


def test_the_code_of_a_figure_gives_its_numbers(page: Page, site: Site, truth: anndata.AnnData) -> None:
    codes = []
    for view, line in _TELL.items():
        codes += [code_shown(page, address(site, view, **_CHOSEN.get(view, {})), site), line]
    told = run_codes(codes)
    values = expression(truth, GENES)
    means = values.groupby(truth.obs[LABELS], observed=True).mean()
    means = (means - means.min()) / (means.max() - means.min())
    found = pd.DataFrame(told["heatmap"]).loc[list(means.index), GENES]
    np.testing.assert_allclose(found, means, rtol=1e-5, atol=1e-6)
    medians = values.groupby(truth.obs[LABELS], observed=True).median()
    np.testing.assert_allclose(sorted(told["violin"][1]), np.sort(medians.to_numpy().ravel()), rtol=1e-5, atol=1e-6)
    assert told["violin"][0].keys() == set(medians.index)
    assert told["composition"] == pd.crosstab(truth.obs[LABELS], truth.obs["phase"]).to_dict()
    assert told["cells"] == [truth.n_obs, truth.obs["phase"].value_counts().to_dict()]
    assert told["side"] == [truth.n_obs, 3]


@pytest.fixture(scope="module")
def two_donors(site: Site) -> tuple[str, str]:
    """A study with the cells of two samples, of the doses 1 and 5; the study and the first dataset."""
    study_id, dataset_id = site.add_labelled("Two donors")
    study = next(study for study in site.client.studies() if study.id == study_id)
    file = DATA / "pbmc68k_reduced.h5ad"
    job = study.submit(file, name="second", matrix="normalized", embeddings="keep", progress=False)
    job.wait(progress=False, timeout_s=120)
    study.set_samples(pd.DataFrame({"dose": [1, 5]}, index=["Ada", "Emil"]))
    samples = {name: id for id, name in study.sample_names().items()}
    for dataset, sample in zip(study.datasets(), ("Ada", "Emil"), strict=True):
        body = {"sample_id": samples[sample]}
        site.client.http.change("PATCH", f"datasets/{dataset.id}", body, version=dataset.version)
    return study_id, dataset_id


def test_groups_by_attributes_of_the_samples(
    page: Page, site: Site, truth: anndata.AnnData, two_donors: tuple[str, str]
) -> None:
    study_id, dataset_id = two_donors
    base = f"{site.url}/app/studies/{study_id}/tables/{dataset_id}/{site.table.name}?"
    page.goto(f'{base}views=composition&composition={{"of":"{LABELS}"}}')
    page.get_by_label("Group cells by").select_option(label="dose")
    expect(page.get_by_role("region", name=f"{LABELS} in each dose")).to_be_visible()
    bars = drawn(page, "category")
    counts = truth.obs[LABELS].value_counts().to_dict()
    for dose in ("1", "5"):
        assert bars[bars["group"] == dose].set_index("category")["n"].astype(int).to_dict() == counts
    chosen = quote(f'{{"of":"{LABELS}","over":"attribute:sample"}}')
    code = code_shown(page, f"{base}views=composition&composition={chosen}", site)
    found = pd.DataFrame(run_codes([code, 'told["counts"] = counts.to_dict()'])["counts"])
    assert found.loc["Emil"].to_dict() == found.loc["Ada"].to_dict() == counts
    # cells of this dataset are of the first donor
    page.goto(f"{base}views=violin&genes=LYZ&group=attribute:dose")
    violin = drawn(page, "median").iloc[0]
    assert (violin["group"], violin["n"]) == ("1", "700")
    assert float(violin["mean"]) == pytest.approx(expression(truth, ["LYZ"])["LYZ"].mean(), rel=1e-5)


def test_markers_are_found_where_there_are_none(page: Page, site: Site, watch: Watch) -> None:
    watch.expected.append("markers.arrow")
    page.goto(address(site, "heatmap", genes="", group="phase"))
    page.get_by_role("button", name="Find markers of phase").click()
    page.get_by_text("Markers by phase").wait_for(timeout=120_000)
    found = drawn(page, "shown")
    assert set(found["group"]) == {"G1", "G2M", "S"}
    # of a marker's own group the mean is high
    assert (found["shown"].astype(float) == 1).sum() >= 10


_COLOURED = """(canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let n = 0;
  for (let i = 0; i < data.length; i += 4) {
    const [low, high] = [Math.min(data[i], data[i + 1], data[i + 2]), Math.max(data[i], data[i + 1], data[i + 2])];
    if (data[i + 3] > 200 && high - low > 40) n++;
  }
  return n;
}"""


def test_panels_side_by_side_show_their_cells_and_move_together(
    page: Page, site: Site, truth: anndata.AnnData, tmp_path: Path
) -> None:
    page.goto(address(site, "side", side='{"by":"phase"}'))
    counts = truth.obs["phase"].value_counts()
    panels = page.locator(".panels figure")
    expect(panels).to_have_count(3)
    for name in ("G1", "G2M", "S"):
        expect(page.get_by_role("figure", name=f"{name}, {counts[name]:,} cells")).to_be_visible()
    canvases = panels.locator("canvas")
    page.wait_for_function(f"() => [...document.querySelectorAll('.panels canvas')].every((c) => ({_COLOURED})(c) > 0)")
    coloured = [canvases.nth(i).evaluate(_COLOURED) for i in range(3)]
    assert coloured[0] > coloured[2] > coloured[1]
    before = [canvases.nth(i).evaluate("(c) => c.toDataURL()") for i in range(3)]
    page.locator(".panels").focus()
    page.keyboard.press("+")
    for i in range(3):
        page.wait_for_function(
            "([i, old]) => document.querySelectorAll('.panels canvas')[i].toDataURL() !== old", arg=[i, before[i]]
        )
    page.keyboard.press("f")
    for i in range(3):
        page.wait_for_function(
            "([i, old]) => document.querySelectorAll('.panels canvas')[i].toDataURL() === old", arg=[i, before[i]]
        )
    rows = pd.read_csv(saved(page, "Numbers (CSV)", tmp_path), index_col="barcode")
    assert list(rows.index) == list(truth.obs_names)
    np.testing.assert_allclose(rows[["UMAP 1", "UMAP 2"]], truth.obsm["X_umap"], rtol=1e-5)
    assert (rows["phase"] == truth.obs["phase"].astype(str)).all()
    # every panel's cells are points, those of the others behind them
    root = ET.parse(saved(page, "SVG drawing", tmp_path)).getroot()
    groups = root.findall("{http://www.w3.org/2000/svg}g")
    assert [len(group) for group in groups] == [700, counts["G1"], 700, counts["G2M"], 700, counts["S"]]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_the_views(page: Page, site: Site, axe: str, theme: str) -> None:
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    found: dict[str, list[str]] = {}
    page.goto(address(site, "violin"))
    for name, title in VIEWS.items():
        page.get_by_role("tab", name=title).click()
        page.get_by_role("region", name=re.compile(" by | in each ")).first.wait_for()
        found[name] = faults(page, axe)
    page.get_by_role("button", name="Code").click()
    found["code"] = faults(page, axe)
    assert {name: all for name, all in found.items() if all} == {}


def test_views_are_reached_by_keys_stand_beside_each_other_and_are_remembered(page: Page, site: Site) -> None:
    open_plot(page, site.explorer(), 700)
    tabs = page.get_by_role("tablist", name="Views")
    tabs.get_by_role("tab", name="Cells").focus()
    page.keyboard.press("End")
    last = tabs.get_by_role("tab").last
    expect(last).to_have_attribute("aria-selected", "true")
    expect(last).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(tabs.get_by_role("tab", name="Cells")).to_have_attribute("aria-selected", "true")
    # one looks where one looked before
    picture = "() => document.querySelector('.plot canvas').toDataURL()"
    page.locator(".plot[data-drawn]").wait_for()
    settled(page)
    before = page.evaluate(picture)
    page.keyboard.press("+")
    page.wait_for_function(f"(old) => ({picture})() !== old", arg=before)
    settled(page)
    near = page.evaluate(picture)
    tabs.get_by_role("tab", name="Composition").click()
    expect(page.locator(".plot")).to_have_count(0)
    tabs.get_by_role("tab", name="Cells").click()
    page.locator(".plot[data-drawn]").wait_for()
    page.wait_for_function(f"(old) => ({picture})() === old", arg=near)
    page.get_by_role("button", name="Show a second view beside this one").click()
    page.get_by_label("View beside", exact=True).select_option("composition")
    expect(page.get_by_role("toolbar", name="Composition")).to_be_visible()
    expect(page.locator(".plot[data-drawn]")).to_be_visible()
    divider = page.get_by_role("separator", name="Width of the first view")
    divider.focus()
    page.keyboard.press("ArrowRight")
    expect(divider).to_have_attribute("aria-valuenow", "55")
    # without a word in the address, the table opens as it was left
    page.goto(site.explorer())
    expect(page.get_by_role("toolbar", name="Composition")).to_be_visible()
    page.get_by_role("button", name="Close the view beside").click()
    expect(page.get_by_role("toolbar", name="Composition")).to_have_count(0)
