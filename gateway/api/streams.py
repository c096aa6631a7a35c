"""The transports' addresses as operations: told in the API's document, served by `gateway.realtime`.

They read their requests themselves, and count in connections, not in requests. What goes over them is
docs/asyncapi.yaml.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.api.operation import ALWAYS, WITH_TOKEN, Access, Operation
from gateway.api.queries import PollQuery, StreamQuery
from gateway.api.responses import Answer, error_response
from gateway.api.shapes import Polled
from gateway.errors import ApiError
from gateway.realtime import websocket
from gateway.realtime.poll import PollEndpoint
from gateway.realtime.sse import SseEndpoint
from gateway.request_ids import SCOPE

REFUSES = frozenset({*ALWAYS, *WITH_TOKEN, "TICKET_INVALID", "TOO_MANY_CONNECTIONS"})
NOT_AN_UPGRADE = frozenset({*ALWAYS, "UPGRADE_REQUIRED"})


class NotAWebSocket:
    """An upgrade never comes here: uvicorn hands its connection to the WebSocket protocol."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Say so."""
        error = ApiError("UPGRADE_REQUIRED", f"{websocket.PATH} speaks WebSocket: expected an upgrade")
        headers = {"upgrade": "websocket", "connection": "upgrade"}
        await error_response(error, headers, scope[SCOPE])(scope, receive, send)


def _stream(
    name: str, path: str, summary: str, endpoint: ASGIApp, query: type[StreamQuery], gives: dict[int, Answer]
) -> Operation:
    return Operation(
        method="GET",
        path=path,
        tag="realtime",
        name=name,
        summary=summary,
        description="Its messages are in docs/asyncapi.yaml, what a client must do in docs/protocol.md.",
        access=Access.USER,
        is_limited=False,
        repeat=None,
        keeps=False,
        gives=gives,
        refuses=NOT_AN_UPGRADE if path == websocket.PATH else REFUSES,
        query=query,
        endpoint=endpoint,
    )


OPERATIONS = (
    _stream(
        "stream_sse",
        "/realtime/sse",
        "The user's events as server-sent events",
        SseEndpoint(),
        StreamQuery,
        {200: Answer("A stream; it ends with an event `close`.", media_type="text/event-stream")},
    ),
    _stream(
        "stream_poll",
        "/realtime/poll",
        "The user's events by long-poll",
        PollEndpoint(),
        PollQuery,
        {200: Answer("What is new, at once or as soon as there is something.", Polled)},
    ),
    _stream(
        "stream_websocket",
        websocket.PATH,
        "The user's events over WebSocket",
        NotAWebSocket(),
        StreamQuery,
        {101: Answer("The connection is a WebSocket from now on; why it ends is a close code.")},
    ),
)
