"""Look-ups of features, and one copy of them for all tables that have the same."""

from __future__ import annotations

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from cytosol.base.settings import load_settings
from cytosol.catalog.compute import Compute
from cytosol.catalog.feature_tables import FeatureTable, FeatureTables

_NAMES = st.text("abAB1-é", min_size=1, max_size=4)


def frame_of(symbols: list[str], ids: list[str]) -> pd.DataFrame:
    columns = {"feature_id": ids, "feature_type": ["gene"] * len(ids), "genome": [""] * len(ids)}
    return pd.DataFrame(columns, index=pd.Index(symbols, dtype=object), dtype=object)


@given(st.lists(st.tuples(_NAMES, _NAMES | st.just("")), unique_by=lambda pair: pair[0], max_size=12), _NAMES)
def test_features_are_found_as_a_slow_search_finds_them(pairs: list[tuple[str, str]], asked: str) -> None:
    symbols, ids = [symbol for symbol, _ in pairs], [id for _, id in pairs]
    table = FeatureTable(frame_of(symbols, ids))
    for name in {*symbols, *ids, asked, ""}:
        by_id = ids.index(name) if name and name in ids else -1
        assert table.place(name) == (symbols.index(name) if name in symbols else by_id)
    wanted = asked.lower()
    rank = {}
    for place, (symbol, id) in enumerate(pairs):
        names = [symbol.lower(), id.lower()]
        if any(wanted in name for name in names):
            starts = any(name.startswith(wanted) for name in names)
            rank[place] = 0 if wanted in names else 1 if starts else 2
    assert table.containing(asked) == sorted(rank, key=lambda place: (rank[place], place))


async def test_tables_with_the_same_features_share_one_copy() -> None:
    compute = Compute(load_settings(compute_threads=1))
    tables = FeatureTables(compute)
    same = [frame_of(["CD3E", "CD4"], ["ENSG1", "ENSG2"]) for _ in range(2)]
    first, second = [await tables.get(number, lambda frame=frame: frame) for number, frame in enumerate(same)]  # type: ignore[misc]
    assert first is second
    other = await tables.get("other", lambda: frame_of(["CD3E", "CD4"], ["ENSG1", "ENSG3"]))
    assert other.place("ENSG3") == 1
    assert first.place("ENSG3") == -1
    compute.close()


async def test_forty_tables_of_different_genes_stay_in_memory() -> None:
    settings = load_settings(compute_threads=1)
    compute = Compute(settings)
    tables = FeatureTables(compute)
    n_read = 0

    def read(number: int) -> pd.DataFrame:
        nonlocal n_read
        n_read += 1
        return frame_of([f"G{number}.{place}" for place in range(2000)], [f"E{place}" for place in range(2000)])

    for _ in range(2):
        for number in range(40):
            await tables.get(number, lambda number=number: read(number))  # type: ignore[misc]
    assert n_read == 40
    # a table of a real genome is as much larger as it has more features
    one = (await tables.get(0, lambda: read(0))).n_bytes
    assert 40 * one * 33_694 / 2000 < settings.compute_cache_bytes
    compute.close()
