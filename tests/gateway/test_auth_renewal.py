"""Tokens that expire under an open connection: it is warned, renewed in place, through any process, or closed."""

import asyncio
import time
from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

import httpx
import pytest

from gateway.auth import Authenticator
from tests.gateway.clients import LONG_POLL, SSE, WEBSOCKET, Message, Stream, Transport
from tests.gateway.support import end_of, events, in_a_loop, new_user, own_gateway, ready, seqs
from tests.system import JWT_SECRET, TLS, System

TOKEN_EXPIRED = 4501
STREAMS = [WEBSOCKET, SSE]


@pytest.fixture(scope="module")
def other_url(system: System) -> Iterator[str]:
    """Another process of the same system, that warns a second ahead."""
    with own_gateway(system, TOKEN_WARNING_S="1") as found:
        yield found


async def renew(url: str, old: str, new: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=url, verify=TLS, trust_env=False) as client:
        return await client.post("/realtime/auth", json={"token": new}, headers={"authorization": f"Bearer {old}"})


async def notice(stream: Stream) -> Message:
    """The next message that is neither an event nor a heartbeat."""
    while not (message := await stream.next())["type"].startswith("auth."):
        pass
    return message


@pytest.mark.parametrize("transport", STREAMS, ids=lambda transport: transport.name)
@in_a_loop
async def test_expiry_is_announced_after_ready_at_once_if_it_is_near(system: System, transport: Transport) -> None:
    async with new_user(system) as user:
        token = system.token(user.id, lifetime_s=3)
        async with transport.connect(system.url, token, None) as stream:
            await ready(stream)
            said = await notice(stream)
            assert said["type"] == "auth.expiring"
            assert 0 < said["in_s"] <= 3
            expires_at = datetime.fromisoformat(said["expires_at"]).timestamp()
            assert expires_at == Authenticator(JWT_SECRET).session_of(token).expires_at
            assert await end_of(stream) == TOKEN_EXPIRED


@pytest.mark.parametrize("transport", STREAMS, ids=lambda transport: transport.name)
@in_a_loop
async def test_expiry_is_announced_as_long_before_as_is_set(
    system: System, other_url: str, transport: Transport
) -> None:
    async with (
        new_user(system) as user,
        transport.connect(other_url, system.token(user.id, lifetime_s=4), None) as stream,
    ):
        await ready(stream)
        began = time.monotonic()
        said = await notice(stream)
        assert time.monotonic() - began > 1.5
        assert 0 < said["in_s"] <= 1


@pytest.mark.parametrize("transport", STREAMS, ids=lambda transport: transport.name)
@in_a_loop
async def test_stream_is_renewed_through_another_process(system: System, other_url: str, transport: Transport) -> None:
    async with new_user(system) as user:
        old = system.token(user.id, lifetime_s=3)
        async with transport.connect(system.url, old, None) as stream:
            await ready(stream)
            assert (await notice(stream))["type"] == "auth.expiring"
            answer = await renew(other_url, old, user.token)
            assert answer.status_code == 200
            said = await notice(stream)
            assert said == {"type": "auth.renewed", "expires_at": answer.json()["expires_at"]}
            await asyncio.sleep(3.5)  # past the old token's end
            await user.append()
            assert seqs(await events(stream, 1)) == [1]


@pytest.mark.parametrize("is_renewed", [True, False])
@in_a_loop
async def test_waiting_poll_is_renewed_through_another_process(
    system: System, other_url: str, is_renewed: bool
) -> None:
    async with new_user(system) as user, httpx.AsyncClient(base_url=system.url, timeout=20, verify=TLS) as client:
        async with LONG_POLL.connect(system.url, user.token, None) as stream:
            cursor = (await ready(stream))["cursor"]
        old = system.token(user.id, lifetime_s=2)
        poll = asyncio.create_task(
            client.get("/realtime/poll", params={"cursor": cursor, "wait": 15, "access_token": old})
        )
        await asyncio.sleep(0.3)  # it waits by then
        if is_renewed:
            assert (await renew(other_url, old, user.token)).status_code == 200
        await asyncio.sleep(2.5)
        assert poll.done() is not is_renewed
        await user.append()
        assert seqs((await poll).json()["events"]) == ([1] if is_renewed else [])


@in_a_loop
async def test_what_stands_on_another_token_of_the_user_is_left_alone(system: System) -> None:
    """Or revoking a stolen token would not reach what it opened, once the owner has renewed theirs."""
    async with new_user(system) as user:
        mine, theirs = system.token(user.id, lifetime_s=3), system.token(user.id, lifetime_s=3)
        async with (
            SSE.connect(system.url, mine, None) as renewed,
            WEBSOCKET.connect(system.url, theirs, None) as left,
        ):
            await ready(renewed)
            await ready(left)
            assert (await renew(system.url, mine, user.token)).status_code == 200
            assert await end_of(left) == TOKEN_EXPIRED
            await user.append()
            assert seqs(await events(renewed, 1)) == [1]


@in_a_loop
async def test_renewal_with_what_is_not_the_users_is_refused_and_changes_nothing(system: System) -> None:
    async with new_user(system) as user, SSE.connect(system.url, user.token, None) as stream:
        await ready(stream)
        expired = system.token(user.id, lifetime_s=-1)
        for old, new, code in (
            (user.token, system.token(), "TOKEN_INVALID"),
            (user.token, "x.y.z", "TOKEN_INVALID"),
            (user.token, expired, "TOKEN_EXPIRED"),
            (system.token(), user.token, "TOKEN_INVALID"),
            (expired, user.token, "TOKEN_EXPIRED"),
        ):
            answer = await renew(system.url, old, new)
            assert (answer.status_code, answer.json()["error_code"]) == (401, code)
        await user.append()
        assert (await stream.next())["seq"] == 1  # and nothing was said before


@pytest.mark.parametrize("path", ["/realtime/auth", "/realtime/revocations", "/realtime/ack"])
@in_a_loop
async def test_cookie_of_a_foreign_page_changes_nothing(system: System, path: str) -> None:
    operator = Authenticator(JWT_SECRET).issue(UUID(int=7), role="admin")
    async with new_user(system) as user, httpx.AsyncClient(base_url=system.url, verify=TLS) as client:
        body = {"/realtime/auth": {"token": operator}, "/realtime/revocations": {"user_id": user.id}}.get(path, {})
        headers = {"cookie": f"onesms_token={operator}", "origin": "https://evil.example"}
        answer = await client.post(path, json=body, headers=headers)
        assert (answer.status_code, answer.json()["error_code"]) == (403, "FOREIGN_ORIGIN")
        # The control: our own page's is taken.
        answer = await client.post(path, json=body, headers=headers | {"origin": system.url})
        assert answer.status_code in (200, 201, 422)


@pytest.mark.parametrize("path", ["/realtime/sse", "/realtime/poll"])
@in_a_loop
async def test_cookie_of_a_foreign_page_opens_nothing(system: System, path: str) -> None:
    async with new_user(system) as user, httpx.AsyncClient(base_url=system.url, verify=TLS) as client:
        headers = {"cookie": f"onesms_token={user.token}", "origin": "https://evil.example"}
        answer = await client.get(path, headers=headers)
        assert (answer.status_code, answer.json()["error_code"]) == (403, "FOREIGN_ORIGIN")
