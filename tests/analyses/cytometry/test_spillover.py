from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import cosine

from cytosol.analyses.cytometry.compensation import compensate
from cytosol.analyses.cytometry.spillover import (
    Controls,
    compute_spillover,
    reference_spectra,
    similarity,
    spreading_matrix,
    swapped_spectra,
    unmix,
)
from cytosol.base.errors import InvalidInputError
from tests.formats.gating_samples import scale_values

CHANNELS = ("A", "B", "C", "D")
TRUE = np.array([[1, 0.3, 0.05, 0.0], [0.02, 1, 0.2, 0.01], [0.0, 0.1, 1, 0.25], [0.01, 0.0, 0.03, 1]])


def made(*, positive: float = 0.5, seed: int = 0) -> tuple[dict[str, list[np.ndarray]], list[np.ndarray]]:
    """Controls of counted photons: stained cells, unstained ones among them, autofluorescence."""
    generator = np.random.default_rng(seed)

    def cells(dyes: np.ndarray) -> list[np.ndarray]:
        light = dyes @ TRUE + generator.gamma(5, 4, (len(dyes), 4))
        return list((generator.poisson(light) + generator.normal(0, 5, light.shape)).astype(np.float32).T)

    stained = {}
    for place, name in enumerate(CHANNELS):
        dyes = np.zeros((6000, 4))
        bright = generator.random(6000) < positive
        dyes[bright, place] = generator.lognormal(8, 0.5, int(bright.sum()))
        stained[name] = cells(dyes)
    return stained, cells(np.zeros((4000, 4)))


@pytest.mark.parametrize("positive", [0.1, 0.5, 0.95])
@pytest.mark.parametrize("with_unstained", [True, False])
def test_a_planted_matrix_is_found(positive: float, with_unstained: bool) -> None:
    stained, unstained = made(positive=positive)
    found = compute_spillover(Controls(CHANNELS, stained, unstained if with_unstained else None))
    assert np.abs(found.matrix - TRUE).max() < 0.01
    for parts in found.parts.values():
        assert (parts.negative is None) is with_unstained
        if with_unstained or positive < 0.9:
            assert abs(parts.n_positive / 6000 - positive) < 0.03


def test_the_published_matrix_of_real_controls(shared_data: Path) -> None:
    folder = shared_data / "cytometry" / "compensation" / "flowcore_compdata"
    lines = (folder / "compmatrix").read_text(encoding="latin-1").replace("\r", "\n").split("\n")
    channels = lines[2].split()
    published = np.array([[float(value) for value in line.split()] for line in lines[3:7]])
    files = dict(line.split(",")[::-1] for line in (folder / "comp_match").read_text().split()[1:])
    columns = {}
    for name, file in files.items():
        values = scale_values(folder / "data" / file)
        columns[name] = [values(channel) for channel in channels]
    unstained = columns.pop("unstained")
    found = compute_spillover(Controls(channels, columns, unstained))
    assert np.abs(found.matrix - published).max() < 0.005
    assert found.brighter == {}
    swapped = columns | {"FL1-H": columns["FL2-H"], "FL2-H": columns["FL1-H"]}
    brighter = compute_spillover(Controls(channels, swapped, unstained)).brighter
    assert {name: other for name, (other, _) in brighter.items()} == {"FL1-H": "FL2-H", "FL2-H": "FL1-H"}
    alone = compute_spillover(Controls(channels, {"FL1-H": columns["FL1-H"]}, unstained))
    assert np.array_equal(alone.matrix[0], found.matrix[0])
    assert np.array_equal(alone.matrix[1:], np.eye(4)[1:])


@pytest.mark.parametrize("with_unstained", [True, False])
def test_controls_that_were_swapped_are_told(with_unstained: bool) -> None:
    stained, unstained = made()
    assert compute_spillover(Controls(CHANNELS, stained, unstained if with_unstained else None)).brighter == {}
    swapped = stained | {"A": stained["B"], "B": stained["A"]}
    brighter = compute_spillover(Controls(CHANNELS, swapped, unstained if with_unstained else None)).brighter
    assert {name: other for name, (other, _) in brighter.items()} == {"A": "B", "B": "A"}
    assert brighter["B"][1] == pytest.approx(1 / TRUE[0, 1], rel=0.3)  # what A gives in B, turned round
    # a control that shows nothing in the channel that it shall be of
    with pytest.raises(InvalidInputError, match=r"control of D has .* positive events, .*; it is brightest in B"):
        compute_spillover(
            Controls(
                CHANNELS, stained | {"D": [*(column[:4000] for column in stained["B"][:3]), unstained[3]]}, unstained
            )
        )


def test_what_is_taken_can_be_said() -> None:
    stained, unstained = made()
    found = compute_spillover(Controls(CHANNELS, stained, unstained))
    said = Controls(CHANNELS, stained, unstained, positive={"A": (3000.0, 6000.0)}, negative={"B": (-50.0, 60.0)})
    other = compute_spillover(said)
    assert other.parts["A"].positive == (3000, 6000)
    assert other.parts["A"].n_positive == int(((stained["A"][0] >= 3000) & (stained["A"][0] <= 6000)).sum())
    assert other.parts["B"].negative == (-50, 60)
    assert other.parts["C"] == found.parts["C"]
    assert np.abs(other.matrix - TRUE).max() < 0.01


def test_controls_that_cannot_serve() -> None:
    stained, unstained = made()
    with pytest.raises(InvalidInputError, match="control of A has 0 positive"):
        compute_spillover(Controls(CHANNELS, stained, unstained, positive={"A": (1e7, 1e8)}))
    with pytest.raises(InvalidInputError, match="control of B has 0 negative"):
        compute_spillover(Controls(CHANNELS, stained, None, negative={"B": (-1e8, -1e7)}))
    with pytest.raises(InvalidInputError, match="no events"):
        compute_spillover(Controls(CHANNELS, {"A": [np.empty(0)] * 4}, unstained))
    with pytest.raises(InvalidInputError, match="control of A has 0 positive"):
        compute_spillover(Controls(CHANNELS, {"A": [np.full(500, 5.0)] * len(CHANNELS)}))
    dark = Controls(CHANNELS, stained, stained["A"], positive={"A": (-100.0, 40.0)})
    with pytest.raises(InvalidInputError, match="no brighter"):
        compute_spillover(dark)


@pytest.mark.parametrize("with_unstained", [True, False])
def test_events_without_a_number_in_some_channel_are_left_out(with_unstained: bool) -> None:
    stained, unstained = made()
    holes = {name: [column.copy() for column in columns] for name, columns in stained.items()}
    for columns in holes.values():
        columns[1][::50], columns[2][7::90] = np.nan, np.inf
    whole, found = (
        compute_spillover(Controls(CHANNELS, one, unstained if with_unstained else None)).matrix
        for one in (stained, holes)
    )
    np.testing.assert_allclose(found, whole, atol=0.02)


def test_spread_is_that_of_counted_photons() -> None:
    stained, unstained = made(positive=0.5)
    controls = Controls(CHANNELS, stained, unstained)
    spread = spreading_matrix(controls, TRUE)
    assert np.isnan(np.diag(spread)).all()
    compensated = compensate(stained["A"], TRUE)
    bright = compensated[0] > 500
    wide = np.quantile(compensated[1][bright], 0.84) - np.median(compensated[1][bright])
    dim = compensate(unstained, TRUE)[1]
    narrow = np.quantile(dim, 0.84) - np.median(dim)
    rise = np.median(compensated[0][bright]) - np.median(compensate(unstained, TRUE)[0])
    wanted = np.sqrt((wide**2 - narrow**2) / rise)
    assert spread[0, 1] == pytest.approx(wanted, rel=0.03)
    # the light that spills, 0.3 of the dye, has the variance of its count; what is taken away for it, that of its own
    assert spread[0, 1] == pytest.approx(np.sqrt(0.3 + 0.3**2), rel=0.1)
    assert spread[0, 1] > spread[0, 3]


def test_unmixing_finds_the_dyes() -> None:
    generator = np.random.default_rng(2)
    spectra = np.abs(generator.normal(size=(4, 12)))
    spectra /= spectra.max(axis=1, keepdims=True)
    dyes = generator.gamma(0.6, 800, (4, 20_000))
    exact = list((spectra.T @ dyes).astype(np.float32))
    for weighted in (False, True):
        found = unmix(exact, spectra, weighted=weighted)
        assert all(column.dtype == np.float32 for column in found)
        assert np.array(found) == pytest.approx(dyes, rel=1e-4, abs=0.5)
    noisy = list(generator.poisson(spectra.T @ dyes).astype(np.float32))
    plain, weighed = (np.array(unmix(noisy, spectra, weighted=weighted)) for weighted in (False, True))
    errors = [float(np.abs(found - dyes).mean()) for found in (plain, weighed)]
    assert errors[1] < errors[0]  # photons are counted: weights help
    one = [column[:1] for column in noisy]
    weights = np.diag(1 / np.maximum(np.array(one)[:, 0], 1))
    wanted = np.linalg.solve(spectra @ weights @ spectra.T, spectra @ weights @ np.array(one)[:, 0])
    assert np.array(unmix(one, spectra, weighted=True))[:, 0] == pytest.approx(wanted, rel=1e-5)


def test_spectra_in_a_ring_are_those_of_swapped_controls() -> None:
    spectra = np.array([[1, 0.2, 0, 0], [0.3, 1, 0, 0], [0, 0.1, 1, 0.4], [0.9, 1, 0.2, 0]])
    stained = [0, 1, 2, 3]
    assert swapped_spectra(spectra[:3], stained[:3]) == {}
    assert swapped_spectra(spectra[[1, 0, 2]], stained[:3]) == {0: 1, 1: 0}
    assert swapped_spectra(spectra[[2, 0, 1]], stained[:3]) == {0: 2, 1: 0, 2: 1}
    # the last shares its brightest detector with another, and is named by the fourth
    assert swapped_spectra(spectra, stained) == {}
    assert swapped_spectra(spectra[[1, 0, 2, 3]], stained) == {0: 1, 1: 0}
    # its brightest detector is no other dye's
    assert swapped_spectra(spectra[[2, 1]], [0, 1]) == {}


def test_spectra_of_controls() -> None:
    stained, unstained = made()
    spectra = reference_spectra(Controls(CHANNELS, stained, unstained))
    assert np.abs(spectra - TRUE).max() < 0.01
    with pytest.raises(InvalidInputError, match="told apart"):
        unmix(stained["A"], np.vstack([spectra[0], spectra[0]]))
    alike = similarity(spectra)
    angles = [[1 - cosine(one, other) for other in spectra] for one in spectra]
    assert alike == pytest.approx(np.array(angles), abs=1e-12)
