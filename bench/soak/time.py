"""The bending of time, until everything is over; and SMS that come too late.

Time bends on our side, by moving an order's times into the past: its expiry then comes before the provider's, as it is
meant to, and the provider's last word is asked for in the product's own way. An extension whose answer was lost shows
only when the old end has passed on both sides, so there a rental that was not extended is ended upstream.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta

import httpx
from asyncpg import DeadlockDetectedError

from bench.loss.database import Database
from bench.soak.plan import LATE, Plan
from wallet_db.connect import Connection

IN_FLIGHT_S = 17
"""A request to a provider ends within 15 s; what was begun longer ago gets no answer any more."""
NEAR_END = timedelta(minutes=5)
"""So near its end a rental that ends upstream has ended by its age."""
PAST_END = timedelta(minutes=-11)
"""So long after it one that runs on has been extended."""
DEADLOCKS_MAX = 10
RENTAL_TIMES = ("purchase_started_at", "purchased_at", "ends_at", "extension_requested_at", "extension_started_at")


async def deliver_late(plan: Plan, database: Database, simulator_url: str, http: httpx.AsyncClient) -> None:
    """SMS for some numbers that are over on both sides, while requests still go wrong."""
    chance = plan.chance("late")
    async with database.session() as session:
        ids = await session.fetch(
            "select provider_order_id from activations where closed_at is not null and status <> 'completed'"
            " and provider_order_id is not null order by id"
        )
    for (id_,) in ids:
        if chance.random() < LATE:
            response = await http.post(f"{simulator_url}/sim/activations/{id_}/sms", json={"late": True})
            if response.status_code != 409:  # it was given back without us knowing, and has had its SMS since
                response.raise_for_status()


class Time:
    """Of all orders, ours and theirs."""

    def __init__(self, database: Database, simulator_url: str, http: httpx.AsyncClient) -> None:
        self._database = database
        self._simulator_url = simulator_url
        self._http = http
        self._near_end_s: float | None = None

    async def bend(self) -> int:
        """Let purchases without an answer pass their window, and once none is left all numbers their lives.

        Returns how many orders are open still, or given back and not yet looked at again. It moves many rows at once
        and workers lock theirs in another order; who is chosen to give way there, for once us, just tries again.
        """
        for _ in range(DEADLOCKS_MAX):
            with suppress(DeadlockDetectedError):
                return await self._bend()
        return await self._bend()

    async def _bend(self) -> int:
        async with self._database.session() as session:
            await session.execute(
                "update activations set purchase_started_at = purchase_started_at - interval '31 seconds',"
                "   due_at = now()"
                " where status = 'ordering' and purchase_started_at < now() - make_interval(secs => $1)"
                "   and purchase_started_at > now() - interval '31 seconds'",
                IN_FLIGHT_S,
            )
            ordering: int = await session.fetchval(
                "select (select count(*) from activations where status = 'ordering')"
                "     + (select count(*) from rentals where status = 'ordering')"
            )
            if not ordering:
                await session.execute(
                    "update activations set expires_at = now() - interval '1 second', due_at = now()"
                    " where status in ('pending', 'received') and expires_at > now()"
                )
                await self._bend_rentals(session)
            left: int = await session.fetchval(
                "select (select count(*) from activations where closed_at is null)"
                "     + (select count(*) from rentals where closed_at is null)"
            )
            # Once more after the last end, each: then nothing that came late is left to be found.
            await session.execute("update late_looks set due_at = now(), until = now() where until > now()")
            return left or int(await session.fetchval("select count(*) from late_looks"))

    async def _bend_rentals(self, session: Connection) -> None:
        """First all near their end; when nothing is under way any more, past it."""
        now_s = asyncio.get_running_loop().time()
        moved = await self._move_rentals(session, NEAR_END, "ends_at > now() + interval '1 hour'")
        unsettled: int = await session.fetchval(
            "select count(*) from rentals where status = 'active' and (cancel_requested_at is not null"
            " or finish_requested_at is not null or extension_status = 'requested' and extension_started_at is null)"
        )
        if moved or unsettled or self._near_end_s is None:
            self._near_end_s = now_s
        if now_s - self._near_end_s < IN_FLIGHT_S:
            return
        in_doubt = await session.fetch(
            "select provider_order_id, hours from rentals where status = 'active' and extension_started_at is not null"
        )
        listed = (await self._http.get(f"{self._simulator_url}/sim/rentals", timeout=30)).raise_for_status().json()
        hours = {str(row["id"]): row["hours"] for row in listed["rentals"] if row["state"] == "active"}
        for row in in_doubt:
            if hours.get(row["provider_order_id"]) == row["hours"]:
                ended = await self._http.post(f"{self._simulator_url}/sim/rentals/{row['provider_order_id']}/end")
                ended.raise_for_status()
        await self._move_rentals(session, PAST_END, "ends_at > now()")

    async def _move_rentals(self, session: Connection, ends_in: timedelta, which: str) -> int:
        """Move the times of these active rentals so that they end then; how many it were."""
        times = ", ".join(f"{name} = {name} - (ends_at - (now() + $1::interval))" for name in RENTAL_TIMES)
        moved: str = await session.execute(
            f"update rentals set {times}, due_at = now() where status = 'active' and {which}",  # noqa: S608 - ours
            ends_in,
        )
        return int(moved.rpartition(" ")[2])
