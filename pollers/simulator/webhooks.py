"""Webhooks: the simulated providers tell of each SMS by a POST, in the form of each.

    SMS-Activate    {"activationId","service","text","code","country","receivedAt"} to the account's URLs
                    {"rentId","sms":{"phoneFrom","text","date"}} to the URL that came with the rental's purchase
    HeroSMS         {"activationId","phoneFrom","service","text","code","country","receivedAt"} to the account's URLs

    Strowallet      as `strowallet_webhooks.py` has it, of cards

An answer other than 200 is followed by another attempt, ATTEMPTS_MAX in all. As with the providers of numbers nothing
of theirs is signed, an end without SMS is not told, and what was not delivered at the end of the process is lost: a
webhook is a hint.
Only loopback is told, so that nobody is ever attacked by way of a simulator.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from pollers.simulator.herosms import sender_of
from pollers.simulator.request import iso_time, plain_time
from pollers.simulator.simulation import HEROSMS, SMS_ACTIVATE, STROWALLET, Simulation
from pollers.simulator.state import SimulatedAccount, SimulatedOrder
from pollers.simulator.strowallet_webhooks import card_news
from pollers.simulator.till import Arrival, Refusal

LOOK_S = 0.1
TIMEOUT_S = 3.0
ATTEMPTS_MAX = 8
URLS_MAX = 3
UNDERWAY_MAX = 1_000
URL_CHARS_MAX = 500
TOLD = (SMS_ACTIVATE, HEROSMS)
"""The providers that have webhooks."""
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def check_url(url: str) -> None:
    """Raises ValueError if SMS may not be told there."""
    try:
        host, scheme = urlsplit(url).hostname, urlsplit(url).scheme
    except ValueError:
        host, scheme = None, ""
    if host not in _LOOPBACK or scheme not in {"http", "https"} or len(url) > URL_CHARS_MAX:
        raise ValueError("expected an http or https URL on loopback")


def _is_allowed(url: str) -> bool:
    try:
        check_url(url)
    except ValueError:
        return False
    return True


@asynccontextmanager
async def telling(simulation: Simulation, *, retry_s: float) -> AsyncIterator[None]:
    """Tell of every SMS while the block runs. retry_s: between two attempts."""
    # trust_env: a proxy would carry what is meant for loopback elsewhere.
    async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client, asyncio.TaskGroup() as tasks:
        looking = tasks.create_task(_Teller(simulation, client, retry_s).run())
        yield
        looking.cancel()


class _Teller:
    def __init__(self, simulation: Simulation, client: httpx.AsyncClient, retry_s: float) -> None:
        self._simulation = simulation
        self._client = client
        self._retry_s = retry_s
        self._room = asyncio.Semaphore(UNDERWAY_MAX)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as posts:
            while True:
                for url, body, headers in self._news():
                    await self._room.acquire()
                    posts.create_task(self._post(url, body, headers))
                await asyncio.sleep(LOOK_S)

    def _news(self) -> list[tuple[str, bytes, dict[str, str]]]:
        """What to tell of what has come since the last look, as (URL, body, headers)."""
        simulation, now = self._simulation, self._simulation.clock.now()
        news: list[tuple[str, bytes, dict[str, str]]] = []
        changes = self._changes()
        for provider, account in simulation.accounts.items():
            urls = simulation.webhook_urls.get(provider, ())
            if urls:
                account.active(now)
            account.rentals.active(now)
            arrivals = list(account.till.arrivals)
            account.till.arrivals.clear()
            for arrival in arrivals:
                news += [(url, orjson.dumps(said), {}) for url, said in told(provider, account, arrival, urls, now)]
        news += card_news(
            simulation.strowallet, simulation.webhook_urls.get(STROWALLET, ()), simulation.card_webhook_secret, now
        )
        if changes != self._changes():
            simulation.keep()  # and not at every look: a file that cannot be written is told of each time
        return news

    def _changes(self) -> int:
        return self._simulation.strowallet.changes + sum(each.changes for each in self._simulation.accounts.values())

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> None:
        headers = {"Content-Type": "application/json", **headers}
        try:
            for attempt in range(ATTEMPTS_MAX):
                if attempt:
                    await asyncio.sleep(self._retry_s)
                try:
                    async with self._client.stream("POST", url, content=body, headers=headers) as response:
                        if response.status_code == 200:
                            return
                except (httpx.HTTPError, httpx.InvalidURL):
                    continue
            sys.stderr.write(f"simulator: webhook {url}: no 200 in {ATTEMPTS_MAX} attempts\n")
        finally:
            self._room.release()


def told(
    provider: str, account: SimulatedAccount, arrival: Arrival, urls: tuple[str, ...], now: float
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Where an SMS is told, and in which words. urls: the account's."""
    order: SimulatedOrder | None
    try:
        order = account.look(arrival.id, now)
    except Refusal:
        order = None
    sold, sms = order or account.rentals.look(arrival.id, now), arrival.sms
    if provider == HEROSMS:
        said: dict[str, Any] = {
            "activationId": sold.id,
            "phoneFrom": sender_of(sold.service),
            "service": sold.service,
            "text": sms.text,
            "code": sms.code or None,
            "country": sold.country,
            "receivedAt": iso_time(sms.at),
        }
        yield from ((url, said) for url in urls)
    elif provider != SMS_ACTIVATE:
        return
    elif order is not None:
        said = {
            "activationId": sold.id,
            "service": sold.service,
            "text": sms.text,
            "code": sms.code,
            "country": sold.country,
            "receivedAt": plain_time(sms.at),
        }
        yield from ((url, said) for url in urls)
    elif (rental_url := account.rentals.look(arrival.id, now).url) and _is_allowed(rental_url):
        about = {"phoneFrom": sender_of(sold.service), "text": sms.text, "date": plain_time(sms.at)}
        yield rental_url, {"rentId": str(sold.id), "sms": about}
