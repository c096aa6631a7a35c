"""Messages as bytes, read back by other people's parsers: `websockets` for frames, httpx-sse for event streams."""

import json

import httpx
import pytest
from httpx_sse import EventSource, ServerSentEvent
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.uri import parse_uri

from gateway.realtime.close_codes import CLOSE_CODES, CloseCode
from gateway.realtime.messages import (
    HEARTBEAT,
    Message,
    close_message,
    error_message,
    event_message,
    ready_message,
    text_frame,
)
from gateway.realtime.sse import PROLOGUE
from notifier.event import Event

USER = "8c2f6a51-1111-4222-8333-944455556666"
AT = "2026-11-21T01:02:03.456Z"


def parse_frames(data: bytes) -> list[Frame]:
    """What a client that has an open connection sees."""
    client = ClientProtocol(parse_uri("ws://localhost/"), state=OPEN, max_size=None)
    client.receive_data(data)
    frames = client.events_received()
    assert client.parser_exc is None
    return [frame for frame in frames if isinstance(frame, Frame)]


def parse_sse(data: bytes) -> list[ServerSentEvent]:
    response = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=data)
    return list(EventSource(response).iter_sse())


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 200_000])
def test_frame_of_any_length_is_read_back(size: int) -> None:
    """125 | 126 and 65,535 | 65,536 are where the length takes another form."""
    payload = b"x" * size
    assert parse_frames(text_frame(payload)) == [Frame(Opcode.TEXT, payload)]


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_frame_is_what_websockets_itself_would_send(size: int) -> None:
    assert text_frame(b"y" * size) == Frame(Opcode.TEXT, b"y" * size).serialize(mask=False)


@given(st.lists(st.binary(max_size=300)))
def test_frames_follow_one_another(payloads: list[bytes]) -> None:
    frames = parse_frames(b"".join(map(text_frame, payloads)))
    assert [frame.data for frame in frames] == payloads


def test_event_message_carries_the_payload_untouched() -> None:
    payload = '{"code": "123456", "text": "код \u2028 \\u0000 \\n 🔑"}'
    message = event_message(Event(USER, 44, "sms.received", AT, payload), "0123abcd")
    assert payload.encode() in message.json
    assert json.loads(message.json) == {
        "type": "sms.received",
        "seq": 44,
        "cursor": "0123abcd-8c2f6a51-44",
        "at": AT,
        "data": json.loads(payload),
    }


def test_sse_block_has_id_event_and_data() -> None:
    message = event_message(Event(USER, 44, "sms.received", AT, '{"text": "\u2028\u0085"}'), "0123abcd")
    [event] = parse_sse(message.sse)
    assert (event.id, event.event) == ("0123abcd-8c2f6a51-44", "sms.received")
    assert event.data == message.json.decode()


def test_sse_prologue_is_no_event_and_sets_the_pause() -> None:
    [event] = parse_sse(PROLOGUE + ready_message("c-1", heartbeat_s=25, server_time=AT, snapshot=None).sse)
    assert (event.event, event.id, event.retry) == ("ready", "c-1", 2000)


def test_heartbeat_keeps_the_last_event_id() -> None:
    first, second = parse_sse(event_message(Event(USER, 1, "test", AT, "{}"), "0123abcd").sse + HEARTBEAT.sse)
    assert second.event == "heartbeat"
    assert second.id == first.id  # an event without id leaves it
    assert json.loads(second.data) == {"type": "heartbeat"}


def test_ready_message_has_a_snapshot_or_is_resumed() -> None:
    snapshot: dict[str, object] = {"wallet": {}, "activations": []}
    fresh = json.loads(ready_message("c-1", heartbeat_s=25, server_time=AT, snapshot=json.dumps(snapshot)).json)
    again = json.loads(ready_message("c-1", heartbeat_s=25, server_time=AT, snapshot=None).json)
    assert (fresh["resumed"], fresh["snapshot"]) == (False, snapshot)
    assert again == {"type": "ready", "cursor": "c-1", "resumed": True, "heartbeat_s": 25, "server_time": AT}


@pytest.mark.parametrize("code", CLOSE_CODES, ids=lambda code: code.name)
def test_close_message_says_whether_to_reconnect(code: CloseCode) -> None:
    said = json.loads(close_message(code).json)
    assert said == {"type": "close", "code": code.code, "name": code.name, "reconnect": code.code < 4500}


def test_error_message_has_the_shape_of_every_refusal() -> None:
    assert json.loads(error_message("TOKEN_INVALID", "no").json) == {
        "type": "error",
        "success": False,
        "error_code": "TOKEN_INVALID",
        "message": "no",
    }


def test_message_is_framed_once() -> None:
    message = Message("test", b"{}")
    assert message.frame is message.frame
    assert message.sse is message.sse
