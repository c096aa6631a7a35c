"""Death anywhere in the work on a card: cut off at each point where it waits, another brings it to its right end.

As in `test_activations_crash.py` the points are not listed by hand: the work is run again and again, cut off at its
first wait, its second, and so on, until it comes to its end. The provider's own books say that nothing was paid twice.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from uuid import UUID

import pytest

from pollers.cards.cards import CardWorker
from pollers.cards.customers import CustomerWorker
from pollers.cards.fundings import FundingWorker
from pollers.cards.webhooks import WebhookWorker
from pollers.simulator import SimulatorSettings, running
from tests.pollers.cards import LEASE, CardDesk, CardDeskPlay, play_on
from tests.pollers.test_activations_crash import POINTS_MAX, survives
from wallet_db.card_customers import claim_card_customers
from wallet_db.card_notices import claim_card_webhooks

Work = Callable[[CardDesk, UUID], Awaitable[None]]
"""The work that dies, on this card."""


@pytest.fixture
def play(orders_url: str) -> Iterator[CardDeskPlay]:
    with running(SimulatorSettings(port=0, seed=1)) as base_url:
        yield lambda scenario: play_on(orders_url, base_url, scenario)


async def ordered(rig: CardDesk) -> UUID:
    return await rig.order()


async def confirmed(rig: CardDesk) -> UUID:
    card = await rig.order()
    await rig.work("cards")
    await rig.pass_time(10)
    return card


async def declined(rig: CardDesk) -> UUID:
    await rig.control("cards/settings", declines_creations=True)
    return await confirmed(rig)


async def told_of_an_orphan(rig: CardDesk) -> UUID:
    card = await rig.order()
    await rig.fault("create-card", "drop_answer")
    await rig.work("cards")
    await rig.pass_time(31)
    newest = max(each["id"] for each in await rig.upstream())
    await rig.hear("virtualcard.created.complete", newest)
    return card


async def block_wanted(rig: CardDesk) -> UUID:
    card = await rig.active()
    await rig.want(card, "block")
    return card


async def funding_wanted(rig: CardDesk) -> UUID:
    card = await rig.active()
    await rig.fund(card)
    return card


async def funding_confirmed(rig: CardDesk) -> UUID:
    card = await funding_wanted(rig)
    await rig.work("fundings")
    await rig.pass_time(10)
    return card


async def funding_in_doubt(rig: CardDesk) -> UUID:
    await rig.fault("fund-card", "drop_answer")
    card = await funding_wanted(rig)
    await rig.work("fundings")
    await rig.pass_time(31)
    return card


async def work_on_card(rig: CardDesk, card: UUID) -> None:
    await CardWorker(rig.another().desk).work(await rig.claim_card(card))


async def work_on_funding(rig: CardDesk, card: UUID) -> None:
    funding = await rig.db.fetchval("select id from card_fundings where card_id = $1 and kind = 'funding'", card)
    await FundingWorker(rig.another().desk).work(await rig.claim_funding(funding))


async def work_on_webhook(rig: CardDesk, _: UUID) -> None:
    [job] = await claim_card_webhooks(rig.db, limit=5, lease=LEASE)
    await WebhookWorker(rig.another().desk).work(job)


# (status, balance, frozen, newest funding's status, USD that the provider has put on the card; None: it has made none)
ACTIVE = ("active", "22.78", "0.00", "completed", Decimal(10))
NEVER = ("failed", "36.00", "0.00", "failed", None)
LEFT = ("failed", "36.00", "0.00", "failed", Decimal(10))
"""Nobody ever heard of the card: the money is back, and the operators know."""
BLOCKED = ("blocked", "22.78", "0.00", "completed", Decimal(10))
FUNDED = ("active", "17.17", "0.00", "completed", Decimal(15))
NOT_FUNDED = ("active", "22.78", "0.00", "failed", Decimal(10))
Ends = set[tuple[str, str, str, str, Decimal | None]]

# What is done, who dies, its right ends, and (card, newest funding, USD upstream) right after a death, all to be met.
TABLE: list[tuple[Callable[[CardDesk], Awaitable[UUID]], Work, Ends, set[tuple[str, str, Decimal | None]]]] = [
    (
        ordered,
        work_on_card,
        {ACTIVE, NEVER, LEFT},
        {
            ("pending_activation", "ordering", None),
            ("pending_activation", "ordering", Decimal(10)),
            ("pending_activation", "pending", Decimal(10)),
        },
    ),
    (
        confirmed,
        work_on_card,
        {ACTIVE},
        {("pending_activation", "pending", Decimal(10)), ("active", "completed", Decimal(10))},
    ),
    (
        declined,
        work_on_card,
        {("failed", "36.00", "0.00", "failed", Decimal(0))},
        {("pending_activation", "pending", Decimal(0)), ("failed", "failed", Decimal(0))},
    ),
    (
        told_of_an_orphan,
        work_on_webhook,
        {ACTIVE},
        {("pending_activation", "ordering", Decimal(10)), ("pending_activation", "pending", Decimal(10))},
    ),
    (
        block_wanted,
        work_on_card,
        {BLOCKED},
        {("active", "completed", Decimal(10)), ("blocked", "completed", Decimal(10))},
    ),
    (
        funding_wanted,
        work_on_funding,
        {FUNDED, NOT_FUNDED},
        {
            ("active", "ordering", Decimal(10)),
            ("active", "ordering", Decimal(15)),
            ("active", "pending", Decimal(15)),
        },
    ),
    (
        funding_confirmed,
        work_on_funding,
        {FUNDED},
        {("active", "pending", Decimal(15)), ("active", "completed", Decimal(15))},
    ),
    (
        funding_in_doubt,
        work_on_funding,
        {FUNDED},
        {("active", "ordering", Decimal(15)), ("active", "completed", Decimal(15))},
    ),
]


@pytest.mark.parametrize(("prepare", "work", "ends", "deaths"), TABLE, ids=[row[0].__name__ for row in TABLE])
def test_a_death_at_any_wait_pays_nothing_twice_and_loses_nothing(
    play: CardDeskPlay,
    prepare: Callable[[CardDesk], Awaitable[UUID]],
    work: Work,
    ends: Ends,
    deaths: set[tuple[str, str, Decimal | None]],
) -> None:
    async def scenario(rig: CardDesk) -> None:
        met: Counter[tuple[str, str, Decimal | None]] = Counter()
        for nth in range(POINTS_MAX):
            before = {each["id"] for each in await rig.upstream()}
            card = await prepare(rig)
            survived = await survives(work(rig, card), nth)
            if survived:
                break
            met[await _state(rig, card, before)] += 1
            await _recover(rig)
            status, _, balance, frozen = await rig.end(card)
            _, funding, usd = await _state(rig, card, before)
            assert (status, balance, frozen, funding, usd) in ends, f"cut off at wait {nth}"
        else:
            raise AssertionError("expected the work to come to an end")
        assert deaths <= met.keys()

    play(scenario)


def test_a_death_while_a_customer_is_registered_leaves_one_customer(play: CardDeskPlay) -> None:
    async def scenario(rig: CardDesk) -> None:
        for nth in range(POINTS_MAX):
            user = await rig.db.fetchval("insert into users default values returning id")
            await rig.customer(user)
            [job] = await claim_card_customers(rig.db, limit=5, lease=LEASE)
            survived = await survives(CustomerWorker(rig.another().desk).work(job), nth)
            await _recover(rig)
            assert (await rig.customer_row(user))["status"] == "registered"
            if survived:
                return
        raise AssertionError("expected the work to come to an end")

    play(scenario)


async def _state(rig: CardDesk, card: UUID, before: set[int]) -> tuple[str, str, Decimal | None]:
    """(card's status, newest funding's status, USD put on its card by the provider; None: there is no card)."""
    stored = await rig.row(card)
    funding = await rig.db.fetchval(
        "select status from card_fundings where card_id = $1 order by created_at desc, kind = 'creation' limit 1", card
    )
    made = [each for each in await rig.upstream() if each["id"] not in before]
    assert len(made) <= 1  # no card is made twice
    usd = sum(
        (
            Decimal(each["usd"])
            for one in made
            for each in one["transactions"]
            if each["type"] == "credit" and each["status"] != "failed"
        ),
        Decimal(0),
    )
    return stored["status"], str(funding), usd if made else None


async def _recover(rig: CardDesk) -> None:
    """Leases run out, answers that do not come any more are looked for, doubts end."""
    for seconds in (61, 31, 31, 600, 3600, 10):
        await rig.pass_time(seconds)
        await rig.work_on_all()
