"""How an order ends: served, cancelled, timed out, failed; each in every status, with the money it moves."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from tests.wallet_db.support import (
    MINUTE,
    NOW,
    Database,
    apply_sms,
    assert_books_balance,
    call,
    new_user,
    order,
    pending_order,
    record_purchase,
    row,
    run,
    status,
    wallet,
)
from wallet_db import errors
from wallet_db.connect import Pool


async def close(db: Database, activation: UUID, ending: str | None, error_code: str | None = None) -> bool:
    closed: bool = await call(
        db, "close_activation", p_activation_id=activation, p_status=ending, p_error_code=error_code, p_now=NOW
    )
    return closed


async def order_in(db: Database, user: UUID, wanted: str) -> UUID:
    """An order in the wanted status; `begun`: ordering, its purchase under way."""
    if wanted in ("ordering", "begun", "failed"):
        activation = await order(db, user, p_now=NOW)
        if wanted != "ordering":
            await call(db, "begin_purchase", p_activation_id=activation, p_provider="simulator")
    else:
        activation = await pending_order(db, user)
    if wanted in ("received", "completed"):
        await apply_sms(db, activation)
    if wanted in ("completed", "cancelled", "timeout", "failed"):
        assert await close(db, activation, wanted)
    return activation


def test_an_sms_applied_twice_is_applied_once(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        activation = await pending_order(db, user)
        assert [await apply_sms(db, activation) for _ in range(3)] == ["applied", "repeated", "repeated"]
        assert await status(db, activation) == "received"
        assert await wallet(db, user) == ("31.00", "0.00", "31.00")

        assert await apply_sms(db, activation, code="654321") == "applied"
        assert await apply_sms(db, activation, message_id="m1") == "applied"  # the text again, as another message
        assert await apply_sms(db, activation, code="0", message_id="m1") == "repeated"
        assert await wallet(db, user) == ("31.00", "0.00", "31.00")
        assert await close(db, activation, "completed")
        assert await apply_sms(db, activation) == "repeated"
        await assert_books_balance(db)

    run(database_url, scenario)


def test_an_sms_needs_a_code_or_a_text(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        activation = await pending_order(db, await new_user(db))
        apply = "select apply_activation_sms($1, $2, $3)"
        assert await db.fetchval(apply, activation, "1234", None) == "applied"
        assert await db.fetchval(apply, activation, "1234", "") == "repeated"
        assert await db.fetchval(apply, activation, "", "call us") == "applied"
        assert await db.fetchval(apply, activation, None, "call us") == "repeated"
        for code, text in ((None, None), ("", ""), (None, "")):
            with pytest.raises(errors.InvalidArgument):
                await call(db, "apply_activation_sms", p_activation_id=activation, p_code=code, p_text=text)
        rows = await db.fetch("select code, text from sms_messages order by id")
        assert [tuple(each) for each in rows] == [("1234", ""), (None, "call us")]

    run(database_url, scenario)


def test_an_sms_for_an_order_that_ended_first_is_logged_without_its_code(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        await db.execute("update settings set value = '\"ignore\"' where key = 'late_sms'")
        for ending in ("cancelled", "timeout"):
            assert await apply_sms(db, await order_in(db, user, ending)) == "closed"
        assert await wallet(db, user) == ("36.00", "0.00", "36.00")
        assert await db.fetchval("select count(*) from sms_messages") == 0
        logs = await db.fetch("select level, message || data::text as said from system_logs")
        assert [log["level"] for log in logs] == ["warning", "warning"]
        assert not [log for log in logs if "123456" in log["said"]]

    run(database_url, scenario)


def test_an_sms_for_an_order_not_yet_bought_is_refused_and_kept_nowhere(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        activation = await order_in(db, await new_user(db), "begun")
        with pytest.raises(errors.InvalidTransition):
            await apply_sms(db, activation)
        await record_purchase(db, activation)
        assert await apply_sms(db, activation) == "applied"
        with pytest.raises(errors.UnknownOrder):
            await apply_sms(db, uuid4())

    run(database_url, scenario)


@pytest.mark.parametrize(
    ("setting", "of_service", "balance"),
    [
        (None, None, "36.00"),
        (100, None, "36.00"),
        (50, None, "33.50"),
        (0, None, "31.00"),
        (100, 0, "31.00"),
        (0, 50, "33.50"),
        (50, 100, "36.00"),
        (33, None, "32.65"),
    ],
)
def test_a_timeout_refunds_its_percentage(
    shared_url: str, setting: int | None, of_service: int | None, balance: str
) -> None:
    async def scenario(db: Pool) -> None:
        await db.execute("delete from settings where key = 'timeout_refund_percent'")
        if setting is not None:
            await db.execute("insert into settings values ('timeout_refund_percent', $1)", str(setting))
        await db.execute("update services set timeout_refund_percent = $1 where service = 'whatsapp'", of_service)
        user = await new_user(db)
        activation = await pending_order(db, user)
        assert await close(db, activation, "timeout")
        assert await wallet(db, user) == (balance, "0.00", balance)
        assert await status(db, activation) == "timeout"
        await assert_books_balance(db)

    run(shared_url, scenario)


def test_half_a_cent_goes_to_the_user(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        for price, refunded in (("0.01", "0.01"), ("0.03", "0.02"), ("5.01", "2.51")):
            await db.execute("update services set price = $1, timeout_refund_percent = 50", Decimal(price))
            user = await new_user(db)
            await close(db, await pending_order(db, user), "timeout")
            kept = Decimal(price) - Decimal(refunded)
            assert (await wallet(db, user))[0] == str(Decimal("36.00") - kept)
        await assert_books_balance(db)

    run(database_url, scenario)


CLOSINGS = {
    ("ordering", "cancelled"): "36.00",
    ("ordering", "failed"): "36.00",
    ("pending", "cancelled"): "36.00",
    ("pending", "timeout"): "36.00",
    ("pending", "completed"): "31.00",
    ("received", "completed"): "31.00",
}
ENDINGS = ("completed", "cancelled", "timeout", "failed")


def test_an_order_closes_by_the_allowed_ways_and_no_other(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        for before in ("ordering", "pending", "received", *ENDINGS):
            for ending in ENDINGS:
                user = await new_user(db)
                activation = await order_in(db, user, before)
                money = await wallet(db, user)
                if balance := CLOSINGS.get((before, ending)):
                    assert await close(db, activation, ending, "BECAUSE")
                    stored = await row(db, activation)
                    assert (stored["status"], stored["error_code"], stored["closed_at"]) == (ending, "BECAUSE", NOW)
                    assert await wallet(db, user) == (balance, "0.00", balance)
                    continue
                if before in ("ordering", "pending"):
                    with pytest.raises(errors.InvalidTransition) as caught:
                        await close(db, activation, ending)
                    assert caught.value.data == {"order_id": str(activation), "from": before, "to": ending}
                else:  # decided by whoever came first
                    assert not await close(db, activation, ending)
                assert (await status(db, activation), await wallet(db, user)) == (before, money)
        await assert_books_balance(db)

    run(database_url, scenario)


@pytest.mark.parametrize("ending", [None, "", "pending", "received", "lost"])
def test_a_status_that_ends_nothing_closes_nothing(shared_url: str, ending: str | None) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        for before in ("ordering", "pending", "received"):
            activation = await order_in(db, user, before)
            with pytest.raises(errors.InvalidTransition):
                await close(db, activation, ending)
            assert await status(db, activation) == before

    run(shared_url, scenario)


def test_a_cancel_is_granted_written_down_or_refused_by_status(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user, other = await new_user(db, "60.00"), await new_user(db)

        async def cancel(activation: UUID) -> tuple[str, bool]:
            answer = await call(db, "request_cancel", p_user_id=user, p_activation_id=activation, p_now=NOW)
            assert answer["id"] == str(activation)
            return answer["status"], answer["cancel_requested"]

        expected: dict[str, tuple[str, bool]] = {
            "ordering": ("cancelled", False),
            "begun": ("ordering", True),
            "pending": ("pending", True),
            "cancelled": ("cancelled", False),
        }
        for before, after in expected.items():
            activation = await order_in(db, user, before)
            assert await cancel(activation) == after
            events = await db.fetchval("select count(*) from events")
            assert await cancel(activation) == after
            assert await db.fetchval("select count(*) from events") == events, "asking again changes nothing"
        for before, error in {
            "received": errors.SmsAlreadyReceived,
            "completed": errors.SmsAlreadyReceived,
            "timeout": errors.AlreadyClosed,
            "failed": errors.AlreadyClosed,
        }.items():
            activation = await order_in(db, user, before)
            with pytest.raises(error) as caught:
                await cancel(activation)
            assert caught.value.data == {"order_id": str(activation), "status": before}
        mine = await order(db, user)
        for asker, activation in ((other, mine), (None, mine), (user, uuid4()), (user, None)):
            with pytest.raises(errors.UnknownOrder) as unknown:
                await call(db, "request_cancel", p_user_id=asker, p_activation_id=activation)
            assert unknown.value.data == {"order_id": str(activation) if activation else None}
        await assert_books_balance(db)

    run(database_url, scenario)


def test_a_requested_cancel_is_due_at_once(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        activation = await pending_order(db, user)
        await call(db, "request_cancel", p_user_id=user, p_activation_id=activation, p_now=NOW - MINUTE)
        assert (await row(db, activation))["due_at"] == NOW - MINUTE

    run(database_url, scenario)


def test_a_cancel_during_the_purchase_keeps_the_lease_and_comes_due_with_the_number(database_url: str) -> None:
    """Else another poller would look for an orphan upstream while the first is still buying."""

    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        activation = await order_in(db, user, "begun")
        claimed = await db.fetch("select * from claim_activations(1, $1, $2)", timedelta(seconds=30), NOW)
        assert [each["id"] for each in claimed] == [activation]
        await call(db, "request_cancel", p_user_id=user, p_activation_id=activation, p_now=NOW)
        assert (await row(db, activation))["due_at"] == NOW + timedelta(seconds=30)
        assert await record_purchase(db, activation)
        stored = await row(db, activation)
        assert (stored["status"], stored["cancel_requested_at"], stored["due_at"]) == ("pending", NOW, NOW)

    run(database_url, scenario)


def test_a_purchase_is_not_begun_after_a_cancel(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        activation = await order_in(db, await new_user(db), "cancelled")
        assert not await call(db, "begin_purchase", p_activation_id=activation, p_provider="simulator")
        assert not await record_purchase(db, activation)

    run(database_url, scenario)


def test_a_refused_cancel_says_when_to_try_again(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        activation = await pending_order(db, user)
        refusal = {
            "p_activation_id": activation,
            "p_error_code": "EARLY_CANCEL_DENIED",
            "p_allowed_at": NOW + 2 * MINUTE,
            "p_due_at": NOW + MINUTE,
        }
        assert not await call(db, "refuse_cancel", **refusal)  # nobody has asked
        await call(db, "request_cancel", p_user_id=user, p_activation_id=activation)
        assert await call(db, "refuse_cancel", **refusal)
        stored = await row(db, activation)
        assert (stored["status"], stored["cancel_requested_at"], stored["due_at"]) == ("pending", None, NOW + MINUTE)
        assert (stored["error_code"], stored["cancel_allowed_at"]) == ("EARLY_CANCEL_DENIED", NOW + 2 * MINUTE)
        again = await call(db, "request_cancel", p_user_id=user, p_activation_id=activation)
        assert (again["cancel_requested"], again["cancel_allowed_at"], again["error_code"]) == (True, None, None)
        assert await wallet(db, user) == ("36.00", "5.00", "31.00")
        await apply_sms(db, activation)
        assert not await call(db, "refuse_cancel", **refusal)

    run(database_url, scenario)


def test_an_abandoned_purchase_is_begun_again_or_cancelled_if_that_was_asked(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        retried, unwanted = await order_in(db, user, "begun"), await order_in(db, user, "begun")
        await call(db, "request_cancel", p_user_id=user, p_activation_id=unwanted)
        later = await db.fetchval("select now() + interval '1 hour'")
        for activation in (retried, unwanted):
            assert await call(db, "abandon_purchase", p_activation_id=activation, p_due_at=later)
        assert (await row(db, retried))["due_at"] == later
        assert (await row(db, unwanted))["due_at"] < later
        assert await call(db, "begin_purchase", p_activation_id=retried, p_provider="another")
        assert not await call(db, "begin_purchase", p_activation_id=unwanted, p_provider="another")
        assert await close(db, unwanted, "cancelled")
        assert not await call(db, "abandon_purchase", p_activation_id=unwanted, p_due_at=later)
        assert await wallet(db, user) == ("36.00", "5.00", "31.00")

    run(database_url, scenario)
