"""Studies and datasets."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.sdk.figures import Figure, Kind
from cytosol.sdk.frames import to_frame
from cytosol.sdk.records import ExportFormat, Record, format_of, progress_bar
from cytosol.sdk.sync.events import Events
from cytosol.sdk.sync.files import DatasetFile, StudyFiles
from cytosol.sdk.sync.gating import Gating
from cytosol.sdk.sync.http import Http
from cytosol.sdk.sync.jobs import Job
from cytosol.sdk.sync.plots import StudyPlots
from cytosol.sdk.sync.statistics import Statistics
from cytosol.sdk.sync.tables import Table
from cytosol.sdk.sync.uploads import upload_file

if TYPE_CHECKING:
    import anndata
    import pandas as pd

Files = str | Path | Mapping[str, str | Path]


class Dataset(Record, Events, DatasetFile):
    """One measured thing: one store on the server."""

    _shown = ("name", "state", "n_cells", "id")

    def __init__(self, http: Http, fields: dict[str, Any]) -> None:
        super().__init__(fields)
        self._http = http

    def refresh(self) -> Dataset:
        """Read it again."""
        self._fields = self._http.get(f"datasets/{self.id}")
        return self

    def table(self, name: str = "") -> Table:
        """A table by name; the first where no name is given."""
        for fields in self.tables:
            if not name or fields["name"] == name:
                return Table(self._http, self.id, fields)
        raise NotFoundError(
            f"The dataset has no table '{name}'" if name else "The dataset has no table yet",
            do="Wait for its job, or see dataset.tables",
        )

    def plot(self, kind: Kind, x: str, y: str = "", *, table: str = "", **look: Any) -> Figure:
        """A plot of a table, the main one where none is named; see ``Table.plot``."""
        return self.table(table).plot(kind, x, y, **look)

    def export(self, *, format: ExportFormat = "h5ad", table: str = "") -> Job:
        """Have a file made; its job gives the address as ``result["download_url"]``.

        Parameters
        ----------
        format : h5ad; zarr = AnnData in Zarr, as a zip file; rds = a Seurat object for R
        table : the main one where empty; an rds file then has the others as further assays
        """
        answer = self._http.post(f"datasets/{self.id}/exports", {"format": format, "table": table})
        return Job(self._http, answer["job"])

    def download(
        self, path: str | Path, *, format: ExportFormat | None = None, table: str = "", progress: bool = True
    ) -> Path:
        """Export the dataset and save the file.

        Parameters
        ----------
        path : file to write; whole or absent
        format : see ``export``; by the ending of the path where None, else h5ad
        """
        job = (self.export(format=format or format_of(path), table=table)).wait(progress=progress)
        target = Path(path)
        part = target.with_name(target.name + ".part")
        bar = progress_bar(progress, total=0, label=target.name, unit="B")
        try:
            with part.open("wb") as file:
                for _total, piece in self._http.stream(job.result["download_url"]):
                    file.write(piece)
                    bar.update(len(piece))
            part.replace(target)
        finally:
            bar.close()
            part.unlink(missing_ok=True)
        return target

    def to_anndata(self, *, table: str = "", progress: bool = True) -> anndata.AnnData:
        """A whole table in memory; the main one where none is named."""
        import anndata  # takes seconds to import; needed here only

        with tempfile.TemporaryDirectory() as folder:
            path = self.download(Path(folder) / "dataset.h5ad", table=table, progress=progress)
            return anndata.read_h5ad(path)


class Study(Record, Gating, Statistics, StudyPlots, StudyFiles):
    """What people work on and share."""

    _shown = ("name", "species", "n_cells", "n_datasets", "id")

    def __init__(self, http: Http, fields: dict[str, Any]) -> None:
        super().__init__(fields)
        self._http = http

    def datasets(self) -> list[Dataset]:
        """Its datasets, in order."""
        return [Dataset(self._http, item) for item in self._http.pages(f"studies/{self.id}/datasets")]

    def dataset(self, name: str = "") -> Dataset:
        """A dataset by name or id; the first where none is given."""
        for dataset in self.datasets():
            if not name or name in (dataset.name, dataset.id):
                return dataset
        raise NotFoundError(f"The study has no dataset '{name}'" if name else "The study has no dataset yet")

    def samples(self) -> pd.DataFrame:
        """The sample table: one row a sample, one column an attribute."""
        import pandas as pd  # half a second to import; not needed to connect

        table = self._http.get(f"studies/{self.id}/samples")
        names = {attribute["id"]: attribute["name"] for attribute in table["attributes"]}
        rows = [{names[key]: value for key, value in sample["values"].items()} for sample in table["samples"]]
        index = pd.Index([sample["name"] for sample in table["samples"]], name="sample")
        return pd.DataFrame(rows, index=index, columns=list(names.values()))

    def sample_names(self) -> dict[str, str]:
        """Names of the samples by id, as ``dataset.sample_id`` names them."""
        table = self._http.get(f"studies/{self.id}/samples")
        return {sample["id"]: sample["name"] for sample in table["samples"]}

    def set_samples(self, table: pd.DataFrame) -> dict[str, Any]:
        """Write the sample table: samples by the index, attributes by the columns; new ones are made."""
        text = table.to_csv(index_label="sample")
        headers = {"content-type": "text/csv"}
        report: dict[str, Any] = self._http.put_bytes(f"studies/{self.id}/samples.csv", text.encode(), headers)
        return report

    def submit(  # noqa: PLR0913 (each is a choice of the user)
        self,
        files: Files,
        *,
        name: str = "",
        matrix: Literal["raw", "normalized"] = "raw",
        format: str | None = None,
        filters: Mapping[str, float] | None = None,
        embeddings: Literal["compute", "keep"] = "compute",
        parameters: Mapping[str, Any] | None = None,
        progress: bool = True,
    ) -> Job:
        """Upload files and submit them as a dataset; gives the job.

        Parameters
        ----------
        files : one file, or files by role: ``{"matrix": …, "features": …, "barcodes": …}``; "contigs" is a file of
            V(D)J or AIRR contigs, which become annotations
        matrix : whether the file holds raw counts or already log-normalised values
        format : name of the format; found out by the server where None
        filters : ``min_counts``, ``max_counts``, ``min_genes``, ``max_genes``, ``max_mito_share`` (0 to 1)
        embeddings : compute them, or keep those of the file
        parameters : of the pipeline, for example ``{"tsne": False}``
        """
        uploaded, label = self._uploaded(files, progress=progress)
        label = name or label
        body = {
            "name": label,
            "batches": [{"name": label, "files": uploaded}],
            "format": format,
            "matrix": matrix,
            "filters": dict(filters or {}),
            "embeddings": embeddings,
            "parameters": dict(parameters or {}),
        }
        answer = self._http.post(f"studies/{self.id}/datasets", body)
        return Job(self._http, answer["job"])

    def inspect(
        self,
        files: Files,
        *,
        matrix: Literal["raw", "normalized"] = "raw",
        format: str | None = None,
        progress: bool = True,
    ) -> pd.DataFrame:
        """Measure every cell of some files without making a dataset, so that filters can be chosen.

        Parameters
        ----------
        files, matrix, format : as in ``submit``

        Returns
        -------
        One row a cell in the order of the files: ``n_counts`` (sum of the counts), ``n_genes`` (features with a count
        above zero), ``mito_share`` (share of the counts in mitochondrial genes, 0 to 1).
        """
        uploaded, label = self._uploaded(files, progress=progress)
        body = {
            "study_id": self.id,
            "batches": [{"name": label, "files": uploaded}],
            "format": format,
            "matrix": matrix,
        }
        answer = self._http.post("inspections", body)
        job = Job(self._http, answer["job"]).wait(progress=progress)
        return to_frame(self._http.get_columns(f"inspections/{job.id}/cells.arrow"))

    def _uploaded(self, files: Files, *, progress: bool) -> tuple[dict[str, dict[str, str]], str]:
        """Files by role as a submission names them, and the name of the first."""
        if not isinstance(files, str | Path | Mapping):
            raise InvalidInputError(
                "A submission takes one file, or files by role, not a list of them",
                where="files",
                do="Give a path, or {'matrix': …, 'features': …, 'barcodes': …}; submit further files one by one",
            )
        by_role = {"matrix": files} if isinstance(files, str | Path) else dict(files)
        uploaded = {}
        for role, path in by_role.items():
            uploaded[role] = {"upload_id": upload_file(self._http, Path(path), progress=progress)}
        return uploaded, Path(next(iter(by_role.values()))).name
