"""An order's way to its number: the written intent, the claim under a lease, the purchase that is begun once."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.wallet_db.support import (
    MINUTE,
    NOW,
    Database,
    assert_books_balance,
    call,
    new_user,
    order,
    outcomes,
    pending_order,
    record_purchase,
    row,
    run,
    tally,
    wallet,
)
from wallet_db import errors, orders
from wallet_db.connect import Pool

LEASE = timedelta(seconds=30)


async def create(
    db: Database, user: UUID, service: str = "whatsapp", country: str = "indonesia", **more: object
) -> Any:
    return await call(db, "create_activation", p_user_id=user, p_service=service, p_country=country, **more)


async def claim(db: Database, limit: int = 10, now: Any = NOW) -> list[UUID]:
    rows = await db.fetch("select id from claim_activations($1, $2, $3)", limit, LEASE, now)
    return [claimed["id"] for claimed in rows]


def test_an_order_is_written_and_its_price_frozen_together(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        created = await create(db, user, "wa", "6", p_now=NOW)
        assert (created["service"], created["country"], created["price"]) == ("whatsapp", "indonesia", "5.00")
        assert (created["status"], created["created_at"], created["replayed"]) == (
            "ordering",
            "2026-01-01T12:00:00.000Z",
            False,
        )
        hold = await db.fetchrow("select * from wallet_holds")
        assert hold is not None
        assert (hold["state"], hold["amount"], str(hold["activation_id"])) == ("held", Decimal("5.00"), created["id"])
        assert (await row(db, UUID(created["id"])))["due_at"] == NOW
        await assert_books_balance(db)

    run(database_url, scenario)


@pytest.mark.parametrize(
    ("arguments", "error", "data"),
    [
        ({"p_service": "fax"}, errors.UnknownService, {"service": "fax"}),
        ({"p_service": None}, errors.UnknownService, {"service": None}),
        ({"p_country": "atlantis"}, errors.UnknownCountry, {"country": "atlantis"}),
        ({"p_country": None}, errors.UnknownCountry, {"country": None}),
        ({"p_service": "viber"}, errors.NotForSale, {"service": "viber"}),
        ({"p_max_price": Decimal("4.99")}, errors.PriceAboveLimit, {"price": "5.00", "max_price": "4.99"}),
        ({"p_max_price": Decimal("NaN")}, errors.InvalidAmount, {"amount": "NaN"}),
        ({"p_max_price": Decimal(-1)}, errors.InvalidAmount, {"amount": "-1"}),
        ({"p_idempotency_key": ""}, errors.InvalidArgument, {"argument": "p_idempotency_key"}),
        ({"p_idempotency_key": "k" * 256}, errors.InvalidArgument, {"argument": "p_idempotency_key"}),
        ({"p_service": "tg"}, errors.InsufficientFunds, {"needed": "50.00", "available": "36.00"}),
    ],
)
def test_a_refused_order_leaves_nothing(
    shared_url: str, arguments: dict[str, object], error: type[errors.WalletError], data: dict[str, str]
) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        await db.execute("update services set price = null where service = 'viber'")
        await db.execute("update services set price = 50 where service = 'telegram'")
        asked = {"p_service": "whatsapp", "p_country": "indonesia"} | arguments
        with pytest.raises(error) as caught:
            await call(db, "create_activation", p_user_id=user, **asked)
        assert caught.value.data.items() >= data.items()
        for table in ("activations", "wallet_holds"):
            assert await db.fetchval(f"select count(*) from {table} where user_id = $1", user) == 0  # noqa: S608
        assert await wallet(db, user) == ("36.00", "0.00", "36.00")

    run(shared_url, scenario)


def test_an_idempotency_key_orders_once_whatever_happened_since(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user, other = await new_user(db), await new_user(db)
        first = await create(db, user, p_idempotency_key="k1", p_max_price=Decimal("5.00"))
        await call(db, "begin_purchase", p_activation_id=UUID(first["id"]), p_provider="sim")
        await record_purchase(db, UUID(first["id"]))
        await db.execute("update services set price = null")
        again = await create(db, user, "wa", "6", p_idempotency_key="k1", p_max_price=Decimal("0.01"))
        assert (again["id"], again["status"], again["replayed"]) == (first["id"], "pending", True)
        for service, country, field in (("telegram", "indonesia", "service"), ("whatsapp", "russia", "country")):
            with pytest.raises(errors.IdempotencyMismatch) as caught:
                await create(db, user, service, country, p_idempotency_key="k1")
            assert caught.value.data == {"field": field}
        await db.execute("update services set price = 5")
        assert not (await create(db, other, p_idempotency_key="k1"))["replayed"]
        assert await wallet(db, user) == ("36.00", "5.00", "31.00")

    run(database_url, scenario)


def test_fifty_callers_with_one_idempotency_key_get_one_order(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        results = await outcomes(create(db, user, p_idempotency_key="k1") for _ in range(50))
        assert tally(results) == {"done": 1, "replayed": 49}
        assert len({result["id"] for result in results}) == 1
        assert await wallet(db, user) == ("36.00", "5.00", "31.00")

    run(database_url, scenario, connections_max=10)


def test_a_user_reads_their_own_orders_only(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        alice, bob = await new_user(db), await new_user(db)
        mine = [await order(db, alice, p_now=NOW + number // 2 * MINUTE) for number in range(5)]
        read = await orders.read_activation(db, alice, mine[0])
        assert read is not None
        assert read["id"] == str(mine[0])
        assert await orders.read_activation(db, bob, mine[0]) is None
        assert await orders.list_activations(db, bob, limit=9, before=None) == []
        pages, before = [], None
        while page := await orders.list_activations(db, alice, limit=2, before=before):
            pages += [activation["id"] for _, _, activation in page]
            before = page[-1][:2]
        newest_first = await db.fetch("select id::text from activations order by created_at desc, id desc")
        assert pages == [each["id"] for each in newest_first]

    run(database_url, scenario)


def test_a_claimed_order_is_leased_and_due_again_after_the_lease(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        first, second = await order(db, user, p_now=NOW), await order(db, user, p_now=NOW + MINUTE)
        assert await claim(db, now=NOW - MINUTE) == []
        claimed = await db.fetchrow("select * from claim_activations($1, $2, $3)", 10, LEASE, NOW)
        assert claimed is not None
        assert (claimed["id"], claimed["service_code"], claimed["country_code"]) == (first, "wa", "6")
        assert (claimed["was_due_at"], claimed["leased_until"]) == (NOW, NOW + LEASE)
        assert await claim(db, now=NOW + LEASE / 2) == []
        assert await claim(db, now=NOW + LEASE) == [first]
        assert set(await claim(db, now=NOW + 5 * MINUTE)) == {first, second}

    run(database_url, scenario)


def test_the_longest_due_are_claimed_first_and_closed_orders_never(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        due = [await order(db, user, p_now=NOW - number * MINUTE) for number in range(4)]
        await call(db, "request_cancel", p_user_id=user, p_activation_id=due[3])
        assert await claim(db, limit=1) == [due[2]]
        assert set(await claim(db)) == {due[0], due[1]}

    run(database_url, scenario)


def test_claimers_skip_what_another_is_claiming(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db, "60.00")
        all_due = {await order(db, user, p_now=NOW) for _ in range(12)}
        async with db.acquire() as one, db.acquire() as two:
            async with one.transaction():
                held = await claim(one, limit=5)
                others = await asyncio.wait_for(claim(two, limit=100), 5)  # does not wait for the first
            assert not set(held) & set(others)
            assert set(held) | set(others) == all_due
        claims = await asyncio.gather(*(claim(db, limit=2, now=NOW + MINUTE) for _ in range(10)))
        taken = [activation for batch in claims for activation in batch]
        assert len(taken) == len(set(taken))

    run(database_url, scenario, connections_max=10)


def test_a_claim_rolled_back_by_a_dying_poller_is_free_at_once(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        activation = await order(db, await new_user(db), p_now=NOW)
        async with db.acquire() as dying:
            await dying.execute("begin")
            assert await claim(dying) == [activation]
            dying.terminate()
        async with asyncio.timeout(10):
            while not (freed := await claim(db)):  # until the server has noticed
                pass
        assert freed == [activation]

    run(database_url, scenario)


def test_a_purchase_is_begun_once(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        activation = await order(db, await new_user(db))
        begun = await asyncio.gather(
            *(
                call(db, "begin_purchase", p_activation_id=activation, p_provider=f"p{number}", p_now=NOW)
                for number in range(50)
            )
        )
        assert begun.count(True) == 1
        stored = await row(db, activation)
        assert (stored["provider"], stored["purchase_started_at"]) == (f"p{begun.index(True)}", NOW)
        assert not await call(db, "begin_purchase", p_activation_id=uuid4(), p_provider="p")

    run(database_url, scenario, connections_max=10)


def test_a_purchase_is_recorded_once(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        activation = await order(db, user)
        await call(db, "begin_purchase", p_activation_id=activation, p_provider="simulator")
        recorded = await asyncio.gather(*(record_purchase(db, activation, "order-7") for _ in range(10)))
        assert recorded.count(True) == 1
        stored = await row(db, activation)
        assert (stored["status"], stored["provider_order_id"], stored["due_at"]) == ("pending", "order-7", NOW + MINUTE)
        with pytest.raises(errors.UnknownOrder):
            await record_purchase(db, uuid4())
        other = await order(db, user)
        await call(db, "begin_purchase", p_activation_id=other, p_provider="simulator")
        with pytest.raises(asyncpg.UniqueViolationError, match="activations_provider_order_is_unique"):
            await record_purchase(db, other, "order-7")

    run(database_url, scenario)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("frozen_amount = 0", "activations_frozen_only_while_unserved"),
        ("status = 'timeout', frozen_amount = 0", "activations_open_is_a_job"),
        ("status = 'timeout', closed_at = now(), frozen_amount = 0", "activations_open_is_a_job"),
        ("status = 'timeout', closed_at = now(), due_at = null", "activations_frozen_only_while_unserved"),
        ("phone = null", "activations_bought_has_phone"),
        ("price = 0, frozen_amount = 0", "activations_price_positive"),
    ],
)
def test_the_row_keeps_its_rules_whoever_writes_it(shared_url: str, change: str, rule: str) -> None:
    async def scenario(db: Pool) -> None:
        activation = await pending_order(db, await new_user(db))
        with pytest.raises(asyncpg.CheckViolationError) as caught:
            await db.execute(f"update activations set {change} where id = $1", activation)  # noqa: S608 - our own
        assert caught.value.constraint_name == rule

    run(shared_url, scenario)
