"""How the commands run: settings, errors as one sentence, tables and progress."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from cytosol.base.errors import CytosolError

if TYPE_CHECKING:
    from cytosol.base.settings import Settings

T = TypeVar("T")
Data = Annotated[
    Path | None,
    typer.Option("--data", envvar="CYTOSOL_DATA", help="Data folder; the user's own data folder where not given."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def settings_of(data: Path | None, **flags: Any) -> Settings:
    """The settings of a command."""
    from cytosol.base.settings import load_settings  # keeps --help quick

    return load_settings(data=data, **flags)


@contextmanager
def sentences() -> Iterator[None]:
    """Print an error as one sentence on standard error, and end with status 1."""
    try:
        yield
    except CytosolError as error:
        typer.echo(f"cytosol: {error.sentence}", err=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run one async function to its end."""
    with sentences():
        return asyncio.run(work)


def show(rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print records as a table, or as JSON."""
    if as_json:
        typer.echo(json.dumps(list(rows), indent=2))
        return
    if not rows:
        typer.echo("(none)", err=True)
        return
    names = list(rows[0])
    cells = [[str(row[name]) for name in names] for row in rows]
    widths = [max(len(name), *(len(row[i]) for row in cells)) for i, name in enumerate(names)]
    for line in [names, *cells]:
        typer.echo("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


@contextmanager
def byte_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar for bytes done and bytes in all, on standard error."""
    from tqdm import tqdm  # keeps --help quick

    with tqdm(desc=label, unit="B", unit_scale=True, unit_divisor=1024, disable=not sys.stderr.isatty()) as bar:

        def tell(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield tell
