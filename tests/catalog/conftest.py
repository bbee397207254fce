"""A catalog on a fresh data folder, and people who use it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cytosol.base.settings import load_settings
from cytosol.catalog.catalog import Catalog
from tests.catalog.people import Bell, People


@pytest.fixture
async def catalog(tmp_path: Path) -> AsyncIterator[Catalog]:
    opened = await Catalog.open(load_settings(data=tmp_path / "data", min_free_bytes=0), notifier=Bell())
    yield opened
    await opened.close()


@pytest.fixture
async def people(catalog: Catalog) -> People:
    return await People.come(catalog)
