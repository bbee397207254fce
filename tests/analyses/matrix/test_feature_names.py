from __future__ import annotations

from cytosol.analyses.matrix.feature_names import FeatureNames


def test_symbols_ids_versions_and_case() -> None:
    names = FeatureNames(["CD3E", "Cd3e", "Ms4a1", "LYZ"], ["ENSG00000198851.4", "", "ENSMUSG00000024673", ""])
    assert [names.find(name) for name in ("CD3E", "Cd3e", "MS4A1", "lyz")] == [0, 1, 2, 3]
    assert names.find("cd3e") == -1  # two features could be meant
    assert names.find("ENSG00000198851") == names.find("ENSG00000198851.9") == 0
    assert names.find("ENSMUSG00000024673.5") == 2
    found = names.match(["LYZ", " lyz", "no such gene", "CD3E"])
    assert found.places.tolist() == [3, 0]
    assert found.missing == ["no such gene"]


def test_further_names_come_last() -> None:
    others = {"MLF1IP": ["CENPU", "ENSG00000151725"], "CENPU": ["MLF1IP"]}
    names = FeatureNames(["ENSG00000151725", "LYZ"], others=lambda name: others.get(name, ()))
    assert names.match(["MLF1IP", "CENPU", "LYZ"]).places.tolist() == [0, 1]
    assert names.match(["CENPU"]).missing == ["CENPU"]


def test_symbols_that_are_ids() -> None:
    names = FeatureNames(["ENSG00000198851.4", "FBgn0013679"])
    assert names.find("ENSG00000198851") == 0
    assert names.find("FBgn0013679") == 1
