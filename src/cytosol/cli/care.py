"""Commands for the care of a data folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cytosol.cli.run import Data, Json, byte_bar, run, settings_of, show

storages = typer.Typer(help="Storages: folders and buckets that users submit from.", no_args_is_help=True)


@storages.command("add")
def add_storage(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    target: Annotated[str, typer.Argument(metavar="PATH-or-s3://BUCKET/PREFIX")],
    user: Annotated[str, typer.Option(metavar="EMAIL", help="Whose it is.")] = "",
    group: Annotated[str, typer.Option(metavar="GROUP", help="Which group's it is.")] = "",
    data: Data = None,
) -> None:
    """Mount a folder or bucket, for a user, for a group, or else for all members.

    The keys of a bucket are taken from the settings s3_endpoint, s3_region, s3_access_key and s3_secret_key.
    """
    from cytosol.server import admin as work  # keeps --help quick

    run(work.add_storage(settings_of(data), name=name, target=target, email=user, group=group))
    typer.echo(f"Mounted {name}", err=True)


def migrate(data: Data = None) -> None:
    """Bring the database to this version."""
    from cytosol.server import admin as work  # keeps --help quick

    typer.echo(f"The database is at revision {run(work.migrate(settings_of(data)))}", err=True)


def check(
    deep: Annotated[bool, typer.Option("--deep", help="Read every array and every original.")] = False,
    data: Data = None,
) -> None:
    """Compare what lies on disk with the records, and mend what can be mended. Status 1 where something is lost."""
    from cytosol.server import admin as work  # keeps --help quick

    findings = run(work.check(settings_of(data), deep=deep))
    for where, problem, mended in findings:
        typer.echo(f"{where}: {problem}{' (mended)' if mended else ''}")
    lost = sum(not mended for _, _, mended in findings)
    typer.echo(f"{len(findings)} findings, {lost} not mended", err=True)
    if lost:
        raise typer.Exit(1)


def backup(
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="An empty folder.")], data: Data = None
) -> None:
    """Copy everything into a folder; works while the server runs."""
    from cytosol.server import admin as work  # keeps --help quick

    with byte_bar("Backing up") as tell:
        report = run(work.back_up(settings_of(data), target, tell))
    typer.echo(f"Backed up {report} to {target}", err=True)


def restore(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="A folder that 'backup' wrote.")], data: Data = None
) -> None:
    """Bring a backup back into an empty data folder."""
    from cytosol.server import admin as work  # keeps --help quick

    settings = settings_of(data)
    with byte_bar("Restoring") as tell:
        report = run(work.restore(settings, source, tell))
    typer.echo(f"Restored {report} to {settings.data}", err=True)


def du(as_json: Json = False, data: Data = None) -> None:
    """Print what each study takes on disk, in bytes."""
    from cytosol.server import admin as work  # keeps --help quick

    show(run(work.weigh(settings_of(data))), as_json=as_json)


def logs(
    job: Annotated[str, typer.Argument(metavar="JOB", help="Number or id of the job.")], data: Data = None
) -> None:
    """Print the log of a job."""
    from cytosol.server import admin as work  # keeps --help quick

    for line in run(work.job_log(settings_of(data), job)):
        typer.echo(line)
