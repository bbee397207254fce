"""Scores of gene sets and of the cell cycle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import scipy.sparse as sp

from cytosol.analyses.matrix.cell_cycle import G2M_GENES, PHASES, S_GENES, CellCycleParams, score_cell_cycle
from cytosol.analyses.matrix.feature_names import FeatureNames
from cytosol.analyses.matrix.gene_scores import ScoredMatrix, ScoreRun, feature_means, score_genes
from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.base.keys import Key
from cytosol.base.tables import ColumnData
from cytosol.catalog.gene_names import gene_names
from cytosol.catalog.gene_names import species_of as one_spelling
from cytosol.db import rows, tables
from cytosol.jobs.handlers.base import Outcome, TableRun
from cytosol.model.gene_sets import GeneSet, clean_sets

TARGET_SUM = 1e4
MAX_SCORES = 500
_SHOWN = 10


async def scores(run: TableRun) -> Outcome:
    """Score gene sets, one annotation each."""
    params = cast(ScoreRun, run.params)
    chosen = await chosen_sets(run, params.gene_sets, params.sets, params.inline)
    if len(chosen) > MAX_SCORES:
        raise InvalidInputError(
            f"{len(chosen):,} sets were chosen; {MAX_SCORES} can be scored at once",
            where="sets",
            do="Choose some by name",
        )
    names = await feature_names(run)
    matrix = scored_matrix(run)
    outcome = Outcome()
    counts: dict[str, Any] = {}
    for number, one in enumerate(chosen):
        run.report.progress(0.5 + 0.5 * number / len(chosen), f"Scoring {one.name}"[:80])
        found = names.match(one.genes)
        counts[one.name] = {"n_genes": len(one.genes), "n_found": len(found.places)}
        if not len(found.places):
            outcome.notes.append(f"'{one.name}' was not scored: none of its {len(one.genes)} genes is in the table")
            continue
        if found.missing:
            run.report.log(f"{one.name}: {len(found.places)} of {len(one.genes)} genes; {_some(found.missing)} missing")
        title = run.name if run.name and len(chosen) == 1 else f"Score of {one.name}"
        outcome.columns[title[:255]] = ColumnData(score_genes(matrix, found.places, params).astype(np.float32))
    if not outcome.columns:
        raise NotFoundError(
            "No gene of the chosen sets is in this table",
            do="Check the species of the sets and the names of their genes",
        )
    outcome.result = {"sets": counts}
    return outcome


async def cell_cycle(run: TableRun) -> Outcome:
    """Scores of S and G2/M, and the phase."""
    params = cast(CellCycleParams, run.params)
    names = await feature_names(run)
    s, g2m = names.match(S_GENES), names.match(G2M_GENES)
    if not len(s.places) or not len(g2m.places):
        raise NotFoundError(
            f"The table has {len(s.places)} genes of the S phase and {len(g2m.places)} of G2 and M",
            do="The lists hold genes of vertebrates; tables of few chosen genes cannot tell the phase",
        )
    run.report.log(f"Found {len(s.places)} of {len(S_GENES)} genes of S, {len(g2m.places)} of {len(G2M_GENES)} of G2/M")
    found = score_cell_cycle(scored_matrix(run), s.places, g2m.places, params)
    columns = {
        "S score": ColumnData(found.s.astype(np.float32)),
        "G2M score": ColumnData(found.g2m.astype(np.float32)),
        run.name or "Cell cycle phase": ColumnData(found.phase, categories=list(PHASES)),
    }
    counts = np.bincount(found.phase, minlength=len(PHASES))
    phases = {name: int(n) for name, n in zip(PHASES, counts, strict=True)}
    facts = {"n_s_genes": len(s.places), "n_g2m_genes": len(g2m.places)}
    return Outcome(columns, result={"phases": phases}, facts=facts)


async def chosen_sets(
    run: TableRun, gene_sets: str, names: tuple[str, ...], inline: tuple[Mapping[str, Any], ...]
) -> list[GeneSet]:
    """The sets that the parameters name: of a collection, or given with the job."""
    if bool(gene_sets) == bool(inline):
        raise InvalidInputError(
            "Either gene_sets or inline is needed",
            where="gene_sets",
            do="Give the id of gene sets, or the sets themselves",
        )
    if inline:
        return clean_sets(inline)
    view = await run.run.catalog.gene_sets.get(run.run.actor, gene_sets_id=Key.parse(gene_sets))
    known = {one.name: one for one in view.sets or ()}
    if missing := [name for name in names if name not in known]:
        raise NotFoundError(f"'{view.gene_sets.name}' has no set '{missing[0]}'", where="sets", do="Check the name")
    return [known[name] for name in names] if names else list(known.values())


async def feature_names(run: TableRun) -> FeatureNames:
    """The features of the table, to be found by name."""
    known = await run.run.catalog.tables.feature_table(run.pinned)
    symbols, ids = ([str(text) for text in texts] for texts in (known.frame.index, known.frame["feature_id"]))
    genes = gene_names(one_spelling(await species_of(run)))

    def others(name: str) -> list[str]:
        gene = genes.find(name).gene
        return [] if gene is None else [gene.symbol, gene.id, *genes.sure_others(gene)]

    return FeatureNames(symbols, ids, others=others)


async def species_of(run: TableRun) -> str:
    """The species of the table's study."""
    async with run.run.catalog.context.db.read() as conn:
        study = await rows.need(conn, tables.studies, run.pinned.dataset.study_id)
    return str(study["species"])


def scored_matrix(run: TableRun) -> ScoredMatrix:
    """The matrix with the mean of every gene, which takes one pass."""
    matrix, index = run.matrix, run.matrix.index

    def read(places: np.ndarray) -> sp.csc_matrix:
        found: sp.csc_matrix = matrix.normalized(index.features(places), matrix.totals, TARGET_SUM)
        return found

    blocks = matrix.feature_blocks(TARGET_SUM, run.report.part(0.0, 0.5))
    return ScoredMatrix(read, feature_means(blocks, index.n_cells, index.n_features), index.n_cells)


def _some(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
