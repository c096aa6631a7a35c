"""What a connection may send before anybody knows who it is: on raw sockets, against a gateway that waits a second."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
import websockets

from gateway.http import HEADERS_BYTES_MAX
from gateway.lingering import LINGER_BYTES_MAX
from gateway.pipeline import WAITING_HEADERS_MAX, WAITING_MAX
from tests.gateway.clients import Transport
from tests.gateway.support import events, in_a_loop, new_user, own_gateway, ready, seqs
from tests.system import System

REQUEST_S = 1.0
DEADLINE_S = 30.0
HEAD = b"GET /healthz HTTP/1.1\r\nhost: test\r\n"
WHOLE = HEAD + b"\r\n"


OTHER_SITE = "https://shop.example"


@pytest.fixture(scope="module")
def url(system: System) -> Iterator[str]:
    """A gateway that gives a request a second to come."""
    with own_gateway(system, REQUEST_S=str(REQUEST_S), CORS_ORIGINS=OTHER_SITE) as found:
        yield found


class RawConnection:
    """TCP, and just enough HTTP to tell answers apart."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._ahead = b""

    def send(self, *parts: bytes) -> None:
        for part in parts:
            self.socket.sendall(part)

    def answer(self) -> tuple[int, dict[str, str], Any]:
        """Status, headers, and the body as JSON. Raises EOFError if the connection ends instead."""
        while b"\r\n\r\n" not in self._ahead:
            self._more()
        head, _, self._ahead = self._ahead.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        size = int(headers["content-length"])
        while len(self._ahead) < size:
            self._more()
        body, self._ahead = self._ahead[:size], self._ahead[size:]
        return int(first.split()[1]), headers, json.loads(body)

    def refusal(self, status: int, code: str) -> None:
        """The next answer is this error, in the one shape, and the last on this connection."""
        got, headers, body = self.answer()
        assert (got, body["success"], body["error_code"]) == (status, False, code)
        assert body["message"]
        assert headers["content-type"] == "application/json"
        assert headers["connection"] == "close"
        self.ends()

    def ends(self) -> None:
        """Nothing more comes: the connection is closed."""
        assert self._ahead == b""
        with suppress(ConnectionResetError):
            assert self.socket.recv(65_536) == b""

    def _more(self) -> None:
        data = self.socket.recv(65_536)
        if not data:
            raise EOFError("expected an answer, the connection ended")
        self._ahead += data


@contextmanager
def connected(url: str) -> Iterator[RawConnection]:
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port or 80), timeout=DEADLINE_S) as connection:
        yield RawConnection(connection)


@pytest.mark.parametrize(
    "parts",
    [
        [HEAD, b"a: " + b"x" * 2 * HEADERS_BYTES_MAX],
        [HEAD, b"a: " + b"x" * HEADERS_BYTES_MAX + b"\r\n\r\n"],
        [HEAD + b"a: " + b"x" * HEADERS_BYTES_MAX + b"\r\n\r\n"],
        [HEAD, b"a:\r\n" * (HEADERS_BYTES_MAX // 33 + 1)],
        [b"GET /" + b"x" * 2 * HEADERS_BYTES_MAX],
        [
            b"POST /demo/sessions HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n",
            b"1;" + b"x" * 2 * HEADERS_BYTES_MAX,
        ],
        [
            b"POST /demo/sessions HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n0\r\n",
            b"a: " + b"x" * 2 * HEADERS_BYTES_MAX,
        ],
    ],
    ids=["one header", "then whole", "in one piece", "many headers", "address", "chunk extension", "trailer"],
)
def test_too_large_a_head_is_refused(url: str, parts: list[bytes]) -> None:
    with connected(url) as connection:
        with suppress(ConnectionError):  # it need not be taken whole
            connection.send(*parts)
        connection.refusal(431, "HEADERS_TOO_LARGE")


@pytest.mark.parametrize("line", [b"a: " + b"x" * 60 + b"\r\n", b"a:\r\n"], ids=["lines", "shortest lines"])
def test_headers_without_end_are_not_taken(url: str, line: bytes) -> None:
    """Refused, and what the client still sends is dropped, up to a bound."""
    with connected(url) as connection:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        connection.send(HEAD)
        with pytest.raises(ConnectionError):
            connection.send(*(line * 1_000 for _ in range(4 * LINGER_BYTES_MAX // len(line) // 1_000)))


def test_head_below_the_bound_is_served(url: str) -> None:
    with connected(url) as connection:
        connection.send(HEAD, b"a: " + b"x" * (HEADERS_BYTES_MAX - 1_000) + b"\r\n\r\n")
        assert connection.answer()[0] == 200
        connection.send(WHOLE)
        assert connection.answer()[0] == 200


def test_body_larger_than_the_bound_of_headers_is_the_application_s_matter(url: str) -> None:
    """Whatever pieces it comes in, and whatever comes behind it in the same piece."""
    name = b'{"name": "' + b" " * 50_000
    head = b"POST /demo/sessions HTTP/1.1\r\nhost: test\r\n"
    chunked = b"".join(b"1\r\n" + name[at : at + 1] + b"\r\n" for at in range(len(name)))
    with connected(url) as connection:
        connection.send(head + b"content-length: %d\r\n\r\n" % len(name) + name + HEAD)
        assert connection.answer()[2]["error_code"] == "INVALID_JSON"
        connection.send(b"\r\n")
        assert connection.answer()[0] == 200
        connection.send(head + b"transfer-encoding: chunked\r\n\r\n" + chunked + b"0\r\n\r\n")
        assert connection.answer()[2]["error_code"] == "INVALID_JSON"


@pytest.mark.parametrize(
    "part",
    [HEAD, b"GET", b"POST /demo/sessions HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\n{"],
    ids=["half a head", "three letters", "half a body"],
)
def test_request_that_does_not_end_is_ended(url: str, part: bytes) -> None:
    with connected(url) as connection:
        connection.send(part)
        began = time.monotonic()
        connection.refusal(408, "REQUEST_TIMEOUT")
        assert REQUEST_S * 0.9 < time.monotonic() - began < REQUEST_S + 3


def test_connection_that_says_nothing_is_ended_without_a_word(url: str) -> None:
    """A browser connects in advance, and would take a word for the answer to what it asks next."""
    with connected(url) as connection:
        connection.ends()


def test_drops_do_not_keep_a_connection(url: str) -> None:
    """Neither those of a head, nor blank lines between requests."""
    for before, drop in ((HEAD, b"a: b\r\n"), (b"", b"\r\n"), (WHOLE, b"\r\n")):
        with connected(url) as connection:
            connection.send(before)
            if before == WHOLE:
                assert connection.answer()[0] == 200
            connection.socket.settimeout(REQUEST_S / 10)
            began = time.monotonic()
            ended = False
            while not ended:
                assert time.monotonic() - began < REQUEST_S + 3
                try:
                    connection.send(drop)
                    ended = connection.socket.recv(65_536) == b""
                except TimeoutError:
                    pass
                except ConnectionError:
                    ended = True


def test_requests_one_after_another_and_several_at_once(url: str) -> None:
    with connected(url) as connection:
        for _ in range(3):
            connection.send(WHOLE)
            assert connection.answer()[0] == 200
        connection.send(WHOLE * 5)
        for _ in range(5):
            assert connection.answer()[0] == 200
        for octet in WHOLE:
            connection.send(bytes([octet]))
        assert connection.answer()[0] == 200


def waiting_poll(connection: RawConnection, token: str, more: str = "") -> bytes:
    """A poll that would wait for half a minute, longer than an answer is awaited here."""
    get = f"GET /realtime/poll?wait=30{{}} HTTP/1.1\r\nhost: t\r\nauthorization: Bearer {token}\r\n{{}}\r\n"
    connection.send(get.format("", "").encode())
    return get.format(f"&cursor={connection.answer()[2]['cursor']}", more).encode()


def parked(url: str, token: str) -> None:
    """Return when the gateway counts a poll of this user that waits: no other may be opened."""
    while True:
        with connected(url) as connection:
            connection.send(f"GET /realtime/poll HTTP/1.1\r\nhost: t\r\nauthorization: Bearer {token}\r\n\r\n".encode())
            if connection.answer()[0] == 429:
                return


@pytest.mark.parametrize(
    "behind",
    [WHOLE, HEAD, b"POST /demo/sessions HTTP/1.1\r\nhost: t\r\ncontent-length: 2\r\n\r\n{"],
    ids=["request", "half a head", "half a body"],
)
def test_poll_does_not_wait_with_something_behind_it(url: str, system: System, behind: bytes) -> None:
    """Nothing is read on, then, and who leaves would not be noticed before the wait is over."""
    with connected(url) as connection:
        connection.send(waiting_poll(connection, system.token()) + behind)
        status, _, poll = connection.answer()
        assert (status, poll["events"]) == (200, [])
        connection.send({WHOLE: b"", HEAD: b"\r\n"}.get(behind, b"}"))
        assert connection.answer()[0] in (200, 201)


def test_request_behind_a_waiting_poll_ends_its_wait(system: System) -> None:
    token = system.token()
    with own_gateway(system, CONNECTIONS_PER_USER_MAX="1", DEMO="0") as url, connected(url) as connection:
        connection.send(waiting_poll(connection, token))
        parked(url, token)
        connection.send(WHOLE)
        assert connection.answer()[2]["events"] == []
        assert connection.answer()[2] == {"status": "ok"}


def test_poll_does_not_wait_for_its_body(url: str, system: System) -> None:
    """Nor is there a second answer when the rest does not come; when it does the connection goes on."""
    for rest in (b"", b"4567890"):
        with connected(url) as connection:
            connection.send(waiting_poll(connection, system.token(), "content-length: 10\r\n") + b"123")
            assert connection.answer()[2]["events"] == []
            if not rest:
                connection.ends()
                continue
            connection.send(rest + WHOLE)
            assert connection.answer()[2] == {"status": "ok"}


def test_poll_behind_a_poll_on_one_connection_waits_its_turn(url: str, system: System) -> None:
    """Sent in one piece: each is answered, in their order, and the last begins to wait when the first has ended."""
    with connected(url) as connection:
        poll = waiting_poll(connection, system.token()).replace(b"wait=30", b"wait=0.5")
        began = time.monotonic()
        connection.send(poll + poll)
        for turn in (0, 1):
            assert connection.answer()[2]["events"] == []
            assert 0.5 * turn <= time.monotonic() - began < 0.5 * turn + 0.4
        connection.send(WHOLE)
        assert connection.answer()[2] == {"status": "ok"}


@pytest.mark.parametrize(
    ("one", "kept"),
    [(WHOLE, WAITING_MAX), (HEAD + b"a:\r\n" * 999 + b"\r\n", WAITING_HEADERS_MAX // 1_000)],
    ids=["requests", "headers"],
)
def test_what_is_sent_ahead_is_bounded(url: str, one: bytes, kept: int) -> None:
    """Of what comes in one piece the first are answered; the last of them says that the rest is to be repeated."""
    with connected(url) as connection:
        connection.send(one * (kept + 10))
        answers = [connection.answer() for _ in range(1 + kept)]
        assert {status for status, _, _ in answers} == {200}
        assert ["connection" in headers for _, headers, _ in answers] == [False] * kept + [True]
        assert answers[-1][1]["connection"] == "close"
        connection.ends()


def test_nothing_behind_the_last_request_of_a_connection_is_taken(url: str) -> None:
    """Whatever it is; what was asked before is answered."""
    for behind in (WHOLE, b"\x16\x03\x01\r\n\r\n", HEAD):
        with connected(url) as connection:
            connection.send(WHOLE + HEAD + b"connection: close\r\n\r\n" + behind)
            assert connection.answer()[0] == 200
            assert connection.answer()[0] == 200
            connection.ends()


@pytest.mark.parametrize(
    ("rest", "status"),
    [(b"a: " + b"x" * 2 * HEADERS_BYTES_MAX, 431), (b"a: b\r\n", 408), (b"a: b\r\n\0\r\n\r\n", 400)],
    ids=["431", "408", "400"],
)
@pytest.mark.parametrize(
    ("path", "origin", "may_read"),
    [
        ("/realtime/ack", OTHER_SITE, True),
        ("/api/activations", OTHER_SITE, True),
        ("/demo/sessions", OTHER_SITE, False),
        ("/realtime/ack", "https://evil.example", False),
    ],
)
def test_page_of_another_site_can_read_why_its_request_was_cut_off(
    url: str, path: str, origin: str, may_read: bool, rest: bytes, status: int
) -> None:
    with connected(url) as connection:
        with suppress(ConnectionError):
            connection.send(f"POST {path} HTTP/1.1\r\nhost: test\r\norigin: {origin}\r\n".encode() + rest)
        got, headers, body = connection.answer()
    assert (got, body["success"]) == (status, False)
    assert headers.get("access-control-allow-origin") == (origin if may_read else None)
    assert ("origin" in headers.get("vary", "").lower()) is may_read


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x02\x00\x01", b"HELLO\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"\0" * 9])
def test_what_is_not_http_is_refused(url: str, garbage: bytes) -> None:
    for before in (b"", WHOLE):
        with connected(url) as connection:
            connection.send(before)
            if before:
                assert connection.answer()[0] == 200
            connection.send(garbage)
            connection.refusal(400, "BAD_REQUEST")


def test_body_that_is_not_http_is_refused(url: str) -> None:
    with connected(url) as connection:
        connection.send(b"POST /demo/sessions HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n", b"zz\r\n")
        connection.refusal(400, "BAD_REQUEST")


@in_a_loop
async def test_streams_outlive_the_bound(url: str, system: System, transport: Transport) -> None:
    async with new_user(system) as user, transport.connect(url, user.token, None) as stream:
        await ready(stream)
        await asyncio.sleep(2 * REQUEST_S)  # it is the passing of time that must not matter
        await user.append()
        assert seqs(await events(stream, 1)) == [1]


@in_a_loop
async def test_upgrade_may_come_late_on_a_connection(url: str, system: System) -> None:
    """After a plain request, on the same connection."""
    async with new_user(system) as user:
        with connected(url) as connection:
            connection.send(WHOLE)
            assert connection.answer()[0] == 200
            async with websockets.connect(
                f"ws://test/realtime/ws?access_token={user.token}", sock=connection.socket.dup(), proxy=None
            ) as stream:
                assert json.loads(await stream.recv())["type"] == "ready"


def test_plain_request_for_the_websocket_says_what_it_is(url: str) -> None:
    with connected(url) as connection:
        connection.send(b"GET /realtime/ws HTTP/1.1\r\nhost: test\r\n\r\n")
        status, headers, body = connection.answer()
        assert (status, body["success"], body["error_code"]) == (426, False, "UPGRADE_REQUIRED")
        assert (headers["upgrade"], headers["connection"]) == ("websocket", "upgrade")
        connection.send(b"POST /realtime/ws HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n\r\n")
        assert connection.answer()[0] == 405
