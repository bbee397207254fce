"""The query language: what the clients send, names pasted in without escaping, and what else a list can be asked."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cytosol.base.errors import InvalidInputError
from cytosol.dialects.cellengine.queries import Compared, Joined, Listing, matches, names_field, parse_query

ITEMS: list[dict[str, Any]] = [
    {"_id": "1", "name": "A", "n": 1, "deleted": None},
    {"_id": "2", "name": "b", "n": 20, "deleted": "2026-01-01T00:00:00.000Z"},
    {"_id": "3", "name": "A (2), [x]", "n": None, "owner": {"_id": "u"}},
]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ('and(eq(name,"A"),eq(deleted,null))', "1"),
        ('eq(_id,"3")', "3"),
        ('eq(name, "A (2), [x]")', "3"),
        ('in(name, ["A","b"])', "12"),
        ('in( name , [ "b" , "A (2), [x]" ] )', "23"),
        ("in(n,[1,20])", "12"),
        ("in(n,[null])", "3"),
        ("in(n,[])", ""),
        ("eq(deleted,null)", "13"),
        ("eq(n,1.0)", "1"),
        ("eq(n,true)", ""),
        ("or(eq(n,1),eq(n,2e1))", "12"),
        ("not(eq(n,1))", "23"),
        ("not(eq(n,1),eq(n,20))", "3"),
        ("ne(n,1)", "23"),
        ("gt(n,1)", "2"),
        ("ge(n,1)", "12"),
        ("lt(n,-1)", ""),
        ('le(name,"A")', "1"),
        ('eq(owner._id,"u")', "3"),
        ('eq(nothing.here,"u")', ""),
        ("and()", "123"),
        ("or()", ""),
    ],
)
def test_queries_find_the_right_items(text: str, ids: str) -> None:
    query = parse_query(text)
    assert "".join(item["_id"] for item in ITEMS if matches(query, item)) == ids


@pytest.mark.parametrize(
    "text",
    ["", "name", 'eq(name,"A"', 'eq("name","A")', "eq(name,A)", 'like(name,"A")', 'eq(name,["A"])', 'in(name,"A")',
     'eq(name,"A") x', "and(eq(n,1),)", "eq(n,1)eq(n,1)", 'eq(name,"' + "x" * 200_000 + '")'],
)  # fmt: skip
def test_what_is_no_query_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="query"):
        parse_query(text)


@given(st.text(st.characters(codec="utf-8"), max_size=40).filter(lambda name: '"),eq(deleted,null)' not in name))
def test_names_are_pasted_in_without_escaping(name: str) -> None:
    query = parse_query(f'and(eq(name,"{name}"),eq(deleted,null))')
    assert isinstance(query, Joined)
    found = query.parts[0]
    assert isinstance(found, Compared)
    assert (found.value, query.parts[-1]) == (name, Compared("eq", "deleted", None))


values = st.none() | st.booleans() | st.integers(-999, 999) | st.text("ab (),[]", max_size=5)
comparisons = st.builds(
    lambda name, field, value: (f"{name}({field},{json.dumps(value)})", Compared(name, field, value)),
    st.sampled_from(("eq", "ne", "gt", "ge", "lt", "le")), st.sampled_from(("name", "n", "owner._id")), values,
)  # fmt: skip
lists = st.lists(values, max_size=3).map(
    lambda found: (f"in(name, {json.dumps(found)})", Compared("in", "name", found))
)
queries = st.recursive(
    comparisons | lists,
    lambda parts: st.builds(
        lambda name, found: (
            f"{name}( {' , '.join(text for text, _ in found)})",
            Joined(name, tuple(query for _, query in found)),
        ),
        st.sampled_from(("and", "or", "not")), st.lists(parts, max_size=3),
    ),
    max_leaves=8,
)  # fmt: skip


@given(queries)
def test_every_query_is_read_as_it_was_written(both: tuple[str, Any]) -> None:
    assert parse_query(both[0]) == both[1]


def test_a_text_that_can_be_read_in_too_many_ways_ends() -> None:
    with pytest.raises(InvalidInputError, match="too many ways"):
        parse_query("in(name,[" + ",".join('"a"' for _ in range(60)) + "x")


def test_deleted_items_take_part_only_where_they_are_asked_for() -> None:
    assert not Listing.read({}).shows_deleted
    assert not Listing.read({"query": 'eq(name,"A")'}).shows_deleted
    assert Listing.read({"query": 'and(eq(name,"A"),eq(deleted,null))'}).shows_deleted
    assert names_field(parse_query("not(or(ne(deleted,null)))"), "deleted")


def test_fields_sort_skip_and_limit() -> None:
    def ask(**said: str) -> list[Any]:
        return Listing.read(said).of(ITEMS)

    assert ask(fields="+name", limit="1") == [{"_id": "1", "name": "A"}]
    assert ask(fields=" name, n", limit="1") == [{"_id": "1", "name": "A", "n": 1}], "a + that was not escaped"
    assert ask(fields="-name,-n", skip="1", limit="1") == [{"_id": "2", "deleted": ITEMS[1]["deleted"]}]
    assert [item["_id"] for item in ask(sort="-n")] == ["2", "1", "3"]
    assert [item["_id"] for item in ask(sort="+deleted,-name")] == ["3", "1", "2"]
    assert ask(limit="null", query="null", skip="", sort="null") == ITEMS
    assert ask(limit="0") == []
    for wrong in ({"limit": "x"}, {"skip": "-1"}, {"query": "x"}):
        with pytest.raises(InvalidInputError):
            ask(**wrong)
