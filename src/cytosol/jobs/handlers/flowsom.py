"""Populations of events by FlowSOM."""

from __future__ import annotations

from typing import cast

import numpy as np

from cytosol.analyses.cytometry.event_params import FlowSomRun
from cytosol.analyses.cytometry.flowsom import flowsom
from cytosol.analyses.reports import Section, report_page
from cytosol.base.tables import ColumnData
from cytosol.jobs.handlers.base import Outcome, TableRun
from cytosol.jobs.handlers.event_values import channels_of, groups_parts, read_values, report_result


async def find_populations(run: TableRun) -> Outcome:
    """Map the events, join the nodes to populations, and report their medians."""
    params = cast(FlowSomRun, run.params)
    channels = channels_of(run, params.channels)
    found = await read_values(run, channels, compensation=params.compensation, cells=params.cells)
    run.report.progress(0.2, "Learning the map")
    run.report.log(f"FlowSOM of {len(found.rows):,} events in {', '.join(found.labels)}")
    made = flowsom(found.values, params)
    run.report.progress(0.8, "Reporting")
    names = [f"Population {number + 1}" for number in range(made.n_clusters)]
    title = run.name or "FlowSOM"
    outcome = Outcome()
    codes, nodes = (np.full(run.n_cells, -1, np.int32) for _ in range(2))
    codes[found.rows], nodes[found.rows] = made.clusters, made.nodes
    outcome.columns[title] = ColumnData(codes, categories=names)
    spelled = [f"Node {number + 1}" for number in range(len(made.cluster_of))]
    outcome.columns[f"{title} node"] = ColumnData(nodes, categories=spelled)
    n_left = int((made.clusters < 0).sum())
    if n_left:
        outcome.notes.append(f"{n_left:,} events without a value in every channel are in no population of {title}")
    told = (
        f"{len(found.rows):,} events of {run.pinned.dataset.name}; {params.grid_width} × {params.grid_height} nodes, "
    )
    told += f"joined to {made.n_clusters} populations; seed {params.seed}."
    sections = [Section("Populations", [told, *groups_parts(found, made.clusters, names)])]
    page = report_page(title, f"FlowSOM of {run.pinned.dataset.name}", sections)
    outcome.results.append(report_result("flowsom", f"Report of {title}", page, n_populations=made.n_clusters))
    outcome.result = {"n_populations": made.n_clusters, "n_events": len(found.rows) - n_left}
    outcome.facts = {"channels_used": channels}
    return outcome
