"""Odd FCS files: widths that DATA does not have, wrong numbers of channels and events, and random damage."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import numpy as np
import pytest

from cytosol.base.errors import CytosolError, UnreadableFileError, UnsupportedFormatError
from cytosol.formats.fcs.header import read_headers
from cytosol.formats.fcs.reader import read_blocks, read_events
from cytosol.formats.fcs.records import Keywords
from cytosol.formats.fcs.writer import fcs_head
from tests.formats.fcs_files import build, events, floats, only, plain, source

NAMES = ("FSC-A", "SSC-A", "FITC-A")


@pytest.mark.parametrize("order", ["1,2,3,4", "4,3,2,1"])
@pytest.mark.parametrize("widths", [(10, 10, 10), (12, 10, 24), (20, 20, 20), (5, 16, 24)])
@pytest.mark.parametrize("words", [False, True])
def test_integers_of_odd_widths_in_whole_bytes_or_words(order: str, widths: tuple[int, ...], words: bool) -> None:
    rng = np.random.default_rng(sum(widths))
    values = np.stack([rng.integers(0, 1 << width, 17) for width in widths], axis=1)
    sizes = [-(-width // 8) for width in widths]
    if words:
        sizes = [1 << (size - 1).bit_length() for size in sizes]
    sign = "little" if order == "1,2,3,4" else "big"
    # the bits above the width hold something else
    data = b"".join(
        (value | (1 << 8 * size) - (1 << width)).to_bytes(size, sign)  # type: ignore[arg-type]
        for row in values.tolist()
        for value, width, size in zip(row, widths, sizes, strict=True)
    )
    keywords = plain(17, NAMES, datatype="I") | {"$BYTEORD": order}
    for n, width in enumerate(widths, start=1):
        keywords |= {f"$P{n}B": str(width), f"$P{n}R": str(1 << width)}
    assert np.array_equal(events(build(keywords, data)), values)


def test_a_total_of_0_is_not_believed_where_data_holds_events() -> None:
    header = only(build(plain(0, NAMES), floats(40, 3).tobytes()))
    assert header.n_events == 40
    assert header.notes == ("$TOT is '0'; DATA holds 40 events.",)
    assert np.array_equal(read_events(header).T, floats(40, 3))
    one_byte = build(plain(0, NAMES), b"\x00")  # as some programs write no event
    assert (only(one_byte).n_events, only(one_byte).notes) == (0, ())


def test_free_text_is_counted_where_nothing_says_how_many_events() -> None:
    keywords = plain(2, NAMES, datatype="A") | {f"$P{n}B": "*" for n in (1, 2, 3)}
    del keywords["$TOT"]
    assert events(build(keywords, b"1 20,300\r\n4000\t5 66 ")).tolist() == [[1, 20, 300], [4000, 5, 66]]


@pytest.mark.parametrize(
    ("keywords", "error", "text"),
    [
        ({"$PAR": "4"}, UnreadableFileError, "4 channels, but TEXT says nothing about channel 4"),
        ({"$P2DATATYPE": "A", "$P2B": "4"}, UnsupportedFormatError, "Numbers as text stand beside numbers"),
    ],
)
def test_channels_that_contradict_each_other(keywords: dict[str, str], error: type[CytosolError], text: str) -> None:
    with pytest.raises(error, match=text):
        read_headers(source(build(plain(4, NAMES) | keywords, floats(4, 3).tobytes())))


def test_channels_beyond_par_are_told() -> None:
    beyond = {"$P4N": "PE-A", "$p5n": "APC-A", "$P6N": " ", "$P7S": "CD4"}  # no name, no channel
    header = only(build(plain(4, NAMES) | beyond, floats(4, 3).tobytes()))
    told = "TEXT names 2 more channels than the 3 of $PAR: PE-A, APC-A. $PAR is believed"
    assert header.notes == (f"{told}; where channels look mixed up, it is wrong.",)
    assert np.array_equal(read_events(header).T, floats(4, 3))
    many = {f"$P{n}N": f"c{n}" for n in range(4, 12)}
    (note,) = only(build(plain(4, NAMES) | many, floats(4, 3).tobytes())).notes
    assert "8 more channels than the 3 of $PAR: c4, c5, c6, c7, c8 and 3 more." in note


@pytest.mark.parametrize("amplified", ["500,1", "100,1e300", "inf,1", "4,inf", "nan,1", "-4,1", "4"])
def test_logarithms_that_cannot_be_are_linear(amplified: str) -> None:
    values = np.array([[0, 512, 7], [1023, 256, 9]], "<u2")
    keywords = plain(2, NAMES, datatype="I", bits=16, _P1E=amplified)
    assert events(build(keywords, values.tobytes())).tolist() == values.tolist()


def test_logarithms_above_their_range_are_infinite() -> None:
    keywords = plain(1, NAMES, datatype="I", bits=16, _P1E="90,1", _P1R="1")
    assert events(build(keywords, np.array([[5, 1, 1]], "<u2").tobytes())).tolist() == [[np.inf, 1, 1]]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ({"SPILL": "2,a,b,1,0,0,1"}, ["SPILL"]),
        ({"SPILL": "0", "$Spillover": "2,a,b,1,0,0,1"}, ["$Spillover"]),
        ({"SPILL": "2,a,b,1,0,0,1", "$SPILLOVER": "2,a,b"}, ["$SPILLOVER", "SPILL"]),
        ({"$COMP": "2,a,b,1,0,0,1"}, ["$COMP"]),
        ({"comp": " 2 , a , b , 1 , 0 , 0 , 1"}, ["comp"]),
        ({"$COMP": "2,0,-10,-2.5,0"}, []),
        ({"COMP": "2, 1.0, 0, 0, 1"}, []),
        ({"$DFC1TO2": "10"}, []),
    ],
)
def test_keywords_that_hold_a_spillover_matrix(text: dict[str, str], names: list[str]) -> None:
    assert Keywords(text).spill_names == names


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ({"$COMP": "2,0,-10,-2.5,0"}, "$COMP"),
        ({"$COMP": "2,0,0,0,0"}, ""),
        ({"$COMP": "2,a,b,1,0,0,1"}, ""),
        ({"$DFC1TO2": "0", "$DFC2TO1": "10.5"}, "$DFC2TO1"),
        ({"$DFC1TO2": "0"}, ""),
    ],
)
def test_what_was_subtracted_while_measuring(text: dict[str, str], name: str) -> None:
    assert Keywords(text).subtracted == name


def test_no_delimiter_is_free() -> None:
    name = "k" + "".join(chr(code) for code in range(1, 32)) + "k"
    head = fcs_head([{"N": "a"}], 0, keywords={name: "x", "kept": "y"})
    assert only(head).keywords.text["kept"] == "y"
    assert name not in only(head).keywords.text


ODD = ["", "0", "-1", "1e400", "nan", "99999999999999999999", "²", "*", "A", "500,0", "2,1", "3,4,1,2", "63", "1" * 400]


def _damaged(n: int) -> Iterator[bytes]:
    rng = random.Random(n)
    packed = plain(4, NAMES, datatype="I") | {"$P1B": "10", "$P2B": "12", "$P3B": "24"}
    wholes = [
        build(plain(4, NAMES), floats(4, 3).tobytes(), trailer=b"00000000"),
        build(plain(4, NAMES, datatype="I", bits=16, _P1E="4,1"), b"\1\2" * 12, delimiter="\x0c"),
        build(packed, b"\x51" * 23),
        build(plain(4, NAMES, datatype="A") | {f"$P{n}B": "*" for n in (1, 2, 3)}, b"1 2 3 4 5 6 7 8 9 10 11 12"),
        build(plain(3, NAMES, _P2DATATYPE="I", _P2B="16", _P3DATATYPE="D", _P3B="64"), b"\x33" * 42, version="3.2"),
    ]
    for _ in range(n):
        content = bytearray(rng.choice(wholes))
        kind = rng.randrange(5)
        if kind == 0:
            for _ in range(3):
                content[rng.randrange(len(content))] = rng.randrange(256)
        elif kind == 1:
            content[rng.randrange(10, 58)] = rng.choice(b"0123456789 -")
        elif kind == 2:
            del content[rng.randrange(len(content)) :]
        elif kind == 3:
            del content[(at := rng.randrange(len(content))) : at + rng.randrange(1, 40)]
        else:  # another value of a keyword, in its room
            found = rng.choice(list(re.finditer(rb"(?<=[/\x0c])\$\w+[/\x0c]([^/\x0c]+)", bytes(content[:-60]))))
            odd = rng.choice(ODD).encode("latin-1")[: len(found[1])].rjust(len(found[1]))
            content[found.start(1) : found.end(1)] = odd
        yield bytes(content)


def test_damaged_files_are_read_or_refused_with_a_sentence() -> None:
    n_read, told = 0, []
    for content in _damaged(1500):
        try:
            for header in read_headers(source(content)):
                assert header.n_events >= 0
                assert read_events(header).shape == (len(header.channels), header.n_events)
                assert sum(block.shape[1] for _, block in read_blocks(header, 8)) == header.n_events
            n_read += 1
        except CytosolError as error:
            told.append(error)
    assert min(n_read, len(told)) > 300
    assert all(error.what and error.do and error.where.startswith("made.fcs") for error in told)


@pytest.mark.parametrize("bits", [3, 8])
@pytest.mark.parametrize("too_long", [-1, 0, 1])
def test_an_end_that_is_off_by_one_adds_no_small_event(bits: int, too_long: int) -> None:
    keywords = plain(100, NAMES[:1], datatype="I", bits=bits)
    data = bytes(range(100))[: -(-100 * bits // 8)]
    right = build(keywords, data)
    place = (len(right) - len(data), len(right) - 1 + too_long)
    keywords |= {"$BEGINDATA": f"{place[0]:08d}", "$ENDDATA": f"{place[1]:08d}"}
    assert only(build(keywords, data, header_data=place, trailer=b"00000000")).n_events == 100


def test_a_last_value_that_ends_with_the_delimiter_stays_where_the_end_of_text_is_early() -> None:
    content = build(plain(5, NAMES) | {"last": "v//"}, floats(5, 3).tobytes(), text_end=-1)
    assert only(content).keywords.text["last"] == "v/"


def test_each_value_has_its_own_encoding() -> None:
    content = build(plain(5, NAMES) | {"$OP": "Zoë", "$SRC": "Bj?rn"}, floats(5, 3).tobytes())
    text = only(content.replace(b"Bj?rn", "Björn".encode("latin-1"))).keywords.text
    assert (text["$OP"], text["$SRC"]) == ("Zoë", "Björn")


def test_free_text_that_would_fill_the_memory_is_refused() -> None:
    keywords = plain(2, NAMES, datatype="A") | {f"$P{n}B": "*" for n in (1, 2, 3)}
    with pytest.raises(UnsupportedFormatError, match="70 MiB of numbers as text"):
        read_headers(source(build(keywords, b" " * (70 << 20))))


def test_data_does_not_begin_inside_of_text() -> None:
    """As a BD Accuri writes it: TEXT counts from before its last keywords, HEADER ends one byte late."""
    values = floats(40, 3)
    right = build(plain(40, NAMES), values.tobytes())
    start, end = len(right) - 40 * 12, len(right)
    said = {"$BEGINDATA": f"{start - 100:08d}", "$ENDDATA": f"{end - 100:08d}"}
    header = only(build(plain(40, NAMES) | said, values.tobytes(), header_data=(start, end)))
    assert np.array_equal(read_events(header).T, values)
    assert f"it was read from {start:,} on" in header.notes[0]


def test_a_text_of_nothing_but_delimiters_is_refused() -> None:
    with pytest.raises(UnreadableFileError, match="more than 1,000,000 keywords"):
        read_headers(source(build(plain(2, NAMES), b"", raw_text="/" * 3_000_000)))
