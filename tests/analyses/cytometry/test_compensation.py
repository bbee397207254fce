from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cytosol.analyses.cytometry.compensation import (
    check_matrix,
    compensate,
    format_matrix,
    format_spill,
    parse_matrix,
    parse_spill,
)
from cytosol.base.errors import InvalidInputError

CHANNELS = ["Blue530", "Vio450", "Vio605", "UV450"]


def test_the_vector_of_the_wire_reference() -> None:
    matrix = np.eye(4)
    matrix[1, 2], matrix[1, 3], matrix[2, 0], matrix[2, 1] = 0.02, 0.055, 0.003, 0.013
    event = [np.array([value], np.float32) for value in (3307.04, 1084.68, 26838.24, 209.25)]
    found = [float(column[0]) for column in compensate(event, matrix)]
    assert found == pytest.approx([3226.57, 735.974, 26823.52, 168.771], rel=1e-5)


@given(st.integers(0, 1000), st.integers(1, 8))
def test_compensated_events_spilled_again_are_the_measured_ones(seed: int, n_channels: int) -> None:
    generator = np.random.default_rng(seed)
    matrix = np.eye(n_channels) + generator.uniform(0, 0.3, (n_channels, n_channels)) / n_channels
    measured = generator.uniform(-100, 1e5, (n_channels, 50)).astype(np.float32)
    found = compensate(list(measured), matrix)
    assert all(column.dtype == np.float32 for column in found)
    assert matrix.T @ np.array(found, np.float64) == pytest.approx(measured, rel=1e-5, abs=0.05)
    last = compensate(list(measured), matrix, wanted=[n_channels - 1])
    assert len(last) == 1
    assert last[0] == pytest.approx(found[-1], rel=1e-6)


def test_many_events_are_done_in_blocks() -> None:
    column = np.arange(100_000, dtype=np.float32)
    found = compensate([column, column], np.array([[1, 0.5], [0, 1]]))
    assert np.array_equal(found[0], column)
    assert np.array_equal(found[1], column / 2)
    assert compensate([], np.empty((0, 0))) == []


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[1, 0.5, 0], [0, 1, 0], [1, 0.5, 1e-14]], "the rows of a, c depend on each other"),
        ([[1, 0.5, 0], [1e-5, 5e-6, 0], [0, 0, 1]], "the rows of a, b depend on each other"),
        ([[1, 0, 0.5], [0, 1, 0.5], [1, 1, 1]], "the rows of a, b, c depend on each other"),
        ([[1, 0, 0.5], [0, 0, 0], [0, 0, 1]], "the row of b is empty"),
        ([[1, 0, 0], [0, 1e-14, 0], [0, 0, 1]], "cannot be told apart"),
    ],
)
def test_rows_that_depend_on_each_other_are_named(matrix: list[list[float]], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        check_matrix(["a", "b", "c"], np.array(matrix))


@given(st.integers(0, 1000), st.integers(1, 30))
def test_matrices_of_instruments_have_an_inverse(seed: int, n: int) -> None:
    matrix = np.eye(n) + np.random.default_rng(seed).uniform(0, 0.9 / n, (n, n))
    check_matrix([str(place) for place in range(n)], matrix)


@given(st.integers(0, 1000), st.integers(0, 6))
def test_spill_strings(seed: int, n: int) -> None:
    matrix = np.random.default_rng(seed).uniform(-0.1, 1, (n, n))
    names = [f"FL{i} -A" for i in range(n)]
    found, again = parse_spill(format_spill(names, matrix))
    assert found == names
    assert np.array_equal(again, matrix)


def test_a_spill_string_is_row_by_row() -> None:
    names, matrix = parse_spill("2,FITC-A, PE-A ,1,0.25,0.5,1")
    assert names == ["FITC-A", "PE-A"]
    assert matrix.tolist() == [[1, 0.25], [0.5, 1]]
    assert format_spill(names, matrix) == "2,FITC-A,PE-A,1,0.25,0.5,1"


@pytest.mark.parametrize("n_channels", [2, 3, 20, 33, 49])
def test_a_channel_is_the_same_whatever_else_is_asked_for(n_channels: int) -> None:
    """To the last bit: alone, among others in any order, and for the first events only."""
    rng = np.random.default_rng(n_channels)
    columns = list(rng.normal(300, 4000, (n_channels, 9001)).astype(np.float32))
    matrix = np.eye(n_channels) + rng.uniform(0, 0.3 / n_channels, (n_channels, n_channels))
    together = compensate(columns, matrix)
    asked = [[place] for place in range(n_channels)]
    asked += [rng.permutation(n_channels)[: rng.integers(1, n_channels + 1)].tolist() for _ in range(10)]
    for places in asked:
        for place, alone in zip(places, compensate(columns, matrix, places), strict=True):
            assert np.array_equal(alone, together[place])
    for n in (1, 5, 4097):
        few = compensate([column[:n] for column in columns], matrix)
        assert all(np.array_equal(one, all_[:n]) for one, all_ in zip(few, together, strict=True))
    exact = np.array(columns, np.float64).T @ np.linalg.inv(matrix)
    np.testing.assert_allclose(np.array(together).T, exact, rtol=2e-7, atol=1e-3)


@pytest.mark.parametrize(
    ("text", "known", "names"),
    [
        ("2,B710-A,V545,PE-A,1,0.25,0.5,1", ("FSC-A", "B710-A,V545", "PE-A"), ["B710-A,V545", "PE-A"]),
        ("2,PE-A,a, b,c,1,0.25,0.5,1", ("a", "a,b", "a, b,c", "PE-A"), ["PE-A", "a, b,c"]),
        ("2,3,4,1,000,0,250,0,500,1,000", (), ["3", "4"]),  # decimal commas, as instruments in some countries write
        ("2,FITC-A,PE-A,1,0.25,0.5,1,", (), ["FITC-A", "PE-A"]),
    ],
)
def test_spill_strings_that_are_told_apart(text: str, known: tuple[str, ...], names: list[str]) -> None:
    found, matrix = parse_spill(text, known)
    assert found == names
    assert matrix.tolist() == [[1, 0.25], [0.5, 1]]


@pytest.mark.parametrize(
    "text", ["", "x", "2,A,B,1,0,0", "1,A,x", "1,A,nan", "-1", "²,A,B,1,0,0,1", "2,A,B,1,0,0,1,x,1"]
)
def test_spill_strings_that_cannot_be_read(text: str) -> None:
    with pytest.raises(InvalidInputError, match="spill string"):
        parse_spill(text)


@given(st.integers(0, 1000), st.integers(1, 6))
def test_matrices_as_text(seed: int, n: int) -> None:
    matrix = np.random.default_rng(seed).uniform(-0.1, 1, (n, n))
    names = [f"FL{i}, -A" for i in range(n)]
    found, again = parse_matrix(format_matrix(names, matrix))
    assert found == names
    assert np.array_equal(again, matrix)


def test_matrices_of_other_programs(shared_data: Path) -> None:
    folder = shared_data / "cytometry" / "compensation"
    names, matrix = parse_matrix((folder / "flowkit_comp_complete_example.csv").read_text())
    assert (names[0], matrix.shape, matrix[0, 1]) == ("Ax488-A", (14, 14), 0.2986)
    names, matrix = parse_matrix((folder / "flowcore_compdata" / "compmatrix").read_text(encoding="latin-1"))
    assert (names, matrix[0, 1]) == (["FL1-H", "FL2-H", "FL3-H", "FL4-H"], 0.24)
    names, matrix = parse_matrix((folder / "flowcore_compdata" / "compref").read_text())
    assert (names[3], matrix[2, 3]) == ("FL4-H", 0.229593859843027)


@pytest.mark.parametrize(
    "text",
    [
        "A;B\n1;0,1\n0,2;1\n",
        "\ufeffA\tB\r\n1\t.1\r\n0,2\t1\r\n",
        "Spill\n,A :: CD3,B\nA,100,10\nB,20,100\n",
        '"A","B",\n1,.1,\n.2,1,\n',
        "A,B\n100%,10%\n20%,100%",
        "A B\n1 0.1\n0.2 1",
    ],
)
def test_how_matrices_are_written(text: str) -> None:
    names, matrix = parse_matrix(text)
    assert names == ["A", "B"]
    np.testing.assert_allclose(matrix, [[1, 0.1], [0.2, 1]])


def test_an_empty_cell_is_nothing() -> None:
    assert parse_matrix("A,B\n1,\n,1\n")[1].tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    "text", ["", "A,B", "1,0\n0,1", "A,B\n1,0", "A,B\n1,0\n0,x", "A,B\n1,0,0\n0,1,0", "A\nnan", "A,B\n1"]
)
def test_text_that_is_no_matrix(text: str) -> None:
    with pytest.raises(InvalidInputError, match="no square matrix"):
        parse_matrix(text)


def test_a_cell_that_is_no_number_is_named() -> None:
    with pytest.raises(InvalidInputError, match="'x' in line 3 is no number"):
        parse_matrix("A,B,C\n1,0,0\n0,1,x\n0,0,1\n")


def test_a_matrix_without_inverse_is_refused() -> None:
    columns = [np.ones(3, np.float32)] * 2
    for matrix in ([[1, 1], [1, 1]], [[1, float("nan")], [0, 1]], [[1, 0]]):
        with pytest.raises(InvalidInputError):
            compensate(columns, np.array(matrix))
    with pytest.raises(InvalidInputError, match="2 channels, but 1"):
        compensate(columns[:1], np.eye(2))
    with pytest.raises(InvalidInputError, match="comma"):
        format_spill(["a,b"], np.eye(1))
