"""Receipts over HTTP, for clients on SSE and long-poll: the event at this cursor has been shown."""

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from gateway.api.operation import Call, operation
from gateway.api.responses import Answer


class Receipt(BaseModel):
    """The cursor of the event that was shown."""

    model_config = ConfigDict(extra="forbid")

    cursor: str = Field(max_length=100)


@operation(
    "POST",
    "/realtime/ack",
    tag="realtime",
    repeat="The receipt is kept once.",
    gives={204: Answer("Noted, the first and every further time.")},
)
async def acknowledge(call: Call, body: Receipt) -> Response:
    """Say that the event at this cursor has been shown."""
    await call.services.realtime.acknowledge(call.session.user_id, body.cursor, "http")
    return Response(status_code=204)


OPERATIONS = (acknowledge,)
