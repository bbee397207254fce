"""Sends what the CellEngine toolkit for Python sends, and reads the answers as strictly as it does.

The toolkit is in no package index, so this is code of our own, written from the description of its wire: headers,
cookies that are not percent-encoded, the forms of its queries, and its faults.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import wraps
from io import BytesIO
from itertools import count
from typing import Any, TypeVar

import flowio
import numpy as np
import pandas as pd
import requests

from tests.clients.matrix import record

CLIENT, RELEASE = "cellengine, by its wire", "1.0.0"
CLASSES = {"fcsfile": "FcsFile", "gate": "Gate", "compensation": "Compensation", "population": "Population"}
UNSET: Any = object()
GATES = ("RectangleGate", "PolygonGate", "EllipseGate", "RangeGate", "QuadrantGate", "SplitGate")
READ: Mapping[str, tuple[str, ...]] = {
    "experiment": (
        "_id", "name", "comments", "created", "deepUpdated", "deleted", "uploader", "primaryResearcher", "path",
        "data", "dataOrder", "activeCompensation", "locked", "retentionPolicy", "revisions",
        "perFileCompensationsEnabled", "tags", "sortingSpec", "colorSpec", "savedStatisticsExports", "palettes",
        "permissions",
    ),
    "folder": ("_id", "name", "path", "created", "deleted", "creator", "permissions"),
    "attachment": ("_id", "experimentId", "filename", "md5", "crc32c", "size", "created"),
    "compensation": ("_id", "experimentId", "name", "channels", "spillMatrix"),
    "fcsfile": (
        "_id", "experimentId", "filename", "annotations", "panel", "panelName", "eventCount", "size", "md5",
        "crc32c", "isControl", "gatesLocked", "compensation", "hasFileInternalComp", "deleted", "data", "sampleName",
    ),
    "gate": (
        "_id", "experimentId", "gid", "type", "xChannel", "yChannel", "model", "tailoredPerFile", "fcsFileId", "locked",
    ),
    "population": ("_id", "experimentId", "name", "gates", "parentId", "terminalGateGid", "uniqueName"),
    "scaleset": ("_id", "experimentId", "name", "scales"),
}  # fmt: skip
"""The keys that it reads with no default."""
F = TypeVar("F", bound=Callable[..., Any])


class APIError(RuntimeError):
    """What the toolkit raises for a status that is not 2xx."""

    def __init__(self, url: str, status_code: int, message: str) -> None:
        super().__init__(f"CellEngine API: status code {status_code} != 2xx for URL {url} -- {message}")
        self.url, self.status_code, self.message = url, status_code, message


def driven(method: str) -> Callable[[F], F]:
    """Enter a call that came back into the matrix of clients, under its name in the toolkit."""

    def mark(function: F) -> F:
        @wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            value = function(*args, **kwargs)
            record(CLIENT, RELEASE, method, "works")
            return value

        return run  # type: ignore[return-value]

    return mark


def read(kind: str, document: Any) -> dict[str, Any]:
    """A document as the toolkit's object of it, read property by property."""
    assert isinstance(document, dict), document
    for key in READ[kind]:
        document[key]
    for key in ("created", "deepUpdated", "deleted"):
        if key in document and document[key] is not None:
            parse_time(document[key])
    if kind == "experiment":
        document["uploader"]["_id"], document["primaryResearcher"]["_id"]
    if kind in ("experiment", "folder"):
        document["permissions"][0]["grantee"]["_id"]
    if kind == "gate":
        assert document["type"] in GATES, document["type"]
    if kind == "fcsfile":
        [(item["name"], item["value"]) for item in document["annotations"]]
    return document


def parse_time(text: str) -> datetime:
    """A time; the fraction and the Z are not optional."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


_counter = count(secrets.randbelow(1 << 24))
_process = secrets.token_bytes(5)


def generate_id() -> str:
    """An id as the toolkit makes one: seconds, random bytes of the process, a counter."""
    return (int(time.time()).to_bytes(4, "big") + _process + (next(_counter) % (1 << 24)).to_bytes(3, "big")).hex()


class Toolkit:
    """One client with its session."""

    def __init__(
        self, base_url: str, *, username: str = "", password: str = "", token: str = "", otp: str | None = None
    ) -> None:
        self.base_url = base_url
        self.session = requests.Session()
        self.session.headers.update(
            {
                "Content-Type": "application/json",
                "User-Agent": f"CellEngine Python API Toolkit/{RELEASE} requests/{requests.__version__}",
            }
        )
        self.user_id = ""
        if username:
            body = {"username": username, "password": password} | ({"otp": otp} if otp else {})
            answer = self._request("POST", "signin", json=body).json()
            self.token, self.user_id = answer["token"], answer["userId"]
        else:
            self.token = token
            self.session.cookies.update({"token": token})

    # -- transport ----------------------------------------------------------------------------------------------------

    def _request(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        url = f"{self.base_url}/api/v1/{path}"
        response = self.session.request(method, url, timeout=120, **kwargs)
        if not response.ok:
            try:
                message = response.json() if method == "DELETE" else response.json()["error"]
            except (ValueError, KeyError) as error:
                message = repr(error)
            raise APIError(url, response.status_code, str(message))
        return response

    def get(self, path: str, **params: Any) -> Any:
        """JSON of a GET; parameters that are None are not sent."""
        return self._request("GET", path, params=params).json()

    def raw(self, path: str, **params: Any) -> bytes:
        """Bytes of a GET."""
        return self._request("GET", path, params=params).content

    def post(self, path: str, body: Any = None, **params: Any) -> Any:
        """JSON of a POST; an answer without a body is an error."""
        return self._request("POST", path, json=body, params=params).json()

    def patch(self, path: str, body: Any, **params: Any) -> Any:
        """JSON of a PATCH."""
        return self._request("PATCH", path, json=body, params=params).json()

    def delete(self, path: str) -> None:
        """A DELETE, whose answer is not looked at."""
        self._request("DELETE", path)

    def upload(self, path: str, filename: str, content: bytes) -> Any:
        """A form with the one part ``data``, its file name as raw UTF-8."""
        boundary = secrets.token_hex(16)
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="data"; filename="{filename}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return self._request("POST", path, data=body, headers=headers).json()

    def by_name(self, path: str, name: str, *, key: str = "name") -> dict[str, Any]:
        """The first item of the list with this name, which goes into the query without escaping."""
        found = self.get(path, query=f'and(eq({key},"{name}"),eq(deleted,null))', limit=2)
        assert isinstance(found, list)
        if not found:
            raise RuntimeError(f"Resource with the name '{name}' does not exist in this experiment.")
        if len(found) > 1:
            raise RuntimeError(f"More than one resource with the name '{name}'")
        item: dict[str, Any] = found[0]
        return item

    # -- experiments --------------------------------------------------------------------------------------------------

    @driven("APIClient.get_experiments")
    def get_experiments(self) -> list[dict[str, Any]]:
        """All."""
        return [read("experiment", item) for item in self.get("experiments")]

    @driven("APIClient.get_experiment")
    def get_experiment(self, _id: str = "", name: str = "") -> dict[str, Any]:
        """By id, or by name with one request."""
        return read("experiment", self.get(f"experiments/{_id}") if _id else self.by_name("experiments", name))

    @driven("Experiment.create")
    def create_experiment(self, name: str | None = None, **said: Any) -> dict[str, Any]:
        """Only what is truthy is sent."""
        body = {key: value for key, value in {"name": name, **said}.items() if value}
        return read("experiment", self.post("experiments", body))

    @driven("Experiment.update")
    def update_experiment(self, _id: str, **changes: Any) -> dict[str, Any]:
        """The changed properties."""
        return read("experiment", self.patch(f"experiments/{_id}", changes))

    @driven("Experiment.delete")
    def mark_deleted(self, _id: str) -> dict[str, Any]:
        """With a local time without a zone."""
        return self.update_experiment(_id, deleted=datetime.now(UTC).replace(tzinfo=None).isoformat())

    @driven("Experiment.undelete")
    def undelete_experiment(self, _id: str) -> dict[str, Any]:
        """Bring back."""
        return self.update_experiment(_id, deleted=None)

    @driven("APIClient.delete_experiment")
    def delete_experiment(self, _id: str) -> None:
        """Delete at the server."""
        self.delete(f"experiments/{_id}")

    @driven("Experiment.clone")
    def clone(self, _id: str, **props: Any) -> dict[str, Any]:
        """A copy."""
        return read("experiment", self.post(f"experiments/{_id}/clone", props))

    @driven("Experiment.save_revision")
    def save_revision(self, _id: str, description: str) -> dict[str, Any]:
        """Only two keys of the answer are read."""
        answer = self.post(f"experiments/{_id}/revision", {"description": description})
        return {"revisions": answer["revisions"], "deepUpdated": parse_time(answer["deepUpdated"])}

    @driven("Experiment.import_resources")
    def import_resources(
        self,
        _id: str,
        src: str,
        channel_map: Mapping[str, str],
        dst_population_id: str | None = None,
        **what: Any,
    ) -> Any:
        """Everything is imported unless said otherwise."""
        body = {
            "srcExperiment": src,
            "channelMap": dict(channel_map),
            "dstPopulationId": dst_population_id,
            "import": what or {"populations": True, "compensations": True},
        }
        return self.post(f"experiments/{_id}/importResources", body)

    # -- folders ------------------------------------------------------------------------------------------------------

    @driven("APIClient.get_folders")
    def get_folders(self) -> list[dict[str, Any]]:
        """All."""
        return [read("folder", item) for item in self.get("folders")]

    @driven("APIClient.get_folder")
    def get_folder(self, _id: str = "", name: str = "") -> dict[str, Any]:
        """By id or name."""
        return read("folder", self.get(f"folders/{_id}") if _id else self.by_name("folders", name))

    @driven("Folder.create")
    def create_folder(self, name: str, path: Sequence[str] | None = None) -> dict[str, Any]:
        """Make one."""
        return read("folder", self.post("folders", {"name": name} | ({"path": list(path)} if path is not None else {})))

    @driven("Folder.update")
    def update_folder(self, _id: str, **changes: Any) -> dict[str, Any]:
        """The changed properties."""
        return read("folder", self.patch(f"folders/{_id}", changes))

    @driven("Folder.undelete")
    def undelete_folder(self, _id: str) -> dict[str, Any]:
        """Bring back."""
        return self.update_folder(_id, deleted=None)

    @driven("Folder.delete")
    def delete_folder(self, _id: str) -> None:
        """Delete."""
        self.delete(f"folders/{_id}")

    # -- attachments --------------------------------------------------------------------------------------------------

    @driven("Experiment.attachments")
    def attachments(self, e: str) -> list[dict[str, Any]]:
        """All."""
        return [read("attachment", item) for item in self.get(f"experiments/{e}/attachments")]

    @driven("Experiment.get_attachment")
    def get_attachment(self, e: str, _id: str = "", name: str = "") -> dict[str, Any]:
        """By id there is a query, too, as a GET gives the bytes."""
        path = f"experiments/{e}/attachments"
        if name:
            return read("attachment", self.by_name(path, name, key="filename"))
        found = self.get(path, query=f'eq(_id,"{_id}")')
        if not found:
            raise RuntimeError("Attachment does not exist")
        return read("attachment", found[0])

    @driven("Experiment.upload_attachment")
    def upload_attachment(self, e: str, filename: str, content: bytes) -> dict[str, Any]:
        """Upload."""
        return read("attachment", self.upload(f"experiments/{e}/attachments", filename, content))

    @driven("Experiment.download_attachment")
    def download_attachment(self, e: str, _id: str = "", name: str = "") -> bytes:
        """Bytes."""
        path = f"experiments/{e}/attachments"
        return self.raw(f"{path}/{_id or self.by_name(path, name, key='filename')['_id']}")

    @driven("Attachment.update")
    def update_attachment(self, e: str, _id: str, **changes: Any) -> dict[str, Any]:
        """The changed properties."""
        return read("attachment", self.patch(f"experiments/{e}/attachments/{_id}", changes))

    @driven("Experiment.delete_attachment")
    def delete_attachment(self, e: str, _id: str) -> None:
        """Delete."""
        self.delete(f"experiments/{e}/attachments/{_id}")

    # -- things in an experiment --------------------------------------------------------------------------------------

    def things(self, e: str, kind: str) -> list[dict[str, Any]]:
        """All compensations, populations, gates, FCS files or scale sets of an experiment."""
        found = self.get(f"experiments/{e}/{kind}s")
        record(CLIENT, RELEASE, f"Experiment.{kind}s", "works")
        return [read(kind, item) for item in found]

    def thing(self, e: str, kind: str, _id: str = "", name: str = "") -> dict[str, Any]:
        """One of them by id; by name with a list request, and another one for files and populations."""
        path = f"experiments/{e}/{kind}s"
        if name:
            item = self.by_name(path, name, key="filename" if kind == "fcsfile" else "name")
            if kind not in ("fcsfile", "population"):
                return read(kind, item)
            _id = item["_id"]
        found = read(kind, self.get(f"{path}/{_id}"))
        record(CLIENT, RELEASE, f"Experiment.get_{kind}", "works")
        return found

    def update(self, e: str, kind: str, _id: str, **changes: Any) -> dict[str, Any]:
        """The changed properties of one of them."""
        found = read(kind, self.patch(f"experiments/{e}/{kind}s/{_id}", changes))
        record(CLIENT, RELEASE, f"{CLASSES[kind]}.update", "works")
        return found

    def remove(self, e: str, kind: str, _id: str) -> None:
        """Delete one of them."""
        self.delete(f"experiments/{e}/{kind}s/{_id}")
        record(CLIENT, RELEASE, f"{CLASSES[kind]}.delete", "works")

    @driven("Compensation.create")
    def create_compensation(
        self, e: str, name: str, channels: Sequence[str], matrix: Iterable[float]
    ) -> dict[str, Any]:
        """Make one."""
        body = {"name": name, "channels": list(channels), "spillMatrix": list(matrix)}
        return read("compensation", self.post(f"experiments/{e}/compensations", body))

    # -- FCS files ----------------------------------------------------------------------------------------------------

    @driven("Experiment.upload_fcs_file")
    def upload_fcs_file(self, e: str, filename: str, content: bytes) -> dict[str, Any]:
        """Upload."""
        return read("fcsfile", self.upload(f"experiments/{e}/fcsfiles", filename, content))

    @driven("FcsFile.create")
    def create_fcs_file(self, e: str, files: Any, filename: str | None = None, **options: Any) -> dict[str, Any]:
        """Copy, concatenate or subsample; only options that are truthy are sent."""
        body = {"fcsFiles": [files] if isinstance(files, str) else files, "filename": filename}
        body |= {key: value for key, value in options.items() if value}
        return read("fcsfile", self.post(f"experiments/{e}/fcsfiles", body))

    @driven("FcsFile.get_events")
    def get_events(self, e: str, _id: str, **params: Any) -> pd.DataFrame:
        """Events as FlowIO reads them; columns of two levels, ($PnN, $PnS)."""
        spelled = {key: str(value).lower() if isinstance(value, bool) else value for key, value in params.items()}
        data = flowio.FlowData(BytesIO(self.raw(f"experiments/{e}/fcsfiles/{_id}.fcs", **spelled)))
        events = np.reshape(np.array(data.events, dtype=np.float32), (-1, data.channel_count))
        labels = [(data.pnn_labels[i], data.pns_labels[i]) for i in range(data.channel_count)]
        return pd.DataFrame(events, columns=pd.MultiIndex.from_tuples(labels, names=["channel", "reagent"]))

    def header(self, e: str, _id: str) -> dict[str, str]:
        """The keywords, fetched where a list item had none."""
        found: dict[str, str] = json.loads(self.get(f"experiments/{e}/fcsfiles/{_id}")["header"])
        return found

    @driven("FcsFile.plot")
    def plot(self, e: str, file: str, x: str, y: str, kind: str, **options: Any) -> bytes:
        """A picture; ``zChannel`` is always the same as ``yChannel``."""
        params = {"fcsFileId": file, "xChannel": x, "yChannel": y, "zChannel": y, "plotType": kind, "compensation": 0}
        return self.raw(f"experiments/{e}/plot", **(params | options))

    # -- gates and populations ----------------------------------------------------------------------------------------

    def create_gate(
        self,
        e: str,
        type: str,
        channels: Sequence[str],
        model: Mapping[str, Any],
        *,
        create_population: bool = False,
        parent: str | None = None,
        **said: Any,
    ) -> Any:
        """One gate; the parent goes under a misspelt name, and range and split have no ``yChannel``."""
        body = {
            "experimentId": e,
            "fcsFileId": said.get("fcs_file_id"),
            "gid": said.get("gid", generate_id()),
            "model": {"locked": said.get("locked", False), **model},
            "tailoredPerFile": said.get("tailored", False),
            "type": type,
            "xChannel": channels[0],
        }
        body |= {key: said[key] for key in ("name", "names") if key in said}
        body |= {"yChannel": channels[1]} if len(channels) > 1 else {}
        params = {"createPopulation": str(create_population).lower(), "parentPopulationid": parent}
        answer = self._request("POST", f"experiments/{e}/gates", json=body, params=params).json()
        record(CLIENT, RELEASE, f"{type}.create", "works")
        if "population" in answer or "populations" in answer:
            assert create_population
            populations = answer.get("populations") or [answer["population"]]
            return read("gate", answer["gate"]), [read("population", item) for item in populations]
        return read("gate", answer)

    @driven("Gate.create_many")
    def create_gates(self, e: str, gates: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Many at once, with a parameter that means nothing."""
        found = self.post(f"experiments/{e}/gates", [dict(gate) for gate in gates], create_population="false")
        return [read("gate", gate) for gate in found]

    @driven("Gate.update_gate_family")
    def update_family(self, e: str, gid: str, **changes: Any) -> int:
        """All gates of a family."""
        n = self.patch(f"experiments/{e}/gates", changes, gid=gid)["nModified"]
        if n < 1:
            raise Warning("No gates updated.")
        return int(n)

    @driven("Experiment.delete_gate")
    def delete_family(self, e: str, gid: str, exclude: str = "") -> None:
        """A family; ``exclude`` ends up inside the gid."""
        self.delete(f"experiments/{e}/gates?gid={gid}" + (f"%25exclude={exclude}" if exclude else ""))

    @driven("Gate.apply_tailoring")
    def apply_tailoring(self, e: str, gate: Mapping[str, Any], file_ids: Sequence[str]) -> dict[str, Any]:
        """The whole gate as last received goes along."""
        body = {"gate": dict(gate), "fcsFileIds": list(file_ids)}
        answer = self.post(f"experiments/{e}/gates/applyTailored", body, gid=gate["gid"])
        return {key: answer[key] for key in ("inserted", "updated", "deleted")}

    @driven("Experiment.delete_all_gates_and_populations")
    def reset_gates(self, e: str) -> None:
        """A POST without a body, whose answer has to be JSON."""
        self.post(f"experiments/{e}/gates/reset")

    @driven("Experiment.create_population")
    def create_population(self, e: str, name: str, gates: Any, **said: Any) -> dict[str, Any]:
        """The tree goes as text."""
        body = {"name": name, "gates": gates if isinstance(gates, str) else json.dumps(gates), **said}
        return read("population", self.post(f"experiments/{e}/populations", body))

    # -- scales and statistics ----------------------------------------------------------------------------------------

    @driven("Experiment.get_scaleset")
    def scaleset(self, e: str) -> dict[str, Any]:
        """The one of the experiment."""
        (one,) = self.get(f"experiments/{e}/scalesets")
        return read("scaleset", one)

    @driven("ScaleSet.update")
    def update_scales(self, e: str, _id: str, scales: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The whole array is sent."""
        found: list[dict[str, Any]] = self.patch(f"experiments/{e}/scalesets/{_id}", {"scales": list(scales)})[
            "scaleSet"
        ]["scales"]
        return found

    @driven("Experiment.get_statistics")
    def get_statistics(self, e: str, statistics: Any, channels: Any, **said: Any) -> Any:
        """None values are left out; ``raw=True`` gives the response."""
        raw = said.pop("raw", False)
        body = {"statistics": statistics, "channels": channels, "annotations": True, "layout": "medium"}
        body |= {"format": "json", "populationIds": []} | said
        sent = {key: value for key, value in body.items() if value is not UNSET}
        response = self._request("POST", f"experiments/{e}/bulkstatistics", json=sent)
        return response if raw else response.json()
