"""The demonstration: a server with real studies, and three ways to talk to it."""

from __future__ import annotations

import asyncio
import json
import secrets
import shlex
import sys
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cytosol.base.errors import JobFailedError, NotFoundError
from cytosol.base.settings import Settings
from cytosol.catalog.catalog import Catalog
from cytosol.model.rights import ALL_SCOPES, SYSTEM
from cytosol.sdk.aio.client import AsyncClient
from cytosol.sdk.aio.jobs import AsyncJob
from cytosol.sdk.aio.studies import AsyncDataset
from cytosol.server.serve import serve, write_address
from cytosol.server.synthetic import write_synthetic

EMAIL = "demo@example.org"
_ACCOUNT_FILE = "demo.json"
_LARGE_CELLS = 200_000
_ENDED = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Example:
    """One example study."""

    name: str
    file: str
    description: str
    matrix: Literal["raw", "normalized"]
    embeddings: Literal["compute", "keep"]
    parameters: tuple[tuple[str, bool], ...] = ()


_CREDIT = "Data: 10x Genomics, CC BY 4.0."
EXAMPLES = (
    Example(
        "PBMC 8k",
        "pbmc8k_2700.h5",
        f"2,700 cells of '8k PBMCs from a Healthy Donor' (v2 chemistry), raw counts. {_CREDIT}",
        "raw",
        "compute",
    ),
    Example(
        "PBMC 68k reduced",
        "pbmc68k_reduced.h5ad",
        f"700 labelled cells of 'Fresh 68k PBMCs (Donor A)', scaled values as scanpy ships them. {_CREDIT}",
        "normalized",
        "keep",
    ),
)


CYTOMETRY = "Blood, flow cytometry"
_FCS = "pbmc_il10.fcs"
_FCS_DESCRIPTION = "10,703 blood cells stimulated with interleukin 10; LSR II. Data: FlowKit, BSD-3-Clause."
_CD3, _CD4, _CD20, _CD33 = "var:PE-Cy7-A", "var:PacBlu-A", "var:PerCP-Cy55-A", "var:PE-A"
Corners = list[list[float]]
_T_CELLS: Corners = [[2.0, -0.8], [4.0, -0.8], [4.0, 1.4], [2.0, 1.4]]
_B_CELLS: Corners = [[0.6, 2.7], [2.0, 2.9], [3.0, 4.2], [3.0, 5.0], [2.0, 4.8], [0.4, 3.2]]
_MONOCYTES: Corners = [[3.8, -0.6], [5.6, -0.6], [5.6, 2.4], [3.8, 2.4]]


@dataclass(frozen=True, slots=True)
class Account:
    """Who the demonstration signs in as."""

    email: str
    password: str
    token: str


def run_demo(settings: Settings, *, check: bool, large: bool) -> None:
    """Serve the example studies until stopped; with ``check``, query them through the SDK and stop."""
    console = Console(highlight=False, soft_wrap=True)

    async def ready(catalog: Catalog, url: str) -> None:
        write_address(settings, url)
        account = await _account(settings, catalog)
        async with AsyncClient(url, account.token) as client:
            for example in EXAMPLES:
                await _ensure(client, console, example, Path(str(files("cytosol") / "demo_data" / example.file)))
            await _ensure_cytometry(client, console)
            if large:
                await _ensure_large(client, console, settings)
            if check:
                await _check(client, console)
            else:
                _explain(console, url, account)

    serve(settings, on_ready=ready, once=check)


async def _account(settings: Settings, catalog: Catalog) -> Account:
    place = settings.data / _ACCOUNT_FILE
    if place.is_file():
        return Account(**json.loads(place.read_text(encoding="utf-8")))
    password = secrets.token_urlsafe(12)
    try:
        user = await catalog.accounts.find_user(SYSTEM, email=EMAIL)
        await catalog.accounts.set_password(SYSTEM, user_id=user.id, password=password)
    except NotFoundError:
        user = await catalog.accounts.create_user(SYSTEM, email=EMAIL, password=password, name="Demo", is_admin=True)
    token, _ = await catalog.accounts.new_token(SYSTEM, name="demo", scopes=sorted(ALL_SCOPES), user_id=user.id)
    account = Account(EMAIL, password, token)
    place.touch(mode=0o600)
    place.write_text(json.dumps(asdict(account)), encoding="utf-8")
    return account


async def _ensure(client: AsyncClient, console: Console, example: Example, file: Path) -> None:
    """Submit the example unless its data are here already."""
    try:
        study = await client.study(example.name)
    except NotFoundError:
        study = await client.create_study(example.name, description=example.description)
    datasets = await study.datasets()
    if any(dataset.state in ("ready", "published") for dataset in datasets):
        return
    waiting = [job for job in await client.jobs() if job.study_id == study.id and job.state not in _ENDED]
    job = waiting[0] if waiting else None
    if job is None:
        job = await study.submit(
            file,
            name=example.name,
            matrix=example.matrix,
            embeddings=example.embeddings,
            parameters=dict(example.parameters),
            progress=False,
        )
    console.print(f"[bold]{example.name}[/]")
    await _show(job, console)


async def _show(job: AsyncJob, console: Console) -> None:
    """A progress bar per step until the job has ended."""
    columns = (TextColumn("  {task.description:32}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        current, step, started = progress.add_task("Waiting in queue", total=1.0), "", 0.0
        while True:
            await job.refresh()
            if job.step and job.step != step:
                progress.update(current, completed=1.0)
                progress.stop_task(current)
                step, started = job.step, job.progress
                current = progress.add_task(step, total=1.0)
            if job.state in _ENDED:
                break
            progress.update(current, completed=min(0.95, (job.progress - started) * 4))
            await asyncio.sleep(0.1)
        progress.update(current, completed=1.0)
        progress.stop_task(current)
    if job.state != "succeeded":
        reason = (job.error or {}).get("detail", f"The job was {job.state}")
        raise JobFailedError(reason, do=f"See: cytosol logs {job.serial}")


async def _ensure_cytometry(client: AsyncClient, console: Console) -> None:
    """Add the FCS file and gate it, unless it is here already."""
    try:
        study = await client.study(CYTOMETRY)
    except NotFoundError:
        study = await client.create_study(CYTOMETRY, description=_FCS_DESCRIPTION)
    if not await study.datasets():
        console.print(f"[bold]{CYTOMETRY}[/]")
        await study.add_file(Path(str(files("cytosol") / "demo_data" / _FCS)), progress=False)
    if await study.populations.list():
        return
    await study.gates.create("polygon", "T cells", _CD3, _CD20, geometry={"vertices": _T_CELLS})
    await study.gates.create("polygon", "B cells", _CD3, _CD20, geometry={"vertices": _B_CELLS})
    await study.gates.create("polygon", "Monocytes", _CD33, _CD3, geometry={"vertices": _MONOCYTES})
    parent = (await study.populations.get("T cells")).id
    for name, low, high in (("CD4 T cells", 2.6, 5.0), ("CD4- T cells", -1.5, 1.6)):
        await study.gates.create("range", name, _CD4, geometry={"x1": low, "x2": high, "y": 0.5}, parent=parent)


async def _ensure_large(client: AsyncClient, console: Console, settings: Settings) -> None:
    example = Example(
        f"Synthetic: {_LARGE_CELLS:,} cells",
        "",
        "Seeded negative binomial counts with 15 planted clusters. Not real data.",
        "raw",
        "compute",
        (("tsne", False),),  # minutes at this size, and no better to look at
    )
    file = settings.data / "synthetic.h5ad"
    try:
        known = await (await client.study(example.name)).datasets()
    except NotFoundError:
        known = []
    if not known:
        console.print(f"Writing {_LARGE_CELLS:,} synthetic cells …")
        write_synthetic(file, n_cells=_LARGE_CELLS)
    try:
        await _ensure(client, console, example, file)
    finally:
        file.unlink(missing_ok=True)


async def _check(client: AsyncClient, console: Console) -> None:
    """Ask the server what a user would, and print the answers."""
    for study in await client.studies():
        if study.name == CYTOMETRY:
            counts = await study.populations.counts(compensation="internal")
            console.print(f"{study.name}:")
            console.print(counts.to_string(index=False, columns=["population", "n_events"]))
            continue
        dataset: AsyncDataset = await study.dataset()
        table = dataset.table()
        features = await table.features()
        gene = next((name for name in ("CD3E", "CD3D", "LYZ") if name in features.index), str(features.index[0]))
        values = await table.values([gene])
        obs = await table.obs()
        embeddings = ", ".join(f"{item['name']} ({item['n_dims']} dimensions)" for item in table.embeddings)
        console.print(f"{study.name}: {table.n_cells:,} cells × {table.n_features:,} features, {table.kind}")
        console.print(f"  {gene}: above 0 in {int((values[gene] > 0).sum()):,} cells, mean {values[gene].mean():.4f}")
        console.print(f"  annotations: {', '.join(obs.columns)}")
        console.print(f"  embeddings: {embeddings}")
    console.print("The demonstration works.")


def _python() -> str:
    """The Python that has Cytosol, as a shell in this folder takes it."""
    program = Path(sys.executable)
    return shlex.quote(str(program.relative_to(Path.cwd()) if program.is_relative_to(Path.cwd()) else program))


def _explain(console: Console, url: str, account: Account) -> None:
    def say(text: Any = "") -> None:
        console.print(text, markup=False, soft_wrap=True)

    say()
    say(f"Cytosol is ready at {url}")
    say(f"  sign in as    {account.email}")
    say(f"  password      {account.password}")
    say(f"  token         {account.token}")
    say()
    say("From Python, with Cytosol's own client:")
    say(f'  {_python()} -c \'import cytosol; c = cytosol.Client("{url}", "{account.token}"); '
        'print(c.study("PBMC 8k").dataset().table().values(["CD3E", "LYZ"]).describe())\'')  # fmt: skip
    say()
    say("From a BBrowserX script (pip install bioturing_connector), nothing changed but the host:")
    say("  python3 -c 'from bioturing_connector.bbrowserx_connector import BBrowserXConnector as B; "
        f'c = B("{url}/t2d_index_tool/", "{account.token}"); '
        'print(c.get_all_studies_info_in_group("human", "personal"))\'')  # fmt: skip
    say()
    say("From the shell:")
    say(f"  curl -H 'Authorization: Bearer {account.token}' {url}/api/v1/studies")
    say()
    say("Stop with Ctrl-C. The next start takes seconds.")
