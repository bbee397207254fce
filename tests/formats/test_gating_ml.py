from __future__ import annotations

import re
from pathlib import Path

import pytest

from cytosol.base.errors import UnreadableFileError, UnsupportedFormatError
from cytosol.base.gating import FROM_FILE, Axis, Gating, Matrix, Ratio, Region, SampleGating
from cytosol.formats.flowjo.reader import read_workspace
from cytosol.formats.flowjo.writer import write_workspace
from cytosol.formats.gating_ml.reader import is_gating_ml, read_gating_ml
from cytosol.formats.gating_ml.writer import write_gating_ml
from tests.formats.gating_samples import EVERY_KIND, HEAD

BENT = {"type": "logicle", "t": 10000, "w": 0.5, "m": 4.5, "a": 0}


def test_every_kind_is_read() -> None:
    assert is_gating_ml(EVERY_KIND.encode())
    gating = read_gating_ml(EVERY_KIND.encode())
    assert list(gating.regions) == ["box", "triangle", "egg", "++", "-+", "--", "+-", "both", "neither"]
    assert gating.matrices == {"spill": Matrix(("FITC", "PE"), ("A", "B"), ((1, 0.2), (0.1, 1)))}
    box = gating.regions["box"]
    assert box.name == "Big box"
    assert box.axes == (
        Axis("FITC", "spill"),
        Axis("B", "", BENT, None, 0.9),
        Axis("", FROM_FILE, ratio=Ratio("A", "B", 2, 1, -1, 0, None)),
    )
    assert box.geometry == {"limits": [[100, 5000], [None, 0.8], [1, None]]}
    assert gating.regions["triangle"].parent == "box"
    assert gating.regions["triangle"].geometry["vertices"][1] == [9000, 0.2]
    assert gating.regions["egg"].geometry["covariance"] == [[4e6, 1e6], [1e6, 2e6]]
    corner = gating.regions["-+"]
    assert (corner.family, corner.parent) == ("four", "egg")
    assert corner.geometry == {"limits": [[None, 4000], [2500, None]]}
    assert gating.regions["both"].geometry == {"op": "or", "refs": [["triangle", False], ["++", True]]}


def test_what_is_written_is_read_again() -> None:
    gating = read_gating_ml(EVERY_KIND.encode())
    again = read_gating_ml(write_gating_ml(gating))
    # ids are made fit for XML, names stay
    assert [region.name for region in again.regions.values()] == [region.name for region in gating.regions.values()]
    assert again.matrices == gating.matrices
    for one, other in zip(gating.regions.values(), again.regions.values(), strict=True):
        assert (one.kind, one.axes) == (other.kind, other.axes)
        assert one.geometry == other.geometry or one.kind == "boolean"
    assert re.fullmatch(r"[A-Za-z_][\w.-]*", list(again.regions)[3])
    assert write_gating_ml(again) == write_gating_ml(read_gating_ml(write_gating_ml(again)))


def test_all_files_at_hand_are_read(shared_data: Path) -> None:
    folder = shared_data / "cytometry" / "gatingml2"
    cytobank = read_gating_ml((folder / "cytobank_export" / "GatingML2.0_Export_166889.xml").read_bytes())
    assert [(region.name, region.kind) for region in cytobank.regions.values()] == [
        ("PE-A SSC-A E1", "ellipsoid"),
        ("PE-A SSC-A E1", "boolean"),
    ]
    ics = read_gating_ml((folder / "8_color_ICS_gatingml.xml").read_bytes())
    assert [(name, region.parent) for name, region in ics.regions.items()][-2:] == [
        ("CD4-pos", "CD3-pos"),
        ("CD8-pos", "CD3-pos"),
    ]
    assert ics.matrices["Acquisition-defined"].dyes[0] == "FITC"
    assert len(read_gating_ml((folder / "set_1" / "gates1.xml").read_bytes()).regions) == 61
    for path in sorted((folder / "set_1" / "per_gate_gml").glob("*.xml")):
        assert read_gating_ml(path.read_bytes()).regions, path.name


def test_gates_that_gating_ml_cannot_say() -> None:
    box = Region("a", "a", "box", {"limits": [[0, 1]]}, (Axis("A"),), outside=True)
    with pytest.raises(UnsupportedFormatError, match="outside"):
        write_gating_ml(Gating({"a": box}))
    biexponential = Axis("A", scale={"type": "biexponential"})
    with pytest.raises(UnsupportedFormatError, match="no scale 'biexponential'"):
        write_gating_ml(Gating({"a": Region("a", "a", "box", {"limits": [[0, 1]]}, (biexponential,))}))


def test_one_gate_stands_twice_where_the_schema_wants_two() -> None:
    box = Region("a", "a", "box", {"limits": [[0, 1]]}, (Axis("A"),))
    parts = {op: Region(op, op, "boolean", {"op": op, "refs": [["a", True]]}, ()) for op in ("and", "or", "not")}
    again = read_gating_ml(write_gating_ml(Gating({"a": box, **parts})))
    found = {op: again.regions[op].geometry["refs"] for op in parts}
    assert found == {"and": [["a", True]] * 2, "or": [["a", True]] * 2, "not": [["a", True]]}


@pytest.mark.parametrize("name", ["a--b", "--> <b>", "---", "CD3---CD19"])
def test_what_a_note_says_does_not_end_its_comment(name: str) -> None:
    box = Region("a", "a", "box", {"limits": [[0, 1]]}, (Axis("A"),))
    gating = Gating({"a": box}, notes=(f"The gate {name} is left out", f"So is {name}"))
    written = write_gating_ml(gating)
    assert b"is left out" in written
    assert list(read_gating_ml(written).regions) == ["a"]
    workspace = write_workspace([SampleGating(name="one", gating=gating, n_events=1)])
    assert b"is left out" in workspace
    assert [sample.name for sample in read_workspace(workspace)] == ["one"]


def test_limits_of_an_axis_without_scale_are_written() -> None:
    axis = Axis("A", low=1, high=1000)
    gating = Gating({"a": Region("a", "a", "box", {"limits": [[0, None]]}, (axis,))})
    (region,) = read_gating_ml(write_gating_ml(gating)).regions.values()
    assert (region.axes[0].low, region.axes[0].high) == (1, 1000)
    assert region.axes[0].scale == {"type": "gml-linear", "t": 1, "a": 0}


def broken(pattern: str, by: str) -> bytes:
    text, n = re.subn(pattern, by, EVERY_KIND, count=1, flags=re.DOTALL)
    assert n == 1
    return text.encode()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not XML"),
        (b"no markup", "not XML"),
        (EVERY_KIND.encode()[:2000], "not whole"),
        (b"<Workspace/>", "no Gating-ML"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "document type"),
        (b"<a>" * 1000, "too deep"),
        (broken(r'gating:ref="triangle"', 'gating:ref="square"'), "'both' refers to 'square'"),
        (broken(r'parent_id="egg"', 'parent_id="bacon"'), "refers to 'bacon'"),
        (broken(r'compensation-ref="spill"', 'compensation-ref="other"'), "no compensation 'other'"),
        (broken(r'transformation-ref="bent"', 'transformation-ref="flat"'), "no transformation 'flat'"),
        (broken(r'transformation-ref="bent"', 'transformation-ref="share"'), "is a ratio"),
        (broken(r'transforms:T="10000"', ""), "T is missing"),
        (broken(r'transforms:T="10000"', 'transforms:T="many"'), "'many' is no number"),
        (broken(r'transforms:T="10000"', 'transforms:T="inf"'), "'inf' is no number"),
        (broken(r"<transforms:logicle [^>]*>", "<transforms:bends />"), "does not have"),
        (broken(r"<gating:vertex>.*?</gating:vertex>", ""), "three vertices"),
        (broken(r'<gating:coordinate data-type:value="0.1" />', ""), "1 coordinates stand where 2"),
        (broken(r"<gating:covarianceMatrix>.*</gating:covarianceMatrix>", ""), "needs a mean"),
        (broken(r'<gating:entry data-type:value="2000000" />', ""), "not 2 × 2"),
        (broken(r'gating:id="--"', 'gating:id="++"'), "stands twice"),
        (broken(r'gating:id="egg"', ""), "id is missing"),
        (broken(r'divider_ref="one"', 'divider_ref="none"'), "divider 'none'"),
        (broken(r'<transforms:coefficient transforms:value="0.2" />', ""), "The matrix is not 2 × 2"),
        ((HEAD + '<gating:BooleanGate gating:id="a"/></gating:Gating-ML>').encode(), "needs and, or, or not"),
    ],
)
def test_broken_documents_are_refused_with_the_reason(data: bytes, words: str) -> None:
    with pytest.raises(UnreadableFileError, match=words):
        read_gating_ml(data)
