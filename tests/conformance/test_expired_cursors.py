"""Cursors whose next event is gone: an explicit new beginning on every transport, and never a gap that nobody mentions.

Events are really removed, by what the pollers call, with the clock a few days ahead. Whoever is asked has not been
connected before, unless a test says so: a gateway that has heard the events of late may resume from memory.
"""

import asyncio

from tests.conformance.contract import faults_of
from tests.gateway.clients import LONG_POLL, WEBSOCKET, Closed, Message, Stream, Transport
from tests.gateway.support import BESIDE_THE_STREAM, User, events, in_a_loop, new_user, ready, seqs
from tests.system import System

ALL = 1_000_000
FORGET = "select forgotten from forget_events('1 day', $1, 0, now() + interval '2 days')"
STREAM_RESET = 4001
MANY = 20_000
"""More than a gateway can read and send in the time a statement takes."""


async def forget(user: User, limit: int = ALL) -> None:
    """Remove so many of the oldest events there are, of whomever."""
    await user.db.fetchval(FORGET, limit)


async def place_of(system: System, user: User) -> str:
    """The user's cursors without the seq, found out without a word to the gateway about that user."""
    async with new_user(system) as other, WEBSOCKET.connect(system.url, other.token, None) as stream:
        epoch = (await ready(stream))["cursor"].partition("-")[0]
    return f"{epoch}-{user.id[:8]}"


async def began(system: System, user: User, transport: Transport, cursor: str) -> Message:
    async with transport.connect(system.url, user.token, cursor) as stream:
        return await ready(stream)


async def until_the_end(stream: Stream) -> tuple[list[int], int | Message]:
    """The seqs that still come, then the close code, or with long-poll the new beginning."""
    seen: list[int] = []
    try:
        while (message := await stream.next())["type"] != "ready":
            seen += [] if message["type"] in BESIDE_THE_STREAM else [message["seq"]]
    except Closed as end:
        return seen, end.code
    return seen, message


def assert_reset(transport: Transport, end: int | Message) -> None:
    if transport is LONG_POLL:
        assert isinstance(end, dict)
        assert end["resumed"] is False
        assert "snapshot" in end
    else:
        assert end == STREAM_RESET


@in_a_loop
async def test_cursor_is_good_as_long_as_its_next_event_is_kept(system: System, transport: Transport) -> None:
    async with new_user(system) as user:
        place = await place_of(system, user)
        await forget(user)
        await user.append(10)
        await forget(user, 4)
        for void in (3, 0):
            first = await began(system, user, transport, f"{place}-{void}")
            assert (first["resumed"], first["cursor"]) == (False, f"{place}-10")
            assert "snapshot" in first
        for good in (4, 7):
            async with transport.connect(system.url, user.token, f"{place}-{good}") as stream:
                assert (await ready(stream))["resumed"] is True
                assert seqs(await events(stream, 10 - good)) == list(range(good + 1, 11))
        assert (await began(system, user, transport, f"{place}-10"))["resumed"] is True


@in_a_loop
async def test_user_whose_events_are_all_gone_misses_nothing_at_the_head(system: System, transport: Transport) -> None:
    async with new_user(system) as user:
        place = await place_of(system, user)
        await user.append(10)
        await forget(user)
        for void in (9, 0):
            first = await began(system, user, transport, f"{place}-{void}")
            assert (first["resumed"], first["cursor"]) == (False, f"{place}-10")
        async with transport.connect(system.url, user.token, f"{place}-10") as stream:
            assert (await ready(stream))["resumed"] is True
            await user.append(2)
            assert seqs(await events(stream, 2)) == [11, 12]
        async with transport.connect(system.url, user.token, first["cursor"]) as stream:
            assert (await ready(stream))["resumed"] is True
            assert seqs(await events(stream, 2)) == [11, 12]


@in_a_loop
async def test_live_stream_that_meets_a_gap_which_no_row_fills_begins_anew(
    system: System, transport: Transport
) -> None:
    """Three events are gone, and nobody was told of them; the fourth shows that they were."""
    async with new_user(system) as user:
        async with transport.connect(system.url, user.token, None) as stream:
            first = await ready(stream)
            await user.append()
            assert seqs(await events(stream, 1)) == [1]
            await user.db.execute("update users set event_seq = event_seq + 3 where id = $1::text::uuid", user.id)
            await user.append()
            seen, end = await until_the_end(stream)
        assert seen == []
        assert_reset(transport, end)
        place = first["cursor"].rpartition("-")[0]
        again = await began(system, user, transport, f"{place}-1")
        assert (again["resumed"], again["cursor"]) == (False, f"{place}-5")


@in_a_loop
async def test_events_that_go_while_they_are_replayed_end_the_replay(system: System, transport: Transport) -> None:
    async with new_user(system) as user:
        place = await place_of(system, user)
        async with user.db.acquire() as connection, connection.transaction():
            await connection.execute("update users set event_seq = $2 where id = $1::text::uuid", user.id, MANY)
            await connection.execute(
                "insert into events (user_id, seq, type, payload)"
                " select $1::text::uuid, n, 'test', '{}' from generate_series(1, $2) n",
                user.id,
                MANY,
            )
        async with transport.connect(system.url, user.token, f"{place}-0") as stream:
            assert (await ready(stream))["resumed"] is True
            async with user.db.acquire() as connection, connection.transaction():
                await connection.execute("lock table events in access exclusive mode")  # no page is read meanwhile
                await connection.fetchval(FORGET, ALL)
            seen, end = await until_the_end(stream)
        assert 0 < len(seen) < MANY
        assert seen == list(range(1, len(seen) + 1))
        assert_reset(transport, end)
        assert (await began(system, user, transport, f"{place}-{len(seen)}"))["cursor"] == f"{place}-{MANY}"


@in_a_loop
async def test_replayed_events_may_be_redacted(system: System, transport: Transport) -> None:
    user_id, token = await asyncio.to_thread(system.sign_in)
    async with new_user(system) as somebody:
        user = User(user_id, token, somebody.db)
        place = await place_of(system, user)
        activation = await user.db.fetchval("select create_activation($1::text::uuid, 'wa', '6') ->> 'id'", user.id)
        for step in (
            "begin_purchase($1::text::uuid, 'p')",
            "record_purchase($1::text::uuid, $1, '6281234567890', 1, now() + interval '20 minutes', now())",
            "apply_activation_sms($1::text::uuid, '918273', 'Your code is 918273')",
            "close_activation($1::text::uuid, 'completed')",
        ):
            await user.db.execute(f"select {step}", activation)
        count = await user.db.fetchval("select event_seq from users where id = $1::text::uuid", user.id)
        await user.db.execute("select redact_events('1 day', 1000, now() + interval '2 days')")
        async with transport.connect(system.url, user.token, f"{place}-0") as stream:
            assert (await ready(stream))["resumed"] is True
            replayed = await events(stream, count)
    assert [fault for event in replayed for fault in faults_of(event)] == []
    assert "918273" not in str(replayed)
    redacted = [event["type"] for event in replayed if event["data"].get("redacted")]
    assert redacted == ["sms.received", "activation.updated", "activation.updated"]
