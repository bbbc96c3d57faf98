"""The OpenAPI description as tables for people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from crosslight.web.problems import MEDIA_TYPE

METHODS = ("get", "post", "put", "delete")


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One value that a request takes."""

    name: str
    where: str
    kind: str
    words: str
    required: bool


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one address."""

    method: str
    path: str
    words: str
    parameters: list[Parameter]
    answers: list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Group:
    """All operations on one kind of thing."""

    name: str
    operations: list[Operation] = field(default_factory=list)


def complete_openapi(schema: dict[str, Any]) -> dict[str, Any]:
    """Say in an OpenAPI description how errors look: as problem details, not as the framework's own."""
    components = schema.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        components.pop(name, None)
    for _, _, operation in _operations(schema):
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                answer["content"] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return schema


def describe_api(schema: dict[str, Any]) -> list[Group]:
    """Return the operations of an OpenAPI description by their tag."""
    groups: dict[str, Group] = {}
    for method, path, operation in _operations(schema):
        name = operation.get("tags", ["other"])[0]
        groups.setdefault(name, Group(name=name)).operations.append(_describe(schema, method, path, operation))
    return list(groups.values())


def _operations(schema: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(m, path, methods[m]) for path, methods in schema["paths"].items() for m in METHODS if m in methods]


def _describe(schema: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> Operation:
    parameters = [
        Parameter(
            name=p["name"], where=p["in"], kind=_kind(schema, p["schema"]), words=p.get("description", ""),
            required=p.get("required", False),
        )
        for p in operation.get("parameters", [])
    ]  # fmt: skip
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        body = _resolve(schema, content["schema"])
        where = "form" if "form" in media_type else "JSON"
        parameters += [
            Parameter(
                name=name, where=where, kind=_kind(schema, value), words=value.get("description", ""),
                required=name in body.get("required", ()),
            )
            for name, value in body.get("properties", {}).items()
        ]  # fmt: skip
    answers = [(s, a["description"]) for s, a in operation["responses"].items()]
    return Operation(
        method=method.upper(), path=path, words=operation.get("description", ""), parameters=parameters,
        answers=answers,
    )  # fmt: skip


def _resolve(schema: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    name = value.get("$ref", "").rpartition("/")[2]
    return dict(schema["components"]["schemas"][name]) if name else value


def _kind(schema: dict[str, Any], value: dict[str, Any]) -> str:
    """Return a type in words, such as "number 0 to 180, 30 if left out"."""
    value = {**value, **_resolve(schema, value)}
    options = [v for v in value.get("anyOf", []) if v.get("type") != "null"]
    inner = _resolve(schema, options[0]) if options else value
    words = str(inner.get("type", "value"))
    if words == "array":
        words = f"several {_kind(schema, inner['items'])}"
    elif inner.get("contentMediaType") or inner.get("format") == "binary":
        words = "file"
    elif "enum" in inner:
        words = ", ".join(map(str, inner["enum"]))
    if "minimum" in inner and "maximum" in inner:
        words += f" {inner['minimum']:g} to {inner['maximum']:g}"
    default = value.get("default")
    return words if default in (None, "") else f"{words}, {default} if left out"
