"""Which channel carries a reagent: of one, several, area and height, several detectors, or none."""

from __future__ import annotations

import pytest

from cytosol.model.panels import Carrier, carrier, parts, reagent_of, same_reagent


def panel(**reagents: str | None) -> list[dict[str, str | None]]:
    return [{"channel": name.replace("_", "-"), "reagent": reagent} for name, reagent in reagents.items()]


BSIDE = panel(FITC_A="CD3", FITC_H="CD3", PE_A="CD19", Time=None)


@pytest.mark.parametrize(
    ("there", "like", "expected"),
    [
        (panel(PE_A=" cd3 ", FITC_A="CD19"), "", Carrier("PE-A", ("PE-A",))),
        (panel(FITC_A="CD19"), "FITC-A", Carrier()),
        (panel(FITC_A="CD3", PE_A="CD3"), "", Carrier("", ("FITC-A", "PE-A"))),
        (panel(FITC_A="CD3", PE_A="CD3"), "APC-A", Carrier("", ("FITC-A", "PE-A"))),
        (panel(FITC_A="CD3", PE_A="CD3"), "PE-A", Carrier("PE-A", ("FITC-A", "PE-A"))),
        (panel(PE_W="CD3", PE_H="CD3", PE_A="CD3"), "", Carrier("PE-A", ("PE-W", "PE-H", "PE-A"))),
        (panel(PE_W="CD3", PE_H="CD3", PE_A="CD3"), "FITC-H", Carrier("PE-H", ("PE-W", "PE-H", "PE-A"))),
        (panel(PE_A="CD3", FITC_H="CD3"), "APC-A", Carrier("PE-A", ("PE-A", "FITC-H"))),
        (panel(PE_A="CD3", FITC_H="CD3"), "", Carrier("", ("PE-A", "FITC-H"))),
        (panel(Nd143Di="CD3"), "FITC-A", Carrier("Nd143Di", ("Nd143Di",))),
    ],
)
def test_the_channel_of_a_reagent(there: list[dict[str, str | None]], like: str, expected: Carrier) -> None:
    assert carrier(there, "CD3", like=like) == expected


def test_nothing_carries_no_reagent() -> None:
    assert carrier(panel(Time=None, PE_A=""), "") == Carrier()


@pytest.mark.parametrize(
    ("reference", "there", "expected"),
    [
        ("var:FITC-A", panel(PE_A="CD3", FITC_A="CD19"), "var:PE-A"),
        ("var:FITC-H", panel(PE_A="CD3", PE_H="CD3"), "var:PE-H"),
        ("var:FITC-A", panel(PE_A="CD8", FITC_A="CD19"), "reagent:CD3"),
        ("var:FITC-A", panel(PE_A="CD3", APC_A="CD3"), "reagent:CD3"),
        ("var:FITC-A", panel(FITC_A=None), "var:FITC-A"),
        ("var:FITC-A", panel(FITC_A="fitc-a"), "var:FITC-A"),
        ("var:FITC-A", panel(FITC_A=None, PE_A="CD3", APC_A="CD3"), "reagent:CD3"),
        ("var:Time", panel(PE_A="CD3"), "var:Time"),
        ("obs:FITC-A", panel(PE_A="CD3"), "obs:FITC-A"),
        ("reagent:cd3", panel(PE_A="CD3"), "var:PE-A"),
        ("reagent:CD3", panel(PE_A="CD3", APC_A="CD3"), "reagent:CD3"),
        ("reagent:CD3", panel(PE_A="CD8"), "reagent:CD3"),
    ],
)
def test_the_axis_in_another_panel(reference: str, there: list[dict[str, str | None]], expected: str) -> None:
    assert same_reagent(reference, BSIDE, there) == expected


def test_a_channel_that_repeats_its_name_has_no_reagent() -> None:
    assert reagent_of(panel(FITC_A="fitc-a", PE_A=" CD3 "), "FITC-A") == ""
    assert reagent_of(panel(FITC_A="fitc-a", PE_A=" CD3 "), "PE-A") == "CD3"
    assert same_reagent("var:FITC-A", panel(FITC_A="FITC-A"), panel(FITC_A="CD3")) == "var:FITC-A"


def test_scatter_and_time_are_the_same_channels_whatever_files_write_beside_them() -> None:
    here, there = panel(FSC_H="FSC-Height", Time="s", FL1_H="CD4"), panel(FSC_H="Forward Scatter", Time=None)
    assert [reagent_of(here, channel) for channel in ("FSC-H", "Time", "FL1-H")] == ["", "", "CD4"]
    assert same_reagent("var:FSC-H", here, there) == "var:FSC-H"
    assert same_reagent("var:Time", here, there) == "var:Time"
    assert same_reagent("var:FL1-H", here, there) == "reagent:CD4"
    assert same_reagent("reagent:forward scatter", here, there) == "var:FSC-H"


@pytest.mark.parametrize(
    ("channel", "expected"),
    [
        ("FITC-A", ("FITC", "a")), ("APC-Cy7-H", ("APC-Cy7", "h")), ("APC-Cy7", ("APC-Cy7", "")),
        ("FL1 Width", ("FL1", "w")), ("Nd143Di", ("Nd143Di", "")), ("A", ("A", "")),
    ],
)  # fmt: skip
def test_the_parts_of_a_channel(channel: str, expected: tuple[str, str]) -> None:
    assert parts(channel) == expected
