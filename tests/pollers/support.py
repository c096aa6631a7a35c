"""What the tests of orders share: a real database, a real simulator over HTTP, and hands on the time of both.

`Rig.pass_time` moves all times of the orders into the past, which to database and worker is the same as waiting; the
simulator's own time bends by its settings. Nothing here stands in for anything: where a provider must be caught in the
middle, a subclass of the real client does something else before or after the real request.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import httpx

from pollers.activations import ActivationWorker
from pollers.providers.sms_activate import SmsActivate
from pollers.settings import PollerSettings
from pollers.simulator import SimulatorSettings
from tests.wallet_db.support import assert_books_balance, new_user, wallet
from wallet_db import orders
from wallet_db.connect import Pool, pool
from wallet_db.jobs import ActivationJob, claim_activations

LEASE = timedelta(seconds=60)
ROUNDS_MAX = 10
PATIENT = SimulatorSettings(port=0, sms_delay_s=1e6, early_cancel_s=0, lifetime_s=1e7, seed=1)
"""A simulator where nothing happens by itself."""


@dataclass(frozen=True)
class Rig:
    """A database, a simulator, and a worker between them."""

    db: Pool
    base_url: str
    http: httpx.AsyncClient
    worker: ActivationWorker

    def another_worker(
        self, client: type[SmsActivate] = SmsActivate, *, url: str = "", key: str = "demo", timeout_s: float = 15
    ) -> ActivationWorker:
        provider = client(url or self.base_url, key, self.http, timeout_s=timeout_s)
        return ActivationWorker(self.db, {"sms_activate": provider}, PollerSettings(demo=True), Random(1))

    async def order(self, service: str = "whatsapp", country: str = "indonesia", user: UUID | None = None) -> UUID:
        """Somebody with 36.00 (or this user) orders."""
        user = user or await new_user(self.db)
        created = await orders.create_activation(self.db, user, service, country, idempotency_key=None, max_price=None)
        return UUID(created["id"])

    async def number(self, service: str = "whatsapp", worker: ActivationWorker | None = None) -> UUID:
        """An order whose number is bought."""
        activation = await self.order(service)
        await self.work(worker)
        assert (await self.row(activation))["status"] == "pending"
        return activation

    async def claim(self, activation: UUID) -> ActivationJob:
        [job] = [job for job in await claim_activations(self.db, limit=50, lease=LEASE) if job.id == activation]
        return job

    async def work(self, worker: ActivationWorker | None = None) -> None:
        """Work on what is due until nothing is, which must not take long: else somebody asks without a pause."""
        for _ in range(ROUNDS_MAX):
            claimed = await claim_activations(self.db, limit=50, lease=LEASE)
            if not claimed:
                return
            await asyncio.gather(*((worker or self.worker).work(job) for job in claimed))
        raise AssertionError(f"expected orders to rest between looks, {len(claimed)} were due {ROUNDS_MAX} times")

    async def pass_time(self, seconds: float, *, only: UUID | None = None) -> None:
        """Let so much time pass for all orders, or for one."""
        names = (
            "created_at",
            "purchase_started_at",
            "purchased_at",
            "waits_until",
            "expires_at",
            "cancel_requested_at",
        )
        names += ("due_at",)
        await self.db.execute(
            f"update activations set {', '.join(f'{name} = {name} - $1::interval' for name in names)}"  # noqa: S608
            " where $2::uuid is null or id = $2",
            timedelta(seconds=seconds),
            only,
        )

    async def row(self, activation: UUID) -> Any:
        return await self.db.fetchrow("select * from activations where id = $1", activation)

    async def shown(self, activation: UUID) -> dict[str, Any]:
        """The order as its owner sees it."""
        stored = await self.row(activation)
        shown = await orders.read_activation(self.db, stored["user_id"], activation)
        assert shown is not None
        return shown

    async def end(self, activation: UUID) -> tuple[str, str | None, str, str]:
        """(status, error code, balance, frozen), after a look into the books."""
        await assert_books_balance(self.db)
        stored = await self.row(activation)
        balance, frozen, _ = await wallet(self.db, stored["user_id"])
        return stored["status"], stored["error_code"], balance, frozen

    async def request_cancel(self, activation: UUID) -> dict[str, Any]:
        return await orders.request_cancel(self.db, (await self.row(activation))["user_id"], activation)

    async def begin_purchase(self, activation: UUID) -> None:
        assert await self.db.fetchval("select begin_purchase($1, 'sms_activate')", activation)

    async def control(self, path: str, **body: object) -> Any:
        response = await self.http.post(f"{self.base_url}/sim/{path}", json=body)
        assert response.status_code == 200, response.text
        return response.json()

    async def fault(self, action: str, fault: str, count: int = 1, delay_s: float = 5) -> None:
        await self.control("faults", action=action, fault=fault, count=count, delay_s=delay_s)

    async def sms(self, activation: UUID, code: str = "424242") -> None:
        """An SMS arrives at the provider."""
        id_ = (await self.row(activation))["provider_order_id"]
        await self.control(f"activations/{id_}/sms", code=code, text=f"Your code is {code}")

    async def sold(self, activation: UUID | None = None) -> list[dict[str, Any]]:
        """What the provider has sold, or sold for this order of ours."""
        rows: list[dict[str, Any]] = (await self.http.get(f"{self.base_url}/sim/activations")).json()["activations"]
        return [row for row in rows if activation is None or row["order_id"] == str(activation)]

    async def upstream_state(self, activation: UUID) -> str:
        """How the provider sees the number this order has."""
        id_ = (await self.row(activation))["provider_order_id"]
        [state] = [str(row["state"]) for row in await self.sold() if str(row["id"]) == id_]
        return state

    async def asked(self, action: str) -> int:
        """How many requests of this action the provider has got."""
        log = (await self.http.get(f"{self.base_url}/sim/log")).json()["requests"]
        return sum(request["action"] == action for request in log)


Scenario = Callable[[Rig], Awaitable[None]]
Play = Callable[[Scenario], None]


def play_on(database_url: str, base_url: str, scenario: Scenario) -> None:
    """Run a scenario within a minute."""

    async def main() -> None:
        async with asyncio.timeout(60), pool(database_url, "test") as db, httpx.AsyncClient() as http:
            providers = {"sms_activate": SmsActivate(base_url, "demo", http)}
            worker = ActivationWorker(db, providers, PollerSettings(demo=True), Random(1))
            await scenario(Rig(db, base_url, http, worker))

    asyncio.run(main())


async def until(look: Callable[[], Awaitable[bool]], *, within_s: float = 10) -> None:
    """Wait until it is so: for what another process does, which tells nobody when it is done."""
    async with asyncio.timeout(within_s):
        while not await look():  # noqa: ASYNC110 - no event crosses a process
            await asyncio.sleep(0.02)


@asynccontextmanager
async def answering(body: str, *, status: str = "200 OK", header: str = "X-Nothing: 1") -> AsyncIterator[str]:
    """A provider that gives every request this one answer; yields its URL."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        content = body.encode()
        head = f"HTTP/1.1 {status}\r\n{header}\r\nConnection: close\r\nContent-Length: {len(content)}\r\n\r\n"
        writer.write(head.encode() + content)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
