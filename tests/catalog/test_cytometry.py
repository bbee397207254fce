"""Files of cytometry become datasets: whole or absent, with panel, scales, annotations and their own matrix."""

from __future__ import annotations

import hashlib

import numpy as np

from cytosol.base.keys import Key
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.studies import StudyFields
from cytosol.model.rights import Actor
from cytosol.model.studies import Dataset
from tests.catalog.making import upload
from tests.catalog.people import People
from tests.formats.fcs_files import build, floats, plain

NAMES = ("FSC-A", "SSC-A", "FITC-A", "PE-A", "Time")
SPILL = "2,FITC-A,PE-A,1,0.1,0.2,1"


def fcs(n_events: int = 50, *, seed: int = 1, **more: str) -> bytes:
    """A file of five channels, as a cytometer of BD might write it."""
    keywords = plain(n_events, NAMES, _P3S="CD4", _P4S="CD8", _CYT="LSRII")
    keywords |= {"P3DISPLAY": "LOG", "P4DISPLAY": "LOG", "SPILL": SPILL, "WELL ID": "A09", "PLATE NAME": "96 Well"}
    return build(
        keywords | {key.replace("_", "$", 1): text for key, text in more.items()},
        floats(n_events, 5, seed=seed).tobytes(),
    )


async def study(catalog: Catalog, actor: Actor, name: str = "Blood") -> Key:
    return (await catalog.studies.create(actor, fields=StudyFields(name=name))).study.id


async def add(catalog: Catalog, actor: Actor, study_id: Key, name: str, data: bytes) -> list[Dataset]:
    upload_id = await upload(catalog, actor, name, data)
    return await catalog.cytometry.add_file(actor, study_id=study_id, upload_id=upload_id)


async def column(catalog: Catalog, actor: Actor, dataset: Dataset, name: str) -> np.ndarray:
    pinned = await catalog.tables.pin(actor, dataset_id=dataset.id)
    values = await catalog.tables.values(pinned, features=[name])
    assert values.dense is not None
    return values.dense[0]


async def test_a_file_becomes_a_dataset_at_once(catalog: Catalog, people: People) -> None:
    study_id = await study(catalog, people.ada)
    data = fcs()
    (dataset,) = await add(catalog, people.ada, study_id, "one.fcs", data)
    assert (dataset.name, dataset.state, dataset.technology, dataset.compensation) == (
        "one.fcs",
        "published",
        "flow",
        "internal",
    )
    assert dataset.panel_name == "Panel 1"
    assert dataset.panel[2] == {"index": 3, "channel": "FITC-A", "reagent": "CD4"}
    assert dataset.panel[4] == {"index": 5, "channel": "Time", "reagent": None}
    view = await catalog.cytometry.file(people.ada, dataset_id=dataset.id)
    assert (view.n_events, view.size, view.has_internal, view.data_set) == (50, len(data), True, 1)
    assert (view.md5, view.sha256) == (hashlib.md5(data).hexdigest(), hashlib.sha256(data).hexdigest())
    assert len(view.crc32c) == 8
    assert view.annotations == [("plate", "96 Well"), ("plate row", "A"), ("plate column", "09"), ("plate well", "A09")]
    for place, name in enumerate(NAMES):
        assert np.array_equal(await column(catalog, people.ada, dataset, name), floats(50, 5)[:, place])
    keywords = await catalog.cytometry.keywords(people.ada, dataset_id=dataset.id)
    assert keywords["$P3S"] == "CD4"
    assert keywords["SPILL"] == SPILL
    pinned = await catalog.tables.pin(people.ada, dataset_id=dataset.id)
    assert await catalog.cytometry.internal_compensation(pinned) == (["FITC-A", "PE-A"], [1, 0.1, 0.2, 1])
