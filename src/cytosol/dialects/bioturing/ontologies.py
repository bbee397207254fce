"""Standard terms: the tree that clients choose from, a term given to a value, and all terms that were given."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any

import orjson
from starlette.responses import Response

from cytosol.asgi.responses import json_response
from cytosol.base.errors import InvalidInputError
from cytosol.catalog.catalog import Catalog
from cytosol.catalog.terms import Ontology, StudyTerm, Term, assignable_tree, find_term
from cytosol.dialects.bioturing import wire
from cytosol.dialects.bioturing.calls import Call
from cytosol.dialects.bioturing.translate import is_species, key_of
from cytosol.model.rights import Actor, require_user

_OF_HUMANS = ("HsapDv",)


async def get_ontologies(catalog: Catalog, actor: Actor, body: wire.OntologiesRequest) -> Response:
    """The ontologies as trees of two levels, as the client looks no deeper; the same for every group."""
    require_user(actor)
    names = [info.name for info in catalog.terms.ontologies()]
    if not is_species("human", body.species):
        names = [name for name in names if name not in _OF_HUMANS]
    found = tuple([await catalog.terms.ontology(name) for name in names])
    return Response(await asyncio.to_thread(_tree_answer, found), media_type="application/json")


@cache
def _tree_answer(ontologies: tuple[Ontology, ...]) -> bytes:
    tree = {ontology.info.name: tree_item(ontology) for ontology in ontologies}
    return orjson.dumps({"status": 200, "data": {"tree": tree}})


def tree_item(ontology: Ontology) -> dict[str, Any]:
    """A root: its groups, and the terms of each; every term is there once."""
    children = [
        {**_leaf(group), "children": [{**_leaf(term), "children": []} for term in members]}
        for group, members in assignable_tree(ontology)
    ]
    return {"name": ontology.info.kind, "children": children}


def _leaf(term: Term) -> dict[str, Any]:
    return {"id": term.id, "name": term.label}


async def assign_term(catalog: Catalog, actor: Actor, body: wire.AssignTermRequest) -> dict[str, Any]:
    """Give one value of a column a standard term."""
    pinned = await catalog.tables.pin_study(actor, study_id=key_of(body.study_id, "study"))
    known = await asyncio.to_thread(find_term, body.leaf_id)
    if known is None or known[0].info.name != body.root_id:
        raise InvalidInputError(
            f"There is no term '{body.leaf_id[:64]}' under '{body.root_id[:64]}'",
            do="Choose one of get_ontologies_tree",
        )
    await catalog.terms.assign(
        actor, dataset_id=pinned.dataset.id, column=body.group, changes={body.name: body.leaf_id}
    )
    return {"term_id": known[1].id, "term": known[1].label}


async def export_std_metadata(catalog: Catalog, actor: Actor, body: wire.StdMetadataRequest) -> Response:
    """The terms given to values, as a bare list; of all studies that the caller may read where none is named."""
    require_user(actor)
    wanted = None if body.study_ids is None else [key_of(id, "study") for id in body.study_ids]
    for id in wanted or ():
        await catalog.studies.get(actor, study_id=id)
    terms = await catalog.terms.of_studies(actor, study_ids=wanted)
    return json_response([std_item(term) for term in terms if term.is_main])


def std_item(found: StudyTerm) -> dict[str, str]:
    """A term that was given, as the client's documents spell it."""
    return {
        "study_id": found.study_id.hex32,
        "metadata_field": found.column,
        "metadata_label": found.level,
        "ontology_accession_id": found.ontology.name,
        "ontology_label": found.ontology.title,
        "node_accession_id": found.term.id,
        "node_label": found.term.label,
    }


ONTOLOGY_CALLS = (
    Call("get_ontologies", wire.OntologiesRequest, get_ontologies),
    Call("study/assign_standardized_term", wire.AssignTermRequest, assign_term),
    Call("export_std_metadata", wire.StdMetadataRequest, export_std_metadata),
)
