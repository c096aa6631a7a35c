"""HeroSMS over HTTP: what it does otherwise than `sms_activate`.

    purchases   take no order id: a lost one is looked for in the list
    the list    comes in pages, and moves between them
    rents       take `duration`; SMS by getAllSms, extension by prolong; no list, no cancel, no end before the time
    limits      after too many requests nothing is answered for BLOCK_S

Invariant: as in `sms_activate/activations.py`; the list takes one request for each PAGE_ROWS orders, some more while
it moves, and PAGES_MAX at most. Nothing else is tried twice.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from pollers.providers.contract import (
    ActiveOrder,
    ActiveRental,
    Delivered,
    Extended,
    NotOffered,
    Purchase,
    RentalCancelResult,
    RentalResult,
    Unavailable,
    Waiting,
)
from pollers.providers.herosms.protocol import (
    PAGE_ROWS,
    ActivePage,
    ActivePages,
    parse_active_page,
    parse_all_sms,
    parse_prolonged,
)
from pollers.providers.sms_activate.activations import Activations
from pollers.providers.sms_activate.protocol import parse_purchase, results_among

PAGES_MAX = 400


class HeroSms(Activations):
    """One account at HeroSMS; fulfils `contract.Provider`."""

    BLOCK_S: ClassVar[float | None] = 10.0

    async def buy(self, order_id: str, service: str, country: str, max_price: Decimal | None) -> Purchase:
        """Buy by getNumberV2, which has no idempotency key: `order_id` goes nowhere."""
        params = {"service": service, "country": country, **_limit(max_price)}
        return parse_purchase(await self._api.spend("getNumberV2", params), self._zone)

    async def check_many(self, provider_order_ids: Collection[str]) -> Mapping[str, Waiting | Delivered]:
        """Look by getActiveActivations; an order on no page that was read is not in the answer."""
        return results_among((await self._read_active()).orders, provider_order_ids)

    async def active(self, since: datetime | None = None) -> list[ActiveOrder]:
        """List by getActiveActivations. Raises Unavailable if the list moves faster than it can be read."""
        pages = await self._read_active()
        if pages.next_start is not None:
            raise Unavailable(f"not all active orders seen on {PAGES_MAX} pages: too many, or they move too fast")
        return pages.orders

    async def rent(self, order_id: str, service: str, country: str, hours: int, max_price: Decimal | None) -> Purchase:
        """Rent by getRentNumber."""
        params = {"service": service, "country": country, "duration": str(hours), **_limit(max_price)}
        return parse_purchase(await self._api.spend("getRentNumber", params), self._zone)

    async def rental_cost(self, service: str, country: str, hours: int) -> Decimal | None:
        """Return None: it is told afterwards only."""
        return None

    async def rental_messages(self, provider_order_id: str) -> RentalResult:
        """Read by getAllSms."""
        return parse_all_sms(await self._api.ask("getAllSms", {"id": provider_order_id}), self._zone)

    async def extension_cost(self, provider_order_id: str, hours: int) -> Decimal | None:
        """Return None: it is told afterwards only."""
        return None

    async def extend(self, provider_order_id: str, hours: int) -> Extended:
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

    async def _read_active(self) -> ActivePages:
        pages = ActivePages()
        for _ in range(PAGES_MAX):
            if pages.next_start is None:
                break
            pages.add(await self._page(pages.next_start))
        return pages

    async def _page(self, start: int) -> ActivePage:
        params = {"start": str(start), "limit": str(PAGE_ROWS)}
        return parse_active_page(await self._api.ask("getActiveActivations", params), self._zone)


def _limit(max_price: Decimal | None) -> dict[str, str]:
    return {} if max_price is None else {"maxPrice": f"{max_price:f}"}
