"""What all dialects of the SMS-Activate protocol have in common about numbers for one SMS: the thin shell around
`protocol.py` and `price_list.py`.

Invariant: one call, one request; where an answer leaves a doubt, one more look by getStatus, whose words tell a number
that waits for another SMS (its code is shown still) from one that has had none. Nothing is tried twice.
Buying, listing and renting differ by provider: they are `SmsActivate`'s and `HeroSms`'s own.
"""

import asyncio
from datetime import UTC, tzinfo
from decimal import Decimal
from typing import ClassVar

import httpx

from pollers.providers.contract import (
    AlreadyDelivered,
    AlreadyEnded,
    CancelResult,
    CheckResult,
    Delivered,
    Ended,
    Price,
    Refused,
    UnknownAnswer,
    UnknownOrder,
    Waiting,
)
from pollers.providers.sms_activate.handler_api import HandlerApi
from pollers.providers.sms_activate.price_list import parse_prices
from pollers.providers.sms_activate.protocol import (
    is_waiting_for_another,
    parse_another,
    parse_balance,
    parse_cancel,
    parse_finish,
    parse_status,
    tells_earlier_code,
    tells_nothing,
)
from pollers.providers.wire import LIST_BYTES_MAX

IN_DOUBT = frozenset({"BAD_STATUS", "FREE_CANCELLATION_EXPIRED"})
"""Refusals that do not say in which state the order is."""


class Activations:
    """One account at one provider of the protocol.

    base_url: scheme and host, `https://hero-sms.com`; the path `/stubs/handler_api.php` is the protocol's.
    client: shared, closed by its owner. timeout_s: for a whole request, answer read. zone: of the provider's
    times, which mostly name none.
    """

    BLOCK_S: ClassVar[float | None] = None
    """How long nothing is answered after too many requests; None if the provider has told nobody."""
    V2_AGAIN_S: ClassVar[float] = 600.0
    """How long getStatusV2 is left alone where it was called unknown: that may have been a fault of the moment."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        client: httpx.AsyncClient,
        *,
        timeout_s: float = 15.0,
        zone: tzinfo = UTC,
    ) -> None:
        self._api = HandlerApi(base_url, api_key, client, timeout_s=timeout_s, block_s=self.BLOCK_S)
        self._zone = zone
        self._v2_again_at_s = 0.0

    async def check(self, provider_order_id: str) -> CheckResult:
        """Look by getStatusV2, which tells the text; where it is not known by getStatus, which tells only the code.

        The form of getStatusV2 while nothing has come is not documented everywhere: getStatus has the last word then.
        """
        now_s = asyncio.get_running_loop().time()
        if now_s >= self._v2_again_at_s:
            answer = await self._api.ask("getStatusV2", {"id": provider_order_id})
            try:
                return parse_status(answer, self._zone)
            except Refused as refused:
                if refused.reason != "BAD_ACTION":
                    raise
                self._v2_again_at_s = now_s + self.V2_AGAIN_S
            except UnknownAnswer:
                if not tells_nothing(answer):
                    raise
        return await self._look(provider_order_id)

    async def request_another_sms(self, provider_order_id: str) -> None:
        """Ask by setStatus 3."""
        answer = await self._api.ask("setStatus", {"id": provider_order_id, "status": "3"})
        try:
            parse_another(answer)
        except Refused as refused:
            if refused.reason not in IN_DOUBT:
                raise
            if not is_waiting_for_another(await self._api.ask("getStatus", {"id": provider_order_id})):
                raise

    async def cancel(self, provider_order_id: str) -> CancelResult:
        """Cancel by setStatus 8."""
        answer = await self._api.ask("setStatus", {"id": provider_order_id, "status": "8"})
        try:
            return parse_cancel(answer)
        except Refused as refused:
            if refused.reason not in IN_DOUBT:
                raise
            answer = await self._api.ask("getStatus", {"id": provider_order_id})
            match parse_status(answer, self._zone):
                case Delivered():
                    return AlreadyDelivered()
                case Waiting() if tells_earlier_code(answer):
                    return AlreadyDelivered()
                case Ended():
                    return AlreadyEnded()
                case Waiting():
                    raise

    async def finish(self, provider_order_id: str) -> None:
        """Finish by setStatus 6."""
        answer = await self._api.ask("setStatus", {"id": provider_order_id, "status": "6"})
        try:
            parse_finish(answer)
        except UnknownOrder:
            return  # providers forget what has ended, and the number is paid for either way
        except Refused as refused:
            if refused.reason not in IN_DOUBT or await self._look(provider_order_id) != Ended():
                raise

    async def prices(self, service: str | None = None, country: str | None = None) -> list[Price]:
        """List by getPrices."""
        wanted = {"service": service, "country": country}
        params = {name: value for name, value in wanted.items() if value is not None}
        return parse_prices(await self._api.ask("getPrices", params, bytes_max=LIST_BYTES_MAX))

    async def balance(self) -> Decimal:
        """Tell the funds by getBalance."""
        return parse_balance(await self._api.ask("getBalance"))

    async def _look(self, provider_order_id: str) -> CheckResult:
        return parse_status(await self._api.ask("getStatus", {"id": provider_order_id}), self._zone)
