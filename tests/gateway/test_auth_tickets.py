"""Tickets: good for one connection, on any process, for seconds, and worth nothing to who reads the logs."""

import asyncio
import json
from collections.abc import Iterator

import httpx
import pytest
import websockets

from tests.gateway.clients import SSE
from tests.gateway.support import User, end_of, in_a_loop, new_user, own_gateway, ready
from tests.system import TLS, System

TICKETS = "/realtime/tickets"
PATHS = ("/realtime/ws", "/realtime/sse", "/realtime/poll")


@pytest.fixture(scope="module")
def other_url(system: System) -> Iterator[str]:
    """Another process of the same system; there a user may have one connection."""
    with own_gateway(system, CONNECTIONS_PER_USER_MAX="1") as found:
        yield found


async def ticket_of(url: str, token: str) -> str:
    async with httpx.AsyncClient(base_url=url, verify=TLS, trust_env=False) as client:
        answer = await client.post(TICKETS, headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body["expires_in"] == 30
    return str(body["ticket"])


async def outcome(url: str, path: str, ticket: str) -> str:
    """`opened`, or the error code or close code."""
    if path.endswith("/ws"):
        address = f"{url.replace('http', 'ws')}{path}?ticket={ticket}"
        async with websockets.connect(address, proxy=None) as connection:
            try:
                return "opened" if json.loads(await connection.recv())["type"] == "ready" else "?"
            except websockets.ConnectionClosed as end:
                return str(end.rcvd.code if end.rcvd else None)
    params = {"ticket": ticket, **({"wait": 0} if path.endswith("/poll") else {})}
    async with (
        httpx.AsyncClient(base_url=url, verify=TLS, trust_env=False) as client,
        client.stream("GET", path, params=params) as answer,
    ):
        if answer.status_code == 200:
            return "opened"
        return str(json.loads(await answer.aread())["error_code"])


@pytest.mark.parametrize("path", PATHS)
@in_a_loop
async def test_ticket_opens_one_connection_on_any_process(system: System, other_url: str, path: str) -> None:
    async with new_user(system) as user:
        ticket = await ticket_of(system.url, user.token)
        assert await outcome(other_url, path, ticket) == "opened"
        for url in (system.url, other_url):
            assert await outcome(url, path, ticket) in ("TICKET_INVALID", "4500")
        assert ticket not in system.gateway.output


@pytest.mark.parametrize("path", PATHS[1:])
@in_a_loop
async def test_asking_for_the_head_leaves_the_ticket_and_takes_no_place(
    system: System, other_url: str, path: str
) -> None:
    async with new_user(system) as user, httpx.AsyncClient(base_url=other_url, verify=TLS, trust_env=False) as client:
        ticket = await ticket_of(other_url, user.token)
        for _ in range(3):
            assert (await client.head(path, params={"ticket": ticket})).status_code == 200
        assert (await client.head(path, params={"ticket": ticket[::-1]})).status_code == 401
        async with SSE.connect(other_url, user.token, None) as stream:
            await ready(stream)
            assert (await client.head(path, params={"ticket": ticket})).status_code == 200
        async with asyncio.timeout(5):
            while (await client.get("/realtime/poll", params={"access_token": user.token})).status_code != 200:
                pass
        assert await outcome(other_url, path, ticket) == "opened"
        assert (await client.head(path, params={"ticket": ticket})).status_code == 401


@in_a_loop
async def test_of_many_who_use_it_at_once_one_is_let_in(system: System, other_url: str) -> None:
    async with new_user(system) as user:
        ticket = await ticket_of(system.url, user.token)
        urls = [system.url, other_url] * 10
        outcomes = await asyncio.gather(*(outcome(url, "/realtime/poll", ticket) for url in urls))
        assert sorted(outcomes) == ["TICKET_INVALID"] * 19 + ["opened"]


@pytest.mark.parametrize("path", PATHS)
@in_a_loop
async def test_ticket_is_good_for_seconds(system: System, path: str) -> None:
    async with new_user(system) as user:
        ticket = await ticket_of(system.url, user.token)
        await _age(user, 31)
        assert await outcome(system.url, path, ticket) in ("TICKET_INVALID", "4500")
        # The control, and what was not used is swept away by the next.
        await ticket_of(system.url, user.token)
        young = await ticket_of(system.url, user.token)
        await _age(user, 29)
        assert await outcome(system.url, path, young) == "opened"
        await _age(user, 2)
        await ticket_of(system.url, user.token)
        assert await user.db.fetchval("select count(*) from tickets where user_id = $1", user.id) == 1


async def _age(user: User, seconds: int) -> None:
    await user.db.execute(
        "update tickets set expires_at = expires_at - make_interval(secs => $2) where user_id = $1", user.id, seconds
    )


@in_a_loop
async def test_what_a_ticket_opened_ends_with_the_token_behind_it(system: System) -> None:
    async with new_user(system) as user:
        ticket = await ticket_of(system.url, system.token(user.id, lifetime_s=2))
        async with websockets.connect(
            f"{system.url.replace('http', 'ws')}/realtime/ws?ticket={ticket}", proxy=None
        ) as connection:
            said = [json.loads(message)["type"] async for message in _messages(connection)]
        assert said == ["ready", "auth.expiring"]
        assert connection.close_code == 4501


async def _messages(connection: websockets.ClientConnection):  # type: ignore[no-untyped-def]
    while True:
        try:
            yield await connection.recv()
        except websockets.ConnectionClosed:
            return


@in_a_loop
async def test_ticket_of_a_revoked_token_opens_nothing(system: System) -> None:
    async with new_user(system) as user, SSE.connect(system.url, user.token, None) as stream:
        ticket = await ticket_of(system.url, user.token)
        await ready(stream)
        await user.db.execute("select revoke_tokens(p_user_id => $1)", user.id)
        assert await end_of(stream) == 4503  # the process has heard of it
        assert await outcome(system.url, "/realtime/sse", ticket) == "TOKEN_REVOKED"


@pytest.mark.parametrize("ticket", ["x", "%00", "%F0%9F%98%80", "x" * 2_000])
@in_a_loop
async def test_garbage_is_no_ticket(system: System, ticket: str) -> None:
    for path in PATHS:
        assert await outcome(system.url, path, ticket) in ("TICKET_INVALID", "4500")


@in_a_loop
async def test_ticket_is_no_token_for_the_api(system: System) -> None:
    async with new_user(system) as user, httpx.AsyncClient(base_url=system.url, verify=TLS) as client:
        ticket = await ticket_of(system.url, user.token)
        for method, path in (("GET", "/api/wallet"), ("POST", TICKETS)):
            answer = await client.request(method, path, params={"ticket": ticket})
            assert (answer.status_code, answer.json()["error_code"]) == (401, "TOKEN_MISSING")
