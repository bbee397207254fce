"""Taking the address before anything else starts, so that a taken port is one clear sentence."""

from __future__ import annotations

import errno
import socket

from cytosol.base.errors import ConflictError, InvalidInputError


def bind(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises
    ------
    ConflictError
        Where another program has the port.
    InvalidInputError
        Where the address is not one of this machine, or the port needs more rights.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio sets no delay on named TCP only
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        where = f"{host}:{port}"
        if error.errno == errno.EADDRINUSE:
            raise ConflictError(
                f"Port {port} is taken by another program", where=where, do="Stop it, or choose another with --port"
            ) from error
        if error.errno == errno.EACCES:
            raise InvalidInputError(
                f"Port {port} needs the rights of an administrator", where=where, do="Choose one above 1023 with --port"
            ) from error
        raise InvalidInputError(
            f"The server cannot listen there: {error.strerror or error}", where=where, do="Check --host"
        ) from error
    return listener


def url_of(listener: socket.socket, host: str, root_path: str) -> str:
    """The address to open in a browser."""
    port = listener.getsockname()[1]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}{root_path.rstrip('/')}"
