"""What the tests of rentals share: a database, a simulator, a worker between them, and hands on the time of both.

`RentalRig.pass_time` moves all times of the rentals into the past and the simulator's clock forward.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from pollers.providers.contract import Provider
from pollers.providers.fivesim import FiveSim
from pollers.providers.herosms import HeroSms
from pollers.providers.sms_activate import SmsActivate
from pollers.rentals import RentalWorker
from pollers.settings import PollerSettings
from tests.wallet_db.support import new_user, wallet
from wallet_db.connect import Pool, pool
from wallet_db.rental_jobs import RentalJob, claim_rentals
from wallet_db.rentals import create_rental, request_extension, request_rental_cancel, request_rental_finish

HOURS = 24
LEASE = timedelta(seconds=60)
ROUNDS_MAX = 10
TIMES = (
    "created_at", "purchase_started_at", "purchased_at", "ends_at", "cancel_requested_at", "cancel_allowed_at",
    "finish_requested_at", "extension_requested_at", "extension_started_at", "closed_at", "due_at",
)  # fmt: skip


@dataclass(frozen=True)
class RentalRig:
    """A database, a simulator, and a worker between them. A rental costs 0.25 an hour, its user has 36.00."""

    db: Pool
    base_url: str
    http: httpx.AsyncClient
    worker: RentalWorker

    def provider(self, name: str, *, timeout_s: float = 15) -> Provider:
        if name == "herosms":
            return HeroSms(f"{self.base_url}/hero", "demo", self.http, timeout_s=timeout_s)
        if name == "fivesim":
            return FiveSim(self.base_url, "demo", self.http, timeout_s=timeout_s)
        return SmsActivate(self.base_url, "demo", self.http, timeout_s=timeout_s)

    def another_worker(
        self, *names: str, timeout_s: float = 15, providers: Mapping[str, Provider] | None = None
    ) -> RentalWorker:
        """With accounts at these providers, sms_activate's if none is named."""
        made = {name: self.provider(name, timeout_s=timeout_s) for name in names or ("sms_activate",)}
        return RentalWorker(self.db, providers or made, PollerSettings(demo=True))

    async def order(self, service: str = "whatsapp", hours: int = HOURS) -> UUID:
        user = await new_user(self.db)
        made = await create_rental(self.db, user, service, "indonesia", hours, idempotency_key=None, max_price=None)
        return UUID(made["id"])

    async def number(self, worker: RentalWorker | None = None) -> UUID:
        """A rental that runs."""
        rental = await self.order()
        await self.work(worker)
        assert (await self.row(rental))["status"] == "active"
        return rental

    async def extend(self, rental: UUID, hours: int = 4) -> None:
        user = (await self.row(rental))["user_id"]
        await request_extension(self.db, user, rental, hours, idempotency_key=None)

    async def request_cancel(self, rental: UUID) -> None:
        await request_rental_cancel(self.db, (await self.row(rental))["user_id"], rental)

    async def request_finish(self, rental: UUID) -> None:
        await request_rental_finish(self.db, (await self.row(rental))["user_id"], rental)

    async def claim(self, rental: UUID) -> RentalJob:
        [job] = [job for job in await claim_rentals(self.db, limit=50, lease=LEASE) if job.id == rental]
        return job

    async def work(self, worker: RentalWorker | None = None) -> None:
        """Work on what is due until nothing is, which must not take long: else somebody asks without a pause."""
        for _ in range(ROUNDS_MAX):
            claimed = await claim_rentals(self.db, limit=50, lease=LEASE)
            if not claimed:
                return
            await asyncio.gather(*((worker or self.worker).work(job) for job in claimed))
        raise AssertionError(f"expected rentals to rest between looks, {len(claimed)} were due {ROUNDS_MAX} times")

    async def pass_time(
        self, *, hours: float = 0, seconds: float = 0, upstream: bool = True, only: UUID | None = None
    ) -> None:
        """Let so much time pass, for all rentals or for one; at the provider as well, unless `upstream` is false."""
        passed = timedelta(hours=hours, seconds=seconds)
        moved = ", ".join(f"{name} = {name} - $1::interval" for name in TIMES)
        await self.db.execute(
            f"update rentals set {moved} where $2::uuid is null or id = $2",  # noqa: S608
            passed,
            only,
        )
        if upstream:
            await self.control("time", forward_s=passed.total_seconds())

    async def row(self, rental: UUID) -> Any:
        return await self.db.fetchrow("select * from rentals where id = $1", rental)

    async def end(self, rental: UUID) -> tuple[str, str | None, str, str]:
        """(status, error code, balance, frozen), after a look whether the wallet is well."""
        assert await self.db.fetch("select * from v_frozen_balance_health where status <> 'OK'") == []
        stored = await self.row(rental)
        balance, frozen, _ = await wallet(self.db, stored["user_id"])
        return stored["status"], stored["error_code"], balance, frozen

    async def control(self, path: str, **body: object) -> Any:
        response = await self.http.post(f"{self.base_url}/sim/{path}", json=body)
        assert response.status_code == 200, response.text
        return response.json()

    async def fault(self, action: str, fault: str, count: int = 1, delay_s: float = 5) -> None:
        await self.control("faults", action=action, fault=fault, count=count, delay_s=delay_s)

    async def sms(self, rental: UUID, text: str) -> None:
        """An SMS arrives at the provider."""
        await self.control(f"rentals/{(await self.row(rental))['provider_order_id']}/sms", text=text)

    async def texts(self, rental: UUID) -> list[str]:
        rows = await self.db.fetch("select text from sms_messages where rental_id = $1 order by id", rental)
        return [text for (text,) in rows]

    async def upstream(self) -> list[dict[str, Any]]:
        """What the provider has rented out."""
        rows: list[dict[str, Any]] = (await self.http.get(f"{self.base_url}/sim/rentals")).json()["rentals"]
        return rows

    async def upstream_state(self, rental: UUID) -> tuple[str, int]:
        """(state, hours) of the number this rental has."""
        id_ = (await self.row(rental))["provider_order_id"]
        [row] = [row for row in await self.upstream() if str(row["id"]) == id_]
        return str(row["state"]), int(row["hours"])


RentalScenario = Callable[[RentalRig], Awaitable[None]]
RentalPlay = Callable[[RentalScenario], None]


def play_on(database_url: str, base_url: str, scenario: RentalScenario) -> None:
    """Run a scenario within a minute."""

    async def main() -> None:
        async with asyncio.timeout(60), pool(database_url, "test") as db, httpx.AsyncClient() as http:
            await db.execute("update services set rental_price_hour = 0.25")
            worker = RentalWorker(db, {"sms_activate": SmsActivate(base_url, "demo", http)}, PollerSettings(demo=True))
            await scenario(RentalRig(db, base_url, http, worker))

    asyncio.run(main())
