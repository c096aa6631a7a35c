"""Reading requests: bodies and queries as checked models, ids of a path, keys. Every fault is an ApiError."""

import json
import re
from typing import Annotated, TypeVar, get_origin
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ValidationError
from starlette.requests import ClientDisconnect, Request

from gateway.api.faults import told
from gateway.errors import ApiError
from gateway.request_ids import SCOPE

ModelT = TypeVar("ModelT", bound=BaseModel)


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("expected text without the character U+0000")
    return text


Text = Annotated[str, AfterValidator(_storable)]
"""What PostgreSQL takes as text: anything but NUL."""

_SUM = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,2})?")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


def _sum(value: object) -> object:
    """Of what Python takes for a number only what anybody reads as that sum."""
    if isinstance(value, str) and not _SUM.fullmatch(value):
        raise ValueError("expected a sum of money in digits, with at most two decimals, as 5.00")
    return value


SUM = BeforeValidator(_sum)
IDEMPOTENCY_KEY_CHARS_MAX = 200


async def bytes_of(request: Request, bytes_max: int) -> bytes:
    """The body, of at most so many bytes. Raises 400 and 413."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > bytes_max:
                raise ApiError("BODY_TOO_LARGE", f"expected at most {bytes_max} bytes of body")
    except ClientDisconnect:
        raise ApiError("BAD_REQUEST", "the body ended early") from None  # nobody is left to read this
    return bytes(body)


async def body_of(request: Request, model: type[ModelT], bytes_max: int) -> ModelT:
    """The JSON body as `model`, whatever its Content-Type. Raises 400, 413, 415 or 422 saying what was expected."""
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise ApiError("BODY_ENCODED", "Content-Encoding: expected a body as it is")
    body = await bytes_of(request, bytes_max)
    try:
        read = model.model_validate_json(body or b"{}")
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        if faults[0]["type"] in ("json_invalid", "model_type") and not faults[0]["loc"]:
            raise ApiError("INVALID_JSON", "expected a JSON object as body") from None
        raise ApiError("INVALID_ARGUMENT", told(error, model, "body")) from None
    try:
        json.loads(body or b"{}", object_pairs_hook=_named_once)  # it is sound by now, and no deeper than the model
    except ValueError:
        raise ApiError("INVALID_JSON", "expected each name in an object once") from None
    return read


def _named_once(pairs: list[tuple[str, object]]) -> None:
    """Who checks a body on the way may read the first of two, where we would read the last (RFC 8259 section 4)."""
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError(pairs)


def names_of(model: type[BaseModel] | None) -> list[str]:
    """The names that a query may bear."""
    return [] if model is None else [field.alias or name for name, field in model.model_fields.items()]


def query_of(request: Request, model: type[ModelT]) -> ModelT:
    """The address's query as `model`. Raises 400 saying what was expected.

    A name stands there once, unless a list is wanted.
    """
    params = request.query_params
    said: dict[str, object] = {}
    for name, field in zip(names_of(model), model.model_fields.values(), strict=True):
        if given := params.getlist(name):
            takes_many = get_origin(field.annotation) is list
            if len(given) > 1 and not takes_many:
                raise ApiError("BAD_REQUEST", f"{name}: expected it once")
            said[name] = given if takes_many else given[0]
    try:
        return model.model_validate(said)
    except ValidationError as error:
        raise ApiError("BAD_REQUEST", told(error, model, "query")) from None


def idempotency_key_of(request: Request) -> str | None:
    """The `Idempotency-Key` header, if any."""
    keys: list[str] = request.headers.getlist("idempotency-key")
    if not keys:
        return None
    key = keys[0]
    if len(keys) > 1 or not (0 < len(key) <= IDEMPOTENCY_KEY_CHARS_MAX and key.isascii() and key.isprintable()):
        raise ApiError(
            "BAD_REQUEST",
            f"Idempotency-Key: expected one, of 1 to {IDEMPOTENCY_KEY_CHARS_MAX} printable ASCII characters",
        )
    return key


def request_id_of_call(request: Request) -> str:
    """The id its answer, and what is logged meanwhile, bear."""
    request_id: str = request.scope[SCOPE]
    return request_id


def uuid_of(text: str, kind: str) -> UUID:
    """An id from the path; one that is no uuid names no order of this kind."""
    if not _UUID.fullmatch(text):
        raise ApiError("UNKNOWN_ORDER", f"no {kind} {text[:50]}")
    return UUID(text)
