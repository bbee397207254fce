"""Write the generated pages of docs/reference: settings and errors. ``--check`` fails where a page is out of date."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

from cytosol.base.errors import CytosolError
from cytosol.base.settings import Settings

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"


def settings_page() -> str:
    """One row a setting, from its field."""
    lines = [
        "# Settings",
        "",
        "Each can be given as a flag of `cytosol serve` where one exists, as the environment variable",
        "`CYTOSOL_<NAME>`, or in `cytosol.toml` in the data folder; the first of these that names it wins.",
        "",
        "| setting | default | what it is |",
        "| --- | --- | --- |",
    ]
    for name, field in Settings.model_fields.items():
        default = "the user's data folder" if name == "data" else f"`{field.default!r}`"
        lines.append(f"| `{name}` | {default} | {field.description} |")
    return "\n".join(lines) + "\n"


def errors_page() -> str:
    """One row an error class, from its docstring."""
    lines = [
        "# Errors",
        "",
        "Every error has a stable code and a sentence that says what was wrong, where, and what to do. The native API",
        "sends them as problem+json (RFC 9457); the SDK raises the class of the same name.",
        "",
        "| code | class | meaning |",
        "| --- | --- | --- |",
    ]
    waiting: list[type[CytosolError]] = [CytosolError]
    while waiting:
        cls = waiting.pop(0)
        lines.append(f"| `{cls.code}` | `{cls.__name__}` | {(inspect.getdoc(cls) or '').splitlines()[0]} |")
        waiting = cls.__subclasses__() + waiting
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the pages, or compare them."""
    stale = []
    for name, text in (("settings.md", settings_page()), ("errors.md", errors_page())):
        path = REFERENCE / name
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
    if stale:
        print(f"out of date: {', '.join(stale)}; run scripts/make_reference.py")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
