"""Second chances in SQL: an order is tried again in the transaction of its timeout, within its limits, and once."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
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
    assert_books_balance,
    call,
    new_user,
    order,
    row,
    run,
    wallet,
)
from wallet_db import errors
from wallet_db.check import check
from wallet_db.connect import Pool

PROVIDERS = ["fivesim", "herosms", "sms_activate"]
CODES = {"sms_activate": ("wa", "6"), "herosms": ("wa", "6"), "fivesim": ("whatsapp", "indonesia")}
END = NOW + 20 * MINUTE


async def sold(db: Database, activation: UUID, provider: str = "herosms") -> UUID:
    """The order, once this provider has sold its number."""
    assert await call(db, "begin_purchase", p_activation_id=activation, p_provider=provider, p_now=NOW)
    assert await call(
        db,
        "record_purchase",
        p_activation_id=activation,
        p_provider_order_id=str(activation),
        p_phone="6281234567890",
        p_cost=Decimal("0.5"),
        p_expires_at=END,
        p_due_at=NOW,
        p_now=NOW,
    )
    return activation


async def wanted(db: Database, user: UUID, provider: str = "herosms", **arguments: object) -> UUID:
    """A number bought for somebody who wants another try."""
    return await sold(db, await order(db, user, p_retry_on_timeout=True, **arguments), provider)


async def end(db: Database, activation: UUID, status: str = "timeout", providers: list[str] = PROVIDERS) -> bool:
    ended: bool = await call(
        db,
        "end_unserved",
        p_activation_id=activation,
        p_status=status,
        p_error_code={"timeout": "NO_SMS", "cancelled": "ENDED"}.get(status, "NO_NUMBERS"),
        p_providers=providers,
        p_now=END,
    )
    return ended


async def retry(db: Database, activation: UUID) -> Any:
    """The order's row after its end, and that of the order that followed it, if any."""
    ended = await row(db, activation)
    return ended, await row(db, ended["retried_by"]) if ended["retried_by"] else None


async def told(db: Database, provider: str, cost: str, stock: int = 10) -> None:
    service, country = CODES[provider]
    priced = await db.fetchval(
        "select record_prices($1, $2, $3, $4, $5, $6, $7)",
        provider,
        [service],
        [country],
        [Decimal(cost)],
        [stock],
        [None],
        END,
    )
    assert priced == 1


async def setting(db: Database, key: str, value: str) -> None:
    await db.execute("update settings set value = $2::text::jsonb where key = $1", key, value)


async def events_after(db: Database, user: UUID, seq: int) -> list[tuple[str, dict[str, Any]]]:
    rows = await db.fetch("select type, payload from events where user_id = $1 and seq > $2 order by seq", user, seq)
    return [(kind, orjson.loads(payload)) for kind, payload in rows]


def test_a_number_that_its_provider_took_back_is_tried_again_as_well(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        activation = await wanted(db, user := await new_user(db, "36.00"))
        assert await end(db, activation, "cancelled")
        ended, again = await retry(db, activation)
        assert (ended["status"], ended["error_code"], again["status"]) == ("cancelled", "ENDED", "ordering")
        assert await wallet(db, user) == ("36.00", "5.00", "31.00")

    run(database_url, scenario)


def test_a_timed_out_order_is_settled_and_tried_again_in_one_step(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await setting(db, "timeout_refund_percent", "50")
        user = await new_user(db, "36.00")
        limit = {"p_max_price": Decimal("7.50")}
        activation = await wanted(db, user, p_retry_countries=["india"], p_idempotency_key="mine", **limit)
        seq = await db.fetchval("select event_seq from users where id = $1", user)
        assert await end(db, activation)
        ended, again = await retry(db, activation)
        assert (ended["status"], ended["error_code"], ended["retry_refused"]) == ("timeout", "NO_SMS", None)
        assert (again["status"], again["country"], again["price"]) == ("ordering", "indonesia", Decimal("5.00"))
        assert (again["retry_of"], again["retry_number"], again["max_price"]) == (activation, 1, Decimal("7.50"))
        assert (again["idempotency_key"], again["due_at"], again["attempts"]) == (None, END, 0)
        assert again["retry_countries"] == ended["retry_countries"] == ["indonesia", "india"]
        assert await wallet(db, user) == ("33.50", "5.00", "28.50")
        await assert_books_balance(db)

        heard = await events_after(db, user, seq)
        changes = [(kind, data.get("operation") or data["status"]) for kind, data in heard]
        assert changes == [
            ("activation.updated", "timeout"),
            ("balance.changed", "refund"),
            ("balance.changed", "commit"),
            ("balance.changed", "freeze"),
            ("activation.created", "ordering"),
        ]
        assert heard[0][1]["retried_by"] == heard[-1][1]["id"] == str(again["id"])
        assert heard[-1][1]["retry_of"] == str(activation)
        assert heard[-1][1]["retry_on_timeout"] == {"countries": ["indonesia", "india"]}
        freeze = await db.fetchval(
            "select reason from balance_operations where activation_id = $1 and type = 'freeze'", again["id"]
        )
        assert freeze == "whatsapp, indonesia, retry 1"

    run(database_url, scenario)


Hindrance = Callable[[Pool, UUID], Any]


async def poor(db: Pool, user: UUID) -> None:
    await setting(db, "timeout_refund_percent", "90")
    await db.execute("update activations set max_price = 5.50 where user_id = $1", user)
    await call(db, "atomic_freeze", p_user_id=user, p_amount=Decimal("30.60"), p_transaction_id="the rest")


async def dearer(db: Pool, user: UUID) -> None:
    await db.execute("update services set price = 5.01 where service = 'whatsapp'")


async def not_for_sale(db: Pool, user: UUID) -> None:
    await db.execute("update services set price = null where service = 'whatsapp'")


async def disabled(db: Pool, user: UUID) -> None:
    for provider in PROVIDERS:
        await call(
            db,
            "set_route_state",
            p_provider=provider,
            p_service="whatsapp",
            p_country="indonesia",
            p_state="disabled",
            p_reason="test",
        )


async def sold_out_or_too_dear(db: Pool, user: UUID) -> None:
    await told(db, "fivesim", "0.50", stock=0)
    await told(db, "sms_activate", "5.01")


async def crowded(db: Pool, user: UUID) -> None:
    await order(db, user)
    await order(db, user)
    await setting(db, "open_orders_per_user_max", "2")


async def used_up(db: Pool, user: UUID) -> None:
    await setting(db, "timeout_retries_max", "0")


async def cancel_wanted(db: Pool, user: UUID) -> None:
    await db.execute("update activations set cancel_requested_at = now() where user_id = $1", user)


async def cancel_refused(db: Pool, user: UUID) -> None:
    await db.execute("update activations set error_code = 'EARLY_CANCEL_DENIED' where user_id = $1", user)


@pytest.mark.parametrize(
    ("hinder", "why"),
    [
        (poor, "INSUFFICIENT_FUNDS"),
        (dearer, "PRICE_ABOVE_LIMIT"),
        (not_for_sale, "NOT_FOR_SALE"),
        (disabled, "NO_NUMBERS"),
        (sold_out_or_too_dear, "NO_NUMBERS"),
        (crowded, "TOO_MANY_OPEN_ORDERS"),
        (used_up, "RETRIES_USED_UP"),
        (cancel_wanted, "CANCEL_REQUESTED"),
        (cancel_refused, "CANCEL_REQUESTED"),
    ],
)
def test_what_hinders_a_retry_is_noted_and_the_timeout_stands(database_url: str, hinder: Hindrance, why: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "36.00")
        activation = await wanted(db, user)
        await hinder(db, user)
        seq = await db.fetchval("select event_seq from users where id = $1", user)
        _, frozen, available = map(Decimal, await wallet(db, user))
        assert await end(db, activation)
        ended, again = await retry(db, activation)
        assert (ended["status"], ended["error_code"], ended["retry_refused"]) == ("timeout", "NO_SMS", why)
        assert again is None
        refund = Decimal("4.50" if hinder is poor else "5.00")
        assert (await wallet(db, user))[1:] == (str(frozen - 5), str(available + refund))
        heard = await events_after(db, user, seq)
        assert [kind for kind, _ in heard][:2] == ["activation.updated", "balance.changed"]
        assert heard[0][1]["retry_refused"] == why
        assert "activation.created" not in [kind for kind, _ in heard]
        await assert_books_balance(db)

    run(database_url, scenario)


def test_nobody_who_does_not_want_it_is_tried_again(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "36.00")
        activation = await sold(db, await order(db, user))
        assert await end(db, activation)
        ended, again = await retry(db, activation)
        assert (ended["status"], ended["retry_refused"], again) == ("timeout", None, None)

    run(database_url, scenario)


def test_the_limit_is_the_users_where_one_was_given(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "36.00")
        activation = await wanted(db, user, p_max_price=Decimal("7.00"))
        await db.execute("update services set price = 7.00 where service = 'whatsapp'")
        assert await end(db, activation)
        _, again = await retry(db, activation)
        assert (again["price"], again["max_price"]) == (Decimal("7.00"), Decimal("7.00"))
        assert await wallet(db, user) == ("36.00", "7.00", "29.00")

    run(database_url, scenario)


@pytest.mark.parametrize(
    ("limit", "retries", "spent"), [("5.00", 0, "5.00"), ("14.99", 1, "10.00"), ("15.00", 2, "15.00")]
)
def test_what_a_chain_has_cost_comes_off_its_limit(database_url: str, limit: str, retries: int, spent: str) -> None:
    async def scenario(db: Pool) -> None:
        await setting(db, "timeout_refund_percent", "0")
        user = await new_user(db, "50.00")
        current = await wanted(db, user, p_max_price=Decimal(limit))
        for provider in PROVIDERS[:1] + PROVIDERS[2:] + ["another"]:
            assert await end(db, current, providers=[*PROVIDERS, "another"])
            ended, again = await retry(db, current)
            if again is None:
                break
            current = await sold(db, again["id"], provider)
        assert ended["retry_number"] == (retries or None)
        assert ended["retry_refused"] == ("PRICE_ABOVE_LIMIT" if retries < 2 else "RETRIES_USED_UP")
        left = str(Decimal("50.00") - Decimal(spent))
        assert await wallet(db, user) == (left, "0.00", left)
        await assert_books_balance(db)

    run(database_url, scenario)


def test_a_retry_without_a_number_costs_its_chain_nothing(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await setting(db, "timeout_refund_percent", "0")
        user = await new_user(db, "36.00")
        activation = await wanted(db, user, p_max_price=Decimal("10.00"), p_retry_countries=["india"])
        assert await end(db, activation)
        again = (await retry(db, activation))[1]
        assert await call(db, "begin_purchase", p_activation_id=again["id"], p_provider="fivesim")
        assert await end(db, again["id"], "failed")
        assert (await retry(db, again["id"]))[1] is not None

    run(database_url, scenario)


def test_a_whole_number_of_retries_may_be_written_with_a_point(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await setting(db, "timeout_retries_max", "2.0")
        activation = await wanted(db, await new_user(db))
        assert await end(db, activation)
        assert (await retry(db, activation))[1] is not None

    run(database_url, scenario)


def test_a_price_made_of_costs_is_that_of_the_routes_that_are_left(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await db.execute("update services set margin_percent = 100 where service = 'whatsapp'")
        await told(db, "herosms", "1.00")
        await told(db, "fivesim", "1.50")
        user = await new_user(db, "36.00")
        activation = await sold(
            db, await order(db, user, p_retry_on_timeout=True, p_max_price=Decimal("3.00"), p_now=END)
        )
        assert (await row(db, activation))["price"] == Decimal("2.00")
        assert await end(db, activation, providers=["herosms", "fivesim"])
        assert (await retry(db, activation))[1]["price"] == Decimal("3.00")

    run(database_url, scenario)


def test_a_chain_goes_over_every_route_once_and_on_to_the_next_country(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await setting(db, "timeout_retries_max", "4")
        user = await new_user(db, "36.00")
        current = first = await wanted(db, user, p_retry_countries=["india", "6", "22", "india"])
        places, numbers = [], []
        for provider in ("fivesim", "herosms", "fivesim", None):
            assert await end(db, current, providers=["fivesim", "herosms"])
            ended, again = await retry(db, current)
            if again is None:
                break
            assert again["retry_of"] == first
            places.append((again["country"], provider))
            numbers.append(again["retry_number"])
            tried = await call(
                db, "tried_providers", p_first=first, p_country=again["country"], p_before=again["retry_number"]
            )
            assert provider not in tried
            current = await sold(db, again["id"], str(provider))
        assert places == [("indonesia", "fivesim"), ("india", "herosms"), ("india", "fivesim")]
        assert numbers == [1, 2, 3]
        assert (ended["retry_refused"], ended["status"]) == ("NO_NUMBERS", "timeout")
        assert await wallet(db, user) == ("36.00", "0.00", "36.00")

    run(database_url, scenario)


def test_the_number_of_retries_is_bounded(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "36.00")
        current = await wanted(db, user)
        for provider in ("fivesim", "sms_activate"):
            assert await end(db, current)
            current = await sold(db, (await retry(db, current))[1]["id"], provider)
        assert await end(db, current, providers=[*PROVIDERS, "another"])
        assert (await row(db, current))["retry_refused"] == "RETRIES_USED_UP"

    run(database_url, scenario)


def test_a_retry_without_a_number_is_followed_and_a_first_order_is_not(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "36.00")
        refused = await order(db, user, p_retry_on_timeout=True, p_retry_countries=["india"])
        assert await end(db, refused, "failed")
        assert (await retry(db, refused))[1] is None

        first = await wanted(db, user, p_retry_countries=["india"])
        assert await end(db, first, providers=["herosms", "fivesim"])
        again = (await retry(db, first))[1]
        assert await call(db, "begin_purchase", p_activation_id=again["id"], p_provider="fivesim")
        assert await end(db, again["id"], "failed", providers=["herosms", "fivesim"])
        failed, third = await retry(db, again["id"])
        assert (failed["status"], failed["error_code"]) == ("failed", "NO_NUMBERS")
        assert (third["country"], third["retry_of"], third["retry_number"]) == ("india", first, 2)
        assert await wallet(db, user) == ("36.00", "5.00", "31.00")

    run(database_url, scenario)


def test_ending_twice_and_ending_what_is_decided_change_nothing(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "36.00")
        activation = await wanted(db, user)
        assert await end(db, activation)
        assert not await end(db, activation)
        assert not await end(db, activation, "failed")
        served = await wanted(db, user)
        assert await apply_sms(db, served) == "applied"
        assert not await end(db, served)
        assert (await row(db, served))["status"] == "received"
        assert await db.fetchval("select count(*) from activations where retry_of is not null") == 1
        assert await wallet(db, user) == ("31.00", "5.00", "26.00")

    run(database_url, scenario)


def test_many_ends_an_sms_and_a_cancel_at_once_leave_one_retry_or_none(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        seen: Counter[tuple[str, int]] = Counter()
        for number in range(60):
            user = await new_user(db, "10.00")
            activation = await wanted(db, user)
            rivals: list[Callable[[], Any]] = [
                lambda: end(db, activation),  # noqa: B023 - awaited within the round
                lambda: end(db, activation),  # noqa: B023
                lambda: apply_sms(db, activation),  # noqa: B023
                lambda: call(db, "close_activation", p_activation_id=activation, p_status="cancelled"),  # noqa: B023
            ]
            turn = number % len(rivals)
            await asyncio.gather(*(rival() for rival in rivals[turn:] + rivals[:turn]))
            ended, again = await retry(db, activation)
            follows = await db.fetchval("select count(*) from activations where retry_of = $1", activation)
            assert follows == (1 if ended["status"] == "timeout" else 0) == (0 if again is None else 1)
            seen[ended["status"], follows] += 1
        assert seen.keys() == {("timeout", 1), ("received", 0), ("cancelled", 0)}, "the race was no race"
        await assert_books_balance(db)

    run(database_url, scenario, connections_max=8)
    assert asyncio.run(check(database_url)).is_clean


def test_control_two_followers_of_one_place_in_a_chain_are_refused_by_the_table(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "36.00")
        activation = await wanted(db, user)
        assert await end(db, activation)
        with pytest.raises(asyncpg.UniqueViolationError) as caught:
            await db.execute(
                "insert into activations (user_id, service, country, price, frozen_amount, retry_of, retry_number)"
                " values ($1, 'whatsapp', 'indonesia', 5, 5, $2, 1)",
                user,
                activation,
            )
        assert caught.value.constraint_name == "activations_retried_once"

    run(database_url, scenario)


@pytest.mark.parametrize(
    ("service", "everywhere", "said", "is_wanted"),
    [
        (None, "false", None, False),
        (None, "true", None, True),
        (True, "false", None, True),
        (False, "true", None, False),
        (True, "true", False, False),
        (False, "false", True, True),
    ],
)
def test_who_says_nothing_gets_what_the_service_says_else_the_setting(
    database_url: str, service: bool | None, everywhere: str, said: bool | None, is_wanted: bool
) -> None:
    async def scenario(db: Pool) -> None:
        await setting(db, "retry_on_timeout", everywhere)
        await db.execute("update services set retry_on_timeout = $1 where service = 'whatsapp'", service)
        activation = await order(db, await new_user(db), p_retry_on_timeout=said)
        assert (await row(db, activation))["retry_countries"] == (["indonesia"] if is_wanted else None)

    run(database_url, scenario)


def test_a_key_means_one_wish_and_the_chain_has_no_key(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "36.00")
        activation = await wanted(db, user, p_retry_countries=["india"], p_idempotency_key="k")
        assert await order(db, user, p_idempotency_key="k") == activation  # unsaid: as it was
        again = await order(db, user, p_idempotency_key="k", p_retry_on_timeout=True, p_retry_countries=["22"])
        assert again == activation
        with pytest.raises(errors.IdempotencyMismatch) as caught:
            await order(db, user, p_idempotency_key="k", p_retry_on_timeout=False)
        assert caught.value.data["field"] == "retry_on_timeout"

        assert await end(db, activation)
        follower = (await retry(db, activation))[1]["id"]
        assert await order(db, user, p_idempotency_key="k") == activation
        for key in (str(follower), f"activation:{follower}"):  # any key is free
            assert await order(db, user, p_idempotency_key=key) != follower

    run(database_url, scenario)


@pytest.mark.parametrize(
    ("wish", "refusal"),
    [
        ({"p_retry_countries": [str(n) for n in range(11)]}, errors.InvalidArgument),
        ({"p_retry_on_timeout": False, "p_retry_countries": ["india"]}, errors.InvalidArgument),
        ({"p_retry_countries": ["atlantis"]}, errors.UnknownCountry),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(
    database_url: str, wish: dict[str, object], refusal: type[Exception]
) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        with pytest.raises(refusal):
            await order(db, user, **wish)
        assert await wallet(db, user) == ("36.00", "0.00", "36.00")

    run(database_url, scenario)


@pytest.mark.parametrize(
    ("key", "value"),
    [("timeout_retries_max", v) for v in ("-1", "11", "1.5", '"2"')] + [("retry_on_timeout", v) for v in ("1", "null")],
)
def test_settings_take_nothing_else(database_url: str, key: str, value: str) -> None:
    async def scenario(db: Pool) -> None:
        with pytest.raises(asyncpg.CheckViolationError, match="settings_"):
            await setting(db, key, value)

    run(database_url, scenario)


def test_time_stays_the_callers(database_url: str) -> None:
    """The retry is created at the end of the order before it, not by another clock."""

    async def scenario(db: Pool) -> None:
        activation = await wanted(db, await new_user(db))
        assert await end(db, activation)
        ended, again = await retry(db, activation)
        assert again["created_at"] - ended["closed_at"] == timedelta(0)

    run(database_url, scenario)
