"""The command ``cytosol``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cytosol.cli import care, daily, people
from cytosol.cli.run import Data, sentences, settings_of

app = typer.Typer(
    help="One open server for everything measured per cell.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(people.users, name="user")
app.add_typer(people.tokens, name="token")
app.add_typer(care.storages, name="storage")

Host = Annotated[str | None, typer.Option(help="Address to listen on [127.0.0.1].")]
Port = Annotated[int | None, typer.Option(help="Port to listen on [8000]; 0 takes a free one.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # keeps --help quick

        typer.echo(version("cytosol"))
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """One open server for everything measured per cell."""


@app.command()
def serve(
    host: Host = None,
    port: Port = None,
    root_path: Annotated[str | None, typer.Option(help="Path under which a proxy serves this server.")] = None,
    data: Data = None,
) -> None:
    """Start the server on a fresh or existing data folder."""
    with sentences():
        settings = settings_of(data, host=host, port=port, root_path=root_path)
        from cytosol.server.serve import announce  # keeps --help quick
        from cytosol.server.serve import serve as run_server

        run_server(settings, on_ready=announce)


@app.command()
def demo(
    host: Host = None,
    port: Port = None,
    check: Annotated[bool, typer.Option("--check", help="Query the server through the SDK, and exit.")] = False,
    large: Annotated[bool, typer.Option("--large", help="Add a synthetic study of 200,000 cells.")] = False,
    data: Data = None,
) -> None:
    """Start the server with the example studies."""
    with sentences():
        folder = data or Path(typer.get_app_dir("cytosol-demo"))
        settings = settings_of(folder, host=host, port=port)
        from cytosol.server.demo import run_demo  # keeps --help quick

        run_demo(settings, check=check, large=large)


app.command()(care.migrate)
app.command()(care.check)
app.command()(care.backup)
app.command()(care.restore)
app.command()(care.du)
app.command()(care.logs)
app.command()(daily.ls)
app.command()(daily.ingest)
app.command()(daily.export)

if __name__ == "__main__":
    app()
