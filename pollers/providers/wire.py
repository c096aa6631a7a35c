"""One request to a provider over HTTP: bounded in time and bytes, tried once, its failure told apart by what it means.

Invariant: `ask` returns a whole answer, or raises `Unavailable` if the request surely never left this machine, or
`OutcomeUnknown` if it may have arrived. Keys travel in the query string with some protocols, so an error holds neither
the request nor its address, and no redirect carries a key to another host. What an answer means is the adapter's.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping

import httpx

from pollers.providers.answer import Answer
from pollers.providers.contract import OutcomeUnknown, Unavailable

ANSWER_BYTES_MAX = 1 << 20
LIST_BYTES_MAX = 16 << 20
"""Of a list of orders: about 400 bytes each, so room for 40,000; or of prices."""
CONNECT_TIMEOUT_S_MAX = 5.0
RETRY_AFTER_S_MAX = 3_600

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)

# At INFO httpx writes the URL of every request, and some protocols put the key there.
logging.getLogger("httpx").setLevel(logging.WARNING)


class Wire:
    """Requests of one account. client: shared, closed by its owner. timeout_s: for a whole request, answer read.

    secret: what an echo must not carry into an error.
    """

    def __init__(self, client: httpx.AsyncClient, *, timeout_s: float, secret: str) -> None:
        self._client = client
        self._timeout_s = timeout_s
        self._secret = secret

    async def ask(
        self,
        method: str,
        url: httpx.URL | str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        bytes_max: int = ANSWER_BYTES_MAX,
    ) -> Answer:
        """Make a request whose repetition might do harm. content: its body. Raises Unavailable, OutcomeUnknown."""
        # Below timeout_s, so that a host that takes no connections is told apart from one that does not answer.
        connect_s = min(CONNECT_TIMEOUT_S_MAX, self._timeout_s / 3)
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._client.stream(
                    method,
                    url,
                    params=params,
                    headers={"Accept-Encoding": "identity", **(headers or {})},
                    content=content,
                    timeout=httpx.Timeout(self._timeout_s, connect=connect_s, pool=connect_s),
                    follow_redirects=False,
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
            secret=self._secret,
        )

    async def ask_harmlessly(
        self,
        method: str,
        url: httpx.URL | str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        bytes_max: int = ANSWER_BYTES_MAX,
    ) -> Answer:
        """Make a request that may be repeated: a lost answer means only that the provider is unavailable."""
        try:
            return await self.ask(method, url, params=params, headers=headers, content=content, bytes_max=bytes_max)
        except OutcomeUnknown as lost:
            raise Unavailable(lost.reason) from None


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
