"""What the pollers count, and what is read when somebody looks at `/metrics`; without the database, the rest.

Labels are bounded: providers and their methods, error codes of `contract.py`, kinds and statuses of orders. No user,
order, phone number, code or amount is in them.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from prometheus_client import Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from notifier.retry import DATABASE_FAULTS
from pollers.breaker import State
from wallet_db.backlog import Backlog, read_backlog
from wallet_db.connect import Pool

if TYPE_CHECKING:
    from pollers.calls import Calls

BACKLOG_EVERY_S = 10.0
"""However often somebody asks, the database is not asked more often."""
BACKLOG_TIMEOUT_S = 2.0
"""For a connection of the pool, and the answer."""
KINDS = (
    "activation", "rental", "periodic", "account",
    "card", "card_customer", "card_funding", "card_webhook", "card_reveal", "card_reconciliation",
)  # fmt: skip
"""Of due rows, by the loops that work on them."""
SMS_S_MAX = 7_200.0
"""Beyond, the provider's time of an SMS was misread: a zone, or another day."""

CALLS = Counter(
    "onesms_provider_calls",
    "Calls by how they ended: ok, an error code, or HELD (not sent).",
    ["provider", "method", "outcome"],
)
CALL_S = Histogram(
    "onesms_provider_call_seconds",
    "From a call's first request to its end; waiting for the turn is not in it.",
    ["provider", "method"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30),
)
UNKNOWN_ANSWERS = Counter(
    "onesms_provider_unknown_answers", "Answers that the protocol does not know.", ["provider", "method"]
)
CLAIMED = Counter("onesms_jobs_claimed", "Due rows this process has claimed.", ["kind"])
FAILED = Counter("onesms_jobs_failed", "Claimed rows whose work broke off; they are due again.", ["kind"])
for _kind in KINDS:  # a rate needs the zero before the first
    CLAIMED.labels(_kind)
    FAILED.labels(_kind)
SMS_FOUND = Counter(
    "onesms_sms_found", "New SMS by what found them: webhook, bulk, single, rental.", ["provider", "found_by"]
)
SMS_S = Histogram(
    "onesms_sms_seconds",
    "From an SMS's own time, where the provider tells it, to our finding it.",
    ["provider"],
    buckets=(1, 2, 3, 5, 8, 13, 20, 30, 60, 120, 300, 1_200),
)


def note_sms(provider: str | None, found_by: str, received_at: datetime | None) -> None:
    """A new SMS was found. received_at: as the provider tells, if it does."""
    SMS_FOUND.labels(provider or "none", found_by).inc()
    if received_at is not None and 0 <= (took_s := (datetime.now(UTC) - received_at).total_seconds()) <= SMS_S_MAX:
        SMS_S.labels(provider or "none").observe(took_s)


class PollerFigures:
    """Reads what is not counted as it happens: the backlog, and the state of the accounts."""

    def __init__(self, pool: Pool, accounts: Mapping[str, "Calls[Any]"]) -> None:
        self._pool = pool
        self._accounts = accounts
        self._backlog: Sequence[Backlog] | None = ()
        self._read_again_s = 0.0
        self._reading = asyncio.Lock()

    async def read(self) -> Collector:
        """The figures of this moment; the backlog may be BACKLOG_EVERY_S old. Without the database it is left out."""
        async with self._reading:
            now_s = asyncio.get_running_loop().time()
            if self._backlog is None or now_s >= self._read_again_s:
                self._backlog = await self._read_backlog()
                self._read_again_s = now_s + BACKLOG_EVERY_S
        return _Figures(self._backlog, self._accounts)

    async def _read_backlog(self) -> Sequence[Backlog] | None:
        try:
            async with asyncio.timeout(BACKLOG_TIMEOUT_S):
                return await read_backlog(self._pool)
        except DATABASE_FAULTS:
            return None


class _Figures(Collector):
    def __init__(self, backlog: Sequence[Backlog] | None, accounts: Mapping[str, "Calls[Any]"]) -> None:
        self._backlog = backlog
        self._accounts = accounts

    def collect(self) -> Iterator[Metric]:
        """One metric after the other."""
        yield GaugeMetricFamily(
            "onesms_database_reachable", "1 if the database answered just now.", value=self._backlog is not None
        )
        yield from self._of_orders(self._backlog or ())
        yield from self._of_accounts()

    @staticmethod
    def _of_orders(backlog: Sequence[Backlog]) -> Iterator[Metric]:
        labels = ["kind", "status"]
        opened = GaugeMetricFamily("onesms_orders_open", "Open orders.", labels=labels)
        due = GaugeMetricFamily("onesms_orders_due", "Those that are due and not claimed.", labels=labels)
        oldest = GaugeMetricFamily("onesms_orders_due_seconds", "How long the longest has been due.", labels=labels)
        for row in backlog:
            opened.add_metric([row.kind, row.status], row.open)
            due.add_metric([row.kind, row.status], row.due)
            oldest.add_metric([row.kind, row.status], row.oldest_due_s)
        yield from (opened, due, oldest)

    def _of_accounts(self) -> Iterator[Metric]:
        circuit = GaugeMetricFamily(
            "onesms_provider_circuit", "1 for the state the breaker is in.", labels=["provider", "state"]
        )
        turns = CounterMetricFamily("onesms_provider_turns", "Requests that had their turn.", labels=["provider"])
        waited = CounterMetricFamily(
            "onesms_provider_turn_wait_seconds", "Time they waited for it, in all.", labels=["provider"]
        )
        share = GaugeMetricFamily(
            "onesms_provider_share", "This process's part of the account's requests.", labels=["provider"]
        )
        rests = GaugeMetricFamily(
            "onesms_provider_rests", "What the provider wants left alone: pauses and bans.", labels=["provider"]
        )
        for name, account in self._accounts.items():
            for state in State:
                circuit.add_metric([name, str(state)], float(account.state is state))
            turns.add_metric([name], account.requests)
            waited.add_metric([name], account.waited_s)
            share.add_metric([name], account.share)
            rests.add_metric([name], account.rests)
        yield from (circuit, turns, waited, share, rests)
