"""`python -m notifier` as a process of its own."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import orjson
import pytest

from notifier.bus import PostgresBus
from tests.forks import Fork, run
from tests.notifier.support import DEADLINE_S, Collector, append, create_users, running, session
from tests.notifier.test_follower_sleep import until_awake


@contextmanager
def notifier(**environment: str) -> Iterator["subprocess.Popen[str]"]:
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "BUS")}
    process = Fork(["notifier"], env=kept | environment, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until_logged(process: "subprocess.Popen[str]", event: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        assert line.startswith("{"), line
        entry = orjson.loads(line)
        assert entry["process"] == "notifier"
        if entry["event"] == event:
            return
    raise AssertionError(f"ended without {event}")


def end(process: "subprocess.Popen[str]", number: signal.Signals) -> None:
    process.send_signal(number)
    assert process.wait(timeout=DEADLINE_S) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_publishes_until_it_is_told_to_end(database_url: str, number: signal.Signals) -> None:
    async def scenario() -> None:
        [user] = await create_users(database_url, 1)
        bus, collector, listening = PostgresBus(database_url), Collector(), asyncio.Event()
        async with running(bus.listen(collector.receive, listening.set)), session(database_url) as connection:
            async with asyncio.timeout(DEADLINE_S):
                await listening.wait()
            for _ in range(3):
                await append(connection, user)
            await collector.until_seq(user, 3)

    with notifier(DATABASE_URL=database_url) as process:
        until_logged(process, "follower.leads")
        asyncio.run(scenario())
        end(process, number)


def test_the_one_that_stands_by_takes_over_and_ends_as_well(database_url: str) -> None:
    with notifier(DATABASE_URL=database_url) as leader:
        until_logged(leader, "follower.leads")
        with notifier(DATABASE_URL=database_url) as other, notifier(DATABASE_URL=database_url) as third:
            until_logged(other, "follower.stands_by")
            until_logged(third, "follower.stands_by")
            end(third, signal.SIGTERM)
            end(leader, signal.SIGTERM)
            until_logged(other, "follower.leads")
            end(other, signal.SIGTERM)


def test_one_that_hangs_awake_loses_the_lead_and_stands_by_when_it_goes_on(database_url: str) -> None:
    async def awake(wanted: bool) -> None:
        async with session(database_url) as connection:
            await until_awake(connection, wanted)

    rhythm = {"FOLLOWER_IDLE_S": "3600", "FOLLOWER_STANDBY_S": "0.05"}
    with notifier(DATABASE_URL=database_url, **rhythm) as leader:
        until_logged(leader, "follower.leads")
        asyncio.run(awake(True))
        leader.send_signal(signal.SIGSTOP)
        asyncio.run(awake(False))
        with notifier(DATABASE_URL=database_url, **rhythm) as other:
            until_logged(other, "follower.leads")
            asyncio.run(awake(True))
            leader.send_signal(signal.SIGCONT)
            until_logged(leader, "follower.database_lost")
            until_logged(leader, "follower.stands_by")
            end(leader, signal.SIGTERM)
            end(other, signal.SIGTERM)


def test_with_a_local_bus_it_has_nothing_to_do_and_needs_no_database() -> None:
    with notifier(BUS="local", DATABASE_URL="postgresql://127.0.0.1:1/nowhere") as process:
        until_logged(process, "notifier.idle")
        end(process, signal.SIGTERM)


def test_a_database_out_of_reach_is_one_line_and_status_1() -> None:
    with notifier(DATABASE_URL="postgresql://somebody:secret@127.0.0.1:1/nowhere") as process:
        _, text = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 1
    assert len(text.splitlines()) == 1
    assert "DATABASE_URL: no connection to PostgreSQL at 127.0.0.1:1/nowhere" in text
    assert "secret" not in text


def test_nats_out_of_reach_is_one_line_and_status_1(database_url: str) -> None:
    with notifier(DATABASE_URL=database_url, BUS="nats", NATS_URL="nats://somebody:secret@127.0.0.1:1") as process:
        _, text = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 1
    assert len(text.splitlines()) == 1
    assert "NATS_URL: no connection to NATS at nats://127.0.0.1:1: " in text
    assert "secret" not in text


def test_faulty_settings_are_named_and_status_2() -> None:
    with notifier(BUS="pigeons", FOLLOWER_POLL_S="0") as process:
        _, text = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 2
    assert text.splitlines() == [
        "BUS: Input should be 'postgres', 'local' or 'nats'",
        "FOLLOWER_POLL_S: Input should be greater than 0",
    ]


def test_help_says_what_it_is() -> None:
    answer = run(["notifier", "--help"], env={})
    assert "Follow the outbox" in answer.stdout
