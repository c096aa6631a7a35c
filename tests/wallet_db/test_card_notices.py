"""Webhooks are kept once and count when signed; a number's answer reaches who asked, in time or not at all."""

import asyncio
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from tests.wallet_db.card_life import LEASE, accepted, active, audit_of, row, sell_cards, tell
from tests.wallet_db.support import call, new_user, outcomes, run, tally
from wallet_db import card_notices, cards, errors
from wallet_db.connect import Pool, connect

WAIT = timedelta(seconds=15)
KEY = bytes(range(32))


async def take(db: Pool, event_id: str, provider_card_id: str | None = "77", *, valid: bool = True) -> bool:
    return await cards.take_card_webhook(
        db,
        event_id=event_id,
        event="card.funded",
        provider="strowallet",
        provider_card_id=provider_card_id,
        payload={"amount": "5"},
        signature_valid=valid,
    )


def test_a_webhook_is_kept_once_and_looked_into_once(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        results = await outcomes(take(db, "e1") for _ in range(12))
        assert tally(results) == {"True": 1, "False": 11}
        [job] = await card_notices.claim_card_webhooks(db, limit=5, lease=LEASE)
        assert (job.event_id, job.event, job.card_id, job.payload) == ("e1", "card.funded", None, {"amount": "5"})
        assert job.now() < job.leased_until
        assert await card_notices.claim_card_webhooks(db, limit=5, lease=LEASE) == []
        await card_notices.reschedule_webhook(db, job, job.received_at)
        assert not await card_notices.finish_webhook(db, job, "applied")  # the lease went back
        [job] = await card_notices.claim_card_webhooks(db, limit=5, lease=LEASE)
        finish = [await card_notices.finish_webhook(db, job, "ignored", error="UNKNOWN_CARD") for _ in range(2)]
        assert finish == [True, False]
        assert not await take(db, "e1")  # replayed, later
        stored = await db.fetchrow("select status, error, due_at, applied_at from strowallet_webhook_events")
        assert stored is not None
        assert (stored["status"], stored["error"], stored["due_at"]) == ("ignored", "UNKNOWN_CARD", None)
        assert stored["applied_at"] is not None

    run(database_url, scenario)


def test_a_webhook_that_is_not_signed_is_kept_and_never_counts(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        assert await take(db, "forged", valid=False)
        assert await card_notices.claim_card_webhooks(db, limit=5, lease=LEASE) == []
        assert await db.fetchval("select status from strowallet_webhook_events") == "ignored"

    run(database_url, scenario)


def test_a_webhook_knows_its_card_even_if_that_comes_later(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        await db.execute(
            "insert into card_offers (provider, creation_fee, usd_price, usd_min, usd_max, on_sale)"
            " values ('strowallet', 0, 1, 1, 9, true)"
        )
        await take(db, "early")
        await take(db, "none", None)
        card = await accepted(db, await new_user(db))
        await db.execute("update cards set provider = 'strowallet', provider_card_id = '77' where id = $1", card)
        await take(db, "late")
        jobs = await card_notices.claim_card_webhooks(db, limit=5, lease=LEASE)
        assert {job.event_id: job.card_id for job in jobs} == {"early": card, "none": None, "late": card}
        early = next(job for job in jobs if job.event_id == "early")
        assert await card_notices.finish_webhook(db, early, "applied", card_id=card)
        assert await db.fetchval("select card_id from strowallet_webhook_events where event_id = 'early'") == card

    run(database_url, scenario)


async def told(database_url: str, db: Pool, reveal: UUID, **arguments: Any) -> tuple[bool, list[str]]:
    """Whether a reveal ended so, and what a listener heard."""
    heard: asyncio.Queue[str] = asyncio.Queue()
    listener = await connect(database_url, "test")
    try:
        await listener.add_listener(cards.ANSWERS, lambda *said: heard.put_nowait(said[-1]))
        ended = bool(await call(db, "finish_card_reveal", p_reveal_id=reveal, **arguments))
        await db.execute("select pg_notify($1, 'end')", cards.ANSWERS)
        said = []
        while (word := await heard.get()) != "end":
            said.append(word)
        return ended, said
    finally:
        await listener.close()


def test_an_answer_is_heard_once_and_stands_nowhere(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await active(db, user)
        reveal = await cards.ask_card_reveal(db, user, card, KEY, wait=WAIT)
        [job] = await card_notices.claim_card_reveals(db, limit=5, lease=LEASE)
        assert (job.id, job.card_id, job.user_id, job.public_key) == (reveal, card, user, KEY)
        assert job.provider_card_id == (await row(db, card))["provider_card_id"]
        answer = json.dumps({"id": str(reveal), "sealed": "5eCr3t"})
        assert await told(database_url, db, reveal, p_answer=answer) == (True, [answer])
        assert await told(database_url, db, reveal, p_answer=answer) == (False, [])
        assert not await card_notices.refuse_reveal(db, reveal, "LATE")
        assert "5eCr3t" not in str(await db.fetch("select r::text from card_reveals r"))
        assert [(action, actor_type) for action, actor_type, *_ in (await audit_of(db, card))[-2:]] == [
            ("reveal_asked", "user"),
            ("reveal_answered", "system"),
        ]
        assert await card_notices.claim_card_reveals(db, limit=5, lease=timedelta(0)) == []

    run(database_url, scenario)


def test_a_refusal_is_heard_and_what_is_too_long_is_not_sent(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await active(db, user)
        reveal = await cards.ask_card_reveal(db, user, card, KEY, wait=WAIT)
        with pytest.raises(errors.InvalidArgument):
            await card_notices.answer_reveal(db, reveal, "x" * 7169)
        ended, [said] = await told(database_url, db, reveal, p_error_code="CARD_GONE")
        assert (ended, json.loads(said)) == (True, {"id": str(reveal), "error_code": "CARD_GONE"})
        assert await db.fetchval("select error_code from card_reveals") == "CARD_GONE"
        other = await cards.ask_card_reveal(db, user, card, KEY, wait=WAIT)
        assert await card_notices.answer_reveal(db, other, "x" * 7168)

    run(database_url, scenario)


def test_nobody_is_told_a_number_that_they_do_not_wait_for_any_more(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await active(db, user)
        late = await cards.ask_card_reveal(db, user, card, KEY, wait=timedelta(seconds=5))
        [job] = await card_notices.claim_card_reveals(db, limit=5, lease=LEASE)
        after = {"p_now": job.expires_at + timedelta(seconds=1)}
        assert await told(database_url, db, late, p_answer="sealed", **after) == (False, [])
        rows = await db.fetch("select * from claim_card_reveals(5, $1, $2)", LEASE, job.leased_until)
        assert rows == []
        assert tuple(await db.fetchrow("select status, error_code from card_reveals") or ()) == ("refused", "EXPIRED")

    run(database_url, scenario)


@pytest.mark.parametrize("status", ["pending_activation", "terminated"])
def test_a_card_without_a_number_shows_none(shared_url: str, status: str) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        card = await accepted(db, user)
        if status == "terminated":
            await tell(db, card, "terminated")
        with pytest.raises(errors.CardNotUsable) as refused:
            await cards.ask_card_reveal(db, user, card, KEY, wait=WAIT)
        assert refused.value.data["status"] == status

    run(shared_url, scenario)


@pytest.mark.parametrize(("key", "wait"), [(KEY[1:], WAIT), (KEY, timedelta(0)), (KEY, timedelta(hours=1))])
def test_a_reveal_needs_a_key_and_a_time(shared_url: str, key: bytes, wait: timedelta) -> None:
    async def scenario(db: Pool) -> None:
        await sell_cards(db)
        user = await new_user(db)
        with pytest.raises(errors.InvalidArgument):
            await cards.ask_card_reveal(db, user, await active(db, user), key, wait=wait)

    run(shared_url, scenario)


def test_whatever_is_asked_for_rings_for_the_pollers(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        heard: asyncio.Queue[str] = asyncio.Queue()
        listener = await connect(database_url, "test")
        try:
            await listener.add_listener(card_notices.JOBS, lambda *said: heard.put_nowait(said[-1]))
            await sell_cards(db)
            user = await new_user(db)
            card = await active(db, user)
            await cards.request_card_funding(db, user, card, Decimal(5))
            await cards.ask_card_reveal(db, user, card, KEY, wait=WAIT)
            await cards.ask_card_refresh(db, card)
            await take(db, "e")
            await db.execute("select pg_notify($1, 'end')", card_notices.JOBS)
            said = []
            while (word := await heard.get()) != "end":
                said.append(word)
        finally:
            await listener.close()
        assert said == ["customers", "cards", "fundings", "reveals", "cards", "webhooks"]

    run(database_url, scenario)
