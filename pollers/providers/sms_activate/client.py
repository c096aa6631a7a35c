"""SMS-Activate's classic dialect over HTTP, which many providers speak: the thin shell around `protocol.py` and
`rent_protocol.py`.

Invariant: one call, one request, and more only to read on (the pages of a rental's SMS) or to look before or after.
Nothing is tried twice.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal

from pollers.providers.contract import (
    ActiveOrder,
    ActiveRental,
    Delivered,
    Ended,
    Extended,
    NoNumbers,
    PriceTooLow,
    Purchase,
    RentalCancelResult,
    RentalResult,
    Rented,
    UnknownAnswer,
    UnknownOrder,
    Waiting,
)
from pollers.providers.sms_activate.activations import Activations
from pollers.providers.sms_activate.protocol import parse_active, parse_purchase, results_among
from pollers.providers.sms_activate.rent_protocol import (
    RentedMessages,
    parse_extended,
    parse_extension_cost,
    parse_offer,
    parse_rent_cancel,
    parse_rent_finish,
    parse_rent_page,
    parse_rented,
    parse_rents,
)
from pollers.providers.wire import LIST_BYTES_MAX

RENT_PAGE_SIZE = 100
RENT_PAGES_MAX = 100


class SmsActivate(Activations):
    """One account at one provider of the classic dialect; fulfils `contract.Provider`."""

    async def buy(self, order_id: str, service: str, country: str, max_price: Decimal | None) -> Purchase:
        """Buy by getNumberV2, with `order_id` as the protocol's idempotency key."""
        params = {"service": service, "country": country, "orderId": order_id}
        if max_price is not None:
            params["maxPrice"] = f"{max_price:f}"
        return parse_purchase(await self._api.spend("getNumberV2", params), self._zone)

    async def check_many(self, provider_order_ids: Collection[str]) -> Mapping[str, Waiting | Delivered]:
        """Look by getActiveActivations: one request, however many orders."""
        return results_among(await self.active(), provider_order_ids)

    async def active(self, since: datetime | None = None) -> list[ActiveOrder]:
        """List by getActiveActivations."""
        return parse_active(await self._api.ask("getActiveActivations", bytes_max=LIST_BYTES_MAX), self._zone)

    async def rent(self, order_id: str, service: str, country: str, hours: int, max_price: Decimal | None) -> Purchase:
        """Rent by getRentNumber, which takes neither an order id nor a limit on the price.

        So a limit is compared with the price that getRentServicesAndCountries tells just before, and with that only.
        """
        params = {"service": service, "country": country, "rent_time": str(hours)}
        cost = None
        if max_price is not None:
            cost = await self.rental_cost(service, country, hours)
            if cost is None:
                raise NoNumbers("not among the services for rent")
            if cost > max_price:
                raise PriceTooLow("the rent costs more", minimum=cost)
        return parse_rented(await self._api.spend("getRentNumber", params), self._zone, cost)

    async def rental_cost(self, service: str, country: str, hours: int) -> Decimal | None:
        """Look it up by getRentServicesAndCountries."""
        wanted = {"rent_time": str(hours), "country": country}
        answer = await self._api.ask("getRentServicesAndCountries", wanted, bytes_max=LIST_BYTES_MAX)
        return parse_offer(answer, service)

    async def rental_messages(self, provider_order_id: str) -> RentalResult:
        """Read by getRentStatus, page after page."""
        messages = RentedMessages()
        for page in range(RENT_PAGES_MAX):
            params = {"id": provider_order_id, "page": str(page), "size": str(RENT_PAGE_SIZE)}
            read = parse_rent_page(await self._api.ask("getRentStatus", params), self._zone)
            if isinstance(read, Ended):
                return read
            if messages.add(read):
                return Rented(messages.oldest_first())
        raise UnknownAnswer(f"more than {RENT_PAGES_MAX} pages of SMS")

    async def extension_cost(self, provider_order_id: str, hours: int) -> Decimal | None:
        """Ask by getContinueRentPriceNumber, which not every dialect knows."""
        params = {"id": provider_order_id, "rent_time": str(hours)}
        return parse_extension_cost(await self._api.ask("getContinueRentPriceNumber", params))

    async def extend(self, provider_order_id: str, hours: int) -> Extended:
        """Extend by continueRentNumber, whose answer tells no cost."""
        params = {"id": provider_order_id, "rent_time": str(hours)}
        return Extended(parse_extended(await self._api.spend("continueRentNumber", params), self._zone))

    async def cancel_rental(self, provider_order_id: str) -> RentalCancelResult:
        """Return by setRentStatus 2."""
        return parse_rent_cancel(await self._api.ask("setRentStatus", {"id": provider_order_id, "status": "2"}))

    async def finish_rental(self, provider_order_id: str) -> None:
        """End by setRentStatus 1."""
        try:
            parse_rent_finish(await self._api.ask("setRentStatus", {"id": provider_order_id, "status": "1"}))
        except UnknownOrder:
            return  # forgotten, and paid for either way

    async def active_rentals(self) -> list[ActiveRental]:
        """List by getRentList, which tells id and phone only."""
        return parse_rents(await self._api.ask("getRentList", bytes_max=LIST_BYTES_MAX))
