"""The contract of the realtime transports: one suite, run through each of them, and through each pair, on each bus."""

import asyncio
import json
import re
from contextlib import AsyncExitStack
from uuid import UUID

import jwt
import pytest

from gateway.auth import Authenticator
from tests.conformance.conftest import HEARTBEAT_S
from tests.conformance.relay import relay
from tests.gateway.clients import LONG_POLL, SSE, TRANSPORTS, WEBSOCKET, Closed, Message, Stream, Transport
from tests.gateway.support import BESIDE_THE_STREAM, User, events, in_a_loop, new_user, ready, seqs
from tests.system import JWT_SECRET, System
from wallet_db.connect import pool

LATE_S = 1.0
"""What a busy machine may add."""
WRITERS, EVENTS_EACH = 8, 25
UNAUTHORIZED, TOKEN_EXPIRED, STREAM_RESET = 4500, 4501, 4001


@in_a_loop
async def test_first_message_is_ready_with_a_snapshot(system: System, transport: Transport) -> None:
    user_id, token = await asyncio.to_thread(system.sign_in)
    async with transport.connect(system.url, token, None) as stream:
        first = await ready(stream)
    assert first["resumed"] is False
    assert first["heartbeat_s"] == HEARTBEAT_S
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first["server_time"])
    assert first["snapshot"] == {
        "wallet": {"balance": "36.00", "frozen": "0.00", "available": "36.00"},
        "activations": [],
        "rentals": [],
        "cards": [],
    }
    assert re.fullmatch(rf"[0-9a-f]{{8}}-{user_id[:8]}-1", first["cursor"])  # 1: the deposit


@in_a_loop
async def test_whoever_holds_a_token_has_a_wallet(system: System, transport: Transport) -> None:
    async with transport.connect(system.url, system.token(), None) as stream:
        assert (await ready(stream))["snapshot"]["wallet"]["balance"] == "0.00"


@in_a_loop
async def test_events_come_in_order_each_with_its_cursor(system: System, transport: Transport) -> None:
    async with new_user(system) as user, transport.connect(system.url, user.token, None) as stream:
        start = (await ready(stream))["cursor"].rpartition("-")[0]
        await user.append(2, '{"n": "first"}')
        found = await events(stream, 2)
        await user.append()
        found += await events(stream, 1)
    assert seqs(found) == [1, 2, 3]
    assert [event["cursor"] for event in found] == [f"{start}-{seq}" for seq in (1, 2, 3)]
    assert found[0].keys() == {"type", "seq", "cursor", "at", "data"}
    assert found[0]["data"] == {"n": "first"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found[0]["at"])


@pytest.mark.parametrize("second", TRANSPORTS, ids=lambda transport: f"then-{transport.name}")
@in_a_loop
async def test_cursor_resumes_on_every_transport(system: System, transport: Transport, second: Transport) -> None:
    async with new_user(system) as user:
        async with transport.connect(system.url, user.token, None) as stream:
            await ready(stream)
            await user.append(2)
            seen = await events(stream, 2)
        await user.append(3)
        async with second.connect(system.url, user.token, seen[-1]["cursor"]) as stream:
            first = await ready(stream)
            assert first["resumed"] is True
            assert "snapshot" not in first
            seen += await events(stream, 3)
            await user.append(2)
            seen += await events(stream, 2)
    assert seqs(seen) == [1, 2, 3, 4, 5, 6, 7]


@in_a_loop
async def test_cursor_of_ready_resumes_where_the_snapshot_ended(system: System, transport: Transport) -> None:
    async with new_user(system) as user:
        await user.append(4)
        async with transport.connect(system.url, user.token, None) as stream:
            cursor = (await ready(stream))["cursor"]
        await user.append()
        async with transport.connect(system.url, user.token, cursor) as stream:
            assert (await ready(stream))["resumed"] is True
            assert seqs(await events(stream, 1)) == [5]


@in_a_loop
async def test_cursor_that_fits_nothing_leads_to_a_snapshot(system: System, transport: Transport) -> None:
    async with new_user(system) as user, new_user(system) as other:
        await user.append(3)
        await other.append(3)
        async with transport.connect(system.url, user.token, None) as stream:
            cursor = (await ready(stream))["cursor"]
        epoch, place, _ = cursor.split("-")
        void = {
            "empty": "",
            "garbage": "%F0%9F%98%80-x" if transport is WEBSOCKET else "garbage-x",
            "long": "9" * 3000,
            "another epoch": f"{'0' * 8}-{place}-1",
            "another user": f"{epoch}-{other.id[:8]}-1",
            "the future": f"{epoch}-{place}-4",
            "far future": f"{epoch}-{place}-{10**18 - 1}",
            "beyond a number": f"{epoch}-{place}-{10**30}",
            "before the beginning": f"{epoch}-{place}--1",
        }
        for kind, text in void.items():
            async with transport.connect(system.url, user.token, text) as stream:
                first = await ready(stream)
                assert (first["resumed"], first["cursor"]) == (False, cursor), kind
                assert first["snapshot"]["wallet"]["balance"] == "0.00"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("missing", UNAUTHORIZED),
        ("garbage", UNAUTHORIZED),
        ("wrong key", UNAUTHORIZED),
        ("no expiry", UNAUTHORIZED),
        ("expired", TOKEN_EXPIRED),
    ],
)
@in_a_loop
async def test_bad_token_is_refused_with_its_code(system: System, transport: Transport, fault: str, code: int) -> None:
    async with new_user(system) as user:
        token = {
            "missing": None,
            "garbage": "x.y.z",
            "wrong key": Authenticator("another-key-of-more-than-32-bytes!!").issue(UUID(user.id)),
            "no expiry": jwt.encode({"sub": user.id}, JWT_SECRET, algorithm="HS256"),
            "expired": system.token(user.id, lifetime_s=-1),
        }[fault]
        with pytest.raises(Closed) as refused:
            async with transport.connect(system.url, token, None) as stream:
                await stream.next()
    assert refused.value.code == code


@in_a_loop
async def test_all_three_say_the_same_at_once(system: System) -> None:
    async with new_user(system) as user, AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(each.connect(system.url, user.token, None)) for each in TRANSPORTS]
        for stream in streams:
            await ready(stream)
        await user.append(20, '{"n": 1}')
        first, second, third = await asyncio.gather(*(events(stream, 20) for stream in streams))
    assert seqs(first) == list(range(1, 21))
    assert first == second == third


@in_a_loop
async def test_two_connections_of_one_user_see_the_same(system: System, transport: Transport) -> None:
    async with (
        new_user(system) as user,
        transport.connect(system.url, user.token, None) as phone,
        transport.connect(system.url, user.token, None) as desk,
    ):
        assert (await ready(phone))["cursor"] == (await ready(desk))["cursor"]
        await user.append(3, '{"n": 1}')
        assert await events(phone, 3) == await events(desk, 3)


@in_a_loop
async def test_events_of_many_writers_come_in_order(system: System, transport: Transport) -> None:
    async with (
        new_user(system) as user,
        pool(system.database_url, "test", connections_max=WRITERS) as db,
        transport.connect(system.url, user.token, None) as stream,
    ):

        async def write(writer: int) -> None:
            for number in range(EVENTS_EACH):
                await User(user.id, user.token, db).append(1, json.dumps({"writer": writer, "number": number}))

        await ready(stream)
        writing = asyncio.gather(*(write(writer) for writer in range(WRITERS)))
        found = await events(stream, WRITERS * EVENTS_EACH)
        await writing
    assert seqs(found) == list(range(1, WRITERS * EVENTS_EACH + 1))
    for writer in range(WRITERS):
        own = [event["data"]["number"] for event in found if event["data"]["writer"] == writer]
        assert own == list(range(EVENTS_EACH))


@in_a_loop
async def test_cut_connections_lose_and_double_nothing(system: System, transport: Transport) -> None:
    """Each connection is cut in the middle of what comes, and the next one goes on at the last cursor seen."""
    cuts, each, unread = 8, 10, 3
    async with new_user(system) as user, relay(system.url) as line:
        async with transport.connect(line.url, user.token, None) as stream:
            cursor = (await ready(stream))["cursor"]
        seen: list[Message] = []
        for cut in range(cuts):
            async with transport.connect(line.url, user.token, cursor) as stream:
                assert (await ready(stream))["resumed"] is True
                await user.append(each)
                seen += await events(stream, each if cut else each - unread)
                cursor = seen[-1]["cursor"]
                line.cut()
        async with transport.connect(line.url, user.token, cursor) as stream:
            await ready(stream)
            seen += await events(stream, unread)
    assert seqs(seen) == list(range(1, cuts * each + 1))


@in_a_loop
async def test_streams_of_two_users_do_not_mix(system: System, transport: Transport) -> None:
    async with (
        new_user(system) as alice,
        new_user(system) as bob,
        transport.connect(system.url, alice.token, None) as hers,
        transport.connect(system.url, bob.token, None) as his,
    ):
        await ready(hers)
        await ready(his)
        await bob.append(3, '{"of": "bob"}')
        await alice.append(1, '{"of": "alice"}')
        assert [event["data"] for event in await events(hers, 1)] == [{"of": "alice"}]
        assert [event["data"] for event in await events(his, 3)] == [{"of": "bob"}] * 3


@pytest.mark.parametrize("size", [0, 1_000, 100_000])
@in_a_loop
async def test_payload_arrives_as_it_was_written(system: System, transport: Transport, size: int) -> None:
    """Line separators that JSON allows and SSE must not split at; beyond 8 kB the bus carries a hint only."""
    data = {"text": '\u2028\u2029\u0085\r\n\n\t\u0000"\\ код 🔑'.replace("\u0000", "") + "x" * size}
    async with new_user(system) as user, transport.connect(system.url, user.token, None) as stream:
        await ready(stream)
        await user.append(1, json.dumps(data, ensure_ascii=False))
        assert (await events(stream, 1))[0]["data"] == data


@in_a_loop
async def test_long_absence_is_replayed_whole(system: System, transport: Transport) -> None:
    """More events, and more bytes, than a page, a poll or the buffer of a slow consumer hold."""
    async with new_user(system) as user:
        await user.append(2_500, json.dumps({"text": "x" * 1_000}))
        async with transport.connect(system.url, user.token, None) as stream:
            start = (await ready(stream))["cursor"].rpartition("-")[0]
        async with transport.connect(system.url, user.token, f"{start}-0") as stream:
            assert (await ready(stream))["resumed"] is True
            missed = await events(stream, 2_500)
            await user.append()
            missed += await events(stream, 1)
    assert seqs(missed) == list(range(1, 2_502))


@in_a_loop
async def test_expiry_of_the_token_ends_what_it_opened(system: System, transport: Transport) -> None:
    async with new_user(system) as user:
        async with transport.connect(system.url, system.token(user.id, lifetime_s=2), None) as stream:
            cursor = (await ready(stream))["cursor"]
            await user.append()
            assert seqs(await events(stream, 1)) == [1]
            assert await _end_of(stream) == TOKEN_EXPIRED
        async with transport.connect(system.url, user.token, cursor) as stream:
            assert (await ready(stream))["resumed"] is True
            assert seqs(await events(stream, 1)) == [1]


@pytest.mark.parametrize("transport", [WEBSOCKET, SSE], ids=["websocket", "sse"])
@in_a_loop
async def test_heartbeats_come_as_often_as_announced(system: System, transport: Transport) -> None:
    async with transport.connect(system.url, system.token(), None) as stream:
        announced_s = (await ready(stream))["heartbeat_s"]
        loop = asyncio.get_running_loop()
        for _ in range(2):
            began = loop.time()
            assert await stream.next() == {"type": "heartbeat"}
            assert loop.time() - began < announced_s + LATE_S


@pytest.mark.parametrize("transport", [WEBSOCKET, SSE], ids=["websocket", "sse"])
@in_a_loop
async def test_heartbeats_do_not_come_before_ready(system: System, transport: Transport) -> None:
    """However long the database takes to say what to begin with."""
    async with new_user(system) as user, user.db.acquire() as connection:
        async with connection.transaction():
            await connection.execute("lock table users in access exclusive mode")
            stack = AsyncExitStack()
            stream = await stack.enter_async_context(transport.connect(system.url, user.token, None))
            await asyncio.sleep(HEARTBEAT_S + 0.5)
        async with stack:
            await ready(stream)
            assert await stream.next() == {"type": "heartbeat"}


@in_a_loop
async def test_rewritten_history_resets_everybody(system: System) -> None:
    async with new_user(system) as user, AsyncExitStack() as stack:
        await user.append(3)
        streams = {
            each.name: await stack.enter_async_context(each.connect(system.url, user.token, None))
            for each in TRANSPORTS
        }
        before = {name: await ready(stream) for name, stream in streams.items()}
        waiting = {name: asyncio.create_task(_end_of(stream)) for name, stream in streams.items()}
        await user.db.execute("select new_epoch()")
        ends = {name: await task for name, task in waiting.items()}
        assert ends[WEBSOCKET.name] == ends[SSE.name] == STREAM_RESET
        assert isinstance(restarted := ends[LONG_POLL.name], dict)
        assert restarted["resumed"] is False

        for each in TRANSPORTS:
            async with each.connect(system.url, user.token, before[each.name]["cursor"]) as stream:
                again = await ready(stream)
                assert again["resumed"] is False
                assert again["cursor"] != before[each.name]["cursor"]
                assert again["snapshot"] == before[each.name]["snapshot"]
            async with each.connect(system.url, user.token, again["cursor"]) as stream:
                assert (await ready(stream))["resumed"] is True


async def _end_of(stream: Stream) -> int | Message:
    """A close code, or with long-poll, which has no connection to close, the new beginning."""
    try:
        while (message := await stream.next())["type"] in BESIDE_THE_STREAM:
            pass
    except Closed as end:
        return end.code
    return message
