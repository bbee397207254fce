"""Gates, populations, compensations and statistics of a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cytosol.base.errors import NotFoundError
from cytosol.sdk.aio.gene_sets import read_small
from cytosol.sdk.aio.http import AsyncHttp
from cytosol.sdk.populations import PopulationTree
from cytosol.sdk.records import Record

if TYPE_CHECKING:
    import pandas as pd

ALL = "all"
"""The name of all cells where a population is expected."""


class AsyncGate(Record):
    """A region of one or two axes, in their scaled space."""

    _shown = ("name", "kind", "x", "y", "gid", "id")

    def __init__(self, http: AsyncHttp, fields: dict[str, Any]) -> None:
        super().__init__(fields)
        self._http = http

    async def change(self, **fields: Any) -> AsyncGate:
        """Change name, x, y, geometry, sectors, tailored, locked or extra."""
        self._fields = await self._http.change("PATCH", f"gates/{self.id}", fields, version=self.version)
        return self

    async def delete(self) -> None:
        """Delete it; populations that name it stay."""
        await self._http.change("DELETE", f"gates/{self.id}", version=self.version)

    async def tailor(self, dataset_ids: Sequence[str], geometry: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Give datasets a gate of their own with a geometry; None = take their own gates away.

        Returns
        -------
        ``inserted``, ``updated`` and ``deleted``: gates as the server spells them.
        """
        ids = list(dataset_ids)
        owner = ids[0] if geometry is not None and ids else None
        gate = {"geometry": self.geometry if geometry is None else dict(geometry), "dataset_id": owner}
        body = {"gid": self.gid, "gate": gate, "dataset_ids": ids}
        done: dict[str, Any] = await self._http.post(f"studies/{self.study_id}/gates/tailor", body)
        return done


GateList = list[AsyncGate]
Records = list[Record]


class AsyncGates:
    """The gates of a study: ``study.gates``."""

    def __init__(self, http: AsyncHttp, study_id: str) -> None:
        self._http = http
        self._path = f"studies/{study_id}/gates"

    async def list(self, *, dataset_id: str | None = None, gid: str | None = None) -> GateList:
        """All gates, in the order they were made; or the own ones of a dataset, or of one family."""
        page = await self._http.get(self._path, dataset_id=dataset_id, gid=gid)
        return [AsyncGate(self._http, item) for item in page["items"]]

    async def create(
        self,
        kind: str,
        name: str,
        x: str,
        y: str = "",
        *,
        geometry: Mapping[str, Any],
        parent: str | None = None,
        populations: bool = True,
    ) -> AsyncGate:
        """Draw a gate; it becomes a population too, of a quadrant or split each sector.

        Parameters
        ----------
        kind : rectangle, polygon, ellipse, range, quadrant or split
        x, y : feature references: ``var:<channel or gene>``, ``obs:<annotation>``, ``obsm:<embedding>:<dim from 0>``
        geometry : in scaled space; rectangle: x1, x2, y1, y2; polygon: vertices; ellipse: center, angle, major, minor
            (full lengths); range: x1, x2, y; quadrant: x, y, angles; split: x, y
        parent : id of the population that it is gated of; None = all
        populations : whether populations are made
        """
        gate = {"kind": kind, "name": name, "x": x, "y": y, "geometry": dict(geometry)}
        body = {"gates": [gate], "populations": populations, "parent_id": parent}
        made = await self._http.post(self._path, body)
        return AsyncGate(self._http, made["gates"][0])

    async def copy(
        self,
        to_study: Record,
        *,
        channels: Mapping[str, str] | None = None,
        by_reagent: bool = False,
        populations: Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """Copy gates and populations to another study.

        Parameters
        ----------
        channels : channel or gene here → there; others keep their name
        by_reagent : channels go to those with the same reagent
        populations : ids, with the gates that they name; None = all
        """
        body = {
            "to_study_id": to_study.id,
            "channels": dict(channels or {}),
            "by_reagent": by_reagent,
            "population_ids": None if populations is None else list(populations),
        }
        brought: dict[str, Any] = await self._http.post(f"{self._path}/copy", body)
        return brought

    async def reset(self) -> None:
        """Delete all gates and populations; can be undone."""
        await self._http.post(f"{self._path}/reset")


class AsyncPopulations:
    """The populations of a study: ``study.populations``."""

    def __init__(self, http: AsyncHttp, study_id: str) -> None:
        self._http = http
        self._study = f"studies/{study_id}"

    async def list(self) -> Records:
        """All populations, in their order."""
        page = await self._http.get(f"{self._study}/populations")
        return [Record(item) for item in page["items"]]

    async def get(self, name: str) -> Record:
        """A population by name, unique name or id."""
        for population in await self.list():
            if name in (population.unique_name, population.id):
                return population
        for population in await self.list():
            if name == population.name:
                return population
        raise NotFoundError(f"The study has no population '{name}'", do="See study.populations.tree()")

    async def create(self, name: str, tree: Mapping[str, Any], *, parent: str | None = None) -> Record:
        """Make a population of a tree of gates and annotations.

        Parameters
        ----------
        tree : ``{"gate": gid}``, ``{"column": name, "groups": […]}``, or and, or, xor, not of a list of these
        """
        body = {"name": name, "tree": dict(tree), "parent_id": parent}
        return Record(await self._http.post(f"{self._study}/populations", body))

    async def delete(self, name: str, *, branch: bool = False) -> None:
        """Delete a population; ``branch`` with all below it, else these move up."""
        found = await self.get(name)
        await self._http.change("DELETE", f"populations/{found.id}", version=found.version, branch=branch)

    async def counts(
        self, *, datasets: Sequence[str] | None = None, compensation: str = "own", table: str = ""
    ) -> pd.DataFrame:
        """Cells of all populations in datasets: dataset_id, population, n_events, percent_of_parent, percent_of_total.

        Parameters
        ----------
        datasets : ids; None = all that are ready and no controls
        compensation : none, internal, own, or the id of one
        """
        import pandas as pd  # half a second to import; not needed to connect

        body = {"dataset_ids": None if datasets is None else list(datasets), "compensation": compensation}
        answer = await self._http.post(f"{self._study}/population-counts", {**body, "table": table})
        names = {one.id: one.unique_name for one in await self.list()}
        rows = [{"population": names.get(row["population_id"], "Ungated"), **row} for row in answer["items"]]
        columns = ["population", "dataset_id", "population_id", "n_events", "percent_of_parent", "percent_of_total"]
        return pd.DataFrame(rows, columns=[*columns, "problem"])

    async def tree(self, *, dataset: str | None = None, compensation: str = "own") -> PopulationTree:
        """The hierarchy, which prints itself; with counts of a dataset by id, if one is given."""
        items = (await self._http.get(f"{self._study}/populations"))["items"]
        counted: dict[str | None, dict[str, Any]] = {}
        if dataset is not None:
            body = {"dataset_ids": [dataset], "compensation": compensation}
            answer = await self._http.post(f"{self._study}/population-counts", body)
            counted = {row["population_id"]: row for row in answer["items"]}
        return PopulationTree(items, counted)


class AsyncGating:
    """What a study does with gates; part of `AsyncStudy`."""

    _http: AsyncHttp
    id: str

    @property
    def gates(self) -> AsyncGates:
        """Its gates."""
        return AsyncGates(self._http, self.id)

    @property
    def populations(self) -> AsyncPopulations:
        """Its populations."""
        return AsyncPopulations(self._http, self.id)

    async def read_gates(self, path: str | Path) -> dict[str, Any]:
        """Make gates, populations, scales and compensations of a file of another program.

        That is Gating-ML 2.0, a workspace of FlowJo (.wsp), or an experiment that FACSDiva exported as XML.

        Returns
        -------
        what came, ``compensation``: which the gates were drawn on, and ``notes``: what could not come
        """
        data = read_small(path)
        form = "facsdiva" if b"<bdfacs" in data[:4096] else _form(path)
        brought: dict[str, Any] = await self._http.post_bytes(f"studies/{self.id}/{form}", data, "application/xml")
        return brought

    async def write_gates(self, path: str | Path, *, dataset: Record | None = None, compensation: str = "own") -> Path:
        """Write the populations to a file: a workspace of FlowJo where it ends with .wsp, else Gating-ML 2.0.

        Parameters
        ----------
        dataset : whose gates are in force; None = those of the study, in a workspace those of each file
        compensation : none, internal, own (what each dataset says) or the id of one
        """
        query = {"dataset_id": None if dataset is None else dataset.id, "compensation": compensation}
        place = Path(path)
        write_small(place, await self._http.get_bytes(f"studies/{self.id}/{_form(path)}", **query))
        return place

    async def compute_compensation(
        self, controls: Mapping[str, Any], *, unstained: Any = None, name: str = "", channels: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Compute a spillover matrix from single-stained controls; with a name it is kept.

        Parameters
        ----------
        controls : channel → its control: a dataset, or a mapping with ``dataset_id`` and, if wanted, ``population_id``,
            ``positive`` and ``negative``
        unstained : an unstained control, in the same manner

        Returns
        -------
        ``channels``, ``matrix``, ``spread``, ``parts``: what was taken of each control, and ``compensation``
        """
        body = {
            "controls": [{"channel": channel, **_control(one)} for channel, one in controls.items()],
            "unstained": None if unstained is None else _control(unstained),
            "name": name,
            "channels": list(channels),
        }
        found: dict[str, Any] = await self._http.post(f"studies/{self.id}/compensations/compute", body)
        return found

    async def scales(self) -> dict[str, dict[str, Any]]:
        """How its axes are scaled: feature reference → scale."""
        found: dict[str, dict[str, Any]] = (await self._http.get(f"studies/{self.id}/scales"))["scales"]
        return found

    async def set_scales(self, scales: Mapping[str, Mapping[str, Any]], *, refit: bool = True) -> list[AsyncGate]:
        """Scale axes anew, others stay; gates move along unless ``refit`` is false. Gives the gates that moved."""
        held = await self._http.get(f"studies/{self.id}/scales")
        body = {"scales": {**held["scales"], **scales}, "refit": refit}
        answer = await self._http.change("PUT", f"studies/{self.id}/scales", body, version=held["version"])
        return [AsyncGate(self._http, item) for item in answer["gates"]]

    async def compensations(self) -> list[Record]:
        """Its spillover matrices."""
        return [Record(item) for item in (await self._http.get(f"studies/{self.id}/compensations"))["items"]]

    async def add_compensation(self, name: str, channels: Sequence[str], matrix: Any) -> Record:
        """Keep a spillover matrix: n × n numbers, row = dye, column = detector."""
        numbers = [float(value) for row in matrix for value in (row if hasattr(row, "__len__") else [row])]
        body = {"name": name, "channels": list(channels), "matrix": numbers}
        return Record(await self._http.post(f"studies/{self.id}/compensations", body))


def write_small(path: Path, data: bytes) -> None:
    """Write a small file."""
    path.write_bytes(data)


def _form(path: str | Path) -> str:
    return "flowjo" if str(path).lower().endswith(".wsp") else "gating-ml"


def _control(said: Any) -> dict[str, Any]:
    return dict(said) if isinstance(said, Mapping) else {"dataset_id": said.id}
