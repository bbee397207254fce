"""The feature-major index: single features, sets of features, damage."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from cytosol.base.errors import DamagedDataError, NotFoundError, UnsupportedFormatError
from cytosol.formats.spatialdata.feature_index import FeatureIndex
from cytosol.formats.spatialdata.index_writer import FeatureIndexWriter
from tests.formats.spatialdata.sources import open_index


@pytest.fixture
def matrix() -> sp.csc_matrix:
    """300,000 cells so that cell numbers need more than 16 bits; empty, full, rare and float-like features."""
    rng = np.random.default_rng(4)
    columns = [np.zeros(300_000, np.uint32) for _ in range(6)]
    columns[1][:] = rng.integers(1, 255, 300_000)
    columns[2][[5, 70_000, 299_999]] = [1, 256, 65_536]
    columns[3][299_999] = 2**24
    columns[5][rng.choice(300_000, 9000, replace=False)] = rng.integers(1, 300, 9000)
    return sp.csc_matrix(np.stack(columns, axis=1))


@pytest.fixture
def path(tmp_path: Path, matrix: sp.csc_matrix) -> Path:
    place = tmp_path / "index"
    with FeatureIndexWriter(place, *matrix.shape) as writer:
        writer.add(matrix[:, :2])
        writer.add(matrix[:, 2:])
        writer.close(np.asarray(matrix.sum(axis=1), dtype=np.float64).ravel())
    return place


def test_one_feature(path: Path, matrix: sp.csc_matrix) -> None:
    index = open_index(path)
    assert (index.shape, index.nnz) == (matrix.shape, matrix.nnz)
    for feature in range(6):
        cells, values = index.feature(feature)
        assert (cells.dtype, values.dtype) == (np.int32, np.float32)
        np.testing.assert_array_equal(cells, matrix[:, feature].indices)
        np.testing.assert_array_equal(values, matrix[:, feature].data)


def test_sets_of_features_in_any_order(path: Path, matrix: sp.csc_matrix) -> None:
    index = open_index(path)
    for asked in ([5, 0, 2, 2], [4], [], range(6), np.array([3, 1])):
        found = index.features(asked)
        assert found.dtype == np.float32
        assert found.shape == (300_000, len(asked))
        assert abs(found - matrix[:, list(asked)].astype(np.float32)).nnz == 0
        found.check_format(full_check=True)


def test_blocks_cover_everything_within_the_limit(path: Path, matrix: sp.csc_matrix) -> None:
    starts, blocks = zip(*open_index(path).blocks(1 << 20), strict=True)
    assert len(blocks) > 1
    assert list(starts) == np.cumsum([0, *(block.shape[1] for block in blocks[:-1])]).tolist()
    assert abs(sp.hstack(blocks) - matrix).nnz == 0


def test_opening_reads_tables_only_and_joins_neighbours(path: Path) -> None:
    data, reads = path.read_bytes(), []

    def read(offset: int, length: int) -> bytes:
        reads.append(length)
        return data[offset : offset + length]

    index = FeatureIndex.open(read)
    assert reads == [128, 21 * 6 + 8]
    index.features([2, 3])
    assert len(reads) == 3
    index.feature(0)
    assert len(reads) == 3
    assert index.totals is index.totals
    assert len(reads) == 4


def test_places_outside_are_refused(path: Path) -> None:
    index = open_index(path)
    for call in (lambda: index.feature(6), lambda: index.feature(-1), lambda: index.features([0, 6])):
        with pytest.raises(NotFoundError):
            call()


@pytest.mark.parametrize("kind", ["cut", "foreign", "tables", "frame", "empty"])
def test_damage_is_named(path: Path, kind: str) -> None:
    data = bytearray(path.read_bytes())
    tables_at = struct.unpack_from("<q", data, 40)[0]
    if kind == "cut":
        data = data[: tables_at + 10]
    elif kind == "foreign":
        data[:8] = b"\x89HDF\r\n\x1a\n"
    elif kind == "tables":
        data[tables_at + 3] ^= 1
    elif kind == "frame":
        data[128 : 128 + 16] = bytes(16)
    else:
        data = bytearray()
    with pytest.raises(DamagedDataError):
        FeatureIndex.open(lambda offset, length: bytes(data[offset : offset + length])).feature(1)


def test_a_newer_format_is_refused(path: Path) -> None:
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, 8, 2)
    with pytest.raises(UnsupportedFormatError):
        FeatureIndex.open(lambda offset, length: bytes(data[offset : offset + length]))


def test_an_unfinished_index_leaves_nothing(tmp_path: Path, matrix: sp.csc_matrix) -> None:
    with FeatureIndexWriter(tmp_path / "index", *matrix.shape) as writer:
        writer.add(matrix[:, :2])
        with pytest.raises(ValueError, match="2 of 6"):
            writer.close(np.zeros(300_000))
    assert list(tmp_path.iterdir()) == []
