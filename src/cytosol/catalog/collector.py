"""Removes what nobody needs any more: the only code that removes bytes for good."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from cytosol.base.errors import InvalidInputError
from cytosol.base.keys import Key
from cytosol.base.times import now_us
from cytosol.catalog.context import Context
from cytosol.db import rows, tables
from cytosol.db.connections import Connection
from cytosol.db.gating import purge_gating
from cytosol.store import uploads as staged
from cytosol.store.originals import original_path

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
GRACE_US = 6 * HOUR_US
"""Bytes without a record that are younger than this may belong to something that is just being written."""
KEPT_EVENTS_DAYS = 30
_HOLD = "backup.until"
Tell = Callable[[str], None]


class Collector:
    """One pass of cleaning; safe while everything runs, and repeatable.

    Parameters
    ----------
    tell : hears one line for each kind of thing that was removed
    """

    def __init__(self, context: Context, tell: Tell) -> None:
        self._context = context
        self._settings = context.settings
        self._tell = tell
        self.removed: Counter[str] = Counter()
        """Bytes or records removed, by kind."""

    async def run(self) -> dict[str, int]:
        """Clean; how much of what was removed."""
        await self._forget_expired()
        await self._hide_uncommitted()
        await self._purge_datasets()
        await self._purge_studies()
        await self._purge_gene_sets()
        if await self.is_held():
            self._tell("A backup is under way; bytes are left as they are")
        else:
            await self._drop_uploads()
            await self._drop_exports()
            await self._drop_originals()
            await self._drop_folders("datasets")
            await self._drop_folders("index")
            await self._drop_arrays()
            self.removed["bytes of unfinished writes"] += await self._context.blobs.sweep()
        for what, amount in self.removed.items():
            if amount:
                self._tell(f"Removed {amount:,} {what}")
        return {what: amount for what, amount in self.removed.items() if amount}

    async def is_held(self) -> bool:
        """Whether a backup wants all bytes to stay."""
        async with self._context.db.read() as conn:
            row = await rows.first(conn, tables.counters, {"name": _HOLD}, order=())
        return row is not None and row["value"] > now_us()

    async def _forget_expired(self) -> None:
        now = now_us()
        async with self._context.db.write() as conn:
            before = rows.Below(now)
            self.removed["sign-ins"] += await rows.delete(conn, tables.sessions, {"expires_at": before})
            self.removed["links"] += await rows.delete(conn, tables.links, {"expires_at": before})
            old = rows.Below(now - DAY_US)
            self.removed["notes of repeated requests"] += await rows.delete(
                conn, tables.idempotency, {"created_at": old}
            )
            old = rows.Below(now - KEPT_EVENTS_DAYS * DAY_US)
            self.removed["events"] += await rows.delete(conn, tables.events, {"at": old})
            done = {
                "kind": "collect",
                "state": ["succeeded", "failed", "cancelled"],
                "finished_at": rows.Below(now - DAY_US),
            }
            for row in await rows.find(conn, tables.jobs, done):
                await rows.delete(conn, tables.log_entries, {"job_id": row["id"]})
                await rows.delete(conn, tables.jobs, {"id": row["id"]})

    async def _hide_uncommitted(self) -> None:
        """Put finished submissions that their client never committed into the trash, for good."""
        late = now_us() - int(self._settings.uncommitted_days * DAY_US)
        where = {"kind": "ingest", "state": "succeeded", "committed_at": None, "finished_at": rows.Below(late)}
        async with self._context.db.write() as conn:
            for job in await rows.find(conn, tables.jobs, where):
                ready = {"id": job["dataset_id"], "state": "ready", "deleted_at": None}
                values = {"deleted_at": now_us() - int((self._settings.retention_days + 1) * DAY_US)}
                self.removed["uncommitted submissions"] += await rows.update(conn, tables.datasets, ready, values)

    def _past_retention(self) -> rows.Below:
        return rows.Below(now_us() - int(self._settings.retention_days * DAY_US))

    async def _purge_datasets(self) -> None:
        async with self._context.db.read() as conn:
            found = await rows.find(conn, tables.datasets, {"deleted_at": self._past_retention()})
        for dataset in found:
            async with self._context.db.write() as conn:
                await purge_dataset(conn, dataset["id"])
            self.removed["datasets"] += 1

    async def _purge_studies(self) -> None:
        async with self._context.db.read() as conn:
            found = await rows.find(conn, tables.studies, {"deleted_at": self._past_retention()})
        for study in found:
            async with self._context.db.write() as conn:
                for dataset in await rows.find(conn, tables.datasets, {"study_id": study["id"]}):
                    await purge_dataset(conn, dataset["id"])
                await purge_study(conn, study["id"])
            self.removed["studies"] += 1

    async def _purge_gene_sets(self) -> None:
        async with self._context.db.write() as conn:
            for one in await rows.find(conn, tables.gene_set_lists, {"deleted_at": self._past_retention()}):
                await rows.delete(conn, tables.gene_set_contents, {"gene_set_list_id": one["id"]})
                await rows.delete(conn, tables.gene_set_lists, {"id": one["id"]})
                self.removed["gene sets"] += 1

    async def _drop_uploads(self) -> None:
        async with self._context.db.read() as conn:
            found = await rows.find(conn, tables.uploads, {"expires_at": rows.Below(now_us())})
        for upload in found:
            async with self._context.db.write() as conn:
                await rows.delete(conn, tables.upload_chunks, {"upload_id": upload["id"]})
                await rows.delete(conn, tables.uploads, {"id": upload["id"]})
                unused = {"id": upload["original_id"], "dataset_id": None}
                if upload["original_id"] is not None:
                    await rows.delete(conn, tables.originals, unused)
            await staged.drop(self._context.blobs, upload["id"])
            self.removed["uploads"] += 1
        async with self._context.db.read() as conn:
            known = {row["id"] for row in await rows.find(conn, tables.uploads)}
        await self._drop_unknown("uploads", known)

    async def _drop_exports(self) -> None:
        hours = self._settings.download_link_hours
        old = {"kind": ["export", "inspect"], "finished_at": rows.Below(now_us() - int(2 * hours * HOUR_US))}
        async with self._context.db.read() as conn:
            stale = {row["id"] for row in await rows.find(conn, tables.jobs, old)}
            known = {row["id"] for row in await rows.find(conn, tables.jobs, {"kind": ["export", "inspect"]})}
        for id in await self._folders("exports"):
            if id in stale:
                self.removed["bytes of exports"] += await self._context.blobs.delete_prefix(f"exports/{id.hex24}")
        await self._drop_unknown("exports", known)

    async def _drop_originals(self) -> None:
        infos = [info async for info in self._context.blobs.list("originals")]
        async with self._context.db.read() as conn:
            known = {row["bytes_id"] for row in await rows.find(conn, tables.originals, {"bytes_id": rows.Not(None)})}
        for info in infos:
            key = _key_of(info.path.rpartition("/")[2])
            if key is not None and key not in known and info.modified_us < now_us() - GRACE_US:
                await self._context.blobs.delete(original_path(key))
                self.removed["bytes of originals"] += info.size

    async def _drop_folders(self, prefix: str) -> None:
        async with self._context.db.read() as conn:
            known = {row["bytes_id"] for row in await rows.find(conn, tables.datasets)}
        await self._drop_unknown(prefix, known)

    async def _drop_unknown(self, prefix: str, known: set[Key]) -> None:
        for id, modified_us in (await self._folders(prefix)).items():
            if id not in known and modified_us < now_us() - GRACE_US:
                removed = await self._context.blobs.delete_prefix(f"{prefix}/{id.hex24}")
                self.removed[f"bytes of {prefix}"] += removed

    async def _folders(self, prefix: str) -> dict[Key, int]:
        """The folders below a prefix that are named by a key, and when something in them last changed."""
        local = self._context.blobs.local_path(prefix)
        if local is not None:
            if not local.is_dir():
                return {}
            stats = {_key_of(entry.name): entry.stat().st_mtime_ns // 1000 for entry in os.scandir(local)}
            return {key: at for key, at in stats.items() if key is not None}
        found: dict[Key, int] = {}
        async for info in self._context.blobs.list(prefix):
            key = _key_of(info.path.split("/")[1])
            if key is not None:
                found[key] = max(found.get(key, 0), info.modified_us)
        return found

    async def _drop_arrays(self) -> None:
        """Columns and embeddings that were written and never committed."""
        live: dict[Key, set[str]] = defaultdict(set)
        async with self._context.db.read() as conn:
            busy = await rows.find(conn, tables.jobs, {"state": ["queued", "running"], "dataset_id": rows.Not(None)})
            datasets = {row["id"]: row for row in await rows.find(conn, tables.datasets)}
            for row in await rows.find(conn, tables.elements, {"kind": ["table", "column", "embedding"]}):
                live[datasets[row["dataset_id"]]["bytes_id"]].add(f"{row['kind']}/{row['table_name']}/{row['path']}")
            paths = {
                (row["dataset_id"], row["name"]): row["path"]
                for row in await rows.find(conn, tables.elements, {"kind": "table"})
            }
        skipped = {datasets[row["dataset_id"]]["bytes_id"] for row in busy}
        parts: dict[Key, dict[str, str]] = defaultdict(dict)
        for (dataset_id, name), path in paths.items():
            parts[datasets[dataset_id]["bytes_id"]][path] = name
        for bytes_id, names in parts.items():
            if bytes_id not in skipped:
                for path, name in names.items():
                    await self._drop_arrays_of(bytes_id, path, name, live[bytes_id])

    async def _drop_arrays_of(self, bytes_id: Key, path: str, name: str, live: set[str]) -> None:
        for slot, kind in (("obs", "column"), ("obsm", "embedding")):
            place = f"datasets/{bytes_id.hex24}/tables/{path}/{slot}"
            newest: dict[str, int] = {}
            async for info in self._context.blobs.list(place):
                part = info.path[len(place) + 1 :].split("/")
                if len(part) > 1:
                    newest[part[0]] = max(newest.get(part[0], 0), info.modified_us)
            for part_name, modified_us in newest.items():
                dead = part_name != "_index" and f"{kind}/{name}/{part_name}" not in live
                if dead and modified_us < now_us() - GRACE_US:
                    removed = await self._context.blobs.delete_prefix(f"{place}/{part_name}")
                    self.removed["bytes of arrays"] += removed


async def hold_bytes(conn: Connection, until_us: int) -> None:
    """Keep the collector from removing bytes until a time, µs since 1970 UTC; 0 = no longer."""
    await rows.put(conn, tables.counters, name=_HOLD, value=until_us)


async def purge_dataset(conn: Connection, dataset_id: Key) -> None:
    """Forget a dataset; its bytes go with the next pass over the folders."""
    await rows.delete(conn, tables.gates, {"dataset_id": dataset_id})
    await rows.delete(conn, tables.elements, {"dataset_id": dataset_id})
    originals = [row["id"] for row in await rows.find(conn, tables.originals, {"dataset_id": dataset_id})]
    if originals:
        await rows.delete(conn, tables.uploads, {"original_id": originals})
    await rows.delete(conn, tables.originals, {"dataset_id": dataset_id})
    await rows.delete(conn, tables.attribute_values, {"subject_kind": "dataset", "subject_id": dataset_id})
    await rows.update(conn, tables.jobs, {"dataset_id": dataset_id}, {"dataset_id": None})
    await rows.delete(conn, tables.datasets, {"id": dataset_id})


async def purge_study(conn: Connection, study_id: Key) -> None:
    """Forget a study without datasets."""
    of_study: dict[str, Any] = {"study_id": study_id}
    for row in await rows.find(conn, tables.attributes, of_study):
        await rows.delete(conn, tables.attribute_values, {"attribute_id": row["id"]})
    await purge_gating(conn, study_id)
    await rows.delete(conn, tables.attributes, of_study)
    await rows.delete(conn, tables.samples, of_study)
    await rows.delete(conn, tables.revisions, of_study)
    await rows.delete(conn, tables.grants, {"subject_kind": "study", "subject_id": study_id})
    await rows.update(conn, tables.jobs, of_study, {"study_id": None})
    await rows.delete(conn, tables.aliases, {"key": study_id})
    await rows.delete(conn, tables.studies, {"id": study_id})


def _key_of(name: str) -> Key | None:
    try:
        return Key.parse(name)
    except InvalidInputError:
        return None
