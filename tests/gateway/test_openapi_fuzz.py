"""The API's document against the API: what schemathesis makes of the one is sent to the other, over a real socket.

Bounded and seeded: the same requests each time, some for each operation. Whatever is sent, there is no answer
that the document lacks, none of another shape than it says, and no fault of ours (5xx).
"""

import os
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings

from gateway.api.openapi import document
from gateway.api.operation import Access
from gateway.app import DEMO_OPERATIONS, OPERATIONS
from gateway.auth import Authenticator
from tests.gateway.api import ORDER, buy, client_of, new_card
from tests.gateway.support import own_gateway
from tests.system import JWT_SECRET, System

if os.environ.get("CI"):
    import schemathesis
else:
    schemathesis = pytest.importorskip("schemathesis")

EXAMPLES = 4
CONFIG = {
    "seed": 1,
    "suppress-health-check": ["all"],
    "checks": {
        "positive_data_acceptance": {
            "enabled": False
        },  # of an order the database decides: 402 and 422 are answers, too
        "ignored_auth": {"enabled": False},  # test_security.py
    },
    "generation": {"max-examples": EXAMPLES, "deterministic": True, "database": "none"},
}
ALL = (*OPERATIONS, *DEMO_OPERATIONS)
OF_OPERATORS = {each.name for each in ALL if each.access is Access.OPERATOR}
# A stream does not end, and a WebSocket is no HTTP: the conformance suite has them.
api = (
    schemathesis.openapi.from_dict(document(ALL), config=schemathesis.Config.from_dict(CONFIG))
    .exclude(path="/realtime/sse")
    .exclude(path="/realtime/ws")
)


@pytest.fixture(scope="module")
def url(system: System) -> Iterator[str]:
    """A gateway that waits for no provider."""
    with own_gateway(system, ORDER_WAIT_S="0") as own:
        yield own


@pytest.fixture(scope="module")
def tokens(system: System) -> dict[bool, str]:
    """A user's with money, and an operator's."""
    return {False: system.sign_in("fuzz", "1000.00")[1], True: Authenticator(JWT_SECRET).issue(uuid4(), role="admin")}


@pytest.fixture(scope="module")
def ids(system: System, tokens: dict[bool, str]) -> dict[str, list[str]]:
    """Orders of that user, by what a path calls them: no id made up would name one."""
    with client_of(system.url, tokens[False]) as client:
        rental = ORDER | {"service": "whatsapp", "hours": 4}
        rentals = [client.post("/api/rentals", json=rental).json()["id"] for _ in range(2)]
        bought = [buy(client)["id"] for _ in range(3)]
        cards = [new_card(client)["card_id"] for _ in range(2)]
    users = [system.sign_in("fuzz")[0]]
    orders = [*bought, *rentals]
    return {
        "activation_id": bought,
        "rental_id": rentals,
        "order_id": orders,
        "user_id": users,
        "card_id": cards,
    }


@api.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_what_is_answered_is_documented(
    case: Any, url: str, tokens: dict[bool, str], ids: dict[str, list[str]]
) -> None:
    token = tokens[case.operation.definition.raw["operationId"] in OF_OPERATORS]
    for said in (case.path_parameters, case.query, case.body):
        for name in ids.keys() & (said.keys() if isinstance(said, dict) else set()):
            if is_uuid(said[name]):
                at = UUID(said[name]).int % (len(ids[name]) + 1)
                said[name] = [*ids[name], said[name]][at]
    case.call_and_validate(base_url=url, headers={"authorization": f"Bearer {token}"})


def is_uuid(text: object) -> bool:
    try:
        UUID(str(text))
    except ValueError:
        return False
    return True
