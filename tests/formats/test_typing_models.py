from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cytosol.base.errors import NotFoundError, UnreadableFileError, UnsupportedFormatError
from cytosol.formats.typing_models import model_names, read_model

MODEL: dict[str, Any] = {
    "classes": ["T", "B"], "genes": ["CD3D", "MS4A1"], "coefficients": [[1.0, -1.0]], "intercepts": [0.5],
    "mean": [0, 0], "scale": [1, 1],
}  # fmt: skip


def test_json_and_npz_hold_the_same(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps(MODEL), encoding="utf-8")
    np.savez(tmp_path / "two.npz", **{name: np.array(part) for name, part in MODEL.items()})
    one, two = read_model(tmp_path, "one"), read_model(tmp_path, "two")
    assert one["classes"] == two["classes"] == ["T", "B"]
    np.testing.assert_array_equal(one["coefficients"], two["coefficients"])
    assert model_names(tmp_path) == ["one", "two"]
    assert model_names(tmp_path / "none") == []


@pytest.mark.parametrize(
    ("change", "said"),
    [({"genes": None}, "no 'genes'"), ({"mean": [0]}, "has the shape"), ({"scale": [1, "x"]}, "does not hold numbers")],
)
def test_models_that_lack_something(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    made = {name: part for name, part in (MODEL | change).items() if part is not None}
    (tmp_path / "bad.json").write_text(json.dumps(made), encoding="utf-8")
    with pytest.raises(UnreadableFileError, match=said):
        read_model(tmp_path, "bad")


def test_pickles_are_refused_whatever_they_hold(tmp_path: Path) -> None:
    np.savez(tmp_path / "sly.npz", classes=np.array([object()], dtype=object))
    with pytest.raises(UnreadableFileError):
        read_model(tmp_path, "sly")
    (tmp_path / "Immune_All_Low.pkl").write_bytes(b"x")
    for name in ("Immune_All_Low", "Immune_All_Low.pkl"):
        with pytest.raises(UnsupportedFormatError, match="savez_compressed"):
            read_model(tmp_path, name)
    with pytest.raises(NotFoundError):
        read_model(tmp_path, "../Immune_All_Low")
