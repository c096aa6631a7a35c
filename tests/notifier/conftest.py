"""Creating a database takes longer than most of these tests, and many need no more than users of their own."""

import asyncio
import uuid
from collections.abc import Iterator

import pytest

from tests.conftest import database_of
from tests.nats_server import NatsServer, nats_server
from tests.notifier.support import execute


@pytest.fixture(scope="package")
def shared_database_url(server_url: str, template: str) -> Iterator[str]:
    """One migrated database for all tests that create users of their own and look at nothing else."""
    name = f"onesms_test_shared_{uuid.uuid4().hex[:8]}"
    asyncio.run(execute(server_url, f'create database "{name}" template "{template}"'))
    yield database_of(server_url, name)
    asyncio.run(execute(server_url, f'drop database "{name}" with (force)'))


@pytest.fixture(scope="package")
def shared_nats() -> Iterator[NatsServer]:
    """One nats-server for all tests that leave it running."""
    with nats_server() as server:
        yield server
