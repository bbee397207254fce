"""Requests to one server: credentials, errors, retries of reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import orjson

from cytosol.base.keys import new_key
from cytosol.sdk.arrow import Column, read_columns
from cytosol.sdk.problems import error_of, unreachable

_READ_TRIES = 3
_JSON = "application/json"


class Http:
    """Speaks to one server.

    Parameters
    ----------
    url : address of the server, with the path under which it is served
    token : a token of this server, or "" to sign in with e-mail and password
    timeout_s : seconds to wait for an answer to begin
    """

    def __init__(
        self, url: str, token: str = "", *, timeout_s: float = 120.0, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.url = url.rstrip("/")
        headers = {"x-cytosol": "1"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        self._client = httpx.Client(
            base_url=f"{self.url}/api/v1/", headers=headers, timeout=timeout_s, transport=transport
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def get(self, path: str, **query: Any) -> Any:
        """A JSON answer; parameters that are None are left out."""
        return orjson.loads(self._send("GET", path, params=_given(query)))

    def get_bytes(self, path: str, **query: Any) -> bytes:
        """An answer as it is."""
        return self._send("GET", path, params=_given(query))

    def get_columns(self, path: str, **query: Any) -> dict[str, Column]:
        """An Arrow answer."""
        return read_columns(self._send("GET", path, params=_given(query)))

    def pages(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """All items of a list, page by page."""
        cursor: str | None = None
        while True:
            page = self.get(path, cursor=cursor, **query)
            yield from page["items"]
            cursor = page.get("next")
            if not cursor:
                return

    def post(self, path: str, body: Any = None, **query: Any) -> Any:
        """Send JSON; repeated safely by an idempotency key when the connection fails before the answer."""
        headers = {"idempotency-key": new_key().hex24, "content-type": _JSON}
        content = orjson.dumps(body if body is not None else {}, option=orjson.OPT_SERIALIZE_NUMPY)
        return _parsed(self._send("POST", path, params=_given(query), content=content, headers=headers))

    def post_columns(self, path: str, body: Any) -> dict[str, Column]:
        """An Arrow answer to a question in JSON."""
        content = orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
        return read_columns(self._send("POST", path, content=content, headers={"content-type": _JSON}))

    def ask_bytes(self, path: str, body: Any) -> bytes:
        """An answer as it is, to a question in JSON."""
        return self._send("POST", path, content=orjson.dumps(body), headers={"content-type": _JSON})

    def post_bytes(self, path: str, body: bytes, content_type: str, **query: Any) -> Any:
        """Send bytes as the body."""
        headers = {"content-type": content_type}
        return _parsed(self._send("POST", path, params=_given(query), content=body, headers=headers))

    def change(self, method: str, path: str, body: Any = None, *, version: int | None = None, **query: Any) -> Any:
        """PATCH, PUT or DELETE a record of a known version."""
        headers = {"content-type": _JSON}
        if version is not None:
            headers["if-match"] = f'"{version}"'
        content = orjson.dumps(body) if body is not None else None
        return _parsed(self._send(method, path, params=_given(query), content=content, headers=headers))

    def put_bytes(self, path: str, body: bytes, headers: Mapping[str, str], **query: Any) -> Any:
        """Send bytes as the body of a PUT."""
        return _parsed(self._send("PUT", path, params=_given(query), content=body, headers=dict(headers)))

    def stream(self, path: str) -> Iterator[tuple[int, bytes]]:
        """The pieces of a download, each with the length of the whole (0 where the server does not say)."""
        url = path if "://" in path else f"{self.url}/{path.lstrip('/')}"
        try:
            with self._client.stream("GET", url) as response:
                if response.status_code >= 400:
                    raise error_of(response, response.read())
                total = int(response.headers.get("content-length", 0))
                for piece in response.iter_bytes(1 << 20):
                    yield total, piece
        except httpx.TransportError as error:
            raise unreachable(self.url, error) from error

    def _send(self, method: str, path: str, **options: Any) -> bytes:
        tries = _READ_TRIES if method == "GET" else 1
        while True:
            tries -= 1
            try:
                response = self._client.request(method, path, **options)
            except httpx.TransportError as error:
                if tries > 0:
                    continue
                raise unreachable(self.url, error) from error
            if response.status_code >= 400:
                raise error_of(response, response.content)
            return response.content


def _given(query: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value is not None}


def _parsed(body: bytes) -> Any:
    return orjson.loads(body) if body else None
