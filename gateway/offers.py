"""What can be bought, for everybody who looks: read from the database once in a few seconds, however many they are.

The figures are sums over a day of tries: a reading takes the database 0.03 s, with 200,000 tries in the day 0.3 s. Who
asks while one is under way waits for it and shares it. It locks nothing that a purchase needs.
"""

import asyncio
import time
from collections.abc import Callable

import orjson

from wallet_db.connect import Pool
from wallet_db.orders import read_offers

KEPT_S = 10.0
SUCCESS_HOURS = 24
"""As `offers_json` counts."""
SUCCESS_TRIES_MIN = 20
"""Of fewer numbers a share says little: one failure more or less would be seen."""


class Offers:
    """The answer's bytes, kept for `kept_s`."""

    def __init__(self, pool: Pool, *, kept_s: float = KEPT_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._kept_s = kept_s
        self._clock = clock
        self._body = b""
        self._read_at: float | None = None
        self._reading = asyncio.Lock()

    async def read(self) -> bytes:
        """`{"offers": […], "success_hours", "success_tries_min"}` as JSON, at most `kept_s` old."""
        async with self._reading:
            if self._read_at is None or self._clock() - self._read_at >= self._kept_s:
                began = self._clock()
                offers = await read_offers(self._pool, SUCCESS_TRIES_MIN)
                self._body = orjson.dumps(
                    {"offers": offers, "success_hours": SUCCESS_HOURS, "success_tries_min": SUCCESS_TRIES_MIN}
                )
                self._read_at = began
            return self._body
