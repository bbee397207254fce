"""Commands for users and tokens."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cytosol.cli.run import Data, Json, run, settings_of, show

users = typer.Typer(help="Users.", no_args_is_help=True)
tokens = typer.Typer(help="Tokens, which serve every client that takes one.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(metavar="EMAIL", help="E-mail address of the user.")]
Password = Annotated[str, typer.Option("--password", help="The password, or - to read it from standard input.")]


def _password(given: str) -> str:
    return sys.stdin.readline().rstrip("\n") if given == "-" else given


@users.command("add")
def add_user(
    email: Email,
    password: Password,
    name: Annotated[str, typer.Option(help="Name that others see.")] = "",
    admin: Annotated[bool, typer.Option("--admin", help="Make an administrator.")] = False,
    data: Data = None,
) -> None:
    """Make a user, who signs in to the page and to the clients with e-mail and password."""
    from cytosol.server import admin as work  # keeps --help quick

    run(work.add_user(settings_of(data), email=email, password=_password(password), name=name, is_admin=admin))
    typer.echo(f"Added {email}", err=True)


@users.command("list")
def list_users(as_json: Json = False, data: Data = None) -> None:
    """List the users."""
    from cytosol.server import admin as work  # keeps --help quick

    show(run(work.list_users(settings_of(data))), as_json=as_json)


@users.command("passwd")
def set_password(email: Email, password: Password, data: Data = None) -> None:
    """Set a user's password; ends all sessions."""
    from cytosol.server import admin as work  # keeps --help quick

    run(work.set_password(settings_of(data), email=email, password=_password(password)))


@users.command("disable")
def disable(email: Email, data: Data = None) -> None:
    """End all sessions and tokens of a user, and refuse new ones."""
    from cytosol.server import admin as work  # keeps --help quick

    run(work.disable_user(settings_of(data), email=email))


@users.command("transfer")
def transfer(
    email: Email, to: Annotated[str, typer.Argument(metavar="TO", help="Who owns it from now on.")], data: Data = None
) -> None:
    """Make all that one user owns another's."""
    from cytosol.server import admin as work  # keeps --help quick

    moved = run(work.transfer(settings_of(data), from_email=email, to_email=to))
    typer.echo(", ".join(f"{count} {what}" for what, count in moved.items()) or "nothing to move", err=True)


@tokens.command("new")
def new_token(
    email: Email,
    expires: Annotated[
        float | None, typer.Option(metavar="DAYS", help="Days until it ends; never if not given.")
    ] = None,
    scope: Annotated[str, typer.Option(help="Some of read,write,share,admin.")] = "read,write,share",
    name: Annotated[str, typer.Option(help="What it is for.")] = "",
    data: Data = None,
) -> None:
    """Make a token and print it, alone, on standard output. It is shown only now."""
    from cytosol.server import admin as work  # keeps --help quick

    scopes = [part.strip() for part in scope.split(",") if part.strip()]
    typer.echo(run(work.new_token(settings_of(data), email=email, name=name, scopes=scopes, expires_days=expires)))


@tokens.command("list")
def list_tokens(email: Email, as_json: Json = False, data: Data = None) -> None:
    """List a user's tokens, without their secrets."""
    from cytosol.server import admin as work  # keeps --help quick

    show(run(work.list_tokens(settings_of(data), email=email)), as_json=as_json)


@tokens.command("revoke")
def revoke_token(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="Id as 'token list' prints it.")], data: Data = None
) -> None:
    """End a token at once."""
    from cytosol.server import admin as work  # keeps --help quick

    run(work.revoke_token(settings_of(data), token_id=token_id))
