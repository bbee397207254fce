"""The client: where everything starts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

import httpx

from cytosol.base.errors import NotFoundError
from cytosol.sdk.frames import joined, to_frame
from cytosol.sdk.sync.gene_sets import GeneSets, Sets, read_small, set_items
from cytosol.sdk.sync.http import Http
from cytosol.sdk.sync.jobs import Job
from cytosol.sdk.sync.ontologies import Ontologies
from cytosol.sdk.sync.studies import Dataset, Study

if TYPE_CHECKING:
    import pandas as pd

Unit = Literal["raw", "lognorm"]
_DEFAULT_URL = "http://127.0.0.1:8000"


class Client:
    """A connection to one server.

    Parameters
    ----------
    url : address of the server; the environment variable CYTOSOL_URL where empty
    token : a token of this server; CYTOSOL_TOKEN where empty
    timeout_s : seconds to wait for an answer to begin

    Examples
    --------
    >>> client = Client("http://127.0.0.1:8000", token="…")  # doctest: +SKIP
    >>> table = client.study("PBMC 8k").dataset().table()  # doctest: +SKIP
    >>> table.values(["CD3E", "CD79A"])  # doctest: +SKIP
    """

    def __init__(
        self,
        url: str = "",
        token: str = "",
        *,
        timeout_s: float = 120.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        address = url or os.environ.get("CYTOSOL_URL", "") or _DEFAULT_URL
        self.http = Http(
            address, token or os.environ.get("CYTOSOL_TOKEN", ""), timeout_s=timeout_s, transport=transport
        )
        self.ontologies = Ontologies(self.http)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self.http.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.http.url!r})"

    def server(self) -> dict[str, Any]:
        """Name, version and limits of the server."""
        answer: dict[str, Any] = self.http.get("server")
        return answer

    def sign_in(self, email: str, password: str) -> dict[str, Any]:
        """Sign in with e-mail and password, instead of a token."""
        answer: dict[str, Any] = self.http.post("session", {"email": email, "password": password})
        return answer

    def me(self) -> dict[str, Any]:
        """Who is signed in, and with which scopes."""
        answer: dict[str, Any] = self.http.get("session")
        return answer

    def studies(self, search: str = "", *, species: str | None = None) -> list[Study]:
        """The studies that you may read."""
        items = self.http.pages("studies", search=search or None, species=species)
        return [Study(self.http, item) for item in items]

    def study(self, name: str) -> Study:
        """A study by id, name or display id.

        Raises
        ------
        NotFoundError
            Where you may read none of that name.
        """
        for study in self.studies():
            if name in (study.id, study.name, study.display_id):
                return study
        raise NotFoundError(f"There is no study '{name}', or it is not shared with you", do="See client.studies()")

    def create_study(self, name: str, *, species: str = "human", description: str = "") -> Study:
        """Make an empty study of your own."""
        fields = {"name": name, "species": species, "description": description}
        return Study(self.http, self.http.post("studies", fields))

    def expression(
        self, genes: Sequence[str], *, species: str = "human", group_by: str = "cell_type", unit: Unit = "lognorm"
    ) -> pd.DataFrame:
        """How much genes are expressed in the cell types of every study that you may read.

        Parameters
        ----------
        genes : symbols, Ensembl ids or aliases
        group_by : "cell_type", or the name of an annotation
        unit : of ``sum`` and ``mean``: "lognorm" = ln(1 + 10,000 × count / total of the cell), "raw" = counts

        Returns
        -------
        One row for each gene, dataset and cell type: ``gene``, ``study_id``, ``study``, ``dataset_id``, ``cell_type``,
        ``sum``, ``mean`` (over the cells that express it), ``rate``, ``count``, ``total``. Its ``attrs`` tell which
        names are ``lost``, ``ambiguous`` or ``missing`` in some studies, and what they were ``named``.
        """
        columns = self.http.get_columns(
            "expression.arrow", genes=joined(genes), species=species, group_by=group_by, unit=unit
        )
        frame = to_frame(columns)
        frame.attrs.update(columns["gene"].facts)
        return frame

    def search(self, text: str = "", **wanted: str) -> list[dict[str, Any]]:
        """Studies in which everything that is asked for is found, with the reasons.

        Parameters
        ----------
        text : in a name, id, description or author, or in a cell type, tissue or disease
        wanted : ``species``, ``tissue``, ``disease``, ``cell_type``, ``gene``
        """
        answer: dict[str, Any] = self.http.get("search", text=text or None, **wanted)
        found: list[dict[str, Any]] = answer["items"]
        return found

    def genes(self, search: str, *, species: str = "human") -> list[dict[str, Any]]:
        """Genes by symbol, Ensembl id or alias, with how many of your studies measure each."""
        answer: dict[str, Any] = self.http.get("genes", search=search, species=species)
        found: list[dict[str, Any]] = answer["items"]
        return found

    def dataset(self, dataset_id: str) -> Dataset:
        """A dataset by id."""
        return Dataset(self.http, self.http.get(f"datasets/{dataset_id}"))

    def jobs(self, *, state: str | None = None) -> list[Job]:
        """Your jobs, newest first."""
        return [Job(self.http, item) for item in self.http.pages("jobs", state=state)]

    def job(self, job_id: str) -> Job:
        """A job by id."""
        return Job(self.http, self.http.get(f"jobs/{job_id}"))

    def storages(self) -> list[dict[str, Any]]:
        """The mounted storages that you may browse."""
        return list(self.http.pages("storages"))

    def gene_sets(self, *, kind: str | None = None, species: str | None = None) -> list[GeneSets]:
        """Your gene sets and marker lists, and those of your groups; ``kind``: "sets" or "markers"."""
        return [GeneSets(self.http, item) for item in self.http.pages("gene-sets", kind=kind, species=species)]

    def create_gene_sets(
        self, name: str, sets: Sets, *, kind: str = "sets", species: str = "human", group_id: str | None = None
    ) -> GeneSets:
        """Keep gene sets on the server.

        Parameters
        ----------
        sets : name → genes, or objects with name, genes, description and negative
        kind : "sets" to be scored, "markers" for cell types
        group_id : of a group of yours, whose members may use them
        """
        body = {"name": name, "kind": kind, "species": species, "group_id": group_id, "sets": set_items(sets)}
        return GeneSets(self.http, self.http.post("gene-sets", body))

    def import_gene_sets(
        self,
        path: str | Path,
        *,
        name: str = "",
        kind: str = "sets",
        species: str = "human",
        group_id: str | None = None,
    ) -> GeneSets:
        """Keep the gene sets of a GMT, CSV or TSV file on the server."""
        content = read_small(path)
        query = {"name": name, "kind": kind, "species": species, "group_id": group_id, "filename": Path(path).name}
        return GeneSets(self.http, self.http.post_bytes("gene-sets/import", content, "text/plain", **query))
