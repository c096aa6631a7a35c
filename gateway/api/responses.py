"""Writing answers: JSON by orjson, and errors in their one shape."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import structlog
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway.errors import ApiError
from gateway.refused import note_refusal
from gateway.request_ids import SCOPE, request_id_of
from wallet_db.connect import DatabaseUnavailable
from wallet_db.errors import WalletBusy, WalletError

log = structlog.get_logger()

RETRY_AFTER_S = 1
LOCATION, REPLAY, ETAG = "Location", "Idempotent-Replay", "ETag"


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation gives with one status, for its document."""

    meaning: str
    model: type[BaseModel] | None = None
    """Of its body, as JSON."""
    media_type: str = ""
    """Of a body that is text of another kind; with neither there is none."""
    headers: tuple[str, ...] = ()


class JsonResponse(Response):
    """An object as JSON; answers are about money and codes, so nobody on the way may keep them."""

    media_type = "application/json"

    def __init__(self, content: Any, status_code: int = 200, headers: dict[str, str] | None = None) -> None:
        super().__init__(content, status_code, {"cache-control": "no-store", **(headers or {})})

    def render(self, content: Any) -> bytes:
        """The bytes."""
        return orjson.dumps(content)


def shared_response(request: Request, body: bytes, media_type: str = "application/json") -> Response:
    """What is the same for everybody, and seldom changes: may be kept, and is sent again only if it has changed."""
    etag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"etag": etag, "cache-control": "no-cache"}
    known = request.headers.get("if-none-match", "")
    if known == "*" or etag in (tag.strip().removeprefix("W/") for tag in known.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=media_type)


async def page_response(request: Request, page: Path) -> Response:
    """A page of ours, as it is now."""
    return shared_response(request, await asyncio.to_thread(page.read_bytes), "text/html")


def error_response(
    error: ApiError, headers: Mapping[str, str] | None = None, request_id: str | None = None
) -> Response:
    """The refusal as an answer."""
    note_refusal(error)
    headers = dict(headers or {})
    if request_id is not None:
        headers["x-request-id"] = request_id
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
    if "retry_after_s" in error.body:
        headers["retry-after"] = str(error.body["retry_after_s"])
    told = {} if request_id is None else {"request_id": request_id}
    return JsonResponse({**error.body, **told}, error.status, headers)


def _refuse(request: Request, error: ApiError, headers: Mapping[str, str] | None = None) -> Response:
    return error_response(error, headers, request.scope.get(SCOPE) or request_id_of(request.scope["headers"]))


async def _api_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, ApiError):
        error = ApiError("INTERNAL_ERROR", "something went wrong here")
    return _refuse(request, error)


async def _refusal(request: Request, error: Exception) -> Response:
    return _refuse(request, ApiError.of(error) if isinstance(error, WalletError) else ApiError("INTERNAL_ERROR", ""))


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    path = request.scope["path"][:200]  # `request.url` is made with the Host header, which may be anything
    if status == 404:
        return _refuse(request, ApiError("NOT_FOUND", f"nothing at {path}"))
    if status == 405:
        allowed = error.headers if isinstance(error, HTTPException) else None
        return _refuse(request, ApiError("METHOD_NOT_ALLOWED", f"{request.method} is not served at {path}"), allowed)
    return _refuse(request, ApiError("BAD_REQUEST", "the request could not be understood"))


async def _unforeseen(request: Request, error: Exception) -> Response:
    log.error("request failed", path=request.scope["path"], exc_info=error)
    return _refuse(request, ApiError("INTERNAL_ERROR", "something went wrong here; it has been logged"))


async def _unavailable(request: Request, error: Exception) -> Response:
    log.warning("request failed for want of the database", path=request.scope["path"], exc_info=error)
    message = "the database is away: try again, with the same Idempotency-Key"
    return _refuse(request, ApiError("UNAVAILABLE", message, retry_after_s=RETRY_AFTER_S))


async def _busy(request: Request, error: Exception) -> Response:
    log.warning("request gave up waiting", path=request.scope["path"], error=str(error))
    message = "somebody else is at work there: try again, with the same Idempotency-Key"
    return _refuse(request, ApiError("BUSY", message, retry_after_s=RETRY_AFTER_S))


# What a lost, restarting or overloaded server looks like, in the middle of a request.
_DATABASE_AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ObjectNotInPrerequisiteStateError,  # the database takes no connections: it is being moved or restored
    asyncpg.InvalidCatalogNameError,  # or not there at all, for the same reason
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    DatabaseUnavailable,
)

EXCEPTION_HANDLERS = {
    **dict.fromkeys(_DATABASE_AWAY, _unavailable),
    ApiError: _api_error,
    WalletBusy: _busy,
    WalletError: _refusal,
    HTTPException: _http_error,
    Exception: _unforeseen,
}
