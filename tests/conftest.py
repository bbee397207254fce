"""Fixtures that all tests share."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import hypothesis
import pytest

ROOT = Path(__file__).parents[1]
_WORLDS = (
    ("tests/e2e/",),
    ("tests/sdk/",),
    ("tests/clients/test_bioturing_connector",),
    ("tests/clients/test_cellengine",),
    ("tests/clients/test_bioflex", "tests/clients/test_talk2data"),
)
"""Files that share a server, by how their names begin: they go to one worker, so that it is made once."""
# a busy machine is no fault of the code; CI tries the same examples every time, at home each run tries others
hypothesis.settings.register_profile(
    "calm",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("calm")

pytest_plugins = ["tests.services", "tests.clients.matrix"]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of further real files beside the project; absent in a plain clone."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(
            f"{folder} is not here: put the further data files there that its own README.md lists; the shipped files "
            "cover this test's ground"
        )
    return folder


def _group(nodeid: str) -> str:
    """The tests that go to one worker together: those of a file, or of the files that share a server."""
    return next((world[0] for world in _WORLDS if nodeid.startswith(world)), nodeid.partition("::")[0])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that no worker is left with it alone at the end."""
    if not hasattr(config, "workerinput"):
        return
    sizes = Counter(_group(item.nodeid) for item in items)
    long = {world[0] for world in _WORLDS} | {_group(i.nodeid) for i in items if i.get_closest_marker("slow")}

    def place(item: pytest.Item) -> tuple[bool, int, str]:
        group = _group(item.nodeid)
        return group not in long, -sizes[group], group

    items.sort(key=place)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Groups of tests go to the workers in their order."""
    from xdist.scheduler import LoadFileScheduling  # only where xdist is at work

    class ByGroup(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _group(nodeid)

    config.option.loadscopereorder = False
    return ByGroup(config, log) if config.getvalue("dist") == "loadfile" else None
