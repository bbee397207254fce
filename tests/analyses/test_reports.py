"""Pages of reports: every text is escaped, numbers stand right, both themes are in the page, nothing is fetched."""

from __future__ import annotations

import base64
import re

from cytosol.analyses.reports import Picture, Section, Table, report_page


def page() -> str:
    table = Table(("Population", "Events"), [("CD4 < CD8", 12_345), ("none", None)])
    parts = ("Two & more.", table, Picture(b"\x89PNG", b"\x89PNG dark", 'a "map"', 300))
    return report_page("Report <1>", "of a.fcs", [Section("All", parts)]).decode()


def test_texts_are_escaped_and_numbers_stand_right() -> None:
    made = page()
    assert "<h1>Report &lt;1&gt;</h1>" in made
    assert "<td>CD4 &lt; CD8</td><td class=number>12,345</td>" in made
    assert "<td class=number>–</td>" in made
    assert 'alt="a &quot;map&quot;"' in made


def test_a_report_has_a_background_in_both_themes() -> None:
    made = page()
    (style,) = re.findall(r"<style>(.*?)</style>", made, re.DOTALL)
    assert "html { background: var(--paper); }" in style
    assert style.count("color-scheme: light;") == 2
    assert style.count("color-scheme: dark;") == 2
    assert '<html lang="en" id="dark">' in made
    assert '<body id="light">' in made


def test_a_figure_is_there_for_both_themes_and_one_shows() -> None:
    made = page()
    images = re.findall(
        r'<img class=(\w+) src="data:image/png;base64,([^"]+)" alt="a &quot;map&quot;" width="300">', made
    )
    assert [(theme, base64.b64decode(data)) for theme, data in images] == [
        ("light", b"\x89PNG"),
        ("dark", b"\x89PNG dark"),
    ]
    assert ".dark { display: none; }" in made
    assert ":root:target .light, :root:has(> body:target) .dark { display: none; }" in made


def test_nothing_is_fetched_from_elsewhere() -> None:
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page())
    assert "url(" not in page()
