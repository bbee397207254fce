"""A server, people on it, and FCS files as a BD instrument writes them, for what drives the CellEngine wire."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cytosol.base.settings import load_settings
from cytosol.catalog.catalog import Catalog
from cytosol.model.rights import SYSTEM
from tests.catalog.people import Bell
from tests.clients.cellengine_driver import Toolkit
from tests.clients.servers import running_server

PASSWORD = "correct horse battery"
CHANNELS = (
    "FSC-A", "FSC-H", "FSC-W", "SSC-A", "SSC-H", "SSC-W", "Blue530-A", "Vio450-A", "Vio605-A", "UV450-A", "Red670-A",
    "YG582-A", "YG610-A", "YG780-A", "Time",
)  # fmt: skip
DYES = CHANNELS[6:14]
A1, A2 = "Specimen_001_A1_A01_MeOHperm(DL350neg).fcs", "Specimen_001_A2_A02_MeOHperm(DL350neg).fcs"


def spill_matrix() -> np.ndarray:
    """Shape (8, 8), rows are dyes: nearly the identity, as in the description of the wire."""
    matrix = np.eye(len(DYES))
    place = {name: number for number, name in enumerate(DYES)}
    for dye, detector, share in (
        ("Vio450-A", "Vio605-A", 0.02),
        ("Vio450-A", "UV450-A", 0.055),
        ("Vio605-A", "Blue530-A", 0.003),
        ("Vio605-A", "Vio450-A", 0.013),
    ):
        matrix[place[dye], place[detector]] = share
    return matrix


def events(n_events: int, seed: int) -> np.ndarray:
    """Shape (n_events, 15), float32: scatter above 10, dyes partly negative, times rising."""
    rng = np.random.default_rng(seed)
    found = np.empty((n_events, len(CHANNELS)), np.float32)
    found[:, :6] = rng.lognormal(10.6, 0.5, (n_events, 6)).clip(20, 262143)
    found[:, 6:14] = rng.normal(0, 60, (n_events, 8)) + rng.lognormal(6, 1.4, (n_events, 8)) * (
        rng.random((n_events, 8)) < 0.4
    )
    found[:, 14] = np.sort(rng.uniform(10.5, 15000, n_events))
    return found


def bd_file(values: np.ndarray, *, well: str = "A01", more: Mapping[str, str] | None = None) -> bytes:
    """An FCS 3.0 file, big-endian float32, with the keywords of a BD instrument."""
    n_events, n_channels = values.shape
    matrix = ",".join(f"{value:g}" for value in spill_matrix().ravel())
    data = values.astype(">f4").tobytes()
    keywords = {
        "$BEGINANALYSIS": "0", "$ENDANALYSIS": "0", "$BEGINSTEXT": "0", "$ENDSTEXT": "0", "$BYTEORD": "4,3,2,1",
        "$DATATYPE": "F", "$MODE": "L", "$NEXTDATA": "0", "$PAR": str(n_channels), "$TOT": str(n_events),
        "$CYT": "LSRFortessa", "SAMPLE ID": " ", "PLATE NAME": "96 Well - V bottom", "WELL ID": well,
        "SPILL": f"{len(DYES)},{','.join(DYES)},{matrix}",
    }  # fmt: skip
    for number, name in enumerate(CHANNELS, 1):
        keywords |= {f"$P{number}N": name, f"$P{number}S": name, f"$P{number}B": "32", f"$P{number}E": "0,0"}
        keywords |= {f"$P{number}R": "262144", f"P{number}DISPLAY": "LOG" if name in DYES else "LIN"}
    keywords |= more or {}
    begin = 58
    size = 0
    while True:  # the offsets in TEXT are part of TEXT
        start = begin + size
        offsets = {"$BEGINDATA": f"{start:08d}", "$ENDDATA": f"{start + len(data) - 1:08d}"}
        text = "\x0c" + "".join(f"{key}\x0c{value}\x0c" for key, value in (keywords | offsets).items())
        if len(text.encode()) == size:
            break
        size = len(text.encode())
    places = (begin, start - 1, start, start + len(data) - 1, 0, 0)
    return b"FCS3.0    " + "".join(f"{place:>8d}" for place in places).encode() + text.encode() + data


@dataclass
class CellEngineWorld:
    """The server, and tokens of people."""

    url: str
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        """What ``CELLENGINE_BASE_URL`` would be."""
        return f"{self.url}/cellengine"

    def toolkit(self, who: str = "ada") -> Toolkit:
        """A client of one of the people, by token."""
        return Toolkit(self.base_url, token=self.tokens[who])


async def _people(data: Path) -> dict[str, str]:
    catalog = await Catalog.open(load_settings(data=data), notifier=Bell())
    tokens = {}
    try:
        for name in ("ada", "bob"):
            user = await catalog.accounts.create_user(
                SYSTEM, email=f"{name}@example.org", password=PASSWORD, name=f"{name.title()} Lovelace"
            )
            tokens[name], _ = await catalog.accounts.new_token(
                SYSTEM, user_id=user.id, scopes=("read", "write", "share")
            )
    finally:
        await catalog.close()
    return tokens


@contextmanager
def running_cellengine(folder: Path) -> Iterator[CellEngineWorld]:
    """A server with two people and nothing else."""
    tokens = asyncio.run(_people(folder / "data"))
    with running_server(folder / "data") as url:
        yield CellEngineWorld(url.rstrip("/"), tokens)
