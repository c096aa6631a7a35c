"""What is being done with a card when a worker dies. A new operation is one entry in CARD_OPERATIONS.

Each prepares a funding up to the moment before the work. The provider's webhooks reach us afterwards or do not: without
them a card whose answer was lost is never heard of, and its money goes back with a word to the operators.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from bench.faults.card_stage import CONFIRMED_S, CardPiece, CardStage
from bench.faults.stage import Stage
from bench.faults.ware import Job
from pollers.cards.schedule import ANSWER_WINDOW


@dataclass(frozen=True, slots=True)
class CardOperation:
    """prepare: returns the funding whose work is cut. piece: what that work is on. hears: webhooks come afterwards.

    is_main: processes are killed at it, unless more or less is asked for.
    """

    name: str
    prepare_card: Callable[[CardStage], Awaitable[UUID]]
    piece: CardPiece = "card"
    hears: bool = True
    is_main: bool = False

    def staged(self, stage: Stage) -> Stage:
        """The stage as this operation wants it."""
        return replace(_of_cards(stage), piece=self.piece, hears=self.hears)

    async def prepare(self, stage: Stage) -> UUID:
        """The funding that the work is to be done on."""
        return await self.prepare_card(_of_cards(stage))

    async def claim(self, stage: Stage, order: UUID) -> Job | None:
        """Lease the work."""
        return await stage.claim(order)

    async def settle(self, stage: Stage, order: UUID) -> None:
        """After the fault, its end."""
        await stage.settle(order, delivers=self.hears)


def _of_cards(stage: Stage) -> CardStage:
    if not isinstance(stage, CardStage):
        raise TypeError(f"expected a stage of cards, got that of {stage.kind.name}")
    return stage


async def _ordered(stage: CardStage) -> UUID:
    return await stage.order()


async def _confirmed(stage: CardStage) -> UUID:
    order = await stage.order()
    await stage.work_on_all()
    await stage.pass_time(order, timedelta(seconds=2 * CONFIRMED_S))
    return order


async def _orphaned(stage: CardStage) -> UUID:
    """The card is made, its answer was lost, and now the provider tells of it."""
    await stage.simulate("faults", action="create-card", fault="drop_answer")
    order = await stage.order()
    await stage.work_on_all()
    await stage.pass_time(order, ANSWER_WINDOW + timedelta(seconds=1))
    await stage.hear(order)
    return order


async def _funding_wanted(stage: CardStage) -> UUID:
    order = await _confirmed(stage)
    await stage.work_on_all()
    return await stage.fund(order)


async def _funding_confirmed(stage: CardStage) -> UUID:
    order = await _funding_wanted(stage)
    await stage.work_on_all()
    await stage.pass_time(order, timedelta(seconds=2 * CONFIRMED_S))
    return order


async def _funding_in_doubt(stage: CardStage) -> UUID:
    order = await _funding_wanted(stage)
    await stage.simulate("faults", action="fund-card", fault="drop_answer")
    await stage.work_on_all()
    await stage.pass_time(order, ANSWER_WINDOW + timedelta(seconds=1))
    return order


async def _funding_of_a_terminated_card(stage: CardStage) -> UUID:
    order = await _funding_wanted(stage)
    await stage.work_on_all()
    await stage.put(order, "terminated")
    return order


CARD_OPERATIONS = (
    CardOperation("card: creation", _ordered, is_main=True),
    CardOperation("card: creation nobody tells of", _ordered, hears=False),
    CardOperation("card: confirmation", _confirmed),
    CardOperation("card: adoption of an orphan", _orphaned, "webhook"),
    CardOperation("card: funding", _funding_wanted, "funding", is_main=True),
    CardOperation("card: confirmation of a funding", _funding_confirmed, "funding"),
    CardOperation("card: funding in doubt", _funding_in_doubt, "funding"),
    CardOperation("card: terminated during a funding", _funding_of_a_terminated_card, "funding"),
)
