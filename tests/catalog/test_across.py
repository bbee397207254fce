"""Queries over all studies: sums against pandas, summaries and their absence, rights, names of genes, search."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from cytosol.base.errors import InvalidInputError
from cytosol.base.keys import Key
from cytosol.catalog.across import Expression
from cytosol.catalog.annotation_edits import ColumnEdit
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.level_terms import label_of
from cytosol.catalog.sharing import GrantView
from cytosol.catalog.studies import StudyFields
from cytosol.catalog.study_search import Wanted
from cytosol.catalog.submissions import NewStudy
from cytosol.model.rights import Actor
from tests.catalog.making import barcodes, counts, folder_of, run_here, submit
from tests.catalog.people import People, id_of

REDUCED = Path(__file__).parents[2] / "src/cytosol/demo_data/pbmc68k_reduced.h5ad"
GENES = ["CD3E", "MS4A1", "CD79A", "LYZ"]
N_CELLS = 60


def annotated(**columns: list[str | None]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Categorical(values) for name, values in columns.items()}, index=barcodes(N_CELLS))


def named(obs: pd.DataFrame, *, genes: list[str], ids: list[str] | None = None, seed: int = 0) -> anndata.AnnData:
    matrix = counts(N_CELLS, len(genes), seed)
    made = anndata.AnnData(matrix, obs=obs)
    made.var_names = pd.Index(genes)
    if ids is not None:
        made.var["gene_ids"] = ids
    return made


async def ingest(
    catalog: Catalog, actor: Actor, made: anndata.AnnData, tmp_path: Path, *, name: str, species: str = "human"
) -> tuple[Key, Key]:
    """A study with one dataset; their ids."""
    file = tmp_path / f"{name}.h5ad"
    made.write_h5ad(file)
    study = NewStudy(StudyFields(name=name, species=species))
    _, dataset = await submit(catalog, actor, {file.name: file.read_bytes()}, study, embeddings="keep", matrix="raw")
    await run_here(catalog)
    view = await catalog.datasets.get(actor, dataset_id=dataset)
    return view.dataset.study_id, dataset


def expected(made: anndata.AnnData, gene: str, column: str, unit: str = "lognorm") -> pd.DataFrame:
    """The slow way: sum, count and total of each level."""
    raw = pd.DataFrame(made.X.toarray(), index=made.obs_names, columns=made.var_names)
    values = raw if unit == "raw" else np.log1p(raw.div(raw.sum(axis=1), axis=0).fillna(0) * 1e4)
    frame = pd.DataFrame({"value": values[gene], "level": made.obs[column].astype(object)}).dropna()
    groups = frame.groupby("level")["value"]
    return pd.DataFrame({"sum": groups.sum(), "count": groups.apply(lambda v: (v > 0).sum()), "total": groups.size()})


def seen(found: Expression, number: int = 0, table: int = 0) -> pd.DataFrame:
    """The same of an answer, groups joined by their first annotation."""
    part = found.tables[table]
    frame = pd.DataFrame(
        {"sum": part.sums[number], "count": part.counts[number], "total": part.totals},
        index=pd.Index([group[0] for group in part.groups], name="level"),
    )
    return frame[frame.index.notna()].groupby("level").sum()


async def test_sums_are_those_of_pandas_with_and_without_a_summary(
    catalog: Catalog, people: People, tmp_path: Path
) -> None:
    types: list[str | None] = ["T cell", "B cell", None] * 20
    made = named(annotated(**{"Author's cell type": types, "tissue": ["blood", "lung"] * 30}), genes=GENES)
    await ingest(catalog, people.ada, made, tmp_path, name="Blood")
    (summary,) = folder_of(catalog, "index").rglob("*.cys")
    for unit in ("lognorm", "raw"):
        summary.unlink()
        catalog.across.summaries.forget()
        truth = {gene: expected(made, gene, "Author's cell type", unit) for gene in GENES}
        for _ in range(2):  # added up from the index first, then read from the summary
            found = await catalog.across.expression(people.ada, genes=GENES, unit=unit)  # type: ignore[arg-type]
            for number, gene in enumerate(GENES):
                pd.testing.assert_frame_equal(seen(found, number), truth[gene], check_dtype=False, rtol=1e-6)
            await catalog.across.summaries.made()
            assert summary.exists()
    groups = {group[:2] for group in found.tables[0].groups}
    assert groups == {(kind, tissue) for kind in ("T cell", "B cell", None) for tissue in ("blood", "lung")}
    by_tissue = await catalog.across.expression(people.ada, genes=["CD3E"], group_by="tissue")
    pd.testing.assert_frame_equal(seen(by_tissue), expected(made, "CD3E", "tissue"), check_dtype=False, rtol=1e-6)


async def test_a_real_study_of_normalised_values(catalog: Catalog, people: People) -> None:
    study = NewStudy(StudyFields(name="68k"))
    await submit(catalog, people.ada, {"r.h5ad": REDUCED.read_bytes()}, study, embeddings="keep", matrix="normalized")
    await run_here(catalog)
    found = await catalog.across.expression(people.ada, genes=["CD3E", "MS4A1"])
    (part,) = found.tables
    pinned = part.source.pinned
    values = await catalog.tables.values(pinned, features=["CD3E", "MS4A1"])
    assert values.dense is not None
    labels = anndata.read_h5ad(REDUCED).obs["bulk_labels"].astype(str).to_numpy()
    for number, gene in enumerate(values.dense):
        above = pd.Series(np.where(gene > 0, gene, 0).astype(float)).groupby(labels)
        np.testing.assert_allclose(seen(found, number)["sum"], above.sum().sort_index(), rtol=1e-6)
        np.testing.assert_array_equal(seen(found, number)["count"], above.apply(lambda v: (v > 0).sum()).sort_index())
    raw = await catalog.across.expression(people.ada, genes=["CD3E"], unit="raw")
    assert np.isnan(raw.tables[0].sums).all(), "there are no counts"


async def test_genes_are_joined_by_id_then_symbol_then_alias(catalog: Catalog, people: People, tmp_path: Path) -> None:
    obs = annotated(cell_type=["T cell", "B cell"] * 30)
    with_ids = named(obs, genes=["X1", "X2", "CD3E"], ids=["ENSG00000198851.12", "ENSG00000156738", "ENSG00000000000"])
    old = named(obs, genes=["PVRL2", "ms4a1", "OTHER"], seed=1)
    mouse = named(obs, genes=["Cd3e", "Ms4a1", "Lyz2"], seed=2)
    first, _ = await ingest(catalog, people.ada, with_ids, tmp_path, name="ids")
    second, _ = await ingest(catalog, people.ada, old, tmp_path, name="old")
    await ingest(catalog, people.ada, mouse, tmp_path, name="mouse", species="Mus musculus")
    for name in ("CD3E", "cd3e", "ENSG00000198851", "ENSG00000198851.3"):
        found = await catalog.across.expression(people.ada, genes=[name])
        assert found.genes[0].name == "CD3E"
        assert found.missing == {name: [second]}
        tables = {table.source.study.name: number for number, table in enumerate(found.tables)}
        pd.testing.assert_frame_equal(
            seen(found, 0, tables["ids"]), expected(with_ids, "X1", "cell_type"), check_dtype=False, rtol=1e-6
        )
    both = await catalog.across.expression(people.ada, genes=["CD20"])
    assert both.genes[0].name == "MS4A1"
    assert not both.missing
    earlier = await catalog.across.expression(people.ada, genes=["NECTIN2"])
    assert earlier.missing == {"NECTIN2": [first]}
    odd = await catalog.across.expression(people.ada, genes=["OTHER", "B1", "NOSUCHGENE"])
    assert odd.missing["OTHER"] == [first]
    assert odd.lost == ["B1", "NOSUCHGENE"]
    assert set(odd.ambiguous) == {"B1"}
    assert "MS4A1" in odd.ambiguous["B1"]
    in_mouse = await catalog.across.expression(people.ada, genes=["CD3E"], species="mouse")
    assert [table.source.study.name for table in in_mouse.tables] == ["mouse"]
    assert not in_mouse.lost
    for genes in ([], ["CD3E"] * 101):
        with pytest.raises(InvalidInputError, match="genes"):
            await catalog.across.expression(people.ada, genes=genes)


async def test_answers_follow_rights_and_changes(catalog: Catalog, people: People, tmp_path: Path) -> None:
    made = named(annotated(cell_type=["T cell", "B cell"] * 30), genes=GENES)
    study, dataset = await ingest(catalog, people.ada, made, tmp_path, name="Blood")

    async def names(actor: Actor) -> list[str]:
        found = await catalog.across.expression(actor, genes=["CD3E"])
        return sorted({str(group[0]) for table in found.tables for group in table.groups})

    assert await names(people.ada) == ["B cell", "T cell"]
    assert await names(people.bob) == await names(people.nobody) == []
    grants = [GrantView("user", id_of(people.bob), "", "limited_reader")]
    await catalog.sharing.put(people.ada, subject_kind="study", subject_id=study, grants=grants)
    assert await names(people.bob) == ["B cell", "T cell"]
    await catalog.studies.publish(people.ada, study_id=study)
    assert await names(people.nobody) == ["B cell", "T cell"]
    await catalog.studies.publish(people.ada, study_id=study, is_public=False)
    assert await names(people.nobody) == []
    view = (await catalog.datasets.get(people.ada, dataset_id=dataset)).tables[0]
    (column,) = [column for column in view.columns if column.name == "cell_type"]
    edit = ColumnEdit(rename={"T cell": "Lymphocyte"})
    await catalog.annotations.change(people.ada, dataset_id=dataset, column_id=column.id, edit=edit)
    assert await names(people.ada) == ["B cell", "Lymphocyte"]
    await catalog.datasets.delete(people.ada, dataset_id=dataset)
    assert await names(people.ada) == []
    await catalog.datasets.undelete(people.ada, dataset_id=dataset)
    assert await names(people.ada) == ["B cell", "Lymphocyte"]
    await catalog.studies.delete(people.ada, study_id=study)
    assert await names(people.bob) == []


async def test_derived_files_can_be_deleted(catalog: Catalog, people: People, tmp_path: Path) -> None:
    made = named(annotated(cell_type=["T cell", "B cell"] * 30), genes=GENES)
    await ingest(catalog, people.ada, made, tmp_path, name="Blood")
    truth = expected(made, "LYZ", "cell_type")
    for _ in range(2):
        found = await catalog.across.expression(people.ada, genes=["LYZ"])
        pd.testing.assert_frame_equal(seen(found), truth, check_dtype=False, rtol=1e-6)
        await catalog.across.summaries.made()
        files = [*folder_of(catalog, "index").rglob("*.cys"), *folder_of(catalog, "index").rglob("*.cyn")]
        assert len(files) == 2
        for file in files:
            file.write_bytes(b"damaged")
        catalog.across.summaries.forget()


async def test_search(catalog: Catalog, people: People, tmp_path: Path) -> None:
    first = named(
        annotated(cell_type=["CD4 T cell", "B cell"] * 30, disease=["lupus", "normal"] * 30), genes=["CD3E", "LYZ"]
    )
    await ingest(catalog, people.ada, first, tmp_path, name="Blood of patients")
    second = named(annotated(cell_type=["Hepatocyte", "Kupffer cell"] * 30), genes=["ALB", "LYZ"], seed=1)
    await ingest(catalog, people.ada, second, tmp_path, name="Liver")

    async def names(**wanted: str) -> list[str]:
        hits = await catalog.study_search.search(people.ada, wanted=Wanted(**wanted))
        return [hit.study.name for hit in hits]

    assert await names() == ["Liver", "Blood of patients"]
    assert await names(text="patients") == await names(disease="lupus") == ["Blood of patients"]
    assert await names(cell_type="t CELL") == ["Blood of patients"]
    assert await names(text="hepatocyte") == await names(gene="ENSG00000163631") == ["Liver"]
    assert await names(gene="LYZ", cell_type="b cell") == ["Blood of patients"]
    assert await names(gene="NOSUCHGENE") == await names(species="mouse") == []
    assert await names(species="Homo sapiens") == ["Liver", "Blood of patients"]
    hit = (await catalog.study_search.search(people.ada, wanted=Wanted(disease="lupus", gene="cd3e")))[0]
    assert hit.n_cells == N_CELLS
    assert [(reason.where, reason.values) for reason in hit.reasons] == [("disease", ("lupus",)), ("gene", ("CD3E",))]
    assert await catalog.study_search.search(people.bob, wanted=Wanted(text="patients")) == []
    found = await catalog.study_search.genes(people.ada, text="lyz", limit=3)
    assert (found[0].gene.symbol, found[0].gene.id, found[0].n_studies) == ("LYZ", "ENSG00000090382", 2)
    assert (await catalog.study_search.genes(people.ada, text="CD20"))[0].gene.symbol == "MS4A1"


async def test_search_knows_what_is_below_a_term_and_attributes_of_samples(
    catalog: Catalog, people: People, tmp_path: Path
) -> None:
    made = named(annotated(cell_type=["CD4-positive, alpha-beta T cell", "Platelets"] * 30), genes=["CD3E", "LYZ"])
    study, dataset = await ingest(catalog, people.ada, made, tmp_path, name="Blood")
    attribute = (await catalog.samples.add_attribute(people.ada, study_id=study, name="Organ", kind="text")).id
    sample = await catalog.samples.add(people.ada, study_id=study, name="donor 1", values={attribute: "left lung"})
    await catalog.datasets.change(people.ada, dataset_id=dataset, sample_id=sample.sample.id)

    async def found(**wanted: str) -> list[tuple[str, ...]]:
        hits = await catalog.study_search.search(people.ada, wanted=Wanted(**wanted))
        return [reason.values for hit in hits for reason in hit.reasons]

    assert await found(cell_type="lymphocyte") == [("CD4-positive, alpha-beta T cell",)]
    assert await found(cell_type="platelet") == [("Platelets",)]
    assert await found(cell_type="B cell") == []
    assert await found(tissue="lung") == [("left lung",)]
    assert await found(tissue="respiratory system") == [("left lung",)]
    assert await found(tissue="liver") == []


async def test_terms_that_people_gave_go_before_names(catalog: Catalog, people: People, tmp_path: Path) -> None:
    made = named(annotated(cell_type=["a", "b"] * 30, cluster=["one", "two", "three"] * 20), genes=["CD3E", "LYZ"])
    _, dataset = await ingest(catalog, people.ada, made, tmp_path, name="Blood")

    async def types() -> list[str | None]:
        found = await catalog.across.expression(people.ada, genes=["CD3E"])
        return [group[0] for group in found.tables[0].groups]

    assert await types() == ["a", "b"]
    changes = {"one": "CL:0000084", "two": "CL:0000236"}
    await catalog.terms.assign(people.ada, dataset_id=dataset, column="cluster", changes=changes)
    assert await types() == ["one", "three", "two"]
    (hit,) = await catalog.study_search.search(people.ada, wanted=Wanted(cell_type="lymphocyte"))
    assert hit.reasons[0].values == ("one", "two")
    (source,) = await catalog.across.sources(people.ada)
    assert [label_of(source, level) for level in ("one", "two", "three")] == ["T cell", "B cell", "three"]
