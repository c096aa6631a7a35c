"""Carrying a fault out: each kind is a method of the same name on `Breaker`, and undoes by itself what it lays still.

Nothing is hit but what the checker has started: its processes, its server's sessions, its proxies' connections, its own
clients. The machine's clock is left alone: what a jump of it can do here, a token that is suddenly over, is done with
tokens.
"""

import asyncio
import contextlib
import os
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Any
from uuid import UUID

from bench.loss.client import Client
from bench.loss.database import Database
from bench.loss.plan import Plan
from bench.loss.processes import leader
from bench.loss.proxy import Link
from bench.loss.schedule import Fault
from bench.loss.system import System
from bench.loss.writers import flood
from notifier.bus.postgres import CHANNEL
from notifier.retry import DATABASE_FAULTS
from wallet_db.connect import Connection

FLOOD_EVENTS = 1_500
DEAF_S = 0.05
FAULT_S = 8.0
"""No fault takes longer than this and its own time."""
DELAY_S = (0.0, 1.0)
"""How late the bus brings something for the second time."""


class Breaker:
    """Knows what there is to break."""

    def __init__(self, plan: Plan, database: Database, system: System, done: Counter[str]) -> None:
        """`done` counts the faults of each kind that were carried out."""
        self.last = ""
        self._plan = plan
        self._database = database
        self._system = system
        self._done = done
        self._begun: list[asyncio.Task[None]] = []

    def begin(self, fault: Fault) -> None:
        """Carry it out beside the others that last."""
        self._begun.append(asyncio.create_task(self._carry_out(fault)))

    async def settle(self) -> None:
        """Return when all that was broken has been put right."""
        await asyncio.gather(*self._begun)

    async def _carry_out(self, fault: Fault) -> None:
        chance = self._plan.chance(f"fault/{fault.number}")
        act: Callable[[Fault, Random], Any] = getattr(self, f"_{fault.kind}")
        try:
            async with asyncio.timeout(fault.lasts_s + FAULT_S):
                await act(fault, chance)
        except DATABASE_FAULTS:
            return  # another fault was faster: this one had nothing to hit
        self._done[fault.kind] += 1
        self.last = fault.kind

    # processes

    async def _gateway(self, fault: Fault, chance: Random) -> None:
        chance.choice(self._system.gateways).signal(signal.SIGKILL)

    async def _leave(self, fault: Fault, chance: Random) -> None:
        chance.choice(self._system.gateways).signal(signal.SIGTERM)

    async def _follower(self, fault: Fault, chance: Random) -> None:
        leader(self._system.followers).signal(signal.SIGKILL)

    async def _pause(self, fault: Fault, chance: Random) -> None:
        process = chance.choice((chance.choice(self._system.gateways), leader(self._system.followers)))
        process.signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(fault.lasts_s)
        finally:
            process.signal(signal.SIGCONT)

    # the database and the bus

    async def _backend(self, fault: Fault, chance: Random) -> None:
        async with self._database.session() as session:
            pids = await session.fetch(
                "select pid from pg_stat_activity where application_name like 'onesms-%' and pid <> pg_backend_pid()"
                " order by application_name, pid"
            )
            if pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(chance.choice(pids)["pid"], signal.SIGKILL)
        await self._database.up()

    async def _postgres(self, fault: Fault, chance: Random) -> None:
        await self._database.restart_immediately()

    async def _deaf(self, fault: Fault, chance: Random) -> None:
        async with self._database.session() as session:
            until = asyncio.get_running_loop().time() + fault.lasts_s
            while asyncio.get_running_loop().time() < until:
                # Not the publisher's: it would publish again what it could not, when all can hear it.
                await session.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where application_name = 'onesms-bus-listen'"
                )
                await asyncio.sleep(DEAF_S)

    async def _double(self, fault: Fault, chance: Random) -> None:
        async with self._database.session() as hearing, self._database.session() as saying:
            heard: list[str] = []
            ours = await saying.fetchval("select pg_backend_pid()")

            def hear(_connection: Any, pid: int, _channel: str, text: object) -> None:
                if pid != ours:
                    heard.append(str(text))

            await hearing.add_listener(CHANNEL, hear)
            until = asyncio.get_running_loop().time() + fault.lasts_s
            while asyncio.get_running_loop().time() < until:
                await asyncio.sleep(chance.uniform(*DELAY_S) / 4)
                chance.shuffle(heard)
                again, heard[:] = heard[:], []
                await _notify(saying, again)

    async def _epoch(self, fault: Fault, chance: Random) -> None:
        async with self._database.session() as session:
            await session.execute("select new_epoch()")

    # connections and clients

    async def _cut(self, fault: Fault, chance: Random) -> None:
        for link in self._some_links(fault, chance):
            link.cut()

    async def _stall(self, fault: Fault, chance: Random) -> None:
        links = self._some_links(fault, chance)
        for link in links:
            link.stall(True)
        try:
            await asyncio.sleep(fault.lasts_s)
        finally:
            for link in links:
                link.stall(False)

    async def _halfopen(self, fault: Fault, chance: Random) -> None:
        for link in self._some_links(fault, chance):
            link.half_open(chance.choice((link.client, link.gateway)))

    async def _roam(self, fault: Fault, chance: Random) -> None:
        for _, client in self._some_clients(fault, chance):
            client.leave()

    async def _slow(self, fault: Fault, chance: Random) -> None:
        user, _ = chance.choice(self._system.clients)
        clients = [client for owner, client in self._system.clients if owner == user]
        for client in clients:
            client.read(False)
        try:
            async with self._database.session() as session:
                await flood(session, user, f"flood-{fault.number}-", FLOOD_EVENTS)
            await asyncio.sleep(fault.lasts_s)
        finally:
            for client in clients:
                client.read(True)

    async def _clock(self, fault: Fault, chance: Random) -> None:
        for _, client in self._some_clients(fault, chance):
            client.jump_clock(chance.choice((-60.0, 2.0)))

    def _some_links(self, fault: Fault, chance: Random) -> list[Link]:
        links = [link for proxy in self._system.proxies for link in proxy.links]
        return chance.sample(links, max(1, int(len(links) * fault.share))) if links else []

    def _some_clients(self, fault: Fault, chance: Random) -> list[tuple[UUID, Client]]:
        return chance.sample(self._system.clients, max(1, int(len(self._system.clients) * fault.share)))


async def _notify(session: Connection, batches: Sequence[str]) -> None:
    await session.execute("select pg_notify($1, batch) from unnest($2::text[]) as batch", CHANNEL, batches)
