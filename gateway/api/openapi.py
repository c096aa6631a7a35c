"""The API's document, OpenAPI 3.1, from the operations that serve it and their models. Pure.

Everything in it comes from an `Operation`, a model or the table of errors; nothing is written by hand but what the API
is as a whole.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway.api.operation import KEYED, Access, Operation
from gateway.api.requests import IDEMPOTENCY_KEY_CHARS_MAX
from gateway.api.responses import REPLAY, Answer
from gateway.api.shapes import Refusal
from gateway.auth import COOKIE
from gateway.errors import ERRORS

Json: TypeAlias = dict[str, Any]
Mode: TypeAlias = Literal["validation", "serialization"]

VERSION = "1.0.0"
"""The API's, by semantic versioning: new fields, codes and operations are minor."""
DESCRIPTION = """\
Numbers bought for a code, or rented. A purchase is answered as soon as there is a number; what happens afterwards
comes over the realtime transports, with one cursor for all three.

- Money is decimal strings, times are UTC with milliseconds, ids are UUIDs. New fields may come: bear with them.
- Lists are newest first. `next` of a page is the `before` of the one that follows, null on the last.
- A GET takes the parameters told here, and `access_token`; any other name is 400 `BAD_REQUEST`, with those expected.
- A repeated POST: each operation says what it does. With an `Idempotency-Key` it does nothing, and another request with
  the key is refused; where it would buy twice, send one.
- Every refusal has the same shape. Act on `error_code`; tell `request_id` when you report a fault.
"""
WAITING = {"EARLY_CANCEL_DENIED", "KEY_IN_USE"}
"""Refusals of 409 that say when to come again."""
KEPT = "With an Idempotency-Key a repeat does nothing and is given the first answer, for a day."
HEADERS = {
    "X-Request-Id": "The request's own, if it sent a sane one (letters, digits and `._~:+/=-`, 128 at most), or ours.",
    "Location": "The order's address.",
    "Idempotent-Replay": "`true`: this is the answer to a request sent before with the same Idempotency-Key.",
    "ETag": "Names this content: send it as `If-None-Match`.",
    "RateLimit-Policy": "How many requests (`q`) in how many seconds (`w`), of one user and of one address.",
    "RateLimit": "How many are left (`r`), and in how many seconds all will be again (`t`).",
    "Retry-After": "Seconds.",
    "WWW-Authenticate": "`Bearer`.",
}
PARAMETERS = {
    "Idempotency-Key": {
        "description": "Chosen by the client, another for each request that is meant.",
        "schema": {"type": "string", "minLength": 1, "maxLength": IDEMPOTENCY_KEY_CHARS_MAX, "pattern": "^[ -~]+$"},
    },
    "If-None-Match": {"description": "An `ETag` had before.", "schema": {"type": "string"}},
}
SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "`sub` is the user's uuid."},
    "query": {
        "type": "apiKey",
        "in": "query",
        "name": "access_token",
        "description": "For clients that cannot set a header. Addresses end up in logs: prefer tickets.",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "From the gateway's own pages only: what changes something needs their `Origin`.",
    },
    "ticket": {"type": "apiKey", "in": "query", "name": "ticket", "description": "Opens one connection."},
}


def document(operations: Sequence[Operation], title: str = "OneSMS") -> Json:
    """The document of these operations."""
    answers = [answer.model for each in operations for answer in each.gives.values() if answer.model is not None]
    bodies = [each.body for each in operations if each.body is not None]
    refused = _refused(operations)
    paths: Json = {}
    for each in operations:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each, refused)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": VERSION, "description": DESCRIPTION, "license": {"name": "MIT"}},
        "paths": paths,
        "components": {
            "schemas": {**_schemas(bodies, "validation"), **_opened(_schemas([*answers, Refusal], "serialization"))},
            "responses": {name: _refusal(status, codes) for (status, codes), name in refused.items()},
            "headers": {
                name: {"description": text, "schema": {"type": "string"}} for name, text in sorted(HEADERS.items())
            },
            "securitySchemes": SECURITY,
        },
        "x-error-codes": {code: {"status": error.status, "meaning": error.meaning} for code, error in ERRORS.items()},
    }


def _operation(each: Operation, refused: dict[tuple[int, tuple[str, ...]], str]) -> Json:
    told = [each.description, f"Who may: {each.access.value}"]
    if each.repeat is not None:
        told.append(f"Sent again: {each.repeat}")
    if each.keeps and each.repeat != KEYED:
        told.append(KEPT)
    described: Json = {
        "operationId": each.name,
        "tags": [each.tag],
        "summary": each.summary,
        "description": "\n\n".join(text for text in told if text),
        "security": [{name: []} for name in _security(each)],
    }
    if parameters := list(_parameters(each)):
        described["parameters"] = parameters
    if each.body is not None:
        described["requestBody"] = {
            "required": any(field.is_required() for field in each.body.model_fields.values()),
            "content": {"application/json": {"schema": _ref(each.body)}},
        }
    responses = {str(status): _answer(answer, each) for status, answer in each.gives.items()}
    for status, codes in _by_status(each):
        responses.setdefault(str(status), {"$ref": f"#/components/responses/{refused[status, codes]}"})
    described["responses"] = dict(sorted(responses.items()))
    return described


def _security(each: Operation) -> Sequence[str]:
    if each.access in (Access.PUBLIC, Access.PROVIDER):
        return ()
    return (*(["ticket"] if "TICKET_INVALID" in each.refuses else []), "bearer", "query", "cookie")


def _parameters(each: Operation) -> Iterator[Json]:
    for name in (part[1:-1] for part in each.path.split("/") if part.startswith("{")):
        schema = {"type": "string", **({"format": "uuid"} if name.endswith("_id") else {})}
        yield {"name": name, "in": "path", "required": True, "schema": schema}
    if each.query is not None:
        whole = each.query.model_json_schema(by_alias=True)
        for name, schema in whole["properties"].items():
            if name != "ticket":  # a security scheme
                yield _query_parameter(name, schema, is_required=name in whole.get("required", ()))
    for name, is_taken in (
        ("Idempotency-Key", each.keeps or each.repeat == KEYED),
        ("If-None-Match", 304 in each.gives),
    ):
        if is_taken:
            yield {"name": name, "in": "header", "required": False, **PARAMETERS[name]}


def _query_parameter(name: str, schema: Json, *, is_required: bool) -> Json:
    said = {key: value for key, value in schema.items() if key not in ("title", "description")}
    # Left out is what null means in a query, and an empty list what nobody sends.
    wanted = [kind for kind in said.pop("anyOf", [said]) if kind.get("type") != "null"]
    kind = {**said, **wanted[0]}
    if kind.get("default", ...) in (None, []):
        del kind["default"]
    parameter = {"name": name, "in": "query", "required": is_required, "schema": kind}
    told = schema.get("description") or kind.pop("description", None)
    kind.pop("description", None)
    return {**parameter, "description": told} if told else parameter


def _answer(answer: Answer, each: Operation) -> Json:
    replay = [REPLAY] if each.keeps and REPLAY not in answer.headers else []
    names = ["X-Request-Id", *answer.headers, *replay, *(["RateLimit-Policy", "RateLimit"] if each.is_limited else [])]
    described: Json = {"description": answer.meaning, "headers": _header_refs(names)}
    if answer.model is not None:
        described["content"] = {"application/json": {"schema": _ref(answer.model)}}
    elif answer.media_type:
        described["content"] = {answer.media_type: {"schema": {"type": "string"}}}
    return described


def _by_status(each: Operation) -> Iterator[tuple[int, tuple[str, ...]]]:
    codes = sorted(each.refuses, key=lambda code: (ERRORS[code].status, code))
    for status, group in groupby(codes, key=lambda code: ERRORS[code].status):
        yield status, tuple(group)


def _refused(operations: Sequence[Operation]) -> dict[tuple[int, tuple[str, ...]], str]:
    """A name for each status with the codes that an operation refuses with: many share them."""
    names: dict[tuple[int, tuple[str, ...]], str] = {}
    for each in operations:
        for key in _by_status(each):
            count = sum(status == key[0] for status, _ in names)
            names.setdefault(key, f"Refused{key[0]}" + (f"_{count + 1}" if count else ""))
    return names


def _refusal(status: int, codes: tuple[str, ...]) -> Json:
    names = ["X-Request-Id", *(["Retry-After"] if status in (429, 503) or WAITING & set(codes) else [])]
    names += ["RateLimit-Policy", "RateLimit"] if "TOO_MANY_REQUESTS" in codes else []
    names += ["WWW-Authenticate"] if status == 401 else []
    return {
        "description": " ".join(f"`{code}`: {ERRORS[code].meaning}" for code in codes),
        "headers": _header_refs(names),
        "content": {
            "application/json": {
                "schema": {"allOf": [_ref(Refusal), {"properties": {"error_code": {"enum": list(codes)}}}]}
            }
        },
    }


def _header_refs(names: Sequence[str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _ref(model: type[BaseModel]) -> Json:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _schemas(models: Sequence[type[BaseModel]], mode: Mode) -> Json:
    _, found = models_json_schema(
        [(model, mode) for model in dict.fromkeys(models)], ref_template="#/components/schemas/{model}"
    )
    schemas: Json = found["$defs"]
    return schemas


def _opened(schema: Any) -> Any:
    """The same for clients, who must bear new names."""
    if isinstance(schema, dict):
        return {
            key: _opened(value)
            for key, value in schema.items()
            if not (key == "additionalProperties" and value is False)
        }
    return [_opened(item) for item in schema] if isinstance(schema, list) else schema
