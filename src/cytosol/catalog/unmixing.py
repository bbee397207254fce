"""Spectral unmixing: files whose detectors became dyes, by the spectra of reference controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cytosol.analyses.cytometry.default_scales import is_scatter_or_time
from cytosol.analyses.cytometry.spillover import reference_spectra, unmix
from cytosol.base.errors import InvalidInputError
from cytosol.base.keys import Key
from cytosol.catalog.access import dataset_access, study_access
from cytosol.catalog.axes import Axes
from cytosol.catalog.context import Context
from cytosol.catalog.control_matrices import Control, ControlMatrices
from cytosol.catalog.cytometry import Cytometry
from cytosol.catalog.derivations import DatasetList, Derivations, MadeFile
from cytosol.catalog.fcs_writing import Channel, channel_keywords
from cytosol.catalog.tables import Pinned
from cytosol.catalog.writing import Writing
from cytosol.formats.fcs.text import SPILL_NAMES
from cytosol.formats.fcs.writer import fcs_head, fcs_pieces
from cytosol.model.names import clean_name
from cytosol.model.rights import Actor, Permission, require_user


class Unmixing:
    """The verb that unmixes files; needs the permissions file.upload and, of the files, export."""

    def __init__(
        self,
        context: Context,
        controls: ControlMatrices,
        *,
        axes: Axes,
        cytometry: Cytometry,
        derivations: Derivations,
    ) -> None:
        self._context = context
        self._controls = controls
        self._axes = axes
        self._cytometry = cytometry
        self._derivations = derivations

    async def unmix(
        self,
        actor: Actor,
        *,
        study_id: Key,
        dataset_ids: Sequence[Key],
        controls: Sequence[Control],
        unstained: Control | None = None,
        detectors: Sequence[str] = (),
        weighted: bool = False,
    ) -> DatasetList:
        """Make of each file a new one whose detectors became dyes; of all of them, or of none.

        Parameters
        ----------
        controls : one a dye
        unstained : None = the dim events of each control stand in
        detectors : () = all channels of the first file but scatter and time
        weighted : whether detectors count by one over their signal; else all alike

        Raises
        ------
        InvalidInputError
            Where controls cannot serve, or their spectra cannot be told apart.
        """
        require_user(actor, "write")
        async with self._context.db.read() as conn:
            await study_access(conn, actor, study_id, Permission.FILE_UPLOAD)
            for id in dataset_ids:
                await dataset_access(conn, actor, id, Permission.EXPORT)
        files = await self._controls.pin(actor, study_id, dataset_ids)
        wanted = list(dict.fromkeys(detectors)) or [
            str(entry["channel"]) for entry in files[0].dataset.panel if not is_scatter_or_time(str(entry["channel"]))
        ]
        asked = await self._controls.read(actor, study_id, controls, unstained=unstained, channels=wanted)
        spectra = await self._context.compute.run(reference_spectra, asked)
        dyes = [control.dye or control.channel for control in controls]
        made: list[MadeFile] = []
        async with Writing(self._context) as writing:
            for file in files:
                head, columns, name = await self._unmixed(
                    actor, file, detectors=wanted, dyes=dyes, spectra=spectra, weighted=weighted
                )
                pieces = fcs_pieces(head, [columns])
                next(pieces)  # the head goes before
                made.append(
                    await self._derivations.write_made(
                        actor, (head, pieces), name=name, sources=[file], writing=writing
                    )
                )
            return await self._derivations.add_all_made(actor, study_id, made)

    async def _unmixed(
        self,
        actor: Actor,
        file: Pinned,
        *,
        detectors: Sequence[str],
        dyes: Sequence[str],
        spectra: np.ndarray,
        weighted: bool,
    ) -> tuple[bytes, np.ndarray, str]:
        """HEADER and TEXT, all columns, shape (n_channels, n_events), float32, and the name of the new file."""
        kept = [entry for entry in file.dataset.panel if str(entry["channel"]) not in detectors]
        others = [str(entry["channel"]) for entry in kept]
        names = [*others, *dyes]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise InvalidInputError(
                f"The names of the dyes are not unique: {', '.join(repeated)}", where="controls", do="Name each dye"
            )
        reading = await self._axes.reading(file, [f"var:{name}" for name in (*others, *detectors)], None)

        def work() -> np.ndarray:
            seen = [reading.values(f"var:{name}") for name in detectors]
            found = unmix(seen, spectra, weighted=weighted)
            return np.array([*(reading.values(f"var:{name}") for name in others), *found], np.float32)

        columns = await self._context.compute.run(work)
        text = await self._cytometry.keywords(actor, dataset_id=file.dataset.id)
        stem, dot, ending = file.dataset.name.rpartition(".")
        said = " (unmixed, weighted)" if weighted else " (unmixed)"
        name = clean_name(f"{stem}{said}.{ending}" if dot else f"{file.dataset.name}{said}")
        channels: list[Channel] = channel_keywords(text, kept)
        top = max(float(columns[len(others) :].max(initial=0.0)), 262144.0)
        channels += [{"N": dye, "R": f"{top:.0f}"} for dye in dyes]
        return fcs_head(channels, columns.shape[1], keywords=_keywords(text, name)), columns, name


def _keywords(text: Mapping[str, str], name: str) -> dict[str, str]:
    """The keywords of the file without its spillover, which no longer holds."""
    spills = {spill.upper() for spill in SPILL_NAMES}
    kept = {key: value for key, value in text.items() if key.upper() not in spills}
    return {key: name if key.upper() == "$FIL" else value for key, value in kept.items()}
