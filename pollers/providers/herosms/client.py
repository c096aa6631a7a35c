"""HeroSMS over HTTP: what it does otherwise than `sms_activate`.

    purchases   take no order id: a lost one is looked for in the list
    the list    comes in pages, and moves between them
    rents       take `duration`; SMS by getAllSms, extension by prolong; no list, no cancel, no end before the time
    limits      after too many requests nothing is answered for BLOCK_S

Invariant: as in `sms_activate/activations.py`; the list takes one request for each PAGE_ROWS orders, and is begun anew
at most READINGS_MAX times. Nothing else is tried twice.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from pollers.providers.contract import (
    ActiveOrder,
    ActiveRental,
    CheckResult,
    Delivered,
    NotOffered,
    Purchase,
    RentalCancelResult,
    RentalResult,
    Unavailable,
    UnknownAnswer,
    Waiting,
)
from pollers.providers.herosms.protocol import (
    PAGE_ROWS,
    ActivePage,
    ActivePages,
    ListMoved,
    parse_active_page,
    parse_all_sms,
    parse_prolonged,
)
from pollers.providers.sms_activate.activations import Activations
from pollers.providers.sms_activate.protocol import parse_purchase, results_among

READINGS_MAX = 3
PAGES_MAX = 400


class HeroSms(Activations):
    """One account at HeroSMS; fulfils `contract.Provider`."""

    BLOCK_S: ClassVar[float | None] = 10.0

    async def buy(self, order_id: str, service: str, country: str, max_price: Decimal | None) -> Purchase:
        """Buy by getNumberV2, which has no idempotency key: `order_id` goes nowhere."""
        params = {"service": service, "country": country, **_limit(max_price)}
        return parse_purchase(await self._api.spend("getNumberV2", params), self._zone)

    async def check(self, provider_order_id: str) -> CheckResult:
        """Look by getStatusV2; its form while nothing has come is not documented, so getStatus has the last word."""
        try:
            return await super().check(provider_order_id)
        except UnknownAnswer:
            return await self._look(provider_order_id)

    async def check_many(self, provider_order_ids: Collection[str]) -> Mapping[str, Waiting | Delivered]:
        """Look by getActiveActivations."""
        return results_among(await self.active(), provider_order_ids)

    async def active(self) -> list[ActiveOrder]:
        """List by getActiveActivations. Raises Unavailable if the list moves whenever it is read."""
        for _ in range(READINGS_MAX):
            try:
                return await self._read_active()
            except ListMoved:
                continue
        raise Unavailable(f"the list of active orders moved while it was read, {READINGS_MAX} times")

    async def rent(self, order_id: str, service: str, country: str, hours: int, max_price: Decimal | None) -> Purchase:
        """Rent by getRentNumber."""
        params = {"service": service, "country": country, "duration": str(hours), **_limit(max_price)}
        return parse_purchase(await self._api.spend("getRentNumber", params), self._zone)

    async def rental_messages(self, provider_order_id: str) -> RentalResult:
        """Read by getAllSms."""
        return parse_all_sms(await self._api.ask("getAllSms", {"id": provider_order_id}), self._zone)

    async def extend(self, provider_order_id: str, hours: int) -> datetime | None:
        """Extend by prolong."""
        params = {"id": provider_order_id, "duration": str(hours)}
        return parse_prolonged(await self._api.spend("prolong", params), self._zone)

    async def cancel_rental(self, provider_order_id: str) -> RentalCancelResult:
        """Raise NotOffered."""
        raise NotOffered("no cancel of a rental")

    async def finish_rental(self, provider_order_id: str) -> None:
        """Raise NotOffered: a rental ends at its time."""
        raise NotOffered("no end of a rental before its time")

    async def active_rentals(self) -> list[ActiveRental]:
        """Raise NotOffered: an order lost on the way is not found again by itself."""
        raise NotOffered("no list of rentals")

    async def _read_active(self) -> list[ActiveOrder]:
        pages = ActivePages()
        for _ in range(PAGES_MAX):
            pages.add(await self._page(pages.next_start or 0))
            if pages.next_start is None:
                return pages.orders
        raise UnknownAnswer(f"more than {PAGES_MAX} pages of active orders")

    async def _page(self, start: int) -> ActivePage:
        params = {"start": str(start), "limit": str(PAGE_ROWS)}
        return parse_active_page(await self._api.ask("getActiveActivations", params), self._zone)


def _limit(max_price: Decimal | None) -> dict[str, str]:
    return {} if max_price is None else {"maxPrice": f"{max_price:f}"}
