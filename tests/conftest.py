"""Fixtures that all tests share."""

from __future__ import annotations

from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).parents[1]
hypothesis.settings.register_profile("calm", deadline=None)  # a busy machine is no fault of the code
hypothesis.settings.load_profile("calm")

pytest_plugins = ["tests.services", "tests.clients.matrix"]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of further real files beside the project; absent in a plain clone."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(
            "the further data files beside the project are not here; the shipped files cover this test's ground"
        )
    return folder
