"""The frame of what is done for cards: the accounts, and a loop over the due rows of each kind.

What is due is heard of by NOTIFY, and looked for all the same: the kind of row is in the notification, nothing else.
Without CARD_KEYS nothing here runs, and cards stay as they are.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import httpx
import structlog

from notifier.retry import DATABASE_FAULTS, Backoff
from pollers.calls import SpreadRest, Tell
from pollers.cards.account import CardAccount, wrap_cards
from pollers.cards.cards import CardWorker
from pollers.cards.contract import CardProvider
from pollers.cards.customers import CustomerWorker
from pollers.cards.desk import Desk
from pollers.cards.fundings import FundingWorker
from pollers.cards.operators import Operators
from pollers.cards.reveals import RevealWorker
from pollers.cards.settings import STROWALLET
from pollers.cards.strowallet import Strowallet
from pollers.cards.webhooks import WebhookWorker
from pollers.loop import DueLoop
from pollers.settings import PollerSettings
from pollers.turns import on_behalf_of
from wallet_db.card_customers import claim_card_customers
from wallet_db.card_fundings import claim_card_fundings
from wallet_db.card_jobs import claim_cards
from wallet_db.card_notices import JOBS, claim_card_reveals, claim_card_webhooks
from wallet_db.connect import Pool, connect
from wallet_db.logs import about_order
from wallet_db.roles import POLLERS
from wallet_db.tracing import span

log = structlog.get_logger()

JobT = TypeVar("JobT")

Adapter = Callable[[str, str, httpx.AsyncClient, PollerSettings], CardProvider]


def _strowallet(url: str, key: str, client: httpx.AsyncClient, settings: PollerSettings) -> CardProvider:
    return Strowallet(url, key, client, is_sandbox=settings.strowallet_sandbox)


ADAPTERS: Mapping[str, Adapter] = {STROWALLET: _strowallet}
"""A new provider is one entry."""

POLL_S = 1.0
"""How often due rows are looked for when nobody says that there is one."""
LISTEN_PING_S = 15.0


def open_card_accounts(
    settings: PollerSettings, client: httpx.AsyncClient, tell: Tell | None = None, spread: SpreadRest | None = None
) -> dict[str, CardAccount]:
    """The configured accounts by the provider's name; none without keys. client: shared, closed by its owner."""
    if settings.keys_of_cards() is None:
        return {}
    providers = {
        name: ADAPTERS[name](url, key, client, settings) for name, (url, key) in settings.card_accounts().items()
    }
    return wrap_cards(providers, settings.requests_per_s, tell, spread)


class CardService:
    """The loops of this process, by the words of the notification."""

    def __init__(self, pool: Pool, accounts: Mapping[str, CardProvider], settings: PollerSettings) -> None:
        """accounts: as `open_card_accounts` makes them; without any there are no loops."""
        self.loops: dict[str, DueLoop[Any]] = {}
        keys = settings.keys_of_cards()
        if keys is None or not accounts:
            return
        desk = Desk(pool, accounts, keys, settings, Operators(pool))
        lease = timedelta(seconds=settings.lease_s)

        def loop(
            kind: str,
            claim: Callable[..., Awaitable[Sequence[JobT]]],
            work: Callable[[JobT], Awaitable[None]],
            about: Callable[[JobT], AbstractContextManager[None]],
        ) -> DueLoop[JobT]:
            async def claim_some(limit: int) -> Sequence[JobT]:
                return await claim(pool, limit=limit, lease=lease)

            async def work_on(job: JobT) -> None:
                with about(job):
                    await work(job)

            return DueLoop(claim_some, work_on, concurrency_max=settings.concurrency_max, poll_s=POLL_S, kind=kind)

        self.loops = {
            "customers": loop(
                "card_customer",
                claim_card_customers,
                CustomerWorker(desk).work,
                lambda job: _about(job.user_id, job.request_id, customer_id=job.id),
            ),
            "cards": loop(
                "card",
                claim_cards,
                CardWorker(desk).work,
                lambda job: _about(job.user_id, job.request_id, card_id=job.id),
            ),
            "fundings": loop(
                "card_funding",
                claim_card_fundings,
                FundingWorker(desk).work,
                lambda job: _about(job.user_id, job.request_id, card_id=job.card_id, funding_id=job.id),
            ),
            "webhooks": loop(
                "card_webhook",
                claim_card_webhooks,
                WebhookWorker(desk).work,
                lambda job: _about(None, None, webhook_id=job.id),
            ),
            "reveals": loop(
                "card_reveal",
                claim_card_reveals,
                RevealWorker(desk).work,
                lambda job: _about(job.user_id, None, card_id=job.card_id),
            ),
        }

    async def listen(self, database_url: str) -> None:
        """Wake loops as bidden, until cancelled; at once if there are none. Without it they look by themselves."""
        if not self.loops:
            return
        backoff = Backoff()
        while True:
            try:
                await self._listen(database_url, backoff)
            except DATABASE_FAULTS as error:
                if backoff.is_first:
                    log.warning("card jobs are not heard of", error=str(error) or type(error).__name__)
            await asyncio.sleep(backoff.next_s())

    async def _listen(self, database_url: str, backoff: Backoff) -> None:
        connection = await connect(database_url, "card-jobs", role=POLLERS)
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        try:
            await connection.add_listener(JOBS, self._hear)
            backoff.reset()
            for loop in self.loops.values():
                loop.wake()
            while not lost.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LISTEN_PING_S):
                        await lost.wait()
                if not lost.is_set():
                    await connection.execute("select 1", timeout=LISTEN_PING_S)
        finally:
            connection.terminate()

    def _hear(self, _connection: Any, _pid: int, _channel: str, text: object) -> None:
        if (loop := self.loops.get(str(text))) is not None:
            loop.wake()


@contextlib.contextmanager
def _about(user_id: UUID | None, request_id: str | None, **names: object) -> Iterator[None]:
    """Whose turn the work takes, and what its lines in the log are about."""
    ids = {name: str(value) for name, value in names.items()}
    with (
        on_behalf_of("" if user_id is None else str(user_id)),
        about_order(request_id, **ids),
        span("work", **{f"card.{name}": value for name, value in ids.items()}),
    ):
        yield
