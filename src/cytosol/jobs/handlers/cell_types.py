"""Cell types by the shipped reference, by a marker list of users, or by a model on the server."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from cytosol.analyses.matrix.cell_types import (
    UNKNOWN,
    TypeMarkers,
    TypingRun,
    cell_levels,
    group_levels,
    name_types,
)
from cytosol.analyses.matrix.feature_names import FeatureNames
from cytosol.analyses.matrix.linear_types import LinearModel, predict
from cytosol.base.errors import InvalidInputError
from cytosol.base.keys import Key
from cytosol.base.tables import ColumnData
from cytosol.catalog.gene_names import species_of as one_spelling
from cytosol.catalog.registries import MODELS, SHIPPED
from cytosol.formats.typing_models import read_model
from cytosol.jobs.handlers.base import Outcome, TableRun
from cytosol.jobs.handlers.scores import TARGET_SUM, feature_names, species_of
from cytosol.jobs.pipeline import LOUVAIN
from cytosol.reference.cell_types import REFERENCE_VERSION, load_cell_types

_EVERYWHERE = ("blood", "any")
_ID = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True, slots=True)
class _Listed:
    """A type as a reference lists it."""

    name: str
    parent: str
    tells_parent: bool
    expressed: tuple[str, ...]
    absent: tuple[str, ...]


async def cell_types(run: TableRun) -> Outcome:
    """Name the type of each group of cells, or of each cell."""
    params = cast(TypingRun, run.params)
    if params.reference != SHIPPED and not _ID.fullmatch(params.reference):
        return await _by_model(run, params)
    listed, terms, version = await _listed(run, params)
    features = await feature_names(run)
    places, types = _placed(listed, features)
    run.report.log(f"{len(places)} marker genes of {len(types)} types are in the table")
    values = run.matrix.normalized(run.matrix.index.features(places), run.matrix.totals, TARGET_SUM)
    run.report.progress(0.5, "Typing")
    groups = await _groups(run, params)
    if groups is None:
        found = name_types(cell_levels(values), types, params, single_cells=True)
        names, scores = np.array(found.names, object), found.scores
    else:
        found = name_types(group_levels(values, groups.values, len(groups.categories or ())), types, params)
        inside = groups.values >= 0
        names, scores = np.full(run.n_cells, UNKNOWN, object), np.full(run.n_cells, np.nan)
        names[inside] = np.array(found.names, object)[groups.values[inside]]
        scores[inside] = found.scores[groups.values[inside]]
    outcome = _outcome(run, names, scores, "Cell type score")
    title = run.name or "Cell type"
    outcome.terms[title] = {name: terms[name] for name in set(names) if name in terms}
    outcome.facts = {"reference": params.reference, "reference_version": version, "n_types": found.n_considered}
    if groups is not None:
        pairs = zip(groups.categories or (), found.names, found.scores, strict=True)
        outcome.result["groups"] = {level: {"type": name, "score": round(float(s), 3)} for level, name, s in pairs}
    return outcome


async def _listed(run: TableRun, params: TypingRun) -> tuple[list[_Listed], dict[str, str], str]:
    """The types, their terms of the Cell Ontology by name, and the version of the list."""
    if params.reference == SHIPPED:
        types = load_cell_types(one_spelling(await species_of(run)))
        tissues = {one.tissue for one in types}
        if params.tissue and params.tissue not in tissues:
            raise InvalidInputError(
                f"The reference has no tissue '{params.tissue[:64]}'",
                where="tissue",
                do=f"Known are {', '.join(sorted(tissues))}",
            )
        types = tuple(one for one in types if not params.tissue or one.tissue in (*_EVERYWHERE, params.tissue))
        listed = [_Listed(one.name, one.parent, one.tells_parent, one.expressed, one.absent) for one in types]
        return listed, {one.name: one.term for one in types}, REFERENCE_VERSION
    view = await run.run.catalog.gene_sets.get(run.run.actor, gene_sets_id=Key.parse(params.reference))
    run.report.log(f"Markers: {view.gene_sets.name}")
    listed = [_Listed(one.name, "", False, one.genes, one.negative) for one in view.sets or ()]
    return listed, {}, str(view.gene_sets.version)


def _placed(listed: Sequence[_Listed], features: FeatureNames) -> tuple[np.ndarray, list[TypeMarkers]]:
    """The features that matter, rising, and the types in places among these."""
    found = [(one, features.match(one.expressed).places, features.match(one.absent).places) for one in listed]
    needed = [part for _, expressed, absent in found for part in (expressed, absent)]
    places = np.unique(np.concatenate(needed)) if needed else np.empty(0, np.int64)
    types = [
        TypeMarkers(
            one.name, one.parent, one.tells_parent,
            np.searchsorted(places, expressed), np.searchsorted(places, absent), len(one.expressed),
        )
        for one, expressed, absent in found
    ]  # fmt: skip
    return places, types


async def _groups(run: TableRun, params: TypingRun) -> ColumnData | None:
    """The groups that are typed; None = each cell by itself."""
    if params.per_cell:
        return None
    if params.column:
        return await run.groups(params.column)
    known = any(column.name == LOUVAIN for column in run.pinned.part.columns)
    return await run.groups(LOUVAIN) if known else None


async def _by_model(run: TableRun, params: TypingRun) -> Outcome:
    folder = run.run.catalog.settings.data / MODELS
    model = LinearModel(**read_model(folder, params.reference))
    features = await feature_names(run)
    found = [(place, features.find(gene)) for place, gene in enumerate(model.genes)]
    own = {at: place for place, at in reversed(found) if at >= 0}
    run.report.log(f"The table has {len(own)} of {len(model.genes)} genes of the model '{params.reference}'")
    places = np.array(sorted(own), np.int64)
    values = run.matrix.normalized(run.matrix.index.features(places), run.matrix.totals, TARGET_SUM).tocsr()
    best, sure = predict(model, values, [own[at] for at in places.tolist()])
    names = np.array(model.classes, object)[best]
    names[sure < params.min_probability] = UNKNOWN
    groups = await run.groups(params.column) if params.column and not params.per_cell else None
    if groups is not None:
        for group in range(len(groups.categories or ())):
            rows = np.flatnonzero(groups.values == group)
            if len(rows):
                names[rows] = Counter(names[rows].tolist()).most_common(1)[0][0]
    outcome = _outcome(run, names, sure, "Cell type probability")
    outcome.facts = {"reference": params.reference, "n_genes_found": len(own), "n_genes_of_model": len(model.genes)}
    return outcome


def _outcome(run: TableRun, names: np.ndarray, scores: np.ndarray, of_scores: str) -> Outcome:
    levels = sorted(set(names) - {UNKNOWN}) + ([UNKNOWN] if UNKNOWN in names else [])
    number = {name: place for place, name in enumerate(levels)}
    codes = np.fromiter((number[name] for name in names), np.int32, len(names))
    counts = np.bincount(codes, minlength=len(levels))
    title = run.name or "Cell type"
    columns = {title: ColumnData(codes, categories=levels), of_scores: ColumnData(scores.astype(np.float32))}
    return Outcome(columns, result={"types": {name: int(n) for name, n in zip(levels, counts, strict=True)}})
