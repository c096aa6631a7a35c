"""Reading requests: the caller's session, bodies as checked models, page arguments. Every fault is an ApiError."""

from typing import Annotated, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from gateway.auth import Session, credentials_of
from gateway.errors import ApiError
from gateway.services import Services

ModelT = TypeVar("ModelT", bound=BaseModel)


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("expected text without the character U+0000")
    return text


Text = Annotated[str, AfterValidator(_storable)]
"""What PostgreSQL takes as text: anything but NUL."""

PAGE_LIMIT_DEFAULT = 50
PAGE_LIMIT_MAX = 200
IDEMPOTENCY_KEY_CHARS_MAX = 200


def services_of(request: Request) -> Services:
    """What the process offers its routes."""
    services: Services = request.state.services
    return services


async def session_of(request: Request) -> Session:
    """Whoever calls, with a wallet. Raises 401 or 403."""
    services = services_of(request)
    credentials = credentials_of(request.headers.raw, request.scope["query_string"])
    session = await services.authenticator.authenticate(credentials)
    await services.users.ensure(session.user_id)
    return session


async def body_of(request: Request, model: type[ModelT]) -> ModelT:
    """The JSON body as `model`. Raises 400, 413 or 422 saying what was expected."""
    bytes_max = services_of(request).settings.body_bytes_max
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > bytes_max:
                raise ApiError("BODY_TOO_LARGE", f"expected at most {bytes_max} bytes of body")
    except ClientDisconnect:
        raise ApiError("BAD_REQUEST", "the body ended early") from None  # nobody is left to read this
    try:
        return model.model_validate_json(body or b"{}")
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        if faults[0]["type"] in ("json_invalid", "model_type") and not faults[0]["loc"]:
            raise ApiError("INVALID_JSON", "expected a JSON object as body") from None
        told = "; ".join(f"{'.'.join(map(str, fault['loc'])) or 'body'}: {fault['msg']}" for fault in faults)
        raise ApiError("INVALID_ARGUMENT", told) from None


def idempotency_key_of(request: Request) -> str | None:
    """The `Idempotency-Key` header, if any."""
    key: str | None = request.headers.get("idempotency-key")
    if key is not None and not (0 < len(key) <= IDEMPOTENCY_KEY_CHARS_MAX and key.isprintable()):
        raise ApiError(
            "BAD_REQUEST", f"Idempotency-Key: expected 1 to {IDEMPOTENCY_KEY_CHARS_MAX} printable characters"
        )
    return key


def uuid_of(text: str, kind: str = "activation") -> UUID:
    """An id from the path; one that is no uuid names no order of this kind."""
    try:
        return UUID(text)
    except ValueError:
        raise ApiError("UNKNOWN_ORDER", f"no {kind} {text[:50]}") from None


def page_limit_of(request: Request) -> int:
    """`?limit=`, within bounds."""
    text = request.query_params.get("limit", str(PAGE_LIMIT_DEFAULT))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= PAGE_LIMIT_MAX):
        raise ApiError("BAD_REQUEST", f"limit: expected a number from 1 to {PAGE_LIMIT_MAX}, got {text[:20]!r}")
    return int(text)
