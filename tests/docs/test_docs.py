"""What the docs promise: links lead somewhere, commands and Python names exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import typer

from cytosol.cli.main import app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{name_of(page)} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_exist(page: Path) -> None:
    known = set()
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        known.add(name)
        known |= {f"{name} {sub}" for sub in getattr(command, "commands", {})}
    for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.S):
        for words in re.findall(r"^(?:\S*/)?cytosol (\S+)(?: (\S+))?", block, re.M):
            assert words[0] in known or f"{words[0]} {words[1]}" in known, f"cytosol {' '.join(words)}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_python_blocks_parse(page: Path) -> None:
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.S):
        compile(block, name_of(page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_the_readme_is_short_and_names_the_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 120
    assert "make demo" in text
    assert "make test" in text
