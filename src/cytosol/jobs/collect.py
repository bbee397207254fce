"""The job that cleans: the only one that removes bytes for good."""

from __future__ import annotations

from cytosol.catalog.commit import CommittedResult, commit_result
from cytosol.jobs.registry import JobRun
from cytosol.model.rights import SYSTEM


async def collect(run: JobRun) -> None:
    """Remove what nobody needs any more, and temporary folders of runs that ended."""
    removed = await run.catalog.care.collect(SYSTEM, tell=run.report.log)
    live = await run.catalog.leases.live()
    removed["bytes of scratch"] = run.catalog.context.scratch.sweep(live)
    run.channel.flush()
    await commit_result(run.catalog.context, run.job.id, run.job.epoch, CommittedResult(result={"removed": removed}))
