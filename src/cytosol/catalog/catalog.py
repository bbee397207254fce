"""Everything that can be done, one attribute per noun; opened once by each process that works on a data folder."""

from __future__ import annotations

from cytosol.analyses.registry import DEFAULT_ANALYSES, AnalysisRegistry
from cytosol.base.protocols import Notifier
from cytosol.base.settings import Settings
from cytosol.catalog.accounts import Accounts
from cytosol.catalog.across import Across
from cytosol.catalog.analyses import Analyses
from cytosol.catalog.annotation_files import AnnotationFiles
from cytosol.catalog.annotations import Annotations
from cytosol.catalog.attachments import Attachments
from cytosol.catalog.audit import Audit
from cytosol.catalog.axes import Axes
from cytosol.catalog.care import Care
from cytosol.catalog.cell_attributes import CellAttributes
from cytosol.catalog.column_versions import AnnotationSubject
from cytosol.catalog.comparisons import Comparisons
from cytosol.catalog.compensations import Compensations
from cytosol.catalog.compute import Compute
from cytosol.catalog.context import Context
from cytosol.catalog.control_matrices import ControlMatrices
from cytosol.catalog.cytometry import Cytometry
from cytosol.catalog.datasets import Datasets, DatasetSubject
from cytosol.catalog.derivations import Derivations
from cytosol.catalog.elements import ResultSubject
from cytosol.catalog.event_views import EventViews
from cytosol.catalog.events import Events
from cytosol.catalog.exports import Exports
from cytosol.catalog.fcs_changes import FileAnnotationSubject, PanelSubject
from cytosol.catalog.file_exports import FileExports
from cytosol.catalog.file_names import FileNames, FileNamesSubject
from cytosol.catalog.folders import Folders
from cytosol.catalog.gates import Gates
from cytosol.catalog.gating import Gating
from cytosol.catalog.gating_exchange import GatingExchange
from cytosol.catalog.gating_history import GATING_SUBJECTS
from cytosol.catalog.gene_sets import GeneSets
from cytosol.catalog.group_studies import GroupStudies
from cytosol.catalog.group_summaries import GroupSummaries
from cytosol.catalog.groups import Groups
from cytosol.catalog.history import History, Subject
from cytosol.catalog.idempotency import Idempotency
from cytosol.catalog.imports import Imports
from cytosol.catalog.inspections import Inspections
from cytosol.catalog.jobs import Jobs
from cytosol.catalog.layouts import Layouts
from cytosol.catalog.leases import Leases
from cytosol.catalog.plots import Plots
from cytosol.catalog.populations import Populations
from cytosol.catalog.registries import Registries
from cytosol.catalog.reports import Reports
from cytosol.catalog.sample_history import SampleSubject
from cytosol.catalog.samples import Samples
from cytosol.catalog.scales import Scales
from cytosol.catalog.selections import Selections
from cytosol.catalog.sharing import Sharing
from cytosol.catalog.statistics import Statistics
from cytosol.catalog.storages import Storages
from cytosol.catalog.studies import Studies, StudySubject
from cytosol.catalog.study_details import Details
from cytosol.catalog.study_search import StudySearch
from cytosol.catalog.submissions import Submissions
from cytosol.catalog.subsets import Subsets
from cytosol.catalog.tables import Tables
from cytosol.catalog.terms import Terms
from cytosol.catalog.unmixing import Unmixing
from cytosol.catalog.uploads import Uploads
from cytosol.catalog.warming import Warming
from cytosol.db.engine import Database
from cytosol.db.migrate import prepare
from cytosol.formats.registry import DEFAULT_FORMATS, FormatRegistry
from cytosol.store.blobs import open_store
from cytosol.store.scratch import Scratch

SUBJECTS: tuple[Subject, ...] = (
    StudySubject(),
    SampleSubject("sample"),
    SampleSubject("attribute"),
    SampleSubject("sample_table"),
    DatasetSubject(),
    *GATING_SUBJECTS,
    PanelSubject(),
    FileAnnotationSubject(),
    FileNamesSubject(),
)
"""Whose changes can be undone."""


class Catalog:
    """The verbs. Each takes the actor first and enforces the rights."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.settings = context.settings
        self.audit = Audit(context)
        self.events = Events(context)
        self.history = History(context, (*SUBJECTS, AnnotationSubject(context), ResultSubject(context)))
        self.idempotency = Idempotency(context)
        self.registries = Registries(context)
        self.accounts = Accounts(context)
        self.groups = Groups(context)
        self.folders = Folders(context)
        self.sharing = Sharing(context)
        self.studies = Studies(context)
        self.study_details = Details(context)
        self.group_studies = GroupStudies(context)
        self.samples = Samples(context)
        self._open_gates(context)
        layouts = Layouts()
        self.uploads = Uploads(context)
        self.attachments = Attachments(context, self.uploads)
        self.storages = Storages(context)
        self.submissions = Submissions(context, self.storages)
        self.datasets = Datasets(context, layouts)
        self.tables = Tables(context, layouts)
        self.cytometry = Cytometry(context, layouts, self.uploads)
        self.gene_sets = GeneSets(context)
        self.compensations = Compensations(context)
        attributes = CellAttributes(context, self.tables)
        self.axes = Axes(context, self.tables)
        self.gating = Gating(
            context, layouts, self.tables, axes=self.axes, attributes=attributes, compensations=self.compensations
        )
        self._open_files(context)
        self._open_gating(context)
        selections = Selections(self.tables, attributes, self.gating)
        self.analyses = Analyses(context, self.tables, self.gene_sets, attributes=attributes, selections=selections)
        self.across = Across(context, layouts, self.tables)
        self.study_search = StudySearch(self.across)
        self.group_summaries = GroupSummaries(context, self.tables, attributes, selections)
        self.comparisons = Comparisons(context, self.tables)
        self.reports = Reports(context, self.tables)
        self.subsets = Subsets(context, self.tables, selections)
        self.annotations = Annotations(context, layouts, self.tables)
        self.terms = Terms(context, layouts, self.tables, self.annotations)
        self.annotation_files = AnnotationFiles(context, self.annotations, self.storages, self.uploads)
        self._open_work(context)

    def _open_work(self, context: Context) -> None:
        """The verbs of jobs and of care."""
        self.jobs = Jobs(context)
        self.exports = Exports(context, self.tables, self.jobs)
        self.inspections = Inspections(context, self.submissions, self.jobs)
        self.leases = Leases(context)
        self.care = Care(context)
        self.warming = Warming(context)

    def _open_gates(self, context: Context) -> None:
        """The verbs on records of gating."""
        self.gates = Gates(context)
        self.populations = Populations(context)
        self.scales = Scales(context)
        self.imports = Imports(context)

    def _open_files(self, context: Context) -> None:
        """The verbs that name and write files of cytometry."""
        self.file_names = FileNames(context)
        self.file_exports = FileExports(
            context,
            self.tables,
            cytometry=self.cytometry,
            gating=self.gating,
            compensations=self.compensations,
        )
        self.derivations = Derivations(
            context, self.tables, cytometry=self.cytometry, exports=self.file_exports, uploads=self.uploads
        )

    def _open_gating(self, context: Context) -> None:
        """The verbs that look at populations, and those that bring and write gates."""
        self.event_views = EventViews(context, self.tables, self.gating, self.compensations)
        self.statistics = Statistics(context, self.gating, self.compensations)
        self.plots = Plots(
            context, self.tables, self.gating, self.compensations, annotations=self.statistics.annotations
        )
        self.gating_exchange = GatingExchange(
            context, self.cytometry, axes=self.axes, gating=self.gating, compensations=self.compensations
        )
        self.control_matrices = ControlMatrices(context, self.axes, self.gating, self.compensations)
        self.unmixing = Unmixing(
            context, self.control_matrices, axes=self.axes, cytometry=self.cytometry, derivations=self.derivations
        )

    @classmethod
    async def open(cls, settings: Settings, *, notifier: Notifier) -> Catalog:
        """Open the floors below; an SQLite database is made or upgraded where needed."""
        db = await Database.open(settings.database_url)
        try:
            await prepare(db)
            context = Context(
                settings=settings,
                db=db,
                blobs=open_store(settings),
                formats=FormatRegistry(DEFAULT_FORMATS),
                analyses=AnalysisRegistry(DEFAULT_ANALYSES),
                notifier=notifier,
                compute=Compute(settings),
                scratch=Scratch(settings.data / "scratch"),
            )
        except BaseException:
            await db.close()
            raise
        return cls(context)

    async def close(self) -> None:
        """Let go of everything."""
        await self.across.summaries.close()
        self.context.compute.close()
        await self.context.db.close()
