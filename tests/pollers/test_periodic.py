"""Periodic jobs: claimed by one, done again if whoever did them failed or died; what they do to wallets and events."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import asyncpg
import pytest
from structlog.testing import capture_logs

from pollers import periodic, service
from pollers.periodic import (
    OVERDUE_AFTER,
    check_wallets,
    expire_holds,
    forget_events,
    periodic_loop,
    redact_events,
    tell_overdue,
)
from pollers.settings import PollerSettings
from tests.pollers.support import until
from tests.pollers.test_pollers_process import WITHIN_S, poller
from tests.wallet_db.faults import alerts, set_figures, status_of, untouched
from tests.wallet_db.support import NOW, apply_sms, assert_books_balance, call, new_user, pending_order, run, wallet
from wallet_db.connect import Pool, pool
from wallet_db.periodic import PeriodicJob, claim_periodic_jobs, finish_periodic_job, read_periodic_jobs
from wallet_db.roles import POLLERS

LEASE = timedelta(seconds=60)
NAMES = ["check_wallets", "expire_holds", "forget_events", "redact_events"]
NOBODY = "http://127.0.0.1:9"
"""A provider nobody asks: there are no orders."""
SETTINGS = PollerSettings(demo=True, sms_activate_url=NOBODY, events_kept_days=3, sms_redacted_after_s=3600)
OF_POLLERS = "datname = current_database() and application_name = 'onesms-pollers'"


async def job_of(db: Pool, name: str) -> PeriodicJob:
    return {job.name: job for job in await read_periodic_jobs(db)}[name]


async def make_due(db: Pool, name: str) -> None:
    await db.execute("update periodic_jobs set due_at = now(), finished_at = null where name = $1", name)


async def only(db: Pool, name: str) -> None:
    """No other job is due in this test."""
    await db.execute("update periodic_jobs set due_at = 'infinity' where name <> $1", name)


async def is_finished(db: Pool, name: str) -> bool:
    return (await job_of(db, name)).finished_at is not None


async def is_waiting_for_a_wallet(db: Pool) -> bool:
    waiting = await db.fetchval(
        f"select exists (select from pg_stat_activity where {OF_POLLERS} and wait_event_type = 'Lock')"  # noqa: S608
    )
    return bool(waiting)


async def are_gone(db: Pool) -> bool:
    gone = await db.fetchval(f"select not exists (select from pg_stat_activity where {OF_POLLERS})")  # noqa: S608
    return bool(gone)


async def freeze_expired(db: Pool, user: UUID, holds: int) -> None:
    await db.execute(
        "select atomic_freeze($1, 0.01, 'brief-' || n, p_expires_at => now() - interval '1 second')"
        " from generate_series(1, $2) n",
        user,
        holds,
    )


# --- the row is the job


def test_a_due_job_is_one_claimers_until_its_lease_ends(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await only(db, "check_wallets")
        claims = [claim_periodic_jobs(db, NAMES, limit=2, lease=LEASE) for _ in range(8)]
        claimed = [job for jobs in await asyncio.gather(*claims) for job in jobs]
        assert [(job.name, job.result, job.finished_at) for job in claimed] == [("check_wallets", {}, None)]
        assert claimed[0].started_at == claimed[0].due_at - LEASE
        assert await claim_periodic_jobs(db, NAMES, limit=2, lease=LEASE) == []
        again = await db.fetch("select * from claim_periodic_jobs($1, 2, $2, $3)", NAMES, LEASE, claimed[0].due_at)
        assert [row["name"] for row in again] == ["check_wallets"]

    run(database_url, scenario, connections_max=8)


def test_a_job_this_program_does_not_know_is_left_to_those_who_do(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await db.execute("insert into periodic_jobs (name, every) values ('of_tomorrow', '1 second')")
        claimed = await claim_periodic_jobs(db, NAMES, limit=5, lease=LEASE)
        assert sorted(job.name for job in claimed) == NAMES

    run(database_url, scenario)


def test_a_finished_job_keeps_its_result_and_is_due_after_its_interval(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await only(db, "check_wallets")
        [job] = await claim_periodic_jobs(db, NAMES, limit=1, lease=LEASE)
        await finish_periodic_job(db, job, {"checked": 3})
        after = await job_of(db, "check_wallets")
        assert after.result == {"checked": 3}
        assert after.finished_at is not None
        assert after.due_at == after.finished_at + timedelta(hours=1)

    run(database_url, scenario)


def test_a_job_made_due_while_it_runs_is_run_again(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await only(db, "check_wallets")
        [job] = await claim_periodic_jobs(db, NAMES, limit=1, lease=LEASE)
        await db.execute("update periodic_jobs set due_at = $1 where name = 'check_wallets'", NOW)
        await finish_periodic_job(db, job, {"checked": 3})
        after = await job_of(db, "check_wallets")
        assert (after.due_at, after.result) == (NOW, {"checked": 3})

    run(database_url, scenario)


def test_a_job_that_fails_is_logged_and_due_again_when_its_lease_ends(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await only(db, "check_wallets")
        await db.execute("alter view v_frozen_balance_health rename to mislaid")
        before = await job_of(db, "check_wallets")
        loop = periodic_loop(db, SETTINGS)

        async def is_claimed() -> bool:
            return (await job_of(db, "check_wallets")).due_at > before.due_at

        with capture_logs() as logged:
            running = asyncio.create_task(loop.run())
            await until(is_claimed)
            loop.stop()
            await running
        assert [line["event"] for line in logged if line["log_level"] == "error"] == [
            "job failed; it is due again when its lease ends"
        ]
        after = await job_of(db, "check_wallets")
        assert (after.finished_at, after.result) == (None, {})
        assert after.started_at is not None
        assert after.due_at == after.started_at + LEASE

    run(database_url, scenario)


# --- what they do


def test_the_check_corrects_what_it_can_and_counts_what_it_cannot(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        high, low, critical, healthy = [await new_user(db, "36.00", "5.00") for _ in range(4)]
        orphan = await new_user(db)
        created = await call(db, "create_activation", p_user_id=orphan, p_service="wa", p_country="6")
        async with db.acquire() as connection, connection.transaction():
            await connection.execute("set local session_replication_role = replica")
            await connection.execute("delete from wallet_holds where activation_id = $1::text::uuid", created["id"])
        await set_figures(db, high, frozen="9.00")
        await set_figures(db, low, frozen="1.00")
        await set_figures(db, critical, balance="-1.00")
        kept = [await untouched(db, user) for user in (critical, healthy)]
        async with pool(database_url, "pollers", role=POLLERS) as connections:
            with capture_logs() as logged:
                first = await check_wallets(connections, {})
                second = await check_wallets(connections, first)
        assert first == {"checked": 6, "corrected": 3, "critical": 1, "left": 1, "corrected_total": 3}
        assert second == {"checked": 6, "corrected": 0, "critical": 1, "left": 1, "corrected_total": 3}
        assert await wallet(db, high) == await wallet(db, low) == ("36.00", "5.00", "31.00")
        assert [await status_of(db, user) for user in (critical, orphan)] == ["CRITICAL", "WARNING"]
        assert [await untouched(db, user) for user in (critical, healthy)] == kept
        errors = [line for line in logged if line["log_level"] == "error"]
        told = {line["user_id"]: line["status"] for line in errors if line["event"] == "wallet needs a person"}
        assert told == {str(critical): "CRITICAL", str(orphan): "WARNING"}
        assert sum(line["event"] == "there are CRITICAL wallets" for line in errors) == 2
        assert {alert["user_id"] for alert in await alerts(db)} == {str(critical), str(orphan)}
        assert len(await alerts(db)) == 2

    run(database_url, scenario)


def test_a_busy_wallet_holds_up_no_other(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        busy, other = await new_user(db, "36.00", "5.00"), await new_user(db, "36.00", "5.00")
        for user in (busy, other):
            await set_figures(db, user, frozen="9.00")
        settings = {"role": POLLERS, "lock_timeout": "50ms"}
        async with asyncpg.create_pool(database_url, min_size=1, server_settings=settings) as connections:
            async with db.acquire() as holder, holder.transaction():
                await holder.fetchval("select lock_user_wallet($1)", busy)
                with capture_logs():
                    result = await check_wallets(connections, {"corrected_total": 7})
            assert result == {"checked": 3, "corrected": 1, "critical": 0, "left": 1, "corrected_total": 8}
            assert [await status_of(db, user) for user in (busy, other)] == ["WARNING", "OK"]

    run(database_url, scenario)


def test_a_run_refunds_every_hold_whose_time_is_over(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "36.00", "5.00")
        await freeze_expired(db, user, 2 * periodic.EXPIRE_BATCH + 30)
        assert await wallet(db, user) == ("36.00", "7.30", "28.70")
        async with pool(database_url, "pollers", role=POLLERS) as connections:
            first = await expire_holds(connections, {})
            second = await expire_holds(connections, first)
        assert first == {"expired": 230, "expired_total": 230}
        assert second == {"expired": 0, "expired_total": 230}
        assert await wallet(db, user) == ("36.00", "5.00", "31.00")
        await assert_books_balance(db)

    run(database_url, scenario)


def test_a_sweep_waits_for_no_locked_table(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "36.00", "5.00")
        await freeze_expired(db, user, 3)
        async with pool(database_url, "pollers", role=POLLERS) as connections:
            async with db.acquire() as holder, holder.transaction():
                await holder.execute("lock table wallet_holds in access exclusive mode")
                with capture_logs() as lines:
                    swept = await expire_holds(connections, {"expired_total": 7})
            assert swept == {"expired": 0, "expired_total": 7}
            assert [(line["event"], line["log_level"]) for line in lines] == [("holds not swept this time", "info")]
            assert (await expire_holds(connections, swept))["expired"] == 3

    run(database_url, scenario)


def test_a_run_removes_every_event_that_is_too_old_within_its_bounds(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(periodic, "FORGET_BATCH", 10)
    monkeypatch.setattr(periodic, "BATCHES_MAX", 3)

    async def scenario(db: Pool) -> None:
        user = await new_user(db, "0.00")
        await db.execute("select append_event($1, 'test', '{}') from generate_series(1, 50)", user)
        await db.execute("update events set at = now() - interval '2 days' where seq <= 45")
        run_once = partial(forget_events, kept=timedelta(days=1))
        async with pool(database_url, "pollers", role=POLLERS) as connections:
            assert await forget_events(connections, {}, kept=timedelta(days=3)) == {
                "forgotten": 0,
                "forgotten_total": 0,
            }
            first = await run_once(connections, {})
            second = await run_once(connections, first)
            third = await run_once(connections, second)
        assert (first, second, third) == (
            {"forgotten": 30, "forgotten_total": 30},
            {"forgotten": 15, "forgotten_total": 45},
            {"forgotten": 0, "forgotten_total": 45},
        )
        assert await db.fetchval("select array_agg(seq order by seq) from events") == [46, 47, 48, 49, 50]

    run(database_url, scenario)


def test_a_run_redacts_every_order_that_closed_long_enough_ago(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(periodic, "REDACT_BATCH", 2)

    async def scenario(db: Pool) -> None:
        user = await new_user(db, "100.00")
        for _ in range(5):
            activation = await pending_order(db, user)
            await apply_sms(db, activation, "918273")
            await call(db, "close_activation", p_activation_id=activation, p_status="completed")
        async with pool(database_url, "pollers", role=POLLERS) as connections:
            early = await redact_events(connections, {}, closed_for=timedelta(minutes=1))
            first = await redact_events(connections, early, closed_for=timedelta(0))
            second = await redact_events(connections, first, closed_for=timedelta(0))
        assert (early, first, second) == (
            {"redacted": 0, "redacted_total": 0},
            {"redacted": 5, "redacted_total": 5},
            {"redacted": 0, "redacted_total": 5},
        )
        assert await db.fetchval("select count(*) from events where payload::text like '%918273%'") == 0

    run(database_url, scenario)


# --- in the poller process


def test_orders_that_nobody_can_end_are_told_once_a_day_for_each_account(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        later = timedelta(hours=5)
        users = [await new_user(db) for _ in range(12)]
        stuck = [await pending_order(db, user) for user in users]
        assert await db.fetchval("select tell_overdue($1, $2)", OVERDUE_AFTER, NOW + timedelta(minutes=30)) == 0
        for hours, rows in ((0, 1), (1, 1), (23, 1), (25, 2)):
            at = NOW + later + timedelta(hours=hours)
            assert await db.fetchval("select tell_overdue($1, $2)", OVERDUE_AFTER, at) == len(stuck)
            told = await db.fetch("select level, message, data from system_logs where source = 'tell_overdue'")
            assert len(told) == rows
        data = json.loads(told[0]["data"])
        assert (told[0]["level"], told[0]["message"]) == ("error", "ORDERS_OVERDUE")
        assert (data["provider"], data["orders"], data["frozen"]) == ("simulator", len(stuck), "60.00")
        assert len(data["oldest"]) == 10
        assert {each["activation_id"] for each in data["oldest"]} <= {str(activation) for activation in stuck}

        await db.fetchval("select refund_activation($1, 'ticket 1')", stuck[0])  # what the README says to do
        assert await db.fetchval("select tell_overdue($1, $2)", OVERDUE_AFTER, at) == len(stuck) - 1
        assert await wallet(db, users[0]) == ("36.00", "0.00", "36.00")
        assert await wallet(db, users[1]) == ("36.00", "5.00", "31.00")  # nothing goes back by the clock
        assert await tell_overdue(db, {}) == {"overdue": len(stuck) - 1}

    run(database_url, scenario)


def test_the_service_runs_them_and_stops_with_them(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "36.00", "5.00")
        await freeze_expired(db, user, 3)
        await set_figures(db, user, frozen="20.00")
        served = await pending_order(db, user)
        await apply_sms(db, served)
        ended_at = datetime.now(UTC) - timedelta(hours=2)
        await call(db, "close_activation", p_activation_id=served, p_status="completed", p_now=ended_at)
        await db.execute("update events set at = now() - interval '4 days' where user_id = $1 and seq <= 2", user)
        stop = asyncio.Event()
        with capture_logs():
            running = asyncio.create_task(service.run(SETTINGS, database_url, stop))
            for name in NAMES:
                await until(partial(is_finished, db, name))
            stop.set()
            await asyncio.wait_for(running, WITHIN_S)
        assert await wallet(db, user) == ("31.00", "5.00", "26.00")
        check, expiry = await job_of(db, "check_wallets"), await job_of(db, "expire_holds")
        assert (check.result["corrected"], expiry.result["expired_total"]) == (1, 3)
        assert (await job_of(db, "forget_events")).result["forgotten"] == 2
        assert (await job_of(db, "redact_events")).result["redacted"] == 1

    run(database_url, scenario)


def test_a_process_killed_in_the_middle_of_a_check_leaves_it_to_another(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await only(db, "nothing")
        users = sorted([await new_user(db, "36.00", "5.00") for _ in range(3)])
        for user in users:
            await set_figures(db, user, frozen="9.00")
        async with db.acquire() as holder, holder.transaction(), poller(database_url, NOBODY) as process:
            await holder.fetchval("select lock_user_wallet($1)", users[1])
            await make_due(db, "check_wallets")
            await until(partial(is_waiting_for_a_wallet, db), within_s=WITHIN_S)
            process.kill()
            # As the server would by itself, had it noticed that nobody is there any more.
            await db.execute(f"select pg_terminate_backend(pid) from pg_stat_activity where {OF_POLLERS}")  # noqa: S608
            await until(partial(are_gone, db))
        assert not await is_finished(db, "check_wallets")
        assert [await status_of(db, user) for user in users] == ["OK", "WARNING", "WARNING"]
        await make_due(db, "check_wallets")  # the lease has run out
        async with poller(database_url, NOBODY) as process:
            await until(partial(is_finished, db, "check_wallets"), within_s=WITHIN_S)
            await asyncio.to_thread(process.stop)
        assert (await job_of(db, "check_wallets")).result["corrected"] == 2
        corrections = await db.fetch(
            "select user_id, count(*) from balance_operations where type = 'correct' group by user_id"
        )
        assert {row["user_id"]: row["count"] for row in corrections} == dict.fromkeys(users, 1)

    run(database_url, scenario)
