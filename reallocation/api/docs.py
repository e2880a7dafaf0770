"""The page that explains the API, drawn from its OpenAPI document: no script, nothing from elsewhere."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase

SHOWN = ("get", "post", "delete")


@dataclass(frozen=True)
class Named:
    """A parameter, or a field of a schema."""

    name: str
    kind: str
    schema: str
    """The name of the schema that the kind is made of, if it is."""
    required: bool
    description: SafeString
    example: str = ""
    place: str = ""


@dataclass(frozen=True)
class Endpoint:
    id: str
    method: str
    path: str
    tag: str
    summary: str
    description: list[SafeString]
    parameters: list[Named]
    body: list[Named]
    example: str
    answers: list[tuple[str, SafeString, str]]
    """Status, meaning, name of the schema."""


class Reference(DocsBase):
    """Every endpoint and every schema, as plain tables."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        document = api.get_openapi_schema(path_params=kwargs)
        schemas: dict[str, Any] = document["components"]["schemas"]
        endpoints = [
            _endpoint(method, path, told, schemas)
            for path, methods in document["paths"].items()
            for method, told in methods.items()
            if method in SHOWN
        ]
        context = {
            "description": _paragraphs(document["info"]["description"]),
            "groups": [(tag, [*those]) for tag, those in groupby(endpoints, lambda one: one.tag)],
            "endpoints": endpoints,
            "schemas": [
                (
                    name,
                    _paragraphs(schema.get("description", "")),
                    _fields(schema),
                    schema.get("enum", []),
                )
                for name, schema in sorted(schemas.items())
            ],
            "events": [
                (name, _paragraphs(data.get("description", "")), _fields(data))
                for name, one in document["webhooks"].items()
                for data in [_content(one["post"]["requestBody"])["properties"]["data"]]
            ],
        }
        return render(request, "reallocation/api.html", context)


def _endpoint(method: str, path: str, told: dict[str, Any], schemas: dict[str, Any]) -> Endpoint:
    body = schemas.get(_kind(_content(told.get("requestBody", {}))), {})
    fields = _fields(body)
    example = {field.name: json.loads(field.example) for field in fields if field.example}
    return Endpoint(
        id=told["operationId"],
        method=method.upper(),
        path=path,
        tag=told.get("tags", [""])[0],
        summary=told["summary"],
        description=_paragraphs(told.get("description", "")),
        parameters=[
            Named(
                one["name"],
                _kind(one["schema"]),
                _schema(one["schema"]),
                one["required"],
                _worded(one.get("description", "")),
                place=one["in"],
            )
            for one in told["parameters"]
        ],
        body=fields,
        example=json.dumps(example, indent=2, ensure_ascii=False) if example else "",
        answers=[
            (str(status), _worded(one.get("description", "")), _answer(one))
            for status, one in sorted(told["responses"].items(), key=lambda item: int(item[0]))
        ],
    )


def _answer(told: dict[str, Any]) -> str:
    return _kind(_content(told))


def _content(told: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = told.get("content", {}).get("application/json", {}).get("schema", {})
    return found


def _fields(schema: dict[str, Any]) -> list[Named]:
    required = schema.get("required", [])
    return [
        Named(
            name,
            _kind(one),
            _schema(one),
            name in required,
            _worded(one.get("description", "")),
            json.dumps(one["examples"][0], ensure_ascii=False) if one.get("examples") else "",
        )
        for name, one in schema.get("properties", {}).items()
    ]


def _worded(text: str) -> SafeString:
    """What stands between backticks is code."""
    parts = enumerate(text.split("`"))
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", one) if n % 2 else one,) for n, one in parts)
    )


def _paragraphs(text: str) -> list[SafeString]:
    """Without the line breaks of the source."""
    return [_worded(" ".join(one.split())) for one in text.split("\n\n") if one]


def _schema(schema: dict[str, Any]) -> str:
    """The schema to which this one refers, somewhere in it."""
    if "$ref" in schema:
        return _kind(schema)
    inside = [*schema.get("anyOf", []), *schema.get("allOf", []), schema.get("items", {})]
    return next((name for one in inside if one and (name := _schema(one))), "")


def _kind(schema: dict[str, Any]) -> str:
    """The type of a value in a few letters: `CaseOut`, `string (uuid)`, `[StepOut]`, `… or null`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    for several in ("anyOf", "allOf", "oneOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(_kind(one) for one in schema[several]))
    if schema.get("type") == "array":
        return f"[{_kind(schema.get('items', {}))}]"
    if "enum" in schema:
        return ", ".join(str(one) for one in schema["enum"])
    kind = str(schema.get("type", ""))
    return f"{kind} ({schema['format']})" if "format" in schema else kind
