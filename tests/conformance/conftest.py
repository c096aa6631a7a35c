"""The system the contract is held against: whole, from outside, once with each bus.

With `postgres` and `nats` the follower is a process of its own; with `local` it runs inside the one gateway. Heartbeats
are short, so that no test waits long for one; the contract says how to ignore them.
"""

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.conftest import database_of, execute
from tests.gateway.clients import TRANSPORTS, Transport
from tests.nats_server import nats_server
from tests.system import System, running_system

HEARTBEAT_S = 2
BUS_AGNOSTIC = {"test_frames.py", "test_nginx.py", "test_odd_clients.py", "test_other_sites.py"}
"""How clients speak, not what events do: two buses are enough for that."""
OTHER_SITE = "https://shop.example"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out of the third bus what says nothing about it."""
    items[:] = [item for item in items if not ("[bus-nats" in item.name and item.path.name in BUS_AGNOSTIC)]


@pytest.fixture(scope="package", params=["postgres", "local", "nats"], ids=lambda bus: f"bus-{bus}")
def system(request: pytest.FixtureRequest, server_url: str, template: str) -> Iterator[System]:
    """Gateway and follower on a database that the tests of this folder share; pages of OTHER_SITE may read."""
    name = f"onesms_test_{uuid.uuid4().hex[:8]}"
    asyncio.run(execute(server_url, f'create database "{name}" template "{template}"'))
    environment = {"BUS": request.param, "HEARTBEAT_S": str(HEARTBEAT_S), "CORS_ORIGINS": OTHER_SITE}
    with ExitStack() as stack:
        if request.param == "nats":
            environment["NATS_URL"] = stack.enter_context(nats_server()).url
        yield stack.enter_context(running_system(database_of(server_url, name), environment=environment))
    asyncio.run(execute(server_url, f'drop database "{name}" with (force)'))


@pytest.fixture(params=TRANSPORTS, ids=lambda transport: transport.name)
def transport(request: pytest.FixtureRequest) -> Transport:
    """Each of the three, in turn: one contract, one suite."""
    found: Transport = request.param
    return found
