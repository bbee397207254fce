"""Settings: order of the sources, bounds, documentation."""

from __future__ import annotations

from pathlib import Path

import pytest

from cytosol.base.errors import InvalidInputError
from cytosol.base.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]


def test_flag_before_environment_before_file_before_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings(data=tmp_path).port == 8000
    (tmp_path / "cytosol.toml").write_text("port = 1001\nworkers = 3\n")
    assert load_settings(data=tmp_path).port == 1001
    monkeypatch.setenv("CYTOSOL_PORT", "1002")
    assert load_settings(data=tmp_path).port == 1002
    assert load_settings(data=tmp_path, port=1003).port == 1003
    assert load_settings(data=tmp_path, port=None).workers == 3


def test_the_file_lies_in_the_data_folder_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cytosol.toml").write_text("workers = 5\n")
    monkeypatch.setenv("CYTOSOL_DATA", str(tmp_path))
    assert load_settings().workers == 5


def test_problems_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="port"):
        load_settings(data=tmp_path, port=70_000)
    (tmp_path / "cytosol.toml").write_text("prot = 1\n")
    with pytest.raises(InvalidInputError, match="prot"):
        load_settings(data=tmp_path)
    (tmp_path / "cytosol.toml").write_text("port = \n")
    with pytest.raises(InvalidInputError, match=r"cytosol\.toml"):
        load_settings(data=tmp_path)


def test_settings_are_frozen_and_hide_secrets(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path, s3_secret_key="hidden-words")
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1  # type: ignore[misc]
    assert "hidden-words" not in repr(settings)


def test_every_setting_is_documented() -> None:
    page = (ROOT / "docs/reference/settings.md").read_text()
    for name, field in Settings.model_fields.items():
        assert f"| `{name}` |" in page
        assert field.description
        assert field.description in page
