"""What is done to cards again and again: alarms, sums of days, retention, and that the night asks for a comparison."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import asyncpg
import orjson
import pytest

from pollers.cards import upkeep
from pollers.cards.alarms import call_totals, watch_calls, watch_cards
from pollers.cards.upkeep import purge_card_data, reconcile_cards, sum_card_days
from pollers.metrics import CALL_S
from tests.pollers.support import until
from tests.wallet_db.cards import new_card, new_transaction, new_webhook
from tests.wallet_db.support import call, new_user, run
from wallet_db.connect import Pool, pool
from wallet_db.roles import POLLERS

DAY = timedelta(days=1)
OPERATOR_LOGS = "select message, data::text from system_logs where source = 'watch_cards' order by id"


async def told(db: Pool) -> list[tuple[str, dict[str, object]]]:
    return [(row["message"], orjson.loads(row["data"])) for row in await db.fetch(OPERATOR_LOGS)]


async def watch(db: Pool) -> dict[str, int]:
    return dict(await watch_cards(db, {}, webhook_failures_percent=5.0, blocked_sigmas=3.0))


async def blocked(pollers: Pool) -> tuple[int, int]:
    found = await watch(pollers)
    return found["blocked_day"], found["blocked_beyond"]


async def block(db: Pool, card: UUID, *, ago: timedelta = timedelta(0)) -> None:
    """As the audit has it: such a change that long ago."""
    await db.execute(
        "insert into strowallet_card_audit (card_id, action, actor_type, diff, at)"
        """ values ($1, 'status_changed', 'provider', '{"status": ["active", "blocked"]}', now() - $2::interval)""",
        card,
        ago,
    )


# --- alarms


def test_failing_webhooks_are_told_while_they_are_more_than_the_share(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        async with pool(database_url, "pollers", role=POLLERS) as pollers:
            assert set((await watch(pollers)).values()) == {0}
            for _ in range(95):
                await new_webhook(db)
            for _ in range(5):
                await new_webhook(db, status="failed")
            assert (await watch(pollers))["webhooks_failed"] == 5
            assert await told(db) == []
            await new_webhook(db, status="failed")
            await new_webhook(db, status="failed", ago=timedelta(minutes=61))
            result = await watch(pollers)
        assert (result["webhooks_received"], result["webhooks_failed"]) == (101, 6)
        assert await told(db) == [("CARD_WEBHOOKS_FAIL", {"failed": 6, "received": 101, "percent_max": 5.0})]

    run(database_url, scenario)


def test_more_blocked_cards_than_the_weeks_before_let_expect_are_told(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        card = await new_card(db, user)
        await new_card(db, user, "blocked")  # imported so: nobody blocked it
        async with pool(database_url, "pollers", role=POLLERS) as pollers:
            for _ in range(9):
                await block(db, card)
            assert await blocked(pollers) == (9, 0)
            await db.execute("update cards set created_at = now() - interval '30 days'")
            for day in range(1, 29):
                for _ in range(4 + day % 2 * 4):  # 8 and 4 in turns: a mean of 6, a deviation of 2
                    await block(db, card, ago=day * DAY + timedelta(hours=1))
            assert await blocked(pollers) == (9, 0)
            for _ in range(3):
                await block(db, card)
            assert await blocked(pollers) == (12, 0)
            assert await told(db) == []
            await block(db, card)
            assert await blocked(pollers) == (13, 1)
        assert await told(db) == [("CARDS_BLOCKED", {"blocked": 13, "limit": 12, "sigmas": 3.0})]

    run(database_url, scenario)


def test_slow_calls_are_told_and_others_are_not(database_url: str) -> None:
    slow, fast = f"slow-{uuid4().hex}", f"fast-{uuid4().hex}"

    async def scenario(db: Pool) -> None:
        async def keep_calling() -> None:
            while True:
                CALL_S.labels(slow, "card").observe(3.5)
                CALL_S.labels(fast, "card").observe(0.2)
                await asyncio.sleep(0.002)

        async def is_told() -> bool:
            return await told(db) != []

        async with pool(database_url, "pollers", role=POLLERS) as pollers:
            calling = asyncio.create_task(keep_calling())
            watching = asyncio.create_task(watch_calls(pollers, [slow, fast], slow_s=2.0, minute_s=0.02))
            await until(is_told)
            for task in (calling, watching):
                task.cancel()
            await asyncio.gather(calling, watching, return_exceptions=True)
        message, data = (await told(db))[0]
        assert message == "CARD_CALLS_SLOW"
        assert (data["provider"], data["mean_s"], data["minutes"]) == (slow, 3.5, 5)
        assert {data["provider"] for _, data in await told(db)} == {slow}
        calls, seconds = call_totals([fast])[fast]
        assert seconds == pytest.approx(calls * 0.2)

    run(database_url, scenario)


def test_what_reconciliations_left_is_told_for_the_metrics(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        for provider, ago, left in (("a", 2 * DAY, 9), ("a", 0 * DAY, 2), ("b", 0 * DAY, 1)):
            await db.execute(
                "insert into card_reconciliations (provider, asked_by, started_at, ended_at, due_at, mismatches,"
                " corrected, unread, beyond)"
                " values ($1, 'nightly', now(), now() - $2::interval, null, $3::int + 3, 3, 1, $3)",
                provider,
                ago,
                left,
            )
        await db.execute(
            "insert into card_reconciliations (provider, asked_by, asked_at)"
            " values ('a', 'nightly', now() - interval '1 hour')"
        )
        async with pool(database_url, "pollers", role=POLLERS) as pollers:
            found = await watch(pollers)
        assert (found["mismatches_left"], found["balances_beyond"]) == (5, 3)
        assert 3600 <= found["reconciliation_open_s"] < 3660

    run(database_url, scenario)


# --- sums of days


def test_a_day_is_summed_up_and_again_the_same(database_url: str) -> None:
    async def sums(db: Pool, day: str) -> dict[str, object]:
        row = await db.fetchrow("select * from card_daily where day = $1::text::date and provider = 'strowallet'", day)
        assert row is not None
        return {name: value for name, value in dict(row).items() if name not in ("day", "provider")}

    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        card, ended = await new_card(db, user), await new_card(db, user)
        noon = datetime(2026, 1, 2, 12, tzinfo=UTC)
        await db.execute("update cards set closed_at = $2, status = 'terminated' where id = $1", ended, noon)
        for at in (noon - DAY, noon.replace(hour=0), noon, noon.replace(hour=23, minute=59), noon + DAY):
            await new_transaction(db, card, "-7.50", at=at)
        await new_transaction(db, card, "-100.00", at=noon, status="failed")
        await new_transaction(db, card, "50.00", at=noon)
        for kind, status, at in (("funding", "completed", noon), ("funding", "failed", noon)):
            await db.execute(
                "insert into card_fundings (card_id, user_id, kind, usd, price, frozen_amount, status, begun_at,"
                " ended_at, due_at) values ($1, $2, $3, 50, 60, 0, $4, $5, $5, null)",
                card,
                user,
                kind,
                status,
                at,
            )
        await db.execute(
            "insert into card_offers (provider, creation_fee, usd_price, usd_min, usd_max)"
            " values ('strowallet', 2, 1.1, 5, 500) on conflict (provider) do update set usd_price = 1.1"
        )
        async with pool(database_url, "pollers", role=POLLERS) as pollers:
            for _ in range(2):
                await call(pollers, "sum_card_day", p_day=noon.date())
                assert await sums(db, "2026-01-02") == {
                    "cards_created": 0,
                    "cards_ended": 1,
                    "fundings": 1,
                    "funded_usd": Decimal("50.00"),
                    "spent_usd": Decimal("22.50"),
                    "declined": 1,
                    "fees": Decimal("5.00"),
                }
            await new_transaction(db, card, "-0.50", at=noon)
            await call(pollers, "sum_card_day", p_day=noon.date())
            assert (await sums(db, "2026-01-02"))["spent_usd"] == Decimal("23.00")
            assert await db.fetchval("select count(*) from card_daily") == 1
            assert (await sum_card_days(pollers, {}))["days"] == 3
            assert await db.fetchval("select count(*) from card_daily where day > current_date - 3") == 3

    run(database_url, scenario)


# --- retention


def test_numbers_go_when_a_card_has_been_over_for_long_enough(database_url: str) -> None:
    async def kept(db: Pool) -> list[bool]:
        rows = await db.fetch("select last4_sealed is not null as kept from cards order by balance")
        return [row["kept"] for row in rows]

    async def purge(pollers: Pool) -> int:
        purged = await purge_card_data(pollers, {}, numbers_kept=90 * DAY, payloads_kept=DAY)
        return purged["numbers"]

    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        await new_card(db, user, balance="1.00")
        await new_card(db, user, "terminated", balance="2.00")
        async with pool(database_url, "pollers", role=POLLERS) as pollers:
            await db.execute(
                "update cards set closed_at = now() - interval '89 days 23 hours' where closed_at is not null"
            )
            assert (await purge(pollers), await kept(db)) == (0, [True, True])
            await db.execute("update cards set closed_at = closed_at - interval '2 hours' where closed_at is not null")
            assert (await purge(pollers), await kept(db)) == (1, [True, False])
            assert (await purge(pollers), await kept(db)) == (0, [True, False])

    run(database_url, scenario)


def test_payloads_go_and_that_they_came_stays(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        old, new, waiting = (
            await new_webhook(db, ago=31 * DAY),
            await new_webhook(db, ago=29 * DAY),
            await new_webhook(db, status="new", ago=31 * DAY),
        )
        async with pool(database_url, "pollers", role=POLLERS) as pollers:
            first = await purge_card_data(pollers, {}, numbers_kept=DAY, payloads_kept=30 * DAY)
            second = await purge_card_data(pollers, first, numbers_kept=DAY, payloads_kept=30 * DAY)
        assert (first["payloads"], second["payloads"], second["payloads_total"]) == (1, 0, 1)
        rows = await db.fetch("select id, payload = '{}' as empty from strowallet_webhook_events order by id")
        assert [tuple(row) for row in rows] == [(old, True), (new, False), (waiting, False)]

    run(database_url, scenario)


def test_documents_go_at_their_time(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user, customer = await new_user(db), uuid4()
        await db.execute(
            "insert into card_customers (id, user_id, provider, details, email_digest)"
            " values ($1, $2, 'strowallet', 'x', 'y')",
            customer,
            user,
        )
        for kind, ago in (("id_image", timedelta(seconds=-60)), ("user_photo", timedelta(seconds=1))):
            await db.execute(
                "insert into card_documents (id, customer_id, user_id, kind, content_type, sealed, purge_at)"
                " values ($1, $2, $3, $4, 'image/png', 'sealed', now() - $5::interval)",
                uuid4(),
                customer,
                user,
                kind,
                ago,
            )
        async with pool(database_url, "pollers", role=POLLERS) as pollers:
            purged = await purge_card_data(pollers, {}, numbers_kept=DAY, payloads_kept=DAY)
        assert purged["documents"] == 1
        assert await db.fetchval("select array_agg(kind) from card_documents") == ["id_image"]

    run(database_url, scenario)


def test_reveals_are_forgotten_and_the_audit_is_not(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        card = await new_card(db, user)
        for ago in (timedelta(hours=23), timedelta(hours=25)):
            await db.execute(
                "insert into card_reveals (card_id, user_id, public_key, status, expires_at, ended_at, due_at)"
                " values ($1, $2, $3, 'answered', now(), now() - $4::interval, null)",
                card,
                user,
                bytes(32),
                ago,
            )
        audited = await db.fetchval("select count(*) from strowallet_card_audit")
        async with pool(database_url, "pollers", role=POLLERS) as pollers:
            purged = await purge_card_data(pollers, {}, numbers_kept=DAY, payloads_kept=DAY)
        assert purged["reveals"] == 1
        assert await db.fetchval("select count(*) from card_reveals") == 1
        assert await db.fetchval("select count(*) from strowallet_card_audit") == audited
        with pytest.raises(asyncpg.PostgresError):
            await db.execute("delete from strowallet_card_audit")

    run(database_url, scenario)


def test_a_run_purges_all_within_its_bounds(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "PURGE_BATCH", 2)
    monkeypatch.setattr(upkeep, "BATCHES_MAX", 2)

    async def scenario(db: Pool) -> None:
        for _ in range(5):
            await new_webhook(db, ago=2 * DAY)
        async with pool(database_url, "pollers", role=POLLERS) as pollers:
            first = await purge_card_data(pollers, {}, numbers_kept=DAY, payloads_kept=DAY)
            second = await purge_card_data(pollers, first, numbers_kept=DAY, payloads_kept=DAY)
        assert (first["payloads"], second["payloads"], second["payloads_total"]) == (4, 1, 5)

    run(database_url, scenario)


# --- the night


def test_the_night_asks_once_for_each_provider(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        async with pool(database_url, "pollers", role=POLLERS) as pollers:
            asked = await reconcile_cards(pollers, {}, providers=["strowallet", "other"], correct=True)
            again = await reconcile_cards(pollers, asked, providers=["strowallet", "other"], correct=True)
        assert again == {"asked": 2, "asked_total": 4}
        rows = await db.fetch("select provider, asked_by, correct from card_reconciliations order by provider")
        assert [tuple(row) for row in rows] == [("other", "nightly", True), ("strowallet", "nightly", True)]
        due = await db.fetchval("select due_at from periodic_jobs where name = 'reconcile_cards'")
        assert due > datetime.now(UTC)
        assert (due.hour, due.minute) == (3, 0)

    run(database_url, scenario)
