"""How fast FCS files are read to columns in memory, and a channel is read again from the store.

Seeded events in a file of float32, as cytometers write it. Beside it, in turn in one run: FlowIO, and fcsparser where
it is installed (it asks for NumPy 1). Every value is compared. A channel of an open store is measured beside the
same column in a file that is mapped into memory and copied out. Unit: seconds of wall time, best of the rounds; memory
is what the process grows by at most while it reads, in fresh processes, as a multiple of the data.

    python bench/cytometry.py                    10,000,000 events x 20 channels, some minutes
    python bench/cytometry.py --events 200000    as a test
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cytosol.formats.fcs.header import read_headers
from cytosol.formats.fcs.reader import read_events
from cytosol.formats.fcs.writer import fcs_head, fcs_pieces
from cytosol.formats.files import FileSource

BLOCK = 1 << 18


def values(n_channels: int, first: int, last: int) -> np.ndarray:
    """Events of a block: shape (n_channels, n_block), float32."""
    return np.random.default_rng(first).normal(1000, 400, (n_channels, last - first)).astype(np.float32)


def write_file(path: Path, n_events: int, n_channels: int) -> None:
    channels = [{"N": f"C{number}", "R": "262144"} for number in range(n_channels)]
    blocks = (values(n_channels, at, min(at + BLOCK, n_events)) for at in range(0, n_events, BLOCK))
    with path.open("wb") as file:
        for piece in fcs_pieces(fcs_head(channels, n_events), blocks):
            file.write(piece)


def read_ours(path: Path) -> np.ndarray:
    return read_events(read_headers(FileSource(path))[0])


def read_flowio(path: Path) -> Any:
    import flowio

    return flowio.FlowData(str(path))


def read_fcsparser(path: Path) -> Any:
    import fcsparser

    return fcsparser.parse(str(path))[1]


READERS: dict[str, Callable[[Path], Any]] = {"ours": read_ours, "flowio": read_flowio, "fcsparser": read_fcsparser}


def in_turn(ways: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Best wall seconds of each way, measured in turn; before the first round all are run once."""
    best: dict[str, float] = {}
    for number in range(rounds + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            made = way()
            taken = time.perf_counter() - start
            del made
            if number:
                best[name] = min(best.get(name, taken), taken)
    return best


def check(path: Path, readers: list[str], n_events: int, n_channels: int) -> None:
    """Every value of every reader is that of the file."""
    ours = read_ours(path)
    for at in range(0, n_events, BLOCK):
        last = min(at + BLOCK, n_events)
        assert np.array_equal(ours[:, at:last], values(n_channels, at, last))
    others = {
        "flowio": lambda: np.reshape(read_flowio(path).events, (n_events, n_channels)),
        "fcsparser": lambda: read_fcsparser(path).to_numpy(),
    }
    for name in readers:
        if name in others:
            assert np.array_equal(others[name]().T, ours), name


def memory(path: Path, reader: str) -> int:
    """Bytes that a fresh process grows by at most while it reads the file."""
    done = subprocess.run(
        [sys.executable, __file__, "--grow", reader, str(path)], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def grow(reader: str, path: Path) -> None:
    small = path.with_suffix(".small.fcs")
    write_file(small, 10, 3)
    READERS[reader](small)  # loads what it needs
    before = _most_memory()
    made = READERS[reader](path)
    print(_most_memory() - before)
    del made


def _most_memory() -> int:
    """The most bytes that this process ever had in memory."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def reread(folder: Path, path: Path, n_channels: int, rounds: int) -> dict[str, float]:
    """A channel of the store beside one that is mapped into memory."""
    import pandas as pd
    from zarr.storage import LocalStore

    from cytosol.formats.fcs.reader import read_blocks
    from cytosol.formats.spatialdata.events import EventColumns, chunk_events, write_events

    (header,) = read_headers(FileSource(path))
    names = [channel.name for channel in header.channels]
    root = LocalStore(folder / "dataset.zarr")
    step = chunk_events(header.n_events, n_channels)
    start = time.perf_counter()
    write_events(
        root,
        "events",
        (block for _, block in read_blocks(header, step)),
        var=pd.DataFrame({"feature_id": names, "feature_type": "channel", "genome": ""}, index=names),
        n_events=header.n_events,
        dtype=np.dtype(np.float32),
    )
    written = time.perf_counter() - start
    place = n_channels // 2
    column = folder / "column.f4"
    read_events(header, places=[place])[0].tofile(column)
    events = EventColumns.open(root, "events")
    mapped = np.memmap(column, np.float32, mode="r")
    assert np.array_equal(events.columns([place])[0], mapped)
    ways: dict[str, Callable[[], Any]] = {
        "store": lambda: events.columns([place])[0],
        "mmap": lambda: np.array(np.memmap(column, np.float32, mode="r")),
    }
    return {"write": written, **in_turn(ways, 5 * rounds)}


def main() -> None:
    """Run everything and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--channels", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--grow", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.grow:
        grow(given.grow[0], Path(given.grow[1]))
        return
    readers = [name for name in READERS if name == "ours" or importlib.util.find_spec(name) is not None]
    n_bytes = 4 * given.events * given.channels
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "events.fcs"
        write_file(path, given.events, given.channels)
        check(path, readers, given.events, given.channels)
        parse = in_turn({name: lambda name=name: READERS[name](path) for name in readers}, given.rounds)
        peak = {name: round(memory(path, name) / n_bytes, 2) for name in readers}
        channel = reread(folder, path, given.channels, given.rounds)
    result = {
        "events": given.events,
        "channels": given.channels,
        "parse_s": {name: round(taken, 4) for name, taken in parse.items()},
        "parse_ratio": {name: round(parse[name] / parse["ours"], 1) for name in readers if name != "ours"},
        "parse_gb_per_s": round(n_bytes / parse["ours"] / 1e9, 2),
        "peak_of_data": peak,
        "channel_ms": {name: round(1e3 * channel[name], 3) for name in ("store", "mmap")},
        "channel_ratio": round(channel["store"] / channel["mmap"], 2),
        "write_to_store_s": round(channel["write"], 3),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "cpus": os.cpu_count(),
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
