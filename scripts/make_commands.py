"""Write docs/reference/commands.md from the commands themselves. ``--check`` fails where it is out of date."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from cytosol.cli.main import app

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "commands.md"


def page() -> str:
    """One section a command."""
    lines = ["# Commands", "", "All take `--data DIR`, else `CYTOSOL_DATA`, else the user's data folder.", ""]
    group = typer.main.get_command(app)
    for name, command in sorted(group.commands.items()):
        inner = getattr(command, "commands", None)
        for path, leaf in (
            [(f"{name} {sub}", cmd) for sub, cmd in sorted(inner.items())] if inner else [(name, command)]
        ):
            lines += [f"## cytosol {path}", "", (leaf.help or "").strip(), ""]
            options = [p for p in leaf.params if p.name not in ("help", "data")]
            if options:
                lines += ["| option | what it is |", "| --- | --- |"]
            for option in options:
                is_argument = option.param_type_name == "argument"
                shown = (option.metavar or option.name.upper()) if is_argument else ", ".join(option.opts)
                lines.append(f"| `{shown}` | {(getattr(option, 'help', '') or '').strip()} |".replace("  |", " |"))
            if options:
                lines.append("")
    return "\n".join(lines)


def main() -> int:
    """Write the page, or compare it."""
    text = page()
    if "--check" not in sys.argv:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        print("out of date: commands.md; run scripts/make_commands.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
