"""One table: values, annotations, embeddings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from cytosol.base.errors import InvalidInputError, NotFoundError
from cytosol.sdk.frames import joined, to_csc, to_frame
from cytosol.sdk.records import Record
from cytosol.sdk.sync.gene_sets import Sets, set_items
from cytosol.sdk.sync.http import Http
from cytosol.sdk.sync.jobs import Job
from cytosol.sdk.sync.plots import Plots

if TYPE_CHECKING:
    import pandas as pd
    import scipy.sparse as sp

Unit = Literal["raw", "lognorm"]


class Table(Record, Plots):
    """Cells × features, with annotations and embeddings."""

    _shown = ("name", "n_cells", "n_features", "kind")

    def __init__(self, http: Http, dataset_id: str, fields: dict[str, Any]) -> None:
        super().__init__(fields)
        self._http = http
        self._path = f"datasets/{dataset_id}/tables/{self.name}"

    def barcodes(self) -> np.ndarray:
        """The names of the cells, shape (n_cells,), object array of str."""
        return (self._http.get_columns(f"{self._path}/barcodes.arrow"))["barcode"].values

    def features(self) -> pd.DataFrame:
        """One row a feature: ``symbol`` (index), ``feature_id``, ``feature_type``, ``genome``."""
        return to_frame(self._http.get_columns(f"{self._path}/features.arrow")).set_index("symbol")

    def values(self, features: Sequence[str], *, unit: Unit = "lognorm") -> pd.DataFrame:
        """Values of some features, one float32 column each, indexed by barcode.

        Parameters
        ----------
        features : symbols or feature ids
        unit : "raw" = as stored; "lognorm" = ln(1 + 10,000 × count / total of the cell); of antibodies CLR
        """
        columns = self._http.get_columns(f"{self._path}/values", features=joined(features), unit=unit)
        return to_frame(columns, index=self.barcodes())

    def matrix(self, features: Sequence[str] | None = None, *, unit: Unit = "lognorm") -> sp.csc_matrix:
        """Values of some or all features, shape (n_cells, n_selected), CSC float32."""
        wanted = "*" if features is None else joined(features)
        columns = self._http.get_columns(f"{self._path}/values", features=wanted, unit=unit, layout="sparse")
        n_columns = self.n_features if features is None else len(features)
        return to_csc(columns, shape=(self.n_cells, n_columns))

    def obs(self, names: Sequence[str] | None = None) -> pd.DataFrame:
        """Annotations, indexed by barcode; all where no names are given."""
        wanted = None if names is None else joined(names)
        columns = self._http.get_columns(f"{self._path}/columns.arrow", names=wanted)
        return to_frame(columns, index=self.barcodes())

    def embedding(self, name: str) -> np.ndarray:
        """Coordinates, shape (n_cells, n_dims), float32, in the unit of the method; row order of ``barcodes``."""
        columns = self._http.get_columns(f"{self._path}/embeddings.arrow", name=name)
        return np.column_stack([column.values for column in columns.values()])

    def summary(
        self,
        features: Sequence[str],
        *,
        by: str = "",
        split_by: str = "",
        unit: Unit = "lognorm",
        threshold: float = 0,
        selection: Mapping[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Features in groups of cells: feature, group, split, n, mean, share, q0, q25, q50, q75, q100.

        Parameters
        ----------
        features : symbols or feature ids
        by, split_by : an annotation, or "attribute:NAME" of the samples; "" = all cells together
        threshold : a cell counts for ``share`` (of 1) where its value is above this, in ``unit``
        selection : of cells, as in ``compare``; None = all
        """
        asked = {"group_by": by, "split_by": split_by, "unit": unit, "threshold": threshold}
        path = f"{self._path}/summary.arrow"
        if selection is None:
            return to_frame(self._http.get_columns(path, features=joined(features), **asked))
        body = {**asked, "features": list(features), "selection": dict(selection)}
        return to_frame(self._http.post_columns(path, body))

    def violins(
        self,
        feature: str,
        *,
        by: str = "",
        split_by: str = "",
        unit: Unit = "lognorm",
        bandwidth: float = 1,
        selection: Mapping[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Densities of a feature in groups of cells: feature, group, split, n, bandwidth, value, density.

        Parameters
        ----------
        by, split_by : an annotation, or "attribute:NAME" of the samples; "" = all cells together
        bandwidth : factor on Scott's bandwidth
        selection : of cells, as in ``compare``; None = all
        """
        asked = {"feature": feature, "group_by": by, "split_by": split_by, "unit": unit, "bandwidth": bandwidth}
        path = f"{self._path}/violins.arrow"
        if selection is None:
            return to_frame(self._http.get_columns(path, **asked))
        return to_frame(self._http.post_columns(path, {**asked, "selection": dict(selection)}))

    def annotate_from_file(self, path: str | Path) -> dict[str, Any]:
        """Save every column of a CSV or TSV whose first column is the barcode, plain or gzipped.

        V(D)J contigs of Cell Ranger and AIRR rearrangements are summed up to their cells: clonotype, clone size, chains
        and CDR3.

        Returns
        -------
        The server's report: the new columns, ``unmatched`` barcodes of the file and ``missing`` cells of the table.
        """
        data = _bytes_of(path)
        report: dict[str, Any] = self._http.post_bytes(f"{self._path}/columns", data, "text/csv")
        return report

    def annotate(self, name: str, values: pd.Series[Any], *, private: bool | None = None) -> dict[str, Any]:
        """Save an annotation.

        Parameters
        ----------
        values : by barcode; floating-point numbers are an annotation of numbers, all else are categories; cells that
            it does not name stay empty
        private : whether only you see it; None = where you may not annotate for all who read the study

        Returns
        -------
        The server's report: the new column, and how many barcodes did not match.
        """
        barcodes = {barcode: row for row, barcode in enumerate(self.barcodes())}
        report: dict[str, Any]
        if values.dtype.kind == "f":
            known = values.dropna()
            known.index = known.index.astype(str)
            is_here = known.index.isin(list(barcodes))
            if is_here.any():
                text = known[is_here].to_csv(header=[name], index_label="barcode")
                report = self._http.post_bytes(f"{self._path}/columns", text.encode(), "text/csv", private=private)
                return {**report, "unmatched": list(known.index[~is_here])}
        cells: dict[str, list[int]] = {}
        unmatched = []
        for barcode, value in values.dropna().items():
            row = barcodes.get(str(barcode))
            if row is None:
                unmatched.append(str(barcode))
            else:
                cells.setdefault(str(value), []).append(row)
        if not cells:
            raise InvalidInputError(
                "No barcode of the annotation is in this table",
                where=", ".join(unmatched[:3]),
                do="Give a series whose index holds barcodes as table.barcodes() spells them",
            )
        categories = [{"name": label, "cells": rows} for label, rows in cells.items()]
        report = self._http.post(f"{self._path}/columns", {"name": name, "categories": categories}, private=private)
        return {**report, "unmatched": unmatched}

    def change_annotation(self, name: str, **changes: Any) -> dict[str, Any]:
        """Rename, merge or recolour categories: ``rename={old: new}``, ``merge={new: [old, …]}``, ``colors={…}``."""
        column = self._column(name)
        path = f"{self._path}/columns/{column['id']}"
        changed: dict[str, Any] = self._http.change("PATCH", path, changes, version=column["version"])
        return changed

    def delete_annotation(self, name: str) -> None:
        """Remove an annotation; its revision can be undone."""
        column = self._column(name)
        self._http.change("DELETE", f"{self._path}/columns/{column['id']}", version=column["version"])

    def analyse(self, analysis: str, *, name: str = "", **parameters: Any) -> Job:
        """Compute something new of the table on the server; gives the job.

        Parameters
        ----------
        analysis : name of one that is runnable, such as "markers" or "leiden"; ``GET /analyses`` tells all
        name : of what it makes; it names it itself where empty
        parameters : of the analysis
        """
        body = {"analysis": analysis, "name": name, "parameters": parameters}
        return Job(self._http, (self._http.post(f"{self._path}/analyses", body))["job"])

    def publish_annotation(self, name: str) -> dict[str, Any]:
        """Make an annotation that only you see one of the study."""
        column = self._column(name)
        made: dict[str, Any] = self._http.post(f"{self._path}/columns/{column['id']}/publish")
        return made

    def terms(self, name: str) -> pd.DataFrame:
        """The categories of an annotation with their standard terms: ``level`` (index), term_id, term, ontology.

        The column ``suggestions`` has, for those without a term, up to three with ``id``, ``label`` and ``score``.
        """
        import pandas as pd  # half a second to import; not needed to connect

        column = self._column(name)
        found = self._http.get(f"{self._path}/columns/{column['id']}/terms")
        columns = ["level", "term_id", "term", "ontology", "suggestions"]
        return pd.DataFrame(found["items"], columns=columns).set_index("level")

    def set_terms(self, name: str, terms: Mapping[str, str | None]) -> dict[str, Any]:
        """Give categories their standard terms, as in ``{"CD4 T": "CL:0000624"}``; None takes one away."""
        column = self._column(name)
        path = f"{self._path}/columns/{column['id']}/terms"
        changed: dict[str, Any] = self._http.change("PUT", path, dict(terms), version=column["version"])
        return changed

    def markers(self, column: str = "", *, limit: int = 50) -> pd.DataFrame:
        """The best markers of each group of an annotation, best first.

        Parameters
        ----------
        column : an annotation; the first that has markers where empty. ``analyse("markers", column=…)`` makes them
        limit : features a group at most
        """
        wanted = column or None
        return to_frame(self._http.get_columns(f"{self._path}/markers.arrow", column=wanted, limit=limit))

    def compare(
        self,
        first: Mapping[str, Any],
        second: Mapping[str, Any] | None = None,
        *,
        method: Literal["wilcoxon", "t-test", "pseudobulk"] = "wilcoxon",
        name: str = "",
        progress: bool = True,
        **parameters: Any,
    ) -> pd.DataFrame:
        """Differential expression of two selections of cells; waits for the result.

        Parameters
        ----------
        first, second : selections such as ``{"column": "Louvain clustering", "groups": ["Cluster 1"]}``; all other
            cells where the second is None
        parameters : of pseudobulk: ``replicate``, ``covariates``, ``paired``, ``min_cells``

        Returns
        -------
        One row a feature, the surest first, indexed by feature; NaN = not tested.
        """
        said = {"first": dict(first), "second": dict(second or {"rest": True}), "method": method, **parameters}
        job = (self.analyse("compare", name=name, **said)).wait(progress=progress)
        return self.comparison(job.result["elements"][0]["id"])

    def comparisons(self) -> list[dict[str, Any]]:
        """The comparisons of the table, newest first: id, name, method, selections and their sizes, notes."""
        items: list[dict[str, Any]] = (self._http.get(f"{self._path}/comparisons"))["items"]
        return items

    def comparison(self, id: str) -> pd.DataFrame:
        """A comparison by its id, as `compare` gives it."""
        columns = self._http.get_columns(f"{self._path}/comparisons/{id}.arrow")
        return to_frame(columns).set_index("feature")

    def delete_comparison(self, id: str) -> None:
        """Remove a comparison; its revision can be undone."""
        self._http.change("DELETE", f"{self._path}/comparisons/{id}")

    def scores(
        self,
        sets: Sets | Sequence[str] | None = None,
        *,
        gene_sets: str = "",
        method: str = "controls",
        **parameters: Any,
    ) -> Job:
        """Score gene sets in every cell, one annotation each; gives the job.

        Parameters
        ----------
        sets : name → genes; or, with ``gene_sets``, the names of those that are scored (None = all)
        gene_sets : id of gene sets on the server
        method : "controls" (as scanpy's ``score_genes``) or "z"
        """
        if gene_sets:
            said: dict[str, Any] = {"gene_sets": gene_sets, "sets": list(sets or ())}
        else:
            said = {"inline": set_items(cast("Sets", sets or {}))}
        return self.analyse("scores", method=method, **said, **parameters)

    def cell_types(self, reference: str = "cytosol", *, column: str = "", **parameters: Any) -> Job:
        """Name the type of each cluster, as an annotation; gives the job.

        Parameters
        ----------
        reference : "cytosol" = shipped with the server; the id of a marker list; or a model of the server
        column : annotation whose groups are typed; the Louvain clusters where empty
        """
        return self.analyse("cell-types", reference=reference, column=column, **parameters)

    def subset(
        self, selection: Mapping[str, Any], *, name: str = "", parameters: Mapping[str, Any] | None = None
    ) -> Job:
        """Make a dataset of some cells, in the same study; gives the job, whose result has ``dataset_id``.

        Parameters
        ----------
        selection : such as ``{"column": "Louvain clustering", "groups": ["Cluster 1"]}``
        parameters : of the pipeline, ``{}`` = its defaults, for new embeddings and clusters; those of this table are
            kept where None
        """
        body = {
            "name": name,
            "selection": dict(selection),
            "parameters": None if parameters is None else dict(parameters),
        }
        return Job(self._http, (self._http.post(f"{self._path}/subsets", body))["job"])

    def _column(self, name: str) -> dict[str, Any]:
        dataset = self._http.get(self._path.partition("/tables/")[0])
        for table in dataset["tables"]:
            for column in table["columns"]:
                if table["name"] == self.name and column["name"] == name:
                    found: dict[str, Any] = column
                    return found
        raise NotFoundError(f"The table has no annotation '{name}'", do="See table.columns for its annotations")


def _bytes_of(path: str | Path) -> bytes:
    return Path(path).read_bytes()
