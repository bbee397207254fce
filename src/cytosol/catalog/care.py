"""Care of the data: cleaning, checking, weighing, backup."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cytosol.base.errors import CytosolError, DamagedDataError
from cytosol.base.keys import Key
from cytosol.base.times import now_us
from cytosol.catalog.backups import BackupReport, back_up
from cytosol.catalog.collector import Collector
from cytosol.catalog.context import Context
from cytosol.catalog.indexes import Indexes, is_own_index, place_of
from cytosol.catalog.jobs import insert_job
from cytosol.catalog.layouts import Layouts, TableLayout, dataset_path, rewrite_metadata
from cytosol.catalog.records import all_to
from cytosol.catalog.writing import drop_unfinished
from cytosol.db import rows, tables
from cytosol.formats.spatialdata.columns import read_barcodes, read_column, read_embedding
from cytosol.formats.spatialdata.events import EventColumns
from cytosol.model.rights import SYSTEM, Actor, require_admin
from cytosol.model.studies import Dataset
from cytosol.model.work import Original
from cytosol.store.digests import Digest
from cytosol.store.originals import original_path, verify

COLLECT_EVERY_US = 3_600_000_000
_RECENT_US = 24 * 3_600_000_000
_log = logging.getLogger("cytosol.care")
_COLLECT_MEMORY = 128 << 20
Findings = list["Finding"]
Weights = list["Weight"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, or was until it was mended.

    Attributes
    ----------
    where : the dataset or file, in words
    """

    where: str
    problem: str
    mended: bool


@dataclass(frozen=True, slots=True)
class Weight:
    """What a study takes on disk, bytes; files that several use count for each."""

    study_id: Key
    study: str
    originals: int
    datasets: int
    indexes: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.originals + self.datasets + self.indexes


class Care:
    """The verbs of care, for administrators."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def schedule_collect(self) -> bool:
        """Put a cleaning job into the queue, unless there was one in the last hour; for the runner."""
        async with self._context.db.write() as conn:
            recent = {"kind": "collect", "created_at": rows.Above(now_us() - COLLECT_EVERY_US)}
            if await rows.count(conn, tables.jobs, recent):
                return False
            await insert_job(
                conn, SYSTEM, "collect", study_id=None, dataset_id=None, params={}, memory_bytes=_COLLECT_MEMORY
            )
        self._context.notifier.jobs_waiting()
        return True

    async def drop_unfinished(self) -> None:
        """Remove what requests had begun to write when a server died; for the runner, before there are others."""
        await drop_unfinished(self._context)

    async def mend_recent(self) -> None:
        """Write the group metadata of datasets that changed in the last day again; for the runner, after a crash."""
        recent = {"updated_at": rows.Above(now_us() - _RECENT_US), "data_version": rows.Above(0), "deleted_at": None}
        async with self._context.db.read() as conn:
            found = await rows.find(conn, tables.datasets, recent)
        for row in found:
            try:
                await rewrite_metadata(self._context, row["id"])
            except CytosolError as error:
                _log.error("the metadata of dataset %s cannot be written: %s", row["id"], error)

    async def collect(self, actor: Actor, *, tell: Callable[[str], None] | None = None) -> dict[str, int]:
        """Remove what nobody needs any more; how much of what."""
        require_admin(actor)
        return await Collector(self._context, tell or (lambda line: None)).run()

    async def check(self, actor: Actor, *, deep: bool = False, mend: bool = True) -> Findings:
        """Compare what lies on disk with the records.

        Parameters
        ----------
        deep : read every array and every original
        mend : write group metadata and lost indexes again
        """
        require_admin(actor)
        findings: Findings = []
        async with self._context.db.read() as conn:
            datasets = all_to(Dataset, await rows.find(conn, tables.datasets, {"data_version": rows.Above(0)}))
            originals = all_to(Original, await rows.find(conn, tables.originals, {"bytes_id": rows.Not(None)}))
        for dataset in datasets:
            findings += await self._check_dataset(dataset, deep=deep, mend=mend)
        for original in originals:
            finding = await self._check_original(original, deep)
            if finding is not None:
                findings.append(finding)
        return findings

    async def _check_dataset(self, dataset: Dataset, *, deep: bool, mend: bool) -> Findings:
        findings: Findings = []
        where = f"dataset '{dataset.name}' ({dataset.id.hex24})"
        if mend:
            try:
                await rewrite_metadata(self._context, dataset.id)
            except DamagedDataError as error:
                findings.append(Finding(where, error.sentence, False))
        async with self._context.db.read() as conn:
            layout = await Layouts().get_whole(conn, dataset)
        for part in layout.tables:
            place = place_of(layout, part)
            lost = not is_own_index(part) and await self._context.blobs.stat(place) is None
            try:
                if not lost or mend:
                    await asyncio.to_thread(Indexes(self._context).open, layout, part)
                if deep:
                    await asyncio.to_thread(self._read_all, layout.bytes_id, part)
            except CytosolError as error:
                findings.append(Finding(where, error.sentence, False))
                continue
            if lost:
                findings.append(Finding(where, f"The index of table '{part.table.name}' was not there", mend))
        return findings

    def _read_all(self, bytes_id: Key, part: TableLayout) -> None:
        root = self._context.blobs.zarr(dataset_path(bytes_id), read_only=True)
        read_barcodes(root, part.table.path)
        if is_own_index(part):
            events = EventColumns.open(root, part.table.path)
            for place in range(events.n_features):
                events.column(place, 0, events.n_cells)
        for column in part.columns:
            read_column(root, part.table.path, column.path)
        for embedding in part.embeddings:
            read_embedding(root, part.table.path, embedding.path)

    async def _check_original(self, original: Original, deep: bool) -> Finding | None:
        where = f"original '{original.path}' ({original.id.hex24})"
        key = original.bytes_id or original.id
        info = await self._context.blobs.stat(original_path(key))
        if info is None:
            return Finding(where, "Its bytes are gone", False)
        if info.size != original.size:
            return Finding(where, f"It has {info.size:,} bytes, and {original.size:,} were recorded", False)
        if deep:
            try:
                digest = Digest(original.size, original.sha256, original.md5, int(original.crc32c, 16))
                await verify(self._context.blobs, key, digest)
            except DamagedDataError as error:
                return Finding(where, error.sentence, False)
        return None

    async def du(self, actor: Actor) -> Weights:
        """What each study takes on disk, the largest first."""
        require_admin(actor)
        async with self._context.db.read(heavy=True) as conn:
            studies = await rows.find(conn, tables.studies)
            datasets = all_to(Dataset, await rows.find(conn, tables.datasets))
            originals = all_to(Original, await rows.find(conn, tables.originals, {"bytes_id": rows.Not(None)}))
            attached = {row["original_id"]: row["study_id"] for row in await rows.find(conn, tables.attachments)}
        weights = []
        for study in studies:
            mine = [dataset for dataset in datasets if dataset.study_id == study["id"]]
            ids = {dataset.id for dataset in mine}
            folders = {dataset.bytes_id.hex24 for dataset in mine}
            files = [o for o in originals if o.dataset_id in ids or attached.get(o.id) == study["id"]]
            weights.append(
                Weight(
                    study["id"],
                    study["name"],
                    sum({file.bytes_id: file.size for file in files}.values()),
                    sum([await self._context.blobs.used_bytes(f"datasets/{folder}") for folder in folders]),
                    sum([await self._context.blobs.used_bytes(f"index/{folder}") for folder in folders]),
                )
            )
        return sorted(weights, key=lambda weight: -weight.total)

    async def backup(
        self, actor: Actor, *, target: Path, progress: Callable[[int, int], None] | None = None
    ) -> BackupReport:
        """Copy everything into an empty folder, while the server runs; `backups.restore` brings it back.

        Parameters
        ----------
        progress : hears bytes done and bytes in all
        """
        require_admin(actor)
        return await back_up(self._context, target, progress)
