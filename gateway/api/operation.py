"""An operation of the HTTP API: a route, with what it takes, gives and refuses declared beside its handler.

    @operation("POST", "/api/activations", tag="activations", gives={201: Answer("with a number", Activation)}, …)
    async def buy(call: Call, body: NewActivation) -> Response:

What a handler takes is read from its signature: `body` and `query`, checked models, and what its path names. What else
an address names is refused. Who may call is checked before anything else is looked at, then how often, then the rest.
`gateway.api.openapi` writes the API's document from the same objects, so what is served and what is told cannot differ;
a refusal that an operation does not declare is answered all the same, and logged as a fault of ours.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, get_type_hints

import structlog
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from gateway.api.kept import answer_once, digest_of
from gateway.api.limited import Limits
from gateway.api.requests import body_of, idempotency_key_of, names_of, query_of, uuid_of
from gateway.api.responses import Answer
from gateway.auth import OPERATOR_ROLES, Credentials, Session, credentials_of
from gateway.errors import ApiError
from gateway.query_names import refuse_unknown_names
from gateway.services import Services
from gateway.settings import GatewaySettings
from wallet_db.errors import WalletError

log = structlog.get_logger()


class Access(Enum):
    """Who may call."""

    PUBLIC = "anybody; no token is needed."
    USER = "users, with a token: each for their own wallet, orders and events."
    OPERATOR = "operators: with a token whose role is `admin` or `service_role`."
    PROVIDER = "the provider, from its own addresses or by its signature; without a token."


KEYED = "With an Idempotency-Key it counts once, however often it is sent: a repeat is given the first one's result."
"""The one way to say what a repeated POST does that needs the header."""

ALWAYS = ("BAD_REQUEST", "REQUEST_TIMEOUT", "HEADERS_TOO_LARGE", "INTERNAL_ERROR", "BUSY", "UNAVAILABLE")
WITH_TOKEN = ("TOKEN_MISSING", "TOKEN_INVALID", "TOKEN_EXPIRED", "TOKEN_REVOKED", "FOREIGN_ORIGIN")
WITH_BODY = ("INVALID_JSON", "INVALID_ARGUMENT", "BODY_TOO_LARGE", "BODY_ENCODED")
READING = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose caller is known."""

    request: Request
    services: Services
    caller: Session | None

    @property
    def session(self) -> Session:
        """Whose token came with it; of a public operation there is none."""
        if self.caller is None:
            raise RuntimeError("a session was asked for where no token is")
        return self.caller


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    """`{name}` stands for a part of it."""
    tag: str
    name: str
    summary: str
    description: str
    access: Access
    is_limited: bool
    """Whether its requests count among those of their user and address."""
    repeat: str | None
    """What the same POST does a second time; None: reading does nothing at all."""
    keeps: bool
    """Whether its answer is kept by the Idempotency-Key, and a repeat with it does nothing at all."""
    gives: Mapping[int, Answer]
    refuses: frozenset[str]
    """Codes of `gateway.errors`: all it may answer."""
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    body_bytes_max: Callable[[GatewaySettings], int] | None = None
    """Of its body, where `settings.body_bytes_max` is too little; few of these are read at a time."""
    handler: Callable[..., Awaitable[Response]] | None = None
    endpoint: ASGIApp | None = None
    """Instead of a handler: an application that reads the request itself."""

    async def serve(self, request: Request) -> Response:
        """Answer a request. Raises ApiError, WalletError."""
        try:
            call = await self._admit(request)
            response = await self._answer(call, await self._arguments(request))
        except (ApiError, WalletError) as refusal:
            if refusal.code not in self.refuses:
                log.exception("undocumented refusal", operation=self.name, error_code=refusal.code)
            raise
        if self.method not in READING and call.caller is not None:
            # What was changed, under this request's id: path and location name orders and nothing else.
            about = response.headers.get("location", request.scope["path"])
            log.info("served", operation=self.name, about=about, status=response.status_code)
        return response

    async def _admit(self, request: Request) -> Call:
        services: Services = request.state.services
        limits: Limits = request.state.limits
        if self.is_limited:
            limits.count_address(request.scope)
        if self.access in (Access.PUBLIC, Access.PROVIDER):
            return Call(request, services, None)
        credentials = credentials_of(request.headers.raw, request.scope["query_string"])
        session = await services.authenticator.authenticate(credentials)
        if self.method not in READING and credentials.from_cookie and not _is_own_page(request, credentials):
            raise ApiError("FOREIGN_ORIGIN", "with a cookie, what changes something needs the Origin of our own pages")
        if self.is_limited:
            limits.count_user(session.user_id, request.scope)
        if self.access is Access.OPERATOR and session.role not in OPERATOR_ROLES:
            raise ApiError("OPERATORS_ONLY", "expected a token with an operator's role")
        await services.users.ensure(session.user_id)
        return Call(request, services, session)

    async def _answer(self, call: Call, arguments: Mapping[str, Any]) -> Response:
        if self.handler is None:
            raise RuntimeError(f"{self.name} is served by its endpoint")
        key = idempotency_key_of(call.request) if self.keeps else None
        if key is None:
            return await self.handler(call, **arguments)
        handle = partial(self.handler, call, **arguments)
        path, digest = call.request.scope["path"], digest_of(arguments.get("body"))
        return await answer_once(call.services.pool, call.session.user_id, key, path, digest, handle)

    async def _arguments(self, request: Request) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            name: uuid_of(text, name.removesuffix("_id")) if name.endswith("_id") else text
            for name, text in request.path_params.items()
        }
        if self.method in READING:
            refuse_unknown_names(request.scope["query_string"], names_of(self.query))
        if self.query is not None:
            arguments["query"] = query_of(request, self.query)
        if self.body is not None:
            settings, limits = request.state.services.settings, request.state.limits
            if self.body_bytes_max is None:
                arguments["body"] = await body_of(request, self.body, settings.body_bytes_max)
            else:
                with limits.large_body():
                    arguments["body"] = await body_of(request, self.body, self.body_bytes_max(settings))
        return arguments


def operation(
    method: str,
    path: str,
    *,
    tag: str,
    gives: Mapping[int, Answer],
    access: Access = Access.USER,
    refuses: Sequence[str] = (),
    repeat: str | None = None,
    keeps: bool | None = None,
    is_limited: bool = True,
    body_bytes_max: Callable[[GatewaySettings], int] | None = None,
) -> Callable[[Callable[..., Awaitable[Response]]], Operation]:
    """Make an operation of the handler below; its docstring is what the document says, the first line as summary.

    keeps: unsaid, what users or operators change and what keeps no key itself.
    """
    with_token = access in (Access.USER, Access.OPERATOR)
    is_kept = (method not in READING and with_token and repeat != KEYED) if keeps is None else keeps

    def declare(handler: Callable[..., Awaitable[Response]]) -> Operation:
        hints = get_type_hints(handler)
        body, query = hints.get("body"), hints.get("query")
        named = set(re.findall(r"\{(\w+)\}", path))
        if named | {"call", *(["body"] if body else []), *(["query"] if query else [])} != hints.keys() - {"return"}:
            raise TypeError(f"{handler.__name__}: expected call, body, query and what {path} names")
        codes = {*ALWAYS, *refuses}
        if with_token:
            codes |= set(WITH_TOKEN)
        if is_kept:
            codes |= {"IDEMPOTENCY_MISMATCH", "KEY_IN_USE"}
        if access is Access.OPERATOR:
            codes.add("OPERATORS_ONLY")
        if body is not None:
            codes |= set(WITH_BODY)
        if any(name.endswith("_id") for name in named):
            codes.add("UNKNOWN_ORDER")
        if is_limited:
            codes.add("TOO_MANY_REQUESTS")
        summary, _, description = inspect.cleandoc(handler.__doc__ or "").partition("\n")
        return Operation(
            method=method,
            path=path,
            tag=tag,
            name=f"{handler.__module__.rpartition('.')[2]}_{handler.__name__}",
            summary=summary.removesuffix("."),
            description=description.strip(),
            access=access,
            is_limited=is_limited,
            repeat=repeat,
            keeps=is_kept,
            gives=gives,
            refuses=frozenset(codes),
            body=body,
            query=query,
            body_bytes_max=body_bytes_max,
            handler=handler,
        )

    return declare


def _is_own_page(request: Request, credentials: Credentials) -> bool:
    # Browsers send Origin with every POST, old ones at least this; who sends neither does not show where it comes from.
    return credentials.origin is not None or request.headers.get("sec-fetch-site") == "same-origin"
