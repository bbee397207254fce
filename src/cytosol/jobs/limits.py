"""The sentence for a job that is too large for this server."""

from __future__ import annotations

from cytosol.base.errors import LimitExceededError


def too_large(memory_bytes: int, *, needed: int | None = None) -> LimitExceededError:
    """The error of a run that needs more memory than it may use.

    Parameters
    ----------
    memory_bytes : what it may use
    needed : what it is estimated to need; None = it was stopped when it used more
    """
    allowed = f"{memory_bytes / 2**30:.2g} GiB"
    if needed is None:
        what = f"The job needs more memory than the {allowed} that one job may use"
    else:
        what = f"The job needs about {needed / 2**30:.2g} GiB of memory, and one job may use {allowed}"
    return LimitExceededError(
        what, do="Ask whoever runs this server to raise job_memory_bytes", setting="job_memory_bytes"
    )
