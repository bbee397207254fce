"""The kinds of jobs that ship with Cytosol."""

from __future__ import annotations

from cytosol.jobs.analyse import analyse
from cytosol.jobs.collect import collect
from cytosol.jobs.export import export
from cytosol.jobs.ingest import ingest
from cytosol.jobs.inspection import inspect
from cytosol.jobs.registry import JobKind, JobRegistry
from cytosol.jobs.subset import subset

DEFAULT_KINDS = JobRegistry(
    (
        JobKind("ingest", "Make a dataset of files", ingest),
        JobKind("inspect", "Measure the cells of files", inspect),
        JobKind("analyse", "Compute something new of a table", analyse),
        JobKind("subset", "Make a dataset of some cells of another", subset),
        JobKind("export", "Make a file of a dataset", export),
        JobKind("collect", "Remove what nobody needs any more", collect),
    )
)
