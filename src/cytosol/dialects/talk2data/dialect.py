"""The API of BioTuring's Python client ``talk2data_sdk``: one database over all readable studies of human cells."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.routing import BaseRoute

from cytosol.asgi.dialect import ErrorTable, Services
from cytosol.asgi.errors import HTTP_STATUS
from cytosol.asgi.json_calls import Asked, JsonCall, Manners, call_routes, told
from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.base.times import to_rfc3339
from cytosol.catalog.contexts import CELL_TYPE, DISEASE, TISSUE
from cytosol.catalog.nodes import combine_nodes, content_id, nodes_of
from cytosol.catalog.sources import Source
from cytosol.dialects.talk2data import wire

PREFIX = "/t2d"
SPECIES = "human"
DATABASE = str(uuid.uuid5(uuid.NAMESPACE_OID, "cytosol talk2data human"))
PROJECT, EXPERIMENT = "all-studies", "all-cells"
KIND_OF = {"CL": CELL_TYPE, "MONDO": DISEASE, "UBERON": TISSUE}
"""The ontologies of the client, in the order in which it reads the entries of a column."""
MAX_COLUMNS = 20_000
MAX_ENTRIES = 200_000
"""Genes times combinations in one answer; each takes about 100 bytes."""


async def list_versions(asked: Asked, body: wire.Empty) -> list[dict[str, Any]]:
    """The one database; only such, as the client fails on a list that holds another species or technology."""
    sources = await asked.catalog.across.sources(asked.actor, species=SPECIES)
    times = [source.pinned.dataset.updated_at for source in sources]
    return [
        {
            "id": DATABASE,
            "tag_name": "Cytosol human",
            "species": SPECIES,
            "technology": "scseq",
            "version_id": str(content_id(sources)),
            "created_time": to_rfc3339(max(times, default=0)),
            "total_cells": sum(source.pinned.part.n_cells for source in sources),
        }
    ]


async def list_projects(asked: Asked, body: wire.Empty) -> list[dict[str, Any]]:
    """The one project; its ontologies are the base ones."""
    await _sources(asked)
    return [{"id": PROJECT, "name": "All studies", "is_default": True, "custom_ontologies": {}}]


async def list_experiments(asked: Asked, body: wire.ProjectRequest) -> list[dict[str, Any]]:
    """The one experiment."""
    await _sources(asked)
    if body.project_id != PROJECT:
        raise NotFoundError("There is no such project", where=body.project_id[:64])
    return [{"id": EXPERIMENT, "name": "All cells", "is_default": True}]


async def get_ontology(asked: Asked, body: wire.OntologyRequest) -> dict[str, Any]:
    """What the studies can be asked by: terms that occur in them, those above, and labels that are no term."""
    if body.id not in KIND_OF:
        raise NotFoundError(f"There is no ontology '{body.id[:64]}'", do=f"There are: {', '.join(KIND_OF)}")
    sources = await _sources(asked)
    labels = await asked.catalog.across.labels(sources)
    nodes = await asyncio.to_thread(nodes_of, KIND_OF[body.id], sources, labels)
    return {"id": body.id, "nodes": [{"id": node.id, "label": node.label} for node in nodes]}


async def get_genes(asked: Asked, body: wire.Empty) -> dict[str, Any]:
    """Genes by number; names that no readable study measures have none."""
    genes = await asked.catalog.across.gene_numbers.measured(await _sources(asked), SPECIES)
    return {"idx2name": genes.names, "name2idx": genes.numbers}


async def get_composition(asked: Asked, body: wire.CompositionRequest) -> dict[str, Any]:
    """Averages over all cells of each combination of nodes, for each gene."""
    sources = await _sources(asked)
    known = (await asked.catalog.across.gene_numbers.measured(sources, SPECIES)).names
    genes = [known[id] if 0 <= id < len(known) else "" for id in body.gene_ids]
    if "" in genes:
        raise InvalidInputError("A gene has a number that is not known", where="gene_ids", do="Get the genes again")
    chosen: dict[str, list[str]] = {}
    for level in body.levels:
        if level.ontology_id not in KIND_OF:
            raise InvalidInputError(f"There is no ontology '{level.ontology_id[:64]}'", where="levels")
        named = [id for context in level.contexts for id in context.metadata.get(level.ontology_id, [])]
        chosen.setdefault(level.ontology_id, []).extend(named)
    kinds = [name for name in KIND_OF if name in chosen]
    columns = list(itertools.islice(itertools.product(*(chosen[name] for name in kinds)), MAX_COLUMNS + 1))
    if len(columns) > MAX_COLUMNS:
        raise InvalidInputError(
            f"More than {MAX_COLUMNS:,} combinations of cell types, conditions and tissues", do="Ask for fewer at once"
        )
    if len(columns) * len(genes) > MAX_ENTRIES:
        raise InvalidInputError(
            f"{len(genes):,} genes in {len(columns):,} combinations are more than {MAX_ENTRIES:,} answers",
            where="gene_ids",
            do=f"Ask for at most {max(1, MAX_ENTRIES // len(columns)):,} genes at once",
        )
    labels = await asked.catalog.across.labels(sources)
    found = await asked.catalog.across.sums(sources, genes=genes, species=SPECIES, unit="lognorm")

    def answer() -> dict[str, Any]:
        names = {name: {node.id: node.label for node in nodes_of(KIND_OF[name], sources, labels)} for name in kinds}
        made = combine_nodes(found, [{KIND_OF[n]: id for n, id in zip(kinds, ids, strict=True)} for ids in columns])
        spelled = [dict(zip(kinds, ids, strict=True)) for ids in columns]
        return {
            "rows": genes,
            "columns": [
                [{"node_name": names[name].get(ids[name], ids[name]) if name in ids else None} for name in KIND_OF]
                for ids in spelled
            ],
            "data": [
                [
                    {
                        "average": float(part.sums[row] / part.total) if part.total else 0.0,
                        "total_cells": part.total,
                        "exp_cells": int(part.counts[row]),
                    }
                    for part in made
                ]
                for row in range(len(genes))
            ],
        }

    return await asyncio.to_thread(answer)


async def _sources(asked: Asked) -> list[Source]:
    """The tables of the database that the request names in a header; every call on a database has it."""
    wanted = asked.request.headers.get("t2d-version", DATABASE)
    if wanted != DATABASE:
        raise NotFoundError("There is no such database", where=wanted[:64], do="List the databases")
    return await asked.catalog.across.sources(asked.actor, species=SPECIES)


def _token(request: Request) -> str:
    """The header goes before the cookie; the client sends the same in both."""
    return request.headers.get("bioturing-auth-token", "") or request.cookies.get("bioturing-auth-jwt", "")


CALLS = (
    JsonCall("api/v1/version/list", wire.Empty, list_versions),
    JsonCall("api/v1/project/list", wire.Empty, list_projects),
    JsonCall("api/v1/experiment/list", wire.ProjectRequest, list_experiments),
    JsonCall("api/v1/ontology/base/get", wire.OntologyRequest, get_ontology),
    JsonCall("api/v1/ontology/custom/get", wire.OntologyRequest, get_ontology),
    JsonCall("api/v1/genes_annotation", wire.Empty, get_genes),
    JsonCall("api/v1/analysis/heatmap/composition", wire.CompositionRequest, get_composition),
)
MANNERS = Manners(_token, HTTP_STATUS, told)


class Talk2DataDialect:
    """talk2data_sdk, its base address set to ``http://HOST:PORT/t2d/``."""

    name: str = "talk2data"
    prefixes: tuple[str, ...] = (PREFIX,)
    conforms_to: tuple[str, ...] = ("talk2data_sdk 0.1.3",)
    errors: ErrorTable = HTTP_STATUS

    def routes(self, services: Services) -> Sequence[BaseRoute]:
        """All calls."""
        return call_routes(services, PREFIX, CALLS, MANNERS)
