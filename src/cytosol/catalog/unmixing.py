"""Spectral unmixing: files whose detectors became dyes, by the spectra of reference controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cytosol.analyses.cytometry.plots.spec import PlotStyle
from cytosol.analyses.cytometry.plots.spectra import Spectra, draw_spectra
from cytosol.analyses.cytometry.spectra_report import spectra_report
from cytosol.analyses.cytometry.spillover import reference_spectra, swapped_spectra, unmix
from cytosol.base.errors import ConflictError, InvalidInputError
from cytosol.base.keys import Key, new_key
from cytosol.catalog.access import dataset_access, study_access
from cytosol.catalog.axes import Axes
from cytosol.catalog.commit import NewElement
from cytosol.catalog.context import Context
from cytosol.catalog.control_matrices import Control, ControlMatrices
from cytosol.catalog.cytometry import Cytometry
from cytosol.catalog.derivations import DatasetList, Derivations, MadeFile
from cytosol.catalog.fcs_store import EVENTS
from cytosol.catalog.fcs_writing import Channel, channel_keywords
from cytosol.catalog.layouts import REPORT, index_path
from cytosol.catalog.tables import Pinned
from cytosol.catalog.writing import Writing
from cytosol.formats.fcs.text import SPILL_NAMES
from cytosol.formats.fcs.writer import fcs_head, fcs_pieces
from cytosol.model.gating_rules import is_scatter_or_time
from cytosol.model.names import clean_name
from cytosol.model.rights import Actor, Permission, require_user


@dataclass(frozen=True, slots=True)
class References:
    """Reference controls.

    Attributes
    ----------
    controls : one a dye
    unstained : None = the dim events of each control stand in
    detectors : () = all channels of the first file but scatter and time
    """

    controls: Sequence[Control]
    unstained: Control | None = None
    detectors: Sequence[str] = ()


class Unmixing:
    """The verbs of spectra; to unmix files needs the permissions file.upload and, of the files, export."""

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

    async def draw(self, actor: Actor, *, study_id: Key, references: References, style: PlotStyle) -> bytes:
        """Draw the spectra of controls; needs the permission data.read.

        Raises
        ------
        InvalidInputError
            Where controls cannot serve.
        """
        async with self._context.db.read() as conn:
            await study_access(conn, actor, study_id, Permission.DATA_READ)
        files = await self._controls.pin(actor, study_id, [one.dataset_id for one in references.controls[:1]])
        spectra = await self._spectra(actor, study_id, references, files)
        return await self._context.compute.run(draw_spectra, replace(spectra, style=style))

    async def _spectra(self, actor: Actor, study_id: Key, references: References, files: Sequence[Pinned]) -> Spectra:
        wanted = list(dict.fromkeys(references.detectors)) or [
            name
            for file in files[:1]
            for entry in file.dataset.panel
            if not is_scatter_or_time(name := str(entry["channel"]))
        ]
        asked = await self._controls.read(
            actor, study_id, references.controls, unstained=references.unstained, channels=wanted
        )
        values = await self._context.compute.run(reference_spectra, asked)
        dyes = tuple(control.dye or control.channel for control in references.controls)
        return Spectra(dyes, tuple(wanted), values)

    async def unmix(
        self,
        actor: Actor,
        *,
        study_id: Key,
        dataset_ids: Sequence[Key],
        references: References,
        weighted: bool = False,
    ) -> DatasetList:
        """Make of each file a new one whose detectors became dyes, with a report; of all of them, or of none.

        Parameters
        ----------
        weighted : whether detectors count by one over their signal; else all alike

        Raises
        ------
        InvalidInputError
            Where controls cannot serve, or their spectra cannot be told apart.
        ConflictError
            Where controls are brightest in the detectors of each other.
        """
        require_user(actor, "write")
        async with self._context.db.read() as conn:
            await study_access(conn, actor, study_id, Permission.FILE_UPLOAD)
            for id in dataset_ids:
                await dataset_access(conn, actor, id, Permission.EXPORT)
        files = await self._controls.pin(actor, study_id, dataset_ids)
        spectra = await self._spectra(actor, study_id, references, files)
        await self._refuse_swapped(actor, study_id, references, spectra)
        report = await self._context.compute.run(spectra_report, spectra, weighted)
        made: list[MadeFile] = []
        async with Writing(self._context) as writing:
            for file in files:
                head, columns, name = await self._unmixed(actor, file, spectra=spectra, weighted=weighted)
                pieces = fcs_pieces(head, [columns])
                next(pieces)  # the head goes before
                made.append(
                    await self._derivations.write_made(
                        actor, (head, pieces), name=name, sources=[file], writing=writing
                    )
                )
                await self._keep(made[-1], report)
            return await self._derivations.add_all_made(actor, study_id, made)

    async def _refuse_swapped(self, actor: Actor, study_id: Key, references: References, spectra: Spectra) -> None:
        controls = references.controls
        swapped = swapped_spectra(spectra.values, [spectra.detectors.index(one.channel) for one in controls])
        said = []
        for row, other in swapped.items():
            (pinned,) = await self._controls.pin(actor, study_id, [controls[row].dataset_id])
            said.append(
                f"The control of {spectra.dyes[row]}, '{pinned.dataset.name}', looks like one of "
                f"{spectra.dyes[other]}: it is brightest in {controls[other].channel}"
            )
        if said:
            raise ConflictError(
                ". ".join(said),
                where="controls",
                do="Exchange the files, or name the detector in which each is brightest",
            )

    async def _keep(self, made: MadeFile, report: bytes) -> None:
        """Put a report beside a file that was made."""
        (written,) = made.written
        id = new_key()
        place = index_path(written.bytes_id, id, "html")
        await self._context.blobs.put(place, report)
        meta = {"analysis": "unmix"}
        written.elements.append(
            NewElement(REPORT, EVENTS, "Report of unmixing", place, meta, {"function": "unmix"}, id)
        )

    async def _unmixed(
        self, actor: Actor, file: Pinned, *, spectra: Spectra, weighted: bool
    ) -> tuple[bytes, np.ndarray, str]:
        """HEADER and TEXT, all columns, shape (n_channels, n_events), float32, and the name of the new file."""
        detectors, dyes = spectra.detectors, spectra.dyes
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
            found = unmix(seen, spectra.values, weighted=weighted)
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
