"""A rental's whole life in the database: ordered, running, extended, ended; the money is looked at after each step."""

from collections.abc import Awaitable
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from tests.wallet_db.rentals import (
    ENDS_AT,
    HOURS,
    apply,
    close,
    extend,
    health,
    record,
    rent,
    row,
    running,
    sell_rentals,
)
from tests.wallet_db.support import MINUTE, NOW, call, new_user, order, outcomes, run, tally, wallet
from wallet_db import errors
from wallet_db.connect import Pool

FROZEN = ("36.00", "6.00", "30.00")
NEVER = ("36.00", "0.00", "36.00")
PAID = ("30.00", "0.00", "30.00")
EXTENDED = ("36.00", "7.00", "29.00")


def test_ordering_freezes_the_price_and_a_key_orders_once(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_rentals(db)
        user = await new_user(db)
        calls = (rent(db, user, p_idempotency_key="k") for _ in range(4))
        assert tally(await outcomes(calls)) == {"done": 1, "replayed": 3}
        assert await wallet(db, user) == FROZEN
        first = await rent(db, user, p_idempotency_key="k")
        assert (first["status"], first["price"], first["hours"], first["extension"]) == (
            "ordering",
            "6.00",
            HOURS,
            None,
        )
        for changed in ({"p_hours": 25}, {"p_country": "russia"}, {"p_service": "telegram"}):
            with pytest.raises(errors.IdempotencyMismatch):
                await rent(db, user, p_idempotency_key="k", **changed)
        assert await health(db, user) == "OK"

    run(database_url, scenario)


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"p_service": "nothing"}, errors.UnknownService),
        ({"p_country": "atlantis"}, errors.UnknownCountry),
        ({"p_service": "telegram"}, errors.NotForSale),
        ({"p_hours": 1}, errors.InvalidHours),
        ({"p_hours": 1345}, errors.InvalidHours),
        ({"p_hours": None}, errors.InvalidHours),
        ({"p_hours": 1344}, errors.InsufficientFunds),
        ({"p_max_price": Decimal("5.99")}, errors.PriceAboveLimit),
        ({"p_max_price": Decimal("NaN")}, errors.InvalidAmount),
        ({"p_idempotency_key": ""}, errors.InvalidArgument),
        ({"p_user_id": uuid4()}, errors.UnknownUser),
    ],
)
def test_what_cannot_be_rented_is_refused_and_moves_nothing(
    shared_url: str, changed: dict[str, object], refusal: type[errors.WalletError]
) -> None:
    async def scenario(db: Pool) -> None:
        await sell_rentals(db)
        user = await new_user(db)
        with pytest.raises(refusal):
            await rent(
                db, **{"user": user, **changed} if "p_user_id" not in changed else {"user": changed["p_user_id"]}
            )
        assert await wallet(db, user) == NEVER
        assert await db.fetchval("select count(*) from rentals where user_id = $1", user) == 0

    run(shared_url, scenario)


def test_open_orders_of_both_kinds_count_against_the_limit(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_rentals(db)
        await db.execute("update settings set value = '3' where key = 'open_orders_per_user_max'")
        user = await new_user(db)
        calls = [rent(db, user) for _ in range(3)] + [_ordered(db, user) for _ in range(3)]
        results = await outcomes(calls)
        assert tally(results)["TooManyOpenOrders"] == 3
        [refused, *_] = [result for result in results if isinstance(result, errors.TooManyOpenOrders)]
        assert refused.data == {"open": 3, "max": 3}
        await order(db, await new_user(db))  # others are not concerned
        rental = await db.fetchval("select id from rentals where user_id = $1 limit 1", user)
        if rental is not None:
            await close(db, rental, "failed")
        else:
            await call(
                db,
                "request_cancel",
                p_user_id=user,
                p_activation_id=await db.fetchval("select id from activations where user_id = $1 limit 1", user),
            )
        await rent(db, user)
        await db.execute("update settings set value = '0' where key = 'open_orders_per_user_max'")
        await order(db, user)  # any number

    run(database_url, scenario)


async def _ordered(db: Pool, user: UUID) -> str:
    await order(db, user)
    return "done"


def test_one_caller_begins_and_the_sale_is_recorded_once(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_rentals(db)
        user = await new_user(db)
        rental = UUID((await rent(db, user))["id"])
        begin = {"p_rental_id": rental, "p_provider": "p", "p_seen": ["7"]}
        assert [await call(db, "begin_rental_purchase", **begin) for _ in range(2)] == [True, False]
        await call(db, "abandon_rental_purchase", p_rental_id=rental, p_due_at=NOW)
        assert (await row(db, rental))["purchase_seen"] is None
        assert not await record(db, rental)  # nothing was begun
        assert await call(db, "begin_rental_purchase", **begin)
        assert [await record(db, rental) for _ in range(2)] == [True, False]
        stored = await row(db, rental)
        assert (stored["status"], stored["ends_at"], stored["due_at"]) == ("active", ENDS_AT, NOW + MINUTE)
        assert await wallet(db, user) == FROZEN

    run(database_url, scenario)


def test_due_rentals_go_to_one_claimer_each(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_rentals(db)
        user = await new_user(db)
        rentals = {(await rent(db, user))["id"] for _ in range(3)}
        claims = [db.fetch("select id::text from claim_rentals(2, '1 minute')") for _ in range(3)]
        claimed = [row[0] for rows in await outcomes(claims) for row in rows]
        rest = [row[0] for row in await db.fetch("select id::text from claim_rentals(9, '1 minute')")]
        assert sorted(claimed + rest) == sorted(rentals)

    run(database_url, scenario)


def test_each_message_is_shown_once_in_its_order(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_rentals(db)
        user = await new_user(db)
        rental = await running(db, user)
        assert await apply(db, rental, ("1", "one"), ("2", "two")) == 2
        assert sum(await outcomes(apply(db, rental, ("1", "one"), ("2", "two"), ("3", "one")) for _ in range(4))) == 1
        texts = await db.fetch("select text from sms_messages where rental_id = $1 order by id", rental)
        assert [text for (text,) in texts] == ["one", "two", "one"]
        assert await db.fetchval("select count(*) from events where type = 'sms.received'") == 3
        assert await wallet(db, user) == FROZEN  # a message is not what is paid for

        await close(db, rental, "expired")
        assert await apply(db, rental, ("4", "late, and paid for")) == 1
        assert await apply(db, rental, ("1", "one")) == 0

    run(database_url, scenario)


def test_a_rental_paid_back_shows_no_more(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_rentals(db)
        rental = await running(db, await new_user(db))
        await close(db, rental, "cancelled")
        assert await apply(db, rental, ("1", "late")) == 0
        assert await db.fetchval("select count(*) from sms_messages") == 0
        assert await db.fetchval("select count(*) from system_logs where source = 'apply_rental_sms'") == 1

    run(database_url, scenario)


@pytest.mark.parametrize(
    ("status", "unused", "after"),
    [
        ("completed", None, PAID),
        ("expired", None, PAID),
        ("cancelled", None, NEVER),
        ("cancelled", 6, ("31.50", "0.00", "31.50")),
        ("cancelled", 0, PAID),
        ("cancelled", 99, NEVER),
    ],
)
def test_the_end_moves_the_money_once(
    shared_url: str, status: str, unused: int | None, after: tuple[str, str, str]
) -> None:
    async def scenario(db: Pool) -> None:
        await sell_rentals(db)
        user = await new_user(db)
        rental = await running(db, user)
        assert [await close(db, rental, status, p_unused_hours=unused) for _ in range(2)] == [True, False]
        assert await wallet(db, user) == after
        assert await health(db, user) == "OK"

    run(shared_url, scenario)


def test_what_ends_no_rental_is_refused(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_rentals(db)
        rental = UUID((await rent(db, await new_user(db)))["id"])
        for status in ("active", "timeout", "", None, "completed", "expired"):
            with pytest.raises(errors.InvalidTransition):
                await close(db, rental, status)  # type: ignore[arg-type]

    run(database_url, scenario)


# cancelling and finishing


def test_a_cancel_is_for_twenty_minutes(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_rentals(db)
        user = await new_user(db)
        rental = await running(db, user)
        ask = {"p_user_id": user, "p_rental_id": rental}
        with pytest.raises(errors.CancelTooLate) as late:
            await call(db, "request_rental_cancel", **ask, p_now=NOW + timedelta(minutes=20, seconds=1))
        assert late.value.data["cancel_until"] == "2026-01-01T12:20:00.000Z"
        shown = await call(db, "request_rental_cancel", **ask, p_now=NOW + 20 * MINUTE)
        assert shown["cancel_requested"]
        # Asked for in time it stays so, however long the provider takes.
        assert await call(db, "request_rental_cancel", **ask, p_now=NOW + 30 * MINUTE) == shown
        with pytest.raises(errors.UnknownOrder):
            await call(db, "request_rental_cancel", p_user_id=await new_user(db), p_rental_id=rental)
        await call(
            db, "refuse_rental_cancel",
            p_rental_id=rental, p_error_code="CANCEL_TOO_LATE", p_allowed_at=None, p_due_at=NOW,
        )  # fmt: skip
        assert (await row(db, rental))["error_code"] == "CANCEL_TOO_LATE"
        await close(db, rental, "completed")
        with pytest.raises(errors.AlreadyClosed):
            await call(db, "request_rental_cancel", **ask, p_now=NOW)

    run(database_url, scenario)


def test_a_cancel_before_the_purchase_needs_nobody(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_rentals(db)
        user = await new_user(db)
        rental = UUID((await rent(db, user))["id"])
        shown = await call(db, "request_rental_cancel", p_user_id=user, p_rental_id=rental)
        assert (shown["status"], await wallet(db, user)) == ("cancelled", NEVER)

    run(database_url, scenario)


def test_a_cancel_during_the_purchase_is_due_when_it_is_recorded(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_rentals(db)
        user = await new_user(db)
        rental = UUID((await rent(db, user))["id"])
        await call(db, "begin_rental_purchase", p_rental_id=rental, p_provider="p", p_seen=[])
        await call(db, "request_rental_cancel", p_user_id=user, p_rental_id=rental, p_now=NOW)
        assert await record(db, rental)
        assert (await row(db, rental))["due_at"] == NOW

    run(database_url, scenario)


def test_a_finish_is_for_rentals_that_run(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_rentals(db)
        user = await new_user(db)
        rental = UUID((await rent(db, user))["id"])
        ask = {"p_user_id": user, "p_rental_id": rental, "p_now": NOW}
        with pytest.raises(errors.InvalidTransition):
            await call(db, "request_rental_finish", **ask)
        await call(db, "begin_rental_purchase", p_rental_id=rental, p_provider="p", p_seen=[])
        await record(db, rental)
        shown = await call(db, "request_rental_finish", **ask)
        assert shown["finish_requested"]
        assert (await row(db, rental))["due_at"] == NOW
        with pytest.raises(errors.NotExtendable):
            await extend(db, user, rental)
        await close(db, rental, "completed")
        assert (await call(db, "request_rental_finish", **ask))["status"] == "completed"

    run(database_url, scenario)


def test_nothing_ends_a_rental_before_its_extension_is_decided(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_rentals(db)
        user = await new_user(db)
        rental = await running(db, user)
        mine = {"p_user_id": user, "p_rental_id": rental, "p_now": NOW}
        asked = {"p_rental_id": rental, "p_reason": "ticket 1", "p_now": NOW}
        await extend(db, user, rental)
        for begun in (False, True):
            if begun:
                await _begin(db, rental)
            for name, wanted in (
                ("request_rental_finish", mine),
                ("request_rental_cancel", mine),
                ("cancel_rental", asked),
            ):
                with pytest.raises(errors.ExtensionPending) as pending:
                    await call(db, name, **wanted)
                assert pending.value.data == {"order_id": str(rental)}
        stored = await row(db, rental)
        assert (stored["finish_requested_at"], stored["cancel_requested_at"]) == (None, None)
        assert await wallet(db, user) == EXTENDED
        await call(db, "record_extension", p_rental_id=rental, p_ends_at=ENDS_AT + timedelta(hours=4), p_due_at=NOW)
        assert (await call(db, "request_rental_finish", **mine))["finish_requested"]
        await close(db, rental, "completed")
        assert await wallet(db, user) == ("29.00", "0.00", "29.00")

    run(database_url, scenario)


@pytest.mark.parametrize("first", ["finish", "extend"])
def test_of_a_finish_and_an_extension_at_once_one_is_refused(database_url: str, first: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_rentals(db)
        user = await new_user(db)
        rental = await running(db, user)

        def finish() -> Awaitable[object]:
            return call(db, "request_rental_finish", p_user_id=user, p_rental_id=rental, p_now=NOW)

        calls = [finish(), extend(db, user, rental)]
        results = await outcomes(calls if first == "finish" else reversed(calls))
        [refused] = [result for result in results if isinstance(result, errors.WalletError)]
        stored = await row(db, rental)
        if isinstance(refused, errors.NotExtendable):
            assert refused.data["reason"] == "finish_requested"
            assert (stored["extension_status"], await wallet(db, user)) == (None, FROZEN)
        else:
            assert isinstance(refused, errors.ExtensionPending)
            assert (stored["finish_requested_at"], await wallet(db, user)) == (None, EXTENDED)

    run(database_url, scenario)


@pytest.mark.parametrize(("refund", "balance"), [(True, "36.00"), (False, "30.00")])
def test_an_operator_may_end_it_all_the_same_and_is_told_what_that_may_lose(
    database_url: str, refund: bool, balance: str
) -> None:
    async def scenario(db: Pool) -> None:
        await sell_rentals(db)
        user = await new_user(db)
        rental = await running(db, user)
        await extend(db, user, rental)
        await _begin(db, rental)
        await call(db, "end_rental", p_rental_id=rental, p_refund=refund, p_reason="ticket 1", p_now=NOW)
        assert await wallet(db, user) == (balance, "0.00", balance)
        told = await db.fetch("select level, message, data ->> 'amount' from system_logs where source = 'operators'")
        assert told == [("error", "EXTENSION_MAY_BE_SOLD", "1.00")]

    run(database_url, scenario)


# extending


async def _begin(db: Pool, rental: UUID) -> None:
    assert await call(db, "begin_extension", p_rental_id=rental, p_now=NOW)


@pytest.mark.parametrize(
    ("cost", "said", "total", "cost_after", "untold"),
    [
        ("4.00", "0.70", None, "4.70", "0.00"),  # told before
        ("4.00", None, "4.80", "4.80", "0.00"),  # told afterwards, for all of it
        ("4.00", "0.70", "4.80", "4.80", "0.00"),
        ("4.00", None, None, "4.00", "1.00"),  # never: its price is the most that it can have been
        (None, "0.70", None, None, "1.00"),
    ],
)
def test_what_an_extension_cost_is_in_the_books_as_far_as_it_is_told(
    database_url: str, cost: str | None, said: str | None, total: str | None, cost_after: str | None, untold: str
) -> None:
    def amount(text: str | None) -> Decimal | None:
        return None if text is None else Decimal(text)

    async def scenario(db: Pool) -> None:
        await sell_rentals(db)
        user = await new_user(db)
        rental = await running(db, user)
        await db.execute(
            "update rentals set provider_cost = $2, provider = 'books' where id = $1", rental, amount(cost)
        )
        await extend(db, user, rental)
        books = "select bought - returned, slack from provider_books('books', $1)"
        quiet = await db.fetchrow(books, NOW)
        assert await call(db, "begin_extension", p_rental_id=rental, p_cost=amount(said), p_now=NOW)
        under_way = await db.fetchrow(books, NOW)
        later = {"p_rental_id": rental, "p_ends_at": ENDS_AT + timedelta(hours=4), "p_due_at": NOW}
        await call(db, "record_extension", **later, p_total_cost=amount(total))
        stored = await row(db, rental)
        assert (stored["provider_cost"], stored["extension_untold"]) == (amount(cost_after), Decimal(untold))
        assert stored["extension_cost"] is None
        assert quiet
        assert under_way
        assert under_way[1] == quiet[1] + 1  # while nobody knows, what the user pays for it may have moved
        if cost:
            assert tuple(await db.fetchrow(books, NOW) or ()) == (amount(cost_after), Decimal(untold))
        await db.execute("update rentals set provider = null where id = $1", rental)

    run(database_url, scenario)


def test_an_extension_is_a_further_hold_until_the_end(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_rentals(db)
        user = await new_user(db)
        rental = await running(db, user)
        results = await outcomes(extend(db, user, rental, p_idempotency_key="k") for _ in range(4))
        assert tally(results) == {"done": 1, "replayed": 3}
        assert await wallet(db, user) == EXTENDED
        assert (await row(db, rental))["frozen_amount"] == 7
        with pytest.raises(errors.NotExtendable) as pending:
            await extend(db, user, rental)
        assert pending.value.data["reason"] == "extension_pending"
        with pytest.raises(errors.IdempotencyMismatch):
            await extend(db, user, rental, hours=5, p_idempotency_key="k")

        later = {"p_rental_id": rental, "p_ends_at": ENDS_AT + timedelta(hours=4), "p_due_at": NOW}
        assert not await call(db, "record_extension", **later)  # not begun
        await _begin(db, rental)
        assert not await call(db, "begin_extension", p_rental_id=rental)
        assert [await call(db, "record_extension", **later) for _ in range(2)] == [True, False]
        stored = await row(db, rental)
        assert (stored["hours"], stored["price"], stored["ends_at"]) == (28, 7, ENDS_AT + timedelta(hours=4))
        assert (await extend(db, user, rental, p_idempotency_key="k"))["replayed"]  # the key has bought already
        assert await wallet(db, user) == EXTENDED
        assert await health(db, user) == "OK"
        await close(db, rental, "expired")
        assert await wallet(db, user) == ("29.00", "0.00", "29.00")
        assert await health(db, user) == "OK"

    run(database_url, scenario)


def test_a_refused_extension_gives_its_hold_back_and_nothing_else(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_rentals(db)
        user = await new_user(db)
        rental = await running(db, user)
        await extend(db, user, rental)
        refuse = {"p_rental_id": rental, "p_error_code": "NOT_OFFERED", "p_due_at": NOW}
        assert [await call(db, "refuse_extension", **refuse) for _ in range(2)] == [True, False]
        assert await wallet(db, user) == FROZEN
        stored = await row(db, rental)
        assert (stored["status"], stored["frozen_amount"], stored["hours"]) == ("active", 6, HOURS)
        assert (stored["extension_status"], stored["extension_error_code"]) == ("refused", "NOT_OFFERED")
        assert await health(db, user) == "OK"
        await extend(db, user, rental)  # once more
        assert await wallet(db, user) == EXTENDED

    run(database_url, scenario)


@pytest.mark.parametrize(
    ("hours", "refusal"),
    [(1, errors.InvalidHours), (1344 - HOURS + 1, errors.InvalidHours), (1344 - HOURS, errors.InsufficientFunds)],
)
def test_an_extension_is_bounded(shared_url: str, hours: int, refusal: type[errors.WalletError]) -> None:
    async def scenario(db: Pool) -> None:
        await sell_rentals(db)
        user = await new_user(db)
        rental = await running(db, user)
        with pytest.raises(refusal):
            await extend(db, user, rental, hours)
        assert await wallet(db, user) == FROZEN

    run(shared_url, scenario)


def test_nothing_that_has_ended_is_extended(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_rentals(db)
        user = await new_user(db)
        rental = await running(db, user)
        with pytest.raises(errors.NotExtendable):
            await extend(db, user, rental, p_now=ENDS_AT)
        await close(db, rental, "expired")
        with pytest.raises(errors.NotExtendable):
            await extend(db, user, rental)

    run(database_url, scenario)


@pytest.mark.parametrize(
    ("status", "unused", "balance"),
    [("expired", None, "30.00"), ("cancelled", None, "36.00"), ("cancelled", 12, "33.00")],
)
def test_an_end_settles_all_holds_and_an_extension_in_doubt_was_not_got(
    shared_url: str, status: str, unused: int | None, balance: str
) -> None:
    async def scenario(db: Pool) -> None:
        await sell_rentals(db)
        user = await new_user(db)
        rental = await running(db, user)
        await extend(db, user, rental)
        await _begin(db, rental)
        await close(db, rental, status, p_unused_hours=unused)
        assert await wallet(db, user) == (balance, "0.00", balance)
        assert (await row(db, rental))["extension_status"] == "refused"
        assert (
            await db.fetchval("select count(*) from wallet_holds where rental_id = $1 and state = 'held'", rental) == 0
        )
        assert await health(db, user) == "OK"

    run(shared_url, scenario)


def test_a_share_of_several_holds_goes_back_to_the_cent(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_rentals(db)
        user = await new_user(db)
        rental = await running(db, user)
        await extend(db, user, rental)
        await _begin(db, rental)
        await call(db, "record_extension", p_rental_id=rental, p_ends_at=ENDS_AT + timedelta(hours=4), p_due_at=NOW)
        await close(db, rental, "cancelled", p_unused_hours=9)  # 9 of 28 hours of 7.00: 2.25
        assert await wallet(db, user) == ("31.25", "0.00", "31.25")

    run(database_url, scenario)


# several holds


@pytest.mark.parametrize("ends", ["atomic_commit", "atomic_refund"])
def test_a_wallet_is_well_after_one_of_several_holds_has_ended(database_url: str, ends: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_rentals(db)
        user = await new_user(db)
        rental = await running(db, user)
        for name in ("a", "b"):
            await call(
                db, "atomic_freeze", p_user_id=user, p_amount=Decimal(3), p_transaction_id=name, p_rental_id=rental
            )
            assert await health(db, user) == "OK"
        await call(db, ends, p_user_id=user, p_transaction_id="a")
        assert await health(db, user) == "OK"
        stored = await row(db, rental)
        assert (stored["status"], stored["frozen_amount"]) == ("active", 9)
        await close(db, rental, "expired")
        assert await health(db, user) == "OK"
        assert (await wallet(db, user))[1] == "0.00"

    run(database_url, scenario)
