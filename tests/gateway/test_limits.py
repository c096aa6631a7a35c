"""Bounds on connections and frames: who is refused, how, and that others are not."""

import asyncio
import json
from uuid import UUID

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

from gateway.errors import ApiError
from gateway.realtime.limits import LOOPBACK, Allowance, Seats, TrustedProxies
from tests.gateway.clients import SSE, WEBSOCKET
from tests.gateway.support import in_a_loop, new_user, ready
from tests.system import TLS, System

ANN, BOB, EVE, MIA = (UUID(int=number) for number in range(4))


def test_seats_of_one_user_and_of_one_address_are_bounded() -> None:
    seats = Seats(per_user_max=2, per_address_max=3)
    taken = [seats.take(0, ANN, "a"), seats.take(0, ANN, "b")]
    with pytest.raises(ApiError) as refused:
        seats.take(0, ANN, "c")
    assert (refused.value.code, refused.value.status, refused.value.body["of"]) == ("TOO_MANY_CONNECTIONS", 429, "user")
    for user in (BOB, EVE):
        seats.take(0, user, "a")
    with pytest.raises(ApiError) as refused:
        seats.take(0, MIA, "a")
    assert refused.value.body["of"] == "address"
    assert len(seats) == 4
    for seat in taken:
        seats.give_back(seat)
    assert seats.take(0, ANN, "a").user_id == ANN


def test_a_bound_of_none_and_loopback_bound_nobody() -> None:
    seats = Seats(per_user_max=0, per_address_max=1)
    for _ in range(5):
        seats.take(0, ANN, LOOPBACK)
    assert len(seats) == 5


def test_an_allowance_is_twice_a_seconds_worth_and_comes_back() -> None:
    allowance = Allowance(10, 100.0)
    assert [allowance.spend(10, 100.0) for _ in range(21)] == [True] * 20 + [False]
    assert [allowance.spend(10, 100.25) for _ in range(3)] == [True, True, False]
    assert [allowance.spend(10, 500.0) for _ in range(21)] == [True] * 20 + [False], "it is not saved up"


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded_for", "expected"),
    [
        ("", "203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("10.0.0.0/8", "10.1.2.3", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.0/8", "10.1.2.3", "1.1.1.1, 198.51.100.1, 10.9.9.9", "198.51.100.1"),
        ("10.0.0.0/8", "203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("10.0.0.0/8", "10.1.2.3", None, "10.1.2.3"),
        ("10.0.0.0/8", "10.1.2.3", " , ", "10.1.2.3"),
        ("127.0.0.1", "127.0.0.1", "unknown", "unknown"),
        ("", "127.0.0.1", "198.51.100.1", LOOPBACK),
        ("", "::1", None, LOOPBACK),
        ("", "2001:db8:1:2:aaaa::1", None, "2001:db8:1:2::"),
        ("2001:db8::/32", "2001:db8::5", "198.51.100.1", "198.51.100.1"),
        ("", "", None, ""),
        ("", "::ffff:203.0.113.7", None, "203.0.113.7"),
        ("", "::ffff:127.0.0.1", None, LOOPBACK),
        ("10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:198.51.100.1", "198.51.100.1"),
        ("10.0.0.0/8", "10.1.2.3", "198.51.100.1:4711", "198.51.100.1"),
        ("10.0.0.0/8", "10.1.2.3", "[2001:db8:1:2::9]:4711", "2001:db8:1:2::"),
    ],
)
def test_the_clients_address_is_the_last_that_is_no_proxy_of_ours(
    trusted: str, peer: str, forwarded_for: str | None, expected: str
) -> None:
    assert TrustedProxies.parse(trusted).client(peer, forwarded_for) == expected


@in_a_loop
async def test_one_connection_too_many_is_refused_on_each_transport_and_a_freed_place_taken(system: System) -> None:
    url = system.start_gateway(DEMO="0", CONNECTIONS_PER_USER_MAX="2")
    async with new_user(system) as user, new_user(system) as other:
        headers = {"authorization": f"Bearer {user.token}"}
        async with SSE.connect(url, user.token, None) as stream, httpx.AsyncClient(verify=TLS) as client:
            await ready(stream)
            async with WEBSOCKET.connect(url, user.token, None) as second:
                await ready(second)
                async with connect(f"{url.replace('http', 'ws')}/realtime/ws", additional_headers=headers) as third:
                    with pytest.raises(ConnectionClosedError) as closed:
                        await third.recv()
                assert closed.value.rcvd is not None
                assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4003, "too_many_connections")
                for path in ("sse", "poll"):
                    answer = await client.get(f"{url}/realtime/{path}", headers=headers)
                    assert (answer.status_code, answer.json()["error_code"]) == (429, "TOO_MANY_CONNECTIONS")
                async with WEBSOCKET.connect(url, other.token, None) as theirs:
                    await ready(theirs)
            async with asyncio.timeout(5):
                while (await client.get(f"{url}/realtime/poll", headers=headers)).status_code != 200:
                    pass


@in_a_loop
async def test_a_client_behind_a_trusted_proxy_is_counted_by_its_own_address(system: System) -> None:
    url = system.start_gateway(DEMO="0", CONNECTIONS_PER_ADDRESS_MAX="1", TRUSTED_PROXIES="127.0.0.1")
    async with new_user(system) as user:
        socket = f"{url.replace('http', 'ws')}/realtime/ws?access_token={user.token}"
        crowded, free = ({"x-forwarded-for": f"198.51.100.{last}"} for last in (1, 2))
        async with connect(socket, additional_headers=crowded) as first:
            assert json.loads(await first.recv())["type"] == "ready"
            async with connect(socket, additional_headers=crowded) as second:
                with pytest.raises(ConnectionClosedError, match="too_many_connections"):
                    await second.recv()
            async with connect(socket, additional_headers=free) as third:
                assert json.loads(await third.recv())["type"] == "ready"


@in_a_loop
async def test_a_client_that_sends_too_many_frames_is_closed(system: System) -> None:
    url = system.start_gateway(DEMO="0", FRAMES_PER_S_MAX="1")
    async with new_user(system) as user:
        socket = f"{url.replace('http', 'ws')}/realtime/ws?access_token={user.token}"
        async with connect(socket) as client:
            assert json.loads(await client.recv())["type"] == "ready"

            async def ask() -> None:
                for _ in range(20):
                    await client.send('{"type":"ack","cursor":"x"}')
                    await client.recv()

            with pytest.raises(ConnectionClosedError) as closed:
                await ask()
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4004, "too_many_messages")


@in_a_loop
async def test_answers_to_a_ping_that_was_not_sent_are_counted_as_well(system: System) -> None:
    """Each read by itself: one that was asked for is taken by a shorter way, which is not for these."""
    url = system.start_gateway(DEMO="0", FRAMES_PER_S_MAX="1", HEARTBEAT_S="60")
    async with new_user(system) as user, httpx.AsyncClient(base_url=url, verify=TLS) as other:
        socket = f"{url.replace('http', 'ws')}/realtime/ws?access_token={user.token}"
        async with connect(socket) as client:
            assert json.loads(await client.recv())["type"] == "ready"

            async def answer() -> None:
                for _ in range(20):
                    await client.pong()
                    await other.get("/healthz")  # by then it has been read
                await client.recv()

            with pytest.raises(ConnectionClosedError) as closed:
                await answer()
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4004, "too_many_messages")
