"""Cards: customers are submitted once, a card and its first money are bought once, whoever dies or comes twice."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.wallet_db.books import assert_sound
from tests.wallet_db.card_life import (
    CREATION,
    PROVIDER,
    SEALED,
    accepted,
    active,
    claim_card,
    claim_customer,
    creation_of,
    events_of,
    health,
    order_card,
    ordered,
    registered,
    row,
    sell_cards,
    submit,
    tell,
)
from tests.wallet_db.support import call, new_user, run, wallet
from wallet_db import card_customers, card_jobs, cards, errors
from wallet_db.connect import Pool
from wallet_db.demo import DEMO_CARD_FEE, set_demo_prices

HELD = ("36.00", str(CREATION), "22.78")
PAID = ("22.78", "0.00", "22.78")
BACK = ("36.00", "0.00", "36.00")
TOMORROW = datetime.now(UTC) + timedelta(days=1)


# customers


def test_a_customer_is_submitted_once_and_the_documents_go(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        answer = await submit(db, user)
        assert (answer["status"], answer["replayed"]) == ("submitting", False)
        customer = UUID(answer["customer_id"])
        job = await claim_customer(db, customer)
        assert (job.details, job.submitted_at) == (SEALED, None)
        assert [document.kind for document in await card_customers.read_documents(db, customer)] == [
            "id_image",
            "user_photo",
        ]
        assert [await card_customers.begin(db, job) for _ in range(2)] == [True, False]
        assert await card_customers.purge_documents(db, limit=10) == 0  # nobody has decided yet
        record = [
            await card_customers.record(db, customer, "c", purge_at=datetime.now(UTC) - timedelta(1)) for _ in range(2)
        ]
        assert record == [True, False]
        known = await cards.read_card_customer(db, user, PROVIDER)
        assert known is not None
        assert (known["status"], known["provider_customer_id"]) == ("registered", "c")
        assert await card_customers.claim_card_customers(db, limit=10, lease=timedelta(0)) == []
        assert [await card_customers.purge_documents(db, limit=1) for _ in range(3)] == [1, 1, 0]

    run(database_url, scenario)


def test_a_failed_customer_is_forgotten_and_may_be_submitted_anew(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        customer = UUID((await submit(db, user))["customer_id"])
        job = await claim_customer(db, customer)
        assert await card_customers.begin(db, job)
        assert [await card_customers.fail(db, job, "REFUSED", purge_at=TOMORROW) for _ in range(2)] == [True, False]
        stored = await db.fetchrow("select * from card_customers where id = $1", customer)
        assert stored is not None
        assert (stored["status"], stored["details"], stored["due_at"]) == ("failed", None, None)
        assert not await card_customers.record(db, customer, "c", purge_at=TOMORROW)
        again = await submit(db, user)
        assert (again["status"], again["replayed"]) == ("submitting", False)
        assert again["customer_id"] != str(customer)

    run(database_url, scenario)


def test_a_submission_begins_again_only_when_surely_nothing_was_told(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        customer = UUID((await submit(db, await new_user(db)))["customer_id"])
        job = await claim_customer(db, customer)
        assert await card_customers.begin(db, job)
        assert await card_customers.abandon(db, job, job.now())
        assert not await card_customers.begin(db, job)  # the lease ended with that
        assert await card_customers.begin(db, await claim_customer(db, customer))

    run(database_url, scenario)


@pytest.mark.parametrize(
    ("wrong", "field"), [({"details": None}, "p_details"), ({"documents": ("id_image", "id_image")}, "p_documents")]
)
def test_a_customer_must_be_whole(shared_url: str, wrong: dict[str, Any], field: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        with pytest.raises(errors.InvalidArgument) as refused:
            await submit(db, await new_user(db), **wrong)
        assert refused.value.data == {"argument": field}

    run(shared_url, scenario)


def test_one_customer_of_a_user_and_of_an_address(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user, other = await new_user(db), await new_user(db)
        first = await submit(db, user, idempotency_key="k", request_digest=b"1")
        assert await submit(db, user, idempotency_key="k", request_digest=b"1") == first | {"replayed": True}
        with pytest.raises(errors.IdempotencyMismatch):
            await submit(db, user, idempotency_key="k", request_digest=b"2")
        with pytest.raises(errors.CustomerExists) as own:
            await submit(db, user)
        assert own.value.data == {"provider": PROVIDER, "field": "user", "status": "submitting"}
        with pytest.raises(errors.CustomerExists) as address:
            await submit(db, other, email_digest=user.bytes)
        assert address.value.data == {"provider": PROVIDER, "field": "email"}
        with pytest.raises(errors.CardsNotSold):
            await submit(db, other, provider="nobody")

    run(database_url, scenario)


# a card and its first money


def test_a_card_is_paid_when_the_provider_says_that_it_is_active(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        await registered(db, user)
        answer = await order_card(db, user, request_id="q")
        assert (answer["status"], answer["replayed"], answer["request_id"]) == ("pending_activation", False, "q")
        assert (answer["funding"]["price"], answer["funding"]["usd"]) == (str(CREATION), "10.00")
        assert await wallet(db, user) == HELD
        card = UUID(answer["card_id"])
        job = await claim_card(db, card)
        assert (job.usd, job.customer_details, job.name_on_card_sealed) == (10, SEALED, SEALED)
        assert [await card_jobs.begin_creation(db, job) for _ in range(2)] == [True, False]
        assert await tell(db, card, "active") == "refused"  # it has no id upstream yet
        record = [await card_jobs.record_created(db, card, "77", reference="r", due_at=job.now()) for _ in range(2)]
        assert record == ["recorded", "replayed"]
        assert (await creation_of(db, card))["status"] == "pending"
        assert await tell(db, card, "pending_activation") == "recorded"
        assert await wallet(db, user) == HELD
        told = [
            await tell(db, card, "active", balance=10, last4_sealed=b"4", expiry_sealed=b"x", brand="visa")
            for _ in range(2)
        ]
        assert told == ["recorded", "recorded"]
        assert await wallet(db, user) == PAID
        stored = await row(db, card)
        assert (stored["status"], stored["balance"], stored["last4_sealed"]) == ("active", 10, b"4")
        assert stored["activated_at"] is not None
        assert (await creation_of(db, card))["status"] == "completed"
        assert await health(db, user) == "OK"
        await assert_sound(db, user)

    run(database_url, scenario)


def test_a_refused_card_gives_its_money_back_once(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await ordered(db, user)
        job = await claim_card(db, card)
        assert await card_jobs.begin_creation(db, job)
        assert [await card_jobs.fail_card(db, job, "REFUSED") for _ in range(2)] == [True, False]
        assert await wallet(db, user) == BACK
        stored = await row(db, card)
        assert (stored["status"], stored["error_code"], stored["due_at"]) == ("failed", "REFUSED", None)
        assert (await creation_of(db, card))["frozen_amount"] == 0
        assert await card_jobs.record_created(db, card, "77", reference=None, due_at=job.now()) == "decided"
        assert await tell(db, card, "active") == "ended"
        assert await wallet(db, user) == BACK
        await assert_sound(db, user)

    run(database_url, scenario)


def test_a_creation_begins_again_only_when_surely_no_card_was_made(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await ordered(db, user)
        job = await claim_card(db, card)
        assert await card_jobs.begin_creation(db, job)
        assert await card_jobs.abandon_creation(db, job, job.now())
        assert not await card_jobs.begin_creation(db, job)  # the lease ended with that
        again = await claim_card(db, card)
        assert again.creation_begun_at is None
        assert await card_jobs.begin_creation(db, again)
        assert await card_jobs.record_created(db, card, "77", reference=None, due_at=again.now()) == "recorded"
        assert not await call(db, "abandon_card_creation", p_card_id=card, p_due_at=again.now())  # it was accepted
        assert await wallet(db, user) == HELD

    run(database_url, scenario)


def test_a_crash_anywhere_in_a_creation_leaves_a_row_that_says_so(database_url: str) -> None:
    """Whoever comes after the crash sees what was begun and never begins it a second time."""

    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await ordered(db, user)
        await claim_card(db, card)  # dies
        await db.execute("update cards set due_at = now() where id = $1", card)  # its lease runs out
        second = await claim_card(db, card)
        assert second.creation_begun_at is None
        assert await card_jobs.begin_creation(db, second)  # dies, before the provider heard of it or after
        await db.execute("update cards set due_at = now() where id = $1", card)
        third = await claim_card(db, card)
        assert third.creation_begun_at is not None
        assert not await card_jobs.begin_creation(db, third)
        assert not await card_jobs.fail_card(db, second, "REFUSED")  # risen again: the lease is another's
        assert [doubt.card_id for doubt in await card_jobs.read_doubts(db, PROVIDER, since=third.now())] == [card]
        assert await card_jobs.record_created(db, card, "77", reference=None, due_at=third.now()) == "recorded"
        assert await card_jobs.read_doubts(db, PROVIDER, since=third.now()) == []
        assert await tell(db, card, "active", balance=10) == "recorded"  # dies before its transaction: told again
        assert await tell(db, card, "active", balance=10) == "recorded"
        assert await wallet(db, user) == PAID
        await assert_sound(db, user)

    run(database_url, scenario)


def test_a_card_upstream_is_one_card_of_ours(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        ids = []
        for name in ("77", "78"):
            card = await ordered(db, await new_user(db))
            job = await claim_card(db, card)
            assert await card_jobs.begin_creation(db, job)
            ids.append(card)
            if name == "77":
                assert await card_jobs.record_created(db, card, name, reference=None, due_at=job.now()) == "recorded"
        assert await card_jobs.record_created(db, ids[1], "77", reference=None, due_at=TOMORROW) == "taken"
        assert await card_jobs.record_created(db, ids[0], "78", reference=None, due_at=TOMORROW) == "decided"
        assert await card_jobs.find_card(db, PROVIDER, "77") == ids[0]

    run(database_url, scenario)


def test_a_creation_given_up_in_doubt_is_told_to_the_operators(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await ordered(db, user)
        job = await claim_card(db, card)
        assert await card_jobs.begin_creation(db, job)
        assert await card_jobs.fail_card(db, job, "CARD_MAY_EXIST")
        assert await wallet(db, user) == BACK
        told = await db.fetch("select level, data ->> 'card_id' from system_logs where message = 'CARD_MAY_EXIST'")
        assert [tuple(each) for each in told] == [("error", str(card))]
        [doubt] = await card_jobs.read_doubts(db, PROVIDER, since=job.created_at)
        assert (doubt.card_id, doubt.status, doubt.usd) == (card, "failed", 10)
        assert await card_jobs.read_doubts(db, PROVIDER, since=TOMORROW) == []
        assert await card_jobs.record_created(db, card, "77", reference=None, due_at=TOMORROW) == "decided"
        assert await tell(db, card, "active") == "ended"  # never silently active

    run(database_url, scenario)


@pytest.mark.parametrize("usd", ["0.99", "500.01", "1.001", "-5", "NaN", "Infinity", "0"])
def test_an_amount_that_is_none_is_refused(shared_url: str, usd: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db, "1000.00")
        await registered(db, user)
        with pytest.raises(errors.InvalidCardAmount) as refused:
            await order_card(db, user, Decimal(usd))
        assert (refused.value.data["min"], refused.value.data["max"]) == ("1.00", "500.00")
        assert (await wallet(db, user))[1] == "0.00"

    run(shared_url, scenario)


def test_a_card_needs_money_a_registered_customer_and_an_offer(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        poor, user = await new_user(db, "13.21"), await new_user(db)
        with pytest.raises(errors.CustomerNotRegistered) as unknown:
            await order_card(db, user)
        assert unknown.value.data == {"provider": PROVIDER, "status": None}
        await submit(db, user)
        with pytest.raises(errors.CustomerNotRegistered) as submitting:
            await order_card(db, user)
        assert submitting.value.data["status"] == "submitting"
        await registered(db, poor)
        with pytest.raises(errors.InsufficientFunds) as lacking:
            await order_card(db, poor)
        assert (lacking.value.data["needed"], lacking.value.data["available"]) == (str(CREATION), "13.21")
        with pytest.raises(errors.CardsNotSold):
            await order_card(db, poor, provider="nobody")
        await db.execute("update card_offers set on_sale = false")
        with pytest.raises(errors.CardsNotSold):
            await order_card(db, poor)
        with pytest.raises(errors.UnknownUser):
            await order_card(db, uuid4())
        assert await db.fetchval("select count(*) from cards") == 0
        await assert_sound(db, poor, user)

    run(database_url, scenario)


def test_a_key_buys_one_card(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        await registered(db, user)
        first = await order_card(db, user, idempotency_key="k", request_digest=b"1")
        assert await order_card(db, user, idempotency_key="k", request_digest=b"1") == first | {"replayed": True}
        for other in ({"usd": 9, "request_digest": b"1"}, {"request_digest": b"2"}):
            with pytest.raises(errors.IdempotencyMismatch):
                await order_card(db, user, idempotency_key="k", **other)
        assert await wallet(db, user) == HELD
        assert await db.fetchval("select count(*) from cards where user_id = $1", user) == 1

    run(database_url, scenario)


# reading


def test_a_user_reads_their_cards_and_nobody_elses(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user, other = await new_user(db, "100.00"), await new_user(db)
        mine = [await active(db, user) for _ in range(3)]
        theirs = await accepted(db, other)
        total, page = await cards.list_cards(db, user_id=user, limit=2, offset=1)
        assert (total, [card.id for card in page]) == (3, [mine[1], mine[0]])
        assert (await cards.list_cards(db, user_id=None, limit=10))[0] == 4
        assert await cards.read_card(db, theirs, user_id=user) is None
        shown = await cards.read_card(db, theirs, user_id=None)
        assert shown is not None
        assert (shown.user_id, shown.name_on_card_sealed, shown.last4_sealed) == (other, SEALED, None)
        assert shown.shown["status"] == "pending_activation"
        with pytest.raises(errors.UnknownCard):
            await cards.request_card_funding(db, user, theirs, Decimal(5))
        with pytest.raises(errors.UnknownCard):
            await cards.request_card_action(db, theirs, "block", user_id=user)
        with pytest.raises(errors.UnknownCard):
            await cards.ask_card_reveal(db, user, theirs, bytes(32), wait=timedelta(seconds=5))

    run(database_url, scenario)


def test_a_snapshot_has_the_cards_that_have_not_ended_for_a_day(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db, "100.00")
        gone, gone_today, open_ = [await active(db, user) for _ in range(3)]
        for card in (gone, gone_today):
            await tell(db, card, "terminated")
        await db.execute("update cards set closed_at = now() - interval '25 hours' where id = $1", gone)
        snapshot = await call(db, "snapshot_json", p_user_id=user)
        assert [card["card_id"] for card in snapshot["cards"]] == [str(open_), str(gone_today)]
        assert snapshot["cards"][0] == (await events_of(db, user))[-3][1]

    run(database_url, scenario)


def test_the_demo_sells_cards_and_leaves_an_operators_prices(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await set_demo_prices(database_url)
        offer = "select creation_fee, on_sale from card_offers where provider = 'strowallet'"
        assert tuple(await db.fetchrow(offer) or ()) == (DEMO_CARD_FEE, True)
        await db.execute("update card_offers set creation_fee = 7")
        await set_demo_prices(database_url)
        assert await db.fetchval(offer) == 7

    run(database_url, scenario)
