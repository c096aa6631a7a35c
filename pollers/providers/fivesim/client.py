"""A provider that speaks the 5sim protocol over HTTP: the thin shell around `protocol.py` and `lists.py`.

Invariant: one call, one request; one more look where an answer leaves a doubt, and a bounded number of pages for lists.
Nothing is tried twice here. 5sim takes no order id of ours, so a purchase whose answer was lost is found only by
`active`, as an order nobody knows.
"""

import asyncio
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from urllib.parse import quote

import httpx

from pollers.providers.answer import Answer
from pollers.providers.contract import (
    ActiveOrder,
    ActiveRental,
    AlreadyDelivered,
    AlreadyEnded,
    CancelResult,
    CheckResult,
    Delivered,
    Extended,
    NoNumbers,
    NotOffered,
    Price,
    PriceTooLow,
    ProviderError,
    Purchase,
    Refused,
    RentalCancelResult,
    RentalResult,
    UnknownAnswer,
    UnknownOrder,
    Waiting,
)
from pollers.providers.fivesim.lists import (
    ACTIVATION_SPAN,
    PAGE_ORDERS,
    PAGES_MAX,
    RENTAL_SPAN,
    SINCE_SPARE,
    OpenOrders,
    WantedOrders,
    pages_worth,
    parse_offer,
    parse_page,
    parse_prices,
)
from pollers.providers.fivesim.protocol import (
    Order,
    parse_balance,
    parse_cancel,
    parse_finish,
    parse_inbox,
    parse_order,
    parse_purchase,
    rental_product,
    rental_result,
)
from pollers.providers.wire import ANSWER_BYTES_MAX, LIST_BYTES_MAX, Wire

USER_AGENT = "OneSMS/1.0"
"""Our own, for 5sim turns the libraries' away."""


class FiveSim:
    """One account at 5sim; fulfils `contract.Provider`. Services are 5sim's products (`whatsapp`), countries its names.

    base_url: scheme and host, `https://5sim.net`; the path `/v1` is the protocol's. client: shared, closed by its
    owner. timeout_s: for a whole request, answer read.
    """

    def __init__(self, base_url: str, api_key: str, client: httpx.AsyncClient, *, timeout_s: float = 15.0) -> None:
        self._base_url = base_url.rstrip("/") + "/v1"
        self._headers = {
            "Accept": "application/json",
            "Authorization": f"Bearer {api_key}",
            "User-Agent": USER_AGENT,
        }
        self._wire = Wire(client, timeout_s=timeout_s, secret=api_key)

    async def buy(self, order_id: str, service: str, country: str, max_price: Decimal | None) -> Purchase:
        """Buy from any operator. order_id is not sent: 5sim takes none.

        Above the price offered 5sim says only that no number is free; a look at the prices then tells which it is.
        """
        try:
            return await self._buy("activation", country, service, max_price)
        except NoNumbers as sold_out:
            if max_price is not None and (minimum := await self._price_above(service, country, max_price)):
                raise PriceTooLow(sold_out.reason, raw=sold_out.raw, minimum=minimum) from None
            raise

    async def check(self, provider_order_id: str) -> CheckResult:
        """Look by user/check."""
        return (await self._order(provider_order_id)).looked_at()

    async def check_many(self, provider_order_ids: Collection[str]) -> Mapping[str, Waiting | Delivered]:
        """Look by user/orders, newest first, as far back as the oldest of these orders or `pages_worth` go."""
        wanted = WantedOrders(set(provider_order_ids))
        for _ in range(pages_worth(len(wanted.missing))):
            if not wanted.missing or not wanted.add(parse_page(await self._page("activation", wanted.offset))):
                break
        return wanted.found

    async def request_another_sms(self, provider_order_id: str) -> None:
        """Nothing is to be asked: an order takes SMS until it is finished. So only whether it still does is looked at.

        (5sim's `reuse` is another thing: a new purchase of a number that has ended.)
        """
        order = await self._order(provider_order_id)
        if not order.is_open or not order.messages:
            raise Refused(f"expected an open order with an SMS, it is {order.status} with {len(order.messages)}")

    async def cancel(self, provider_order_id: str) -> CancelResult:
        """Cancel by user/cancel. An order that ended before is "not found" to it, so it is looked up."""
        answer = await self._ask_harmlessly("user", "cancel", provider_order_id)
        try:
            return parse_cancel(answer)
        except UnknownOrder:
            match (await self._order(provider_order_id)).looked_at():
                case Delivered():
                    return AlreadyDelivered()
                case Waiting():
                    raise UnknownAnswer("cancel knows no such order, check shows it open", raw=answer.excerpt) from None
            return AlreadyEnded()

    async def finish(self, provider_order_id: str) -> None:
        """Finish by user/finish."""
        parse_finish(await self._ask_harmlessly("user", "finish", provider_order_id))

    async def active(self, since: datetime | None = None) -> list[ActiveOrder]:
        """List what is open among the activations of user/orders, back to SINCE_SPARE before `since`."""
        earliest = since - SINCE_SPARE if since else None
        return [order.as_active() for order in await self._open("activation", ACTIVATION_SPAN, earliest)]

    async def rent(self, order_id: str, service: str, country: str, hours: int, max_price: Decimal | None) -> Purchase:
        """Rent by user/buy/hosting for 3, 24, 240 or 720 hours. The number is for every service; order_id is not sent.

        Rentals know no maxPrice, so the price is looked up before; between the two requests it may change.
        """
        product = rental_product(hours)
        if max_price is not None:
            cost = await self.rental_cost(service, country, hours)
            if cost is not None and cost > max_price:
                raise PriceTooLow("the price of the list is higher", minimum=cost)
        return await self._buy("hosting", country, product, None)

    async def rental_cost(self, service: str, country: str, hours: int) -> Decimal | None:
        """Look it up by guest/products. Raises Refused: only some lengths are sold."""
        answer = await self._ask_harmlessly("guest", "products", country, "any")
        offer = parse_offer(answer, rental_product(hours), country)
        return offer.cost if offer is not None else None

    async def rental_messages(self, provider_order_id: str) -> RentalResult:
        """Read the inbox, after a look at the order, which says until when and whether it still runs.

        A rental that has ended still shows its SMS, so that none is lost: `Rented`, its end in the past.
        """
        order = await self._order(provider_order_id)
        inbox = parse_inbox(await self._ask_harmlessly("user", "sms", "inbox", provider_order_id))
        return rental_result(order, inbox)

    async def extension_cost(self, provider_order_id: str, hours: int) -> Decimal | None:
        """Not offered by 5sim."""
        raise NotOffered("5sim extends no rental")

    async def extend(self, provider_order_id: str, hours: int) -> Extended:
        """Not offered by 5sim."""
        raise NotOffered("5sim extends no rental")

    async def cancel_rental(self, provider_order_id: str) -> RentalCancelResult:
        """Not offered by 5sim, which answers a cancel of one with `hosting order`."""
        raise NotOffered("5sim takes no rental back")

    async def finish_rental(self, provider_order_id: str) -> None:
        """Not offered by 5sim: a rental ends with its time."""
        raise NotOffered("5sim ends no rental before its time")

    async def active_rentals(self) -> list[ActiveRental]:
        """List what is open among the rentals of user/orders. They are of no service."""
        rentals = await self._open("hosting", RENTAL_SPAN)
        return [ActiveRental(order.id, order.phone, None, order.country, order.expires_at) for order in rentals]

    async def prices(self, service: str | None = None, country: str | None = None) -> list[Price]:
        """List guest/prices. Without service and country that is about 9 MB: ask so seldom."""
        params = {"product": service, "country": country}
        answer = await self._ask_harmlessly(
            "guest",
            "prices",
            params={name: value for name, value in params.items() if value is not None},
            bytes_max=LIST_BYTES_MAX,
        )
        # Megabytes take their time to read, in which nobody else should wait.
        return await asyncio.to_thread(parse_prices, answer, service if country is None else None)

    async def balance(self) -> Decimal:
        """Tell the funds by user/profile."""
        return parse_balance(await self._ask_harmlessly("user", "profile"))

    async def _buy(self, category: str, country: str, product: str, max_price: Decimal | None) -> Purchase:
        params = {} if max_price is None else {"maxPrice": f"{max_price:f}"}
        url = self._url("user", "buy", category, country, "any", product)
        return parse_purchase(await self._wire.ask("GET", url, params=params, headers=self._headers))

    async def _price_above(self, service: str, country: str, max_price: Decimal) -> Decimal | None:
        try:
            prices = await self.prices(service, country)
        except ProviderError:
            return None
        return next((price.cost for price in prices if price.count and price.cost > max_price), None)

    async def _order(self, provider_order_id: str) -> Order:
        return parse_order(await self._ask_harmlessly("user", "check", provider_order_id))

    async def _open(self, category: str, span: timedelta, earliest: datetime | None = None) -> list[Order]:
        orders = OpenOrders(span, earliest)
        for _ in range(PAGES_MAX):
            try:
                if not orders.add(parse_page(await self._page(category, orders.offset))):
                    return list(orders.found.values())
            except ValueError as error:
                raise UnknownAnswer(str(error)) from None
        raise UnknownAnswer(f"expected at most {PAGES_MAX} pages of orders to read")

    async def _page(self, category: str, offset: int) -> Answer:
        params = {
            "category": category,
            "limit": str(PAGE_ORDERS),
            "offset": str(offset),
            "order": "id",
            "reverse": "true",
        }
        return await self._ask_harmlessly("user", "orders", params=params)

    async def _ask_harmlessly(
        self, *path: str, params: Mapping[str, str] | None = None, bytes_max: int = ANSWER_BYTES_MAX
    ) -> Answer:
        return await self._wire.ask_harmlessly(
            "GET", self._url(*path), params=params, headers=self._headers, bytes_max=bytes_max
        )

    def _url(self, *path: str) -> str:
        # A dot would step up in the path, to another request than the one meant.
        if any(not part.strip(".") for part in path):
            raise Refused(f"expected names in the path, got {'/'.join(path)!r}")
        return "/".join((self._base_url, *(quote(part, safe="") for part in path)))
