"""An account at a provider, as the provider wants to be asked: `Account` wraps a `Provider` and is one itself.

Which turn each request takes is here; that it waits for it, and what is not sent at all, is `calls.py`. Invariant: what
the provider raises passes unchanged; what is held back raises at once, so that the caller can take another route.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from decimal import Decimal
from math import ceil

from pollers.call_log import Note
from pollers.calls import BURST_MIN, Calls, SpreadRest, Tell
from pollers.limiter import Priority
from pollers.providers.contract import (
    ActiveOrder,
    ActiveRental,
    CancelResult,
    CheckResult,
    Delivered,
    Extended,
    Price,
    Provider,
    Purchase,
    RentalCancelResult,
    RentalResult,
    Waiting,
)


class Account(Calls[Provider]):
    """A provider's methods, each with its class of turns."""

    async def buy(self, order_id: str, service: str, country: str, max_price: Decimal | None) -> Purchase:
        """As the provider does."""
        return await self._spend(
            "buy", lambda: self._provider.buy(order_id, service, country, max_price), (service, country)
        )

    async def check(self, provider_order_id: str) -> CheckResult:
        """As the provider does."""
        return await self._ask("check", lambda: self._provider.check(provider_order_id))

    async def check_many(self, provider_order_ids: Collection[str]) -> Mapping[str, Waiting | Delivered]:
        """As the provider does."""
        return await self._ask("check_many", lambda: self._provider.check_many(provider_order_ids), Priority.LIST)

    async def request_another_sms(self, provider_order_id: str) -> None:
        """As the provider does."""
        await self._ask(
            "request_another_sms", lambda: self._provider.request_another_sms(provider_order_id), Priority.PURCHASE
        )

    async def cancel(self, provider_order_id: str) -> CancelResult:
        """As the provider does."""
        return await self._ask("cancel", lambda: self._provider.cancel(provider_order_id), Priority.PURCHASE)

    async def finish(self, provider_order_id: str) -> None:
        """As the provider does."""
        await self._ask("finish", lambda: self._provider.finish(provider_order_id))

    async def active(self, since: datetime | None = None) -> list[ActiveOrder]:
        """As the provider does."""
        return await self._ask("active", lambda: self._provider.active(since), Priority.LIST)

    async def rent(self, order_id: str, service: str, country: str, hours: int, max_price: Decimal | None) -> Purchase:
        """As the provider does."""
        return await self._spend(
            "rent", lambda: self._provider.rent(order_id, service, country, hours, max_price), (service, country)
        )

    async def rental_cost(self, service: str, country: str, hours: int) -> Decimal | None:
        """As the provider does."""
        return await self._ask("rental_cost", lambda: self._provider.rental_cost(service, country, hours))

    async def rental_messages(self, provider_order_id: str) -> RentalResult:
        """As the provider does."""
        return await self._ask("rental_messages", lambda: self._provider.rental_messages(provider_order_id))

    async def extension_cost(self, provider_order_id: str, hours: int) -> Decimal | None:
        """As the provider does."""
        return await self._ask("extension_cost", lambda: self._provider.extension_cost(provider_order_id, hours))

    async def extend(self, provider_order_id: str, hours: int) -> Extended:
        """As the provider does."""
        return await self._spend("extend", lambda: self._provider.extend(provider_order_id, hours))

    async def cancel_rental(self, provider_order_id: str) -> RentalCancelResult:
        """As the provider does."""
        return await self._ask(
            "cancel_rental", lambda: self._provider.cancel_rental(provider_order_id), Priority.PURCHASE
        )

    async def finish_rental(self, provider_order_id: str) -> None:
        """As the provider does."""
        await self._ask("finish_rental", lambda: self._provider.finish_rental(provider_order_id))

    async def active_rentals(self) -> list[ActiveRental]:
        """As the provider does."""
        return await self._ask("active_rentals", self._provider.active_rentals, Priority.LIST)

    async def prices(self, service: str | None = None, country: str | None = None) -> list[Price]:
        """As the provider does."""
        return await self._ask("prices", lambda: self._provider.prices(service, country), Priority.LEISURE)

    async def balance(self) -> Decimal:
        """As the provider does."""
        return await self._ask("balance", self._provider.balance, Priority.LEISURE)


def wrap(
    providers: Mapping[str, Provider],
    per_s: Callable[[str], float],
    tell: Tell | None = None,
    spread: SpreadRest | None = None,
    note: Note | None = None,
) -> dict[str, Account]:
    """Each provider as an account. per_s: requests by the provider's name; so many, or BURST_MIN, at once."""
    return {
        name: Account(
            provider,
            name,
            per_s=per_s(name),
            burst=max(BURST_MIN, ceil(per_s(name))),
            tell=tell,
            spread=spread,
            note=note,
        )
        for name, provider in providers.items()
    }
