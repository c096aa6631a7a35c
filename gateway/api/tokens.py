"""Tokens over HTTP: another one for what is open, tickets for what cannot send one, and revocations by operators."""

from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.api.requests import Text, body_of, services_of, session_of
from gateway.api.responses import JsonResponse
from gateway.auth import OPERATOR_ROLES
from gateway.auth.tickets import LIFETIME_S
from gateway.errors import ApiError
from gateway.realtime.auth_listener import announce_renewal
from gateway.realtime.messages import iso_utc
from wallet_db.revocations import TOKEN_ID_CHARS_MAX, revoke_token, revoke_user, token_id_of


class Renewal(BaseModel):
    """The token to go on with."""

    model_config = ConfigDict(extra="forbid")

    token: str


class NewRevocation(BaseModel):
    """Whose tokens, or which one."""

    model_config = ConfigDict(extra="forbid")

    user_id: UUID | None = None
    token_id: Text | None = Field(None, min_length=1, max_length=TOKEN_ID_CHARS_MAX)
    token: str | None = None

    @model_validator(mode="after")
    def _one_is_given(self) -> Self:
        if sum(value is not None for value in (self.user_id, self.token_id, self.token)) != 1:
            raise ValueError("expected one of user_id, token_id and token")
        return self


async def renew(request: Request) -> Response:
    """`POST /realtime/auth`: whatever stands on the token of this request stands on the one in the body afterwards.

    At once in this process; in others as soon as they hear of it. Both tokens must be valid and of the same user.
    """
    session = await session_of(request)
    services = services_of(request)
    renewal = await body_of(request, Renewal)
    await services.authenticator.know_key_of(renewal.token)
    renewed = services.authenticator.session_of(renewal.token)
    if renewed.user_id != session.user_id:
        raise ApiError("TOKEN_INVALID", "expected a token of the same user")
    services.realtime.permits.renew(session.token_id, renewed)
    await announce_renewal(services.pool, session.token_id, renewed)
    return JsonResponse({"expires_at": iso_utc(renewed.expires_at)})


async def revoke(request: Request) -> Response:
    """`POST /realtime/revocations`: for operators. Here at once, in other processes as soon as they hear of it."""
    session = await session_of(request)
    if session.role not in OPERATOR_ROLES:
        raise ApiError("OPERATORS_ONLY", "expected a token with an operator's role")
    wanted = await body_of(request, NewRevocation)
    services = services_of(request)
    actor = str(session.user_id)
    if wanted.user_id is not None:
        revocation = await revoke_user(services.pool, wanted.user_id, actor)
    else:
        try:
            token_id = wanted.token_id or token_id_of(wanted.token or "")
        except ValueError as error:
            raise ApiError("INVALID_ARGUMENT", f"token: {error}") from None
        revocation = await revoke_token(services.pool, token_id, actor)
    services.authenticator.revoked.learn([revocation])
    services.realtime.permits.enforce()
    named = {"user_id": str(wanted.user_id)} if wanted.user_id else {"token_id": revocation.token_id}
    return JsonResponse({**named, "revoked_at": iso_utc(revocation.at)}, 201)


async def issue_ticket(request: Request) -> Response:
    """`POST /realtime/tickets`: 201 and a ticket, to open one connection with as `?ticket=`."""
    session = await session_of(request)
    ticket = await services_of(request).realtime.tickets.issue(session)
    return JsonResponse({"ticket": ticket, "expires_in": LIFETIME_S}, 201)


ROUTES = [
    Route("/realtime/tickets", issue_ticket, methods=["POST"]),
    Route("/realtime/auth", renew, methods=["POST"]),
    Route("/realtime/revocations", revoke, methods=["POST"]),
]
