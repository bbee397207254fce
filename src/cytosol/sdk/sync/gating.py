"""Gates, populations, compensations and statistics of a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cytosol.base.errors import NotFoundError
from cytosol.sdk.names import DEFAULT_GEOMETRY, axis_of, several, with_gids
from cytosol.sdk.populations import PopulationTree
from cytosol.sdk.records import Record
from cytosol.sdk.sync.gene_sets import read_small
from cytosol.sdk.sync.http import Http
from cytosol.sdk.sync.names import Named, dataset_ids, population_id

if TYPE_CHECKING:
    import pandas as pd


class Gate(Record):
    """A region of one or two axes, in their scaled space."""

    _shown = ("name", "kind", "x", "y", "gid", "id")

    def __init__(self, http: Http, fields: dict[str, Any]) -> None:
        super().__init__(fields)
        self._http = http

    def change(self, **fields: Any) -> Gate:
        """Change name, x, y, geometry, sectors, tailored, locked or extra."""
        self._fields = self._http.change("PATCH", f"gates/{self.id}", fields, version=self.version)
        return self

    def delete(self) -> None:
        """Delete it; populations that name it stay."""
        self._http.change("DELETE", f"gates/{self.id}", version=self.version)

    def tailor(self, datasets: Named | Sequence[Named], geometry: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Give datasets, by id or name, a gate of their own with a geometry; None = take their own gates away.

        Returns
        -------
        ``inserted``, ``updated`` and ``deleted``: gates as the server spells them.
        """
        ids = dataset_ids(self._http, self.study_id, datasets) or []
        owner = ids[0] if geometry is not None and ids else None
        gate = {"geometry": self.geometry if geometry is None else dict(geometry), "dataset_id": owner}
        body = {"gid": self.gid, "gate": gate, "dataset_ids": ids}
        done: dict[str, Any] = self._http.post(f"studies/{self.study_id}/gates/tailor", body)
        return done


GateList = list[Gate]
Records = list[Record]


class Gates:
    """The gates of a study: ``study.gates``."""

    def __init__(self, http: Http, study_id: str) -> None:
        self._http = http
        self._study_id = study_id
        self._path = f"studies/{study_id}/gates"

    def __repr__(self) -> str:
        return "<the gates of a study: list(), create(), copy(), reset()>"

    def list(self, *, dataset_id: str | None = None, gid: str | None = None) -> GateList:
        """All gates, in the order they were made; or the own ones of a dataset, or of one family."""
        page = self._http.get(self._path, dataset_id=dataset_id, gid=gid)
        return [Gate(self._http, item) for item in page["items"]]

    def create(
        self,
        kind: str,
        name: str,
        x: str,
        y: str = "",
        *,
        geometry: Mapping[str, Any],
        parent: Named | None = None,
        populations: bool = True,
    ) -> Gate:
        """Draw a gate; it becomes a population too, of a quadrant or split each sector.

        Parameters
        ----------
        kind : rectangle, polygon, ellipse, range, quadrant or split
        x, y : channels or genes by name, ``obs:<annotation>``, ``obsm:<embedding>:<dim from 0>``
        geometry : in scaled space; rectangle: x1, x2, y1, y2; polygon: vertices; ellipse: center, angle, major, minor
            (full lengths); range: x1, x2; quadrant: x, y, and angles where it is skewed; split: x
        parent : name or id of the population that it is gated of; None = all
        populations : whether populations are made
        """
        shape = {**DEFAULT_GEOMETRY.get(kind, {}), **geometry}
        gate = {"kind": kind, "name": name, "x": axis_of(x), "y": axis_of(y), "geometry": shape}
        above = population_id(self._http, parent, study_id=self._study_id)
        body = {"gates": [gate], "populations": populations, "parent_id": above}
        made = self._http.post(self._path, body)
        return Gate(self._http, made["gates"][0])

    def copy(
        self,
        to_study: Record,
        *,
        channels: Mapping[str, str] | None = None,
        by_reagent: bool = False,
        populations: Named | Sequence[Named] | None = None,
    ) -> dict[str, Any]:
        """Copy gates and populations to another study.

        Parameters
        ----------
        channels : channel or gene here → there; others keep their name
        by_reagent : channels go to those with the same reagent; where it does not tell which, an error names them, and
            ``channels`` says it
        populations : names or ids, with the gates that they name; None = all
        """
        ids = None
        if populations is not None:
            ids = [population_id(self._http, one, study_id=self._study_id) for one in several(populations)]
        body = {
            "to_study_id": to_study.id,
            "channels": dict(channels or {}),
            "by_reagent": by_reagent,
            "population_ids": ids,
        }
        brought: dict[str, Any] = self._http.post(f"{self._path}/copy", body)
        return brought

    def reset(self) -> None:
        """Delete all gates and populations; can be undone."""
        self._http.post(f"{self._path}/reset")


class Populations:
    """The populations of a study: ``study.populations``."""

    def __init__(self, http: Http, study_id: str) -> None:
        self._http = http
        self._study_id = study_id
        self._study = f"studies/{study_id}"

    def __repr__(self) -> str:
        return "<the populations of a study: tree(), list(), get(), create(), change(), delete(), counts()>"

    def list(self) -> Records:
        """All populations, in their order."""
        page = self._http.get(f"{self._study}/populations")
        return [Record(item) for item in page["items"]]

    def get(self, name: str) -> Record:
        """A population by name, unique name or id."""
        for population in self.list():
            if name in (population.unique_name, population.id):
                return population
        for population in self.list():
            if name == population.name:
                return population
        raise NotFoundError(f"The study has no population '{name}'", do="See study.populations.tree()")

    def create(self, name: str, tree: Mapping[str, Any], *, parent: Named | None = None) -> Record:
        """Make a population of a tree of gates and annotations.

        Parameters
        ----------
        tree : ``{"gate": name or gid}``, ``{"column": name, "groups": […]}``, or and, or, xor, not of a list of these
        parent : name or id of the population that percents are of; None = all cells
        """
        above = population_id(self._http, parent, study_id=self._study_id)
        body = {"name": name, "tree": self._tree(tree), "parent_id": above}
        return Record(self._http.post(f"{self._study}/populations", body))

    def change(self, population: Named, **fields: Any) -> Record:
        """Change name, tree, parent (None = at the top) or position of a population.

        Parameters
        ----------
        population : name, unique name or id
        """
        found = self.get(population.id if isinstance(population, Record) else population)
        if "parent" in fields:
            parent = fields.pop("parent")
            fields["parent_id"] = population_id(self._http, parent, study_id=self._study_id)
        if "tree" in fields:
            fields["tree"] = self._tree(fields["tree"])
        return Record(self._http.change("PATCH", f"populations/{found.id}", fields, version=found.version))

    def _tree(self, tree: Mapping[str, Any]) -> dict[str, Any]:
        return with_gids(tree, (self._http.get(f"{self._study}/gates"))["items"])

    def delete(self, name: str, *, branch: bool = False) -> None:
        """Delete a population; ``branch`` with all below it, else these move up."""
        found = self.get(name)
        self._http.change("DELETE", f"populations/{found.id}", version=found.version, branch=branch)

    def counts(
        self, *, datasets: Named | Sequence[Named] | None = None, compensation: str = "own", table: str = ""
    ) -> pd.DataFrame:
        """Cells of all populations in datasets: dataset_id, population, n_events, percent_of_parent, percent_of_total.

        Parameters
        ----------
        datasets : ids or names; None = all that are ready and no controls
        compensation : none, internal, own, or the id of one
        """
        import pandas as pd  # half a second to import; not needed to connect

        ids = dataset_ids(self._http, self._study_id, datasets)
        body = {"dataset_ids": ids, "compensation": compensation}
        answer = self._http.post(f"{self._study}/population-counts", {**body, "table": table})
        names = {one.id: one.unique_name for one in self.list()}
        rows = [{"population": names.get(row["population_id"], "Ungated"), **row} for row in answer["items"]]
        columns = ["population", "dataset_id", "population_id", "n_events", "percent_of_parent", "percent_of_total"]
        return pd.DataFrame(rows, columns=[*columns, "problem"])

    def tree(self, *, dataset: Named | None = None, compensation: str = "own") -> PopulationTree:
        """The hierarchy, which prints itself; with counts of a dataset, if its name or id is given."""
        items = (self._http.get(f"{self._study}/populations"))["items"]
        counted: dict[str | None, dict[str, Any]] = {}
        if dataset is not None:
            ids = dataset_ids(self._http, self._study_id, [dataset])
            body = {"dataset_ids": ids, "compensation": compensation}
            answer = self._http.post(f"{self._study}/population-counts", body)
            counted = {row["population_id"]: row for row in answer["items"]}
        return PopulationTree(items, counted)


class Gating:
    """What a study does with gates; part of `Study`."""

    _http: Http
    id: str

    @property
    def gates(self) -> Gates:
        """Its gates."""
        return Gates(self._http, self.id)

    @property
    def populations(self) -> Populations:
        """Its populations."""
        return Populations(self._http, self.id)

    def read_gates(self, path: str | Path) -> dict[str, Any]:
        """Make gates, populations, scales and compensations of a file of another program.

        That is Gating-ML 2.0, a workspace of FlowJo (.wsp), or an experiment that FACSDiva exported as XML.

        Returns
        -------
        what came, ``compensation``: which the gates were drawn on, and ``notes``: what could not come
        """
        data = read_small(path)
        form = "facsdiva" if b"<bdfacs" in data[:4096] else _form(path)
        brought: dict[str, Any] = self._http.post_bytes(f"studies/{self.id}/{form}", data, "application/xml")
        return brought

    def write_gates(self, path: str | Path, *, dataset: Record | None = None, compensation: str = "own") -> Path:
        """Write the populations to a file: a workspace of FlowJo where it ends with .wsp, else Gating-ML 2.0.

        Parameters
        ----------
        dataset : whose gates are in force; None = those of the study, in a workspace those of each file
        compensation : none, internal, own (what each dataset says) or the id of one
        """
        query = {"dataset_id": None if dataset is None else dataset.id, "compensation": compensation}
        place = Path(path)
        write_small(place, self._http.get_bytes(f"studies/{self.id}/{_form(path)}", **query))
        return place

    def compute_compensation(
        self,
        controls: Mapping[str, Any],
        *,
        unstained: Any = None,
        name: str = "",
        channels: Sequence[str] = (),
        insist: bool = False,
    ) -> dict[str, Any]:
        """Compute a spillover matrix from single-stained controls; with a name it is kept.

        Parameters
        ----------
        controls : channel → its control: a dataset, or a mapping with ``dataset_id`` and, if wanted, ``population_id``,
            ``positive`` and ``negative``
        unstained : an unstained control, in the same manner
        insist : keep it also where a control looks like one of another channel, which is refused else

        Returns
        -------
        ``channels``, ``matrix``, ``spread``, ``parts``: what was taken of each control, ``warnings``: which look like
        controls of other channels, and ``compensation``
        """
        body = {
            "controls": [{"channel": channel, **_control(one)} for channel, one in controls.items()],
            "unstained": None if unstained is None else _control(unstained),
            "name": name,
            "channels": list(channels),
            "insist": insist,
        }
        found: dict[str, Any] = self._http.post(f"studies/{self.id}/compensations/compute", body)
        return found

    def scales(self) -> dict[str, dict[str, Any]]:
        """How its axes are scaled: feature reference → scale."""
        found: dict[str, dict[str, Any]] = (self._http.get(f"studies/{self.id}/scales"))["scales"]
        return found

    def set_scales(self, scales: Mapping[str, Mapping[str, Any]], *, refit: bool = True) -> list[Gate]:
        """Scale channels or other axes anew, others stay; gates move along unless ``refit`` is false, and are given."""
        held = self._http.get(f"studies/{self.id}/scales")
        fresh = {axis_of(axis): scale for axis, scale in scales.items()}
        body = {"scales": {**held["scales"], **fresh}, "refit": refit}
        answer = self._http.change("PUT", f"studies/{self.id}/scales", body, version=held["version"])
        return [Gate(self._http, item) for item in answer["gates"]]

    def compensations(self) -> list[Record]:
        """Its spillover matrices."""
        return [Record(item) for item in (self._http.get(f"studies/{self.id}/compensations"))["items"]]

    def add_compensation(self, name: str, channels: Sequence[str], matrix: Any) -> Record:
        """Keep a spillover matrix: n × n numbers, row = dye, column = detector."""
        numbers = [float(value) for row in matrix for value in (row if hasattr(row, "__len__") else [row])]
        body = {"name": name, "channels": list(channels), "matrix": numbers}
        return Record(self._http.post(f"studies/{self.id}/compensations", body))


def write_small(path: Path, data: bytes) -> None:
    """Write a small file."""
    path.write_bytes(data)


def _form(path: str | Path) -> str:
    return "flowjo" if str(path).lower().endswith(".wsp") else "gating-ml"


def _control(said: Any) -> dict[str, Any]:
    return dict(said) if isinstance(said, Mapping) else {"dataset_id": said.id}
