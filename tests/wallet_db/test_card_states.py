"""A card's states: the transitions that exist and no others, wishes, looks; all audited and told, nothing sealed."""

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from tests.wallet_db.books import assert_sound
from tests.wallet_db.card_life import (
    accepted,
    active,
    audit_of,
    begun,
    claim_card,
    creation_of,
    events_of,
    fund,
    health,
    reached,
    registered,
    row,
    sell_cards,
    submit,
    tell,
)
from tests.wallet_db.support import call, new_user, run, wallet
from wallet_db import card_customers, card_fundings, card_jobs, cards, errors
from wallet_db.connect import Pool, pool
from wallet_db.errors import refusals
from wallet_db.roles import OPERATOR

STATUSES = ("pending_activation", "active", "inactive", "blocked", "terminated", "failed")
KNOWN = {
    ("pending_activation", "active"),
    ("pending_activation", "failed"),
    ("active", "inactive"),
    ("inactive", "active"),
    ("active", "blocked"),
    ("blocked", "active"),
    ("inactive", "blocked"),
    ("blocked", "inactive"),
    ("active", "terminated"),
    ("inactive", "terminated"),
    ("blocked", "terminated"),
}
SECRETS = (b"Ada Lovelace", b"4242", b"12/29", b"KYC of Ada", b"picture")


@pytest.mark.parametrize(
    ("from_", "to"), [pair for pair in itertools.product(STATUSES, STATUSES) if pair[0] != pair[1]]
)
def test_only_known_transitions_are_taken_even_by_hand(shared_url: str, from_: str, to: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        card = await reached(db, await new_user(db), from_)
        by_hand = (
            "update cards set status = $2, due_at = case when $2 = 'pending_activation' then now() end,"
            " closed_at = case when $2 in ('terminated', 'failed') then now() end where id = $1"
        )
        if (from_, to) in KNOWN:
            await db.execute(by_hand, card, to)
            assert (await row(db, card))["status"] == to
        else:
            with pytest.raises(errors.InvalidTransition) as refused, refusals():
                await db.execute(by_hand, card, to)
            assert refused.value.data == {"card_id": str(card), "from": from_, "to": to}

    run(shared_url, scenario)


def test_the_table_of_transitions_is_the_one_tested(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        rows = await db.fetch("select from_status, to_status from card_transitions")
        assert {tuple(pair) for pair in rows} == KNOWN

    run(database_url, scenario)


@pytest.mark.parametrize("told", ["active", "inactive", "blocked", "terminated"])
def test_a_first_word_pays_for_the_card_whatever_it_is(shared_url: str, told: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await accepted(db, user)
        assert await tell(db, card, told, balance=10) == "recorded"
        assert (await row(db, card))["status"] == told
        assert (await creation_of(db, card))["status"] == "completed"
        assert await wallet(db, user) == ("22.78", "0.00", "22.78")
        assert await health(db, user) == "OK"
        await assert_sound(db, user)

    run(shared_url, scenario)


@pytest.mark.parametrize("status", ["active", "inactive", "blocked"])
@pytest.mark.parametrize("told", ["pending_activation", "active", "inactive", "blocked", "terminated"])
def test_the_providers_word_is_taken_as_far_as_it_can_follow(shared_url: str, status: str, told: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        card = await reached(db, await new_user(db), status)
        can_follow = told == status or (status, told) in KNOWN
        assert await tell(db, card, told, balance=3) == ("recorded" if can_follow else "refused")
        stored = await row(db, card)
        assert (stored["status"], stored["balance"]) == (told if can_follow else status, 3)

    run(shared_url, scenario)


def test_an_ended_card_hears_nothing_more_and_an_older_answer_does_not_count(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db, "100.00")
        card = await active(db, user)
        before = await row(db, card)
        assert await tell(db, card, "terminated", balance=1, checked_at=before["checked_at"] - timedelta(1)) == "stale"
        assert await row(db, card) == before
        assert await tell(db, card, "terminated", balance=0) == "recorded"
        ended = await row(db, card)
        assert (ended["due_at"], ended["closed_at"] is None) == (None, False)
        for status in ("active", "blocked", "terminated", None):
            assert await tell(db, card, status, balance=9) == "ended"
        assert await row(db, card) == ended
        with pytest.raises(errors.InvalidArgument):
            await tell(db, card, "failed")
        with pytest.raises(errors.UnknownCard):
            await tell(db, uuid4(), "active")

    run(database_url, scenario)


# wishes


@pytest.mark.parametrize(
    ("action", "status", "told"), [("block", "active", "blocked"), ("unblock", "blocked", "active")]
)
def test_a_wish_is_carried_out_and_is_one_no_more(shared_url: str, action: str, status: str, told: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await reached(db, user, status)
        wanted = await cards.request_card_action(db, card, action, user_id=user)
        assert (wanted["status"], wanted["wanted_action"]) == (status, action)
        assert await cards.request_card_action(db, card, action, user_id=user) == wanted
        with pytest.raises(errors.CardNotUsable):  # the contrary, meanwhile
            await cards.request_card_action(db, card, "unblock" if action == "block" else "block", user_id=user)
        job = await claim_card(db, card)
        assert (job.wanted_action, job.wanted_by) == (action, f"user:{user}")
        assert await card_jobs.begin_action(db, job) == action
        told_nothing = {"due_at": None, "leased_until": job.leased_until}
        assert await tell(db, card, status, **told_nothing) == "recorded"
        assert (await row(db, card))["due_at"] == job.leased_until  # still wanted, so somebody comes back
        assert await tell(db, card, told, **told_nothing) == "recorded"
        stored = await row(db, card)
        assert (stored["status"], stored["wanted_action"], stored["wanted_by"]) == (told, None, None)
        assert (stored["action_started_at"], stored["due_at"]) == (None, None)
        again = await cards.request_card_action(db, card, action, user_id=user)  # it is so already
        assert (again["status"], again["wanted_action"]) == (told, None)

    run(shared_url, scenario)


@pytest.mark.parametrize("by", ["operator", "system"])
def test_who_blocked_it_for_safety_unblocks_it(shared_url: str, by: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await active(db, user)
        await cards.request_card_action(db, card, "block", user_id=None, actor_type=by, actor_id="rule:many")
        assert await tell(db, card, "blocked") == "recorded"
        with pytest.raises(errors.CardNotUsable, match="for safety"):
            await cards.request_card_action(db, card, "unblock", user_id=user)
        await cards.request_card_action(db, card, "unblock", user_id=None, actor_type="operator", actor_id="ann")
        assert await tell(db, card, "active") == "recorded"
        await cards.request_card_action(db, card, "block", user_id=user)
        assert await tell(db, card, "blocked") == "recorded"
        wanted = await cards.request_card_action(db, card, "unblock", user_id=user)  # its own block it takes back
        assert wanted["wanted_action"] == "unblock"

    run(shared_url, scenario)


def test_a_wish_is_asked_again_after_a_crash_and_may_be_refused(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await active(db, user)
        await cards.request_card_action(db, card, "block", user_id=user)
        first = await claim_card(db, card)
        assert await card_jobs.begin_action(db, first) == "block"  # dies
        await db.execute("update cards set due_at = now() where id = $1", card)
        second = await claim_card(db, card)
        assert await card_jobs.begin_action(db, first) is None  # risen again: the lease is another's
        assert await card_jobs.begin_action(db, second) == "block"
        assert await card_jobs.abandon_action(db, second, second.now())
        third = await claim_card(db, card)
        assert third.action_started_at is None
        assert not await card_jobs.refuse_action(db, card, "unblock", "NO")
        assert await card_jobs.refuse_action(db, card, "block", "NOT_ALLOWED")
        stored = await row(db, card)
        assert (stored["wanted_action"], stored["error_code"], stored["due_at"]) == (None, "NOT_ALLOWED", None)
        assert await card_jobs.begin_action(db, third) is None

    run(database_url, scenario)


@pytest.mark.parametrize("status", ["pending_activation", "terminated", "failed"])
@pytest.mark.parametrize("action", ["block", "unblock"])
def test_what_is_not_in_use_is_neither_blocked_nor_unblocked(shared_url: str, status: str, action: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await reached(db, user, status)
        with pytest.raises(errors.CardNotUsable):
            await cards.request_card_action(db, card, action, user_id=user)

    run(shared_url, scenario)


def test_operators_and_rules_block_any_card_under_their_names(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db, "100.00")
        for actor_type, actor_id in (("operator", "eve"), ("system", "velocity")):
            card = await active(db, user)
            await cards.request_card_action(db, card, "block", user_id=None, actor_type=actor_type, actor_id=actor_id)
            assert (await row(db, card))["wanted_by"] == f"{actor_type}:{actor_id}"
            action, *who, diff = (await audit_of(db, card))[-1]
            assert (action, who, diff) == ("action_wanted", [actor_type, actor_id], {"wanted_action": [None, "block"]})
        for action, actor_type in (("freeze", "user"), ("block", "provider")):
            with pytest.raises(errors.InvalidArgument):
                await cards.request_card_action(db, card, action, user_id=user, actor_type=actor_type)

    run(database_url, scenario)


def test_what_an_operator_does_by_hand_is_the_operators(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        card = await accepted(db, await new_user(db))
        async with pool(database_url, "test", role=OPERATOR) as theirs:
            assert await call(theirs, "fail_card", p_card_id=card, p_error_code="REFUSED")
        _, actor_type, actor_id, _ = (await audit_of(db, card))[-1]
        assert (actor_type, actor_id) == ("operator", OPERATOR)

    run(database_url, scenario)


# looks


def test_all_who_ask_for_a_look_share_one_and_are_told(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await active(db, user)
        await db.execute("update cards set due_at = null where id = $1", card)
        now = await db.fetchval("select clock_timestamp()")
        recent = (await row(db, card))["checked_at"] - timedelta(seconds=1)
        assert not await cards.ask_card_refresh(db, card, unless_since=recent)  # that answer will do
        assert [await cards.ask_card_refresh(db, card, unless_since=now) for _ in range(3)] == [True, False, False]
        job = await claim_card(db, card)
        assert job.refresh_asked_at is not None
        told = len(await events_of(db, user))
        assert await tell(db, card, "active", balance=10, leased_until=job.leased_until) == "recorded"
        [(type_, payload)] = (await events_of(db, user))[told:]  # though nothing is new
        stored = await row(db, card)
        assert (type_, stored["refresh_asked_at"], stored["due_at"]) == ("card.updated", None, None)
        assert datetime.fromisoformat(payload["checked_at"]) == stored["checked_at"].replace(
            microsecond=stored["checked_at"].microsecond // 1000 * 1000
        )

    run(database_url, scenario)


def test_news_during_a_look_is_followed_by_another(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        card = await active(db, await new_user(db))
        assert await cards.ask_card_refresh(db, card)
        job = await claim_card(db, card)
        began = await db.fetchval("select clock_timestamp()")
        assert not await cards.ask_card_refresh(db, card)  # a webhook; the look under way may have missed it
        assert (await row(db, card))["due_at"] == job.leased_until  # and goes on under its lease
        assert await tell(db, card, "active", checked_at=began, leased_until=job.leased_until) == "recorded"
        stored = await row(db, card)
        assert stored["refresh_asked_at"] > began
        assert stored["due_at"] < job.leased_until
        assert (await claim_card(db, card)).refresh_asked_at == stored["refresh_asked_at"]

    run(database_url, scenario)


def test_nothing_is_asked_of_a_card_that_has_no_number_or_has_ended(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db, "100.00")
        for status in ("failed", "terminated"):
            assert not await cards.ask_card_refresh(db, await reached(db, user, status))
        with pytest.raises(errors.UnknownCard):
            await cards.ask_card_refresh(db, uuid4())

    run(database_url, scenario)


def test_a_lease_goes_back_to_when_there_is_something_to_do(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db, "100.00")
        card, pending = await active(db, user), await accepted(db, user)
        await cards.ask_card_refresh(db, card)
        job = await claim_card(db, card)
        await card_jobs.reschedule(db, job, None)
        assert (await row(db, card))["due_at"] == job.leased_until
        await tell(db, card, "active", leased_until=job.leased_until, due_at=job.leased_until)
        await card_jobs.reschedule(db, job, None)
        assert (await row(db, card))["due_at"] is None
        waiting = (await row(db, pending))["due_at"]
        await db.fetchval("select reschedule_card($1, $2, null)", pending, waiting)
        assert (await row(db, pending))["due_at"] == waiting

    run(database_url, scenario)


# transactions


def test_transactions_are_written_once_and_told(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await active(db, user)
        at = datetime(2026, 1, 1, tzinfo=UTC)

        def listed(status: str) -> list[dict[str, object]]:
            one = {"id": "t1", "usd": "-3.50", "type": "debit", "narrative": "Shop", "status": status, "at": at}
            return [one, one, {"id": "t2", "usd": "10", "type": "credit", "status": "success", "at": at}]

        assert await card_jobs.record_transactions(db, card, listed("pending")) == 2
        assert await card_jobs.record_transactions(db, card, listed("pending")) == 0
        assert await card_jobs.record_transactions(db, card, listed("success")) == 1
        assert await card_jobs.record_transactions(db, card, []) == 0
        settled = [{**listed("success")[0], "usd": "-3.75"}]  # with the tip, which nobody knew at first
        assert [await card_jobs.record_transactions(db, card, settled) for _ in range(2)] == [1, 0]
        before = [{"id": "t0", "usd": "1", "status": "success", "at": "2025-01-01T00:00:00Z"}]
        assert await card_jobs.record_transactions(db, card, before, tell=False) == 1
        events = [payload for type_, payload in await events_of(db, user) if type_ == "card.transaction"]
        assert [(event["transaction_id"], event["usd"], event["status"]) for event in events] == [
            ("t1", "-3.50", "pending"),
            ("t2", "10.00", "success"),
            ("t1", "-3.50", "success"),
            ("t1", "-3.75", "success"),
        ]
        rows = await cards.list_card_transactions(db, card, limit=2)
        rows += await cards.list_card_transactions(db, card, limit=2, before=(rows[-1][0], rows[-1][1]))
        assert [shown["transaction_id"] for _, _, shown in rows] == ["t2", "t1", "t0"]
        with pytest.raises(errors.UnknownCard):
            await card_jobs.record_transactions(db, uuid4(), before)

    run(database_url, scenario)


# audit, events


def test_the_audit_tells_who_did_what(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await active(db, user)
        await cards.request_card_action(db, card, "block", user_id=user)
        await tell(db, card, "blocked", balance=9)
        await tell(db, card, "active", actor_type="system", reason="reconciliation")
        creation = (await creation_of(db, card))["id"]
        me = str(await db.fetchval("select acting()"))
        assert me
        money = {"funding_id": str(creation), "usd": "10.00", "price": "13.22"}
        assert await audit_of(db, card) == [
            ("created", "user", str(user), {"status": [None, "pending_activation"]} | money),
            ("creation_pending", "provider", "p", money | {"funding": ["ordering", "pending"]}),
            ("creation_completed", "provider", "p", money | {"funding": ["pending", "completed"]}),
            (
                "status_changed",
                "provider",
                "p",
                {"status": ["pending_activation", "active"], "balance": ["0.00", "10.00"]},
            ),
            ("action_wanted", "user", str(user), {"wanted_action": [None, "block"]}),
            (
                "status_changed",
                "provider",
                "p",
                {"status": ["active", "blocked"], "wanted_action": ["block", None], "balance": ["10.00", "9.00"]},
            ),
            ("status_changed", "system", "reconciliation", {"status": ["blocked", "active"]}),
        ]
        await db.execute("update cards set balance = 1 where id = $1", card)  # by hand: written down as well
        assert (await audit_of(db, card))[-1] == ("balance_changed", "system", me, {"balance": ["9.00", "1.00"]})

    run(database_url, scenario)


@pytest.mark.parametrize(
    "statement",
    [
        "update strowallet_card_audit set actor_id = 'x'",
        "delete from strowallet_card_audit",
        "truncate strowallet_card_audit",
    ],
)
def test_the_audit_is_not_rewritten(database_url: str, statement: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        card = await active(db, await new_user(db))
        before = await audit_of(db, card)
        await db.execute("grant update, delete, truncate on strowallet_card_audit to current_user")
        with pytest.raises(errors.AppendOnly), refusals():
            await db.execute(statement)
        assert await audit_of(db, card) == before

    run(database_url, scenario)


def test_events_are_gapless_and_nothing_sealed_is_told_or_written_down(database_url: str) -> None:
    """All of a card's life, with the seals of a test that seals nothing: so that they can be looked for."""

    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db, "100.00")
        documents = [
            cards.SealedDocument(uuid4(), kind, "image/png", SECRETS[4]) for kind in ("id_image", "user_photo")
        ]
        customer = UUID(
            (
                await cards.create_card_customer(
                    db, user, uuid4(), provider="p", details=SECRETS[3], email_digest=bytes(32), documents=documents
                )
            )["customer_id"]
        )
        assert await card_customers.record(db, customer, "c", purge_at=datetime.now(UTC))
        card = UUID(
            (await cards.create_card(db, user, uuid4(), provider="p", usd=Decimal(10), name_sealed=SECRETS[0]))[
                "card_id"
            ]
        )
        job = await claim_card(db, card)
        await card_jobs.begin_creation(db, job)
        await card_jobs.record_created(db, card, "77", reference="r", due_at=job.now())
        await tell(db, card, "active", balance=10, last4_sealed=SECRETS[1], expiry_sealed=SECRETS[2], brand="visa")
        funding = await begun(db, user, card)
        await card_fundings.complete(db, funding.id, provider_transaction_id="t")
        await fund(db, user, card)
        reveal = await cards.ask_card_reveal(db, user, card, bytes(32), wait=timedelta(minutes=1))
        await call(db, "finish_card_reveal", p_reveal_id=reveal, p_answer="sealed")
        await tell(db, card, "terminated")
        stored = await row(db, card)
        assert (stored["last4_sealed"], stored["expiry_sealed"]) == (SECRETS[1], SECRETS[2])  # it was all there
        await assert_sound(db, user)
        written = await db.fetchval(
            "select string_agg(t, ' ') from (select e::text as t from events e union all"
            " select a::text from strowallet_card_audit a union all select l::text from system_logs l union all"
            " select o::text from balance_operations o union all select snapshot_json($1)::text) all_of_it",
            user,
        )
        for secret in SECRETS:
            assert secret.decode() not in written
            assert secret.hex() not in written

    run(database_url, scenario)


def test_numbers_of_closed_cards_are_forgotten_after_their_time(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db, "100.00")
        await registered(db, user)
        open_, closed = await active(db, user), await active(db, user)
        await tell(db, closed, "terminated", last4_sealed=b"4242")
        assert await card_jobs.purge_numbers(db, limit=9, closed_before=datetime.now(UTC) - timedelta(days=90)) == 0
        soon = datetime.now(UTC) + timedelta(seconds=1)
        assert [await card_jobs.purge_numbers(db, limit=9, closed_before=soon) for _ in range(2)] == [1, 0]
        stored = await row(db, closed)
        assert [stored[f"{name}_sealed"] for name in ("name_on_card", "last4", "expiry")] == [None] * 3
        assert (await row(db, open_))["name_on_card_sealed"] is not None

    run(database_url, scenario)


def test_a_submission_of_an_unknown_kind_of_document_is_refused(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        with pytest.raises(errors.InvalidArgument):
            await submit(db, await new_user(db), documents=("selfie",))

    run(database_url, scenario)
