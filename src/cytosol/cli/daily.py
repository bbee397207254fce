"""A person's daily commands, over the API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from cytosol.base.errors import InvalidInputError
from cytosol.cli.run import Data, Json, run, sentences, settings_of, show

if TYPE_CHECKING:
    from cytosol.sdk import Client
    from cytosol.sdk.records import ExportFormat

Url = Annotated[str, typer.Option("--url", envvar="CYTOSOL_URL", help="Address of the server.")]
TokenOption = Annotated[str, typer.Option("--token", envvar="CYTOSOL_TOKEN", help="A token of that server.")]


@contextmanager
def _client(url: str, token: str, data: Path | None) -> Iterator[Client]:
    from cytosol.sdk import Client  # keeps --help quick

    with sentences():
        if token:
            address = url
        elif url:
            raise InvalidInputError("A server named with --url needs a token", do="Give --token, or CYTOSOL_TOKEN")
        else:
            from cytosol.server.admin import local_access  # keeps --help quick

            address, token = run(local_access(settings_of(data)))
        with Client(address, token) as client:
            yield client


def ls(
    study: Annotated[str, typer.Argument(metavar="[STUDY]", help="Name or id; all studies where not given.")] = "",
    as_json: Json = False,
    url: Url = "",
    token: TokenOption = "",
    data: Data = None,
) -> None:
    """List studies, or the datasets of one."""
    with _client(url, token, data) as client:
        if not study:
            names = ("id", "name", "species", "n_cells", "n_datasets")
            show([{name: item.fields.get(name) for name in names} for item in client.studies()], as_json=as_json)
        else:
            names = ("id", "name", "state", "n_cells", "technology")
            datasets = client.study(study).datasets()
            show([{name: item.fields.get(name) for name in names} for item in datasets], as_json=as_json)


def ingest(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="One file, or matrix=FILE features=FILE barcodes=FILE.")
    ],
    study: Annotated[str, typer.Option(help="Name or id; made where there is none.")],
    name: Annotated[str, typer.Option(help="Name of the dataset; the file's where not given.")] = "",
    normalized: Annotated[bool, typer.Option("--normalized", help="The values are log-normalised already.")] = False,
    species: Annotated[str, typer.Option(help="Species of a new study.")] = "human",
    url: Url = "",
    token: TokenOption = "",
    data: Data = None,
) -> None:
    """Upload a file and wait until it is a dataset."""
    from cytosol.base.errors import NotFoundError  # beside its use

    roles = dict(item.split("=", 1) for item in files) if all("=" in item for item in files) else {"matrix": files[0]}
    with _client(url, token, data) as client:
        if len(roles) != len(files):
            raise InvalidInputError("Several files need roles", do="Give matrix=FILE features=FILE barcodes=FILE")
        try:
            target = client.study(study)
        except NotFoundError:
            target = client.create_study(study, species=species)
        job = target.submit(roles, name=name, matrix="normalized" if normalized else "raw")
        job.wait()
        typer.echo(job.dataset_id)


def export(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Id of the dataset.")],
    target: Annotated[Path, typer.Argument(metavar="FILE", help="File to write: .h5ad, .zarr.zip or .rds.")],
    format: Annotated[
        str, typer.Option(help="h5ad, zarr or rds (a Seurat object); by the ending of FILE where not given.")
    ] = "",
    table: Annotated[str, typer.Option(help="Table to save; the main one where not given.")] = "",
    url: Url = "",
    token: TokenOption = "",
    data: Data = None,
) -> None:
    """Save a dataset as h5ad, AnnData-Zarr or a Seurat object."""
    if format not in ("", "h5ad", "zarr", "rds"):
        with sentences():
            raise InvalidInputError(f"There is no format '{format}'", where="--format", do="Use h5ad, zarr or rds")
    chosen = cast("ExportFormat | None", format or None)
    with _client(url, token, data) as client:
        typer.echo(client.dataset(dataset).download(target, format=chosen, table=table))
