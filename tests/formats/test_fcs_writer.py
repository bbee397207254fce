"""What we write is read by ourselves and by FlowIO, strictly, whatever the keywords say."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cytosol.base.errors import InvalidInputError
from cytosol.formats.fcs.reader import read_events
from cytosol.formats.fcs.writer import fcs_head, fcs_pieces
from tests.formats.fcs_files import only
from tests.services import library

TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f"), min_size=1, max_size=20)
WORDS = st.text("abcXYZ019 _-/|\\.", min_size=1, max_size=12)


def whole(values: np.ndarray, names: list[str], keywords: dict[str, str], delimiter: str = "\x0c") -> bytes:
    head = fcs_head([{"N": name} for name in names], values.shape[1], keywords=keywords, delimiter=delimiter)
    step = 3
    return b"".join(fcs_pieces(head, [values[:, at : at + step] for at in range(0, values.shape[1], step)]))


@settings(max_examples=60, deadline=None)
@given(
    keywords=st.dictionaries(TEXT.map(lambda text: "k" + text.strip() + "k"), TEXT, max_size=6),
    delimiter=st.sampled_from(["\x0c", "/", "|", "!"]),
    n_events=st.integers(0, 9),
    seed=st.integers(0, 1000),
)
def test_what_is_written_is_read(keywords: dict[str, str], delimiter: str, n_events: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(3, n_events)).astype(np.float32)
    content = whole(values, ["a", "b", "c d"], keywords, delimiter)
    header = only(content)
    assert np.array_equal(read_events(header), values)
    assert [channel.name for channel in header.channels] == ["a", "b", "c d"]
    assert {name: header.keywords.text[name] for name in keywords} == keywords
    assert header.notes == ()


@settings(max_examples=60, deadline=None)
@given(
    keywords=st.dictionaries(WORDS.map(lambda text: f"k{text.replace('/', '')}k"), WORDS.map(lambda text: f"v{text}v")),
    n_events=st.integers(1, 9),
)
def test_flowio_reads_what_is_written(keywords: dict[str, str], n_events: int) -> None:
    flowio = library("flowio")
    values = np.arange(3.0 * n_events, dtype=np.float32).reshape(3, n_events)
    content = whole(values, ["a", "b", "c d"], keywords, "/")
    read = flowio.FlowData(io.BytesIO(content))
    assert np.array_equal(np.reshape(read.events, (-1, 3)).T, values)
    assert read.pnn_labels == ["a", "b", "c d"]
    for name, value in keywords.items():
        assert read.text[name.lower()] == value


def test_a_keyword_with_the_delimiter_in_its_name_gets_another_delimiter() -> None:
    flowio = library("flowio")
    said = {"a/b": "x/y", "c|d": "z"}
    content = whole(np.ones((1, 2), np.float32), ["a"], said, "/")
    read = flowio.FlowData(io.BytesIO(content))
    assert {name: read.text[name] for name in said} == said
    assert content[58:59] not in (b"/", b"|")


def test_the_range_of_a_channel_is_kept() -> None:
    text = fcs_head([{"N": "a", "R": "1024", "S": "CD3"}, {"N": "b", "R": ""}], 0).decode()
    for part in ("$P1R\x0c1024", "$P1S\x0cCD3", "$P2R\x0c262144"):
        assert f"\x0c{part}\x0c" in text


def test_the_header_is_as_recorded_from_the_service() -> None:
    content = whole(np.ones((2, 10), np.float32), ["a", "b"], {"$COM": "", "$TOT": "99", "$P9N": "x", "$SRC": "blood"})
    text_end = int(content[18:26])
    start, end = int(content[26:34]), int(content[34:42])
    assert content[:26] == f"FCS3.1    00000058{text_end:08d}".encode()
    assert content[42:58] == b"0" * 16
    assert (start, end) == (text_end + 1, len(content) - 1)
    text = content[58:start].decode()
    assert text.endswith(f"\x0c$BEGINDATA\x0c{start:012d}\x0c$ENDDATA\x0c{end:012d}\x0c")
    assert "$BYTEORD\x0c1,2,3,4\x0c" in text
    assert "$COM" not in text  # FlowIO fails on an empty value
    assert "$P9N" not in text
    assert "$TOT\x0c10\x0c" in text
    assert "$SRC\x0cblood\x0c" in text


def test_no_event_ends_one_before_it_begins() -> None:
    flowio = library("flowio")
    content = whole(np.empty((2, 0), np.float32), ["a", "b"], {})
    assert int(content[34:42]) == int(content[26:34]) - 1
    assert len(flowio.FlowData(io.BytesIO(content)).events) == 0


def test_beyond_eight_digits_the_header_says_nothing() -> None:
    head = fcs_head([{"N": name} for name in "abcde"], 5_000_000)
    assert head[26:42] == b"0" * 16
    text = head[58:].decode()
    start = len(head)
    assert f"$BEGINDATA\x0c{start:012d}\x0c$ENDDATA\x0c{start + 100_000_000 - 1:012d}\x0c" in text
    header = only(fcs_head([{"N": "a"}], 0))
    assert header.n_events == 0


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="needs a name"):
        fcs_head([{"N": ""}], 0)
    with pytest.raises(InvalidInputError, match="delimiter"):
        fcs_head([{"N": "a"}], 0, delimiter="ab")
