"""The page that explains the API, drawn from its OpenAPI document: no script, nothing from elsewhere."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase

SHOWN = ("get", "post", "delete")


@dataclass(frozen=True)
class Named:
    """A parameter, or a field of a schema."""

    name: str
    kind: str
    required: bool
    description: str
    example: str = ""
    place: str = ""


@dataclass(frozen=True)
class Endpoint:
    id: str
    method: str
    path: str
    tag: str
    summary: str
    description: str
    parameters: list[Named]
    body: list[Named]
    example: str
    answers: list[tuple[str, str, str]]
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
            "document": document,
            "endpoints": endpoints,
            "schemas": [
                (name, schema.get("description", ""), _fields(schema))
                for name, schema in sorted(schemas.items())
                if "properties" in schema
            ],
            "events": [
                (name, data.get("description", ""), _fields(data))
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
        description=told.get("description", ""),
        parameters=[
            Named(
                one["name"],
                _kind(one["schema"]),
                one["required"],
                one.get("description", ""),
                place=one["in"],
            )
            for one in told["parameters"]
        ],
        body=fields,
        example=json.dumps(example, indent=2, ensure_ascii=False) if example else "",
        answers=[
            (str(status), one.get("description", ""), _answer(one))
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
            name in required,
            one.get("description", ""),
            json.dumps(one["examples"][0], ensure_ascii=False) if one.get("examples") else "",
        )
        for name, one in schema.get("properties", {}).items()
    ]


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
