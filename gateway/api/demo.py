"""Demo users for the asking, and on this machine the demo's operator. These operations exist with DEMO=1 only."""

from decimal import Decimal
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from gateway.api.operation import Access, Call, operation
from gateway.api.requests import SUM, Text
from gateway.api.responses import Answer, JsonResponse
from gateway.api.shapes import DemoSession
from gateway.errors import ApiError
from gateway.realtime.limits import LOOPBACK, TrustedProxies
from gateway.realtime.realtime import peer_of
from wallet_db.errors import refusals
from wallet_db.events import OPERATORS
from wallet_db.wallet import deposit


class NewDemoSession(BaseModel):
    """A name, if the session should be found again, and the money a new user starts with."""

    model_config = ConfigDict(extra="forbid")

    name: Text | None = Field(None, min_length=1, max_length=100)
    credit: Annotated[Decimal, SUM] = Field(Decimal("36.00"), ge=0, le=1_000_000, decimal_places=2, allow_inf_nan=False)


@operation(
    "POST",
    "/demo/sessions",
    tag="demo",
    access=Access.PUBLIC,
    repeat="With a name it is the same user again, and the credit counts once; without, another user.",
    gives={
        201: Answer("A new user with the credit.", DemoSession),
        200: Answer("The user of that name, as it is.", DemoSession),
    },
    refuses=("INVALID_AMOUNT",),
)
async def create_session(call: Call, body: NewDemoSession) -> Response:
    """Become a demo user."""
    services, wanted = call.services, body
    operators = services.operator_pool
    if operators is None:
        raise RuntimeError("the demo without its pool for operators")
    if wanted.name == "operators":
        raise ApiError("BAD_REQUEST", "name: expected a user's, got that of the operators")
    with refusals():
        async with operators.acquire() as connection, connection.transaction():
            user_id = await connection.fetchval(
                "insert into users (name) values ($1) on conflict (name) do nothing returning id", wanted.name
            )
            created = user_id is not None
            if not created:
                user_id = await connection.fetchval("select id from users where name = $1", wanted.name)
            elif wanted.credit > 0:
                await deposit(connection, user_id, wanted.credit, f"demo:{user_id}", "demo credit")
    token = services.authenticator.issue(user_id)
    return JsonResponse({"user_id": str(user_id), "token": token}, 201 if created else 200)


@operation(
    "POST",
    "/demo/operators",
    tag="demo",
    access=Access.PUBLIC,
    repeat="It is one more token of the same operator.",
    gives={201: Answer("A token with the role `admin`.", DemoSession)},
    refuses=("OPERATORS_ONLY",),
)
async def create_operator(call: Call) -> Response:
    """Become the demo's operator, from this machine only.

    Whoever tries the demo over a network may be a user; what an operator may do is for who started it.
    """
    peer, forwarded_for = peer_of(call.request.scope)
    proxies = TrustedProxies.parse(call.services.settings.trusted_proxies)
    is_hidden = forwarded_for is not None and not proxies.networks  # behind a proxy everybody seems to be here
    if is_hidden or proxies.client(peer, forwarded_for) != LOOPBACK or not _names_this_machine(call.request):
        raise ApiError("OPERATORS_ONLY", "the demo's operator signs in from the machine that runs it")
    token = call.services.authenticator.issue(UUID(OPERATORS), role="admin")
    return JsonResponse({"user_id": OPERATORS, "token": token}, 201)


def _names_this_machine(request: Request) -> bool:
    """Not by a name that any site may let lead here, so that its page in a browser of this machine may read us."""
    try:
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


OPERATIONS = (create_session, create_operator)
