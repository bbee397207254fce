"""Queries over all studies through the client, against a running server."""

from __future__ import annotations

import anndata
import numpy as np
import pandas as pd

from tests.sdk.conftest import REDUCED, Lab


def test_expression_per_cell_type(lab: Lab) -> None:
    frame = lab.client.expression(["CD3E", "CD20", "NOSUCHGENE"], species="human")
    assert list(frame.columns) == [
        "gene", "study_id", "study", "dataset_id", "cell_type", "sum", "mean", "rate", "count", "total",
    ]  # fmt: skip
    assert frame.attrs["named"]["CD20"] == "MS4A1"
    assert frame.attrs["lost"] == ["NOSUCHGENE"]
    frame = frame[frame["dataset_id"] == lab.study.dataset("reduced").id]
    assert set(frame["gene"]) == {"CD3E", "MS4A1"}
    file = anndata.read_h5ad(REDUCED)
    values = pd.Series(np.clip(np.asarray(file[:, "MS4A1"].X).ravel(), 0, None).astype(float), index=file.obs_names)
    groups = values.groupby(file.obs["bulk_labels"].astype(str))
    got = frame[frame["gene"] == "MS4A1"].set_index("cell_type").sort_index()
    np.testing.assert_allclose(got["sum"], groups.sum(), rtol=1e-5)
    np.testing.assert_array_equal(got["count"], groups.apply(lambda part: (part > 0).sum()))
    np.testing.assert_array_equal(got["total"], groups.size())
    np.testing.assert_allclose(got["mean"], (got["sum"] / got["count"]).fillna(0))
    np.testing.assert_allclose(got["rate"], got["count"] / got["total"])
    by_phase = lab.client.expression(["MS4A1"], group_by="phase")
    assert set(by_phase["cell_type"]) == {"G1", "S", "G2M"}


def test_search_and_genes(lab: Lab) -> None:
    hits = lab.client.search(cell_type="CD34+", gene="MS4A1")
    (hit,) = [hit for hit in hits if hit["study_id"] == lab.study.id]
    reasons = {reason["where"]: reason["values"] for reason in hit["reasons"]}
    assert reasons == {"cell_type": ["CD34+"], "gene": ["MS4A1"]}
    assert lab.client.search("no such text anywhere") == []
    monocytes = lab.client.search(cell_type="monocyte")
    assert any("CD14+ Monocyte" in value for hit in monocytes for r in hit["reasons"] for value in r["values"])
    gene = lab.client.genes("cd20")[0]
    assert (gene["symbol"], gene["id"]) == ("MS4A1", "ENSG00000156738")
    assert "CD20" in gene["aliases"]
    assert gene["n_studies"] >= 1
