"""Runs the integration suite of the CellEngine toolkit for Python, unmodified, against a server of its own.

The toolkit is in no package index: give a checkout of its repository (cellengine/cellengine-python-toolkit).

    python -m tests.clients.cellengine_suite CHECKOUT [--sign-in password|token]

Where the checkout lacks the two FCS files of the suite (they are large), stand-ins are made with the same names,
channels, keywords and numbers of events, and with the counts and statistics that the suite asks for.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from tests.clients.cellengine_world import (
    A1,
    A2,
    CHANNELS,
    PASSWORD,
    CellEngineWorld,
    bd_file,
    events,
    running_cellengine,
)
from tests.clients.environments import client_python

SignIn = Literal["password", "token"]
UNMEETABLE = frozenset(("test_scale_set_apply",))
"""Asks for the ten events that the original service's random generator draws for a seed, which nobody else knows."""
LIMIT_S = 1200
FIRST = (
    29799.06055, 29806, 65520.73828, 37495.03906, 37294, 65889.28906, 3307.040039, 1084.680054, 26838.24023, 209.25,
    89.25, 116.8200073, 326.7000122, 153.1200104, 0,
)  # fmt: skip
"""The first event of A1, of which the suite asks for all values before and after compensation."""


@dataclass(frozen=True, slots=True)
class Axis:
    """What the suite asks of the events inside its rectangle on one channel: mean, median, 0.9 quantile."""

    mean: float
    median: float
    q90: float


@dataclass(frozen=True, slots=True)
class StandIn:
    """What the suite knows of one of its files."""

    well: str
    n_events: int
    n_inside: int
    axes: Mapping[str, Axis]


FILES = {
    A1: StandIn(
        "A01",
        177_948,
        158_068,
        {
            "FSC-A": Axis(51334.479327, 49697.291016, 69713.179688),
            "SSC-A": Axis(45705.917591, 34502.160156, 87184.095052),
        },
    ),
    A2: StandIn(
        "A02",
        164_684,
        145_015,
        {
            "FSC-A": Axis(51419.930670, 49723.5625, 69735.382812),
            "SSC-A": Axis(45881.525663, 34792.558594, 87595.203125),
        },
    ),
}
EDGE = 100_000.0
"""Upper edge of the rectangle of the suite, on both channels."""


def inside_values(axis: Axis, n: int, first: float) -> np.ndarray:
    """Shape (n,), float64, values of a channel inside the rectangle, with the mean and quantiles asked for.

    Some equal values lie around the ranks of the two quantiles, so that every definition of a quantile gives them; the
    rest lies evenly between, and the lower half so far down that the mean comes out.

    Parameters
    ----------
    first : a value that is one of them, placed first
    """
    n_lower, n_below_q90 = n // 2 - 2, int(0.9 * n) - 2
    upper = np.concatenate(
        [
            np.full(4, axis.median),
            np.linspace(axis.median, axis.q90, n_below_q90 - n_lower - 4),
            np.full(6, axis.q90),
            np.linspace(axis.q90, EDGE - 1, n - n_below_q90 - 6),
        ]
    )
    lower_mean = (axis.mean * n - upper.sum()) / n_lower
    values = np.concatenate([np.linspace(2 * lower_mean - axis.median, axis.median, n_lower), upper])
    place = int(np.abs(values - first).argmin())
    return np.concatenate([[first], np.delete(values, place)])


def stand_in(name: str) -> bytes:
    """An FCS file that serves for one of the suite's."""
    said = FILES[name]
    rng = np.random.default_rng(said.n_events)
    values = events(said.n_events, said.n_events)
    values[0] = FIRST
    order = np.concatenate([[0], 1 + rng.permutation(said.n_events - 1)])
    for channel, axis in said.axes.items():
        column = CHANNELS.index(channel)
        inner = inside_values(axis, said.n_inside, FIRST[column])
        inner[1:] = rng.permutation(inner[1:])
        outer = rng.uniform(EDGE + 1, 262_143, said.n_events - said.n_inside)
        values[order, column] = np.concatenate([inner, outer])
    return bd_file(values, well=said.well)


def lay_out(checkout: Path, folder: Path, *, data: bool = True) -> list[str]:
    """Copy the toolkit and its suite into a folder, with stand-ins for the data that it lacks; the names of these."""
    if not (checkout / "tests/integration").is_dir() or not (checkout / "cellengine").is_dir():
        raise SystemExit(f"{checkout} is no checkout of the toolkit: it lacks cellengine/ or tests/integration/")
    shutil.copytree(checkout / "cellengine", folder / "cellengine")
    shutil.copytree(checkout / "tests", folder / "tests")
    made = [name for name in FILES if data and not (folder / "tests/data" / name).exists()]
    for name in made:
        (folder / "tests/data" / name).write_bytes(stand_in(name))
    return made


def run_suite(folder: Path, world: CellEngineWorld, sign_in: SignIn, args: Sequence[str] = ()) -> dict[str, str]:
    """Run the suite that lies in a folder; what became of each test: passed, failed or skipped."""
    report = folder / f"{sign_in}.xml"
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("CELLENGINE_", "PYTEST_"))}
    environment["CELLENGINE_BASE_URL"] = world.base_url
    if sign_in == "password":
        environment |= {"CELLENGINE_USERNAME": "ada@example.org", "CELLENGINE_PASSWORD": PASSWORD}
    else:
        environment["CELLENGINE_AUTH_TOKEN"] = world.tokens["ada"]
    python = client_python("cellengine-1.0")
    command = [
        python,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--junitxml={report}",
        "tests/integration",
        *args,
    ]
    log = folder / f"{sign_in}.log"
    with log.open("wb") as output:
        subprocess.run(command, cwd=folder, env=environment, stdout=output, stderr=output, check=False, timeout=LIMIT_S)
    if not report.exists():
        raise RuntimeError(f"the suite did not run:\n{log.read_text()[-3000:]}")
    return outcomes(report)


def outcomes(report: Path) -> dict[str, str]:
    """What became of each test, from a report in JUnit's format."""
    found = {}
    for case in ET.parse(report).iter("testcase"):
        worse = {child.tag for child in case} & {"failure", "error", "skipped"}
        name = f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"
        found[name] = "passed" if not worse else "skipped" if worse == {"skipped"} else "failed"
    return found


def missed(found: Mapping[str, str]) -> list[str]:
    """The tests that failed and could have passed."""
    return sorted(
        name for name, outcome in found.items() if outcome == "failed" and name.rpartition("::")[2] not in UNMEETABLE
    )


def main() -> int:
    """Run the suite and print its tally."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--sign-in", choices=("password", "token"), action="append", help="both unless given")
    parser.add_argument(
        "--folder", type=Path, help="keep the work here, logs included; a temporary folder unless given"
    )
    parser.add_argument("--pytest-arg", action="append", default=[], help="passed on to the suite's pytest")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = said.folder or Path(temporary)
        made = lay_out(said.checkout, folder / "toolkit")
        print(f"Stand-ins: {', '.join(made) or 'none'}", file=sys.stderr)
        bad = 0
        with running_cellengine(folder) as world:
            for sign_in in said.sign_in or ("password", "token"):
                found = run_suite(folder / "toolkit", world, sign_in, said.pytest_arg)
                tally = Counter(found.values())
                print(f"signed in by {sign_in}: " + ", ".join(f"{n} {word}" for word, n in sorted(tally.items())))
                for name in sorted(name for name, outcome in found.items() if outcome != "passed"):
                    print(f"  {found[name]}: {name}")
                bad += len(missed(found))
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
