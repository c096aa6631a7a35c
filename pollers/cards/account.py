"""An account at a provider of cards, as it wants to be asked: `CardAccount` wraps a `CardProvider` and is one.

What a turn is, and when nothing is sent, is `pollers.calls`'s, as with numbers. What somebody waits for at a screen
(making, funding, blocking, revealing) goes first. What is answered is noted nowhere: it may be a card's number.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from math import ceil

from pollers.calls import BURST_MIN, Calls, SpreadRest, Tell
from pollers.cards.contract import (
    Card,
    CardMade,
    CardOrder,
    CardProvider,
    CardTransaction,
    Details,
    Document,
    Funding,
    Person,
)
from pollers.limiter import Priority


class CardAccount(Calls[CardProvider]):
    """A provider's methods, each with its class of turns."""

    async def register(self, person: Person, documents: Sequence[Document]) -> str:
        """As the provider does."""
        return await self._spend("register", lambda: self._provider.register(person, documents))

    async def find_customer(self, email: str) -> str | None:
        """As the provider does."""
        return await self._ask("find_customer", lambda: self._provider.find_customer(email))

    async def create(self, order: CardOrder) -> CardMade:
        """As the provider does."""
        return await self._spend("create", lambda: self._provider.create(order))

    async def card(self, provider_card_id: str) -> Card:
        """As the provider does."""
        return await self._ask("card", lambda: self._provider.card(provider_card_id))

    async def reveal(self, provider_card_id: str) -> Details:
        """As the provider does."""
        return await self._ask("reveal", lambda: self._provider.reveal(provider_card_id), Priority.PURCHASE)

    async def fund(self, provider_card_id: str, usd: Decimal) -> Funding:
        """As the provider does."""
        return await self._spend("fund", lambda: self._provider.fund(provider_card_id, usd))

    async def transactions(self, provider_card_id: str) -> list[CardTransaction]:
        """As the provider does."""
        return await self._ask("transactions", lambda: self._provider.transactions(provider_card_id))

    async def block(self, provider_card_id: str) -> None:
        """As the provider does."""
        await self._ask("block", lambda: self._provider.block(provider_card_id), Priority.PURCHASE)

    async def unblock(self, provider_card_id: str) -> None:
        """As the provider does."""
        await self._ask("unblock", lambda: self._provider.unblock(provider_card_id), Priority.PURCHASE)

    async def balance(self) -> Decimal:
        """As the provider does."""
        return await self._ask("balance", self._provider.balance, Priority.LEISURE)


def wrap_cards(
    providers: Mapping[str, CardProvider],
    per_s: Callable[[str], float],
    tell: Tell | None = None,
    spread: SpreadRest | None = None,
) -> dict[str, CardAccount]:
    """Each provider as an account. per_s: requests by the provider's name; so many, or BURST_MIN, at once."""
    return {
        name: CardAccount(
            provider, name, per_s=per_s(name), burst=max(BURST_MIN, ceil(per_s(name))), tell=tell, spread=spread
        )
        for name, provider in providers.items()
    }
