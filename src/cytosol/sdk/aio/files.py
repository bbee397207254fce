"""Files of cytometry: added, described, made of one another, taken away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode

from cytosol.sdk.aio.events import AsyncEvents
from cytosol.sdk.aio.http import AsyncHttp
from cytosol.sdk.aio.names import Named, population_id
from cytosol.sdk.aio.names import dataset_ids as known_ids
from cytosol.sdk.aio.plots import AsyncPlots
from cytosol.sdk.aio.uploads import upload_file
from cytosol.sdk.records import Record

if TYPE_CHECKING:
    import pandas as pd


class AsyncDatasetFile:
    """What only a file of cytometry can do; part of `AsyncDataset`."""

    _http: AsyncHttp
    id: str

    async def file(self) -> Record:
        """What is known about the file: n_events, size, checksums, panel, annotations and more."""
        return Record(await self._http.get(f"datasets/{self.id}/file"))

    async def keywords(self) -> dict[str, str]:
        """All keywords of the file as it was given, in its order and spelling."""
        page = await self._http.get(f"datasets/{self.id}/keywords")
        return {item["name"]: item["value"] for item in page["items"]}

    async def change(self, **fields: Any) -> Record:
        """Change name, compensation (none, internal, or the id of one), is_control or gates_locked."""
        version = (await self._http.get(f"datasets/{self.id}"))["version"]
        return Record(await self._http.change("PATCH", f"datasets/{self.id}", fields, version=version))

    async def annotate_file(self, annotations: Mapping[str, str | float | bool]) -> Record:
        """Replace what is said about the file, such as ``{"plate": "P1", "dose": 2.5}``."""
        said = [{"name": name, "value": value} for name, value in annotations.items()]
        return Record(await self._http.change("PUT", f"datasets/{self.id}/file-annotations", {"annotations": said}))

    async def download_file(
        self, path: str | Path, *, format: Literal["fcs", "tsv", "original"] = "original", **choices: Any
    ) -> Path:
        """Save the file: as it was given, as FCS 3.1, or as TSV.

        Parameters
        ----------
        path : file to write; whole or absent
        choices : ``population`` (name or id), ``compensation``, ``compensated``, ``headers``, ``event_number``,
            ``pre_n``, ``pre_p``, ``post_n``, ``post_p``, ``seed``, as the server's API describes them
        """
        if "population" in choices:
            path_here = f"datasets/{self.id}"
            choices["population"] = await population_id(self._http, choices["population"], path=path_here)
        choices = {name: value for name, value in choices.items() if value is not None}
        query = urlencode({"format": format} | {name: _spelled(value) for name, value in choices.items()})
        target = Path(path)
        part = target.with_name(target.name + ".part")
        try:
            with part.open("wb") as file:
                async for _total, piece in self._http.stream(f"api/v1/datasets/{self.id}/fcs?{query}"):
                    file.write(piece)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        return target


class AsyncFile(Record, AsyncEvents, AsyncDatasetFile, AsyncPlots):
    """A file of cytometry with its events and plots; ``id`` is that of its dataset."""

    _shown = ("name", "n_events", "panel_name", "id")

    def __init__(self, http: AsyncHttp, fields: dict[str, Any]) -> None:
        super().__init__(fields)
        self._http = http
        self._path = f"datasets/{self.id}/tables/events"
        self.tables = [{"name": "events"}]


class AsyncStudyFiles:
    """Files of cytometry of a study; part of `AsyncStudy`."""

    _http: AsyncHttp
    id: str

    async def files(self, *, trash: bool = False) -> list[AsyncFile]:
        """All files, in order: name, n_events, panel, annotations and more; each with its events and plots."""
        return [AsyncFile(self._http, item) async for item in self._http.pages(f"studies/{self.id}/fcs", trash=trash)]

    async def add_file(self, path: str | Path, *, filename: str = "", progress: bool = True) -> list[AsyncFile]:
        """Add an FCS file, at once; a file with several data sets becomes several.

        Parameters
        ----------
        filename : what it is called; the file's own name where empty
        """
        upload_id = await upload_file(self._http, Path(path), progress=progress)
        page = await self._http.post(f"studies/{self.id}/fcs", {"upload_id": upload_id, "filename": filename})
        return [AsyncFile(self._http, item) for item in page["items"]]

    async def set_reagents(
        self, reagents: Mapping[str, str | None], *, dataset_ids: Sequence[str] = (), panel_name: str = ""
    ) -> list[Record]:
        """Say which reagent channels have, such as ``{"FITC-A": "CD4"}``; None takes it away.

        Parameters
        ----------
        dataset_ids : all files of the study where none is named
        panel_name : that of files with the same panel, else a new one, where empty
        """
        body = {"reagents": dict(reagents), "dataset_ids": list(dataset_ids), "panel_name": panel_name}
        page = await self._http.post(f"studies/{self.id}/panels", body)
        return [Record(item) for item in page["items"]]

    async def annotate_from_names(
        self, pattern: str, rename: str = "", *, preview: bool = True, dataset_ids: Sequence[str] = ()
    ) -> pd.DataFrame:
        """Annotate files, and rename them, by the names that they have.

        Parameters
        ----------
        pattern : such as ``{plate}_{well}_{donor}.fcs``, or a regular expression with groups ``(?P<name>…)``
        rename : such as ``{donor} {well}``; names stay where it is empty
        preview : only tell what would be done; False does it, as one step of undo
        dataset_ids : all files of the study where none is named

        Returns
        -------
        A row for each file, by its name: a column for each annotation, then ``dataset_id``, ``matches``, ``new_name``
        and ``problem`` ("" = none).
        """
        import pandas as pd  # half a second to import; not needed to connect

        body = {"pattern": pattern, "rename": rename, "preview": preview, "dataset_ids": list(dataset_ids)}
        page = await self._http.post(f"studies/{self.id}/fcs/annotate", body)
        facts = ("dataset_id", "matches", "new_name", "problem")
        table = [
            {one["name"]: one["value"] for one in item["annotations"]} | {name: item[name] for name in facts}
            for item in page["items"]
        ]
        index = pd.Index([item["name"] for item in page["items"]], name="name")
        fields = [name for row in table for name in row if name not in facts]
        return pd.DataFrame(table, index=index, columns=[*dict.fromkeys(fields), *facts])

    async def derive_file(self, dataset_ids: Sequence[Named], *, filename: str = "", **choices: Any) -> list[AsyncFile]:
        """Make a new file: a copy of one, or several joined in order.

        Parameters
        ----------
        dataset_ids : ids or names
        choices : ``add_file_number``, ``add_event_number``, ``population`` (name or id), ``compensation``, ``pre_n``,
            ``pre_p``, ``post_n``, ``post_p``, ``seed``
        """
        if "population" in choices:
            choices["population"] = await population_id(self._http, choices["population"], study_id=self.id)
        ids = await known_ids(self._http, self.id, dataset_ids)
        body = {"dataset_ids": ids, "filename": filename, **choices}
        page = await self._http.post(f"studies/{self.id}/fcs/derive", body)
        return [AsyncFile(self._http, item) for item in page["items"]]


def _spelled(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value
