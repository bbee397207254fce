"""Names of channels."""

from __future__ import annotations

import pytest

from cytosol.model.gating_rules import channel_label


@pytest.mark.parametrize(
    ("channel", "reagent", "label"),
    [
        ("FITC-A", "CD4", "CD4 (FITC-A)"),
        ("FITC-A", None, "FITC-A"),
        ("FITC-A", "  ", "FITC-A"),
        ("CD3", "CD3", "CD3"),
        ("CD3", "cd3 ", "CD3"),
        ("152Sm", "CD3 ", "CD3 (152Sm)"),
    ],
)
def test_a_channel_has_its_reagent_once(channel: str, reagent: str | None, label: str) -> None:
    assert channel_label(channel, reagent) == label
