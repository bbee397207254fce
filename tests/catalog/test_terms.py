"""Standard terms: given, suggested, kept through edits and undo, found in files, listed over studies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cytosol.base.errors import ForbiddenError, InvalidInputError, NotFoundError, VersionMismatchError
from cytosol.base.tables import ColumnData
from cytosol.catalog.annotation_edits import ColumnEdit
from cytosol.catalog.annotations import Group
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.column_terms import edited_terms, ontologies_for, partner_terms
from cytosol.catalog.sharing import GrantView
from cytosol.catalog.terms import assignable_tree
from cytosol.reference.ontologies import load_ontology
from tests.catalog.making import barcodes, counts, h5ad, make_dataset, run_here, submit
from tests.catalog.people import People, id_of

T, B = "CL:0000084", "CL:0000236"


async def given(catalog: Catalog, people: People, dataset_id: object, column: str) -> dict[str, str | None]:
    _, levels = await catalog.terms.of_column(people.ada, dataset_id=dataset_id, column=column)  # type: ignore[arg-type]
    return {level.level: level.term.id if level.term else None for level in levels}


async def test_terms_are_given_suggested_and_taken_away(catalog: Catalog, people: People) -> None:
    made = await make_dataset(catalog, people.ada)
    view, levels = await catalog.terms.of_column(people.ada, dataset_id=made.id, column="type")
    assert [(level.level, level.term) for level in levels] == [("T", None), ("B", None)]
    assert levels[0].suggested[0].term.id == T
    assert levels[1].suggested[0].term.id == B
    changed = await catalog.terms.assign(
        people.ada, dataset_id=made.id, column="type", changes={"T": T, "B": B}, expected=view.version
    )
    assert (changed.id, changed.version) == (view.id, 2)
    with pytest.raises(VersionMismatchError):
        await catalog.terms.assign(people.ada, dataset_id=made.id, column="type", changes={"T": None}, expected=1)
    _, levels = await catalog.terms.of_column(people.ada, dataset_id=made.id, column=view.id.hex24)
    assert [(x.term.label if x.term else "", x.ontology.name if x.ontology else "") for x in levels] == [
        ("T cell", "CL"),
        ("B cell", "CL"),
    ]
    await catalog.terms.assign(people.ada, dataset_id=made.id, column="type", changes={"T": None})
    assert await given(catalog, people, made.id, "type") == {"T": None, "B": B}
    same = await catalog.terms.assign(people.ada, dataset_id=made.id, column="type", changes={"B": B})
    assert same.version == 3, "nothing changed"
    bad: list[tuple[str, dict[str, str | None], type[Exception]]] = [
        ("type", {"X": T}, NotFoundError),
        ("type", {"T": "CL:1"}, InvalidInputError),
        ("age", {"T": T}, InvalidInputError),
        ("nothing", {"T": T}, NotFoundError),
    ]
    for name, changes, error in bad:
        with pytest.raises(error):
            await catalog.terms.assign(people.ada, dataset_id=made.id, column=name, changes=changes)


async def test_terms_follow_new_names_merges_and_undo(catalog: Catalog, people: People) -> None:
    made = await make_dataset(catalog, people.ada)
    view = await catalog.terms.assign(people.ada, dataset_id=made.id, column="type", changes={"T": T, "B": B})

    async def change(**edit: object) -> None:
        await catalog.annotations.change(
            people.ada,
            dataset_id=made.id,
            column_id=view.id,
            edit=ColumnEdit(**edit),  # type: ignore[arg-type]
        )

    await change(name="Cell type", rename={"T": "T cells"})
    assert await given(catalog, people, made.id, "Cell type") == {"T cells": T, "B": B}
    await change(merge={"Lymphocytes": ["T cells", "B"]})
    assert await given(catalog, people, made.id, "Cell type") == {"Lymphocytes": None}
    for expected in ({"T cells": T, "B": B}, {"T": T, "B": B}, {"T": None, "B": None}):
        newest = next(
            revision
            for revision in (await catalog.history.list(people.ada, study_id=made.study_id)).items
            if revision.undone_at is None and not revision.verb.startswith("undo")
        )
        await catalog.history.undo(people.ada, revision_id=newest.id)
        name = "Cell type" if "T cells" in expected else "type"
        assert await given(catalog, people, made.id, name) == expected


def test_terms_of_merged_categories() -> None:
    terms = {"a": T, "b": T, "c": B}
    assert edited_terms(terms, ColumnEdit(merge={"x": ["a", "b"]})) == {"x": T, "c": B}
    assert edited_terms(terms, ColumnEdit(merge={"x": ["a", "none"]})) == {"x": T, "b": T, "c": B}
    assert edited_terms(terms, ColumnEdit(merge={"c": ["a"]})) == {"b": T}
    assert edited_terms(terms, ColumnEdit(rename={"a": "b", "b": "a", "c": "d"})) == {"b": T, "a": T, "d": B}
    assert edited_terms(terms, ColumnEdit(colors={"a": "#000000"})) == terms


def test_partner_columns_give_the_term_of_most_cells() -> None:
    columns = {
        "cell_type": ColumnData(np.array([0, 0, 0, 1, 1, -1]), categories=["T", "B"]),
        "cell_type_ontology_term_id": ColumnData(np.array([0, 0, 1, 2, 2, 0]), categories=[T, B, "unknown"]),
        "score": ColumnData(np.zeros(6)),
        "score_ontology_term_id": ColumnData(np.zeros(6, np.int32), categories=[T]),
        "disease": ColumnData(np.zeros(6, np.int32), categories=["normal"]),
        "disease_ontology_term_id": ColumnData(np.array(["PATO:0000461"] * 6, dtype=object)),
    }
    assert partner_terms(columns) == {"cell_type": {"T": T}, "disease": {"normal": "PATO:0000461"}}


async def test_files_with_term_ids_give_terms_at_once(catalog: Catalog, people: People) -> None:
    matrix = counts()
    n_cells = matrix.shape[0]
    obs = pd.DataFrame(
        {
            "cell_type": pd.Categorical(["T cell", "B cell"] * (n_cells // 2)),
            "cell_type_ontology_term_id": pd.Categorical([T, B] * (n_cells // 2)),
            "tissue": pd.Categorical(["blood"] * n_cells),
            "tissue_ontology_term_id": pd.Categorical(["UBERON:0000178"] * n_cells),
        },
        index=barcodes(n_cells),
    )
    _, dataset_id = await submit(catalog, people.ada, {"a.h5ad": h5ad(matrix, obs=obs)}, embeddings="keep")
    await run_here(catalog)
    assert await given(catalog, people, dataset_id, "cell_type") == {"B cell": B, "T cell": T}
    assert await given(catalog, people, dataset_id, "tissue") == {"blood": "UBERON:0000178"}
    frame = pd.DataFrame({"mine": ["x"] * n_cells, "mine_ontology_term_id": [T] * n_cells})
    await catalog.annotations.add_frame(people.ada, dataset_id=dataset_id, frame=frame, by_barcode=False)
    assert await given(catalog, people, dataset_id, "mine") == {"x": T}


async def test_a_file_of_the_cellxgene_schema(catalog: Catalog, people: People, shared_data: Path) -> None:
    data = (shared_data / "scrna/h5ad/cellxgene_schema_example_valid.h5ad").read_bytes()
    _, dataset_id = await submit(catalog, people.ada, {"a.h5ad": data}, embeddings="keep")
    await run_here(catalog)
    view = await catalog.datasets.get(people.ada, dataset_id=dataset_id)
    found = await catalog.terms.of_studies(people.ada, study_ids=[view.dataset.study_id])
    columns = await catalog.tables.columns(await catalog.tables.pin(people.ada, dataset_id=dataset_id))
    for term in found:
        assert term.column.endswith("_ontology_term_id")
        assert term.level in (columns[term.column].categories or [])
        assert term.term.id == term.level
    assert {term.ontology.name for term in found} >= {"CL", "UBERON"}


async def test_terms_over_studies(catalog: Catalog, people: People) -> None:
    first = await make_dataset(catalog, people.ada)
    second = await make_dataset(catalog, people.bob)
    for made, actor in ((first, people.ada), (second, people.bob)):
        await catalog.terms.assign(actor, dataset_id=made.id, column="type", changes={"T": T})
    assert [(x.study_id, x.column, x.level, x.term.label) for x in await catalog.terms.of_studies(people.ada)] == [
        (first.study_id, "type", "T", "T cell")
    ]
    assert {x.study_id for x in await catalog.terms.of_studies(people.admin)} == {first.study_id, second.study_id}
    assert await catalog.terms.of_studies(people.eve) == []
    assert await catalog.terms.of_studies(people.ada, study_ids=[second.study_id]) == []
    grants = [GrantView("user", id_of(people.eve), "", "reader")]
    await catalog.sharing.put(people.ada, subject_kind="study", subject_id=first.study_id, grants=grants)
    await catalog.annotations.add_groups(people.eve, dataset_id=first.id, name="own", groups=[Group("a", [1])])
    await catalog.terms.assign(people.eve, dataset_id=first.id, column="own", changes={"a": B})
    with pytest.raises(ForbiddenError):
        await catalog.terms.assign(people.eve, dataset_id=first.id, column="type", changes={"T": B})
    assert {x.column for x in await catalog.terms.of_studies(people.eve)} == {"type", "own"}
    assert {x.column for x in await catalog.terms.of_studies(people.ada)} == {"type"}
    assert all(x.is_main for x in await catalog.terms.of_studies(people.ada))
    assert await catalog.terms.expand("CL:0000542") >= {T, B}


async def test_trees(catalog: Catalog) -> None:
    assert [info.name for info in catalog.terms.ontologies()] == ["CL", "UBERON", "MONDO", "HsapDv"]
    whole = await catalog.terms.tree(ontology="CL")
    (root,) = whole.nodes
    assert (root.term.label, root.n_below + 1) == ("cell", len(load_ontology("CL").terms))
    assert root.children is not None
    lymphocyte = await catalog.terms.tree(ontology="CL", root="CL:0000542", depth=2)
    labels = [term.label for term in lymphocyte.ancestors]
    assert labels[0] == "mononuclear leukocyte"
    assert {"leukocyte", "hematopoietic cell", "cell"} <= set(labels)
    below = {node.term.id: node for node in lymphocyte.nodes[0].children or ()}
    assert {T} <= below.keys()
    assert all(child.children is None or not child.n_below for child in below[T].children or ())
    with pytest.raises(NotFoundError):
        await catalog.terms.tree(ontology="CL", root="CL:1")


@pytest.mark.parametrize("name", ["CL", "UBERON", "MONDO", "HsapDv"])
def test_every_term_is_once_in_the_tree_of_two_levels(name: str) -> None:
    found = assignable_tree(load_ontology(name))
    ids = [term.id for group, members in found for term in (group, *members)]
    assert sorted(ids) == sorted(load_ontology(name).terms)


def test_names_of_annotations_tell_the_ontology() -> None:
    assert ontologies_for("Cell type") == ("CL",)
    assert ontologies_for("author's tissue") == ("UBERON",)
    assert ontologies_for("disease") == ("MONDO",)
    assert len(ontologies_for("V7")) == 4
