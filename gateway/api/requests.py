"""Reading requests: bodies and queries as checked models, ids of a path, keys. Every fault is an ApiError."""

from typing import Annotated, TypeVar, get_origin
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from gateway.errors import ApiError
from gateway.services import Services

ModelT = TypeVar("ModelT", bound=BaseModel)


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("expected text without the character U+0000")
    return text


Text = Annotated[str, AfterValidator(_storable)]
"""What PostgreSQL takes as text: anything but NUL."""

IDEMPOTENCY_KEY_CHARS_MAX = 200


async def bytes_of(request: Request, bytes_max: int) -> bytes:
    """The body, of at most so many bytes. Raises 400 and 413."""
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > bytes_max:
                raise ApiError("BODY_TOO_LARGE", f"expected at most {bytes_max} bytes of body")
    except ClientDisconnect:
        raise ApiError("BAD_REQUEST", "the body ended early") from None  # nobody is left to read this
    return body


async def body_of(request: Request, model: type[ModelT]) -> ModelT:
    """The JSON body as `model`. Raises 400, 413 or 422 saying what was expected."""
    services: Services = request.state.services
    body = await bytes_of(request, services.settings.body_bytes_max)
    try:
        return model.model_validate_json(body or b"{}")
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        if faults[0]["type"] in ("json_invalid", "model_type") and not faults[0]["loc"]:
            raise ApiError("INVALID_JSON", "expected a JSON object as body") from None
        raise ApiError("INVALID_ARGUMENT", _told(error, "body")) from None


def query_of(request: Request, model: type[ModelT]) -> ModelT:
    """The address's query as `model`: of a name that stands there twice the last, unless a list is wanted.

    Names it does not know are others'. Raises 400 saying what was expected.
    """
    params = request.query_params
    said: dict[str, object] = {}
    for field_name, field in model.model_fields.items():
        name = field.alias or field_name
        if given := params.getlist(name):
            said[name] = given if get_origin(field.annotation) is list else given[-1]
    try:
        return model.model_validate(said)
    except ValidationError as error:
        raise ApiError("BAD_REQUEST", _told(error, "query")) from None


def _told(error: ValidationError, whole: str) -> str:
    faults = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, fault['loc'])) or whole}: {fault['msg']}" for fault in faults)


def idempotency_key_of(request: Request) -> str | None:
    """The `Idempotency-Key` header, if any."""
    key: str | None = request.headers.get("idempotency-key")
    if key is not None and not (0 < len(key) <= IDEMPOTENCY_KEY_CHARS_MAX and key.isprintable()):
        raise ApiError(
            "BAD_REQUEST", f"Idempotency-Key: expected 1 to {IDEMPOTENCY_KEY_CHARS_MAX} printable characters"
        )
    return key


def uuid_of(text: str, kind: str) -> UUID:
    """An id from the path; one that is no uuid names no order of this kind."""
    try:
        return UUID(text)
    except ValueError:
        raise ApiError("UNKNOWN_ORDER", f"no {kind} {text[:50]}") from None
