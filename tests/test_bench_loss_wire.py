"""The loss checker's own wire: what it reads off a socket, however it was cut, and a proxy that misbehaves on purpose.

What the readers are given is written by the gateway's own functions.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.loss.proxy import Link, Proxy
from bench.loss.transports import TRANSPORTS, Answered, Ended, Ping, Reader, Said, TransportName, reader_of, request
from bench.loss.wire import PING, Frames, WireError, accept_of, client_frame
from gateway.realtime.close_codes import SLOW_CONSUMER
from gateway.realtime.messages import HEARTBEAT, Message, close_message, event_message, text_frame
from notifier.event import Event
from tests.gateway.support import in_a_loop

USER = "0f8fad5b-d9cb-469f-a165-70867728950e"
EPOCH = "49bbac4f"
CURSOR = "49bbac4f-0f8fad5b-1"
AT = "2026-11-21T02:19:09.040Z"

HEAD = b"HTTP/1.1 %s\r\ndate: today\r\n%s\r\n\r\n"
READY = Message("ready", b'{"type":"ready","resumed":false,"cursor":"%s"}' % CURSOR.encode(), cursor=CURSOR)
EVENTS = [
    event_message(Event(USER, seq, "balance.changed", AT, '{"text":"' + "ü" * seq * 60 + '"}'), EPOCH) for seq in (2, 3)
]
CLOSE = close_message(SLOW_CONSUMER)


def _websocket() -> bytes:
    accept = b"upgrade: websocket\r\nsec-websocket-accept: " + accept_of(b"bG9zcy1jaGVja2VyLWtleQ==").encode()
    frames = [READY.frame, EVENTS[0].frame, HEARTBEAT.frame, b"\x89\x02hi", EVENTS[1].frame, b"\x88\x02\x0f\xa0"]
    return HEAD % (b"101 Switching Protocols", accept) + b"".join(frames)


def _sse() -> bytes:
    blocks = [b": padding\nretry: 2000\n" + READY.sse, EVENTS[0].sse + HEARTBEAT.sse, EVENTS[1].sse, CLOSE.sse]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(block), block) for block in blocks)
    return HEAD % (b"200 OK", b"transfer-encoding: chunked") + chunks


def _poll() -> list[bytes]:
    answers = []
    for resumed, events in ((False, EVENTS[:1]), (True, EVENTS[1:])):
        snapshot_part = b"" if resumed else b'"snapshot":{"wallet":{}},'
        body = b'{"cursor":"%s",%s"resumed":%s,"events":[%s]}' % (
            (events[-1].cursor or "").encode(), snapshot_part, b"true" if resumed else b"false", events[0].json
        )  # fmt: skip
        answers.append(HEAD % (b"200 OK", b"content-length: %d" % len(body)) + body)
    return answers


def said_by(reader: Reader, pieces: Sequence[bytes]) -> list[Said]:
    return [said for piece in pieces for said in reader.feed(piece)]


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    ends = [*sorted(place % len(data) for place in places), len(data)]
    return [data[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


@given(st.lists(st.integers(0, 10_000), max_size=30))
def test_websocket_is_read_however_it_is_cut(places: list[int]) -> None:
    ready, first, heartbeat, ping, second, end = said_by(reader_of("websocket"), cut(_websocket(), places))
    assert isinstance(ready, dict) and isinstance(first, dict) and isinstance(second, dict)  # noqa: PT018
    assert (ready["cursor"], heartbeat) == (CURSOR, {"type": "heartbeat"})
    assert ([first["seq"], second["seq"]], ping, end) == ([2, 3], Ping(b"hi"), Ended(4000))


@given(st.lists(st.integers(0, 10_000), max_size=30))
def test_sse_is_read_however_it_is_cut(places: list[int]) -> None:
    ready, first, heartbeat, second, end = said_by(reader_of("sse"), cut(_sse(), places))
    assert isinstance(ready, dict) and isinstance(first, dict) and isinstance(second, dict)  # noqa: PT018
    assert (ready["cursor"], heartbeat) == (CURSOR, {"type": "heartbeat"})
    assert ([first["seq"], second["seq"]], end) == ([2, 3], Ended(4000))


@given(st.lists(st.integers(0, 10_000), max_size=30))
def test_long_polls_answers_are_read_however_they_are_cut(places: list[int]) -> None:
    reader = reader_of("long-poll")
    begin, more = _poll()
    ready, first, answered = said_by(reader, cut(begin, places))
    assert isinstance(ready, dict) and isinstance(first, dict)  # noqa: PT018
    assert (ready["type"], ready["cursor"], first["seq"], answered) == ("ready", CURSOR, 2, Answered())
    ready, second, answered = said_by(reader, cut(more, places))
    assert isinstance(ready, dict) and isinstance(second, dict)  # noqa: PT018
    assert ("cursor" not in ready, ready["resumed"], second["seq"]) == (True, True, 3)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_refusal_is_an_end(transport: TransportName) -> None:
    refusal = HEAD % (b"401 Unauthorized", b"content-length: 2") + b"{}"
    assert said_by(reader_of(transport), [refusal]) == [Ended(401)]


@pytest.mark.parametrize(
    ("transport", "data"),
    [
        ("websocket", b"SSH-2.0\r\n\r\n"),
        ("websocket", HEAD % (b"101 Switching Protocols", b"sec-websocket-accept: other")),
        ("sse", HEAD % (b"200 OK", b"transfer-encoding: chunked") + b"zz\r\n"),
        ("sse", HEAD % (b"200 OK", b"x: y") + b"event: a\ndata: {\"type\":\"b\"}\n\n"),
        ("sse", HEAD % (b"200 OK", b"x: y") + b"dat: {}\n\n"),
        ("long-poll", HEAD % (b"200 OK", b"content-length: 1") + b"[]"),
        ("long-poll", HEAD % (b"200 OK", b"content-length: 2") + b"[]"),
    ],
)  # fmt: skip
def test_what_a_gateway_must_not_send_is_told(transport: TransportName, data: bytes) -> None:
    with pytest.raises(WireError):
        reader_of(transport).feed(data)


def test_frames_of_every_length_are_read() -> None:
    payloads = [b"x" * length for length in (0, 125, 126, 65_535, 65_536)]
    assert Frames().feed(b"".join(map(text_frame, payloads))) == [(1, payload) for payload in payloads]
    with pytest.raises(WireError, match="unmasked"):
        Frames().feed(client_frame(PING, b"a client's frame is masked"))


def test_accept_is_the_standards_example() -> None:
    assert accept_of(b"dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455 section 1.3


def test_requests_carry_token_and_cursor() -> None:
    assert b"GET /realtime/ws?cursor=c HTTP/1.1\r\n" in request("websocket", "t", "c")
    assert b"\r\nLast-Event-ID: c\r\n" in request("sse", "t", "c")
    assert b"GET /realtime/poll?wait=3 HTTP/1.1\r\n" in request("long-poll", "t", None, wait_s=3)
    assert all(b"\r\nAuthorization: Bearer t\r\n" in request(transport, "t", None) for transport in TRANSPORTS)


class Peer:
    """A server behind a proxy, and one client through it."""

    def __init__(self, proxy: Proxy, client: tuple[Any, Any], server: tuple[Any, Any]) -> None:
        self.proxy = proxy
        self.from_server, self.to_server = client
        self.from_client, self.to_client = server

    @property
    def link(self) -> Link:
        (link,) = self.proxy.links
        return link


async def with_peer(test: Callable[[Peer], Any]) -> None:
    accepted: asyncio.Future[tuple[Any, Any]] = asyncio.get_running_loop().create_future()
    server = await asyncio.start_server(lambda *streams: accepted.set_result(streams), "127.0.0.1", 0)
    async with server, Proxy(server.sockets[0].getsockname()[1]).listening() as proxy:
        client = await asyncio.open_connection("127.0.0.1", proxy.port)
        client[1].write(b"hello")
        peer = Peer(proxy, client, await accepted)
        try:
            assert await peer.from_client.readexactly(5) == b"hello"
            await test(peer)
        finally:
            for writer in (peer.to_server, peer.to_client):
                writer.close()


@in_a_loop
async def test_proxy_carries_more_than_its_buffers_and_passes_the_end_on() -> None:
    async def test(peer: Peer) -> None:
        peer.to_client.write(b"x" * 1_000_000)
        peer.to_client.close()
        assert len(await peer.from_server.read(-1)) == 1_000_000

    await with_peer(test)


@in_a_loop
async def test_cut_resets_both_sides() -> None:
    async def test(peer: Peer) -> None:
        peer.link.cut()
        for reader in (peer.from_server, peer.from_client):
            with pytest.raises(ConnectionResetError):
                await reader.read(1)

    await with_peer(test)


@in_a_loop
async def test_a_stalled_link_carries_nothing_until_it_goes_on() -> None:
    async def test(peer: Peer) -> None:
        peer.link.stall(True)
        peer.to_client.write(b"late")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(peer.from_server.readexactly(4), 0.1)
        peer.link.stall(False)
        assert await peer.from_server.readexactly(4) == b"late"

    await with_peer(test)


@in_a_loop
async def test_a_half_open_links_other_side_is_not_told() -> None:
    async def test(peer: Peer) -> None:
        peer.link.half_open(peer.link.gateway)
        with pytest.raises(ConnectionResetError):
            await peer.from_client.read(1)
        peer.to_server.write(b"anybody there?")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(peer.from_server.read(1), 0.1)

    await with_peer(test)
