"""Keys and their spellings."""

from __future__ import annotations

import pickle
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cytosol.base.errors import InvalidInputError
from cytosol.base.keys import Key, new_key

keys = st.binary(min_size=12, max_size=12).map(Key)


@given(keys)
def test_every_spelling_reads_back(key: Key) -> None:
    for text in (key.hex24, key.hex32, key.ulid(), key.ulid().lower(), key.base64url, str(key)):
        assert Key.parse(text) == key
    dashed = f"{key.hex32[:8]}-{key.hex32[8:12]}-{key.hex32[12:16]}-{key.hex32[16:20]}-{key.hex32[20:]}"
    assert Key.parse(dashed) == key
    assert pickle.loads(pickle.dumps(key)) == key


@given(keys)
def test_spellings_have_their_lengths(key: Key) -> None:
    assert (len(key.hex24), len(key.hex32), len(key.ulid("PRJ_")), len(key.base64url)) == (24, 32, 30, 16)
    assert key.hex32.endswith("00000000")


@given(keys, keys)
def test_ulids_sort_like_keys(first: Key, second: Key) -> None:
    assert (first < second) == (first.ulid() < second.ulid())


@given(st.text(max_size=40))
def test_only_spellings_of_a_key_are_read(text: str) -> None:
    try:
        key = Key.parse(text)
    except InvalidInputError as error:
        said = error.sentence
    else:
        said = f"{key.hex24} {key.hex32} {key.ulid()} {key.base64url}".lower()
    assert "not an id" in said or text.replace("-", "").lower() in said.replace("-", "")


def test_a_foreign_uuid_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        Key.parse("12345678-1234-5678-1234-567812345678")


def test_keys_grow_within_a_process_and_across_threads() -> None:
    made: list[list[Key]] = [[] for _ in range(4)]

    def make(into: list[Key]) -> None:
        into.extend(new_key() for _ in range(5000))

    threads = [threading.Thread(target=make, args=(into,)) for into in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for into in made:
        assert into == sorted(into)
    assert len({key for into in made for key in into}) == 20_000
