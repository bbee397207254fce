"""Figures: size, sameness, what each switch changes, vector text, and gates with their numbers."""

from __future__ import annotations

import base64
import io
import re
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import label

from cytosol.analyses.cytometry.geometry import inside
from cytosol.analyses.cytometry.plots.figures import draw
from cytosol.analyses.cytometry.plots.heatmap import Heatmap, draw_heatmap, of_axes
from cytosol.analyses.cytometry.plots.spec import Axis, Drawing, GateMark, Kind, Layer, PlotStyle
from cytosol.analyses.cytometry.scales import ArcSinhScale, LinearScale
from cytosol.base.errors import CytosolError, InvalidInputError, LimitExceededError

LINEAR = LinearScale(0, 262_144)
ARCSINH = ArcSinhScale(-200, 262_144, 150)
KINDS: tuple[Kind, ...] = ("density", "dot", "contour", "histogram")
BARE = dict.fromkeys(("axes", "axis_labels", "ticks", "tick_labels"), (False, False))


def at(value: float) -> float:
    return float(np.arcsinh(value / 150))


@pytest.fixture(scope="module")
def events() -> np.ndarray:
    rng = np.random.default_rng(11)
    parts = [rng.lognormal([5, 8.5], 0.6, (4000, 2)), rng.lognormal([9.2, 4.5], 0.5, (3000, 2))]
    return np.concatenate([*parts, rng.normal(0, 120, (3000, 2))]).astype(np.float32)


def drawing(events: np.ndarray, kind: Kind = "density", gates: tuple[GateMark, ...] = (), **style: Any) -> Drawing:
    layer = Layer("cells", events[:, 0], events[:, 1])
    x, y = Axis("CD4 (FITC-A)", ARCSINH), Axis("CD8 (PE-A)", ARCSINH)
    return Drawing(kind, x, (layer,), y=y, gates=gates, style=PlotStyle(**style))


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def texts_of_svg(data: bytes) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", data.decode())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("width", "height", "dpi"), [(228, 228, 96), (301, 187, 72), (640, 333, 150)])
def test_a_png_has_exactly_the_size_asked_for(
    events: np.ndarray, kind: Kind, width: int, height: int, dpi: float
) -> None:
    data = draw(drawing(events, kind, width=width, height=height, dpi=dpi))
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    picture = Image.open(io.BytesIO(data))
    assert picture.size == (width, height)
    assert picture.info["dpi"][0] == pytest.approx(dpi, abs=0.1)


@pytest.mark.parametrize("format", ["svg", "pdf"])
def test_vector_files_are_as_large_as_the_pixels_at_their_dpi(events: np.ndarray, format: Any) -> None:
    data = draw(drawing(events, format=format, width=300, height=200, dpi=100)).decode("latin-1")
    if format == "svg":
        found = re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', data)
    else:
        found = re.search(r"MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", data)
    assert found
    assert [float(each) for each in found.groups()] == pytest.approx([216, 144], abs=0.01)


def test_text_of_vector_files_is_text(events: np.ndarray) -> None:
    svg = draw(drawing(events, format="svg"))
    assert {"CD4 (FITC-A)", "CD8 (PE-A)", "0"} <= set(texts_of_svg(svg))
    pdf = draw(drawing(events, format="pdf"))
    assert b"/Type0" in pdf
    streams = [zlib.decompress(part) for part in re.findall(rb"stream\r?\n(x.*?)\r?\nendstream", pdf, re.DOTALL)]
    assert any(re.search(rb"\]? T[jJ]\b", stream) for stream in streams)


@pytest.mark.parametrize("format", ["png", "svg", "pdf"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_drawing_gives_the_same_bytes_on_any_thread(events: np.ndarray, kind: Kind, format: Any) -> None:
    wanted = drawing(events, kind, format=format, width=150, height=150)
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(draw, [wanted] * 4))
    assert found == {draw(wanted)}
    with np.printoptions(legacy="1.21"):
        assert found == {draw(wanted)}


@pytest.mark.parametrize("name", list(BARE))
def test_each_switch_adds_ink_of_its_own_beside_its_axis(events: np.ndarray, name: str) -> None:
    size: dict[str, Any] = {"width": 200, "height": 200, "render_gates": False}
    empty = np.full((1, 2), np.nan, np.float32)
    bare = pixels(draw(drawing(empty, **size, **BARE)))
    assert (bare == 255).all()
    of_x = (pixels(draw(drawing(empty, **size, **{**BARE, name: (True, False)}))) < 250).any(axis=2)
    of_y = (pixels(draw(drawing(empty, **size, **{**BARE, name: (False, True)}))) < 250).any(axis=2)
    assert of_x.any()
    assert of_y.any()
    assert np.argwhere(of_x)[:, 0].min() > 100  # below
    assert np.argwhere(of_y)[:, 1].max() < 100  # to the left


def test_what_lies_beyond_the_scale_is_on_the_axes() -> None:
    far = np.array([[1e7, 1e7], [-1e6, 1e7], [-1e6, -1e6]], np.float32)
    for kind in ("density", "dot"):
        dark = (pixels(draw(drawing(far, kind, width=120, height=120, **BARE))) < 240).any(axis=2)
        rows, columns = np.nonzero(dark)
        inner = (rows > 10) & (rows < 109) & (columns > 10) & (columns < 109)
        assert not inner.any()
        corners = [(rows < 11) & (columns > 108), (rows < 11) & (columns < 11), (rows > 108) & (columns < 11)]
        assert all(corner.any() for corner in corners)
        assert not ((rows > 108) & (columns > 108)).any()


def test_up_is_up_and_right_is_right_in_every_format(events: np.ndarray) -> None:
    one = np.array([[200_000, 0]] * 50, np.float32)
    dark = (pixels(draw(drawing(one, "dot", width=120, height=120, stroke=4, **BARE))) < 200).any(axis=2)
    rows, columns = np.nonzero(dark)
    assert rows.min() > 60
    assert columns.min() > 60
    # in PDF and SVG the picture is stored as a PNG or a stream of the same rows
    svg = draw(drawing(one, "dot", format="svg", width=120, height=120, stroke=4, **BARE)).decode()
    found = re.search(r'<image[^>]*xlink:href="data:image/png;base64,\s*([^"]+)"[^>]*>', svg)
    assert found
    held = np.asarray(Image.open(io.BytesIO(base64.b64decode(found[1]))))[..., 3]
    flipped = "scale(1 -1)" in found[0]
    middle = np.argwhere(held > 0).mean(axis=0) / held.shape
    assert middle[1] > 0.8
    assert (middle[0] < 0.5) if flipped else (middle[0] > 0.5)


def test_each_of_few_events_is_a_dot_and_those_in_a_heap_are_darker() -> None:
    lone = [(at(v), at(v)) for v in (300, 3000, 30_000)]
    heap = np.random.default_rng(2).normal((at(30_000), at(300)), 0.12, (200, 2))
    few = np.sinh(np.concatenate([lone, heap])).astype(np.float32) * 150
    picture = pixels(draw(drawing(few, width=320, height=320, **BARE))).sum(axis=2)
    places, n = label(picture < 700)
    found = [picture[places == number] for number in range(1, n + 1)]
    heaped = max(found, key=len)
    alone = [dot for dot in found if dot is not heaped]
    assert len(alone) >= 3
    assert all(len(dot) >= 4 and dot.min() > heaped.min() + 100 for dot in alone)
    # where it is smoothed there are no dots
    smooth = pixels(draw(drawing(few, width=320, height=320, smoothing=2, **BARE))).sum(axis=2)
    assert (smooth < 765).sum() > 1.5 * (picture < 765).sum()


@pytest.mark.parametrize("kind", ["density", "dot", "contour", "histogram"])
def test_colour_smoothing_and_stroke_change_the_picture(events: np.ndarray, kind: Kind) -> None:
    def red_share(data: bytes) -> float:
        picture = pixels(data)
        ink = picture[(picture < 230).any(axis=2)]
        return float((ink[:, 0] > ink[:, 2] + 20).mean())

    plain = drawing(events, kind, width=160, height=160, **BARE)
    assert red_share(draw(plain)) < 0.02
    for color in ("#c20", "#c20f", "#cc2200", "#CC2200FF"):
        assert red_share(draw(drawing(events, kind, width=160, height=160, color=color, **BARE))) > 0.7
    pictures = [plain]
    if kind != "dot":
        pictures.append(replace(plain, style=replace(plain.style, smoothing=4)))
    if kind != "density":
        pictures.append(replace(plain, style=replace(plain.style, stroke=3)))
    assert len({draw(each) for each in pictures}) == len(pictures)


def test_contours_follow_start_and_step(events: np.ndarray) -> None:
    def n_lines(**style: float) -> int:
        svg = draw(drawing(events, "contour", format="svg", **BARE, **style)).decode()
        return len(re.findall(r'<g id="patch_', svg))

    assert n_lines(percentile_step=5) > n_lines(percentile_step=10) > n_lines(percentile_step=40)
    assert n_lines(percentile_start=80) < n_lines(percentile_start=2)


ANGLES = [0, np.pi / 2, np.pi, 3 * np.pi / 2]
GATES = {
    "rectangle": {"x1": at(2000), "x2": at(262_144), "y1": at(-200), "y2": at(1200)},
    "polygon": {"vertices": [[at(20), at(900)], [at(900), at(900)], [at(900), at(90_000)], [at(20), at(60_000)]]},
    "ellipse": {"center": [at(10_000), at(90)], "angle": 0.3, "major": 2.2, "minor": 1.4},
    "range": {"x1": at(2000), "x2": at(50_000), "y": 0.6},
}


@pytest.mark.parametrize("kind", list(GATES))
def test_a_gate_tells_its_name_and_numbers(events: np.ndarray, kind: str) -> None:
    gate = GateMark(kind, GATES[kind], ("CD4 T cells",))
    of = drawing(events, "histogram" if kind == "range" else "density", (gate,), format="svg")
    if kind == "range":
        of = replace(of, layers=(Layer("cells", events[:, 0]),))
    x, y = (ARCSINH.forward(events[:, axis]) for axis in range(2))
    mask = inside(kind, GATES[kind], x, y)
    share, count = f"{100 * mask.mean():.1f} %", f"{mask.sum():,}"
    assert 0 < mask.sum() < len(events)
    assert {"CD4 T cells", share} <= set(texts_of_svg(draw(of)))
    both = replace(of, style=replace(of.style, gate_label=("eventcount", "median")))
    medians = [float(np.median(events[mask, axis])) for axis in range(1 if kind == "range" else 2)]
    told = texts_of_svg(draw(both))
    assert count in told
    assert ", ".join(f"{value:,.4g}" for value in medians) in told
    for silent in (replace(of.style, gate_label=("none",)), replace(of.style, render_gates=False)):
        assert share not in texts_of_svg(draw(replace(of, style=silent)))


def test_sectors_tell_one_share_each(events: np.ndarray) -> None:
    names = ("++", "−+", "−−", "+−")
    quadrant = GateMark("quadrant", {"x": at(2000), "y": at(1200), "angles": ANGLES}, names)
    told = texts_of_svg(draw(drawing(events, "dot", (quadrant,), format="svg")))
    right, up = events[:, 0] >= 2000, events[:, 1] >= 1200
    shares = [100 * mask.mean() for mask in (right & up, ~right & up, ~right & ~up, right & ~up)]
    assert [text for text in told if text in names] == list(names)
    assert [text for text in told if text.endswith(" %")] == [f"{share:.1f} %" for share in shares]
    split = GateMark("split", {"x": at(2000), "y": 0.5}, ("low", "high"))
    told = texts_of_svg(draw(drawing(events, "histogram", (split,), format="svg")))
    assert [text for text in told if text.endswith(" %")] == [
        f"{100 * (~right).mean():.1f} %", f"{100 * right.mean():.1f} %",
    ]  # fmt: skip


def test_overlays_have_a_legend_and_stand_off(events: np.ndarray) -> None:
    layers = tuple(Layer(f"Day {day}", events[:, 0] * np.float32(1 + day)) for day in range(3))
    axis = Axis("CD4", ARCSINH)
    style = PlotStyle(format="svg", normalise=True)
    told = texts_of_svg(draw(Drawing("histogram", axis, layers, style=style)))
    assert {"Day 0", "Day 1", "Day 2", "% of mode", "100"} <= set(told)
    stacked = PlotStyle(width=200, height=200, offset=0.5, **BARE)  # type: ignore[arg-type]
    plain = replace(stacked, offset=0.0)
    tops = []
    for look in (plain, stacked):
        picture = pixels(draw(Drawing("histogram", axis, layers, style=look)))
        third = (np.abs(picture[:, :190] - [0x00, 0x9E, 0x73]).sum(axis=2) < 40).nonzero()
        tops.append(int(third[0].max()))
    assert tops[1] < tops[0] - 40  # the foot of the third stands higher


def test_dots_take_the_colour_of_a_third_axis(events: np.ndarray) -> None:
    low = np.where(events[:, 0] > 2000, 262_144, 0).astype(np.float32)
    layer = Layer("cells", events[:, 0], events[:, 1], low)
    of = replace(drawing(events, "dot", width=300, height=240), layers=(layer,), shade=Axis("Time", LINEAR))
    picture = pixels(draw(of))
    yellow = np.argwhere(np.abs(picture - [0xFD, 0xE7, 0x25]).sum(axis=2) < 30)
    purple = np.argwhere(np.abs(picture - [0x44, 0x01, 0x54]).sum(axis=2) < 30)
    within = yellow[:, 1] < 225
    assert np.median(yellow[within, 1]) > np.median(purple[purple[:, 1] < 225, 1])
    assert "Time" in texts_of_svg(draw(replace(of, style=replace(of.style, format="svg"))))


def test_axes_without_a_scale_and_without_events(events: np.ndarray) -> None:
    layer = Layer("cells", np.array([1.0, 5.0], np.float32), np.array([10.0, 30.0], np.float32))
    told = texts_of_svg(draw(Drawing("dot", Axis("UMAP 1"), (layer,), y=Axis("UMAP 2"), style=PlotStyle(format="svg"))))
    assert {"UMAP 1", "UMAP 2", "1", "5", "10", "30"} <= set(told)
    none = Layer("cells", np.empty(0, np.float32), np.empty(0, np.float32))
    for kind in KINDS:
        assert draw(replace(drawing(events, kind), layers=(none,))).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("style", "error"),
    [
        ({"color": "red"}, InvalidInputError),
        ({"color": "#12"}, InvalidInputError),
        ({"width": 0}, InvalidInputError),
        ({"smoothing": 11}, InvalidInputError),
        ({"percentile_step": 0}, InvalidInputError),
        ({"gate_label": ("colour",)}, InvalidInputError),
        ({"width": 20_000, "height": 20_000}, LimitExceededError),
    ],
)
def test_what_cannot_be_drawn_is_refused(style: dict[str, Any], error: type[CytosolError]) -> None:
    with pytest.raises(error):
        PlotStyle(**style)


def test_a_plane_needs_two_axes(events: np.ndarray) -> None:
    with pytest.raises(InvalidInputError, match="two axes"):
        draw(replace(drawing(events), y=None))
    with pytest.raises(InvalidInputError, match="nothing to draw"):
        draw(replace(drawing(events), layers=()))


def test_medians_on_axes_of_different_scales_are_compared_along_each() -> None:
    medians = np.array([[0.0, 1e5, 7.0], [100.0, np.nan, 9.0]])
    alike = ArcSinhScale(-200, 1e5, 150)
    values, label = of_axes(medians[:, :2], [alike, alike])
    assert label == "Median, scaled"
    np.testing.assert_allclose(values, alike.forward(medians[:, :2]))
    values, label = of_axes(medians, [LinearScale(0, 400), alike, None])
    assert "axis" in label
    np.testing.assert_allclose(values, [[0, 100, 0], [25, np.nan, 100]])


def test_a_heatmap_names_rows_and_columns_and_colours_by_value() -> None:
    values = np.array([[0.0, 1.0, 2.0], [3.0, np.nan, 5.0]])
    made = Heatmap(("B cells", "T cells"), ("CD3", "CD4", "CD19"), values, "Median", style=PlotStyle(format="svg"))
    told = texts_of_svg(draw_heatmap(made))
    assert {"B cells", "T cells", "CD3", "CD4", "CD19", "Median"} <= set(told)
    picture = pixels(draw_heatmap(replace(made, style=PlotStyle(width=300, height=200))))
    for color in ([0x44, 0x01, 0x54], [0xFD, 0xE7, 0x25], [0xC3, 0xC6, 0xCB]):
        assert (np.abs(picture - color).sum(axis=2) < 12).sum() > 500
    with pytest.raises(InvalidInputError):
        draw_heatmap(replace(made, rows=(), values=np.empty((0, 3))))


def test_the_drawing_library_loads_on_first_use() -> None:
    code = (
        "import sys, cytosol.analyses.cytometry.plots.figures, cytosol.analyses.cytometry.plots.heatmap\n"
        "print([name for name in ('matplotlib', 'numba', 'PIL') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_words_stand_in_the_frame_of_a_figure_without_events(events: np.ndarray) -> None:
    whole = drawing(events, "dot", format="svg")
    words = replace(whole, layers=(), title="two.fcs", message="lacks CD3")
    svg = draw(words).decode()
    assert all(f">{text}<" in svg for text in ("two.fcs", "lacks CD3", "CD4 (FITC-A)", "CD8 (PE-A)"))
    assert "<image" not in svg
    assert draw(words) == draw(words)
    with pytest.raises(InvalidInputError, match="nothing to draw"):
        draw(replace(words, message=""))
