"""Users: each order is placed over HTTP, again with its key until there is an answer, and then cancelled, looked at,
extended and finished as it is to be, whether that fits its state or is refused."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import httpx

from bench.loss.system import token
from bench.soak.plan import EXTENSION, RENTAL, Order

REQUEST_S = 8.0
PAUSE_S = 0.3
GIVE_UP_S = 90.0
TOKEN_S = 3_600.0
AT_A_TIME = 40
CALLS_MAX = 3
"""What does not fit an order's state yet is asked for so often."""


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
        path, kind = ("/api/rentals", "rental") if order.is_rental else ("/api/activations", "order")
        wanted = RENTAL if order.is_rental else {"service": order.service, "country": order.country}
        placed = await self._post(order, path, wanted, headers)
        self.answers[f"{kind} {placed.status_code}"] += 1
        if placed.status_code >= 400:
            return
        path = f"{path}/{placed.json()['id']}"
        if order.cancel_s is not None:
            await asyncio.sleep(order.cancel_s)
            cancelled = await self._post(order, f"{path}/cancel", {}, {})
            self.answers[f"cancel {cancelled.status_code}"] += 1
        for call, pause_s in order.calls:
            body = EXTENSION if call == "extend" else {}
            for attempt in range(CALLS_MAX):
                await asyncio.sleep(pause_s)
                # A key is one attempt's: what was refused would be refused again under it.
                answer = await self._post(
                    order, f"{path}/{call}", body, {"Idempotency-Key": f"{call}-{number}-{attempt}"}
                )
                self.answers[f"{call} {answer.status_code}"] += 1
                if answer.status_code != 409:
                    break

    async def _post(
        self, order: Order, path: str, body: Mapping[str, Any], headers: Mapping[str, str]
    ) -> httpx.Response:
        sent = {**headers, "Authorization": f"Bearer {self._tokens[order.user]}"}
        # The place is kept until there is an answer: who waits for one waits for other users, not for the gateway.
        async with self._room, asyncio.timeout(GIVE_UP_S):
            while True:
                try:
                    response = await self._http.post(self._gateway + path, json=body, headers=sent, timeout=REQUEST_S)
                except (httpx.TransportError, AttributeError) as fault:
                    # A connection that is reset while it opens has no peer to name, and anyio stumbles over that.
                    if isinstance(fault, AttributeError) and fault.name != "getpeername":
                        raise
                    self.answers["no answer"] += 1
                else:
                    if response.status_code < 500:
                        return response
                    self.answers[f"tried again after {response.status_code}"] += 1
                await asyncio.sleep(PAUSE_S)
