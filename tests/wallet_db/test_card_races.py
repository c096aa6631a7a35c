"""Many at once on one card: money moves once, the books stay sound, nobody deadlocks. Whoever was first has decided."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from tests.wallet_db.books import assert_sound
from tests.wallet_db.card_life import (
    LEASE,
    accepted,
    active,
    begun,
    claim_card,
    claim_funding,
    creation_of,
    fund,
    funding_of,
    funding_row,
    health,
    order_card,
    ordered,
    registered,
    row,
    sell_cards,
    submit,
    tell,
)
from tests.wallet_db.support import call, new_user, outcomes, run, tally, wallet
from wallet_db import card_customers, card_fundings, card_jobs, cards
from wallet_db.check import check
from wallet_db.connect import Pool

AT_ONCE = 16


def test_of_many_customers_of_one_user_or_address_one_is_taken(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        assert tally(await outcomes(submit(db, user) for _ in range(AT_ONCE))) == {
            "done": 1,
            "CustomerExists": AT_ONCE - 1,
        }
        others = [await new_user(db) for _ in range(AT_ONCE)]
        results = await outcomes(submit(db, other, email_digest=b"one" * 10) for other in others)
        assert tally(results) == {"done": 1, "CustomerExists": AT_ONCE - 1}

    run(database_url, scenario, connections_max=AT_ONCE)


def test_one_key_buys_one_card_however_many_send_it(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db, "100.00")
        await registered(db, user)
        results = await outcomes(order_card(db, user, idempotency_key="k") for _ in range(AT_ONCE))
        assert tally(results) == {"done": 1, "replayed": AT_ONCE - 1}
        assert len({result["card_id"] for result in results}) == 1
        assert await wallet(db, user) == ("100.00", "13.22", "86.78")
        await assert_sound(db, user)

    run(database_url, scenario, connections_max=AT_ONCE)


def test_cards_are_bought_as_far_as_the_money_goes(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)  # 36.00: two at 13.22
        await registered(db, user)
        results = await outcomes(order_card(db, user) for _ in range(AT_ONCE))
        assert tally(results) == {"done": 2, "InsufficientFunds": AT_ONCE - 2}
        assert await health(db, user) == "OK"
        await assert_sound(db, user)

    run(database_url, scenario, connections_max=AT_ONCE)


def test_of_many_fundings_of_a_card_one_is_open(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db, "100.00")
        card = await active(db, user)
        results = await outcomes(fund(db, user, card) for _ in range(AT_ONCE))
        assert tally(results) == {"done": 1, "FundingPending": AT_ONCE - 1}
        assert (await wallet(db, user))[1] == "5.61"
        await assert_sound(db, user)

    run(database_url, scenario, connections_max=AT_ONCE)


def test_each_row_is_claimed_and_begun_by_one(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db, "100.00")
        card = await active(db, user)
        waiting = await ordered(db, user)
        funding = await funding_of(db, user, card)

        async def work() -> tuple[list[UUID], list[bool]]:
            made = await card_jobs.claim_cards(db, limit=5, lease=LEASE)
            paid = await card_fundings.claim_card_fundings(db, limit=5, lease=LEASE)
            begun_ = [await card_jobs.begin_creation(db, job) for job in made]
            begun_ += [await card_fundings.begin(db, job, []) for job in paid]
            return [*(job.id for job in made), *(job.id for job in paid)], begun_

        results = await asyncio.gather(*(work() for _ in range(AT_ONCE)))
        assert sorted(id_ for ids, _ in results for id_ in ids) == sorted([waiting, funding])
        assert [one for _, begun_ in results for one in begun_] == [True, True]
        # Without leases it is still one.
        other = await ordered(db, user)
        begins = await outcomes(call(db, "begin_card_creation", p_card_id=other) for _ in range(AT_ONCE))
        assert tally(begins) == {"True": 1, "False": AT_ONCE - 1}

    run(database_url, scenario, connections_max=AT_ONCE)


@pytest.mark.parametrize("round_", range(6))
def test_a_creation_ends_one_way_whoever_is_first(shared_url: str, round_: int) -> None:
    """Active, refused and given up at the same time."""

    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await accepted(db, user)
        job = await claim_card(db, card)
        callers = [
            tell(db, card, "active", balance=10),
            card_jobs.fail_card(db, job, "REFUSED", is_final=True),
            tell(db, card, "terminated", balance=0),
            card_jobs.fail_card(db, job, "CARD_MAY_EXIST"),
        ]
        await outcomes(callers[round_ % 4 :] + callers[: round_ % 4])
        stored, creation = await row(db, card), await creation_of(db, card)
        assert (stored["status"] == "failed") == (creation["status"] == "failed")
        assert await wallet(db, user) == (
            ("36.00", "0.00", "36.00") if creation["status"] == "failed" else ("22.78", "0.00", "22.78")
        )
        assert await health(db, user) == "OK"
        await assert_sound(db, user)

    run(shared_url, scenario, connections_max=8)


@pytest.mark.parametrize("round_", range(6))
def test_a_funding_ends_one_way_whoever_is_first(shared_url: str, round_: int) -> None:
    """Confirmed twice, refused, given up, while the card is blocked and terminated and the hold ended by name."""

    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await active(db, user)
        job = await begun(db, user, card)
        callers = [
            card_fundings.complete(db, job.id, provider_transaction_id="t"),
            card_fundings.fail(db, job, "DECLINED", is_final=True),
            tell(db, card, "terminated", balance=0),
            card_fundings.complete(db, job.id, provider_transaction_id="t"),
            card_fundings.fail(db, job, "CARD_FUNDING_MAY_EXIST"),
            call(db, "atomic_refund", p_user_id=user, p_transaction_id=f"funding:{job.id}"),
            cards.request_card_action(db, card, "block", user_id=user),
            card_fundings.accept(db, job.id, reference="r", due_at=job.leased_until),
        ]
        await outcomes(callers[round_:] + callers[:round_])
        ended = await funding_row(db, job.id)
        assert ended["status"] in ("completed", "failed")
        paid = ended["status"] == "completed"
        assert await wallet(db, user) == (("17.17", "0.00", "17.17") if paid else ("22.78", "0.00", "22.78"))
        assert await health(db, user) == "OK"
        await assert_sound(db, user)

    run(shared_url, scenario, connections_max=8)


@pytest.mark.parametrize("round_", range(4))
def test_a_funding_is_begun_or_given_back_when_the_card_ends_meanwhile(shared_url: str, round_: int) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await active(db, user)
        job = await claim_funding(db, await funding_of(db, user, card))
        callers = [
            card_fundings.begin(db, job, []),
            tell(db, card, "terminated", balance=0),
            tell(db, card, "blocked"),
            cards.request_card_action(db, card, "block", user_id=user),
        ]
        await outcomes(callers[round_:] + callers[:round_])
        funding = await funding_row(db, job.id)
        if funding["begun_at"] is None:  # surely not paid, so nothing is in doubt
            assert (funding["status"], (await wallet(db, user))[1]) == ("failed", "0.00")
        else:
            assert (funding["status"], (await wallet(db, user))[1]) == ("ordering", "5.61")
        assert await health(db, user) == "OK"
        await assert_sound(db, user)

    run(shared_url, scenario, connections_max=8)


def test_of_a_thousand_who_ask_for_a_look_one_makes_it_due(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        card = await active(db, await new_user(db))
        now = await db.fetchval("select clock_timestamp()")
        results = await outcomes(cards.ask_card_refresh(db, card, unless_since=now) for _ in range(1000))
        assert tally(results) == {"True": 1, "False": 999}
        job = await claim_card(db, card)
        # Those who come after the answer, having read the card before it, ask for nothing.
        late = [cards.ask_card_refresh(db, card, unless_since=now) for _ in range(50)]
        results = await outcomes([*late, tell(db, card, "active", leased_until=job.leased_until)])
        assert tally(results) == {"False": 50, "recorded": 1}
        assert await card_jobs.claim_cards(db, limit=5, lease=LEASE) == []

    run(database_url, scenario, connections_max=AT_ONCE)


def test_answers_that_overtake_one_another_leave_the_latest(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        card = await active(db, await new_user(db))
        began = (await row(db, card))["checked_at"]
        words = [
            tell(db, card, "active", balance=Decimal(n), checked_at=began + timedelta(milliseconds=n))
            for n in range(1, 30)
        ]
        results = await outcomes(reversed(words))
        assert set(tally(results)) <= {"recorded", "stale"}
        stored = await row(db, card)
        assert (stored["balance"], stored["checked_at"]) == (29, began + timedelta(milliseconds=29))

    run(database_url, scenario, connections_max=8)


def test_one_card_upstream_becomes_one_of_two_of_ours(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        ids = []
        for _ in range(2):
            card = await ordered(db, await new_user(db))
            assert await call(db, "begin_card_creation", p_card_id=card)
            ids.append(card)
        due_at = await db.fetchval("select now()")
        results = await outcomes(
            card_jobs.record_created(db, card, "77", reference=None, due_at=due_at) for card in ids * 4
        )
        assert tally(results) == {"recorded": 1, "replayed": 3, "taken": 4}

    run(database_url, scenario, connections_max=8)


def test_everything_at_once_on_a_few_cards_leaves_coherent_books(database_url: str) -> None:
    """What users, pollers and providers do, in an order nobody chose: `check` proves every wallet after it."""

    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        users = [await new_user(db, "200.00") for _ in range(3)]
        owned = {user: [await active(db, user) for _ in range(2)] for user in users}

        async def user_does(user: UUID) -> None:
            for number in range(12):
                card = owned[user][number % 2]
                await outcomes(
                    [
                        fund(db, user, card, idempotency_key=f"{card}{number // 3}"),
                        cards.request_card_action(db, card, "unblock" if number % 4 else "block", user_id=user),
                        cards.ask_card_refresh(db, card),
                        order_card(db, user, 1),
                    ]
                )

        async def poller_does(seed: int) -> None:
            for number in range(12):
                for job in await card_fundings.claim_card_fundings(db, limit=3, lease=timedelta(milliseconds=20)):
                    if await card_fundings.begin(db, job, []) and (number + seed) % 3:
                        await card_fundings.accept(db, job.id, reference="r", due_at=job.now())
                    elif (number + seed) % 2:
                        await card_fundings.fail(db, job, "DECLINED")
                    else:
                        await card_fundings.complete(db, job.id, provider_transaction_id=None)
                for made in await card_jobs.claim_cards(db, limit=3, lease=timedelta(milliseconds=20)):
                    if made.status == "pending_activation" and await card_jobs.begin_creation(db, made):
                        await card_jobs.record_created(db, made.id, str(made.id), reference=None, due_at=made.now())
                    elif made.provider_card_id is not None:
                        word = {"block": "blocked", "unblock": "active"}.get(made.wanted_action or "", "active")
                        await tell(db, made.id, word, leased_until=made.leased_until)
                    else:
                        await card_jobs.fail_card(db, made, "REFUSED")

        await asyncio.gather(*(user_does(user) for user in users), *(poller_does(seed) for seed in range(3)))
        report = await check(database_url)
        assert report.is_clean, report.shown
        for user in users:
            assert await health(db, user) == "OK"
        await assert_sound(db, *users)

    run(database_url, scenario, connections_max=12)


def test_a_customer_is_decided_once(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        customer = UUID((await submit(db, await new_user(db)))["customer_id"])
        [job] = await card_customers.claim_card_customers(db, limit=1, lease=LEASE)
        results = await outcomes(
            caller
            for _ in range(8)
            for caller in (
                card_customers.record(db, customer, "c", purge_at=job.now()),
                card_customers.fail(db, job, "REFUSED", purge_at=job.now(), is_final=True),
            )
        )
        assert tally(results) == {"True": 1, "False": 15}

    run(database_url, scenario, connections_max=8)
