"""The protocol's one URL, with the key in the query string as it wants it: an action and its parameters in, an `Answer`
out. What an answer means is for the parsers."""

from collections.abc import Mapping
from dataclasses import replace

import httpx

from pollers.providers.answer import Answer
from pollers.providers.wire import ANSWER_BYTES_MAX, Wire


class HandlerApi:
    """One account at `/stubs/handler_api.php`. Concurrent use is safe, nothing is tried twice.

    base_url: what stands before that path. block_s: how long a rate limit lasts, if the answer does not say; None if
    the provider has told nobody.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        client: httpx.AsyncClient,
        *,
        timeout_s: float,
        block_s: float | None = None,
    ) -> None:
        self._url = httpx.URL(base_url.rstrip("/") + "/stubs/handler_api.php")
        self._api_key = api_key
        self._wire = Wire(client, timeout_s=timeout_s, secret=api_key)
        self._block_s = block_s

    async def spend(self, action: str, params: Mapping[str, str]) -> Answer:
        """Make a request that costs money. Raises Unavailable (surely not executed), OutcomeUnknown."""
        return self._blocked(await self._wire.ask("GET", self._url, params=self._params(action, params)))

    async def ask(
        self, action: str, params: Mapping[str, str] | None = None, *, bytes_max: int = ANSWER_BYTES_MAX
    ) -> Answer:
        """Make a request that may be repeated. Raises Unavailable."""
        answer = await self._wire.ask_harmlessly(
            "GET", self._url, params=self._params(action, params or {}), bytes_max=bytes_max
        )
        return self._blocked(answer)

    def _blocked(self, answer: Answer) -> Answer:
        if answer.http_status == 429 and answer.retry_after_s is None:
            return replace(answer, retry_after_s=self._block_s)
        return answer

    def _params(self, action: str, params: Mapping[str, str]) -> Mapping[str, str]:
        return {"api_key": self._api_key, "action": action, **params}
