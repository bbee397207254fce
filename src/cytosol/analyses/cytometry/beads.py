"""Bead normalisation of mass cytometry: beads are found, and what they lost in time is given back to all events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cytosol.analyses.parameters import Params, parameter
from cytosol.base.errors import InvalidInputError

KINDS = ("event", "bead", "bead and cell")
COFACTOR = 5.0
_FEWEST_BEADS = 30
_LOWEST = 3.0
_SHARE_OF_TOP = 0.6
_TOP = 20
_SHARE_OF_DNA = 0.5


@dataclass(frozen=True, slots=True)
class BeadParams(Params):
    """Parameters of bead normalisation."""

    window: int = parameter(
        500, "Beads that a running median takes together; a fifth of them where there are few", unit="beads", minimum=5
    )
    remove_beads: bool = parameter(False, "Whether the new file is without beads, alone or with a cell")


@dataclass(frozen=True, slots=True)
class BeadCourse:
    """What beads tell about a run.

    Attributes
    ----------
    factors : shape (n_events,), float64, what each event is multiplied by
    time : shape (n_beads,), float64, rising, in the unit of the file
    before, after : shape (n_beads, n_channels), float64, running medians of the beads, counts
    baseline : shape (n_channels,), float64, counts that beads have afterwards
    """

    factors: np.ndarray
    time: np.ndarray
    before: np.ndarray
    after: np.ndarray
    baseline: np.ndarray


def find_beads(beads: np.ndarray, dna: np.ndarray | None) -> np.ndarray:
    """Tell beads from cells: high in every bead channel, and low in DNA.

    Parameters
    ----------
    beads : shape (n_events, n_bead_channels), float, counts
    dna : shape (n_events, n_dna_channels), float, counts; None = not measured, and no bead with a cell is told

    Returns
    -------
    shape (n_events,), int32, place in ``KINDS``

    Notes
    -----
    On arcsinh of counts over 5. The lowest of the bead channels of an event has to be above 0.6 of what the 20 events
    with the highest have in the mean, and above 3 (50 counts); DNA of a bead is below half of the median of the others.
    """
    lowest = np.arcsinh(np.asarray(beads, np.float64) / COFACTOR).min(axis=1)
    lowest = np.where(np.isfinite(lowest), lowest, 0.0)
    top = float(np.sort(lowest)[-_TOP:].mean()) if len(lowest) else 0.0
    high = lowest > max(_LOWEST, _SHARE_OF_TOP * top)
    codes = high.astype(np.int32)
    if dna is not None and dna.shape[1] and not high.all():
        content = np.arcsinh(np.asarray(dna, np.float64) / COFACTOR).mean(axis=1)
        codes[high & ~(content < _SHARE_OF_DNA * float(np.nanmedian(content[~high])))] = 2
    return codes


def follow_beads(
    time: np.ndarray,
    beads: np.ndarray,
    is_bead: np.ndarray,
    params: BeadParams | None = None,
    *,
    baseline: np.ndarray | None = None,
) -> BeadCourse:
    """What every event has to be multiplied by so that beads look alike all through the run.

    Parameters
    ----------
    time : shape (n_events,), any unit and order
    beads : shape (n_events, n_bead_channels), float, counts
    is_bead : shape (n_events,), bool
    params : None = defaults
    baseline : shape (n_bead_channels,), counts that beads shall have; None = the mean of their running medians

    Raises
    ------
    InvalidInputError
        Where there are fewer than 30 beads.

    Notes
    -----
    Finck et al. 2013, doi:10.1002/cyto.a.22271: medians of the bead channels over a moving window of beads; the factor
    at each bead is the slope of the line through 0 that leads from these to the baseline by least squares; it is
    interpolated in time, and stays as it is before the first bead and after the last.
    """
    from scipy.ndimage import median_filter

    given = params or BeadParams()
    places = np.flatnonzero(is_bead & np.isfinite(time))
    if len(places) < _FEWEST_BEADS:
        raise InvalidInputError(
            f"{len(places):,} beads were found, and at least {_FEWEST_BEADS} are needed",
            do="Name the channels of the beads, or choose a file that was measured with beads",
        )
    places = places[np.argsort(time[places], kind="stable")]
    at = np.asarray(time[places], np.float64)
    window = max(5, min(given.window, len(places) // 5)) | 1
    smooth = median_filter(np.asarray(beads[places], np.float64), size=(window, 1), mode="reflect")
    goal = smooth.mean(axis=0) if baseline is None else np.asarray(baseline, np.float64)
    slopes = (smooth @ goal) / np.maximum((smooth**2).sum(axis=1), 1e-12)
    # of beads at the same time one factor
    moments, first = np.unique(at, return_inverse=True)
    slopes_at = np.bincount(first, slopes) / np.bincount(first)
    factors = np.interp(np.nan_to_num(np.asarray(time, np.float64), nan=at[0]), moments, slopes_at)
    return BeadCourse(factors, at, smooth, smooth * slopes[:, None], goal)
