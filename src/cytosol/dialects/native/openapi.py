"""The OpenAPI document: what the framework found out, and what it cannot know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from starlette.routing import BaseRoute

from cytosol.dialects.native.wire.common import Problem
from cytosol.dialects.native.wire.datasets import ColumnRequest
from cytosol.dialects.native.wire.work import EventRecord

_EXTRA: tuple[type[BaseModel], ...] = (Problem, ColumnRequest, EventRecord)
_OPEN = {"get_server", "set_up", "sign_in", "download", "check_download"}
_DESCRIPTION = (
    "Everything that the explorer and the Python client do. JSON in snake_case, ids are 24 hex digits, times RFC 3339. "
    "Lists come in pages: send `next` back as `cursor`. Changes say in `If-Match` which version they are made for. "
    "Errors are problem+json: `detail` is the sentence to show."
)


def make_document(routes: Sequence[BaseRoute], *, version: str) -> dict[str, Any]:
    """The whole document."""
    document = get_openapi(title="Cytosol", version=version, description=_DESCRIPTION, routes=routes)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for model in _EXTRA:
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": "cytosol_session"},
    }
    document["servers"] = [{"url": "."}]
    for path in document["paths"].values():
        for operation in path.values():
            operation["security"] = [] if operation["operationId"] in _OPEN else [{"token": []}, {"session": []}, {}]
    return document
