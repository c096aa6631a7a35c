"""The work on customers, cards, fundings, webhooks and reveals, as it goes well and as providers go wrong."""

import asyncio
import logging
from collections.abc import Iterator
from uuid import UUID, uuid4

import orjson
import pytest

from pollers.simulator import SimulatorSettings, running
from tests.pollers.cards import CREATION, FUNDING, LEASE, CardDesk, CardDeskPlay, play_on
from tests.wallet_db.support import new_user, wallet
from wallet_db.card_notices import claim_card_reveals
from wallet_db.sealing import Unsealable, place

DOUBT_S = 3600


@pytest.fixture
def play(orders_url: str) -> Iterator[CardDeskPlay]:
    with running(SimulatorSettings(port=0, seed=1)) as base_url:
        yield lambda scenario: play_on(orders_url, base_url, scenario)


# --- customers


def test_customer_is_registered_once_and_documents_are_kept_for_a_while(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        user = await rig.registered()
        stored = await rig.customer_row(user)
        [upstream] = (await rig.http.get(f"{rig.base_url}/sim/cards")).json()["customers"]
        assert stored["provider_customer_id"] == upstream["id"]
        days = await rig.db.fetch("select extract(day from purge_at - now())::int from card_documents")
        assert {row[0] for row in days} <= {29, 30}
        assert await rig.asked("create-user") == 1

    play(scenario)


def test_customer_whose_answer_was_lost_is_found_by_the_address(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        user = await new_user(rig.db)
        await rig.fault("create-user", "drop_answer")
        await rig.customer(user)
        await rig.work("customers")
        assert (await rig.customer_row(user))["status"] == "submitting"
        await rig.pass_time(31)
        await rig.work("customers")
        assert (await rig.customer_row(user))["status"] == "registered"
        assert await rig.asked("create-user") == 1

    play(scenario)


def test_customer_who_never_arrived_is_registered_after_all(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        user = await new_user(rig.db)
        await rig.fault("create-user", "connection_reset")
        await rig.customer(user)
        for seconds in (0, 31, 600, 11):
            await rig.pass_time(seconds)
            await rig.work("customers")
        assert (await rig.customer_row(user))["status"] == "registered"
        assert await rig.asked("create-user") == 2

    play(scenario)


def test_customer_of_an_address_that_the_provider_knows_is_refused(play: CardDeskPlay) -> None:
    """The address proves nothing, so nobody gets the cards of who was there before."""

    async def scenario(rig: CardDesk) -> None:
        first, second = await rig.registered(), await new_user(rig.db)
        email = f"{first}@example.com"
        await rig.db.execute("update card_customers set email_digest = 'other' where user_id = $1", first)
        await rig.customer(second, email)
        await rig.work("customers")
        stored = await rig.customer_row(second)
        assert (stored["status"], stored["error_code"]) == ("failed", "CUSTOMER_EXISTS")
        assert stored["details"] is None
        assert await rig.asked("create-user") == 1

        # Where the provider will not say who is there, registering is refused.
        await rig.fault("getcardholder", "html")
        third = await new_user(rig.db)
        await rig.db.execute("update card_customers set email_digest = 'other too' where user_id = $1", second)
        await rig.customer(third, email)
        await rig.work("customers")
        assert (await rig.customer_row(third))["error_code"] == "PROVIDER_REFUSED"

    play(scenario)


# --- the making of a card


def test_card_becomes_active_and_is_paid_for(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await rig.order()
        await rig.work("cards")
        assert await rig.end(card) == ("pending_activation", None, "36.00", str(CREATION))
        await rig.pass_time(10)
        await rig.work("cards")
        assert await rig.end(card) == ("active", None, "22.78", "0.00")
        stored, upstream = await rig.row(card), await rig.upstream_of(card)
        assert str(stored["balance"]) == upstream["balance"] == "10.00"
        assert stored["due_at"] is None
        keys = rig.desk.keys
        assert (
            keys.open(stored["last4_sealed"], place("cards", "last4_sealed", card)).decode() == upstream["number"][-4:]
        )
        assert len(keys.open(stored["expiry_sealed"], place("cards", "expiry_sealed", card))) == len("MM/YY")
        with pytest.raises(Unsealable):
            keys.open(stored["last4_sealed"], place("cards", "last4_sealed", uuid4()))

    play(scenario)


def test_card_that_is_declined_later_is_refunded(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        await rig.control("cards/settings", declines_creations=True)
        card = await rig.order()
        await rig.work("cards")
        await rig.pass_time(10)
        await rig.work("cards")
        assert await rig.end(card) == ("failed", "CARD_DECLINED", "36.00", "0.00")

    play(scenario)


@pytest.mark.parametrize("status", [200, 400])
def test_card_that_is_refused_at_once_is_refunded_and_operators_hear_of_our_funds(
    play: CardDeskPlay, status: int
) -> None:
    async def scenario(rig: CardDesk) -> None:
        user = await rig.registered()
        await rig.control("cards/settings", refusal_status=status, balance="1.00")
        card = await rig.order(user)
        await rig.work("cards")
        assert await rig.end(card) == ("failed", "PROVIDER_ACCOUNT_PROBLEM", "36.00", "0.00")
        assert "PROVIDER_ACCOUNT_PROBLEM" in await rig.told()

    play(scenario)


def test_card_that_surely_was_not_asked_for_is_asked_for_again(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await rig.order()
        await rig.fault("create-card", "rate_limit")
        await rig.work("cards")
        assert (await rig.row(card))["status"] == "pending_activation"
        await asyncio.sleep(1.1)  # the pause that the provider wants, by the account's own clock
        await rig.pass_time(10)
        await rig.work("cards")
        await rig.pass_time(10)
        await rig.work("cards")
        assert (await rig.end(card))[0] == "active"
        assert len(await rig.upstream()) == 1

    play(scenario)


async def lost_card(rig: CardDesk, fault: str = "drop_answer") -> UUID:
    card = await rig.order()
    await rig.fault("create-card", fault)
    await rig.work("cards")
    assert (await rig.end(card))[0] == "pending_activation"
    return card


def test_card_whose_answer_was_lost_is_adopted_when_the_provider_tells_of_it(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await lost_card(rig)
        [upstream] = await rig.upstream()
        await rig.hear("virtualcard.created.complete", upstream["id"])
        await rig.work("webhooks")
        assert (await rig.row(card))["provider_card_id"] is None  # an answer may still be on its way
        await rig.pass_time(31)
        await rig.work("webhooks")
        await rig.work("cards")
        assert await rig.end(card) == ("active", None, "22.78", "0.00")
        assert await rig.asked("create-card") == 1

    play(scenario)


def test_card_that_nobody_hears_of_is_given_up_and_never_adopted_later(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await lost_card(rig)
        await rig.pass_time(DOUBT_S - 10)
        await rig.work("cards")
        assert (await rig.end(card))[0] == "pending_activation"
        await rig.pass_time(20)
        await rig.work("cards")
        assert await rig.end(card) == ("failed", "CARD_MAY_EXIST", "36.00", "0.00")
        assert "CARD_MAY_EXIST" in await rig.told()
        [upstream] = await rig.upstream()
        await rig.hear("virtualcard.created.complete", upstream["id"])
        await rig.work("webhooks")
        assert await rig.end(card) == ("failed", "CARD_MAY_EXIST", "36.00", "0.00")
        assert "CARD_UNOWNED" in await rig.told()
        assert await rig.asked("create-card") == 1

    play(scenario)


def test_card_of_another_customer_is_adopted_by_nobody(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        theirs = await rig.active()
        strange = (await rig.upstream_of(theirs))["id"]
        await rig.db.execute("update cards set provider_card_id = 'elsewhere' where id = $1", theirs)
        ours = await lost_card(rig, "connection_reset")
        await rig.pass_time(31)
        await rig.hear("virtualcard.created.complete", strange)
        await rig.work("webhooks")
        assert (await rig.row(ours))["provider_card_id"] is None
        assert "CARD_UNOWNED" in await rig.told()

    play(scenario)


# --- blocking


def test_card_is_blocked_and_unblocked(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await rig.active()
        for action, status, upstream in (("block", "blocked", "frozen"), ("unblock", "active", "active")):
            await rig.want(card, action)
            await rig.work("cards")
            stored = await rig.row(card)
            assert (stored["status"], stored["wanted_action"]) == (status, None)
            assert (await rig.upstream_of(card))["status"] == upstream

    play(scenario)


def test_block_goes_on_until_the_provider_has_heard_it(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await rig.active()
        await rig.want(card, "block")
        await rig.fault("action/status", "drop_answer")
        await rig.work("cards")
        assert (await rig.row(card))["wanted_action"] == "block"
        await rig.pass_time(10)
        await rig.work("cards")
        assert (await rig.row(card))["status"] == "blocked"

    play(scenario)


# --- refreshes and webhooks


def test_refresh_is_one_request_unless_the_balance_has_moved(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await rig.active()
        before = await rig.asked("fetch-card-detail"), await rig.asked("card-transactions")
        await rig.db.execute("select ask_card_refresh($1)", card)
        await rig.work("cards")
        assert (await rig.asked("fetch-card-detail"), await rig.asked("card-transactions")) == (
            before[0] + 1,
            before[1],
        )
        await rig.control(f"cards/{(await rig.upstream_of(card))['id']}/transactions", usd="3.99", narrative="SHOP")
        await rig.db.execute("select ask_card_refresh($1)", card)
        await rig.work("cards")
        stored = await rig.row(card)
        assert (str(stored["balance"]), stored["refresh_asked_at"]) == ("6.01", None)
        rows = await rig.db.fetch("select usd::text, narrative, status from card_transactions order by id")
        assert [tuple(row) for row in rows] == [
            ("10.00", "Card creation", "completed"),
            ("-3.99", "SHOP", "completed"),
        ]

    play(scenario)


def test_many_webhooks_make_one_look_and_a_forged_story_moves_nothing(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await rig.active()
        id_ = (await rig.upstream_of(card))["id"]
        before = await rig.asked("fetch-card-detail")
        for event in ("card.blocked", "balance.updated", "card.terminated", "card.unblocked") * 5:
            await rig.hear(event, id_, status="terminated", amount="1000000")
        await rig.work("webhooks")
        await rig.work("cards")
        assert await rig.end(card) == ("active", None, "22.78", "0.00")
        assert await rig.asked("fetch-card-detail") == before + 1
        statuses = await rig.db.fetch("select distinct status from strowallet_webhook_events")
        assert [row[0] for row in statuses] == ["applied"]

    play(scenario)


def test_many_webhooks_about_payments_list_them_once(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await rig.active()
        id_ = (await rig.upstream_of(card))["id"]
        before = await rig.asked("card-transactions")
        await rig.control(f"cards/{id_}/transactions", usd="1.00", narrative="ONE")
        for _ in range(20):
            await rig.hear("virtualcard.transaction.authorization", id_)
        await rig.work("webhooks")
        assert await rig.asked("card-transactions") == before + 1
        assert await rig.db.fetchval("select count(*) from card_transactions where narrative = 'ONE'") == 1

    play(scenario)


def test_declined_payment_is_shown_though_the_balance_stays(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await rig.active()
        id_ = (await rig.upstream_of(card))["id"]
        await rig.control(f"cards/{id_}/transactions", usd="99.00", narrative="TOO MUCH")
        await rig.hear("virtualcard.transaction.declined", id_)
        await rig.work("webhooks")
        rows = await rig.db.fetch("select usd::text, status from card_transactions where narrative = 'TOO MUCH'")
        assert [tuple(row) for row in rows] == [("-99.00", "failed")]

    play(scenario)


def test_webhook_of_a_card_that_nobody_knows_is_ignored(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        await rig.hear("virtualcard.created.complete", 12345)
        await rig.work("webhooks")
        assert await rig.db.fetchval("select status || error from strowallet_webhook_events") == "ignoredUNKNOWN_CARD"

    play(scenario)


def test_card_terminated_upstream_ends_here(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await rig.active()
        id_ = (await rig.upstream_of(card))["id"]
        await rig.control(f"cards/{id_}", status="terminated")
        await rig.hear("virtualcard.transaction.declined.terminated", id_)
        await rig.work("webhooks")
        await rig.work("cards")
        assert (await rig.end(card))[0] == "terminated"

    play(scenario)


# --- fundings


def test_funding_is_paid_when_it_is_on_the_card(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await rig.active()
        funding = await rig.fund(card)
        await rig.work("fundings")
        assert (await rig.funding_row(funding))["status"] == "pending"
        assert await rig.end(card) == ("active", None, "22.78", str(FUNDING))
        await rig.pass_time(10)
        await rig.work_on_all()
        await rig.work("cards")  # of which the confirmation has asked a look
        assert (await rig.funding_row(funding))["status"] == "completed"
        assert await rig.end(card) == ("active", None, "17.17", "0.00")
        assert str((await rig.row(card))["balance"]) == "15.00"
        assert await rig.paid(card) == 15

    play(scenario)


def test_funding_that_is_declined_later_is_refunded(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await rig.active()
        await rig.control("cards/settings", declines_fundings=True)
        funding = await rig.fund(card)
        await rig.work("fundings")
        await rig.pass_time(10)
        await rig.work("fundings")
        stored = await rig.funding_row(funding)
        assert (stored["status"], stored["error_code"]) == ("failed", "FUNDING_DECLINED")
        assert await rig.end(card) == ("active", None, "22.78", "0.00")
        assert await rig.paid(card) == 10

    play(scenario)


def test_funding_that_is_refused_at_once_is_refunded(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await rig.active()
        await rig.control(f"cards/{(await rig.upstream_of(card))['id']}", status="frozen")
        funding = await rig.fund(card)
        await rig.work("fundings")
        stored = await rig.funding_row(funding)
        assert (stored["status"], stored["error_code"]) == ("failed", "PROVIDER_REFUSED")
        assert await rig.end(card) == ("active", None, "22.78", "0.00")

    play(scenario)


def test_card_that_is_to_be_blocked_meanwhile_is_not_funded(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await rig.active()
        funding = await rig.fund(card)
        await rig.want(card, "block")
        await rig.work("fundings")
        stored = await rig.funding_row(funding)
        assert (stored["status"], stored["error_code"]) == ("failed", "CARD_NOT_USABLE")
        assert await rig.end(card) == ("active", None, "22.78", "0.00")
        assert await rig.asked("fund-card") == 0

    play(scenario)


@pytest.mark.parametrize("fault", ["drop_answer", "garbage"])
def test_funding_whose_answer_was_lost_is_found_on_the_card_and_not_paid_again(play: CardDeskPlay, fault: str) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await rig.active()
        # As much is on the card already, and somebody pays as much: neither is this one.
        await rig.fund(card)
        await rig.work("fundings")
        await rig.pass_time(10)
        await rig.work_on_all()
        await rig.fault("fund-card", fault)
        funding = await rig.fund(card)
        await rig.work("fundings")
        assert (await rig.funding_row(funding))["status"] == "ordering"
        await rig.pass_time(31)
        await rig.work_on_all()
        assert (await rig.funding_row(funding))["status"] == "completed"
        assert await rig.end(card) == ("active", None, "11.56", "0.00")
        assert await rig.paid(card) == 20
        assert await rig.asked("fund-card") == 2

    play(scenario)


def test_funding_that_never_arrived_is_given_up_after_an_hour(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await rig.active()
        await rig.fault("fund-card", "connection_reset")
        funding = await rig.fund(card)
        for seconds in (0, 31, 600, 1800, 1100):
            await rig.pass_time(seconds)
            await rig.work("fundings")
            assert (await rig.funding_row(funding))["status"] == "ordering"
        await rig.pass_time(100)
        await rig.work("fundings")
        stored = await rig.funding_row(funding)
        assert (stored["status"], stored["error_code"]) == ("failed", "CARD_FUNDING_MAY_EXIST")
        assert {"CARD_FUNDING_MAY_EXIST", "FUNDING_IN_DOUBT"} <= await rig.told()
        assert await rig.end(card) == ("active", None, "22.78", "0.00")
        assert await rig.asked("fund-card") == 1

    play(scenario)


def test_what_a_given_up_funding_put_on_the_card_late_is_not_taken_for_the_next(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await rig.active()
        await rig.fault("fund-card", "connection_reset")
        first = await rig.fund(card)
        await rig.work("fundings")
        await rig.pass_time(DOUBT_S + 31)
        await rig.work("fundings")
        assert (await rig.funding_row(first))["error_code"] == "CARD_FUNDING_MAY_EXIST"
        await rig.fault("fund-card", "drop_answer")
        second = await rig.fund(card)
        await rig.work("fundings")
        await rig.pass_time(31)
        await rig.work("fundings")
        assert (await rig.funding_row(second))["status"] == "ordering"

    play(scenario)


def test_card_terminated_during_a_funding_gives_its_price_back(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await rig.active()
        funding = await rig.fund(card)
        await rig.work("fundings")
        await rig.control(f"cards/{(await rig.upstream_of(card))['id']}", status="terminated")
        await rig.db.execute("select ask_card_refresh($1)", card)
        await rig.work("cards")
        await rig.pass_time(10)
        await rig.work("fundings")
        assert (await rig.funding_row(funding))["status"] == "failed"
        assert await rig.end(card) == ("terminated", None, "22.78", "0.00")

    play(scenario)


# --- reveals


def test_number_is_told_to_who_asked_and_to_nobody_else(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await rig.active()
        heard: asyncio.Queue[str] = asyncio.Queue()

        def hear(_connection: object, _pid: int, _channel: str, text: object) -> None:
            heard.put_nowait(str(text))

        async with rig.db.acquire() as listening:
            await listening.add_listener("onesms_card_reveals", hear)
            reveal, key = await rig.ask_reveal(card)
            await rig.work("reveals")
            async with asyncio.timeout(10):
                text = await heard.get()
            await listening.remove_listener("onesms_card_reveals", hear)
        upstream = await rig.upstream_of(card)
        assert upstream["number"] not in text
        plain = orjson.loads(rig.desk.keys.open_answer(key, reveal, text))
        assert (plain["card_number"], plain["cvv"]) == (upstream["number"], upstream["cvv"])
        _, other = await rig.ask_reveal(card)
        with pytest.raises(Unsealable):
            rig.desk.keys.open_answer(other, reveal, text)

    play(scenario)


def test_reveal_that_cannot_be_answered_says_so(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await rig.active()
        await rig.fault("fetch-card-detail", "http_500")
        reveal, _ = await rig.ask_reveal(card)
        await rig.work("reveals")
        stored = await rig.db.fetchrow("select status, error_code from card_reveals where id = $1", reveal)
        assert tuple(stored) == ("refused", "PROVIDER_UNAVAILABLE")
        assert await claim_card_reveals(rig.db, limit=9, lease=LEASE) == []

    play(scenario)


# --- what may be kept


def test_no_number_or_cvv_is_anywhere_in_the_database_or_the_log(
    play: CardDeskPlay, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """After everything that reads it, well and badly: making, looking, funding, revealing."""
    caplog.set_level(logging.DEBUG)
    seen: list[str] = []

    async def scenario(rig: CardDesk) -> None:
        card = await rig.active()
        await rig.fund(card)
        await rig.ask_reveal(card)
        await rig.work_on_all()
        await rig.fault("fetch-card-detail", "garbage", count=2)
        await rig.ask_reveal(card)
        await rig.db.execute("select ask_card_refresh($1)", card)
        await rig.work_on_all()
        await rig.pass_time(10)
        await rig.work_on_all()
        upstream = await rig.upstream_of(card)
        seen.extend((upstream["number"], upstream["number"][-8:], f'"{upstream["cvv"]}"', f"'{upstream['cvv']}'"))
        secrets = (upstream["number"], upstream["number"][-8:], f'"{upstream["cvv"]}"')
        tables = await rig.db.fetch("select table_name from information_schema.tables where table_schema = 'public'")
        searched = 0
        for (table,) in tables:
            for (text,) in await rig.db.fetch(f'select t::text from "{table}" t'):  # noqa: S608
                searched += 1
                assert not any(secret in text for secret in secrets), table
        assert searched > 100
        balance, frozen, _ = await wallet(rig.db, (await rig.row(card))["user_id"])
        assert (balance, frozen) == ("17.17", "0.00")

    play(scenario)
    printed = capsys.readouterr()
    text = caplog.text + printed.out + printed.err
    assert "reveal refused" in text
    assert len(seen) == 4
    assert not any(secret in text for secret in seen)
