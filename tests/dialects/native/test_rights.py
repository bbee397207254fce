"""Every route of the API × every role against one declared table."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from cytosol.base.errors import NotFoundError
from cytosol.base.keys import Key
from cytosol.catalog.annotations import Group
from cytosol.catalog.gates import NewGate
from cytosol.catalog.sharing import GrantView
from cytosol.catalog.studies import StudyFields
from cytosol.catalog.submissions import Batch, FileRef, Submission
from cytosol.model.rights import SYSTEM
from tests.catalog.making import make_dataset, pieces, run_here, upload
from tests.dialects.native.rights import BOX, FCS, GATE, ROLES, ROWS, TSV, Things
from tests.dialects.native.world import Streaming, World, opened


class Stage:
    """Things of every kind that belong to the owner and are shared with the others."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.folder = folder
        self.things: Things = {}
        self.is_fresh = False

    async def build(self) -> None:
        """What is made once: people, a dataset, an export, a storage."""
        world = self.world
        for name in ("stranger", "limited", "reader", "editor", "owner", "guest"):
            await world.add(name)
        await world.add("admin", is_admin=True)
        world.clients["anonymous"] = world.client()
        world.clients["readonly"] = await world.with_token(self.id_of("owner"), ("read",))
        owner = world.actors["owner"]
        made = await make_dataset(world.catalog, owner)
        await self.share("study", made.study_id)
        own = [Group("a", [0])]
        await world.catalog.annotations.add_groups(owner, dataset_id=made.id, name="own", groups=own, private=True)
        (self.folder / "small.tsv").write_bytes(TSV)
        files = (await world.catalog.studies.create(owner, fields=StudyFields(name="Files"))).study.id
        await self.share("study", files)
        (file,) = await world.catalog.cytometry.put_file(owner, study_id=files, filename="a.fcs", body=pieces(FCS))
        som = {"channels": ["GENE0", "GENE1"], "n_clusters": 2, "grid_width": 2, "grid_height": 2}
        asked: list[tuple[str, dict[str, Any]]] = [
            ("markers", {"column": "type"}), ("compare", {"first": {"cells": [0, 2, 4]}}), ("flowsom", som),
        ]  # fmt: skip
        for analysis, said in asked:
            await world.catalog.analyses.submit(owner, dataset_id=made.id, analysis=analysis, parameters=said)
            await run_here(world.catalog, ("analyse",))
        export = await world.catalog.exports.submit(owner, dataset_id=made.id)
        await run_here(world.catalog, ("export",))
        result = await world.catalog.exports.result(owner, job_id=export.id)
        self.things = {
            "inspection_id": await self.inspected(made.study_id),
            "base": made.study_id, "job_id": made.job.id, "export_id": export.id, "secret": result.secret,
            "filename": result.filename, "table": made.view.tables[0].name, "user_id": self.id_of("guest"),
            "files_study_id": files, "file_id": file.id,
            "folder": str(self.folder), "ontology": "HsapDv", "column": "type", "own_column": "own",
        }  # fmt: skip

    async def inspected(self, study_id: Key) -> Key:
        """A finished inspection of an upload of the owner."""
        catalog, owner = self.world.catalog, self.world.actors["owner"]
        ref = FileRef(upload_id=await upload(catalog, owner, "b.tsv", TSV))
        what = Submission([Batch("b", {"matrix": ref})])
        job = await catalog.inspections.submit(owner, study_id=study_id, what=what)
        await run_here(catalog, ("inspect",))
        return job.id

    def id_of(self, name: str) -> Key:
        id = self.world.actors[name].user_id
        assert id is not None
        return id

    async def share(self, kind: Any, id: Key) -> None:
        grants = [
            GrantView("user", self.id_of(name), "", role)
            for name, role in (("limited", "limited_reader"), ("reader", "reader"), ("editor", "editor"))
        ]
        owner = self.world.actors["owner"]
        await self.world.catalog.sharing.put(owner, subject_kind=kind, subject_id=id, grants=grants)

    async def refresh(self) -> None:
        """Everything that a request may have changed, anew."""
        catalog, owner, things = self.world.catalog, self.world.actors["owner"], self.things
        for name in ("study_id", "deleted_study_id"):
            study = await catalog.studies.duplicate(owner, study_id=things["base"])
            await self.share("study", study.study.id)
            things[name] = study.study.id
        await catalog.studies.delete(owner, study_id=things["deleted_study_id"])
        dataset = (await catalog.datasets.list(owner, study_id=things["study_id"])).items[0]
        if not things.get("fcs_upload_id") or not await self._is_there(things["fcs_upload_id"]):
            things["fcs_upload_id"] = await upload(catalog, owner, "b.fcs", FCS)
        other = await catalog.studies.duplicate(owner, study_id=things["base"])
        await self.share("study", other.study.id)
        deleted = (await catalog.datasets.list(owner, study_id=other.study.id)).items[0].dataset
        await catalog.datasets.delete(owner, dataset_id=deleted.id)
        column = next(c for c in dataset.tables[0].columns if c.name == "type")
        compared = await catalog.comparisons.list(owner, dataset_id=dataset.dataset.id)
        reports = await catalog.reports.list(owner, dataset_id=dataset.dataset.id)
        things |= {
            "dataset_id": dataset.dataset.id, "deleted_dataset_id": deleted.id, "column_id": column.id,
            "comparison_id": compared[0].id, "report_id": reports[0].id,
        }  # fmt: skip
        sample = await catalog.samples.add(owner, study_id=things["study_id"], name="donor 1")
        attribute = await catalog.samples.add_attribute(owner, study_id=things["study_id"], name="dose", kind="number")
        things |= {"sample_id": sample.sample.id, "attribute_id": attribute.id}
        made, populations = await catalog.gates.create_with_populations(
            owner, study_id=things["study_id"], gates=[NewGate(**GATE)]
        )
        matrix = await catalog.compensations.create(
            owner, study_id=things["study_id"], name="C", channels=["a"], matrix=[1]
        )
        things |= {
            "gate_id": made[0].id, "gid": made[0].gid, "population_id": populations[0].id, "compensation_id": matrix.id,
            "own_gate": {"geometry": BOX, "dataset_id": things["dataset_id"].hex24},
        }  # fmt: skip
        await catalog.scales.get(owner, study_id=things["study_id"])
        things["revision_id"] = (await catalog.history.list(owner, study_id=things["study_id"])).items[0].id
        for name in ("folder_id", "deleted_folder_id"):
            folder = await catalog.folders.create(owner, name="Folder")
            await self.share("folder", folder.folder.id)
            things[name] = folder.folder.id
        await catalog.folders.delete(owner, folder_id=things["deleted_folder_id"])
        things["whole_upload_id"] = await upload(catalog, owner, "x.txt", b"abc")
        attached = await upload(catalog, owner, "note.txt", b"abc")
        view = await catalog.attachments.add(owner, study_id=things["study_id"], upload_id=attached)
        things["attachment_id"] = view.attachment.id
        await self._refresh_people()
        self.is_fresh = True

    async def _is_there(self, upload_id: Key) -> bool:
        try:
            await self.world.catalog.uploads.get(self.world.actors["owner"], upload_id=upload_id)
        except NotFoundError:
            return False
        return True

    async def _refresh_people(self) -> None:
        catalog, owner, things = self.world.catalog, self.world.actors["owner"], self.things
        for view in await catalog.groups.list(SYSTEM):
            await catalog.groups.delete(SYSTEM, group_id=view.group.id)
        group = (await catalog.groups.create(owner, name="Group")).group.id
        for name in ("reader", "guest"):
            await catalog.groups.put_member(owner, group_id=group, user_id=self.id_of(name))
        member = replace(owner, group_ids=frozenset((group,)))
        for name in ("gene_sets_id", "deleted_gene_sets_id"):
            made = await catalog.gene_sets.create(
                member, name="Markers", sets=[{"name": "T", "genes": ["CD3D"]}], kind="markers", group_id=group
            )
            things[name] = made.gene_sets.id
        await catalog.gene_sets.delete(owner, gene_sets_id=things["deleted_gene_sets_id"])
        _, token = await catalog.accounts.new_token(owner)
        upload_id = (await catalog.uploads.create(owner, name="x.tsv", size=3)).upload.id
        await catalog.uploads.write_at(owner, upload_id=upload_id, offset=0, body=pieces(b"abc"))
        for storage in await catalog.storages.list(SYSTEM):
            await catalog.storages.delete(SYSTEM, storage_id=storage.storage.id)
        location = {"path": str(self.folder)}
        mounted = await catalog.storages.add(SYSTEM, name="store", kind="folder", location=location)
        page = await catalog.accounts.list_users(SYSTEM, limit=500)
        guest_version = next(user.version for user in page.items if user.id == self.id_of("guest"))
        things |= {
            "group_id": group, "token_id": token.id, "upload_id": upload_id, "storage_id": mounted.storage.id,
            "user_version": guest_version, "me": {user.id: user.version for user in page.items},
        }  # fmt: skip

    async def version(self, operation: str, role: str) -> int:
        """The version that a change is for: everything is fresh, but for what sharing raised."""
        if operation == "change_me" and role != "anonymous":
            return int(self.things["me"][self.id_of("owner" if role == "readonly" else role)])
        if operation == "change_user":
            return int(self.things["user_version"])
        shared = {"change_study", "delete_study", "put_study_grants"}
        shared |= {"change_folder", "delete_folder", "put_folder_grants"}
        return 2 if operation in shared else 1

    async def ask(self, path: str, method: str, operation: str, role: str) -> int:
        """The status that a role is answered."""
        row = ROWS[operation]
        if not self.is_fresh:
            await self.refresh()
        client = self.world[role]
        names = {name: self.things[row.takes.get(name, name)] for name in _parts(path)}
        shown = {name: value.hex24 if isinstance(value, Key) else value for name, value in names.items()}
        address = path.format(**shown).lstrip("/")
        if operation == "watch_events":
            headers = dict(client.headers)
            async with Streaming(self.world.app, f"/api/v1/{address}", headers) as stream:
                return stream.status
        body = row.body({k: v.hex24 if isinstance(v, Key) else v for k, v in self.things.items()}) if row.body else None
        sent: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {"json": body} if row.body else {}
        headers = {"if-match": f'"{await self.version(operation, role)}"'}
        response: httpx.Response = await client.request(method, address, params=row.query, headers=headers, **sent)
        self.is_fresh = method in ("GET", "HEAD") or response.status_code >= 400
        return response.status_code


def _parts(path: str) -> list[str]:
    return [part.partition("}")[0] for part in path.split("{")[1:]]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with opened(tmp_path / "data") as world:
        folder = tmp_path / "mounted"
        folder.mkdir()
        stage = Stage(world, folder)
        await stage.build()
        yield stage


async def test_every_route_answers_every_role_as_declared(stage: Stage) -> None:
    document = (await stage.world["owner"].get("openapi.json")).json()
    wrong: list[str] = []
    seen = set()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            name = operation["operationId"]
            seen.add(name)
            if name not in ROWS:
                wrong.append(f"{name} has no row in the table of rights")
                continue
            declared = [int(status) for status in ROWS[name].statuses.split()]
            for role, expected in zip(ROLES, declared, strict=True):
                status = await stage.ask(path, method.upper(), name, role)
                if status != expected:
                    wrong.append(f"{method.upper()} {path} as {role}: {status}, not {expected}")
    assert wrong == []
    assert set(ROWS) - seen == set(), "rows without a route"
