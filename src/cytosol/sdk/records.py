"""What the server's records look like in a notebook, and how progress is shown."""

from __future__ import annotations

import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

ExportFormat = Literal["h5ad", "zarr", "rds"]


def format_of(path: str | Path) -> ExportFormat:
    """The format that the ending of a file's name asks for; h5ad where it asks for none."""
    name = Path(path).name.lower()
    if name.endswith((".zarr", ".zip")):
        return "zarr"
    return "rds" if name.endswith(".rds") else "h5ad"


class Bar(Protocol):
    """A progress bar."""

    n: float

    def update(self, n: float = 1) -> Any: ...
    def refresh(self) -> Any: ...
    def set_description_str(self, desc: str) -> Any: ...
    def close(self) -> None: ...


def progress_bar(enabled: bool, *, total: float, label: str, unit: str = "") -> Bar:
    """A bar on standard error, or in the notebook."""
    from tqdm.auto import tqdm  # probes for notebook widgets on import

    bar: Bar
    if unit == "B":
        bar = tqdm(total=total, desc=label, unit="B", unit_scale=True, unit_divisor=1024, disable=not enabled)
    else:
        shape = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}"
        bar = tqdm(total=total, desc=label, disable=not enabled, bar_format=shape)
    return bar


class Record:
    """A record of the server; its fields are attributes."""

    _shown: tuple[str, ...] = ("name", "id")

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = dict(fields)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._fields:
            raise AttributeError(f"{type(self).__name__.removeprefix('Async')} has no field '{name}'")
        return self._fields[name]

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._fields})

    @property
    def fields(self) -> dict[str, Any]:
        """All fields as the server sent them."""
        return dict(self._fields)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={self._fields.get(name)!r}" for name in self._shown)
        return f"{type(self).__name__.removeprefix('Async')}({shown})"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name.replace('_', ' '))}</th>"
            f"<td style='text-align:left'>{html.escape(str(self._fields.get(name)))}</td></tr>"
            for name in self._shown
        )
        return f"<table><caption>{html.escape(type(self).__name__.removeprefix('Async'))}</caption>{rows}</table>"
