"""What every provider of cards must do, run against the simulator over real HTTP."""

import contextlib
import logging
import re
import traceback
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from pollers.cards.contract import CardStatus, Details, TransactionStatus
from pollers.providers.contract import (
    AccountProblem,
    OutcomeUnknown,
    ProviderError,
    Refused,
    Unavailable,
    UnknownOrder,
)
from tests.pollers.card_providers import (
    CARD_PROVIDERS,
    DOCUMENTS,
    KEY,
    LONG_S,
    NO_WAIT_S,
    CardPlay,
    CardRig,
    person,
    playing_cards,
)


@pytest.fixture(params=CARD_PROVIDERS)
def play(request: pytest.FixtureRequest) -> Iterator[CardPlay]:
    with playing_cards(request.param) as play:
        yield play


def test_customer_is_known_by_its_address(play: CardPlay) -> None:
    async def scenario(rig: CardRig) -> None:
        assert await rig.provider.find_customer("ann@example.com") is None
        customer = await rig.provider.register(person(), DOCUMENTS)
        assert await rig.provider.find_customer("Ann@Example.com") == customer
        with pytest.raises(Refused):
            await rig.provider.register(person(), DOCUMENTS)

    play(scenario)


def test_customer_without_documents_is_refused(play: CardPlay) -> None:
    async def scenario(rig: CardRig) -> None:
        with pytest.raises(Refused):
            await rig.provider.register(person(), ())
        assert (await rig.upstream())["customers"] == []

    play(scenario)


def test_card_is_pending_then_active_with_what_was_put_on_it(play: CardPlay) -> None:
    async def scenario(rig: CardRig) -> None:
        funds = await rig.provider.balance()
        order = await rig.order("25.50")
        made = await rig.provider.create(order)
        assert made.reference
        assert await rig.provider.balance() == funds - Decimal("25.50")
        pending = await rig.provider.card(made.provider_card_id)
        assert (pending.status, pending.last4) == (CardStatus.PENDING_ACTIVATION, "")
        with pytest.raises(Refused):
            await rig.provider.reveal(made.provider_card_id)

        await rig.forward(5)
        card = await rig.provider.card(made.provider_card_id)
        assert (card.status, card.balance) == (CardStatus.ACTIVE, Decimal("25.50"))
        assert card.provider_customer_id == order.provider_customer_id
        assert card.name_on_card == "ANN EXAMPLE"
        [upstream] = (await rig.upstream())["cards"]
        details = await rig.provider.reveal(made.provider_card_id)
        assert (details.number, details.cvv) == (upstream["number"], upstream["cvv"])
        assert (details.number[-4:], details.expiry) == (card.last4, card.expiry)
        assert len(card.expiry) == len("MM/YY")

    play(scenario)


def test_declined_card_fails_and_its_money_is_back(play: CardPlay) -> None:
    async def scenario(rig: CardRig) -> None:
        funds = await rig.provider.balance()
        await rig.control("cards/settings", declines_creations=True)
        made = await rig.pending()
        await rig.forward(5)
        assert (await rig.provider.card(made.provider_card_id)).status is CardStatus.FAILED
        assert await rig.provider.balance() == funds

    play(scenario)


@pytest.mark.parametrize("amounts", ["number", "text", "signless", "cents"])
def test_funding_is_pending_then_on_the_card_whatever_amounts_look_like(play: CardPlay, amounts: str) -> None:
    async def scenario(rig: CardRig) -> None:
        await rig.control("cards/settings", amounts=amounts)
        card_id = await rig.active("10.00")
        seen = {each.provider_transaction_id for each in await rig.provider.transactions(card_id)}
        funding = await rig.provider.fund(card_id, Decimal("2.35"))

        async def found() -> tuple[Decimal, TransactionStatus, bool]:
            [new] = [
                each for each in await rig.provider.transactions(card_id) if each.provider_transaction_id not in seen
            ]
            assert new.reference == funding.reference
            assert new.at is not None
            return new.usd, new.status, new.is_funding

        assert await found() == (Decimal("2.35"), TransactionStatus.PENDING, True)
        assert (await rig.provider.card(card_id)).balance == Decimal("10.00")
        await rig.forward(5)
        assert await found() == (Decimal("2.35"), TransactionStatus.COMPLETED, True)
        assert (await rig.provider.card(card_id)).balance == Decimal("12.35")

    play(scenario)


def test_declined_funding_fails_and_its_money_is_back(play: CardPlay) -> None:
    async def scenario(rig: CardRig) -> None:
        card_id = await rig.active()
        funds = await rig.provider.balance()
        await rig.control("cards/settings", declines_fundings=True)
        funding = await rig.provider.fund(card_id, Decimal(2))
        await rig.forward(5)
        [row] = [each for each in await rig.provider.transactions(card_id) if each.reference == funding.reference]
        assert row.status is TransactionStatus.FAILED
        assert await rig.provider.balance() == funds

    play(scenario)


@pytest.mark.parametrize("amounts", ["number", "text", "signless", "cents"])
def test_payments_are_negative_and_a_declined_one_takes_nothing(play: CardPlay, amounts: str) -> None:
    async def scenario(rig: CardRig) -> None:
        await rig.control("cards/settings", amounts=amounts)
        card_id = await rig.active("10.00")
        await rig.control(f"cards/{card_id}/transactions", usd="3.99", narrative="SHOP 4242")
        await rig.control(f"cards/{card_id}/transactions", usd="100.00")
        declined, paid, first = await rig.provider.transactions(card_id)
        assert (declined.usd, declined.status) == (Decimal("-100.00"), TransactionStatus.FAILED)
        assert (paid.usd, paid.status, paid.narrative) == (Decimal("-3.99"), TransactionStatus.COMPLETED, "SHOP 4242")
        assert not paid.is_funding
        assert first.usd == Decimal("10.00")
        assert (await rig.provider.card(card_id)).balance == Decimal("6.01")

    play(scenario)


def test_block_and_unblock_may_be_repeated(play: CardPlay) -> None:
    async def scenario(rig: CardRig) -> None:
        card_id = await rig.active()
        for _ in range(2):
            await rig.provider.block(card_id)
            assert (await rig.provider.card(card_id)).status is CardStatus.BLOCKED
        with pytest.raises(Refused):
            await rig.provider.fund(card_id, Decimal(2))
        for _ in range(2):
            await rig.provider.unblock(card_id)
            assert (await rig.provider.card(card_id)).status is CardStatus.ACTIVE

    play(scenario)


def test_terminated_card_is_over(play: CardPlay) -> None:
    async def scenario(rig: CardRig) -> None:
        card_id = await rig.active()
        funds = await rig.provider.balance()
        await rig.provider.fund(card_id, Decimal(2))
        await rig.control(f"cards/{card_id}", status="terminated")
        assert (await rig.provider.card(card_id)).status is CardStatus.TERMINATED
        assert await rig.provider.balance() == funds + Decimal(10)
        for call in (rig.provider.fund(card_id, Decimal(2)), rig.provider.unblock(card_id)):
            with pytest.raises(Refused):
                await call

    play(scenario)


@pytest.mark.parametrize("form", ["message", "error"])
@pytest.mark.parametrize("status", [200, 400])
def test_refusals_mean_the_same_in_every_form(play: CardPlay, status: int, form: str) -> None:
    async def scenario(rig: CardRig) -> None:
        order, card_id = await rig.order(), await rig.active()
        await rig.control("cards/settings", refusal_status=status, refusal_form=form)
        for call in (rig.provider.card("1"), rig.provider.fund("1", Decimal(2)), rig.provider.block("1")):
            with pytest.raises(UnknownOrder):
                await call
        with pytest.raises(Refused):
            await rig.provider.fund(card_id, Decimal("0.01"))
        await rig.control("cards/settings", balance="1.00")
        for spending in (rig.provider.create(order), rig.provider.fund(card_id, Decimal(2))):
            with pytest.raises(AccountProblem):
                await spending
        stranger = rig.another(key="wrong")
        for wrong in (stranger.balance(), stranger.fund(card_id, Decimal(2))):
            with pytest.raises(AccountProblem):
                await wrong
        assert len((await rig.upstream())["cards"]) == 1

    play(scenario)


@pytest.mark.parametrize("fault", ["drop_answer", "garbage", "slow", "connection_reset", "http_500", "html"])
def test_spending_without_a_readable_answer_is_an_unknown_outcome(play: CardPlay, fault: str) -> None:
    async def scenario(rig: CardRig) -> None:
        order, card_id = await rig.order(), await rig.active()
        impatient = rig.another(timeout_s=NO_WAIT_S)
        for call, spending in (
            ("create", impatient.create(order)),
            ("fund", impatient.fund(card_id, Decimal(2))),
            ("register", impatient.register(person("bob@example.com"), DOCUMENTS)),
        ):
            await rig.fault(call, fault, delay_s=LONG_S)
            with pytest.raises(OutcomeUnknown):
                await spending
        executed = fault in {"drop_answer", "garbage", "slow"}
        cards = (await rig.upstream())["cards"]
        assert (len(cards), len(cards[0]["transactions"])) == ((2, 2) if executed else (1, 1))
        assert (await rig.provider.find_customer("bob@example.com") is not None) == executed

    play(scenario)


@pytest.mark.parametrize("fault", ["drop_answer", "slow", "connection_reset", "http_500", "rate_limit"])
def test_lost_answer_to_a_harmless_call_means_later(play: CardPlay, fault: str) -> None:
    async def scenario(rig: CardRig) -> None:
        card_id = await rig.active()
        for call in ("card", "transactions", "block"):
            provider = rig.another(timeout_s=NO_WAIT_S)
            await rig.fault(call, fault, delay_s=LONG_S)
            asked: Any = getattr(provider, call)
            with pytest.raises(Unavailable):
                await asked(card_id)

    play(scenario)


def test_limit_was_surely_not_executed_and_says_when(play: CardPlay) -> None:
    async def scenario(rig: CardRig) -> None:
        order = await rig.order()
        await rig.fault("create", "rate_limit")
        with pytest.raises(Unavailable) as raised:
            await rig.provider.create(order)
        assert raised.value.retry_after_s == 1.0
        assert (await rig.upstream())["cards"] == []

    play(scenario)


def test_neither_key_nor_number_reaches_a_log_an_error_or_a_repr(
    play: CardPlay, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer that holds the number and the CVV is made unreadable in every way there is."""
    caplog.set_level(logging.DEBUG)

    async def scenario(rig: CardRig) -> None:
        urls: list[str] = []

        async def note(request: httpx.Request) -> None:
            urls.append(str(request.url))

        rig.http.event_hooks["request"].append(note)
        card_id = await rig.active()
        await rig.provider.balance()
        assert not any(KEY in url for url in urls)
        rig.http.event_hooks["request"].clear()
        [upstream] = (await rig.upstream())["cards"]
        shown = [repr(await rig.provider.card(card_id)), repr(await rig.provider.reveal(card_id))]
        assert isinstance(await rig.provider.reveal(card_id), Details)
        for fault in ("garbage", "slow", "drop_answer", "html", "http_500", "connection_reset"):
            provider = rig.another(timeout_s=NO_WAIT_S)
            await rig.fault("card", fault, delay_s=LONG_S)
            try:
                await provider.reveal(card_id)
            except ProviderError as error:
                shown += [repr(error), error.reason, error.raw, "".join(traceback.format_exception(error))]
        with contextlib.suppress(ProviderError):
            await rig.another(key="very-secret-key").card(card_id)
        text = caplog.text + "".join(shown)
        assert shown
        assert "very-secret-key" not in text
        for secret in (upstream["number"], f"'{upstream['cvv']}'", f'"{upstream["cvv"]}"'):
            assert secret not in text
        assert not re.search(rf"\b{upstream['number'][-4:]}\b", text)  # within an object's address it is nothing

    play(scenario)
