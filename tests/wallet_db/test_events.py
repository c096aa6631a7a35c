"""The outbox: every change writes its event in its own transaction, shaped as the wire has it."""

import asyncio
import json
import re
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest

from tests.wallet_db.support import (
    MINUTE,
    NOW,
    Database,
    apply_sms,
    call,
    new_user,
    order,
    pending_order,
    record_purchase,
    run,
    wallet,
)
from wallet_db.connect import Pool
from wallet_db.errors import UnauditedChange, WalletError, refusals
from wallet_db.events import read_epoch, read_heads, read_snapshots, read_streams

ACTIVATION_KEYS = {
    "id",
    "service",
    "country",
    "phone",
    "status",
    "price",
    "code",
    "sms",
    "cancel_requested",
    "cancel_allowed_at",
    "another_sms",
    "finish_requested",
    "error_code",
    "request_id",
    "retry_on_timeout",
    "retry_of",
    "retried_by",
    "retry_refused",
    "waits_until",
    "created_at",
    "expires_at",
    "closed_at",
}
BALANCE_KEYS = {"balance", "frozen", "available", "operation", "amount", "transaction_id"}


async def events(db: Database, user: UUID, after: int = 0) -> list[tuple[str, dict[str, Any]]]:
    """(type, payload) of a user's events, in order of seq."""
    rows = await db.fetch("select type, payload from events where user_id = $1 and seq > $2 order by seq", user, after)
    return [(kind, orjson.loads(payload)) for kind, payload in rows]


async def head(db: Database, user: UUID) -> int:
    seq: int = await db.fetchval("select event_seq from users where id = $1", user)
    return seq


def test_a_purchase_writes_the_freeze_then_the_order(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        activation = await order(db, user, p_now=NOW)
        [(_, deposited), (frozen_type, frozen), (created_type, created)] = await events(db, user)
        assert (deposited["operation"], deposited["amount"], deposited["balance"]) == ("deposit", "36.00", "36.00")
        assert (frozen_type, created_type) == ("balance.changed", "activation.created")
        assert frozen == {
            "balance": "36.00",
            "frozen": "5.00",
            "available": "31.00",
            "operation": "freeze",
            "amount": "5.00",
            "transaction_id": f"activation:{activation}",
        }
        assert created == {
            "id": str(activation),
            "service": "whatsapp",
            "country": "indonesia",
            "phone": None,
            "status": "ordering",
            "price": "5.00",
            "code": None,
            "sms": [],
            "cancel_requested": False,
            "cancel_allowed_at": None,
            "another_sms": None,
            "finish_requested": False,
            "error_code": None,
            "request_id": None,
            "retry_on_timeout": None,
            "retry_of": None,
            "retried_by": None,
            "retry_refused": None,
            "created_at": "2026-01-01T12:00:00.000Z",
            "waits_until": None,
            "expires_at": None,
            "closed_at": None,
        }

    run(database_url, scenario)


def test_an_sms_writes_message_then_order_then_money(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        activation = await pending_order(db, user)
        before = await head(db, user)
        await apply_sms(db, activation)
        [(sms_type, sms), (updated_type, updated), (money_type, money)] = await events(db, user, before)
        assert (sms_type, updated_type, money_type) == ("sms.received", "activation.updated", "balance.changed")
        received_at = sms.pop("received_at")
        assert sms == {
            "activation_id": str(activation),
            "rental_id": None,
            "phone": "6281234567890",
            "service": "whatsapp",
            "country": "indonesia",
            "code": "123456",
            "text": "Your code is 123456",
            "request_id": None,
        }
        assert (updated.keys(), updated["status"], updated["code"]) == (ACTIVATION_KEYS, "received", "123456")
        assert updated["sms"] == [{"code": "123456", "text": "Your code is 123456", "received_at": received_at}]
        assert (money["operation"], money["balance"], money["frozen"]) == ("commit", "31.00", "0.00")

        before = await head(db, user)
        assert await apply_sms(db, activation) == "repeated"
        assert await events(db, user, before) == []

    run(database_url, scenario)


def test_each_step_of_an_order_is_one_event_and_a_lease_is_none(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        activation = await order(db, user)
        named = {"p_activation_id": activation}

        async def written(step: Any) -> list[tuple[str, Any]]:
            before = await head(db, user)
            await step
            return [(kind, payload.get("status")) for kind, payload in await events(db, user, before)]

        assert await written(call(db, "begin_purchase", **named, p_provider="simulator")) == []
        assert await written(record_purchase(db, activation)) == [("activation.updated", "pending")]
        assert await written(db.fetch("select * from claim_activations(9, '30 s', $1)", NOW + MINUTE)) == []
        cancel = {"p_user_id": user, **named}
        assert await written(call(db, "request_cancel", **cancel)) == [("activation.updated", "pending")]
        refusal = {"p_error_code": "EARLY_CANCEL_DENIED", "p_allowed_at": NOW, "p_due_at": NOW}
        assert await written(call(db, "refuse_cancel", **named, **refusal)) == [("activation.updated", "pending")]
        assert await written(call(db, "close_activation", **named, p_status="timeout")) == [
            ("activation.updated", "timeout"),
            ("balance.changed", None),
        ]
        assert await written(call(db, "close_activation", **named, p_status="timeout")) == []
        [last] = [payload for kind, payload in await events(db, user) if payload.get("status") == "timeout"]
        assert last["expires_at"] == "2026-01-01T12:20:00.000Z"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", last["closed_at"])

    run(database_url, scenario)


def test_a_part_refund_tells_both_movements(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        await call(db, "atomic_freeze", p_user_id=user, p_amount=Decimal(5), p_transaction_id="t")
        before = await head(db, user)
        await call(db, "atomic_refund", p_user_id=user, p_transaction_id="t", p_amount=Decimal("2.50"))
        told = [(each["operation"], each["amount"], each["frozen"]) for _, each in await events(db, user, before)]
        assert told == [("refund", "2.50", "2.50"), ("commit", "2.50", "0.00")]

    run(database_url, scenario)


def test_a_change_by_hand_is_refused_and_tells_nobody_anything(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "36.00", "5.00")
        before = await head(db, user)
        for change in ("balance = 40", "frozen_balance = 0", "balance = balance + 1, frozen_balance = 6"):
            with pytest.raises(UnauditedChange), refusals():
                await db.execute(f"update users set {change} where id = $1", user)  # noqa: S608
        with pytest.raises(UnauditedChange), refusals():
            await db.execute("insert into users (balance) values (5)")
        await db.execute("update users set name = 'alice' where id = $1", user)
        assert await events(db, user, before) == []
        assert await wallet(db, user) == ("36.00", "5.00", "31.00")

    run(database_url, scenario)


def test_what_is_rolled_back_leaves_no_event(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        before = await head(db, user)
        async with db.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            await order(connection, user)
            assert await head(connection, user) == before + 2
            await transaction.rollback()
        assert (await events(db, user, before), await head(db, user)) == ([], before)
        with pytest.raises(WalletError):
            await call(db, "atomic_freeze", p_user_id=user, p_amount=Decimal(99), p_transaction_id="t")
        assert await head(db, user) == before
        await order(db, user)
        assert await head(db, user) == before + 2

    run(database_url, scenario)


def test_events_of_a_user_that_is_not_there_cannot_be_written(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        for nobody in (None, UUID(int=0)):
            with pytest.raises(WalletError) as caught:
                await call(db, "append_event", p_user_id=nobody, p_type="x", p_payload="{}")
            assert caught.value.code == "UNKNOWN_USER"

    run(database_url, scenario)


def test_streams_are_read_after_a_position_with_their_heads(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        alice, bob, carol = await new_user(db), await new_user(db), await new_user(db, "0.00")
        await order(db, alice)
        nobody = str(UUID(int=0))
        positions = [(str(alice), 1), (str(bob), 1), (str(carol), 0), (nobody, 0)]
        pages = await read_streams(db, positions, events_max=1)
        assert pages.keys() == {str(alice), str(bob), str(carol)}
        [event] = pages[str(alice)].events
        assert (pages[str(alice)].head, event.seq, event.type) == (3, 2, "balance.changed")
        assert event.at.endswith("Z")
        assert orjson.loads(event.payload).keys() == BALANCE_KEYS
        assert (pages[str(bob)].head, pages[str(bob)].events) == (1, ())
        assert (pages[str(carol)].head, pages[str(carol)].events) == (0, ())
        epoch, heads = await read_heads(db, [str(alice), str(carol), nobody])
        assert heads == {str(alice): 3, str(carol): 0}
        assert epoch == await read_epoch(db)
        assert await db.fetchval("select new_epoch()") == await read_epoch(db) != epoch

    run(database_url, scenario)


def test_a_snapshot_has_every_open_order_and_the_newest_closed(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "500.00")
        oldest = await order(db, user, p_now=NOW - MINUTE)
        for minute in range(22):
            closed = await order(db, user, p_now=NOW + minute * MINUTE)
            await call(db, "request_cancel", p_user_id=user, p_activation_id=closed)
        found = await read_snapshots(db, [str(user), str(UUID(int=0))])
        assert found.keys() == {str(user)}, "who does not exist has none"
        assert found[str(user)].seq == await head(db, user)
        snapshot = json.loads(found[str(user)].state)
        assert snapshot.keys() == {"wallet", "activations", "rentals", "cards"}
        assert snapshot["wallet"] == {"balance": "500.00", "frozen": "5.00", "available": "495.00"}
        created = [activation["created_at"] for activation in snapshot["activations"]]
        assert len(created) == 21
        assert created == sorted(created, reverse=True)
        assert snapshot["activations"][-1]["id"] == str(oldest)
        assert snapshot["activations"][0].keys() == ACTIVATION_KEYS

    run(database_url, scenario)


def test_the_bell_rings_for_a_sleeping_follower_only(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        rung: asyncio.Queue[str] = asyncio.Queue()

        def heard(*message: Any) -> None:
            rung.put_nowait(message[3])

        async with db.acquire() as follower:
            await follower.add_listener("onesms_events", heard)
            before = await head(db, user)
            await order(db, user)
            await db.execute("select atomic_deposit($1, 7, 'bell-deposit')", user)
            await db.execute("select atomic_freeze($1, 2, 'bell-freeze')", user)
            await db.execute("select atomic_refund($1, p_transaction_id => 'bell-freeze')", user)
            lines = await db.fetch(
                "select event_line(e) from events e where user_id = $1 and seq > $2 order by seq", user, before
            )
            assert len(lines) == 5
            assert [await asyncio.wait_for(rung.get(), 5) for _ in lines] == [row[0] for row in lines]
            await follower.execute("select pg_advisory_lock(20307, 1)")
            await order(db, user)  # awake: no bell
            await follower.execute("select pg_advisory_unlock(20307, 1)")
            await db.execute("select pg_notify('onesms_events', 'ours')")
            assert await asyncio.wait_for(rung.get(), 5) == "ours", "nothing rang before it"
            await follower.remove_listener("onesms_events", heard)

    run(database_url, scenario)


def test_a_users_position_is_unique(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        insert = "insert into events (user_id, seq, type, payload) values ($1, $2, 'x', '{}')"
        with pytest.raises(asyncpg.UniqueViolationError):
            await db.execute(insert, user, 1)

    run(database_url, scenario)
