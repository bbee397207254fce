"""Models that tell cell types: coefficients in npz or JSON. Pickles are never opened."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from cytosol.base.errors import NotFoundError, UnreadableFileError, UnsupportedFormatError

ENDINGS = (".npz", ".json")
PARTS = ("classes", "genes", "coefficients", "intercepts", "mean", "scale")
_PICKLES = (".pkl", ".pickle", ".joblib")
_MAX_BYTES = 1 << 30
_CONVERT = (
    "Export it once where CellTypist is installed: m = celltypist.models.Model.load(FILE); "
    "numpy.savez_compressed(NAME, classes=m.cell_types.astype(str), genes=m.features.astype(str), "
    "coefficients=m.classifier.coef_, intercepts=m.classifier.intercept_, mean=m.scaler.mean_, scale=m.scaler.scale_)"
)


def model_names(folder: Path) -> list[str]:
    """Names of the models in a folder."""
    return sorted({path.stem for path in folder.glob("*") if path.suffix in ENDINGS}) if folder.is_dir() else []


def read_model(folder: Path, name: str) -> dict[str, Any]:
    """Read one model.

    Parameters
    ----------
    folder : where models lie
    name : of the file, without its ending

    Returns
    -------
    ``classes`` and ``genes``, lists of text; ``coefficients``, shape (n_classes, n_genes), or (1, n_genes) for two
    classes; ``intercepts``, shape (n_classes,) or (1,); ``mean`` and ``scale``, shape (n_genes,); float64

    Raises
    ------
    NotFoundError
        Where there is no such model.
    UnsupportedFormatError
        Where there is a pickle of that name; says how to export it.
    UnreadableFileError
        Where the file does not hold what a model needs.
    """
    known = {path.name: path for path in folder.glob("*")} if folder.is_dir() else {}
    for ending in ENDINGS:
        path = known.get(f"{name}{ending}")
        if path is not None:
            return _checked(_parts(path), path.name)
    for ending in ("", *_PICKLES):
        if f"{name}{ending}".endswith(_PICKLES) and f"{name}{ending}" in known:
            raise UnsupportedFormatError(
                "A pickle can run any program when it is opened, so models are read from npz or JSON only",
                where=f"{name}{ending}", do=_CONVERT,
            )  # fmt: skip
    there = ", ".join(model_names(folder)) or "none"
    raise NotFoundError(
        f"There is no reference, marker list or model '{name[:64]}'",
        where="reference",
        do=f"Use 'cytosol', the id of a marker list, or a model in the folder 'models' of the data folder: {there}",
    )


def _parts(path: Path) -> dict[str, Any]:
    if path.stat().st_size > _MAX_BYTES:
        raise UnreadableFileError("The model is larger than 1 GiB", where=path.name)
    try:
        if path.suffix == ".json":
            return dict(json.loads(path.read_text(encoding="utf-8")))
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (ValueError, TypeError, OSError, zipfile.BadZipFile) as error:
        raise UnreadableFileError("The model cannot be read", where=path.name, do=_CONVERT) from error


def _checked(parts: dict[str, Any], where: str) -> dict[str, Any]:
    missing = [name for name in PARTS if name not in parts]
    if missing:
        raise UnreadableFileError(f"The model has no '{missing[0]}'", where=where, do=_CONVERT)
    try:
        found: dict[str, Any] = {name: [str(text) for text in parts[name]] for name in PARTS[:2]}
        found |= {name: np.asarray(parts[name], np.float64) for name in PARTS[2:]}
    except (ValueError, TypeError) as error:
        raise UnreadableFileError("The model does not hold numbers", where=where, do=_CONVERT) from error
    n_classes, n_genes = len(found["classes"]), len(found["genes"])
    rows = 1 if n_classes == 2 and len(found["intercepts"]) == 1 else n_classes
    shapes = {"coefficients": (rows, n_genes), "intercepts": (rows,), "mean": (n_genes,), "scale": (n_genes,)}
    for name, shape in shapes.items():
        if found[name].shape != shape or not np.isfinite(found[name]).all():
            raise UnreadableFileError(
                f"'{name}' has the shape {found[name].shape}, or values that are missing; {shape} is needed",
                where=where, do=_CONVERT,
            )  # fmt: skip
    return found
