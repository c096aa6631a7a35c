"""Tokens over HTTP: another one for what is open, tickets for what cannot send one, and revocations by operators."""

from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from gateway.api.operation import Access, Call, operation
from gateway.api.requests import Text
from gateway.api.responses import Answer, JsonResponse
from gateway.api.shapes import Renewed, Revocation, Ticket
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


@operation(
    "POST",
    "/realtime/auth",
    tag="realtime",
    repeat="Nothing stands on the old token any more, so nothing is moved.",
    gives={200: Answer("Until when what was opened may stay.", Renewed)},
)
async def renew(call: Call, body: Renewal) -> Response:
    """Let whatever stands on the token of this request stand on the one in the body.

    At once in this process; in others as soon as they hear of it. Both tokens must be valid and of the same user.
    """
    session, services, renewal = call.session, call.services, body
    await services.authenticator.know_key_of(renewal.token)
    renewed = services.authenticator.session_of(renewal.token)
    if renewed.user_id != session.user_id:
        raise ApiError("TOKEN_INVALID", "expected a token of the same user")
    services.realtime.permits.renew(session.token_id, renewed)
    await announce_renewal(services.pool, session.token_id, renewed)
    return JsonResponse({"expires_at": iso_utc(renewed.expires_at)})


@operation(
    "POST",
    "/realtime/revocations",
    tag="operators",
    access=Access.OPERATOR,
    repeat="Of a token nothing new; of a user it covers the tokens given out since, too.",
    gives={201: Answer("Revoked.", Revocation)},
)
async def revoke(call: Call, body: NewRevocation) -> Response:
    """Revoke all that a user was given before now, or one token.

    Here at once, in other processes as soon as they hear of it: within a second.
    """
    session, services, wanted = call.session, call.services, body
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


@operation(
    "POST",
    "/realtime/tickets",
    tag="realtime",
    repeat="It is one more ticket; one that nobody uses ends by itself.",
    keeps=False,  # a secret: not even a digest of its answer is needed twice
    gives={201: Answer("A ticket.", Ticket)},
)
async def issue_ticket(call: Call) -> Response:
    """Get a ticket to open one connection with, as `?ticket=`: for what cannot send a header."""
    ticket = await call.services.realtime.tickets.issue(call.session)
    return JsonResponse({"ticket": ticket, "expires_in": LIFETIME_S}, 201)


OPERATIONS = (issue_ticket, renew, revoke)
