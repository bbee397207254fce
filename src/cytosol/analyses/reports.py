"""A report as one page of HTML: sentences, tables and figures, and nothing that is fetched from elsewhere."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass

_STYLE = """
body { font: 14px/1.5 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; color: #1b1f23; max-width: 960px;
  margin: 32px auto; padding: 0 24px; }
h1 { font-size: 22px; margin: 0 0 4px; } h2 { font-size: 16px; margin: 32px 0 8px; } p { margin: 4px 0 12px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: left; color: #5c656d; font-weight: 600; } th, td { padding: 4px 16px 4px 0; border-bottom: 1px solid
  #dfe3e6; } td.number, th.number { text-align: right; } img { max-width: 100%; } .soft { color: #5c656d; }
"""
Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings; None = no value."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG, and what it shows in words."""

    png: bytes
    alt: str
    width: int


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands under it, in order."""

    title: str
    parts: Sequence[str | Table | Picture]


def report_page(title: str, subtitle: str, sections: Sequence[Section]) -> bytes:
    """The page, UTF-8; every text in it is escaped."""
    parts = [f"<h1>{html.escape(title)}</h1><p class=soft>{html.escape(subtitle)}</p>"]
    for section in sections:
        parts.append(f"<section><h2>{html.escape(section.title)}</h2>")
        parts += [_part(part) for part in section.parts]
        parts.append("</section>")
    head = f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
    return f"{head}<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>".encode()


def _part(part: str | Table | Picture) -> str:
    if isinstance(part, str):
        return f"<p>{html.escape(part)}</p>"
    if isinstance(part, Picture):
        data = base64.b64encode(part.png).decode()
        alt = html.escape(part.alt, quote=True)
        return f'<img src="data:image/png;base64,{data}" alt="{alt}" width="{part.width}">'
    return _table(part)


def _table(table: Table) -> str:
    is_number = [any(isinstance(row[place], int | float) for row in table.rows) for place in range(len(table.columns))]

    def line(cells: Sequence[Cell], tag: str) -> str:
        made = []
        for cell, number in zip(cells, is_number, strict=True):
            made.append(f"<{tag}{' class=number' if number else ''}>{html.escape(_spelled(cell))}</{tag}>")
        return f"<tr>{''.join(made)}</tr>"

    body = "".join(line(row, "td") for row in table.rows)
    return f"<table><thead>{line(table.columns, 'th')}</thead><tbody>{body}</tbody></table>"


def _spelled(cell: Cell) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, bool | str):
        return str(cell)
    return f"{cell:,}" if isinstance(cell, int) else f"{cell:,.4g}"
