"""Receipts: a client's word that an event was on the screen, by any transport, kept once and for operators to read."""

import json

import httpx
import pytest

from tests.conformance.sockets import answer, connected
from tests.gateway.clients import SSE, Transport
from tests.gateway.support import User, events, in_a_loop, new_user, ready
from tests.system import System
from wallet_db.connect import pool
from wallet_db.roles import OPERATOR


async def acknowledge(system: System, user: User, cursor: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=system.url, trust_env=False) as client:
        return await client.post(
            "/realtime/ack", json={"cursor": cursor}, headers={"authorization": f"Bearer {user.token}"}
        )


async def receipts(system: System, user: User) -> list[tuple[int, str]]:
    """What an operator reads."""
    async with pool(system.database_url, "test", role=OPERATOR, connections_max=2) as db:
        rows = await db.fetch("select seq, transport from receipts where user_id = $1::text::uuid order by 1", user.id)
        return [tuple(row) for row in rows]


@in_a_loop
async def test_receipt_for_an_event_of_any_transport_is_kept_once(system: System, transport: Transport) -> None:
    async with new_user(system) as user:
        async with transport.connect(system.url, user.token, None) as stream:
            await ready(stream)
            await user.append(2)
            cursors = [event["cursor"] for event in await events(stream, 2)]
        for cursor in (cursors[1], cursors[1], cursors[0]):
            assert (await acknowledge(system, user, cursor)).status_code == 204
        assert await receipts(system, user) == [(1, "http"), (2, "http")]


@in_a_loop
async def test_receipt_over_websocket_is_kept_once(system: System) -> None:
    async with new_user(system) as user, connected(system.url, user) as connection:
        await user.append(2)
        cursor = (await answer(connection))["cursor"]
        for _ in range(3):
            await connection.send(json.dumps({"type": "ack", "cursor": cursor}))
        while not (kept := await receipts(system, user)):
            pass
        assert kept == [(1, "ws")]
        assert (await acknowledge(system, user, cursor)).status_code == 204
        assert await receipts(system, user) == [(1, "ws")]  # the first counts


@pytest.mark.parametrize("fault", ["garbage", "another user's", "of nothing yet"])
@in_a_loop
async def test_receipt_for_what_is_no_event_of_the_user_is_refused(system: System, fault: str) -> None:
    async with new_user(system) as user, new_user(system) as other:
        await other.append()
        async with SSE.connect(system.url, user.token, None) as stream:
            epoch, place, _ = (await ready(stream))["cursor"].split("-")
        cursor = {
            "garbage": "x",
            "another user's": f"{epoch}-{other.id[:8]}-1",
            "of nothing yet": f"{epoch}-{place}-7",
        }[fault]
        refused = await acknowledge(system, user, cursor)
        assert (refused.status_code, refused.json()["error_code"]) == (422, "INVALID_ARGUMENT")
        async with connected(system.url, user) as connection:
            await connection.send(json.dumps({"type": "ack", "cursor": cursor}))
            said = await answer(connection)
            assert (said["type"], said["error_code"]) == ("error", "INVALID_ARGUMENT")
        assert await receipts(system, user) == []
        assert await receipts(system, other) == []
