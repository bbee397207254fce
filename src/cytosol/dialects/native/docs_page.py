"""The API's documents as one plain page, made from the OpenAPI document; loads nothing from elsewhere."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import orjson

_STYLE = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font: 13px/1.45 ui-monospace, monospace; }
h2 { margin: 2.5rem 0 .5rem; border-bottom: 1px solid var(--line); }
details { border: 1px solid var(--line); border-radius: 6px; margin: .4rem 0; padding: .45rem .7rem; }
summary { cursor: pointer; } summary b { display: inline-block; width: 4.2rem; font-weight: 600; }
summary span { opacity: .75; margin-left: .6rem; }
table { border-collapse: collapse; } td, th { padding: .15rem .9rem .15rem 0; text-align: left; vertical-align: top; }
pre { background: color-mix(in srgb, currentColor 6%, transparent); padding: .6rem; overflow: auto; }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def docs_page(document: Mapping[str, Any]) -> str:
    """The page."""
    groups: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            tag = (operation.get("tags") or ["Other"])[0]
            groups.setdefault(tag, []).append(_operation(method, path, operation))
    body = "".join(f"<h2>{_text(tag)}</h2>{''.join(parts)}" for tag, parts in groups.items())
    models = "".join(
        f"<details id='{_text(name)}'><summary><code>{_text(name)}</code></summary>{_schema(schema)}</details>"
        for name, schema in sorted(document["components"]["schemas"].items())
    )
    info = document["info"]
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'>"
        f"<title>{_text(info['title'])} API</title><style>{_STYLE}</style></head><body>"
        f"<h1>{_text(info['title'])} API {_text(info['version'])}</h1><p>{_text(info['description'])}</p>"
        "<p>For programs: <a href='openapi.json'>openapi.json</a></p>"
        f"{body}<h2>Records</h2>{models}</body></html>"
    )


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{_text(p['name'])}</code></td><td>{_text(p['in'])}</td>"
        f"<td>{'required' if p.get('required') else ''}</td><td>{_text(_kind(p.get('schema', {})))}</td>"
        f"<td>{_text(p.get('description', ''))}</td></tr>"
        for p in operation.get("parameters", ())
    )
    parts = [f"<p>{_text(operation.get('description', ''))}</p>" if operation.get("description") else ""]
    if rows:
        parts.append(f"<table>{rows}</table>")
    sent = operation.get("requestBody", {}).get("content", {})
    parts += [f"<p>Sends {_link(media, content)}</p>" for media, content in sent.items()]
    for status, response in operation["responses"].items():
        if status != "default":
            got = ", ".join(_link(media, content) for media, content in response.get("content", {}).items())
            parts.append(f"<p>{_text(status)}: {got or 'nothing'}</p>")
    return (
        f"<details id='{_text(operation['operationId'])}'><summary><b>{method.upper()}</b>"
        f"<code>{_text(path)}</code><span>{_text(operation['summary'])}</span></summary>{''.join(parts)}</details>"
    )


def _link(media: str, content: Mapping[str, Any]) -> str:
    ref = content.get("schema", {}).get("$ref", "")
    name = ref.rpartition("/")[2]
    plain = f"<code>{_text(media)}</code>"
    return f"<a href='#{_text(name)}'>{_text(name)}</a>" if name else plain


def _kind(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_kind(part) for part in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    return str(schema.get("type", ""))


def _schema(schema: Mapping[str, Any]) -> str:
    return f"<pre>{_text(orjson.dumps(schema, option=orjson.OPT_INDENT_2).decode())}</pre>"


def _text(text: str) -> str:
    return html.escape(str(text), quote=True)
