"""Write the sync twin of the SDK from its async source. ``--check`` fails where the twin is out of date."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SDK = Path(__file__).parents[1] / "src" / "cytosol" / "sdk"
RULES = (
    (r"\bimport asyncio\n", ""),
    (r"\basyncio\.sleep\b", "time.sleep"),
    (r"\basync (def|with|for)\b", r"\1"),
    (r"\bawait ", ""),
    (r"cytosol\.sdk\.aio\b", "cytosol.sdk.sync"),
    (r"\bAsyncBaseTransport\b", "BaseTransport"),
    (r"\bAsyncIterator\b", "Iterator"),
    (r"\bAsync([A-Z]\w+)", r"\1"),
    (r"__aenter__", "__enter__"),
    (r"__aexit__", "__exit__"),
    (r"\baclose\b", "close"),
    (r"\baread\b", "read"),
    (r"\baiter_bytes\b", "iter_bytes"),
)  # fmt: skip


def twin(source: str) -> str:
    """The sync spelling of an async module."""
    for pattern, replacement in RULES:
        source = re.sub(pattern, replacement, source)
    source = re.sub(r"\[item for item in (self\._?http\.pages\(.*?\))\]", r"list(\1)", source)
    source = re.sub(r"for item in page\[\"items\"\]:\n\s+yield item", 'yield from page["items"]', source)
    return formatted(sorted_imports(source))


def sorted_imports(source: str) -> str:
    """Our own import lines in order again, since names changed."""
    block = re.search(r"(?:^from cytosol\..*\n)+", source, re.M)
    if block is None:
        return source
    lines = sorted(block[0].splitlines(keepends=True), key=lambda line: line.split()[1])
    return source[: block.start()] + "".join(lines) + source[block.end() :]


def formatted(source: str) -> str:
    """The source as the formatter spells it."""
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(SDK / "sync" / "x.py"), "-"]
    return subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout


def main() -> int:
    """Write the twins, or compare them."""
    stale = []
    for path in sorted((SDK / "aio").glob("*.py")):
        text = twin(path.read_text(encoding="utf-8"))
        other = SDK / "sync" / path.name
        if "--check" not in sys.argv:
            other.write_text(text, encoding="utf-8")
        elif not other.exists() or other.read_text(encoding="utf-8") != text:
            stale.append(path.name)
    if stale:
        print(f"out of date: sdk/sync/{', '.join(stale)}; run scripts/make_sync_sdk.py")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
