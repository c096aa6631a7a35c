"""The loops of cards as a process runs them: rows found, notifications heard; and without keys nothing."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal

import httpx
import pytest

from pollers.cards.service import CardService, open_card_accounts
from pollers.settings import PollerSettings
from pollers.simulator import SimulatorSettings, running
from tests.pollers.cards import KEYS, CardDesk, CardDeskPlay, play_on
from tests.pollers.support import until
from wallet_db.card_keys import CardKeySettings
from wallet_db.sealing import CardKeys


@pytest.fixture
def play(orders_url: str) -> Iterator[CardDeskPlay]:
    with running(SimulatorSettings(port=0, seed=1)) as base_url:
        yield lambda scenario: play_on(orders_url, base_url, scenario)


def test_card_is_made_funded_and_blocked_by_the_loops(
    play: CardDeskPlay, orders_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CardKeySettings, "keys_of_cards", lambda _: KEYS)  # the rig's, which no setting can give

    async def scenario(rig: CardDesk) -> None:
        await rig.control("cards/settings", activation_s=0, funding_s=0)
        settings = PollerSettings(demo=True, sim_port=int(rig.base_url.rpartition(":")[2]))
        async with httpx.AsyncClient() as client:
            service = CardService(rig.db, open_card_accounts(settings, client), settings)
            async with asyncio.TaskGroup() as tasks:
                working = [tasks.create_task(loop.run()) for loop in service.loops.values()]
                listening = tasks.create_task(service.listen(orders_url))
                user = await rig.db.fetchval("insert into users default values returning id")
                await rig.db.execute("select atomic_deposit($1, 36, 't')", user)
                await rig.customer(user)

                async def is_registered() -> bool:
                    return bool((await rig.customer_row(user))["status"] == "registered")

                await until(is_registered)
                card = await rig.order(user)

                async def is_active() -> bool:
                    return bool((await rig.row(card))["status"] == "active")

                await until(is_active)
                await rig.fund(card)

                async def is_funded() -> bool:
                    return bool((await rig.row(card))["balance"] == Decimal(15))

                await until(is_funded)
                await rig.want(card, "block")

                async def is_blocked() -> bool:
                    return bool((await rig.row(card))["status"] == "blocked")

                await until(is_blocked)
                for loop in service.loops.values():
                    loop.stop()
                await asyncio.wait(working)
                listening.cancel()
        assert (await rig.end(card))[2:] == ("17.17", "0.00")
        assert await rig.paid(card) == 15

    play(scenario)


def test_a_notification_wakes_its_loop_at_once(
    play: CardDeskPlay, orders_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CardKeySettings, "keys_of_cards", lambda _: KEYS)
    monkeypatch.setattr("pollers.cards.service.POLL_S", 60.0)

    async def scenario(rig: CardDesk) -> None:
        card = await rig.active()
        settings = PollerSettings(demo=True, sim_port=int(rig.base_url.rpartition(":")[2]))
        async with httpx.AsyncClient() as client:
            service = CardService(rig.db, open_card_accounts(settings, client), settings)
            async with asyncio.TaskGroup() as tasks:
                working = tasks.create_task(service.loops["cards"].run())
                listening = tasks.create_task(service.listen(orders_url))

                async def is_heard() -> bool:
                    return bool(
                        await rig.db.fetchval(
                            "select exists (select from pg_stat_activity where application_name like '%card-jobs')"
                        )
                    )

                await until(is_heard)
                await rig.want(card, "block")

                async def is_blocked() -> bool:
                    return bool((await rig.row(card))["status"] == "blocked")

                await until(is_blocked)
                service.loops["cards"].stop()
                await working
                listening.cancel()

    play(scenario)


def test_without_keys_there_are_no_cards() -> None:
    async def main() -> None:
        settings = PollerSettings(sms_activate_url="http://127.0.0.1:9", sms_activate_key="k")  # type: ignore[arg-type]
        async with httpx.AsyncClient() as client:
            assert open_card_accounts(settings, client) == {}

    asyncio.run(main())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"strowallet_url": "https://example.com"}, "expected both or none"),
        ({"strowallet_url": "https://example.com", "strowallet_key": "k"}, "CARD_KEYS"),
    ],
)
def test_half_a_provider_of_cards_is_refused(given: dict[str, str], said: str) -> None:
    numbers = {"sms_activate_url": "http://127.0.0.1:9", "sms_activate_key": "k"}
    with pytest.raises(ValueError, match=said):
        PollerSettings(**numbers, **given)  # type: ignore[arg-type]
    whole = {"strowallet_key": "k", "card_keys": CardKeys.make("k1")}
    settings = PollerSettings(**numbers, **given | whole)  # type: ignore[arg-type]
    assert settings.card_accounts() == {"strowallet": ("https://example.com", "k")}
