"""A server with four studies of real cells, of which people may read different ones, for clients that ask them all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import scipy.sparse as sp

from cytosol.base.settings import load_settings
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.sharing import GrantView
from cytosol.catalog.studies import StudyFields
from cytosol.catalog.submissions import NewStudy
from cytosol.model.rights import SYSTEM, Actor
from tests.catalog.making import run_here, submit
from tests.catalog.people import Bell
from tests.clients.bioturing_files import REDUCED, read_cells
from tests.clients.drivers import Client, Driver
from tests.clients.environments import client_python
from tests.clients.servers import running_server

HERE = Path(__file__).parent
N_BLOOD, N_LUPUS, N_MOUSE = 300, 200, 60
N_GENES = 2000
GENES = ("CD3E", "MS4A1", "LYZ", "NKG7")


@dataclass(frozen=True)
class Truth:
    """A study as its file has it.

    Attributes
    ----------
    values : shape (n_cells, n_genes), log-normalised, those at or below zero as zero; columns are symbols
    counts : the same, transcripts; None where the file holds none
    obs : cell_type, tissue, disease; None = not told
    """

    name: str
    obs: pd.DataFrame
    values: pd.DataFrame
    counts: pd.DataFrame | None


@dataclass
class AcrossWorld:
    """The server, and what is in it."""

    url: str
    tokens: dict[str, str]
    truths: dict[str, Truth]
    drivers: dict[str, Driver] = field(default_factory=dict)

    def bioflex(self, connector: str = "Database", who: str = "ada") -> Client:
        """A class of bioflex, for one of the people."""
        return Client(self.drivers["bioflex"], f"{self.url}/bioflex", self.tokens.get(who, who), connector)

    def talk2data(self, connector: str = "Database", who: str = "ada") -> Client:
        """A class of talk2data_sdk, for one of the people."""
        return Client(self.drivers["talk2data"], f"{self.url}/t2d/", self.tokens.get(who, who), connector)

    def cells(self, names: Sequence[str], gene: str) -> pd.DataFrame:
        """All cells of some studies: cell_type, tissue, disease, value (0 where the gene is not measured)."""
        parts = []
        for name in names:
            truth = self.truths[name]
            value = truth.values.get(gene, 0.0)
            parts.append(truth.obs.assign(value=value))
        return pd.concat(parts, ignore_index=True)


def lognorm(counts: pd.DataFrame) -> pd.DataFrame:
    """By plain numpy."""
    return np.log1p(counts.div(counts.sum(axis=1), axis=0) * 1e4)


def types_of(counts: pd.DataFrame) -> pd.Series:
    """Types of real cells by single markers; some cells stay without."""
    marks = {"B cell": "MS4A1", "monocyte": "LYZ", "T cell": "CD3E", "natural killer cell": "NKG7"}
    types = pd.Series(index=counts.index, dtype=object)
    for name, gene in marks.items():
        types[types.isna() & (counts[gene] >= (5 if gene == "LYZ" else 1))] = name
    return types


def make_truths() -> dict[str, tuple[Truth, anndata.AnnData]]:
    """The studies with the files that are submitted."""
    cells = read_cells()
    places = [*range(N_GENES), *(cells.genes.index(gene) for gene in GENES if cells.genes.index(gene) >= N_GENES)]
    genes = [cells.genes[place] for place in places]
    rows = {
        "blood": slice(0, N_BLOOD),
        "lupus": slice(N_BLOOD, N_BLOOD + N_LUPUS),
        "mouse": slice(0, N_MOUSE),
    }
    made = {}
    for name, part in rows.items():
        matrix = cells.counts[part][:, places].toarray()
        counts = pd.DataFrame(matrix, index=cells.barcodes[part], columns=genes)
        types = types_of(counts)
        halves = np.where(np.arange(len(counts)) % 2, "normal", "systemic lupus erythematosus")
        obs = pd.DataFrame({"cell_type": types, "tissue": "blood", "disease": halves}, index=counts.index)
        if name == "mouse":
            counts = counts.loc[:, ~counts.columns.str.startswith("ENSG")].rename(columns=str.capitalize)
            counts = counts.loc[:, ~counts.columns.duplicated()]
        made[name] = Truth(name, obs, lognorm(counts), counts)
    return {name: (truth, _file(truth)) for name, truth in made.items()} | {"68k": _reduced()}


def _file(truth: Truth) -> anndata.AnnData:
    assert truth.counts is not None
    obs = truth.obs.copy()
    if truth.name == "lupus":
        obs = obs.rename(columns={"cell_type": "Author's cell type", "tissue": "Organ", "disease": "Diagnosis"})
    obs["score"] = np.where(np.arange(len(obs)) % 5, np.arange(len(obs)) / 7, np.nan)
    obs = obs.astype({name: "category" for name in obs.columns if name != "score"})
    matrix = sp.csr_matrix(truth.counts.to_numpy(np.float32))
    return anndata.AnnData(matrix, obs=obs, var=pd.DataFrame(index=list(truth.counts.columns)))


def _reduced() -> tuple[Truth, anndata.AnnData]:
    file = anndata.read_h5ad(REDUCED)
    values = pd.DataFrame(np.asarray(file.X), index=file.obs_names, columns=file.var_names)
    obs = pd.DataFrame({"cell_type": file.obs["bulk_labels"].astype(object), "tissue": None, "disease": None})
    return Truth("68k", obs, values.clip(lower=0), None), file


@contextmanager
def running_across(folder: Path) -> Iterator[AcrossWorld]:
    """Make everything and serve it."""
    pythons = {name: client_python(pins) for name, pins in (("bioflex", "bioflex-1.1"), ("talk2data", "talk2data-0.1"))}
    data = folder / "data"
    made = make_truths()
    tokens = asyncio.run(_fill(folder, data, made))
    with running_server(data, workers="1", min_free_bytes="0") as url:
        world = AcrossWorld(url, tokens, {name: truth for name, (truth, _) in made.items()})
        releases = {"bioflex": "1.1.1", "talk2data": "0.1.3"}
        clients = {"bioflex": "bioflex", "talk2data": "talk2data_sdk"}
        try:
            for name, python in pythons.items():
                script = HERE / f"{name}_driver.py"
                world.drivers[name] = Driver(python, script, folder, client=clients[name], release=releases[name])
            yield world
        finally:
            for driver in world.drivers.values():
                driver.close()


async def _fill(folder: Path, data: Path, made: dict[str, tuple[Truth, anndata.AnnData]]) -> dict[str, str]:
    """People, studies, and who may read what: ada all, bob that of 68k, eve nothing."""
    catalog = await Catalog.open(load_settings(data=data, min_free_bytes=0), notifier=Bell())
    tokens, people = {}, {}
    try:
        for name in ("ada", "bob", "eve"):
            user = await catalog.accounts.create_user(SYSTEM, email=f"{name}@example.org", password="correct horse")
            people[name] = Actor("user", user_id=user.id, email=user.email)
            tokens[name], _ = await catalog.accounts.new_token(
                SYSTEM, name="test", scopes=["read", "write"], expires_days=1, user_id=user.id
            )
        for name, (truth, file) in made.items():
            path = folder / f"{name}.h5ad"
            file.write_h5ad(path)
            fields = StudyFields(
                name=f"Study {name}",
                display_id=f"GSE_{name}",
                authors=["Ada L.", "Bob M."],
                species="Mus musculus" if name == "mouse" else "human",
                extra={"reference": "https://example.org/paper"},
            )
            matrix = "normalized" if truth.counts is None else "raw"
            ready = {path.name: path.read_bytes()}
            _, dataset_id = await submit(
                catalog, people["ada"], ready, NewStudy(fields), embeddings="keep", matrix=matrix
            )
            await run_here(catalog)
            if name == "68k":
                study = (await catalog.datasets.get(people["ada"], dataset_id=dataset_id)).dataset.study_id
                grants = [GrantView("user", people["bob"].user_id, "", "reader")]
                await catalog.sharing.put(people["ada"], subject_kind="study", subject_id=study, grants=grants)
    finally:
        await catalog.close()
    return tokens
