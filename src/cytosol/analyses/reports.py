"""A report as one page of HTML: sentences, tables and figures, and nothing that is fetched from elsewhere."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass

_LIGHT = "--paper: #ffffff; --ink: #1b1f23; --soft: #5c656d; --line: #dfe3e6; color-scheme: light;"
_DARK = "--paper: #14171a; --ink: #e8ebee; --soft: #b4bcc4; --line: #3a4148; color-scheme: dark;"
# as the reader's system has it, or as the address says: '#light', '#dark'; on paper always light
_STYLE = f"""
:root {{ {_LIGHT} }}
@media screen and (prefers-color-scheme: dark) {{ :root {{ {_DARK} }} }}
@media screen {{ :root:target {{ {_DARK} }} :root:has(> body:target) {{ {_LIGHT} }} }}
html {{ background: var(--paper); }}
body {{ font: 14px/1.5 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; color: var(--ink); max-width: 960px;
  margin: 0 auto; padding: 32px 24px; }}
h1 {{ font-size: 22px; margin: 0 0 4px; }} h2 {{ font-size: 16px; margin: 32px 0 8px; }} p {{ margin: 4px 0 12px; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th {{ text-align: left; color: var(--soft); font-weight: 600; }}
th, td {{ padding: 4px 16px 4px 0; border-bottom: 1px solid var(--line); }}
td.number, th.number {{ text-align: right; }} .soft {{ color: var(--soft); }}
.wide {{ overflow-x: auto; margin: 4px 0 12px; }}
img {{ max-width: 100%; height: auto; }} .dark {{ display: none; }}
@media screen and (prefers-color-scheme: dark) {{ .light {{ display: none; }} .dark {{ display: inline; }} }}
@media screen {{
  :root:target .light, :root:has(> body:target) .dark {{ display: none; }}
  :root:target .dark, :root:has(> body:target) .light {{ display: inline; }}
}}
"""
Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings; None = no value."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG, the same on dark paper, and what it shows in words."""

    png: bytes
    dark: bytes
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
    head = '<!doctype html><html lang="en" id="dark"><head><meta charset="utf-8">'
    head += f'<meta name="viewport" content="width=device-width"><title>{html.escape(title)}</title>'
    return f'{head}<style>{_STYLE}</style></head><body id="light">{"".join(parts)}</body></html>'.encode()


def _part(part: str | Table | Picture) -> str:
    if isinstance(part, str):
        return f"<p>{html.escape(part)}</p>"
    if isinstance(part, Picture):
        alt = html.escape(part.alt, quote=True)
        images = [("light", base64.b64encode(part.png).decode()), ("dark", base64.b64encode(part.dark).decode())]
        return "".join(
            f'<img class={theme} src="data:image/png;base64,{data}" alt="{alt}" width="{part.width}">'
            for theme, data in images
        )
    return _table(part)


def _table(table: Table) -> str:
    is_number = [any(isinstance(row[place], int | float) for row in table.rows) for place in range(len(table.columns))]

    def line(cells: Sequence[Cell], tag: str) -> str:
        made = []
        for cell, number in zip(cells, is_number, strict=True):
            made.append(f"<{tag}{' class=number' if number else ''}>{html.escape(_spelled(cell))}</{tag}>")
        return f"<tr>{''.join(made)}</tr>"

    body = "".join(line(row, "td") for row in table.rows)
    return f"<div class=wide><table><thead>{line(table.columns, 'th')}</thead><tbody>{body}</tbody></table></div>"


def _spelled(cell: Cell) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, bool | str):
        return str(cell)
    return f"{cell:,}" if isinstance(cell, int) else f"{cell:,.4g}"
