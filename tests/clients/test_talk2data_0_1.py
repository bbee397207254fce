"""talk2data_sdk 0.1.3, unmodified, in its own environment, against a real server with real cells."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from tests.clients.across_world import GENES, N_BLOOD, N_LUPUS, AcrossWorld
from tests.clients.matrix import listed

HUMAN = ("blood", "lupus", "68k")
BELOW = {"monocyte": ("CD14+ Monocyte",)}
"""Labels of the 68k study whose words are those of a term below another: CL's CD14-positive monocyte."""
N_CELLS = N_BLOOD + N_LUPUS + 700
pytestmark = pytest.mark.timeout(300)


def expected(across: AcrossWorld, gene: str, chosen: dict[str, list[str]]) -> pd.DataFrame:
    """The slow way: sums over all cells of all readable studies, of the given combinations of labels."""
    cells = across.cells(HUMAN, gene)
    rows = []
    for cell_type in chosen.get("cell_type", [None]):
        for condition in chosen.get("condition", [None]):
            for tissue in chosen.get("tissue", [None]):
                part = cells
                for column, label in (("cell_type", cell_type), ("disease", condition), ("tissue", tissue)):
                    part = part if label is None else part[part[column].isin((label, *BELOW.get(label, ())))]
                rows.append((cell_type, condition, tissue, len(part), (part.value > 0).sum(), part.value.sum()))
    return pd.DataFrame(rows, columns=["cell_type", "condition", "tissue", "total", "count", "sum"])


def test_connection_and_databases(across: AcrossWorld) -> None:
    client = across.talk2data("Talk2DataConnector")
    assert client.call("test_connection").good is None
    assert client.call("test_connection", http_user_name="u", http_password="p").good is None
    assert client.call("base_url").good == f"{across.url}/t2d/"
    assert client.call("token").good == across.tokens["ada"]
    (database,) = client.call("list_databases").good
    assert (database["species"], database["technology"]) == ("human", "scseq")
    assert database["total_cells"] == N_CELLS
    assert client.call("get_database", database_id=database["id"]).good == database
    assert across.talk2data().call("info").good == database
    (few,) = across.talk2data("Talk2DataConnector", "bob").call("list_databases").good
    assert (few["id"], few["total_cells"]) == (database["id"], 700)
    assert few["version_id"] != database["version_id"]
    name, text = client.call("get_database", database_id="0" * 32).error or ("", "")
    assert (name, text) == ("ValueError", "Database not found: 00000000-0000-0000-0000-000000000000")
    for call in ("test_connection", "list_databases"):
        stranger = across.talk2data("Talk2DataConnector", "no token of ours").call(call)
        assert stranger.error is not None
        assert stranger.error[0] == "HTTPError"
        assert "401" in stranger.error[1]
    assert client.call("post", route="api/v1/version/list", data=None).good[0]["id"] == database["id"]


def test_what_can_be_asked(across: AcrossWorld) -> None:
    client = across.talk2data()
    types = client.call("cell_types").good
    labels = set(across.cells(HUMAN, "LYZ")["cell_type"].dropna())
    assert {"B cell", "T cell", "monocyte", "CD56+ NK"} < labels
    assert {"lymphocyte", "leukocyte", "B cell", "monocyte"} <= set(types), "terms above are there too"
    assert "hepatocyte" not in types
    assert len(types) == len(set(types))
    assert {"blood", "bodily fluid"} & set(client.call("tissues").good)
    conditions = client.call("conditions").good
    assert "systemic lupus erythematosus" in conditions
    assert any("normal" in label for label in conditions)


def test_gene_names_is_a_fault_of_the_client(across: AcrossWorld) -> None:
    outcome = across.talk2data().call("gene_names")
    assert outcome.error is not None
    assert outcome.error[0] == "AttributeError"
    assert outcome.result == "client fault"


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"cell_type": ["B cell", "monocyte", "T cell"]},
        {"tissue": ["blood"]},
        {"cell_type": ["monocyte", "T cell"], "condition": ["systemic lupus erythematosus"], "tissue": ["blood"]},
    ],
)
def test_expression_summary(across: AcrossWorld, chosen: dict[str, list[str]]) -> None:
    given = {f"{name}s": labels for name, labels in chosen.items()}
    got = across.talk2data().call("get_expression_summary", genes=list(GENES), **given).frame
    assert list(dict.fromkeys(got["gene"])) == list(GENES)
    for gene in GENES:
        truth = expected(across, gene, chosen)
        part = got[got["gene"] == gene].reset_index(drop=True)
        for column in ("cell_type", "condition", "tissue"):
            assert [x if isinstance(x, str) else None for x in part[column]] == truth[column].tolist()
        np.testing.assert_array_equal(part["total_cells"], truth["total"])
        np.testing.assert_array_equal(part["expressed_cells"], truth["count"])
        np.testing.assert_allclose(part["average"], truth["sum"] / truth["total"], rtol=1e-5)
        np.testing.assert_allclose(part["coverage"], truth["count"] / truth["total"], rtol=1e-12)
        np.testing.assert_array_equal(part["sum"], np.ceil(part["average"] * part["total_cells"]).astype(int))


def test_a_node_includes_what_is_below_it(across: AcrossWorld) -> None:
    client = across.talk2data()
    got = client.call("get_expression_summary", genes=["LYZ"], cell_types=["lymphocyte", "B cell", "leukocyte"]).frame
    total = dict(zip(got["cell_type"], got["total_cells"], strict=True))
    cells = across.cells(HUMAN, "LYZ")["cell_type"].value_counts()
    below = sum(int(cells[name]) for name in ("B cell", "T cell", "natural killer cell"))
    assert total["B cell"] == cells["B cell"]
    assert total["lymphocyte"] >= below
    assert total["leukocyte"] >= total["lymphocyte"] + cells["monocyte"]


def test_names_that_the_client_refuses_itself(across: AcrossWorld) -> None:
    client = across.talk2data()
    for given in (
        {"genes": ["NOSUCHGENE"]},
        {"genes": []},
        {"genes": ["LYZ"] * 51},
        {"genes": ["LYZ"], "cell_types": ["hepatocyte"]},
        {"genes": ["LYZ"], "tissues": ["moon"]},
        {"genes": ["LYZ"], "conditions": ["x"]},
    ):
        error = client.call("get_expression_summary", **given).error
        assert error is not None
        assert error[0] == "ValueError"
        assert re.search("[Ii]nvalid|must be provided|Too many", error[1])


def test_an_alias_is_answered_under_the_symbol(across: AcrossWorld) -> None:
    got = across.talk2data().call("get_expression_summary", genes=["CD20"]).frame
    assert got["gene"].tolist() == ["MS4A1"]
    assert got["total_cells"].tolist() == [N_CELLS]


def test_rights(across: AcrossWorld) -> None:
    got = across.talk2data("Database", "bob").call("get_expression_summary", genes=["LYZ"]).frame
    assert got["total_cells"].tolist() == [700]
    error = across.talk2data("Database", "eve").call("get_expression_summary", genes=["LYZ"]).error
    assert error == ("ValueError", "Invalid gene(s)"), "nothing is measured for who may read nothing"


def test_every_public_method_is_driven(across: AcrossWorld) -> None:
    driven = listed("talk2data_sdk", "0.1.3")
    for name in ("Talk2DataConnector", "Database"):
        methods = across.talk2data(name).call("public methods").good
        assert methods
        assert [method for method in methods if f"{name}.{method}" not in driven] == []
