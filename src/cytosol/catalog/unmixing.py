"""Spectral unmixing: files whose detectors became dyes, by the spectra of reference controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cytosol.analyses.cytometry.default_scales import is_scatter_or_time
from cytosol.analyses.cytometry.plots.spec import PlotStyle
from cytosol.analyses.cytometry.plots.spectra import Spectra, draw_spectra
from cytosol.analyses.cytometry.plots.themes import picture
from cytosol.analyses.cytometry.spillover import reference_spectra, similarity, unmix
from cytosol.analyses.reports import Cell, Section, Table, report_page
from cytosol.base.errors import InvalidInputError
from cytosol.base.keys import Key, new_key
from cytosol.base.waiting import to_the_end
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
from cytosol.model.names import clean_name
from cytosol.model.rights import Actor, Permission, require_user

_REPORT_PX, _REPORT_DPI = (760, 380), 192.0


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
        """
        require_user(actor, "write")
        async with self._context.db.read() as conn:
            await study_access(conn, actor, study_id, Permission.FILE_UPLOAD)
            for id in dataset_ids:
                await dataset_access(conn, actor, id, Permission.EXPORT)
        files = await self._controls.pin(actor, study_id, dataset_ids)
        spectra = await self._spectra(actor, study_id, references, files)
        report = await self._context.compute.run(_report, spectra, weighted)
        made: list[MadeFile] = []
        places: list[str] = []
        async with Writing(self._context) as writing:
            try:
                for file in files:
                    head, columns, name = await self._unmixed(actor, file, spectra=spectra, weighted=weighted)
                    pieces = fcs_pieces(head, [columns])
                    next(pieces)  # the head goes before
                    made.append(
                        await self._derivations.write_made(
                            actor, (head, pieces), name=name, sources=[file], writing=writing
                        )
                    )
                    places.append(await self._keep(made[-1], report))
                return await self._derivations.add_all_made(actor, study_id, made)
            except BaseException:
                for place in places:
                    await to_the_end(self._context.blobs.delete(place))
                raise

    async def _keep(self, made: MadeFile, report: bytes) -> str:
        """Put a report beside a file that was made; where it lies."""
        (written,) = made.written
        id = new_key()
        place = index_path(written.bytes_id, id, "html")
        await self._context.blobs.put(place, report)
        meta = {"analysis": "unmix"}
        written.elements.append(
            NewElement(REPORT, EVENTS, "Report of unmixing", place, meta, {"function": "unmix"}, id)
        )
        return place

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


def _report(spectra: Spectra, weighted: bool) -> bytes:
    """A page with the spectra, and how alike they are."""
    scale = _REPORT_DPI / 96
    style = PlotStyle(width=round(_REPORT_PX[0] * scale), height=round(_REPORT_PX[1] * scale), dpi=_REPORT_DPI)
    alt = "The spectrum of each dye over the detectors"
    figure = picture(lambda look: draw_spectra(replace(spectra, style=look)), style, alt=alt, width=_REPORT_PX[0])
    peaks = [spectra.detectors[at] for at in spectra.values.argmax(axis=1)]
    dyes = Table(("Dye", "Brightest detector"), list(zip(spectra.dyes, peaks, strict=True)))
    alike: list[list[Cell]] = [
        [dye, *(round(float(value), 3) for value in row)]
        for dye, row in zip(spectra.dyes, similarity(spectra.values), strict=True)
    ]
    worst = np.linalg.cond(spectra.values)
    told = f"{len(spectra.dyes)} dyes, {len(spectra.detectors)} detectors, "
    told += "weighted least squares." if weighted else "ordinary least squares."
    sections = [
        Section("Spectra", [told, figure, dyes]),
        Section(
            "How alike the spectra are",
            [
                "The cosine between each two: 1 = the same, 0 = no detector in common.",
                Table(("", *spectra.dyes), alike),
                f"The condition number of all together is {worst:.3g}: by so much noise grows at worst. 1 is the best.",
            ],
        ),
    ]
    return report_page("Unmixing", "Spectra of the reference controls", sections)
