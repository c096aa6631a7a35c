"""A stage for orders: a database and a simulator. The database is wiped for each scenario, which is fast."""

import asyncio
import os
import uuid
from collections.abc import Iterator

import pytest

from pollers.simulator import running
from tests.conftest import database_of, execute
from tests.pollers.support import PATIENT, Play, play_on

WIPE = """
    set session_replication_role = replica;  -- the audit refuses to be emptied
    truncate users, wallet_holds, balance_operations, events, system_logs, routes, provider_balances cascade;
    truncate account_shares, account_rests, waiting_arms;
    insert into users (id, name) values ('00000000-0000-4000-8000-6f7065726174', 'operators');
    update services set price = 5.00, margin_percent = null, margin_fixed = 0, price_step = 0.01, warned_at = null,
        retry_on_timeout = null;
    update settings set value = '100' where key = 'timeout_refund_percent';
"""


@pytest.fixture(scope="package")
def _wiped_url(server_url: str, template: str) -> Iterator[str]:
    if "DATABASE_URL" not in os.environ:  # the embedded server dies with the run; it need not survive more
        asyncio.run(execute(server_url, "alter system set fsync = off"))
        asyncio.run(execute(server_url, "select pg_reload_conf()"))
    name = f"onesms_orders_{uuid.uuid4().hex[:8]}"
    asyncio.run(execute(server_url, f'create database "{name}" template "{template}"'))
    yield database_of(server_url, name)
    asyncio.run(execute(server_url, f'drop database "{name}" with (force)'))


@pytest.fixture
def orders_url(_wiped_url: str) -> str:
    """A database without users and orders; every service costs 5.00 in it."""
    asyncio.run(execute(_wiped_url, WIPE))
    return _wiped_url


@pytest.fixture
def play(orders_url: str) -> Iterator[Play]:
    """Runs a scenario on a database and a simulator where nothing happens by itself."""
    with running(PATIENT) as base_url:
        yield lambda scenario: play_on(orders_url, base_url, scenario)
