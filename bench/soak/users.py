"""Users: each order is placed over HTTP, again with its key until there is an answer, and cancelled if it is to be."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import httpx

from bench.loss.system import token
from bench.soak.plan import Order

REQUEST_S = 8.0
PAUSE_S = 0.3
GIVE_UP_S = 90.0
TOKEN_S = 3_600.0
AT_A_TIME = 40


class Users:
    """All of them, as one HTTP client each gateway would see many of. answers: counts them by what was asked."""

    def __init__(self, gateway: str, key: str, ids: list[UUID], http: httpx.AsyncClient) -> None:
        self.answers: Counter[str] = Counter()
        self._gateway = gateway
        self._tokens = [token(key, user, TOKEN_S) for user in ids]
        self._http = http
        self._room = asyncio.Semaphore(AT_A_TIME)

    async def place(self, number: int, order: Order, began_s: float, clock: Callable[[], float]) -> None:
        """One order's life, as far as its user has a hand in it. Raises TimeoutError if the gateway stays away."""
        await asyncio.sleep(max(0.0, began_s + order.at_s - clock()))
        headers = {"Idempotency-Key": f"soak-{number}"}
        body = {"service": order.service, "country": order.country}
        placed = await self._post(order, "/api/activations", body, headers)
        self.answers[f"order {placed.status_code}"] += 1
        if order.cancel_s is None or placed.status_code >= 400:
            return
        await asyncio.sleep(order.cancel_s)
        cancelled = await self._post(order, f"/api/activations/{placed.json()['id']}/cancel", {}, {})
        self.answers[f"cancel {cancelled.status_code}"] += 1

    async def _post(
        self, order: Order, path: str, body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> httpx.Response:
        sent = {**headers, "Authorization": f"Bearer {self._tokens[order.user]}"}
        async with asyncio.timeout(GIVE_UP_S):
            while True:
                try:
                    async with self._room:
                        response = await self._http.post(
                            self._gateway + path, json=body, headers=sent, timeout=REQUEST_S
                        )
                except httpx.TransportError:
                    self.answers["no answer"] += 1
                else:
                    if response.status_code < 500:
                        return response
                    self.answers[f"tried again after {response.status_code}"] += 1
                await asyncio.sleep(PAUSE_S)
