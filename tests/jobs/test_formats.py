"""Formats that are more than one file, through real workers: folders of a storage, contigs, antibodies, bad input."""

from __future__ import annotations

import re
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
import pytest_asyncio

from cytosol.base.errors import CytosolError, NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.studies import StudyFields
from cytosol.catalog.submissions import Batch, FileRef, NewStudy, Submission
from cytosol.model.rights import SYSTEM
from cytosol.model.work import Job
from tests.formats.samples import barcodes, counts, ids, symbols, triplet
from tests.formats.stores import write_processed, write_soma, write_zarr
from tests.jobs.house import House, open_house

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Site:
    """A running house and a folder that is mounted in it."""

    house: House
    folder: Path
    storage_id: Key

    async def submit(self, *batches: dict[str, str], **what: Any) -> tuple[Job, Key]:
        """Submit files or folders of the storage, by role, and wait."""
        listed = [
            Batch(
                f"batch {number}",
                {role: FileRef(storage_id=self.storage_id, path=path) for role, path in files.items()},
            )
            for number, files in enumerate(batches, 1)
        ]
        job, dataset = await self.house.catalog.submissions.submit(
            self.house.people.ada,
            study=NewStudy(StudyFields(name="Study", species="human")),
            what=Submission(listed, embeddings="keep", **what),
        )
        return await self.house.ended(job.id), dataset.id

    async def read(self, *batches: dict[str, str], **what: Any) -> Key:
        """Submit, and expect that it goes well."""
        job, dataset_id = await self.submit(*batches, **what)
        assert (job.state, job.error) == ("succeeded", None)
        return dataset_id

    async def raw(self, dataset_id: Key, table: str = "") -> np.ndarray:
        """The values of a table as stored: shape (n_cells, n_features)."""
        catalog, ada = self.house.catalog, self.house.people.ada
        pinned = await catalog.tables.pin(ada, dataset_id=dataset_id, table=table)
        found = await catalog.tables.values(pinned, features=[], unit="raw", layout="sparse")
        assert found.sparse is not None
        return found.sparse.toarray()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    folder = tmp_path_factory.mktemp("storage")
    async with open_house(tmp_path_factory.mktemp("house") / "data") as house:
        view = await house.catalog.storages.add(
            SYSTEM, name="files", kind="folder", location={"path": str(folder)}, owner_id=house.people.ada.user_id
        )
        yield Site(house, folder, view.storage.id)


async def test_folders_of_a_storage_are_one_original_each(site: Site) -> None:
    data = anndata.AnnData(
        counts().astype(np.float32), pd.DataFrame(index=barcodes(30)), pd.DataFrame(index=symbols(20))
    )
    write_zarr(data, site.folder / "a.zarr")
    write_soma(site.folder / "a.soma")
    write_processed(site.folder / "processed", counts())
    (site.folder / "run").mkdir()
    for source in triplet(counts(), packed=True).values():
        (site.folder / "run" / source.name).write_bytes(source.content)
    (site.folder / "run" / ".DS_Store").write_bytes(b"junk")
    for path in ("a.zarr", "a.soma", "processed", "run"):
        dataset_id = await site.read({"matrix": path})
        assert np.array_equal(await site.raw(dataset_id), counts())


async def test_an_empty_folder_and_one_without_a_matrix_are_refused(site: Site) -> None:
    (site.folder / "nothing").mkdir()
    (site.folder / "notes").mkdir()
    (site.folder / "notes" / "readme.md").write_text("hello")
    with pytest.raises(NotFoundError, match="no file in this folder"):
        await site.submit({"matrix": "nothing"})
    job, _ = await site.submit({"matrix": "notes"})
    assert job.state == "failed"
    assert "There is no matrix among the files" in (await site.house.log(job.id))[-1]


async def test_a_zip_bomb_is_refused_and_nothing_of_it_stays(site: Site) -> None:
    with zipfile.ZipFile(site.folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("counts.tsv", bytes(400 << 20))
    job, dataset_id = await site.submit({"matrix": "bomb.zip"})
    assert job.state == "failed"
    assert job.error is not None
    assert (job.error["code"], job.error["details"].get("setting")) == ("limit-exceeded", "max_decompression_ratio")
    assert "unpacks to far more than its own size (bomb.zip)" in (await site.house.log(job.id))[-1]
    with pytest.raises(NotFoundError):
        await site.house.catalog.datasets.get(site.house.people.ada, dataset_id=dataset_id)
    context = site.house.catalog.context
    assert list(context.scratch.root.rglob("counts.tsv")) == []
    assert [info async for info in context.blobs.list(f"index/{dataset_id.hex24}")] == []


async def test_antibodies_are_a_table_of_their_own_whose_lognorm_is_clr(site: Site) -> None:
    matrix = counts()
    kinds = ["Gene Expression"] * 14 + ["Antibody Capture"] * 5 + ["CRISPR Guide Capture"]
    lists = zip(ids(20), symbols(20), kinds, strict=True)
    features = "".join("\t".join(line) + "\n" for line in lists).encode()
    for role, source in triplet(matrix, features=features).items():
        (site.folder / f"cite-{role}").write_bytes(source.content)
    dataset_id = await site.read({role: f"cite-{role}" for role in ("matrix", "features", "barcodes")})
    catalog, ada = site.house.catalog, site.house.people.ada
    view = await catalog.datasets.get(ada, dataset_id=dataset_id)
    said = {table.name: (table.n_features, table.normalization) for table in view.tables}
    assert said == {"rna": (14, "log"), "antibody": (5, "clr"), "crispr": (1, "log")}
    found = {}
    for table in said:
        pinned = await catalog.tables.pin(ada, dataset_id=dataset_id, table=table)
        found[table] = (await catalog.tables.values(pinned, features=[], layout="sparse")).sparse.toarray()
    assert np.array_equal(await site.raw(dataset_id, "antibody"), matrix[:, 14:19])
    rna, adt = matrix[:, :14].astype(float), matrix[:, 14:19].astype(float)
    np.testing.assert_allclose(found["rna"], np.log1p(rna / rna.sum(axis=1, keepdims=True) * 1e4), rtol=1e-5)
    # Seurat: log1p(x / exp(sum(log1p(x[x > 0])) / length(x))), over the antibodies of each cell
    means = np.array([np.exp(np.log1p(row[row > 0]).sum() / len(row)) for row in adt])
    np.testing.assert_allclose(found["antibody"], np.log1p(adt / means[:, None]), rtol=1e-5)


async def test_contigs_beside_a_matrix_and_added_to_a_table(site: Site) -> None:
    for role, source in triplet(counts()).items():
        (site.folder / f"tcr-{role}").write_bytes(source.content)
    rows = "".join(f"{cell},TRB,True,CASS{at % 3},clonotype{at % 3}\n" for at, cell in enumerate(barcodes(30)[:21]))
    (site.folder / "contigs.csv").write_text(
        f"barcode,chain,productive,cdr3,raw_clonotype_id\n{rows}Z-1,TRB,True,C,c\n"
    )
    matrix = {role: f"tcr-{role}" for role in ("matrix", "features", "barcodes")}
    catalog, ada = site.house.catalog, site.house.people.ada
    beside = await site.read({**matrix, "contigs": "contigs.csv"})
    notes = (await catalog.datasets.get(ada, dataset_id=beside)).dataset.notes
    assert any("21 of 30 cells have a productive immune receptor; 1 barcodes" in note for note in notes)
    alone = await site.read(matrix)
    added = await catalog.annotation_files.add(ada, dataset_id=alone, storage_id=site.storage_id, path="contigs.csv")
    assert (added.unmatched, added.missing) == (1, 9)
    for dataset_id in (beside, alone):
        pinned = await catalog.tables.pin(ada, dataset_id=dataset_id)
        columns = await catalog.tables.columns(pinned, names=["Clonotype", "Clone size", "Chains", "TRB CDR3"])
        clones = columns["Clonotype"]
        assert clones.categories is not None
        assert [clones.categories[code] if code >= 0 else None for code in clones.values] == [
            f"clonotype{at % 3}" if at < 21 else None for at in range(30)
        ]
        assert columns["Clone size"].values[:21].tolist() == [7] * 21
        assert np.isnan(columns["Clone size"].values[21:].astype(float)).all()
    (site.folder / "foreign.csv").write_text("barcode,chain,productive,cdr3\nQ-1,TRB,True,CASS\n")
    job, _ = await site.submit({**matrix, "contigs": "foreign.csv"})
    assert job.state == "failed"
    assert "None of the 1 barcodes with contigs is a cell of the table" in (await site.house.log(job.id))[-1]


BAD = {
    "cut.h5ad": (b"", {}, "damaged, cut short"),
    "page.tsv": (b"<!DOCTYPE html><html>no</html>", {}, "a web page, as a failed download leaves it"),
    "negative.tsv": (
        b"gene\tAAAC-1\tAAAG-1\nRPL1\t3\t-4\nRPL2\t0\t1\n",
        {},
        "is negative, which a raw count cannot be",
    ),
    "missing.tsv": (b"gene\tAAAC-1\tAAAG-1\nRPL1\t3\tNA\nRPL2\t0\t1\n", {}, "'AAAG-1'|line 2"),
    "lognorm.tsv": (
        b"gene\tAAAC-1\tAAAG-1\nRPL1\t0.69\t1.1\nRPL2\t0\t1\n",
        {},
        "not a whole number.*already normalised",
    ),
    "filtered.tsv": (
        b"gene\tAAAC-1\tAAAG-1\nRPL1\t3\t4\nRPL2\t0\t1\n",
        {"filters": {"min_counts": 100}},
        "No cell is left.*Loosen the filter",
    ),
    "slot.h5ad": (b"", {"options": {"slot": "layers/spliced"}}, "no matrix 'layers/spliced'.*Name one of: X"),
    "without_x.h5ad": (b"", {}, "X is missing"),
}


async def test_bad_input_ends_in_a_sentence_and_leaves_nothing(site: Site) -> None:
    obs, var = pd.DataFrame(index=barcodes(30)), pd.DataFrame(index=symbols(20))
    anndata.AnnData(counts().astype(np.float32), obs, var).write_h5ad(site.folder / "slot.h5ad")
    anndata.AnnData(None, obs, var).write_h5ad(site.folder / "without_x.h5ad")
    (site.folder / "cut.h5ad").write_bytes((site.folder / "slot.h5ad").read_bytes()[:3000])
    catalog = site.house.catalog
    stored = {path for path in catalog.context.settings.data.rglob("*") if "datasets" in path.parts}
    for name, (content, what, said) in BAD.items():
        if content:
            (site.folder / name).write_bytes(content)
        job, dataset_id = await site.submit({"matrix": name}, **what)
        assert job.state == "failed", name
        line = (await site.house.log(job.id))[-1]
        assert re.search(said, line), (name, line)
        with pytest.raises(NotFoundError):
            await catalog.datasets.get(site.house.people.ada, dataset_id=dataset_id)
    left = {path for path in catalog.context.settings.data.rglob("*") if "datasets" in path.parts}
    assert {path for path in left - stored if path.is_file()} == set()
    with pytest.raises(CytosolError, match=r"out of the storage|cannot be a path|'\.\.'"):
        await site.submit({"matrix": "../outside.h5ad"})


async def test_a_matrix_of_zeros_is_read_with_a_note(site: Site) -> None:
    (site.folder / "zeros.tsv").write_bytes(b"gene\tAAAC-1\tAAAG-1\nRPL1\t0\t0\nRPL2\t0\t0\n")
    dataset_id = await site.read({"matrix": "zeros.tsv"})
    view = await site.house.catalog.datasets.get(site.house.people.ada, dataset_id=dataset_id)
    assert "Every value of the table 'rna' is 0." in view.dataset.notes
    assert not (await site.raw(dataset_id)).any()
