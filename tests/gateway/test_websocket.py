"""The WebSocket protocol class on real sockets: RFC 6455 where clients misbehave, and the limits that keep it alive.

A well-behaved client is `websockets`; `RawClient` sends whatever a test wants sent, and answers nothing by itself.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from urllib.parse import urlsplit

import orjson
import pytest
import websockets
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

from tests.gateway.clients import WEBSOCKET, Message
from tests.gateway.support import OVERFULL_EVENTS, events, in_a_loop, new_user, overfill, ready, seqs
from tests.system import System, wait_until

FRAME_BYTES_MAX = 16_384
DEADLINE_S = 30.0


class RawClient:
    """A WebSocket by hand, blocking: it reads when asked to, and sends no pong."""

    def __init__(self, connection: socket.socket, url: str, path: str) -> None:
        self.socket = connection
        self._protocol = ClientProtocol(parse_uri(f"{url.replace('http', 'ws')}{path}"), max_size=None)
        self._protocol.send_request(self._protocol.connect())
        self.socket.sendall(b"".join(self._protocol.data_to_send()))
        self._ahead: list[Frame] = []
        self.pings = 0
        """Of the server, so far."""
        while not isinstance(response := self._receive(), Response):
            pass
        self.status = response.status_code

    def send(self, opcode: Opcode, data: bytes = b"", *, fin: bool = True, mask: bool = True) -> None:
        """One frame, legal or not."""
        self.socket.sendall(Frame(opcode, data, fin).serialize(mask=mask))

    def say(self, message: object) -> None:
        self.send(Opcode.TEXT, json.dumps(message).encode())

    def frame(self) -> Frame:
        """The next frame, of whatever kind."""
        while not isinstance(event := self._receive(), Frame):
            pass
        self.pings += event.opcode is Opcode.PING
        return event

    def message(self) -> Message:
        """The next message; frames of control are passed over."""
        while (frame := self.frame()).opcode is not Opcode.TEXT:
            pass
        message: Message = orjson.loads(frame.data)
        return message

    def close_code(self) -> int:
        """Read to the server's close frame, answer it, and read on to the end of the connection."""
        while (frame := self.frame()).opcode is not Opcode.CLOSE:
            pass
        with suppress(ConnectionError):  # after a fault of ours it does not wait for the answer
            self.send(Opcode.CLOSE, bytes(frame.data))
            while self.socket.recv(65_536):
                pass
        return int.from_bytes(frame.data[:2], "big")

    def _receive(self) -> object:
        while not self._ahead:
            data = self.socket.recv(65_536)
            if not data:
                raise EOFError("expected a frame, the connection ended")
            self._protocol.receive_data(data)
            self._ahead += self._protocol.events_received()  # type: ignore[arg-type]
            self._protocol.data_to_send()  # its pongs and close frames are not sent
        return self._ahead.pop(0)


@contextmanager
def raw_client(
    url: str, token: str | None = None, *, path: str = "/realtime/ws", receive_buffer_bytes: int | None = None
) -> Iterator[RawClient]:
    """Connected and, if there is a token, past `ready`."""
    with socket.socket() as connection:
        connection.settimeout(DEADLINE_S)
        if receive_buffer_bytes is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        parts = urlsplit(url)
        connection.connect((parts.hostname, parts.port))
        client = RawClient(connection, url, f"{path}?access_token={token}" if token else path)
        if token:
            assert client.message()["type"] == "ready"
        yield client


@asynccontextmanager
async def websocket(url: str, token: str) -> AsyncIterator[websockets.ClientConnection]:
    """Connected and past `ready`."""
    address = f"{url.replace('http', 'ws')}/realtime/ws?access_token={token}"
    async with websockets.connect(address, ping_interval=None, proxy=None) as connection:
        assert json.loads(await connection.recv())["type"] == "ready"
        yield connection


# frames


def test_wrong_path_is_404(system: System) -> None:
    with raw_client(system.url, path="/realtime/elsewhere") as client:
        assert client.status == 404


def test_request_that_is_no_handshake_is_refused(system: System) -> None:
    with socket.create_connection(("127.0.0.1", system.port), timeout=DEADLINE_S) as connection:
        connection.sendall(
            b"GET /realtime/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\n\r\n"
        )
        assert connection.recv(65_536).split()[1] == b"400"


def test_missing_token_is_told_by_a_close_code_not_by_a_status(system: System) -> None:
    """A browser shows its code no status of a failed handshake."""
    with raw_client(system.url) as client:
        assert client.status == 101
        assert client.close_code() == 4500


def test_ping_is_answered_with_its_data(system: System) -> None:
    with raw_client(system.url, system.token()) as client:
        client.send(Opcode.PING, b"are you there")
        assert client.frame() == Frame(Opcode.PONG, b"are you there")


def test_close_is_echoed_and_the_connection_ended(system: System) -> None:
    with raw_client(system.url, system.token()) as client:
        client.send(Opcode.CLOSE, b"\x03\xe8bye")
        assert client.frame() == Frame(Opcode.CLOSE, b"\x03\xe8bye")
        assert client.socket.recv(1) == b""


def test_message_in_fragments_is_put_together(system: System) -> None:
    with raw_client(system.url, system.token()) as client:
        client.send(Opcode.TEXT, b'{"type":', fin=False)
        client.send(Opcode.PING, b"between")
        client.send(Opcode.CONT, b"", fin=False)
        client.send(Opcode.CONT, b'"juggle"}')
        answer = client.message()
        assert (answer["error_code"], "juggle" in answer["message"]) == ("BAD_REQUEST", True)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (Frame(Opcode.TEXT, b"{}").serialize(mask=False), 1002),
        (b"\xc1\x80\0\0\0\0", 1002),  # RSV1 without an extension
        (b"\x83\x80\0\0\0\0", 1002),  # reserved opcode
        (Frame(Opcode.CONT, b"of what?").serialize(mask=True), 1002),
        (b"\x09\x80\0\0\0\0", 1002),  # a ping in fragments
        (Frame(Opcode.TEXT, b"x" * (FRAME_BYTES_MAX + 1)).serialize(mask=True), 1009),
        (b"\x81\xff" + b"\x7f" + b"\xff" * 7 + b"\0\0\0\0", 1009),  # 2^63 - 1 bytes announced
        (Frame(Opcode.TEXT, b'{"type":"\xff\xfe"}').serialize(mask=True), 1007),
        (Frame(Opcode.TEXT, b"\xed\xa0\x80").serialize(mask=True), 1007),  # a surrogate
        (Frame(Opcode.BINARY, b"\0").serialize(mask=True), 1003),
    ],
    ids=[
        "unmasked",
        "reserved bit",
        "reserved opcode",
        "continuation of nothing",
        "fragmented ping",
        "too large",
        "huge",
        "not utf-8",
        "surrogate",
        "binary",
    ],
)
def test_frame_against_the_rules_ends_the_connection(system: System, frame: bytes, code: int) -> None:
    with raw_client(system.url, system.token()) as client:
        client.socket.sendall(frame)
        assert client.close_code() == code


def test_fragments_are_bounded_together(system: System) -> None:
    with raw_client(system.url, system.token()) as client:
        half = b"x" * (FRAME_BYTES_MAX // 2 + 1)
        client.send(Opcode.TEXT, half, fin=False)
        client.send(Opcode.CONT, half, fin=False)
        assert client.close_code() == 1009


@pytest.mark.parametrize(
    ("text", "error_code"),
    [
        (b"", "INVALID_JSON"),
        (b"not json", "INVALID_JSON"),
        (b"[]", "INVALID_JSON"),
        (b'"auth"', "INVALID_JSON"),
        (b"null", "INVALID_JSON"),
        (b"{}", "BAD_REQUEST"),
        (b"[" * 8_000, "INVALID_JSON"),
        (b'{"type":"juggle"}', "BAD_REQUEST"),
        (b'{"type":{}}', "BAD_REQUEST"),
        (b'{"type":"auth"}', "INVALID_ARGUMENT"),
        (b'{"type":"auth","token":7}', "INVALID_ARGUMENT"),
        (b'{"type":"auth","token":null}', "INVALID_ARGUMENT"),
        (b'{"type":"auth","token":{}}', "INVALID_ARGUMENT"),
        (b'{"type":"ack"}', "INVALID_ARGUMENT"),
        (b'{"type":"auth","token":"x.y.z"}', "TOKEN_INVALID"),
    ],
)
def test_message_that_cannot_be_taken_is_answered_and_the_connection_stays(
    system: System, text: bytes, error_code: str
) -> None:
    with raw_client(system.url, system.token()) as client:
        client.send(Opcode.TEXT, text)
        answer = client.message()
        assert (answer["type"], answer["success"], answer["error_code"]) == ("error", False, error_code)
        client.send(Opcode.PING)
        assert client.frame().opcode is Opcode.PONG


@pytest.mark.parametrize(
    "head",
    [
        b"GET //[ HTTP/1.1\r\nHost: x\r\n",
        b"GET /realtime/ws?cursor=\xff HTTP/1.1\r\nHost: x\r\n",
        b"GET /realtime/ws HTTP/1.1\r\nHost: [\r\nOrigin: http://[\r\nCookie: onesms_token=x\r\n",
        b"GET /realtime/ws HTTP/1.1\r\nHost: x\r\nCookie: \xff\xe9=\x80; onesms_token=\xff\r\n",
        b"POST /realtime/ws HTTP/1.1\r\nHost: x\r\n",
    ],
    ids=["path", "query", "origin", "cookie", "method"],
)
def test_malformed_request_ends_its_own_connection_only(system: System, head: bytes) -> None:
    said = len(system.gateway.output)
    with socket.create_connection(("127.0.0.1", system.port), timeout=DEADLINE_S) as connection:
        connection.sendall(
            head + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        with suppress(ConnectionError):
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65_536):
                pass
    assert "Traceback" not in system.gateway.output[said:]


# tokens


@in_a_loop
async def test_auth_message_renews_the_session(system: System) -> None:
    async with new_user(system) as user, websocket(system.url, system.token(user.id, lifetime_s=2)) as connection:
        said = [json.loads(await connection.recv())["type"]]
        await connection.send(json.dumps({"type": "auth", "token": system.token(user.id, lifetime_s=4)}))
        began = asyncio.get_running_loop().time()
        with suppress(websockets.ConnectionClosed):
            while True:
                said.append(json.loads(await asyncio.wait_for(connection.recv(), DEADLINE_S))["type"])
        assert asyncio.get_running_loop().time() - began > 2
        assert said == ["auth.expiring", "auth.renewed", "auth.expiring"]
        assert connection.close_code == 4501


@in_a_loop
async def test_auth_message_of_another_user_is_refused_and_changes_nothing(system: System) -> None:
    async with new_user(system) as user, websocket(system.url, user.token) as connection:
        await connection.send(json.dumps({"type": "auth", "token": system.token()}))
        assert json.loads(await connection.recv())["error_code"] == "TOKEN_INVALID"
        await user.append()
        assert json.loads(await connection.recv())["seq"] == 1


# liveness


def test_client_that_answers_no_ping_is_closed(impatient_url: str, system: System) -> None:
    """One that does stays for more in `tests/conformance/test_streams.py`."""
    with raw_client(impatient_url, system.token()) as client:
        assert client.close_code() == 4002
        assert client.pings >= 1  # on a busy machine it may have come before `ready`


@in_a_loop
async def test_slow_consumer_is_closed_and_resumes(system: System) -> None:
    """It reads nothing while more comes than is buffered for it; others of the same user notice nothing."""
    async with new_user(system) as user:
        with raw_client(system.url, user.token, receive_buffer_bytes=4_096) as slow:
            await overfill(user, system.url)
            messages = await asyncio.to_thread(_read_to_the_close, slow)
        seen = [message for message in messages if message["type"] != "heartbeat"]
        assert 0 < len(seen) < OVERFULL_EVENTS
        async with WEBSOCKET.connect(system.url, user.token, seen[-1]["cursor"]) as stream:
            assert (await ready(stream))["resumed"] is True
            seen += await events(stream, OVERFULL_EVENTS - len(seen))
        assert seqs(seen) == list(range(1, OVERFULL_EVENTS + 1))


def _read_to_the_close(client: RawClient) -> list[Message]:
    messages = []
    while (frame := client.frame()).opcode is not Opcode.CLOSE:
        if frame.opcode is Opcode.TEXT:
            messages.append(orjson.loads(frame.data))
    assert int.from_bytes(frame.data[:2], "big") == 4000
    return messages


def test_client_that_only_asks_cannot_pile_up_answers(system: System) -> None:
    """Each of its messages is answered with more bytes than it has, here 14 MB. It reads none, and is cut off."""
    with raw_client(system.url, system.token(), receive_buffer_bytes=4_096) as client:
        client.socket.sendall(Frame(Opcode.TEXT, b"{}").serialize(mask=True) * 130_000)

        def cut_off() -> bool:
            try:
                client.send(Opcode.PONG)
            except ConnectionError:
                return True
            return False

        wait_until(cut_off, "the connection is cut off", within_s=DEADLINE_S)
