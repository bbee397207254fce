"""Jobs: waiting for them, their logs, cancelling."""

from __future__ import annotations

import time
from typing import Any

from cytosol.base.errors import JobFailedError, UnavailableError
from cytosol.sdk.records import Record, progress_bar
from cytosol.sdk.sync.http import Http

_ENDED = ("succeeded", "failed", "cancelled")
_FIRST_WAIT_S = 0.1
_LONGEST_WAIT_S = 2.0


class Job(Record):
    """Background work with a log, a progress and an outcome."""

    _shown = ("kind", "state", "progress", "step", "id")

    def __init__(self, http: Http, fields: dict[str, Any]) -> None:
        super().__init__(fields)
        self._http = http

    def refresh(self) -> Job:
        """Ask the server how far it is."""
        self._fields = self._http.get(f"jobs/{self.id}")
        return self

    def log(self) -> list[str]:
        """The lines of the log so far."""
        return [entry["text"] for entry in self._http.pages(f"jobs/{self.id}/log")]

    def cancel(self) -> Job:
        """Stop it."""
        self._fields = self._http.post(f"jobs/{self.id}/cancel")
        return self

    def wait(self, *, progress: bool = True, timeout_s: float | None = None) -> Job:
        """Wait until it has ended.

        Raises
        ------
        JobFailedError
            Where it failed or was cancelled, with the reason.
        UnavailableError
            Where it has not ended within ``timeout_s`` seconds; the job goes on.
        """
        started = time.monotonic()
        pause = _FIRST_WAIT_S
        bar = progress_bar(progress, total=1.0, label=self.kind)
        try:
            while (self.refresh()).state not in _ENDED:
                bar.n = self.progress
                bar.set_description_str(self.step or self.state)
                bar.refresh()
                if timeout_s is not None and time.monotonic() - started > timeout_s:
                    raise UnavailableError(
                        f"The job has not ended within {timeout_s:g} s; it goes on", do="Wait again with job.wait()"
                    )
                time.sleep(pause)
                pause = min(pause * 1.5, _LONGEST_WAIT_S)
            bar.n = 1.0 if self.state == "succeeded" else bar.n
            bar.set_description_str(self.state)
            bar.refresh()
        finally:
            bar.close()
        if self.state != "succeeded":
            reason = (self.fields.get("error") or {}).get("detail") or f"The job was {self.state}"
            raise JobFailedError(reason, do="See job.log()", job_id=self.id, state=self.state)
        return self
