"""Demo users for the asking. These routes exist with DEMO=1 only."""

from decimal import Decimal
from functools import partial

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.api.requests import Text, body_of, services_of
from gateway.api.responses import JsonResponse
from gateway.errors import ApiError
from wallet_db.connect import Pool
from wallet_db.errors import refusals
from wallet_db.wallet import deposit


class NewDemoSession(BaseModel):
    """A name, if the session should be found again, and the money a new user starts with."""

    model_config = ConfigDict(extra="forbid")

    name: Text | None = Field(None, min_length=1, max_length=100)
    credit: Decimal = Field(Decimal("36.00"), ge=0, le=1_000_000, decimal_places=2, allow_inf_nan=False)


async def create_session(operators: Pool, request: Request) -> Response:
    """`POST /demo/sessions`: 201 and a new user with the credit, or 200 and the user of that name as it is."""
    wanted = await body_of(request, NewDemoSession)
    if wanted.name == "operators":
        raise ApiError("BAD_REQUEST", "name: expected a user's, got that of the operators")
    services = services_of(request)
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


def routes(operators: Pool) -> list[Route]:
    """The routes; `operators` is a pool whose role may make users and top them up."""
    return [Route("/demo/sessions", partial(create_session, operators), methods=["POST"])]
