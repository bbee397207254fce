"""A server in this process with three people; one of them is an administrator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.dialects.native.world import World, opened


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with opened(tmp_path / "data") as world:
        await world.add("root", is_admin=True)
        await world.add("ada")
        await world.add("bob")
        yield world
