"""Rows of another application's tables: taken as ours, or refused with every reason and without a value."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from wallet_db.card_numbers import HIDDEN
from wallet_db.import_cards.history import ImportedWebhook, webhook_of
from wallet_db.import_cards.rows import ImportedCard, card_of, lacking_columns, shown_card_id

USER = "6f1b1e0a-0000-4000-8000-000000000001"
VISA = "4111111111111111"
ROW = {
    "card_id": "6001119434",
    "user_id": USER,
    "balance": "12.50",
    "status": "active",
    "currency": "USD",
    "expiry": "05/29",
    "last4": "0042",
}
TAKEN = ImportedCard("6001119434", UUID(USER), Decimal("12.50"), "active", "05/29", "0042")
HOOK = {
    "event_id": "evt-1",
    "event": "virtualcard.created.complete",
    "card_id": "6001119434",
    "payload": '{"amount": "3"}',
    "received_at": "2025-01-31 12:00:00",
}


def test_a_whole_row_is_taken() -> None:
    assert card_of(ROW) == TAKEN


@pytest.mark.parametrize(
    ("column", "value", "field", "taken"),
    [
        ("balance", "12.5000", "balance", Decimal("12.50")),
        ("balance", "0", "balance", Decimal("0.00")),
        ("status", " Frozen ", "status", "blocked"),
        ("status", "CLOSED", "status", "terminated"),
        ("currency", "usd", "provider_card_id", "6001119434"),
        ("expiry", "5/2029", "expiry", "05/29"),
        ("expiry", "2029-05-31", "expiry", "05/29"),
        ("expiry", "2029-05-31 00:00:00", "expiry", "05/29"),
        ("expiry", "", "expiry", None),
        ("last4", "", "last4", None),
        ("name", "anything else", "provider_card_id", "6001119434"),
    ],
)
def test_a_value_may_be_written_in_several_ways(column: str, value: str, field: str, taken: object) -> None:
    card = card_of({**ROW, column: value})
    assert isinstance(card, ImportedCard)
    assert getattr(card, field) == taken


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("card_id", "", "card_id: expected"),
        ("card_id", "60 01", "card_id: expected"),
        ("user_id", "17", "user_id: expected the uuid"),
        ("balance", "-1.00", "balance: expected"),
        ("balance", "1.005", "balance: expected"),
        ("balance", "1e3", "balance: expected"),
        ("balance", "NaN", "balance: expected"),
        ("balance", "12,50", "balance: expected"),
        ("balance", "١٢", "balance: expected"),
        ("status", "lost", "status: expected one of active, "),
        ("status", "pending", "status: the card's creation is not decided yet"),
        ("currency", "NGN", "currency: expected USD"),
        ("expiry", "13/29", "expiry: expected"),
        ("expiry", "0529", "expiry: expected"),
        ("last4", "42", "last4: expected four digits"),
        ("last4", VISA, "last4: looks like a full card number"),
        ("note", f"see {VISA}", "note: looks like a full card number"),
        ("cvv", "123", "cvv: holds what must never be stored"),
        ("card_number", "41", "card_number: holds what must never be stored"),
    ],
)
def test_a_row_is_refused_with_the_reason(column: str, value: str, reason: str) -> None:
    refused = card_of({**ROW, column: value})
    assert isinstance(refused, list)
    assert [line[: len(reason)] for line in refused] == [reason]
    assert VISA not in str(refused)


def test_all_reasons_are_told_together() -> None:
    refused = card_of(dict.fromkeys(ROW, "?"))
    assert isinstance(refused, list)
    assert [line.partition(":")[0] for line in refused] == list(ROW)


def test_columns_that_a_file_lacks_are_named_and_others_may_be_there() -> None:
    assert lacking_columns([*ROW, "id"]) == []
    assert lacking_columns(["card_id", "user_id"]) == ["balance", "status", "currency", "expiry", "last4"]


def test_an_id_that_might_be_a_number_is_not_shown() -> None:
    assert shown_card_id(ROW) == "6001119434"
    assert shown_card_id({**ROW, "card_id": VISA}) is None
    assert shown_card_id({**ROW, "card_id": "a b"}) is None


# --- the record of webhooks


def test_a_webhook_is_taken_and_its_time_is_utc() -> None:
    at = datetime(2025, 1, 31, 12, tzinfo=UTC)
    assert webhook_of(HOOK) == ImportedWebhook(
        "evt-1", "virtualcard.created.complete", "6001119434", {"amount": "3"}, at
    )
    moved = webhook_of({**HOOK, "received_at": "2025-01-31T13:00:00+01:00", "card_id": ""})
    assert isinstance(moved, ImportedWebhook)
    assert (moved.received_at, moved.provider_card_id) == (at, None)


def test_a_webhook_without_an_id_gets_one_from_what_it_says() -> None:
    without = {key: value for key, value in HOOK.items() if key != "event_id"}
    first, again, other = (
        webhook_of(row) for row in (without, dict(without), {**without, "payload": '{"amount": "4"}'})
    )
    assert isinstance(first, ImportedWebhook)
    assert isinstance(other, ImportedWebhook)
    assert first == again
    assert first.event_id.startswith("import:")
    assert first.event_id != other.event_id


def test_numbers_are_withheld_from_a_payload() -> None:
    webhook = webhook_of({**HOOK, "payload": f'{{"cvv": "123", "card": "{VISA}"}}'})
    assert isinstance(webhook, ImportedWebhook)
    assert webhook.payload == {"cvv": HIDDEN, "card": HIDDEN}


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("event", "", "event: expected its name"),
        ("event", "two words", "event: expected its name"),
        ("card_id", "60 01", "card_id: expected nothing, or"),
        ("payload", "[]", "payload: expected a JSON object"),
        ("payload", "{", "payload: expected a JSON object"),
        ("received_at", "yesterday", "received_at: expected a time"),
        ("event_id", "two words", "event_id: expected up to"),
        ("event_id", VISA, "event_id: looks like a full card number"),
    ],
)
def test_a_webhook_is_refused_with_the_reason(column: str, value: str, reason: str) -> None:
    refused = webhook_of({**HOOK, column: value})
    assert isinstance(refused, list)
    assert [line[: len(reason)] for line in refused] == [reason]
