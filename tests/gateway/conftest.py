"""One running system for all the tests of this folder that do not break it, and a second, impatient gateway in it."""

import asyncio
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from pollers.simulator import SimulatorSettings
from tests.conftest import database_of, execute
from tests.gateway.api import client_of
from tests.gateway.card_desk import WEBHOOK_SECRET, CardDesk
from tests.gateway.clients import TRANSPORTS, Transport
from tests.system import TLS, System, running_system

DEFAULT_TIMES = {"sms_delay_s": 3600, "early_cancel_s": 0, "lifetime_s": 1200}
"""No SMS unless a test orders it, and a cancel is never too early."""


@pytest.fixture(scope="package")
def system(server_url: str, template: str) -> Iterator[System]:
    """Gateway, notifier, pollers and the simulated provider, on a database that these tests share."""
    name = f"onesms_test_{uuid.uuid4().hex[:8]}"
    asyncio.run(execute(server_url, f'create database "{name}" template "{template}"'))
    with running_system(
        database_of(server_url, name),
        pollers=True,
        simulator=SimulatorSettings(port=0, sms_delay_s=3600, early_cancel_s=0),
    ) as running:
        yield running
    asyncio.run(execute(server_url, f'drop database "{name}" with (force)'))


@pytest.fixture(scope="package")
def impatient_url(system: System) -> str:
    """A gateway outside the demo that beats every second, buffers little and hardly waits for a provider."""
    return system.start_gateway(DEMO="0", HEARTBEAT_S="1", BUFFER_BYTES_MAX="65536", ORDER_WAIT_S="0.2")


@pytest.fixture(scope="package")
def desk(server_url: str, template: str) -> Iterator[CardDesk]:
    """A system whose cards the test looks after: no pollers, and a second gateway that waits for nobody."""
    name = f"onesms_test_{uuid.uuid4().hex[:8]}"
    asyncio.run(execute(server_url, f'create database "{name}" template "{template}"'))
    environment = {"STROWALLET_WEBHOOK_SECRET": WEBHOOK_SECRET, "CARD_REVEALS_PER_USER_MAX": "4"}
    with running_system(database_of(server_url, name), environment=environment) as running:
        yield CardDesk(running, running.start_gateway(ORDER_WAIT_S="0"))
    asyncio.run(execute(server_url, f'drop database "{name}" with (force)'))


@pytest.fixture
def owner(desk: CardDesk) -> Iterator[httpx.Client]:
    """Somebody with 36.00 in the system of `desk`."""
    _, token = desk.system.sign_in()
    with client_of(desk.system.url, token) as client:
        yield client


@dataclass(frozen=True)
class Provider:
    """The simulator's control side."""

    control: httpx.Client

    def arm(self, fault: str, action: str, **data: object) -> None:
        """The next request of this action goes wrong."""
        self.control.post("/sim/faults", json={"fault": fault, "action": action, **data}).raise_for_status()

    def set_times(self, **times: float) -> None:
        self.control.post("/sim/settings", json=times).raise_for_status()

    def deliver_sms(self, phone: str, code: str) -> None:
        """An SMS arrives at this number now."""
        orders = self.control.get("/sim/activations").json()["activations"]
        order_id = next(order["id"] for order in orders if order["phone"] == phone)
        self.control.post(f"/sim/activations/{order_id}/sms", json={"code": code}).raise_for_status()


@pytest.fixture
def provider(system: System) -> Iterator[Provider]:
    """The simulated provider; a test may disturb it, afterwards it is as before."""
    assert system.simulator_url
    with httpx.Client(base_url=system.simulator_url, verify=TLS) as control:
        yield Provider(control)
        control.delete("/sim/faults").raise_for_status()
        control.post("/sim/settings", json=DEFAULT_TIMES).raise_for_status()


@pytest.fixture
def alice(system: System) -> Iterator[httpx.Client]:
    """Somebody with 36.00."""
    _, token = system.sign_in()
    with client_of(system.url, token) as client:
        yield client


@pytest.fixture(params=TRANSPORTS, ids=lambda transport: transport.name)
def transport(request: pytest.FixtureRequest) -> Transport:
    """Each of the three, in turn: one contract, one suite."""
    found: Transport = request.param
    return found
