"""What seldom happens to a card and would cost somebody money: holds ended by their names, a provider that forgets or
remembers late, one that says yes and does nothing, and clocks that are wrong."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from pollers.cards import cards as cards_module
from pollers.cards.contract import Card
from pollers.cards.desk import Desk
from pollers.cards.settings import STROWALLET
from pollers.providers.contract import UnknownOrder
from pollers.simulator import SimulatorSettings, running
from tests.pollers.cards import CardDesk, CardDeskPlay, account, play_on
from wallet_db import card_fundings, card_jobs
from wallet_db.sealing import CardKeys

DOUBT_S = 3600


@pytest.fixture
def play(orders_url: str) -> Iterator[CardDeskPlay]:
    with running(SimulatorSettings(port=0, seed=1)) as base_url:
        yield lambda scenario: play_on(orders_url, base_url, scenario)


async def lost_card(rig: CardDesk, user: UUID | None = None, fault: str = "drop_answer") -> UUID:
    """One in doubt; with `connection_reset` it was not made."""
    card = await rig.order(user)
    await rig.fault("create-card", fault)
    await rig.work("cards")
    assert (await rig.row(card))["provider_card_id"] is None
    return card


async def end_by_name(rig: CardDesk, door: str, card: UUID) -> None:
    """What an operator may do with the newest hold of a card."""
    await rig.db.execute(
        f"select atomic_{door}(user_id, p_transaction_id => transaction_id) from card_fundings"  # noqa: S608
        " where card_id = $1 order by created_at desc limit 1",
        card,
    )


def with_account(rig: CardDesk, changed: object) -> Desk:
    return replace(rig.desk, providers={STROWALLET: changed})  # type: ignore[dict-item]


class Deaf:
    """Says yes to a block and does nothing; hears it after `answers_after_s` only."""

    def __init__(self, rig: CardDesk, answers_after_s: float = 0) -> None:
        self._account = account(rig.base_url, rig.http)
        self._answers_after_s = answers_after_s
        self.heard = 0

    async def block(self, provider_card_id: str) -> None:
        await asyncio.sleep(self._answers_after_s)
        self.heard += 1

    async def card(self, provider_card_id: str) -> Card:
        return await self._account.card(provider_card_id)


class Forgetful:
    """Does not know the card (any more, or yet)."""

    async def card(self, provider_card_id: str) -> Card:
        raise UnknownOrder("Card not found")

    async def transactions(self, provider_card_id: str) -> list[object]:
        raise UnknownOrder("Card not found")


# --- holds that an operator ends by their names


@pytest.mark.parametrize("is_answered", [False, True])
def test_card_given_back_by_name_though_it_may_be_made_is_told(play: CardDeskPlay, *, is_answered: bool) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await rig.order()
        if not is_answered:
            await rig.fault("create-card", "drop_answer")
        await rig.work("cards")
        await end_by_name(rig, "refund", card)
        assert await rig.end(card) == ("failed", "REFUNDED", "36.00", "0.00")
        assert await rig.told() == {"CARD_MAY_EXIST"}

    play(scenario)


def test_card_given_back_by_name_is_not_taken_for_its_twin(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        user = await rig.registered("60.00")
        first = await lost_card(rig, user)
        [upstream] = await rig.upstream()
        await end_by_name(rig, "refund", first)
        second = await lost_card(rig, user, "connection_reset")
        await rig.pass_time(31)
        await rig.hear("virtualcard.created.complete", upstream["id"])
        await rig.work("webhooks")
        assert (await rig.row(second))["provider_card_id"] is None
        assert "CARD_UNOWNED" in await rig.told()

    play(scenario)


def test_nothing_is_told_of_what_surely_was_not_begun(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await rig.order()
        await end_by_name(rig, "refund", card)
        other = await rig.active()
        await rig.fund(other)
        await end_by_name(rig, "refund", other)
        assert await rig.told() == set()

    play(scenario)


@pytest.mark.parametrize("door", ["refund", "commit"])
def test_payment_of_a_funding_ended_by_name_is_not_taken_for_the_next(play: CardDeskPlay, door: str) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await rig.active()
        await rig.fault("fund-card", "connection_reset")
        await rig.fund(card)
        await rig.work("fundings")
        await end_by_name(rig, door, card)
        assert await rig.told() == ({"CARD_FUNDING_MAY_EXIST"} if door == "refund" else set())
        await rig.fault("fund-card", "drop_answer")  # what shows from now on may have been the first one's
        second = await rig.fund(card)
        await rig.work("fundings")
        await rig.pass_time(31)
        await rig.work("fundings")
        assert (await rig.funding_row(second))["status"] == "ordering"

    play(scenario)


def test_card_paid_by_name_is_adopted_all_the_same(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await lost_card(rig)
        [upstream] = await rig.upstream()
        await end_by_name(rig, "commit", card)
        await rig.pass_time(31)
        await rig.hear("virtualcard.created.complete", upstream["id"])
        await rig.work("webhooks")
        await rig.work("cards")
        assert await rig.end(card) == ("active", None, "22.78", "0.00")

    play(scenario)


def test_card_paid_by_name_that_fails_is_told(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await lost_card(rig)
        await end_by_name(rig, "commit", card)
        await rig.pass_time(DOUBT_S + 31)
        await rig.work("cards")
        assert await rig.end(card) == ("failed", "CARD_MAY_EXIST", "22.78", "0.00")
        assert await rig.told() == {"CARD_PAID_AND_FAILED"}

    play(scenario)


# --- a provider that forgets, or remembers late


def test_funding_of_a_card_that_is_over_and_forgotten_is_given_back(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await rig.active()
        funding = await rig.fund(card)
        await rig.work("fundings")
        await rig.control(f"cards/{(await rig.upstream_of(card))['id']}", status="terminated")
        await rig.db.execute("select ask_card_refresh($1)", card)
        await rig.work("cards")
        forgetful = with_account(rig, Forgetful())
        await rig.pass_time(60)
        await rig.work("fundings", forgetful)
        assert (await rig.funding_row(funding))["status"] == "pending"  # it may remember
        await rig.pass_time(2 * DOUBT_S)
        await rig.work("fundings", forgetful)
        stored = await rig.funding_row(funding)
        assert (stored["status"], stored["error_code"]) == ("failed", "CARD_FUNDING_MAY_EXIST")
        assert await rig.end(card) == ("terminated", None, "22.78", "0.00")

    play(scenario)


def test_payment_of_an_earlier_funding_that_was_listed_late_is_not_this_ones(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await rig.active()
        await rig.fund(card)
        await rig.work("fundings")
        await rig.pass_time(10)
        await rig.work_on_all()
        second = await rig.fund(card)
        assert await card_fundings.begin(rig.db, await rig.claim_funding(second), [])  # and it was not paid
        for seconds in (100, DOUBT_S):
            assert (await rig.funding_row(second))["status"] == "ordering"
            await rig.pass_time(seconds)
            await rig.work("fundings")
        stored = await rig.funding_row(second)
        assert (stored["status"], stored["error_code"]) == ("failed", "CARD_FUNDING_MAY_EXIST")
        assert await rig.end(card) == ("active", None, "17.17", "0.00")

    play(scenario)


def test_what_a_card_was_made_with_and_is_listed_late_is_no_fundings(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await rig.active()
        funding = await rig.fund(card, usd="10.00")
        assert await card_fundings.begin(rig.db, await rig.claim_funding(funding), [])  # and it was not paid
        for seconds in (100, DOUBT_S):
            assert (await rig.funding_row(funding))["status"] == "ordering"
            await rig.pass_time(seconds)
            await rig.work("fundings")
        stored = await rig.funding_row(funding)
        assert (stored["status"], stored["error_code"]) == ("failed", "CARD_FUNDING_MAY_EXIST")
        assert await rig.end(card) == ("active", None, "22.78", "0.00")

    play(scenario)


def test_funding_of_as_much_as_the_card_was_made_with_is_found(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await rig.active()
        funding = await rig.fund(card, usd="10.00")
        await rig.fault("fund-card", "drop_answer")
        await rig.work("fundings")
        await rig.pass_time(100)
        await rig.work("fundings")
        assert (await rig.funding_row(funding))["status"] == "completed"
        assert await rig.asked("fund-card") == 1

    play(scenario)


def test_card_is_adopted_however_many_others_are_being_made(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await lost_card(rig)
        [upstream] = await rig.upstream()
        await rig.hear("virtualcard.created.complete", upstream["id"])
        for _ in range(2):
            await rig.pass_time(20)
            await lost_card(rig, fault="connection_reset")
            await rig.work("webhooks")
        assert (await rig.row(card))["provider_card_id"] == str(upstream["id"])

    play(scenario)


def test_card_that_is_told_of_before_it_can_be_fetched_is_adopted(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await lost_card(rig)
        [upstream] = await rig.upstream()
        await rig.pass_time(31)
        await rig.hear("virtualcard.created.complete", upstream["id"])
        await rig.work("webhooks", with_account(rig, Forgetful()))
        await rig.pass_time(60)
        await rig.work("webhooks")
        assert (await rig.row(card))["provider_card_id"] == str(upstream["id"])
        await rig.hear("card.funded", 5)  # which never was one
        for _ in range(2):
            await rig.work("webhooks")
            await rig.pass_time(1_000)
        assert await rig.db.fetchval("select count(*) from strowallet_webhook_events where status = 'new'") == 0

    play(scenario)


def test_card_is_adopted_when_the_key_that_was_missing_is_given_again(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await lost_card(rig)
        [upstream] = await rig.upstream()
        await rig.pass_time(31)
        await rig.hear("virtualcard.created.complete", upstream["id"])
        await rig.work("webhooks", replace(rig.desk, keys=CardKeys.parse(CardKeys.make("k2"))))
        assert "CARD_UNSEALABLE" in await rig.told()
        await rig.pass_time(61)
        await rig.work("webhooks")
        assert (await rig.row(card))["provider_card_id"] == str(upstream["id"])

    play(scenario)


# --- blocks that are not heard


def test_block_that_is_confirmed_and_never_so_is_told(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await rig.active()
        await rig.want(card, "block")
        deaf = Deaf(rig)
        for seconds in (61, 3_600):
            await rig.work("cards", with_account(rig, deaf))
            assert await rig.told() == set()
            await rig.pass_time(seconds)
        await rig.work("cards", with_account(rig, deaf))
        assert await rig.told() == {"CARD_ACTION_UNCONFIRMED"}
        assert deaf.heard == 3
        await rig.pass_time(61)
        await rig.work("cards")
        assert (await rig.row(card))["status"] == "blocked"

    play(scenario)


def test_block_is_not_sent_after_somebody_else_may_have_taken_over(
    play: CardDeskPlay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cards_module, "REQUEST_S_MAX", 0.05)

    async def scenario(rig: CardDesk) -> None:
        card = await rig.active()
        await rig.want(card, "block")
        slow = Deaf(rig, answers_after_s=50)
        await rig.work("cards", with_account(rig, slow))
        assert slow.heard == 0
        stored = await rig.row(card)
        assert (stored["wanted_action"], stored["action_started_at"]) == ("block", None)

    play(scenario)


# --- clocks


def test_word_from_the_future_does_not_outlast_what_is_heard_later(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        card = await rig.active()
        now = await rig.db.fetchval("select now()")
        told = {"status": "active", "balance": None, "checked_at": now + timedelta(hours=5)}
        assert await card_jobs.record_state(rig.db, card, **told) == "recorded"
        await rig.want(card, "block")
        await rig.work("cards")
        assert (await rig.row(card))["status"] == "blocked"

    play(scenario)
