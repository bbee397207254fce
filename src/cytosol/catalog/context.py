"""What every verb of the catalog works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from cytosol.base.protocols import Notifier
from cytosol.base.settings import Settings
from cytosol.db.engine import Database

if TYPE_CHECKING:  # types only: the registries load pandas and the analyses
    from cytosol.analyses.registry import AnalysisRegistry
    from cytosol.catalog.compute import Compute
    from cytosol.formats.registry import FormatRegistry
    from cytosol.store.blobs import BlobStore
    from cytosol.store.scratch import Scratch


class Records(Protocol):
    """What verbs need that touch records only; a command opens no more than this."""

    @property
    def settings(self) -> Settings: ...
    @property
    def db(self) -> Database: ...


@dataclass(frozen=True, slots=True)
class OnlyRecords:
    """Records without bytes, readers and analyses, which take seconds to load."""

    settings: Settings
    db: Database


@dataclass(frozen=True, slots=True)
class Context:
    """The floors below, opened.

    Attributes
    ----------
    settings : what this server was told
    db : records
    blobs : where bytes lie
    formats : readers and writers of vendor files
    analyses : what can be computed
    notifier : wakes the runner of jobs and the watchers of events; call it after the commit
    compute : the bounded pool for queries that compute
    scratch : temporary folders on local disk
    """

    settings: Settings
    db: Database
    blobs: BlobStore
    formats: FormatRegistry
    analyses: AnalysisRegistry
    notifier: Notifier
    compute: Compute
    scratch: Scratch
