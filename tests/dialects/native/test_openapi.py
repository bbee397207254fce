"""The OpenAPI document and its page."""

from __future__ import annotations

import re
from typing import Any

from fastapi.openapi.models import OpenAPI

from tests.dialects.native.world import World

JSON = "application/json"


async def document_of(world: World) -> dict[str, Any]:
    response = await world.client().get("openapi.json")
    assert response.status_code == 200
    document: dict[str, Any] = response.json()
    return document


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, found) for path, all_ in document["paths"].items() for method, found in all_.items()]


async def test_the_document_is_valid_and_its_references_lead_somewhere(world: World) -> None:
    document = await document_of(world)
    OpenAPI.model_validate(document)
    text = str(document)
    schemas = document["components"]["schemas"]
    references = set(re.findall(r"'\$ref': '([^']+)'", text))
    assert len(references) > 30
    assert {ref for ref in references if ref.removeprefix("#/components/schemas/") not in schemas} == set()


async def test_every_operation_says_what_it_does_and_how_it_fails(world: World) -> None:
    document = await document_of(world)
    found = operations(document)
    assert len(found) > 80
    for path, method, operation in found:
        place = f"{method} {path}"
        assert len(operation["summary"]) > 5, place
        problem = operation["responses"]["default"]["content"]["application/problem+json"]
        assert problem["schema"] == {"$ref": "#/components/schemas/Problem"}, place
        good = [status for status in operation["responses"] if status.startswith("2")]
        assert len(good) == 1, place
        if good != ["204"]:
            assert operation["responses"][good[0]].get("content"), place
    names = [operation["operationId"] for _, _, operation in found]
    assert len(set(names)) == len(names)


async def test_requests_refuse_unknown_keys_and_changes_ask_for_a_version(world: World) -> None:
    document = await document_of(world)
    schemas = document["components"]["schemas"]
    for path, method, operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {}).get(JSON)
        if content and not isinstance(content["schema"].get("additionalProperties"), dict):  # a map knows every key
            schema = content["schema"]
            ref = schema.get("$ref") or next(part["$ref"] for part in schema["anyOf"] if "$ref" in part)
            assert schemas[ref.rpartition("/")[2]]["additionalProperties"] is False, f"{method} {path}"
        headers = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "header"}
        assert ("Idempotency-Key" in headers) == (method == "post")
        if method == "patch":
            assert "If-Match" in headers, path


async def test_answers_are_as_the_document_says(world: World) -> None:
    """The handlers spell their JSON themselves: its keys have to be those of the document."""
    ada = world["ada"]
    study = (await ada.post("studies", json={"name": "Blood"})).json()
    folder = (await ada.post("folders", json={"name": "All"})).json()
    await ada.post(f"studies/{study['id']}/samples", json={"name": "donor 1"})
    await ada.post(f"studies/{study['id']}/attributes", json={"name": "dose"})
    upload = (await ada.post("uploads", json={"name": "a.tsv", "size": 3})).json()
    group = (await ada.post("groups", json={"name": "Lab"})).json()
    await ada.post("tokens", json={"name": "t"})
    schemas = (await document_of(world))["components"]["schemas"]

    def check(value: Any, name: str) -> None:
        assert set(value) == set(schemas[name]["properties"]), name

    check(study, "StudyRecord")
    check(folder, "FolderRecord")
    check(upload, "UploadRecord")
    check(group, "GroupRecord")
    check((await ada.get("server")).json(), "ServerRecord")
    check((await ada.get("session")).json()["user"], "UserRecord")
    table = (await ada.get(f"studies/{study['id']}/samples")).json()
    check(table["samples"][0], "SampleRecord")
    check(table["attributes"][0], "AttributeRecord")
    for path, name in (
        (f"studies/{study['id']}/revisions", "RevisionRecord"),
        (f"groups/{group['id']}/members", "MemberRecord"),
        ("tokens", "TokenRecord"),
        ("formats", "FormatRecord"),
        ("analyses", "AnalysisRecord"),
        ("cell-type-references", "TypingReferenceRecord"),
    ):
        page = (await ada.get(path)).json()
        assert set(page) == {"items", "next"}
        check(page["items"][0], name)
    check((await world["root"].get("audit")).json()["items"][0], "AuditRecord")
    parameters = [p for a in (await ada.get("analyses")).json()["items"] for p in a["parameters"]]
    check(parameters[0], "ParameterRecord")


async def test_the_page_shows_every_operation_and_loads_nothing(world: World) -> None:
    response = await world.client().get("docs")
    assert response.status_code == 200
    assert response.headers["content-security-policy"].startswith("default-src 'none'")
    page = response.text
    assert re.search(r"(src|href)=['\"](https?:)?//", page) is None
    assert "<script" not in page
    for path, _, operation in operations(await document_of(world)):
        assert f"id='{operation['operationId']}'" in page
        assert path in page
