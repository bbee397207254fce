"""Wire models of analyses of a table."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from cytosol.dialects.native.wire.common import Wire


class AnalysisRequest(Wire):
    """Something that shall be computed of a table."""

    analysis: str = Field(examples=["markers"])
    """Name of an analysis that is runnable; GET /analyses tells them."""
    name: str = ""
    """Of what it makes; empty = it names it itself."""
    parameters: dict[str, Any] = Field(default_factory=dict, examples=[{"column": "Louvain clustering"}])
    """Of the analysis; GET /analyses tells them, with units and bounds."""
