"""Receipts over HTTP, for clients on SSE and long-poll: the event at this cursor has been shown."""

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.api.requests import body_of, services_of, session_of


class Receipt(BaseModel):
    """The cursor of the event that was shown."""

    model_config = ConfigDict(extra="forbid")

    cursor: str = Field(max_length=100)


async def acknowledge(request: Request) -> Response:
    """`POST /realtime/ack`: 204, the first and every further time."""
    session = await session_of(request)
    receipt = await body_of(request, Receipt)
    await services_of(request).realtime.acknowledge(session.user_id, receipt.cursor, "http")
    return Response(status_code=204)


ROUTES = [Route("/realtime/ack", acknowledge, methods=["POST"])]
