"""Finds populations and datasets by their names."""

from __future__ import annotations

from collections.abc import Sequence

from cytosol.base.errors import NotFoundError
from cytosol.sdk.names import ALL, is_id, several
from cytosol.sdk.records import Record
from cytosol.sdk.sync.http import Http

Named = str | Record
"""An id, a name, or the record itself."""


def population_id(http: Http, population: Named | None, *, study_id: str = "", path: str = "") -> str | None:
    """The id of a population by id, unique name or name; None = all cells.

    Parameters
    ----------
    study_id : where it is; "" = that of the dataset whose table has the address ``path``
    """
    if isinstance(population, Record):
        return str(population.id)
    if not population or population == ALL:
        return None
    if is_id(population):
        return population
    study = study_id or (http.get(path.partition("/tables/")[0]))["study_id"]
    page = http.get(f"studies/{study}/populations")
    for key in ("unique_name", "name"):
        for one in page["items"]:
            if one[key] == population:
                return str(one["id"])
    raise NotFoundError(f"The study has no population '{population}'", do="See study.populations.tree()")


def dataset_ids(http: Http, study_id: str, datasets: Named | Sequence[Named] | None) -> list[str] | None:
    """The ids of datasets by id or name; None = None."""
    if datasets is None:
        return None
    known: dict[str, str] = {}
    found = []
    for dataset in several(datasets):
        name = str(dataset.id) if isinstance(dataset, Record) else dataset
        if not is_id(name):
            if not known:
                for item in http.pages(f"studies/{study_id}/datasets"):
                    known.setdefault(item["name"], item["id"])
            if name not in known:
                raise NotFoundError(f"The study has no dataset '{name}'", do="See study.datasets()")
            name = known[name]
        found.append(name)
    return found
