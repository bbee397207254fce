"""Requests as talk2data_sdk sends them; calls without arguments have no body at all."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MAX_NODES = 50
MAX_GENES = 50


class Wire(BaseModel):
    """A JSON object of a request; further keys are ignored."""

    model_config = ConfigDict(extra="ignore")


class Empty(Wire):
    """A request without fields."""


class OntologyRequest(Wire):
    """Names an ontology."""

    id: str


class ProjectRequest(Wire):
    """Names a project."""

    project_id: str


class Context(Wire):
    """Nodes of an ontology that are chosen together."""

    metadata: dict[str, Annotated[list[str], Field(max_length=MAX_NODES)]]


class Level(Wire):
    """The nodes of one ontology."""

    ontology_id: str
    contexts: list[Context]


class CompositionRequest(Wire):
    """``analysis/heatmap/composition``: genes by number, and the nodes whose combinations are wanted."""

    gene_ids: Annotated[list[int], Field(min_length=1, max_length=MAX_GENES)]
    levels: list[Level] = Field(default_factory=list)
