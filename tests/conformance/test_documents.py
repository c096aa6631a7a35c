"""docs/protocol.md and docs/asyncapi.yaml against the code's own tables: what either says more or less is a fault."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.app import OPERATIONS
from gateway.errors import STATUS_BY_CODE
from gateway.realtime import poll
from gateway.realtime.close_codes import BY_ERROR_CODE, CLOSE_CODES
from gateway.settings import GatewaySettings
from pollers.settings import PollerSettings
from tests.conformance.contract import DOCUMENT, DOCUMENTS, EVENT_TYPES, MESSAGES, faults_of, resolve

ROOT = DOCUMENTS.parent
PAGE = (DOCUMENTS / "protocol.md").read_text(encoding="utf-8")
EXAMPLES = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
FROM_CLIENTS = {"auth", "ack"}
POLLED = "polled"
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]


def sql() -> str:
    return "\n".join(path.read_text("utf-8") for path in sorted((ROOT / "wallet_db/sql").rglob("*.sql")))


def python(folder: str) -> str:
    return "\n".join(path.read_text("utf-8") for path in sorted((ROOT / folder).rglob("*.py")))


def headings() -> set[str]:
    """The types that the page has a heading for."""
    return {
        name for line in re.findall(r"^#{3,4} (`.*)$", PAGE, re.MULTILINE) for name in re.findall(r"`([^`]+)`", line)
    }


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_references_mean_something() -> None:
    found = list(references(DOCUMENT))
    assert found
    for reference in found:
        resolve(reference)
    unused = {name for name in SCHEMAS if f"#/components/schemas/{name}" not in found}
    assert not unused


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.get("type", POLLED))
def test_examples_are_as_the_schema_says(example: dict[str, Any]) -> None:
    assert faults_of(example, example.get("type", POLLED)) == []


def test_the_check_of_messages_bites() -> None:
    """The control: each of these is an example with one fault."""
    of = {example.get("type", POLLED): example for example in EXAMPLES}
    sms, ready = of["sms.received"], of["ready"]
    for broken in (
        sms | {"seq": 0},
        sms | {"seq": True},
        sms | {"more": 1},
        sms | {"at": "2026-11-21T02:19:09Z"},
        sms | {"data": sms["data"] | {"more": 1}},
        sms | {"data": {name: value for name, value in sms["data"].items() if name != "code"}},
        ready | {"snapshot": ready["snapshot"] | {"wallet": {"balance": 36, "frozen": "0.00", "available": "36.00"}}},
        {**ready, "resumed": "no"},
        {"type": "juggle"},
    ):
        assert faults_of(broken), broken
    assert faults_of(of[POLLED] | {"events": [sms | {"seq": 0}]}, POLLED)


def test_every_event_of_the_database_is_documented_and_no_other() -> None:
    calls = re.findall(r"(?:append_event\(|insert into events)[^;]*;", sql())
    emitted = {name for call in calls for name in re.findall(r"'([a-z]+\.[a-z]+)'", call)}
    assert emitted == EVENT_TYPES
    assert headings() >= emitted


def test_every_message_of_the_gateway_is_documented_and_no_other() -> None:
    sent = set(re.findall(r'\bMessage\(\s*"([a-z.]+)"', python("gateway/realtime")))
    assert MESSAGES.keys() == sent | EVENT_TYPES | FROM_CLIENTS | {POLLED}
    assert headings() == sent | EVENT_TYPES
    assert {example.get("type", POLLED) for example in EXAMPLES} == headings() | {POLLED}


def test_close_codes_are_the_gateways() -> None:
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE)
    assert rows == [(str(code.code), code.name, code.client_should) for code in CLOSE_CODES]
    assert SCHEMAS["CloseCode"]["enum"] == [code.code for code in CLOSE_CODES]
    mentioned = {int(code) for code in re.findall(r"\b(4[05]\d\d)\b", PAGE)}
    assert mentioned <= {code.code for code in CLOSE_CODES} | {4500}


def test_error_codes_are_the_gateways() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (\d+) \| (.*) \|$", PAGE, re.MULTILINE)
    assert {(code, int(status)) for code, status, _ in rows} == set(STATUS_BY_CODE.items())
    assert len(rows) == len(STATUS_BY_CODE)
    closes = {code: int(found[1]) for code, _, text in rows if (found := re.search(r"WebSocket: (\d+)", text))}
    assert closes == {code: close.code for code, close in BY_ERROR_CODE.items()}
    assert set(SCHEMAS["ErrorCode"]["enum"]) <= STATUS_BY_CODE.keys()


def test_every_realtime_endpoint_is_on_the_page_and_no_other() -> None:
    served = {each.path for each in OPERATIONS if each.path.startswith("/realtime/")}
    assert set(re.findall(r"/realtime/[a-z]+", PAGE)) == served


def test_settings_on_the_page_exist() -> None:
    names = set(re.findall(r"`([A-Z][A-Z_]+)(?:=\d+)?`", PAGE)) - STATUS_BY_CODE.keys() - {"HEAD", "GET", "POST"}
    assert names <= {name.upper() for name in GatewaySettings.model_fields | PollerSettings.model_fields}


def test_bounds_of_a_poll_are_the_gateways() -> None:
    wait = SCHEMAS["PollQuery"]["properties"]["wait"]
    assert wait["default"] == poll.WAIT_S_DEFAULT
    assert MESSAGES[POLLED]["payload"]["properties"]["events"]["maxItems"] == poll.EVENTS_MAX
    assert f"{poll.WAIT_S_DEFAULT:.0f} if not given; more than {poll.WAIT_S_MAX:.0f} is cut" in PAGE
    assert f"{poll.EVENTS_MAX:,} events at most" in PAGE


@pytest.mark.parametrize(
    ("schema", "field", "rule"),
    [
        ("Activation", "status", "activations_status_known"),
        ("Rental", "status", "rentals_status_known"),
        ("Card", "status", "cards_status_known"),
        ("Funding", "status", "card_fundings_status_known"),
        ("BalanceChange", "operation", "operation_type_is_known"),
    ],
)
def test_values_of_enumerations_are_the_databases(schema: str, field: str, rule: str) -> None:
    text = Path(ROOT / "wallet_db/sql/schema.sql").read_text("utf-8")
    definition = text[text.index(rule) :].split(";")[0].split("\n\n")[0]
    first = definition[: definition.index("]")] if "]" in definition else definition
    assert set(re.findall(r"'([a-z_]+)'", first)) == set(SCHEMAS[schema]["properties"][field]["enum"])
