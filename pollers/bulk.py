"""All open orders of an account looked at together, in as few requests as the provider allows.

    claimed    a row a provider in `provider_accounts`, under a lease: of several processes one looks
    looked at  `check_many` for whatever waits for an SMS; nothing is written for an order without news
    delivered  applied like any SMS; the order's own next look is at its end
    not told   looked at by itself, once in ABSENT_EVERY: it may have ended, and only `check` tells how
    hinted at  by a webhook: the next look at all comes sooner, and an order it does not show is looked at by itself
    closed     orders that ended lately ride along, see `late.py`; those to be asked about are, after the look
    refused    the orders are due one by one again (`uncover_orders`), until a look at all is answered

Invariant: a look changes nothing that looking again would not, so one that is cut off anywhere costs its lease's time.
No money is given back here: an absence is no word of the provider's.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

import structlog

from notifier.retry import DATABASE_FAULTS
from pollers import late
from pollers.call_log import Note, asking_about
from pollers.loop import DueLoop
from pollers.metrics import note_sms
from pollers.providers.contract import Delivered, Provider, ProviderError, Unavailable, Waiting
from pollers.schedule import RETRY_S, bulk_pause_s
from pollers.settings import PollerSettings
from pollers.turns import Held
from wallet_db import accounts, jobs
from wallet_db.accounts import AccountLook, ClosedOrder, OpenOrder
from wallet_db.connect import Pool
from wallet_db.errors import WalletError
from wallet_db.logs import about_order
from wallet_db.tracing import span

log = structlog.get_logger()

LEASE = timedelta(seconds=30)
COVERED = timedelta(seconds=20)
"""So long after an answered look its orders need no look one by one: two slow looks. It grows with what looks take."""
LOOKS_LONG = 4
"""A lease outlasts so many looks like the last one."""
JUST_NOW = timedelta(seconds=20)
HINTS_AFTER_S = 1.0
"""Hints make no look due sooner than that after the last one, nor sooner than that one took."""
IDLE = timedelta(seconds=1)
"""Between looks at the rows of an account without an open order; the provider is not asked."""
ABSENT_EVERY = timedelta(seconds=30)
ABSENT_MAX = 50
"""Single looks that one look at all may cause."""
APPLIED_AT_ONCE = 4


class BulkLooker:
    """Looks at the open orders of each of these accounts, by the provider's name.

    note: is told of the orders that a look brought news of.
    """

    def __init__(
        self,
        pool: Pool,
        providers: Mapping[str, Provider],
        *,
        uncovered_within: timedelta,
        note: Note = lambda *_: None,
    ) -> None:
        self._pool = pool
        self._note_call = note
        self._providers = providers
        self._uncovered_within = uncovered_within
        self._covered: dict[str, float] = {}
        """Until when, by the loop's time."""
        self._took_s: dict[str, float] = {}
        """How long the last look here took: as many requests as it takes, each in its turn."""
        self._asking: set[str] = set()
        """Where closed orders are being asked about: one after the other, while the account is looked at on."""

    def covers(self, provider: str) -> bool:
        """Whether the account's orders are being looked at together, by whichever process."""
        return asyncio.get_running_loop().time() < self._covered.get(provider, 0.0)

    async def claim(self, _: int) -> Sequence[AccountLook]:
        """Lease the accounts that are due, and learn which are covered."""
        found = await accounts.claim_account_looks(self._pool, list(self._providers), lease=max(LEASE, self._looks()))
        for look in found:
            self._note(look.provider, is_covered=look.is_covered)
        return [look for look in found if look.leased_until is not None]

    async def look(self, look: AccountLook) -> None:
        """Look, write down what was told, and say when to look again."""
        begun_s = asyncio.get_running_loop().time()
        orders = await accounts.read_open_orders(self._pool, look.provider, just_now=JUST_NOW)
        closed = await late.claim(self._pool, look.provider)
        if not orders and not closed:
            await accounts.finish_account_look(self._pool, look, pause=IDLE)
            return
        try:
            wanted = [order.provider_order_id for order in orders] + [order.provider_order_id for order in closed]
            found = await self._providers[look.provider].check_many(wanted)
        except ProviderError as fault:
            await self._failed(look, fault)
            return
        self._took_s[look.provider] = took_s = asyncio.get_running_loop().time() - begun_s
        news = {order.id: fresh for order in orders if (fresh := _news(order, found.get(order.provider_order_id)))}
        await self._apply(look.provider, [order for order in orders if order.id in news], news)
        absent = [order.id for order in orders if order.provider_order_id not in found]
        if absent:
            await accounts.hint_absent(self._pool, absent, every=ABSENT_EVERY, limit=ABSENT_MAX)
        waiting = [(order.age.total_seconds(), order.is_watched) for order in orders if order.id not in news]
        pause = timedelta(seconds=bulk_pause_s(waiting, took_s)) if waiting else IDLE
        hints_after = timedelta(seconds=max(HINTS_AFTER_S, took_s))
        covered = max(COVERED, self._looks())
        await accounts.finish_account_look(self._pool, look, pause=pause, covered=covered, hints_after=hints_after)
        self._note(look.provider, is_covered=True)
        await self._look_after(look.provider, closed, found)

    async def _look_after(
        self, name: str, closed: Sequence[ClosedOrder], found: Mapping[str, Waiting | Delivered]
    ) -> None:
        asks = name not in self._asking
        self._asking.add(name)
        try:
            asks_max = late.ASKED_MAX if asks else 0
            await late.look_after(
                self._pool, self._providers[name], closed, found, asks_max=asks_max, note=partial(self._note_call, name)
            )
        finally:
            if asks:
                self._asking.discard(name)

    async def _failed(self, look: AccountLook, fault: ProviderError) -> None:
        retry_s = (fault.retry_after_s if isinstance(fault, Unavailable) else None) or RETRY_S
        if isinstance(fault, Held):
            pass  # nothing was asked, and a single look would be held as well
        elif not isinstance(fault, Unavailable) or not look.is_covered:
            self._note(look.provider, is_covered=False)
            uncovered = await accounts.uncover_orders(self._pool, look.provider, within=self._uncovered_within)
            if uncovered:
                log.warning("orders are looked at one by one", provider=look.provider, orders=uncovered)
        log.warning(
            "look at all orders failed", provider=look.provider, error_code=fault.error_code, reason=fault.reason
        )
        await accounts.finish_account_look(self._pool, look, pause=timedelta(seconds=retry_s))

    async def _apply(self, name: str, orders: Collection[OpenOrder], news: Mapping[UUID, Delivered]) -> None:
        room = asyncio.Semaphore(APPLIED_AT_ONCE)

        async def apply(order: OpenOrder) -> None:
            async with room:
                with (
                    span("work", order_id=str(order.id)),
                    about_order(order.request_id, activation_id=str(order.id)),
                    asking_about(order.id),
                ):
                    self._note_call(name, "check_many", news[order.id], None)
                    await self._apply_one(name, order.id, await _whole(self._providers[name], order, news[order.id]))

        async with asyncio.TaskGroup() as group:
            for order in orders:
                group.create_task(apply(order))

    async def _apply_one(self, name: str, activation_id: UUID, delivered: Delivered) -> None:
        try:
            for message in delivered.messages:
                outcome = await jobs.apply_activation_sms(
                    self._pool, activation_id, code=message.code or None, text=message.text or message.code
                )
                log.info("sms", activation_id=str(activation_id), outcome=outcome)
                if outcome == "applied":
                    note_sms(name, "bulk", message.received_at)
        except (*DATABASE_FAULTS, WalletError) as error:
            # One order's trouble is not the others'; the next look finds it again.
            log.warning("sms not applied this time", activation_id=str(activation_id), error=type(error).__name__)

    def _note(self, provider: str, *, is_covered: bool) -> None:
        now_s = asyncio.get_running_loop().time()
        self._covered[provider] = now_s + COVERED.total_seconds() if is_covered else 0.0

    def _looks(self) -> timedelta:
        return timedelta(seconds=LOOKS_LONG * max(self._took_s.values(), default=0.0))


def _news(order: OpenOrder, found: object) -> Delivered | None:
    """Those of the SMS told that are not known of this order: lists tell the old ones with the new."""
    if not isinstance(found, Delivered):
        return None
    fresh = tuple(
        message
        for message in found.messages
        if (message.text not in order.texts if message.text else message.code not in order.codes)
    )
    return Delivered(fresh) if fresh else None


async def _whole(provider: Provider, order: OpenOrder, delivered: Delivered) -> Delivered:
    """With the texts, which some lists lack: else the SMS would be another one when a single look tells its text."""
    if all(message.text for message in delivered.messages):
        return delivered
    try:
        found = await provider.check(order.provider_order_id)
    except ProviderError:
        return delivered
    return found if isinstance(found, Delivered) else delivered


def bulk_loop(looker: BulkLooker, settings: PollerSettings, *, accounts_max: int) -> DueLoop[AccountLook]:
    """The loop that looks when an account is due, one look at a time at each among all processes.

    There is room for a look at each account while closed orders of each are asked about.
    """
    concurrency_max = 2 * accounts_max + 1
    return DueLoop(looker.claim, looker.look, concurrency_max=concurrency_max, poll_s=settings.poll_s, kind="account")
