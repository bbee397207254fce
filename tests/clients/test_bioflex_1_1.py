"""bioflex 1.1.1, unmodified, in its own environment, against a real server with real cells."""

from __future__ import annotations

import anndata
import httpx
import numpy as np
import pandas as pd
import pytest

from tests.clients.across_world import GENES, N_BLOOD, AcrossWorld
from tests.clients.drivers import Outcome
from tests.clients.matrix import listed

HUMAN = ("blood", "lupus", "68k")
pytestmark = pytest.mark.timeout(300)


def refused(outcome: Outcome) -> str:
    assert outcome.error is not None, outcome.value
    assert outcome.error[0] == "HTTPError"
    return outcome.error[1]


def test_databases_are_the_species_that_one_may_read(across: AcrossWorld) -> None:
    items = across.bioflex("Connection").call("databases").good
    assert [(item["species"], item["version"]) for item in items] == [("human", 1), ("mouse", 1)]
    assert all(len(item["id"]) == 32 for item in items)
    assert across.bioflex("Connection", "bob").call("databases").good == items[:1]
    assert across.bioflex("Connection", "eve").call("databases").good == []
    assert "token" in refused(across.bioflex("Connection", "no token of ours").call("databases"))


@pytest.mark.parametrize(("who", "studies"), [("ada", HUMAN), ("bob", ("68k",))])
def test_summary_of_cell_types(across: AcrossWorld, who: str, studies: tuple[str, ...]) -> None:
    found = across.bioflex("Database", who).call("get_celltypes_expression_summary", gene_names=list(GENES)).good
    assert list(found) == list(GENES)
    for gene in GENES:
        cells = across.cells(studies, gene).dropna(subset="cell_type")
        expected = cells.groupby("cell_type")["value"].agg(
            sum="sum", count=lambda value: (value > 0).sum(), total="size"
        )
        got = pd.DataFrame(found[gene]).set_index("name").sort_index()
        assert list(got.index) == list(expected.index)
        np.testing.assert_allclose(got["sum"], expected["sum"], rtol=1e-5)
        np.testing.assert_array_equal(got["count"], expected["count"])
        np.testing.assert_array_equal(got["total"], expected["total"])
        mean = (expected["sum"] / expected["count"]).fillna(0)
        np.testing.assert_allclose(got["mean"], mean, rtol=1e-5)
        np.testing.assert_allclose(got["rate"], expected["count"] / expected["total"], rtol=1e-12)


def test_summary_by_alias_and_id(across: AcrossWorld) -> None:
    client = across.bioflex()
    names = ["CD20", "ENSG00000156738", "ms4a1"]
    found = client.call("get_celltypes_expression_summary", gene_names=names).good
    truth = client.call("get_celltypes_expression_summary", gene_names=["MS4A1"]).good["MS4A1"]
    assert [found[name] for name in names] == [truth] * 3
    message = refused(client.call("get_celltypes_expression_summary", gene_names=["CD3E", "NOSUCHGENE", "B1"]))
    assert "NOSUCHGENE" in message
    assert "MS4A1" in message, "what an ambiguous alias may mean"
    assert "CD3E" not in message
    mouse = client.call("get_celltypes_expression_summary", species="mouse", gene_names=["Cd3e"]).good["Cd3e"]
    cells = across.truths["mouse"].obs["cell_type"].value_counts()
    assert {row["name"]: row["total"] for row in mouse} == cells.to_dict()


def test_get_study(across: AcrossWorld) -> None:
    study = across.bioflex().call("get_study", study_hash_id="GSE_lupus").good
    assert study["title"] == "Study lupus"
    assert study["authors"] == ["Ada L.", "Bob M."]
    assert "https://example.org/paper" in study["repr"]
    types = {name: kind for _, name, kind in study["metalist"]}
    assert types["Author's cell type"] == types["Diagnosis"] == "Category"
    assert types["score"] == types["Number of genes"] == "Numeric"
    assert len({id for id, _, _ in study["metalist"]}) == len(types)
    assert across.bioflex("Study").call("metalist", study="GSE_lupus").good == [list(x) for x in study["metalist"]]
    assert across.bioflex().call("get_study", study_hash_id=study["id"]).good["title"] == "Study lupus"
    assert "study" in refused(across.bioflex().call("get_study", study_hash_id="GSE_mouse"))
    assert "study" in refused(across.bioflex("Database", "bob").call("get_study", study_hash_id="GSE_blood"))


def test_genes_matrix_features_and_barcodes(across: AcrossWorld) -> None:
    truth, client = across.truths["blood"], across.bioflex("Study")
    assert truth.counts is not None
    wanted = ["LYZ", "CD3E", "LYZ"]
    for unit, values in (("raw", truth.counts), ("lognorm", truth.values)):
        got = client.call("query_genes", study="GSE_blood", gene_names=wanted, unit=unit).matrix
        np.testing.assert_allclose(got.toarray(), values[wanted].to_numpy(), rtol=1e-5)
        whole = client.call("matrix", study="GSE_blood", unit=unit).matrix
        np.testing.assert_allclose(whole.toarray(), values.to_numpy(), rtol=1e-5)
    assert client.call("features", study="GSE_blood").good == list(truth.counts.columns)
    assert client.call("barcodes", study="GSE_blood").good == list(truth.counts.index)
    assert client.call("query_genes", study="GSE_blood", gene_names=[], unit="raw").matrix.shape == (N_BLOOD, 0)
    assert "NOSUCH" in refused(client.call("query_genes", study="GSE_blood", gene_names=["NOSUCH"], unit="raw"))
    assert "unit" in refused(client.call("matrix", study="GSE_blood", unit="tpm"))


def test_metadata(across: AcrossWorld) -> None:
    obs, client = across.truths["blood"].obs, across.bioflex("Metadata")
    types = client.call("fetch", study="GSE_blood", field="cell_type").good
    assert types["type"] == "Category"
    assert types["values"] == obs["cell_type"].fillna("Unassigned").tolist()
    score = client.call("fetch", study="GSE_blood", field="score").good
    assert (score["type"], score["dtype"]) == ("Numeric", "float32")
    expected = np.where(np.arange(N_BLOOD) % 5, np.arange(N_BLOOD) / 7, np.nan)
    np.testing.assert_allclose(score["values"], expected, rtol=1e-6)


def test_export(across: AcrossWorld, tmp_path_factory: pytest.TempPathFactory) -> None:
    truth, client = across.truths["lupus"], across.bioflex("Study")
    assert truth.counts is not None
    answers = [client.begin("export_study", study="GSE_lupus", export_format=name) for name in ("h5ad", "seurat")]
    default, seurat = (answer.result(150).good for answer in answers)
    again = client.call("export_study", study="GSE_lupus").good
    for answer in (default, again):
        assert answer["study_hash_id"] == "GSE_lupus"
        file = tmp_path_factory.mktemp("export") / "study.h5ad"
        file.write_bytes(httpx.get(answer["download_link"]).raise_for_status().content)
        made = anndata.read_h5ad(file)
        assert list(made.obs_names) == list(truth.counts.index)
        np.testing.assert_array_equal(made.X.toarray(), truth.counts.to_numpy())
    body = httpx.get(seurat["download_link"]).raise_for_status().content
    assert len(body) > 10_000, "tests/formats and tests/r say what is in an .rds file"
    assert "bcs" in refused(client.call("export_study", study="GSE_lupus", export_format="bcs"))


def test_every_public_method_is_driven(across: AcrossWorld) -> None:
    driven = listed("bioflex", "1.1.1")
    for name in ("Connection", "Database", "Study", "Metadata"):
        methods = across.bioflex(name).call("public methods").good
        assert methods
        assert [method for method in methods if f"{name}.{method}" not in driven] == []
