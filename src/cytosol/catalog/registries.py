"""What this server reads and computes, for documents and forms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cytosol.analyses.registry import Analysis
from cytosol.catalog.context import Context
from cytosol.catalog.pipeline import PIPELINE
from cytosol.formats.registry import FormatEntry
from cytosol.formats.typing_models import model_names
from cytosol.model.rights import Actor, require_user
from cytosol.reference.cell_types import load_cell_types

SHIPPED = "cytosol"
MODELS = "models"
"""Folder in the data folder where an administrator places models."""

__all__ = ["Analysis", "FormatEntry", "Registries"]


@dataclass(frozen=True, slots=True)
class TypingReference:
    """What cells can be typed by, besides marker lists of users.

    Attributes
    ----------
    n_types : 0 = not known before the model is read
    tissues : that the analysis can be narrowed to
    """

    name: str
    kind: Literal["reference", "model"]
    n_types: int
    tissues: tuple[str, ...]


References = list[TypingReference]


class Registries:
    """Reads the registries."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def formats(self) -> tuple[FormatEntry, ...]:
        """All formats, those that are known but not read included."""
        return tuple(self._context.formats)

    def analyses(self) -> tuple[Analysis, ...]:
        """All analyses, and the way of making a dataset, whose parameters a submission takes."""
        return (*self._context.analyses.entries(), PIPELINE)

    def typing_references(self, actor: Actor) -> References:
        """The shipped reference of cell types, and the models of this server, for who is signed in."""
        require_user(actor)
        types = load_cell_types("human")
        tissues = tuple(sorted({one.tissue for one in types} - {"any"}))
        models = model_names(self._context.settings.data / MODELS)
        shipped = TypingReference(SHIPPED, "reference", len(types), tissues)
        return [shipped, *(TypingReference(name, "model", 0, ()) for name in models)]
