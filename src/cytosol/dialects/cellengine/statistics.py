"""Bulk statistics."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import Response

from cytosol.asgi.responses import attachment, json_response
from cytosol.base.errors import InvalidInputError
from cytosol.base.keys import Key
from cytosol.catalog.statistics_records import Asked as Wanted
from cytosol.dialects.cellengine import wire
from cytosol.dialects.cellengine.calls import Asked, Call
from cytosol.dialects.cellengine.experiments import E, experiment
from cytosol.dialects.cellengine.gate_documents import reference_of
from cytosol.dialects.cellengine.statistics_tables import LAYOUTS, STATISTICS, as_text, lay_out
from cytosol.dialects.cellengine.translate import compensation_said, given_key

_SEPARATORS = {"csv": ",", "tsv": "\t"}
_TYPES = {"csv": "text/csv; charset=utf-8", "tsv": "text/tab-separated-values; charset=utf-8"}
_HEADERS = {"(with header)": True, "(without header)": False, "": False}


async def bulk_statistics(asked: Asked) -> Response:
    """Statistics of populations of files, as JSON, CSV or TSV."""
    view = await experiment(asked)
    said = await asked.said(wire.StatisticsRequest)
    layout, format = said.layout.lower(), said.format.lower()
    if layout not in LAYOUTS:
        raise InvalidInputError(f'"layout" must be one of {", ".join(LAYOUTS)}')
    kind, _, header = format.partition(" ")
    if format != "json" and (kind not in _SEPARATORS or header not in _HEADERS):
        raise InvalidInputError('"format" must be json, or CSV or TSV (with header) or (without header)')
    table = await asked.catalog.statistics.table(
        asked.actor,
        study_id=view.study.id,
        asked=wanted_of(said),
        dataset_ids=[_key(id, "fcsFileIds") for id in said.fcsFileIds] if said.fcsFileIds else None,
        population_ids=[given_key(id, "populationIds") for id in said.populationIds] if said.populationIds else None,
    )
    annotations = None
    if said.annotations:
        files = await asked.catalog.cytometry.files(asked.actor, study_id=view.study.id)
        annotations = {file.dataset.id: dict(file.annotations) for file in files}
    rows = await asyncio.to_thread(lay_out, table, layout, annotations)
    if format == "json":
        return await asyncio.to_thread(json_response, rows)
    text = await asyncio.to_thread(as_text, rows, separator=_SEPARATORS[kind], with_header=_HEADERS[header])
    headers = {"content-disposition": attachment(f"{view.study.name} - Statistics.{kind}")}
    return Response(text, headers=headers, media_type=_TYPES[kind])


def wanted_of(said: wire.StatisticsRequest) -> Wanted:
    """What is asked for, in our words."""
    statistics = []
    for name in said.statistics:
        if name.lower() not in STATISTICS:
            raise InvalidInputError(f'"statistics" has no "{name[:64]}"', do=f"Choose of {', '.join(STATISTICS)}")
        statistics.append(STATISTICS[name.lower()])
    if not said.channels and not {"event_count", "percent"} & set(statistics):
        raise InvalidInputError('"channels" is required')
    references = said.percentOf if isinstance(said.percentOf, list) else [said.percentOf]
    return Wanted(
        axes=[reference_of(channel) for channel in dict.fromkeys(said.channels)],
        statistics=statistics,
        q=said.q,
        percent_of=[_percent_of(one) for one in references],
        compensation=compensation_said(said.compensationId),
    )


def _percent_of(said: Any) -> str | Key:
    """``"PARENT"``, null or "" for all events, or a population."""
    if not said:
        return "total"
    return "parent" if said.upper() == "PARENT" else _key(said, "percentOf")


def _key(id: str, name: str) -> Key:
    key = given_key(id, name)
    if key is None:
        raise InvalidInputError(f'"{name}" must be an id of 24 hex digits')
    return key


STATISTICS_CALLS = (Call("POST", f"{E}/bulkstatistics", bulk_statistics),)
