"""A provider that speaks the SMS-Activate protocol over HTTP: the thin shell around `protocol.py`.

Invariant: one call, one request; `check`, `cancel` and `finish` add one more look where an answer leaves a doubt.
Nothing is tried twice here, and no request outlasts `timeout_s`. A purchase that never left this machine is
`Unavailable`, one that may have arrived is `OutcomeUnknown`.
The key travels in the query string, as the protocol wants it, and gets into no error, no log line and no other host.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, tzinfo
from decimal import Decimal

import httpx

from pollers.providers.contract import (
    ActiveOrder,
    AlreadyDelivered,
    AlreadyEnded,
    CancelResult,
    CheckResult,
    Delivered,
    Ended,
    OutcomeUnknown,
    Purchase,
    Refused,
    Unavailable,
    UnknownOrder,
    Waiting,
)
from pollers.providers.sms_activate.answer import Answer
from pollers.providers.sms_activate.protocol import (
    parse_active,
    parse_balance,
    parse_cancel,
    parse_finish,
    parse_purchase,
    parse_status,
)

ANSWER_BYTES_MAX = 1 << 20
ACTIVE_BYTES_MAX = 16 << 20  # about 400 bytes an order: room for 40,000 open ones
CONNECT_TIMEOUT_S_MAX = 5.0
RETRY_AFTER_S_MAX = 3_600

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)

# At INFO httpx writes the URL of every request, and this protocol puts the key there.
logging.getLogger("httpx").setLevel(logging.WARNING)


class SmsActivate:
    """One account at one provider of the SMS-Activate protocol; fulfils `contract.Provider`.

    base_url: scheme and host, `https://hero-sms.com`; the path `/stubs/handler_api.php` is the protocol's.
    client: shared, closed by its owner. timeout_s: for a whole request, answer read. zone: of the provider's
    times, which mostly name none.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        client: httpx.AsyncClient,
        *,
        timeout_s: float = 15.0,
        zone: tzinfo = UTC,
    ) -> None:
        self._url = httpx.URL(base_url.rstrip("/") + "/stubs/handler_api.php")
        self._api_key = api_key
        self._client = client
        self._timeout_s = timeout_s
        self._zone = zone
        self._status_action = "getStatusV2"

    async def buy(self, order_id: str, service: str, country: str, max_price: Decimal | None) -> Purchase:
        """Buy by getNumberV2, with `order_id` as the protocol's idempotency key."""
        params = {"service": service, "country": country, "orderId": order_id}
        if max_price is not None:
            params["maxPrice"] = f"{max_price:f}"
        answer = await self._ask("getNumberV2", params)
        return parse_purchase(answer, self._zone)

    async def check(self, provider_order_id: str) -> CheckResult:
        """Look by getStatusV2, which tells the text; after a BAD_ACTION by getStatus, which tells only the code."""
        answer = await self._ask_harmlessly(self._status_action, {"id": provider_order_id})
        try:
            return parse_status(answer, self._zone)
        except Refused as refused:
            if refused.reason != "BAD_ACTION" or self._status_action == "getStatus":
                raise
        self._status_action = "getStatus"
        return parse_status(await self._ask_harmlessly("getStatus", {"id": provider_order_id}), self._zone)

    async def cancel(self, provider_order_id: str) -> CancelResult:
        """Cancel by setStatus 8. BAD_STATUS does not say why, so the status is looked up."""
        answer = await self._ask_harmlessly("setStatus", {"id": provider_order_id, "status": "8"})
        try:
            return parse_cancel(answer)
        except Refused as refused:
            if refused.reason != "BAD_STATUS":
                raise
            match await self.check(provider_order_id):
                case Delivered():
                    return AlreadyDelivered()
                case Ended():
                    return AlreadyEnded()
                case Waiting():
                    raise

    async def finish(self, provider_order_id: str) -> None:
        """Finish by setStatus 6."""
        answer = await self._ask_harmlessly("setStatus", {"id": provider_order_id, "status": "6"})
        try:
            parse_finish(answer)
        except UnknownOrder:
            return  # providers forget what has ended, and the number is paid for either way
        except Refused as refused:
            if refused.reason != "BAD_STATUS" or await self.check(provider_order_id) != Ended():
                raise

    async def active(self) -> list[ActiveOrder]:
        """List by getActiveActivations."""
        return parse_active(await self._ask_harmlessly("getActiveActivations", {}, ACTIVE_BYTES_MAX), self._zone)

    async def balance(self) -> Decimal:
        """Tell the funds by getBalance."""
        return parse_balance(await self._ask_harmlessly("getBalance", {}))

    async def _ask_harmlessly(
        self, action: str, params: Mapping[str, str], bytes_max: int = ANSWER_BYTES_MAX
    ) -> Answer:
        """Make a request that may be repeated: a lost answer means only that the provider is unavailable."""
        try:
            return await self._ask(action, params, bytes_max)
        except OutcomeUnknown as lost:
            raise Unavailable(lost.reason) from None

    async def _ask(self, action: str, params: Mapping[str, str], bytes_max: int = ANSWER_BYTES_MAX) -> Answer:
        """Make one request. Raises Unavailable if surely not sent, OutcomeUnknown if no whole answer came back."""
        # Below timeout_s, so that a host that takes no connections is told apart from one that does not answer.
        connect_s = min(CONNECT_TIMEOUT_S_MAX, self._timeout_s / 3)
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._client.stream(
                    "GET",
                    self._url,
                    params={"api_key": self._api_key, "action": action, **params},
                    headers={"Accept-Encoding": "identity"},
                    timeout=httpx.Timeout(self._timeout_s, connect=connect_s, pool=connect_s),
                    follow_redirects=False,  # a redirect would carry the key to another host
                ) as response,
            ):
                body = await _read(response.aiter_bytes(), bytes_max)
        # `from None`: an httpx exception holds the request, and the request's URL the key.
        except _NEVER_SENT as error:
            raise Unavailable(type(error).__name__) from None
        except httpx.RequestError as error:
            raise OutcomeUnknown(type(error).__name__) from None
        except TimeoutError:
            raise OutcomeUnknown(f"no whole answer within {self._timeout_s:g} s") from None
        return Answer(
            http_status=response.status_code,
            text=body.decode("utf-8", "replace"),
            retry_after_s=_retry_after_s(response.headers.get("Retry-After", "")),
            secret=self._api_key,
        )


async def _read(chunks: AsyncIterator[bytes], bytes_max: int) -> bytes:
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > bytes_max:
            raise OutcomeUnknown(f"an answer of more than {bytes_max} bytes")
    return bytes(body)


def _retry_after_s(header: str) -> float | None:
    """Seconds only: providers do not send the header's other form, a date."""
    return float(min(int(header), RETRY_AFTER_S_MAX)) if header.isdecimal() and len(header) <= 9 else None
