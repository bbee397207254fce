"""Words of the clients and ours."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cytosol.analyses.matrix.filtering import FilterParams
from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.base.keys import new_key
from cytosol.base.tables import ColumnData
from cytosol.dialects.bioturing import wire
from cytosol.dialects.bioturing.translate import (
    column_values,
    filed_under,
    filters_of,
    is_species,
    key_of,
    metadata_frame,
    species_of,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("human", "human"),
        ("Homo sapiens", "human"),
        ("MOUSE", "mouse"),
        ("primate", "primate"),
        ("nonHumanPrimate", "primate"),
        ("non-human primate", "primate"),
        ("others", "others"),
        ("Zebrafish ", "zebrafish"),
        ("", "others"),
    ],
)
def test_species_have_one_spelling(text: str, expected: str) -> None:
    assert species_of(text) == expected
    assert species_of(species_of(text)) == expected


def test_others_lists_every_species_without_a_name_of_its_own() -> None:
    assert is_species("zebrafish", "others")
    assert is_species("others", "Others")
    assert is_species("zebrafish", "zebrafish")
    assert not is_species("human", "others")
    assert not is_species("zebrafish", "human")


def test_groups() -> None:
    key = new_key()
    assert filed_under("personal") == "personal"
    assert filed_under("bioturing_public_studies") == "public"
    assert filed_under(key.hex32) == key
    with pytest.raises(NotFoundError, match="no such group"):
        filed_under("lab")


def test_an_id_that_cannot_be_ours_does_not_exist() -> None:
    key = new_key()
    assert key_of(key.hex32, "study") == key
    foreign = "ffffffffffffffffffffffffffffffff"  # a uuid4 of somebody else
    with pytest.raises(NotFoundError, match="no such study"):
        key_of(foreign, "study")


def test_default_filters_of_the_client_are_no_bounds() -> None:
    sent = {"min_counts": 0, "min_genes": 0, "max_counts": 1e9, "max_genes": 1e9, "mt_percentage": 1.0}
    assert FilterParams.from_json(filters_of(wire.FilterParams(**sent))) == FilterParams()
    unknown = dict.fromkeys(sent, "unk")  # a processed folder
    assert FilterParams.from_json(filters_of(wire.FilterParams.model_validate(unknown))) == FilterParams()


def test_mitochondrial_share_is_a_fraction_on_the_wire() -> None:
    sent = {"min_counts": 10, "min_genes": 0, "max_counts": 500.0, "max_genes": 1e9, "mt_percentage": 0.25}
    params = FilterParams.from_json(filters_of(wire.FilterParams.model_validate(sent)))
    assert params == FilterParams(min_counts=10, max_counts=500, max_mito_share=0.25)


def test_missing_values_are_null() -> None:
    column = ColumnData(np.array([1, -1, 0], np.int32), categories=["a", "b"])
    assert column_values(column) == ["b", None, "a"]
    assert column_values(ColumnData(np.array(["x", None], dtype=object))) == ["x", None]
    assert column_values(ColumnData(np.array([-1], np.int32), categories=[])) == [None]


def test_text_nan_of_the_client_is_missing_again() -> None:
    frame = metadata_frame({"barcodes": ["a", "b", 3], "text": ["x", "nan", "None"], "number": [1.0, 2.5, 0.0]})
    assert list(frame.index) == ["a", "b", "3"]
    assert frame["text"].tolist() == ["x", None, "None"]
    assert pd.api.types.is_float_dtype(frame["number"])


def test_metadata_have_barcodes_and_equal_lengths() -> None:
    with pytest.raises(InvalidInputError, match="no barcodes"):
        metadata_frame({"a": [1]})
    with pytest.raises(InvalidInputError, match="2 values for 1 barcodes"):
        metadata_frame({"barcodes": ["x"], "a": [1, 2]})
