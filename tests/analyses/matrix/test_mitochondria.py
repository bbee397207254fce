from __future__ import annotations

from pathlib import Path

import h5py
import pytest

from cytosol.analyses.matrix.mitochondria import STABLE_IDS, mito_features

DEMO = Path(__file__).parents[3] / "src" / "cytosol" / "demo_data" / "pbmc8k_2700.h5"


@pytest.mark.parametrize(
    ("species", "symbols"),
    [
        ("human", {"MT-ND1": 1, "MTOR": 0, "MT1X": 0, "mt-Nd1": 0, "GRCh38_MT-CO1": 1, "COX1": 0, "HMT-1": 0}),
        ("Homo sapiens", {"MT-CYB": 1, "ND1": 0}),
        ("mouse", {"mt-Nd1": 1, "MT-ND1": 0, "mm10___mt-Co1": 1, "Mtor": 0}),
        ("rat", {"Mt-nd1": 1, "mt-Nd1": 0}),
        ("fly", {"mt:ND1": 1, "mthl1": 0}),
        ("worm", {"nduo-1": 1, "ctc-1": 1, "mtl-1": 0}),
        ("", {"MT-ND1": 1, "mt-nd1": 1, "mt:ND1": 1, "ND4L": 1, "COX2": 1, "MTOR": 0, "ATP6V0A1": 0}),
        ("zebrafish", {"mt-nd1": 1, "CYTB": 1, "mtor": 0}),
    ],
)
def test_mitochondrial_symbols(species: str, symbols: dict[str, int]) -> None:
    assert mito_features(list(symbols), species).tolist() == [bool(known) for known in symbols.values()]


def test_symbols_and_ids_agree_on_real_genes() -> None:
    with h5py.File(DEMO) as file:
        names, ids = ([text.decode() for text in file["matrix/features"][key][:]] for key in ("name", "id"))
    by_symbol = mito_features(names, "human")
    assert by_symbol.sum() == 13
    assert (mito_features(ids, "human") == by_symbol).all()
    assert (mito_features([f"{id}.4" for id in ids]) == by_symbol).all()
    assert (mito_features(["?"] * len(ids), "no such species", ids) == by_symbol).all()


@pytest.mark.parametrize(
    "id",
    ["ENSG00000198888", "ENSG00000210196", "ENSMUSG00000064341.1", "ENSMUSG00000065947", "ENSRNOG00000030644",
     "ENSMMUG00000028704", "FBgn0013679"],
)  # fmt: skip
def test_stable_ids(id: str) -> None:
    assert mito_features([id, "ENSG00000141510"]).tolist() == [True, False]


def test_every_chromosome_has_no_more_genes_than_there_are() -> None:
    for prefix in ("ENSG", "ENSMUSG", "ENSMMUG"):
        assert 37 <= sum(id.startswith(f"{prefix}0") for id in STABLE_IDS) <= 38
