"""Movements of money as the notifier counts them: by the operation that the event names."""

import asyncio
from decimal import Decimal

import pytest
from prometheus_client import REGISTRY

from notifier.event import Event
from notifier.operations import KINDS, count_operations, operations_of
from tests.notifier.support import following
from tests.wallet_db.support import call, new_user
from wallet_db.connect import pool


def event(payload: str, type_: str = "balance.changed") -> Event:
    return Event("u", 1, type_, "2026-01-01T12:00:00.000Z", payload)


def counted() -> dict[str, float]:
    return {
        kind: REGISTRY.get_sample_value("onesms_wallet_operations_total", {"operation": kind}) or 0 for kind in KINDS
    }


@pytest.mark.parametrize(
    ("payload", "operation"),
    [
        ('{"amount": "5.00", "operation": "commit", "transaction_id": "t"}', "commit"),
        ('{"operation":"freeze"}', "freeze"),
        (r'{"operation": "refund", "transaction_id": "x\", \"operation\": \"adjust"}', "refund"),
        (r'{"a": "\"operation\": \"adjust\"", "operation": "deposit"}', "deposit"),
        ('{"operation": "of_tomorrow"}', "of_tomorrow"),
        ("{}", None),
    ],
)
def test_an_operation_is_what_its_event_names(payload: str, operation: str | None) -> None:
    assert operations_of([event(payload)]) == [operation]


def test_other_events_are_no_movements() -> None:
    others = [event('{"operation": "commit"}', type_) for type_ in ("sms.received", "activation.updated")]
    assert operations_of(others) == []


def test_what_has_no_name_of_ours_is_counted_as_other() -> None:
    def others() -> float:
        return REGISTRY.get_sample_value("onesms_wallet_operations_total", {"operation": "other"}) or 0

    before, before_others = counted(), others()
    count_operations(["of_tomorrow", None, "commit", "commit"])
    assert others() - before_others == 2
    assert {kind: count - before[kind] for kind, count in counted().items() if count != before[kind]} == {"commit": 2}


def test_what_moves_in_the_database_is_counted(database_url: str) -> None:
    async def scenario() -> None:
        async with asyncio.timeout(30), pool(database_url, "test") as db, following(database_url) as (_, collector):
            before = counted()
            user = await new_user(db, "36.00")
            money = {"p_user_id": user, "p_amount": Decimal("5.00")}
            await call(db, "atomic_freeze", **money, p_transaction_id="one")
            await call(db, "atomic_commit", p_user_id=user, p_transaction_id="one")
            await call(db, "atomic_freeze", **money, p_transaction_id="two")
            await call(db, "atomic_refund", p_user_id=user, p_transaction_id="two")
            await collector.until_seq(str(user), 5)
            await asyncio.sleep(0)  # the count follows the publishing at once
            moved = {kind: counted()[kind] - before[kind] for kind in KINDS}
            assert moved == {"freeze": 2, "commit": 1, "refund": 1, "deposit": 1, "adjust": 0, "correct": 0}

    asyncio.run(scenario())
