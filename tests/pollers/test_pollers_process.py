"""The pollers' frame: the service in this process with its database cut off, then as processes that are killed."""

import asyncio
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from functools import partial
from uuid import UUID

import httpx
import pytest
from structlog.testing import capture_logs

from pollers import service
from pollers.adoption import PURCHASE_WINDOW
from pollers.settings import PollerSettings
from tests.forks import Fork, run
from tests.pollers.support import Play, Rig, until
from tests.system import Process
from tests.wallet_db.support import assert_books_balance, new_user, wallet

WITHIN_S = 20


@asynccontextmanager
async def poller(url: str, base_url: str) -> AsyncIterator[Process]:
    """A poller process that works; killed at the end if it still runs."""
    process = Process("pollers", {"DATABASE_URL": url, "SMS_ACTIVATE_URL": base_url, "SMS_ACTIVATE_KEY": "demo"})
    try:
        await asyncio.to_thread(process.wait_until_it, says='"event": "working"')
        yield process
    finally:
        process.close()


async def is_status(rig: Rig, activation: UUID, status: str) -> bool:
    found: str = (await rig.row(activation))["status"]
    return found == status


async def all_are(rig: Rig, status: str) -> bool:
    return not await rig.db.fetchval("select exists (select from activations where status <> $1)", status)


# --- the service


def test_the_service_goes_on_after_the_database_has_cut_it_off(play: Play, orders_url: str) -> None:
    async def scenario(rig: Rig) -> None:
        stop = asyncio.Event()
        settings = PollerSettings(demo=True, sms_activate_url=rig.base_url, poll_s=0.02, concurrency_max=3)
        with capture_logs():
            running = asyncio.create_task(service.run(settings, orders_url, stop))
            first = await rig.order()
            await until(lambda: is_status(rig, first, "pending"))
            cut = await rig.db.fetch(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and application_name like 'onesms-%' and pid <> pg_backend_pid()"
                "   and application_name <> 'onesms-test'"
            )
            assert cut
            await rig.sms(first)
            others = [await rig.order() for _ in range(5)]
            await until(lambda: is_status(rig, first, "received"))
            for activation in others:
                await until(partial(is_status, rig, activation, "pending"))
            stop.set()
            await asyncio.wait_for(running, WITHIN_S)
        assert len(await rig.sold()) == 6
        await assert_books_balance(rig.db)

    play(scenario)


def test_a_stopped_service_has_written_down_what_it_bought(play: Play, orders_url: str) -> None:
    async def scenario(rig: Rig) -> None:
        stop = asyncio.Event()
        settings = PollerSettings(demo=True, sms_activate_url=rig.base_url, poll_s=0.02)
        await rig.fault("getNumberV2", "slow", delay_s=0.3)
        activation = await rig.order()
        with capture_logs():
            running = asyncio.create_task(service.run(settings, orders_url, stop))
            await until(lambda: is_sold(rig, activation))
            assert (await rig.row(activation))["status"] == "ordering"
            stop.set()
            await asyncio.wait_for(running, WITHIN_S)
        assert await rig.end(activation) == ("pending", None, "36.00", "5.00")

    play(scenario)


async def all_bought(rig: Rig) -> bool:
    """Whether every order has its number; those that lost the race for an orphan need not wait for the next try."""
    await rig.db.execute("update activations set due_at = now() where status = 'ordering'")
    return await all_are(rig, "pending")


async def is_sold(rig: Rig, activation: UUID) -> bool:
    return bool(await rig.sold(activation))


# --- processes


def test_a_process_killed_in_the_middle_of_purchases_leaves_orders_another_finishes(
    play: Play, orders_url: str
) -> None:
    async def scenario(rig: Rig) -> None:
        user = await new_user(rig.db, "50.00")
        ordered = [await rig.order(user=user) for _ in range(6)]
        await rig.fault("getNumberV2", "slow", count=3, delay_s=60)  # three are bought, and their answers never come
        async with poller(orders_url, rig.base_url) as first:

            async def three_are_under_way() -> bool:
                pending = await rig.db.fetchval("select count(*) from activations where status = 'pending'")
                return len(await rig.sold()) == 6 and pending == 3

            await until(three_are_under_way, within_s=WITHIN_S)
            first.kill()
        await rig.pass_time(PURCHASE_WINDOW.total_seconds() + 60)  # the window, and the lease
        async with poller(orders_url, rig.base_url) as second:
            await until(lambda: all_bought(rig), within_s=WITHIN_S)
            for activation in ordered:
                await rig.sms(activation)
            await until(lambda: all_are(rig, "received"), within_s=WITHIN_S)
            await asyncio.to_thread(second.stop)
        assert len(await rig.sold()) == 6
        assert await wallet(rig.db, user) == ("20.00", "0.00", "20.00")
        await assert_books_balance(rig.db)

    play(scenario)


def test_missing_settings_are_one_line_and_status_2() -> None:
    ended = run(["pollers"], env={"DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"})
    assert ended.returncode == 2
    [line] = ended.stderr.splitlines()
    assert line.startswith("SMS_ACTIVATE_URL and SMS_ACTIVATE_KEY: expected a provider's address and key, got none")


def test_a_database_that_is_not_there_is_one_line_and_status_1() -> None:
    ended = run(["pollers"], env={"DATABASE_URL": "postgresql://nobody:s3cret@127.0.0.1:9/none", "DEMO": "1"})
    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    assert "127.0.0.1:9" in line
    assert "s3cret" not in line


@pytest.fixture
def taken_port() -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        yield taken.getsockname()[1]


def test_a_simulator_without_its_port_says_so_in_one_line(taken_port: int) -> None:
    ended = run(["pollers", "simulator"], env={"SIM_PORT": str(taken_port)})
    assert ended.returncode == 1
    [line] = (ended.stdout + ended.stderr).splitlines()
    assert line == f"SIM_PORT: cannot listen on 127.0.0.1:{taken_port}: Address already in use"


def test_the_simulator_as_a_process_serves_and_stops() -> None:
    with Fork(["pollers", "simulator"], env={"SIM_PORT": "0"}, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            base_url = process.stdout.readline().decode().removeprefix("simulator: ").strip()
            answer = httpx.get(f"{base_url}/stubs/handler_api.php?api_key=demo&action=getBalance")
            assert answer.text == "ACCESS_BALANCE:10000.00"
            process.send_signal(signal.SIGTERM)
            process.wait(WITHIN_S)
        finally:
            process.kill()
