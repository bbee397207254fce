"""The Python client of a Cytosol server."""

from cytosol.base.errors import JobFailedError
from cytosol.sdk.aio.client import AsyncClient
from cytosol.sdk.aio.files import AsyncFile
from cytosol.sdk.aio.gating import AsyncGate
from cytosol.sdk.aio.gene_sets import AsyncGeneSets
from cytosol.sdk.aio.jobs import AsyncJob
from cytosol.sdk.aio.ontologies import AsyncOntologies
from cytosol.sdk.aio.studies import AsyncDataset, AsyncStudy
from cytosol.sdk.aio.tables import AsyncTable
from cytosol.sdk.figures import Figure
from cytosol.sdk.populations import PopulationTree
from cytosol.sdk.sync.client import Client
from cytosol.sdk.sync.files import File
from cytosol.sdk.sync.gating import Gate
from cytosol.sdk.sync.gene_sets import GeneSets
from cytosol.sdk.sync.jobs import Job
from cytosol.sdk.sync.ontologies import Ontologies
from cytosol.sdk.sync.studies import Dataset, Study
from cytosol.sdk.sync.tables import Table

__all__ = [
    "AsyncClient",
    "AsyncDataset",
    "AsyncFile",
    "AsyncGate",
    "AsyncGeneSets",
    "AsyncJob",
    "AsyncOntologies",
    "AsyncStudy",
    "AsyncTable",
    "Client",
    "Dataset",
    "Figure",
    "File",
    "Gate",
    "GeneSets",
    "Job",
    "JobFailedError",
    "Ontologies",
    "PopulationTree",
    "Study",
    "Table",
]
