"""The group metadata of a plate in the NGFF 0.5 layout for high-content screening, under ``plate/`` at the root."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cytosol.base.errors import InvalidInputError

NGFF_VERSION = "0.5"
PLATE = "plate"


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One image of a well: its path part under the well, and the upload batch that it came with."""

    path: str
    acquisition: int | None = None


@dataclass(frozen=True, slots=True)
class WellSpec:
    """A well and its images; ``row`` and ``column`` are names of the plate's axes."""

    row: str
    column: str
    fields: tuple[FieldSpec, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", tuple(self.fields))


@dataclass(frozen=True, slots=True)
class AcquisitionSpec:
    """One upload batch of a plate."""

    id: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class PlateSpec:
    """A plate: its axes in order, the wells that hold images, and its upload batches."""

    name: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    wells: tuple[WellSpec, ...]
    acquisitions: tuple[AcquisitionSpec, ...] = ()


def plate_groups(plate: PlateSpec) -> Iterator[tuple[str, dict[str, Any]]]:
    """Path and attributes of every group of a plate above its images, inner ones first, the plate itself last.

    Raises
    ------
    InvalidInputError
        Where a well is not on the plate, or is named twice.
    """
    seen: set[tuple[str, str]] = set()
    for well in plate.wells:
        place = (well.row, well.column)
        if well.row not in plate.rows or well.column not in plate.columns or place in seen:
            raise InvalidInputError("A well is not on its plate, or is named twice", where=f"{well.row}/{well.column}")
        if not (well.row.isalnum() and well.column.isalnum()):
            raise InvalidInputError("Rows and columns of a plate are letters and digits", where=f"{place}")
        seen.add(place)
        yield f"{PLATE}/{well.row}/{well.column}", {"ome": {"version": NGFF_VERSION, "well": _well(well)}}
    for row in sorted({well.row for well in plate.wells}):
        yield f"{PLATE}/{row}", {}
    yield PLATE, {"ome": {"version": NGFF_VERSION, "plate": _plate(plate)}}


def _well(well: WellSpec) -> dict[str, Any]:
    images = []
    for image in well.fields:
        entry: dict[str, Any] = {"path": image.path}
        if image.acquisition is not None:
            entry["acquisition"] = image.acquisition
        images.append(entry)
    return {"images": images}


def _plate(plate: PlateSpec) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": plate.name,
        "rows": [{"name": name} for name in plate.rows],
        "columns": [{"name": name} for name in plate.columns],
        "wells": [
            {
                "path": f"{well.row}/{well.column}",
                "rowIndex": plate.rows.index(well.row),
                "columnIndex": plate.columns.index(well.column),
            }
            for well in plate.wells
        ],
        "field_count": max((len(well.fields) for well in plate.wells), default=0),
    }
    if plate.acquisitions:
        document["acquisitions"] = [{"id": batch.id, "name": batch.name} for batch in plate.acquisitions]
    return document
