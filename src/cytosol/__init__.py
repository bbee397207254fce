"""One open server for everything measured per cell; ``cytosol.Client`` talks to one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cytosol.sdk import AsyncClient, Client

__all__ = ["AsyncClient", "Client"]


def __getattr__(name: str) -> Any:
    # lazy: the server and the command line must not load the client's libraries
    if name in __all__:
        from cytosol import sdk

        return getattr(sdk, name)
    raise AttributeError(f"module 'cytosol' has no attribute '{name}'")
