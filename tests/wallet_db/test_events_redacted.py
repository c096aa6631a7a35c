"""Codes and texts leave the stored events some time after their order has closed; the messages themselves stay."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest

from tests.conftest import execute
from tests.wallet_db.support import MINUTE, NOW, apply_sms, call, new_user, order, pending_order, row, run
from tests.wallet_db.test_schema import restore
from wallet_db.connect import Pool, pool
from wallet_db.errors import InvalidArgument
from wallet_db.migrate import migrate
from wallet_db.periodic import redact_events
from wallet_db.roles import POLLERS

DAY = timedelta(days=1)
CODE = "918273"
CARRYING = ["sms.received", "activation.updated", "activation.updated"]
"""Of an order that got one SMS and was completed."""


async def served_order(db: Pool, user: UUID, closed_at: datetime = NOW) -> UUID:
    """An order with one SMS, completed."""
    activation = await pending_order(db, user)
    await apply_sms(db, activation, CODE)
    await call(db, "close_activation", p_activation_id=activation, p_status="completed", p_now=closed_at)
    return activation


async def redact(db: Pool, now: datetime = NOW + DAY, limit: int = 100) -> int:
    redacted: int = await call(db, "redact_events", p_closed_for=DAY, p_limit=limit, p_now=now)
    return redacted


async def payloads(db: Pool, user: UUID, where: str = "true") -> list[tuple[str, Any]]:
    """(type, payload) of the user's events."""
    rows = await db.fetch(f"select type, payload from events where user_id = $1 and {where} order by seq", user)  # noqa: S608
    return [(row["type"], orjson.loads(row["payload"])) for row in rows]


async def carrying(db: Pool, user: UUID) -> list[str]:
    """The types of the events that the code can be read from, wherever in them it may be."""
    return [type_ for type_, _ in await payloads(db, user, f"payload::text like '%{CODE}%'")]


async def pending(db: Pool) -> int:
    """Of how many orders there is something to redact, now or later."""
    count: int = await db.fetchval("select count(*) from redactions")
    return count


def test_codes_and_texts_go_a_day_after_the_order_has_closed(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        activation = await served_order(db, user)
        before = await payloads(db, user)
        assert await carrying(db, user) == CARRYING
        assert await redact(db, NOW + DAY - MINUTE) == 0
        assert await payloads(db, user) == before
        async with pool(database_url, "pollers", role=POLLERS) as connections:
            assert await redact_events(connections, 100, closed_for=DAY) == 1  # NOW is long ago
        assert await carrying(db, user) == []
        for (type_, old), (_, new) in zip(before, await payloads(db, user), strict=True):
            expected = dict(old)
            if CODE in orjson.dumps(old).decode():
                expected |= {"redacted": True, "code": None}
                if type_ == "sms.received":
                    expected["text"] = None
                else:
                    expected["sms"] = [dict(sms, code=None, text=None) for sms in old["sms"]]
            assert new == expected
        assert (await redact(db), await pending(db)) == (0, 0)
        shown = orjson.loads(
            await db.fetchval("select activation_json(a) from activations a where id = $1", activation)
        )
        assert (shown["code"], shown["sms"][0]["text"]) == (CODE, f"Your code is {CODE}")
        assert "redacted" not in shown

    run(database_url, scenario)


def test_an_open_order_keeps_its_codes(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        await apply_sms(db, await pending_order(db, user), CODE)
        assert await redact(db, NOW + 1_000 * DAY) == 0
        assert await carrying(db, user) == CARRYING[:2]

    run(database_url, scenario)


def test_an_order_without_an_sms_leaves_nothing_to_do(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        activation = await order(db, user)
        await call(db, "request_cancel", p_user_id=user, p_activation_id=activation)
        assert (await row(db, activation))["closed_at"] is not None
        assert await pending(db) == 0

    run(database_url, scenario)


def test_a_rentals_messages_go_as_well(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        rental = await db.fetchval(
            "insert into rentals (user_id, service, country, status, hours, price, frozen_amount)"
            " values ($1, 'whatsapp', 'indonesia', 'active', 4, 5, 5) returning id",
            user,
        )
        for number in (1, 2):
            await db.execute(
                "insert into sms_messages (user_id, rental_id, code, text, provider_message_id)"
                " values ($1, $2, $3, $3, $4)",
                user,
                rental,
                CODE,
                str(number),
            )
        assert await redact(db, NOW + 1_000 * DAY) == 0
        await db.execute(
            "update rentals set status = 'completed', frozen_amount = 0, closed_at = $2, due_at = null where id = $1",
            rental,
            NOW,
        )
        assert await carrying(db, user) == ["sms.received", "sms.received", "rental.updated"]
        assert await redact(db) == 1
        assert await carrying(db, user) == []
        _, closed = (await payloads(db, user, "type = 'rental.updated'"))[0]
        assert [(sms["code"], sms["text"]) for sms in closed["sms"]] == [(None, None)] * 2
        assert "code" not in closed

    run(database_url, scenario)


def test_a_closed_order_that_changes_again_is_redacted_again(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        activation = await served_order(db, user)
        assert await redact(db) == 1
        await db.execute("update activations set error_code = 'NOTE' where id = $1", activation)
        assert await carrying(db, user) == ["activation.updated"]
        assert await redact(db) == 1
        assert await carrying(db, user) == []

    run(database_url, scenario)


def test_what_is_gone_already_needs_nothing(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        await served_order(db, user)
        await db.execute("select forget_events('1 day', 1000, 0, now() + interval '2 days')")
        assert (await redact(db), await pending(db)) == (1, 0)

    run(database_url, scenario)


def test_several_at_once_share_the_orders(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "500.00")
        for minute in range(12):
            await served_order(db, user, NOW - minute * MINUTE)
        assert await redact(db, NOW + DAY - 9 * MINUTE, limit=2) == 2  # those that closed first
        shares = await asyncio.gather(*(redact(db, limit=4) for _ in range(6)))
        while sum(shares) < 10 and (more := await redact(db, limit=4)):  # one that was being looked at was skipped
            shares.append(more)
        assert sum(shares) == 10
        assert max(shares) <= 4
        assert (await carrying(db, user), await pending(db)) == ([], 0)

    run(database_url, scenario, connections_max=6)


@pytest.mark.parametrize("closed_for", [None, timedelta(seconds=-1)])
def test_a_time_before_the_end_of_the_order_is_refused(database_url: str, closed_for: timedelta | None) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        await served_order(db, user)
        with pytest.raises(InvalidArgument):
            await call(db, "redact_events", p_closed_for=closed_for)
        assert await carrying(db, user) == CARRYING

    run(database_url, scenario)


def test_what_is_redacted_is_found_without_a_look_at_the_rest(database_url: str) -> None:
    """Neither the events nor the orders that are open are read through, however many there are."""

    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        await served_order(db, user)
        await db.execute(
            "insert into events (user_id, seq, type, payload)"
            " select gen_random_uuid(), 1, 'test', '{}' from generate_series(1, 20000)"
        )
        await db.execute(
            "insert into redactions (order_id, user_id, seqs)"
            " select gen_random_uuid(), gen_random_uuid(), '{1}' from generate_series(1, 20000)"
        )
        await db.execute("analyze events; analyze redactions")
        async with db.acquire() as connection, connection.transaction():
            assert await connection.fetchval("select redact_events($1, 100, $2)", DAY, NOW + DAY) == 1
            scans = await connection.fetch(
                "select relname::text, seq_scan from pg_stat_xact_user_tables where relname in ('events', 'redactions')"
            )
        assert {tuple(each) for each in scans} == {("events", 0), ("redactions", 0)}

    run(database_url, scenario)


def test_codes_written_before_the_upgrade_are_redacted_after_it(empty_database_url: str) -> None:
    asyncio.run(restore(empty_database_url, "0.1.0"))
    shown = "insert into receipts (user_id, seq, transport) select user_id, seq, 'ws' from events"
    asyncio.run(execute(empty_database_url, shown))
    asyncio.run(migrate(empty_database_url))

    async def scenario(db: Pool) -> None:
        readable = (
            "select count(*) from events where payload ->> 'code' is not null or payload ->> 'text' is not null"
            " or jsonb_path_exists(payload, '$.sms[*].code ? (@ != null)')"
        )
        assert (before := await db.fetchval(readable)) > 0
        receipts = await db.fetch("select type, order_id in (select id from activations) as of_order from receipts")
        assert {row["type"]: row["of_order"] for row in receipts} == {
            "sms.received": True,
            "activation.created": True,
            "activation.updated": True,
            "balance.changed": None,
        }
        closing = "select id from activations where status = 'received'"
        assert await redact(db, NOW + 1_000 * DAY) == 0, "they are open"
        assert await db.fetchval(readable) == before
        for (activation,) in await db.fetch(closing):
            await call(db, "close_activation", p_activation_id=activation, p_status="completed", p_now=NOW)
        assert await redact(db) > 0
        assert (await db.fetchval(readable), await pending(db)) == (0, 0)

    run(empty_database_url, scenario)
