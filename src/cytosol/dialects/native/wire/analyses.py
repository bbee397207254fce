"""Wire models of analyses of a table."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cytosol.dialects.native.wire.common import HexId, Time, Wire


class AnalysisRequest(Wire):
    """Something that shall be computed of a table."""

    analysis: str = Field(examples=["markers"])
    """Name of an analysis that is runnable; GET /analyses tells them."""
    name: str = ""
    """Of what it makes; empty = it names it itself."""
    parameters: dict[str, Any] = Field(default_factory=dict, examples=[{"column": "Louvain clustering"}])
    """Of the analysis; GET /analyses tells them, with units and bounds."""


class ComparisonRecord(Wire):
    """Two selections of cells that were compared."""

    id: HexId
    created_at: Time
    name: str
    method: Literal["wilcoxon", "t-test", "pseudobulk"]
    first: dict[str, Any]
    """The selection; of many cells the first hundred and ``n_cells``."""
    second: dict[str, Any]
    n_first: int
    n_second: int
    parameters: dict[str, Any]
    notes: list[str]
    """What was left out, and what the model warned of."""


class ReportRecord(Wire):
    """A page that an analysis wrote."""

    id: HexId
    created_at: Time
    name: str
    analysis: str
    facts: dict[str, Any]
    """Figures of the analysis, such as ``n_populations`` or ``share_good``."""


class SubsetRequest(Wire):
    """Cells that shall become a dataset of their own."""

    name: str = ""
    """Of the new dataset; empty = the parent's with the selection."""
    selection: dict[str, Any] = Field(examples=[{"column": "Louvain clustering", "groups": ["Cluster 1"]}])
    parameters: dict[str, Any] | None = None
    """Of the way from counts to clusters, which are computed anew; null = those of the parent are kept."""


class SummaryRequest(Wire):
    """Features to be summarised in groups of some cells."""

    features: list[str] = Field(examples=[["CD3E", "LYZ"]])
    """Symbols or ids."""
    selection: dict[str, Any] | None = Field(None, examples=[{"column": "phase", "groups": ["G1", "S"]}])
    """The cells; null = all."""
    group_by: str = ""
    """An annotation, or attribute:NAME of an attribute of the samples; empty = all cells together."""
    split_by: str = ""
    unit: Literal["raw", "lognorm"] = "lognorm"
    threshold: float = 0.0
    version: int | None = None
    """data_version to read; null = the newest."""


class ViolinRequest(Wire):
    """A feature whose densities in groups of some cells are wanted."""

    feature: str = Field(examples=["CD3E"])
    selection: dict[str, Any] | None = Field(None, examples=[{"column": "phase", "groups": ["G1", "S"]}])
    """The cells; null = all."""
    group_by: str = ""
    """An annotation, or attribute:NAME of an attribute of the samples; empty = all cells together."""
    split_by: str = ""
    unit: Literal["raw", "lognorm"] = "lognorm"
    bandwidth: float = 1.0
    n_points: int = 100
    version: int | None = None
    """data_version to read; null = the newest."""
