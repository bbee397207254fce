"""The page's bench runs small; its figures mean nothing there."""

from __future__ import annotations

import shutil
from pathlib import Path

import anndata
import pytest

from bench import page
from tests.services import need

STATIC = Path(__file__).parents[2] / "src" / "cytosol" / "server" / "static"


@pytest.mark.slow
def test_it_runs_small(capsys: pytest.CaptureFixture[str]) -> None:
    need(shutil.which(page.CHROMIUM) is not None, f"There is no browser at {page.CHROMIUM} (Debian: chromium)")
    need((STATIC / "index.html").is_file(), "The page is not built: run `make web`")
    auto, points = page.main(["--cells", "2000", "--seconds", "1"])
    assert (auto["mode"], points["mode"]) == ("auto", "points")
    assert auto["drawn_as"] == points["drawn_as"] == "points"
    assert 1 < points["frames_per_s"] < 200
    assert points["longest_wait_ms"] >= 1000 / points["frames_per_s"] - 1
    assert "drawn by" in capsys.readouterr().out


def test_the_cells_are_what_they_claim(tmp_path: Path) -> None:
    page.write_cells(tmp_path / "a.h5ad", 500)
    page.write_cells(tmp_path / "b.h5ad", 500)
    one, again = (anndata.read_h5ad(tmp_path / name) for name in ("a.h5ad", "b.h5ad"))
    assert one.shape == (500, page.N_GENES)
    assert one.obs["cloud"].nunique() == page.N_CLOUDS
    assert (one.obsm["X_umap"] == again.obsm["X_umap"]).all()
