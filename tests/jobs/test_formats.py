"""Formats that are more than one file, through real workers: folders of a storage, contigs, antibodies, bad input."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
import pytest_asyncio

from cytosol.base.errors import NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.studies import StudyFields
from cytosol.catalog.submissions import Batch, FileRef, NewStudy, Submission
from cytosol.model.rights import SYSTEM
from cytosol.model.work import Job
from tests.formats.samples import barcodes, counts, symbols, triplet
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
