"""Money onto a card: one at a time, paid once whatever was lost, back when it is not there. The books find the rest."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.wallet_db.books import assert_sound
from tests.wallet_db.card_life import (
    accepted,
    active,
    audit_of,
    begun,
    claim_card,
    claim_funding,
    creation_of,
    events_of,
    fund,
    funding_of,
    funding_row,
    health,
    ordered,
    reached,
    sell_cards,
    tell,
)
from tests.wallet_db.support import call, new_user, run, wallet
from wallet_db import card_fundings, card_jobs, cards, errors
from wallet_db.check import check
from wallet_db.connect import Pool

CARD = ("22.78", "0.00", "22.78")
HELD = ("22.78", "5.61", "17.17")
PAID = ("17.17", "0.00", "17.17")
LATER = datetime.now(UTC) + timedelta(days=1)


def test_a_funding_is_paid_when_the_provider_confirms_it(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await active(db, user)
        answer = await fund(db, user, card, request_id="q")
        assert (answer["funding"]["kind"], answer["funding"]["price"]) == ("funding", "5.61")
        assert await wallet(db, user) == HELD
        funding = UUID(answer["funding"]["id"])
        job = await claim_funding(db, funding)
        assert (job.usd, job.card_status, job.request_id) == (5, "active", "q")
        assert not await card_fundings.accept(db, funding, reference="r", due_at=job.now())  # not begun
        assert not await card_fundings.complete(db, funding, provider_transaction_id="t")
        assert [await card_fundings.begin(db, job, ["old"]) for _ in range(2)] == [True, False]
        accept = [await card_fundings.accept(db, funding, reference="r", due_at=job.now()) for _ in range(2)]
        assert accept == [True, False]
        assert await wallet(db, user) == HELD
        job = await claim_funding(db, funding)
        assert (job.status, job.provider_reference, job.seen) == ("pending", "r", ["old"])
        assert await health(db, user) == "OK"
        complete = [await card_fundings.complete(db, funding, provider_transaction_id="t") for _ in range(2)]
        assert complete == [True, False]
        assert await wallet(db, user) == PAID
        assert not await card_fundings.fail(db, job, "REFUSED", is_final=True)
        assert await wallet(db, user) == PAID
        assert await health(db, user) == "OK"
        assert await cards.read_card_funding(db, user, funding) == {
            **answer["funding"],
            "status": "completed",
            "ended_at": (await cards.read_card_funding(db, user, funding) or {})["ended_at"],
        }
        assert await cards.read_card_funding(db, await new_user(db), funding) is None
        await assert_sound(db, user)

    run(database_url, scenario)


@pytest.mark.parametrize("is_accepted", [False, True])
def test_a_refused_funding_goes_back_once(database_url: str, *, is_accepted: bool) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await active(db, user)
        job = await begun(db, user, card)
        if is_accepted:
            assert await card_fundings.accept(db, job.id, reference="r", due_at=job.leased_until)
        assert [await card_fundings.fail(db, job, "DECLINED") for _ in range(2)] == [True, False]
        assert await wallet(db, user) == CARD
        assert not await card_fundings.complete(db, job.id, provider_transaction_id="t")
        assert await wallet(db, user) == CARD
        stored = await funding_row(db, job.id)
        assert (stored["status"], stored["error_code"], stored["due_at"]) == ("failed", "DECLINED", None)
        await funding_of(db, user, card)  # another may follow
        await assert_sound(db, user)

    run(database_url, scenario)


def test_a_lost_answer_is_looked_for_and_never_paid_again(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await active(db, user)
        first = await begun(db, user, card)  # dies, with the answer
        await db.execute("update card_fundings set due_at = now() where id = $1", first.id)  # its lease runs out
        second = await claim_funding(db, first.id)
        assert second.begun_at is not None
        assert not await card_fundings.begin(db, second, [])
        assert not await card_fundings.abandon(db, first, LATER)  # risen again: the lease is another's
        assert not await card_fundings.fail(db, first, "DECLINED")
        assert await wallet(db, user) == HELD
        # What the provider lists now and did not before: ours. Found by both of two looks.
        assert await card_fundings.complete(db, first.id, provider_transaction_id="new")
        assert not await card_fundings.complete(db, second.id, provider_transaction_id="new")
        assert await wallet(db, user) == PAID
        await assert_sound(db, user)

    run(database_url, scenario)


def test_one_transaction_upstream_is_one_funding(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await active(db, user)
        first = await begun(db, user, card)
        assert await card_fundings.complete(db, first.id, provider_transaction_id="t")
        second = await begun(db, user, card)
        with pytest.raises(asyncpg.UniqueViolationError, match="card_fundings_transaction_is_one_funding"):
            await card_fundings.complete(db, second.id, provider_transaction_id="t")
        assert (await wallet(db, user))[1] == "5.61"
        await assert_sound(db, user)

    run(database_url, scenario)


def test_a_funding_begins_again_only_when_surely_nothing_was_paid(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        job = await begun(db, user, await active(db, user))
        assert await card_fundings.abandon(db, job, job.now())
        again = await claim_funding(db, job.id)
        assert (again.begun_at, again.seen) == (None, None)
        assert await card_fundings.begin(db, again, [])
        assert await card_fundings.accept(db, job.id, reference="r", due_at=again.leased_until)
        assert not await card_fundings.abandon(db, again, again.now())  # it was accepted

    run(database_url, scenario)


def test_a_funding_given_up_in_doubt_is_told_to_the_operators(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        job = await begun(db, user, await active(db, user))
        assert await card_fundings.fail(db, job, "CARD_FUNDING_MAY_EXIST")
        told = await db.fetchrow("select level, data from system_logs where message = 'CARD_FUNDING_MAY_EXIST'")
        assert told is not None
        assert told["level"] == "error"
        assert str(job.id) in told["data"]
        assert await wallet(db, user) == CARD

    run(database_url, scenario)


def test_a_card_is_funded_once_at_a_time_and_a_key_once(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db, "100.00")
        card, other = await active(db, user), await active(db, user)
        first = await fund(db, user, card, idempotency_key="k", request_digest=b"1")
        with pytest.raises(errors.FundingPending) as pending:
            await fund(db, user, card)
        assert pending.value.data == {"card_id": str(card), "funding_id": first["funding"]["id"]}
        again = await fund(db, user, card, idempotency_key="k", request_digest=b"1")
        assert again == first | {"replayed": True}
        for wrong in ((card, 6, b"1"), (other, 5, b"1"), (card, 5, b"2")):
            with pytest.raises(errors.IdempotencyMismatch):
                await fund(db, user, wrong[0], wrong[1], idempotency_key="k", request_digest=wrong[2])
        job = await claim_funding(db, UUID(first["funding"]["id"]))
        assert await card_fundings.fail(db, job, "DECLINED")
        await fund(db, user, card)
        replay = await fund(db, user, card, idempotency_key="k", request_digest=b"1")
        assert (replay["funding"]["id"], replay["funding"]["status"]) == (first["funding"]["id"], "failed")

    run(database_url, scenario)


@pytest.mark.parametrize("status", ["pending_activation", "inactive", "blocked", "terminated", "failed"])
def test_no_money_goes_onto_a_card_that_is_not_active(shared_url: str, status: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await reached(db, user, status)
        before = await wallet(db, user)
        with pytest.raises(errors.CardNotUsable) as refused:
            await fund(db, user, card)
        assert (refused.value.data["status"], refused.value.data["wanted_action"]) == (status, None)
        assert await wallet(db, user) == before

    run(shared_url, scenario)


def test_no_money_goes_onto_a_card_that_is_to_be_blocked(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await active(db, user)
        job = await claim_funding(db, await funding_of(db, user, card))
        await cards.request_card_action(db, card, "block", user_id=user)
        with pytest.raises(errors.CardNotUsable) as refused:
            await fund(db, user, card)
        assert refused.value.data["wanted_action"] == "block"
        # One that was asked for before is not begun any more.
        assert not await card_fundings.begin(db, job, [])
        stored = await funding_row(db, job.id)
        assert (stored["status"], stored["error_code"]) == ("failed", "CARD_NOT_USABLE")
        assert await wallet(db, user) == CARD
        await assert_sound(db, user)

    run(database_url, scenario)


@pytest.mark.parametrize("is_begun", [False, True])
def test_a_termination_gives_back_what_nobody_has_begun(database_url: str, *, is_begun: bool) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await active(db, user)
        funding = (await begun(db, user, card)).id if is_begun else await funding_of(db, user, card)
        assert await tell(db, card, "terminated") == "recorded"
        stored = await funding_row(db, funding)
        assert stored["status"] == ("ordering" if is_begun else "failed")
        assert stored["error_code"] == (None if is_begun else "CARD_TERMINATED")
        assert await wallet(db, user) == (HELD if is_begun else CARD)
        assert await health(db, user) == "OK"
        if is_begun:  # its outcome is looked for all the same
            assert await card_fundings.complete(db, funding, provider_transaction_id="t")
            assert await wallet(db, user) == PAID
        await assert_sound(db, user)

    run(database_url, scenario)


@pytest.mark.parametrize(
    ("door", "status", "balance"), [("commit", "completed", "17.17"), ("refund", "failed", "22.78")]
)
def test_a_hold_that_is_ended_by_its_name_ends_the_funding(
    shared_url: str, door: str, status: str, balance: str
) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        job = await begun(db, user, await active(db, user))
        await call(db, f"atomic_{door}", p_user_id=user, p_transaction_id=f"funding:{job.id}")
        assert (await funding_row(db, job.id))["status"] == status
        assert await wallet(db, user) == (balance, "0.00", balance)
        assert await health(db, user) == "OK"
        await assert_sound(db, user)

    run(shared_url, scenario)


def test_a_first_hold_given_back_by_its_name_ends_the_card(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await ordered(db, user)
        creation = await creation_of(db, card)
        await call(db, "atomic_refund", p_user_id=user, p_transaction_id=creation["transaction_id"])
        assert (await creation_of(db, card))["status"] == "failed"
        assert await db.fetchval("select status from cards where id = $1", card) == "failed"
        assert (await wallet(db, user))[1] == "0.00"
        # One that nobody has begun cannot have been paid.
        card = await ordered(db, user)
        creation = await creation_of(db, card)
        with pytest.raises(asyncpg.CheckViolationError, match="card_fundings_accepted_was_begun"):
            await call(db, "atomic_commit", p_user_id=user, p_transaction_id=creation["transaction_id"])
        await assert_sound(db, user)

    run(database_url, scenario)


def test_a_refused_card_whose_hold_was_spent_by_its_name_fails_all_the_same(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await accepted(db, user)
        creation = await creation_of(db, card)
        await call(db, "atomic_commit", p_user_id=user, p_transaction_id=creation["transaction_id"])
        assert await call(db, "fail_card", p_card_id=card, p_error_code="REFUSED")
        assert await db.fetchval("select status from cards where id = $1", card) == "failed"
        assert await wallet(db, user) == CARD
        await assert_sound(db, user)

    run(database_url, scenario)


def test_a_hold_is_for_its_own_funding_only(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await active(db, user)
        job = await begun(db, user, card)
        mine = {
            "p_user_id": user,
            "p_amount": job.price,
            "p_transaction_id": f"funding:{job.id}",
            "p_funding_id": job.id,
        }
        assert (await call(db, "atomic_freeze", **mine))["replayed"]
        with pytest.raises(errors.IdempotencyMismatch) as other:
            await call(db, "atomic_freeze", **mine | {"p_funding_id": None})
        assert other.value.data["field"] == "funding_id"
        for wrong in (
            {"p_transaction_id": "x"},
            {"p_transaction_id": "y", "p_funding_id": uuid4()},
            {"p_transaction_id": "z", "p_expires_at": LATER},
        ):
            with pytest.raises(errors.InvalidArgument) as refused:
                await call(db, "atomic_freeze", **mine | wrong)
            assert refused.value.data == {"argument": "p_funding_id"}
        assert await wallet(db, user) == HELD
        await assert_sound(db, user)

    run(database_url, scenario)


TAMPERED: dict[str, str] = {
    "a funding that says it holds nothing": (
        "alter table card_fundings disable trigger user; alter table card_fundings"
        " drop constraint card_fundings_frozen_only_while_open; update card_fundings set frozen_amount = 0"
    ),
    "a funding that says it holds more": (
        "alter table card_fundings drop constraint card_fundings_frozen_only_while_open;"
        " update card_fundings set frozen_amount = 6 where status = 'ordering'"
    ),
    "a hold of another funding": (
        "alter table wallet_holds disable trigger user; update wallet_holds set funding_id = gen_random_uuid()"
        " where state = 'held'"
    ),
    "a funding that has ended without its hold": (
        "update card_fundings set status = 'failed', frozen_amount = 0, due_at = null, ended_at = now()"
        " where status = 'ordering'"
    ),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_check_finds_what_was_done_to_a_funding_by_hand(database_url: str, case: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        await begun(db, user, await active(db, user))
        assert (await check(database_url)).is_clean
        await db.execute(TAMPERED[case])
        report = await check(database_url)
        assert set(report.mismatches) == {"funding_frozen_is_its_hold"}
        if case != "a hold of another funding":  # whose sums still agree
            assert await health(db, user) == "WARNING"

    run(database_url, scenario)


@pytest.mark.parametrize(("status", "balance"), [("completed", "17.17"), ("failed", "22.78")])
def test_health_settles_the_hold_of_a_funding_that_has_ended(shared_url: str, status: str, balance: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        job = await begun(db, user, await active(db, user))
        await db.execute(
            "update card_fundings set status = $2, frozen_amount = 0, due_at = null, ended_at = now() where id = $1",
            job.id,
            status,
        )
        assert await health(db, user) == "WARNING"
        correction = await call(db, "correct_frozen_balance", p_user_id=user)
        assert (correction["corrected"], correction["after"]["status"]) == (True, "OK")
        assert await wallet(db, user) == (balance, "0.00", balance)

    run(shared_url, scenario)


def test_a_fundings_audit_and_events_tell_each_step(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await active(db, user)
        audited, told = len(await audit_of(db, card)), len(await events_of(db, user))
        job = await begun(db, user, card)
        await card_fundings.accept(db, job.id, reference="r", due_at=job.now())
        await card_fundings.complete(db, job.id, provider_transaction_id="t")
        steps: list[tuple[str, str, str, Any]] = [
            (action, actor_type, actor_id, diff["funding"])
            for action, actor_type, actor_id, diff in (await audit_of(db, card))[audited:]
        ]
        assert steps == [
            ("funding_ordering", "user", str(user), [None, "ordering"]),
            ("funding_pending", "provider", "p", ["ordering", "pending"]),
            ("funding_completed", "provider", "p", ["pending", "completed"]),
        ]
        events = (await events_of(db, user))[told:]
        assert [(type_, payload["funding"]["status"]) for type_, payload in events] == [
            ("card.updated", "ordering"),
            ("card.updated", "pending"),
            ("card.updated", "completed"),
        ]

    run(database_url, scenario)


def test_only_the_first_funding_is_its_cards_job(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await accepted(db, user)
        creation = await creation_of(db, card)
        assert await card_fundings.claim_card_fundings(db, limit=9, lease=timedelta(0)) == []
        for door, arguments in (
            ("begin_card_funding", {"p_seen": []}),
            ("accept_card_funding", {"p_reference": "r", "p_due_at": LATER}),
            ("complete_card_funding", {"p_provider_transaction_id": "t"}),
            ("fail_card_funding", {"p_error_code": "X"}),
            ("abandon_card_funding", {"p_due_at": LATER}),
        ):
            assert not await call(db, door, p_funding_id=creation["id"], **arguments), door
        with pytest.raises(errors.UnknownOrder):
            await call(db, "fail_card_funding", p_funding_id=uuid4(), p_error_code="X")
        assert (await claim_card(db, card)).creation_accepted_at is not None
        assert await card_jobs.find_card(db, "p", "none") is None
        assert Decimal((await creation_of(db, card))["frozen_amount"]) == Decimal("13.22")

    run(database_url, scenario)
