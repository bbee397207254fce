"""Write docs/reference/clients.md from what the tests saw of the published clients; ``--check`` compares.

The tests write it down themselves: ``pytest tests/clients --write-client-matrix``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
MATRIX = ROOT / "tests" / "clients" / "matrix.json"
PAGE = ROOT / "docs" / "reference" / "clients.md"
HEAD = """# Published clients: every method

Each client below was driven unmodified, in an environment of its own with pinned versions, against a running server;
what it gave was compared with AnnData, scanpy or a computation of its own. `make test` does it again, and fails where
this page is out of date.

The CellEngine toolkits are in no package index. Under `cellengine, by its wire`, code of our own sends what each method
of the one for Python sends, and reads the answers as strictly; the toolkits themselves run where a checkout of them is
given ([details](dialect-cellengine.md)).

- **works**: it gives what the tests expect
- **refused**: the server answers with a sentence that says why not
- **client fault**: the client itself fails, whatever a server answers
- **absent**: the release does not have it any more; **–**: it never had
"""
Releases = dict[str, dict[str, str]]


def page(matrix: dict[str, Releases]) -> str:
    """The page."""
    lines = [HEAD]
    for client, releases in sorted(matrix.items()):
        lines += [f"## {client}", ""]
        names = sorted(releases, key=version, reverse=True)
        for name in names:
            there = [outcome for outcome in releases[name].values() if outcome != "absent"]
            count = sum(outcome.startswith("works") for outcome in there)
            lines.append(f"- {name}: {count} of {len(there)} methods work")
        lines += ["", f"| class | method | {' | '.join(names)} | |", "| --- " * (len(names) + 3) + "|"]
        lines += [row(method, [releases[name] for name in names]) for method in sorted(set().union(*releases.values()))]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def row(name: str, releases: list[dict[str, str]]) -> str:
    """A method in all releases, with the notes on it."""
    group, _, method = name.rpartition(".")
    said = [methods.get(name, "–").partition(": ") for methods in releases]
    notes = "; ".join(dict.fromkeys(note for _, _, note in said if note))
    return (
        f"| {f'`{group}`' if group else ''} | `{method}` | {' | '.join(outcome for outcome, _, _ in said)} | {notes} |"
    )


def version(text: str) -> tuple[int, ...]:
    """A release as numbers, to sort by."""
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def main() -> int:
    """Write the page, or compare it."""
    text = page(json.loads(MATRIX.read_text(encoding="utf-8")))
    if "--check" not in sys.argv:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        print("out of date: docs/reference/clients.md; run scripts/make_clients_page.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
