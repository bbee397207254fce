"""FCS files of real instruments, judged by FlowIO's readings, and every way in which one can be odd or broken."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cytosol.base.errors import CytosolError, UnreadableFileError, UnsupportedFormatError
from cytosol.formats.fcs.header import read_headers
from cytosol.formats.fcs.reader import read_blocks, read_events
from cytosol.formats.files import FileSource
from tests.formats.fcs_files import TEXT_AT, build, events, floats, only, plain, source

NAMES = ("FSC-A", "SSC-A", "FITC-A")
BAD_FILES = {
    "fcs_bad/corrupted_10_bytes.fcs": "This is no FCS file",
    "fcs_bad/header_only_truncated.fcs": "20,000 events are announced, but the file holds 0 of them",
}
OTHERS_FAIL: dict[str, list[float]] = {
    "fcs_bad/large_offsets_in_text.fcs": [1312.85, 560, 153640.97, 1472.64, 1424, 67774.53, 17.94, 8.58, 137.06],
    "fcs_bad/facejava_ascii-4_events.fcs": [125, 150],
    "fcs_bad/facejava_invalid-no_crc.fcs": [100, 200],
}
"""Files that FlowIO fails on, and their first event."""
HEADER_IS_RIGHT = "fcs_bad/facejava_double-5_events.fcs"
"""FlowIO follows TEXT here, which is wrong; its truth stands beside it."""


def test_every_real_file_reads_as_flowio_does(shared_data: Path) -> None:
    truth: dict[str, Any] = json.loads((shared_data / "cytometry" / "observed_fcs.json").read_text())
    assert len(truth) >= 32
    for name, seen in truth.items():
        file = FileSource(shared_data / "cytometry" / name)
        if name in BAD_FILES:
            with pytest.raises(UnreadableFileError, match=BAD_FILES[name]) as caught:
                read_headers(file)
            assert Path(name).name in caught.value.where
            assert caught.value.do
            continue
        headers = read_headers(file)
        if name in OTHERS_FAIL:
            first = read_events(headers[0])[:, 0]
            assert first[: len(OTHERS_FAIL[name])] == pytest.approx(OTHERS_FAIL[name], abs=0.006), name
            continue
        assert len(headers) == len(seen["data_sets"]), name
        for header, said in zip(headers, seen["data_sets"], strict=True):
            assert (header.version, header.n_events, len(header.channels)) == (
                said["version"],
                said["events"],
                len(said["raw_mean"]),
            ), name
            _compare(header, said, name)


def _compare(header: Any, said: dict[str, Any], name: str) -> None:
    assert set(said["pnn"]) <= {channel.name for channel in header.channels}, name
    assert bool(header.keywords.spill) == bool(said["spill"]), name
    columns = read_events(header, linear=False).astype(np.float64)
    if name == HEADER_IS_RIGHT:
        assert columns.mean(axis=1)[:2] == pytest.approx([220.3256, 297.17116], abs=1e-5)
        return
    for key, values in (("raw_mean", columns.mean(1)), ("raw_min", columns.min(1)), ("raw_max", columns.max(1))):
        assert values == pytest.approx(said[key], rel=1e-5, abs=1e-4), (name, key)


def test_the_cyflow_cube_needs_each_width(shared_data: Path) -> None:
    (header,) = read_headers(FileSource(shared_data / "cytometry/fcs/sysmex_cyflow_cube8.fcs"))
    rows = read_events(header, linear=False).T
    assert rows[0].tolist() == [8, 7, 15, 15, 5, 8, 7, 6, 23, 0]
    assert rows[1].tolist() == [6, 7, 13, 14, 6, 9, 10, 4, 23, 0]


@pytest.mark.parametrize("order", ["1,2,3,4", "4,3,2,1", "3,4,1,2", "2,1,4,3"])
@pytest.mark.parametrize("kind", ["F", "I"])
def test_bytes_in_every_order(order: str, kind: str) -> None:
    values = floats(50, 3) if kind == "F" else np.random.default_rng(2).integers(0, 1 << 18, (50, 3)).astype("<u4")
    ranks = [int(part) for part in order.split(",")]
    shuffled = values.view(np.uint8).reshape(-1, 4)[:, [rank - 1 for rank in ranks]].tobytes()
    found = events(build(plain(50, NAMES, datatype=kind) | {"$BYTEORD": order}, shuffled))
    assert found.dtype == np.float32
    assert np.array_equal(found, values.astype(np.float32))


def test_numbers_of_64_bits_stay_so() -> None:
    values = np.random.default_rng(3).normal(size=(20, 2))
    keywords = plain(20, NAMES[:2], datatype="D", bits=64) | {"$BYTEORD": "4,3,2,1"}
    found = events(build(keywords, values.astype(">f8").tobytes()))
    assert found.dtype == np.float64
    assert np.array_equal(found, values)


def test_integers_of_mixed_widths_and_masks() -> None:
    rows = [(200, 40_000, 0xABCDEF, 1 << 30), (3, 1025, 7, 5)]
    data = b"".join(
        a.to_bytes(1, "big") + b.to_bytes(2, "big") + c.to_bytes(3, "big") + d.to_bytes(4, "big") for a, b, c, d in rows
    )
    keywords = plain(2, ("a", "b", "c", "d"), datatype="I") | {"$BYTEORD": "4,3,2,1"}
    keywords |= {"$P1B": "8", "$P1R": "256", "$P2B": "16", "$P2R": "1000", "$P3B": "24", "$P3R": "16777216"}
    keywords |= {"$P4R": "4294967296"}
    # 1000 is no power of two: the bits below 1024 count
    assert events(build(keywords, data)).tolist() == [
        [200.0, float(40_000 % 1024), float(0xABCDEF), float(1 << 30)],
        [3.0, 1.0, 7.0, 5.0],
    ]


@pytest.mark.parametrize("order", ["4,3,2,1", "1,2,3,4"])
def test_integers_of_odd_bits_are_packed_without_gaps(order: str) -> None:
    rng = np.random.default_rng(4)
    widths = (10, 12, 3)
    values = np.stack([rng.integers(0, 1 << width, 11) for width in widths], axis=1)
    stream = 0
    place = 0
    total = 11 * sum(widths)
    for row in values.tolist():
        for value, width in zip(row, widths, strict=True):
            shift = total - place - width if order == "4,3,2,1" else place
            stream |= value << shift
            place += width
    n_bytes = -(-total // 8)
    if order == "4,3,2,1":
        data = (stream << (8 * n_bytes - total)).to_bytes(n_bytes, "big")
    else:
        data = stream.to_bytes(n_bytes, "little")
    keywords = plain(11, NAMES, datatype="I") | {"$BYTEORD": order}
    for n, width in enumerate(widths, start=1):
        keywords |= {f"$P{n}B": str(width), f"$P{n}R": str(1 << width)}
    assert np.array_equal(events(build(keywords, data)), values)


def test_logarithms_are_decoded() -> None:
    values = np.array([[0, 512, 7], [1023, 256, 9]], "<u2")
    keywords = plain(2, NAMES, datatype="I", bits=16, _P1E="4,1", _P1R="1024", _P2E="4,0", _P2R="1024")
    content = build(keywords, values.tobytes())
    assert events(content)[:, 0] == pytest.approx([1, 10 ** (4 * 1023 / 1024)])
    assert events(content)[:, 1] == pytest.approx([100, 10], rel=1e-6)  # a first value of 0 is read as 1
    assert events(content)[:, 2].tolist() == [7, 9]
    assert events(content, linear=False).tolist() == values.tolist()
    assert events(build(plain(5, NAMES, _P1E="4,1"), floats(5, 3).tobytes())).tolist() == floats(5, 3).tolist()


@pytest.mark.parametrize("width", ["*", "6"])
def test_numbers_as_text(width: str) -> None:
    text = b"".join(b"%6d" % value for value in (1, 20, 300, 4000, 5, 66))
    keywords = plain(2, NAMES, datatype="A") | {f"$P{n}B": width for n in (1, 2, 3)}
    assert events(build(keywords, text)).tolist() == [[1, 20, 300], [4000, 5, 66]]


@pytest.mark.parametrize("delimiter", ["/", "|", "\\", "*", "\x0c", "\x1e", ".", "!", ","])
def test_every_delimiter_and_doubled_ones(delimiter: str) -> None:
    keywords = plain(5, ("FSC", "SSC", "T"), _BTIM="10:00", odd=f"a{2 * delimiter}B")
    keywords |= {"last": f"x{2 * delimiter}"} | {f"$P{n}E": "0 0" for n in (1, 2, 3)} | {"$BYTEORD": "1 2 3 4"}
    header = only(build(keywords, floats(5, 3).tobytes(), delimiter=delimiter))
    assert header.keywords.text["odd"] == f"a{delimiter}B"
    assert header.keywords.text["last"] == f"x{delimiter}"
    assert header.n_events == 5


def test_empty_values_shift_nothing() -> None:
    keywords = {"$COM": "", **plain(5, NAMES, _P3S="", _SRC=""), "note": " kept  as it is ", "end": ""}
    header = only(build(keywords, floats(5, 3).tobytes()))
    assert header.keywords.text["$COM"] == header.keywords.text["$SRC"] == header.keywords.text["end"] == ""
    assert header.keywords.text["note"] == " kept  as it is "
    assert header.channels[2].reagent is None
    assert [channel.name for channel in header.channels] == list(NAMES)


@pytest.mark.parametrize("name", ["$SPILLOVER", "SPILL", "$SPILL", "SPILLOVER", "$spillover"])
def test_a_spillover_matrix_under_each_of_its_names(name: str) -> None:
    matrix = "2,FITC-A,SSC-A,1,0.1,0.2,1"
    header = only(build({**plain(5, NAMES), name: matrix, "DET_SPILL": "x"}, floats(5, 3).tobytes()))
    assert (header.keywords.spill_name, header.keywords.spill) == (name, matrix)
    empty = only(build({**plain(5, NAMES), name: "0", "DET_SPILL": matrix}, floats(5, 3).tobytes()))
    assert (empty.keywords.spill_name, empty.keywords.spill) == ("", "")


def test_a_supplemental_text_adds_keywords() -> None:
    data = floats(5, 3).tobytes()
    extra = b"/$SRC/blood/$P1N/other/"
    first = build(plain(5, NAMES, _BEGINSTEXT="00000000", _ENDSTEXT="00000000"), data)
    keywords = plain(5, NAMES, _BEGINSTEXT=f"{len(first):08d}", _ENDSTEXT=f"{len(first) + len(extra) - 1:08d}")
    header = only(build(keywords, data, trailer=extra))
    assert header.keywords.get("$src") == "blood"
    assert header.channels[0].name == "FSC-A"


WRONG_OFFSETS: dict[str, dict[str, Any]] = {
    "header begins elsewhere": {"header_data": (300, 999)},
    "header ends one late": {"shift": (0, 1)},
    "header and text end one late": {"shift": (0, 1), "text": (0, 1)},
    "header says nothing": {"header_data": (0, 0)},
    "text says nothing": {"text": None},
    "text begins elsewhere": {"text": (-64, 0)},
    "text ends elsewhere": {"text": (0, 4000)},
    "the end of TEXT is one early": {"text_end": -1},
    "the end of TEXT is one late": {"text_end": 1},
}


@pytest.mark.parametrize("case", WRONG_OFFSETS.values(), ids=WRONG_OFFSETS.keys())
def test_wrong_offsets_are_seen_through(case: dict[str, Any]) -> None:
    values = floats(40, 3)
    data = values.tobytes()
    right = build(plain(40, NAMES), data)
    start = len(right) - len(data)
    begin, end = case.get("shift", (0, 0))
    header = case.get("header_data", (start + begin, len(right) - 1 + end))
    keywords = plain(40, NAMES)
    if "text" in case:
        moved = case["text"] or (-start, 1 - len(right))
        keywords = {"$BEGINDATA": f"{start + moved[0]:08d}", "$ENDDATA": f"{len(right) - 1 + moved[1]:08d}", **keywords}
    content = build(keywords, data, header_data=header, text_end=case.get("text_end", 0), trailer=b"00000000")
    assert np.array_equal(events(content), values)


def test_a_wrong_total_is_told() -> None:
    values = floats(40, 3)
    for total in ("30", "50", "", "many"):
        header = only(build(plain(40, NAMES) | {"$TOT": total}, values.tobytes(), trailer=b"00000000"))
        assert header.n_events == 40
        assert np.array_equal(read_events(header).T, values)
        assert "40 events" in header.notes[0] or "holds 40" in header.notes[0]
    assert only(build(plain(40, NAMES), values.tobytes())).notes == ()


def test_no_event_one_event_and_nan() -> None:
    assert events(build(plain(0, NAMES), b"")).shape == (0, 3)
    assert events(build(plain(1, NAMES), floats(1, 3).tobytes())).tolist() == floats(1, 3).tolist()
    values = floats(4, 3)
    values[1, 2] = math.nan
    found = events(build(plain(4, NAMES), values.tobytes()))
    assert np.array_equal(found, values, equal_nan=True)


def test_several_data_sets() -> None:
    one, two = floats(4, 3, seed=5), floats(6, 2, seed=6)
    alone = build(plain(4, NAMES) | {"$NEXTDATA": "0" * 8}, one.tobytes(), trailer=b"00000000")
    first = build(plain(4, NAMES) | {"$NEXTDATA": f"{len(alone):08d}"}, one.tobytes(), trailer=b"00000000")
    # the last one points to nothing, as some instruments write it
    headers = read_headers(source(first + build(plain(6, ("x", "y")) | {"$NEXTDATA": "77777"}, two.tobytes())))
    assert [header.number for header in headers] == [1, 2]
    assert np.array_equal(read_events(headers[0]).T, one)
    assert np.array_equal(read_events(headers[1]).T, two)


def test_types_of_3_2_may_differ_by_channel() -> None:
    rows = np.zeros(3, [("a", "<f4"), ("b", "<u2"), ("c", "<f8")])
    rows["a"], rows["b"], rows["c"] = [1.5, 2.5, 3.5], [1, 2, 3], [0.1, 0.2, 0.3]
    keywords = plain(3, NAMES, _P2DATATYPE="I", _P2B="16", _P2R="1024", _P3DATATYPE="D", _P3B="64")
    assert events(build(keywords, rows.tobytes(), version="3.2")).tolist() == [list(row) for row in rows.tolist()]


def test_blocks_equal_the_whole() -> None:
    header = only(build(plain(1000, NAMES), floats(1000, 3).tobytes()))
    blocks = [(first, block.copy()) for first, block in read_blocks(header, 128)]
    assert [first for first, _ in blocks] == list(range(0, 1000, 128))
    assert np.array_equal(np.concatenate([block for _, block in blocks], axis=1), read_events(header))
    assert np.array_equal(read_events(header, places=[2, 0]), read_events(header)[[2, 0]])


def test_a_large_file_is_read_by_several_threads(tmp_path: Path) -> None:
    values = floats(1_500_000, 6)
    path = tmp_path / "large.fcs"
    path.write_bytes(build(plain(len(values), list("abcdef")), values.tobytes()))
    (header,) = read_headers(FileSource(path))
    assert np.array_equal(read_events(header).T, values)


def _read_all(content: bytes) -> None:
    for header in read_headers(source(content)):
        read_events(header)


GOOD = build(plain(40, NAMES), floats(40, 3).tobytes())
REFUSED: dict[str, tuple[bytes, type[CytosolError], str]] = {
    "text called .fcs": (b"CD4,CD8\n1,2\n", UnreadableFileError, "no FCS file"),
    "empty": (b"", UnreadableFileError, "no FCS file"),
    "DATA cut short": (GOOD[:-200], UnreadableFileError, "40 events are announced, but the file holds 23"),
    "TEXT cut short": (GOOD[: TEXT_AT + 20], UnreadableFileError, "TEXT should run to byte"),
    "HEADER alone": (GOOD[:58], UnreadableFileError, "TEXT runs from byte 256"),
    "histograms": (build(plain(4, NAMES) | {"$MODE": "C"}, b"0" * 48), UnsupportedFormatError, "histograms"),
    "no type": (build(plain(4, NAMES) | {"$DATATYPE": "X"}, b"0" * 48), UnreadableFileError, "DATATYPE is 'X'"),
    "no order": (build(plain(4, NAMES) | {"$BYTEORD": "9"}, b"0" * 48), UnreadableFileError, "BYTEORD is '9'"),
    "no width": (build(plain(4, NAMES, datatype="I", _P2B="0"), b"0" * 48), UnreadableFileError, "P2B is '0'"),
    "no channels": (build(plain(4, NAMES) | {"$PAR": "no"}, b"0" * 48), UnreadableFileError, "PAR is 'no'"),
    "words for numbers": (
        build(plain(1, NAMES, datatype="A") | {f"$P{n}B": "*" for n in (1, 2, 3)}, b"a b c"),
        UnreadableFileError,
        "not all of it is numbers",
    ),
    "no place": (
        build(plain(4, NAMES) | {"$BEGINDATA": "0"}, b"0" * 48, header_data=(0, 0)),
        UnreadableFileError,
        "where DATA begins",
    ),
}


@pytest.mark.parametrize(("content", "error", "text"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_read_is_refused_with_the_reason(content: bytes, error: type[CytosolError], text: str) -> None:
    with pytest.raises(error, match=text) as caught:
        _read_all(content)
    assert caught.value.where.startswith("made.fcs")
    assert caught.value.do
