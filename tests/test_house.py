"""The rules of the house that no linter holds: lengths, packages, light imports, finished code, packaging in step."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "cytosol"
SKIPPED_FOLDERS = {"node_modules", "dist", "__pycache__", "static"}
MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60
MAX_CLASS_LINES = 300

# libraries that cost seconds or a hundred megabytes to import: they belong into job processes
HEAVY = {
    "anndata",
    "scanpy",
    "spatialdata",
    "numba",
    "llvmlite",
    "scranpy",
    "igraph",
    "squidpy",
    "sklearn",
    "matplotlib",
    "dask",
}
LIGHT = {
    "annotated_doc", "annotated_types", "attr", "click", "dotenv", "markdown_it", "mdurl", "platformdirs", "pydantic",
    "pydantic_core", "pydantic_settings", "pygments", "rich", "shellingham", "typer", "typing_extensions",
    "typing_inspection",
}  # fmt: skip
CLIENT = LIGHT | {"anyio", "arro3", "certifi", "h11", "httpcore", "httpx", "idna", "numpy", "orjson", "sniffio", "tqdm"}

PRINT_THIRD_PARTIES = """
import sys
own = set(sys.stdlib_module_names) | {"cytosol", "__main__", "__mp_main__", "sitecustomize", "usercustomize"}
roots = {name.partition(".")[0] for name in sys.modules} - own
print("\\n".join(sorted(root for root in roots if not root.startswith(("_", "__editable__")))))
"""


def files(*suffixes: str, under: tuple[str, ...] = ("src", "tests", "bench", "scripts", "web")) -> Iterator[Path]:
    for name in under:
        for path in sorted((ROOT / name).rglob("*")):
            if path.suffix in suffixes and not SKIPPED_FOLDERS.intersection(path.relative_to(ROOT).parts):
                yield path


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def code_lines(source: str) -> set[int]:
    """Lines that hold code: no blank lines, comments or docstrings."""
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in skipped:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def too_long(source: str) -> Iterator[str]:
    lines = code_lines(source)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            limit = MAX_FUNCTION_LINES
        elif isinstance(node, ast.ClassDef):
            limit = MAX_CLASS_LINES
        else:
            continue
        count = len(lines.intersection(range(node.lineno, (node.end_lineno or node.lineno) + 1)))
        if count > limit:
            yield f"{node.name} in line {node.lineno} has {count} lines of code, {limit} are allowed"


def third_parties_after(code: str) -> set[str]:
    """Import names of the libraries that a fresh process holds after some code."""
    result = subprocess.run(
        [sys.executable, "-c", code + PRINT_THIRD_PARTIES], capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr
    return set(result.stdout.split())


def imported(nodes: Iterable[ast.AST]) -> set[str]:
    """Import names of the libraries that these statements import."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found.update(name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found - {"cytosol"} - sys.stdlib_module_names


def test_files_are_short() -> None:
    lengths = {shown(path): len(path.read_bytes().splitlines()) for path in files(".py", ".ts", ".tsx")}
    assert len(lengths) > 20
    assert {name: length for name, length in lengths.items() if length > MAX_FILE_LINES} == {}


def test_functions_and_classes_are_short() -> None:
    found = [f"{shown(path)}: {fault}" for path in files(".py") for fault in too_long(path.read_text(encoding="utf-8"))]
    assert found == []


def test_the_length_test_can_fail() -> None:
    body = "".join(f"    x{i} = {i}\n" for i in range(MAX_FUNCTION_LINES))
    assert list(too_long(f"def long():\n{body}")) == ["long in line 1 has 61 lines of code, 60 are allowed"]
    assert (
        list(too_long('def fits():\n    """One.\n\n    Two.\n    """\n\n    # three\n' + body.split("\n", 1)[1])) == []
    )


def test_every_folder_of_modules_is_a_package_and_init_files_are_empty() -> None:
    allowed = {SOURCE / "__init__.py", SOURCE / "sdk" / "__init__.py"}
    modules = list(files(".py", under=("src",)))
    bare = {shown(path.parent) for path in modules if not (path.parent / "__init__.py").is_file()}
    assert bare == set()
    assert [
        shown(path) for path in modules if path.name == "__init__.py" and path.stat().st_size and path not in allowed
    ] == []


def test_nothing_is_left_unfinished() -> None:
    # an <input> may have a placeholder
    word = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b|(?<!\.)\b[Pp]laceholder\b(?!\s*[=:?])")
    found = [
        f"{shown(path)}:{number}: {line.strip()}"
        for path in files(".py", ".ts", ".tsx", under=("src", "web/src"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if word.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("words", [["--help"], ["serve", "--help"]])
def test_help_loads_only_the_command_line_library(words: list[str]) -> None:
    code = f"""
import sys
sys.argv = ["cytosol", *{words!r}]
from cytosol.cli.main import app
import contextlib, io
with contextlib.redirect_stdout(io.StringIO()):
    try:
        app()
    except SystemExit as end:
        assert end.code in (0, None), end.code
"""
    assert third_parties_after(code) - LIGHT == set()


def test_the_client_loads_no_reader_and_no_server() -> None:
    assert third_parties_after("import cytosol.sdk\ncytosol.Client\n") - CLIENT == set()


def test_the_server_process_loads_no_heavy_library() -> None:
    code = """
import importlib, pkgutil
for floor in ("asgi", "catalog", "dialects", "server", "cli"):
    package = importlib.import_module(f"cytosol.{floor}")
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
"""
    assert third_parties_after(code) & HEAVY == set()


def test_the_small_distribution_is_in_step() -> None:
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    small = tomllib.loads((ROOT / "packaging" / "sdk" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (small["version"], small["requires-python"]) == (whole["version"], whole["requires-python"])
    asked = [*small["dependencies"], *(name for extra in small["optional-dependencies"].values() for name in extra)]
    assert set(asked) - set(whole["dependencies"]) == set()


def test_the_small_distribution_asks_for_what_the_client_imports() -> None:
    small = tomllib.loads((ROOT / "packaging" / "sdk" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [name for extra in small["optional-dependencies"].values() for name in extra]
    always, sometimes = (
        {re.split(r"[-<>=\[;]", name)[0].replace("_", "-") for name in names}
        for names in (small["dependencies"], extras)
    )
    for path in files(".py", under=("src/cytosol/sdk", "src/cytosol/model")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        # what stands in a function or under `if TYPE_CHECKING` may need an extra
        assert imported(tree.body) - always == set(), shown(path)
        assert imported(ast.walk(tree)) - always - sometimes == set(), shown(path)


def test_pinned_versions_name_no_address() -> None:
    pinned = sorted((ROOT / "constraints").glob("*.txt"))
    assert [path.name for path in pinned] == ["py3.11.txt", "py3.12.txt"]
    line = re.compile(r"[a-z0-9-]+==[0-9][^ /@]*")
    assert [
        text
        for path in pinned
        for text in path.read_text(encoding="ascii").split("\n")[:-1]
        if not line.fullmatch(text)
    ] == []
    assert '"resolved"' not in (ROOT / "web" / "package-lock.json").read_text(encoding="utf-8")


def test_change_notes_have_proper_names(tmp_path: Path) -> None:
    check = ROOT / "scripts" / "check_changes.py"
    assert subprocess.run([sys.executable, check], check=False).returncode == 0
    copy = tmp_path / "scripts" / "check_changes.py"
    copy.parent.mkdir()
    copy.write_bytes(check.read_bytes())
    (tmp_path / "changes").mkdir()
    (tmp_path / "changes" / "7.feature.md").write_text("A new thing.\n", encoding="utf-8")
    (tmp_path / "changes" / "7.feature2.md").write_text("A new thing.\n", encoding="utf-8")
    (tmp_path / "changes" / "8.fix.md").write_text("\n", encoding="utf-8")
    result = subprocess.run([sys.executable, copy], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert re.findall(r"changes/(\S+):", result.stderr) == ["7.feature2.md", "8.fix.md"]
