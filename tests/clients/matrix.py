"""A pytest plugin that keeps ``matrix.json``: what became of every method of every published client.

Drivers tell it each call. At the end of a run it compares with the committed file, which becomes
docs/reference/clients.md by ``scripts/make_clients_page.py``. ``pytest tests/clients --write-client-matrix`` renews it.
Only outcomes are compared, never times, and a run of some of the tests only complains about what it has seen.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

FILE = Path(__file__).with_name("matrix.json")
Result = Literal["works", "refused", "client fault", "absent"]
RANK: dict[str, int] = {"works": 3, "refused": 2, "client fault": 1, "absent": 0}
Matrix = dict[str, dict[str, dict[str, str]]]
"""Client, release, method (with its class, as in ``BBrowserXConnector.query_genes``), then the outcome; behind a colon
may follow a note written by hand."""

_seen: dict[tuple[str, str, str], str] = {}
_OUTPUT = "client_matrix"
_told = pytest.StashKey[list[str]]()


def record(client: str, release: str, method: str, outcome: Result) -> None:
    """Tell what a call gave; of several calls of a method the best outcome counts.

    Parameters
    ----------
    outcome : "works" = it gave what its test asserts; "refused" = the server says why not; "client fault" = the client
        fails by itself, as documented; "absent" = this release has no such method any more
    """
    key = (client, release, method)
    if RANK[outcome] >= RANK.get(_seen.get(key, ""), -1):
        _seen[key] = outcome


def read_matrix() -> Matrix:
    """The committed matrix."""
    found: Matrix = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    return found


def listed(client: str, release: str) -> list[str]:
    """The methods of a release in the committed matrix."""
    return sorted(read_matrix().get(client, {}).get(release, {}))


def merged(matrix: Matrix, seen: dict[tuple[str, str, str], str], *, whole: bool) -> Matrix:
    """The matrix with what was seen; notes stay. A whole run also forgets what it did not see of a release."""
    fresh: Matrix = {client: {r: dict(methods) for r, methods in rest.items()} for client, rest in matrix.items()}
    if whole:
        for client, release in {key[:2] for key in seen}:
            known = fresh.get(client, {}).get(release, {})
            fresh.setdefault(client, {})[release] = {m: e for m, e in known.items() if (client, release, m) in seen}
    for (client, release, method), outcome in seen.items():
        methods = fresh.setdefault(client, {}).setdefault(release, {})
        was, _, note = methods.get(method, "").partition(": ")
        if whole or RANK[outcome] > RANK.get(was, -1):
            methods[method] = f"{outcome}: {note}" if note and outcome == was else outcome
    return fresh


def as_text(matrix: Matrix) -> str:
    """The matrix as it is committed."""
    return json.dumps(matrix, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def differences(matrix: Matrix, seen: dict[tuple[str, str, str], str], *, whole: bool) -> Iterator[str]:
    """Where a run and the committed matrix say different things."""
    fresh = merged(matrix, seen, whole=whole)
    for client, release in sorted({key[:2] for key in seen}):
        old, new = matrix.get(client, {}).get(release, {}), fresh[client][release]
        for method in sorted(old.keys() | new.keys()):
            was, now = old.get(method, "not listed"), new.get(method, "not called")
            if was != now:
                yield f"{client} {release} {method}: {now}; matrix.json says: {was}"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-client-matrix", action="store_true", help="renew tests/clients/matrix.json from this run")


def _is_whole(session: pytest.Session) -> bool:
    """Whether all tests of the clients ran and passed."""
    option = session.config.option
    args = {Path(arg).resolve() for arg in session.config.args}
    root = session.config.rootpath
    everything = bool(args & {root.resolve(), root / "tests", root / "tests" / "clients"})
    return everything and not option.keyword and not option.markexpr and session.exitstatus == 0


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """What a worker of xdist saw."""
    for client, release, method, outcome in getattr(node, "workeroutput", {}).get(_OUTPUT, []):
        record(client, release, method, outcome)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    config: Any = session.config
    if hasattr(config, "workeroutput"):
        config.workeroutput[_OUTPUT] = [[*key, outcome] for key, outcome in _seen.items()]
        return
    if not _seen or config.option.collectonly:
        return
    whole, matrix = _is_whole(session), read_matrix()
    if config.option.write_client_matrix:
        FILE.write_text(as_text(merged(matrix, _seen, whole=whole)), encoding="utf-8")
        return
    config.stash[_told] = list(differences(matrix, _seen, whole=whole))
    if config.stash[_told] and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for line in config.stash.get(_told, []):
        terminalreporter.write_line(f"clients: {line}", red=True)
    if config.stash.get(_told, []):
        terminalreporter.write_line(
            "clients: run 'pytest tests/clients --write-client-matrix', then scripts/make_clients_page.py", red=True
        )
