"""Check the names and texts of the entries in ``changes/``; the rules stand in ``changes/README.md``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "changes"
NAME = re.compile(r"[1-9][0-9]*\.(feature|fix|doc|removal|misc)(\.[a-z0-9-]+)?\.md")


def problems(folder: Path) -> list[str]:
    """Say what is wrong with each entry of a folder; empty when nothing is."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.name == "README.md":
            continue
        if not NAME.fullmatch(path.name):
            found.append(f"{path.name}: the name has to be <number>.<feature|fix|doc|removal|misc>[.<word>].md")
        elif not path.read_text(encoding="utf-8").strip():
            found.append(f"{path.name}: the entry is empty")
    return found


def main() -> int:
    """Print each problem; 0 when there is none."""
    found = problems(FOLDER)
    for problem in found:
        print(f"changes/{problem}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
