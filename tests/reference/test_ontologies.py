from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from numcodecs.zstd import decompress

from cytosol.base.errors import NotFoundError
from cytosol.reference.ontologies import (
    GOOD,
    ONTOLOGIES,
    Ontology,
    expand,
    find_term,
    load_ontology,
    ontology_of,
    words_of,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def cells() -> Ontology:
    return load_ontology("CL")


@pytest.mark.parametrize("info", ONTOLOGIES, ids=lambda info: info.name)
def test_every_ontology_is_whole(info: object) -> None:
    found = load_ontology(info.name)  # type: ignore[attr-defined]
    assert all(parent in found.terms for term in found.terms.values() for parent in term.parents)
    assert set(found.replaced.values()) <= found.terms.keys()
    for root in found.roots:
        assert not found.ancestors(root)
    assert {id for root in found.roots for id in found.descendants(root)} == found.terms.keys()
    assert found.info.version.replace("-", "").isdigit()
    assert found.info.title in (ROOT / "src/cytosol/reference/data/NOTICE.md").read_text()


def test_the_files_are_those_that_the_script_wrote() -> None:
    done = subprocess.run([sys.executable, ROOT / "scripts/make_ontologies.py", "--check"], check=False)
    assert done.returncode == 0
    sizes = [path.stat().st_size for path in (ROOT / "src/cytosol/reference/data").iterdir()]
    assert sum(sizes) < 3_000_000


@pytest.mark.parametrize(
    ("name", "file"), [("CL", "CL-ontology-v2026-03-26"), ("UBERON", "UBERON-ontology-v2026-04-01")]
)
def test_terms_equal_those_of_the_source(shared_data: Path, name: str, file: str) -> None:
    data = (shared_data / "reference/ontology" / f"{file}.json.zst").read_bytes()
    source = json.loads(bytes(decompress(data)))
    found = load_ontology(name)
    for id, term in found.terms.items():
        assert source[id]["label"].split() == term.label.split()
        assert set(found.ancestors(id)) == {other for other in source[id]["ancestors"] if other in found.terms}
        assert {name.casefold() for name in source[id].get("synonyms", ())} - {term.label.casefold()} <= {
            other.casefold() for other in term.synonyms
        }
    if name == "CL":
        assert found.terms.keys() == {id for id, term in source.items() if not term["deprecated"]}


def test_what_is_above_and_below(cells: Ontology) -> None:
    assert cells.term("CL:0000084").label == "T cell"
    assert cells.label(cells.ancestors("CL:0000084")[0]) == "lymphocyte"
    assert len(cells.ancestors("CL:0000084")) == 9
    below = expand("CL:0000084")
    assert {"CL:0000084", "CL:0000624", "CL:0000625", "CL:0000815"} <= below
    assert "CL:0000236" not in below
    assert cells.group_of("CL:0000084") == "CL:0000988"
    assert expand("EFO:0009922") == {"EFO:0009922"}
    lung = expand("UBERON:0002048")
    assert "UBERON:0002299" in lung, "alveolus of lung"
    assert "UBERON:0000955" not in lung


def test_terms_by_id() -> None:
    found = find_term("PATO:0000461")
    assert found is not None
    assert (found[0].info.name, found[1].label) == ("MONDO", "normal")
    for id in ("PATO:0000001", "CL:1", "nonsense", "", "EFO:0009922"):
        assert ontology_of(id) is None
    cells = load_ontology("CL")
    old, new = next(iter(cells.replaced.items()))
    assert cells.term(old).id == new
    with pytest.raises(NotFoundError, match="no term 'CL:1'"):
        cells.term("CL:1")
    with pytest.raises(NotFoundError, match="There are: CL, UBERON, MONDO"):
        load_ontology("GO")


@pytest.mark.parametrize(
    ("ontology", "text", "label"),
    [
        ("CL", "CD4+ T cells", "CD4-positive, alpha-beta T cell"),
        ("CL", "CD8 T", "CD8-positive, alpha-beta T cell"),
        ("CL", "B cells", "B cell"),
        ("CL", "NK", "natural killer cell"),
        ("CL", "CD14+ Monocytes", "CD14-positive monocyte"),
        ("CL", "FCGR3A+ Monocytes", "non-classical monocyte"),
        ("CL", "Dendritic", "dendritic cell"),
        ("CL", "Megakaryocytes", "megakaryocyte"),
        ("CL", "Treg", "regulatory T cell"),
        ("CL", "CL:0000236", "B cell"),
        ("CL", "macroph", "macrophage"),
        ("UBERON", "Bone Marrow", "bone marrow"),
        ("UBERON", "PBMC", "blood"),
        ("MONDO", "COVID-19", "COVID-19"),
        ("MONDO", "T2D", "type 2 diabetes mellitus"),
        ("MONDO", "healthy", "normal"),
    ],
)
def test_search_finds_what_people_write(ontology: str, text: str, label: str) -> None:
    best = load_ontology(ontology).search(text)[0]
    assert best.term.label == label
    assert best.score >= GOOD


def test_search_has_scores_and_limits(cells: Ontology) -> None:
    hits = cells.search("T cell", limit=30)
    assert hits[0].term.id == "CL:0000084"
    assert hits[0].score == 1.0
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert len(hits) == 30
    assert cells.search("zzzz qqqq") == []
    assert cells.search("  ,;") == []
    assert cells.search("T cell", limit=0) == []
    assert all(hit.score < GOOD for hit in cells.search("Unknown", prefix=False))


def test_a_marker_that_is_absent_fits_no_name_that_says_it_is_there() -> None:
    assert words_of("CD4-positive T cells") == words_of("CD4+ T cell") == ["cd4+", "t", "cell"]
    assert words_of("CD4-negative") == words_of("CD4-") == ["cd4neg"]
    assert words_of("B-1 B cell") == ["b", "1", "b", "cell"]


def test_a_search_is_quick() -> None:
    diseases = load_ontology("MONDO")
    diseases.search("anything")
    began = time.process_time()
    for _ in range(20):
        diseases.search("breast carcinoma")
    assert (time.process_time() - began) / 20 < 0.1, "milliseconds, with a lot of room for busy machines"
