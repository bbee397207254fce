"""What this server reads and computes, for documents and forms."""

from __future__ import annotations

from cytosol.analyses.registry import Analysis
from cytosol.catalog.context import Context
from cytosol.formats.registry import FormatEntry

__all__ = ["Analysis", "FormatEntry", "Registries"]


class Registries:
    """Reads the registries."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def formats(self) -> tuple[FormatEntry, ...]:
        """All formats, those that are known but not read included."""
        return tuple(self._context.formats)

    def analyses(self) -> tuple[Analysis, ...]:
        """All analyses."""
        return self._context.analyses.entries()
