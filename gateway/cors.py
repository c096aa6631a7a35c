"""Which other sites' pages may read our answers: CORS for the API and the realtime endpoints, as CORS_ORIGINS says.

Starlette's middleware does the work; it is plain ASGI, so a stream stays a stream. Cookies are never allowed across
origins: such a page sends its token as a header, or in the address. So `*`, any site, gives nothing away. A WebSocket
knows no CORS; its Origin is looked at where a cookie is believed, in `gateway.auth`.
"""

import re
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.api.responses import error_response
from gateway.errors import ApiError
from gateway.request_ids import SCOPE

PATHS = ("/api/", "/realtime/")
METHODS = ("GET", "HEAD", "POST")
REQUEST_HEADERS = (
    "authorization",
    "content-type",
    "idempotency-key",
    "if-none-match",
    "last-event-id",
    "x-request-id",
)
ANSWER_HEADERS = (
    "etag",
    "idempotent-replay",
    "location",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "x-request-id",
)
PREFLIGHT_KEPT_S = 600

_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::[0-9]{1,5})?")


def origins_of(text: str) -> tuple[str, ...]:
    """The origins of a comma separated list, as browsers write them. Raises ValueError naming one that is none."""
    origins = tuple(origin for part in text.split(",") if (origin := part.strip()))
    for origin in origins:
        if not (_ORIGIN.fullmatch(origin) or origins == ("*",)):
            raise ValueError(f"expected origins like https://shop.example, without a path, or * alone, got {origin!r}")
    return origins


def headers_of_answer(origins: tuple[str, ...], path: str, origin: str | None) -> dict[str, str]:
    """What makes an answer readable that no application gave, because the request was cut off; `origin` as it came."""
    if not path.startswith(PATHS) or not origin or not (origin in origins or "*" in origins):
        return {}
    allowed = (
        {"access-control-allow-origin": "*"}
        if "*" in origins
        else {"access-control-allow-origin": origin, "vary": "Origin"}
    )
    return {**allowed, "access-control-expose-headers": ", ".join(ANSWER_HEADERS)}


class _Sharing(CORSMiddleware):
    """Starlette's, that refuses in the one shape of all refusals."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """What the page may do. Raises ApiError if that is not what it asks for."""
        response = super().preflight_response(request_headers)
        if response.status_code != HTTPStatus.OK:
            raise ApiError("BAD_REQUEST", "CORS: expected an origin, a method and headers that are allowed here")
        return response


class Cors:
    """The application, readable by pages of these origins where `PATHS` says; without origins as it is."""

    def __init__(self, app: ASGIApp, origins: tuple[str, ...]) -> None:
        self._app = app
        self._shared = app
        if origins:
            self._shared = _Sharing(
                app, origins, METHODS, REQUEST_HEADERS, expose_headers=ANSWER_HEADERS, max_age=PREFLIGHT_KEPT_S
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; a preflight is answered here."""
        shared = scope["type"] == "http" and scope["path"].startswith(PATHS)
        try:
            await (self._shared if shared else self._app)(scope, receive, send)
        except ApiError as refused:  # of a preflight: the application answers its own
            await error_response(refused, request_id=scope.get(SCOPE))(scope, receive, send)
