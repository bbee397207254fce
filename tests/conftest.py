"""Fixtures that all tests share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import hypothesis
import pytest

ROOT = Path(__file__).parents[1]
_WORLD = "tests/clients/test_bioturing_connector"
# a busy machine is no fault of the code; CI tries the same examples every time, at home each run tries others
hypothesis.settings.register_profile("calm", deadline=None, derandomize=bool(os.environ.get("CI")))
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


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Files that share the server that the connectors of BioTuring see go to one worker, so that it is made once."""
    from xdist.scheduler import LoadFileScheduling  # only where xdist is at work

    class ByWorld(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _WORLD if nodeid.startswith(_WORLD) else str(super()._split_scope(nodeid))

    return ByWorld(config, log) if config.getvalue("dist") == "loadfile" else None
