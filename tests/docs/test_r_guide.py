"""The guide for R, run as it is written, by R, against a real server."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cytosol
from cytosol.sdk import Client, Table
from tests.processes import RunningServer, serving

ROOT = Path(__file__).parents[2]
COUNTS = Path(cytosol.__file__).parent / "demo_data" / "pbmc8k_2700.h5"
TOLD = """
plain <- function(table) c(list(barcode = rownames(table)), as.list(table))
write_json(
  list(
    studies = studies$name, genes = plain(genes), counts = plain(counts), clusters = as.character(clusters),
    umap = plain(umap), tested = plain(tested), state = job$state,
    seurat = dim(study@assays$RNA@counts), total = sum(study@assays$RNA@counts),
    refusal = tryCatch(ask_json(paste0(table, "/values.csv"), features = "NO-GENE"), error = conditionMessage)
  ),
  "told.json", digits = NA, na = "null", auto_unbox = TRUE
)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, rscript: str) -> Iterator[RunningServer]:
    with serving(tmp_path_factory.mktemp("r")) as running, Client(running.url, running.token) as client:
        study = client.create_study("PBMC 8k")
        filters, quick = {"min_genes": 2000}, {"tsne": False}
        job = study.submit(COUNTS, name="8k", filters=filters, parameters=quick, progress=False)
        job.wait(progress=False, timeout_s=250)
        yield running


@pytest.fixture(scope="module")
def told(server: RunningServer, rscript: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the guide's code finds."""
    folder = tmp_path_factory.mktemp("guide")
    page = (ROOT / "docs" / "guides" / "r.md").read_text(encoding="utf-8")
    code = "library(Matrix)\nlibrary(SeuratObject)\n" + "\n".join(re.findall(r"```r\n(.*?)```", page, re.S)) + TOLD
    (folder / "guide.R").write_text(code, encoding="utf-8")
    environment = {**os.environ, "CYTOSOL_URL": server.url, "CYTOSOL_TOKEN": server.token}
    command = [rscript, "guide.R"]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads((folder / "told.json").read_text())
    return found


@pytest.fixture(scope="module")
def table(server: RunningServer) -> Iterator[Table]:
    with Client(server.url, server.token) as client:
        yield client.study("PBMC 8k").dataset().table()


def test_r_reads_what_python_reads(told: dict[str, Any], table: Table) -> None:
    assert told["studies"] == "PBMC 8k"
    names = ["CD3E", "LYZ", "MS4A1"]
    for what, unit in {"genes": "lognorm", "counts": "raw"}.items():
        wanted = table.values(names, unit=unit)  # type: ignore[arg-type]
        assert told[what]["barcode"] == list(wanted.index)
        for name in names:
            np.testing.assert_array_equal(np.array(told[what][name], np.float32), wanted[name])
    assert told["clusters"] == table.obs(["Louvain clustering"])["Louvain clustering"].astype(str).tolist()
    umap = table.embedding("X_umap")
    np.testing.assert_array_equal(np.column_stack([told["umap"]["0"], told["umap"]["1"]]).astype(np.float32), umap)


def test_r_reads_a_comparison(told: dict[str, Any], table: Table) -> None:
    (comparison,) = table.comparisons()
    wanted = table.comparison(comparison["id"])
    assert told["tested"]["barcode"] == list(wanted.index)
    for name in ("log2_fold_change", "statistic", "p_adjusted", "share_first"):
        found = np.array(told["tested"][name], np.float64)
        np.testing.assert_allclose(found, wanted[name], rtol=1e-12)


def test_r_takes_the_dataset_away(told: dict[str, Any], table: Table) -> None:
    assert (told["state"], told["seurat"]) == ("succeeded", [table.n_features, table.n_cells])
    assert told["total"] == table.matrix(unit="raw").sum()


def test_r_is_told_what_was_wrong(told: dict[str, Any]) -> None:
    assert "NO-GENE" in told["refusal"]
