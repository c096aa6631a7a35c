"""The pollers' frame: the pool, the providers' accounts, the loops over due activations and periodic jobs, and news
from the bus."""

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import orjson
import structlog

from notifier.bus import open_bus
from notifier.event import Event
from notifier.pool_metrics import measure_pool
from notifier.probes import serving_probes
from pollers.accounts import wrap
from pollers.activations import ActivationWorker
from pollers.bulk import BulkLooker, bulk_loop
from pollers.call_log import CallLog, asking_about
from pollers.calls import Calls
from pollers.cards.account import CardAccount
from pollers.cards.alarms import watch_calls
from pollers.cards.reconciling import Reconciler, reconciliation_loop
from pollers.cards.service import CardService, open_card_accounts
from pollers.loop import DueLoop
from pollers.metrics import PollerFigures
from pollers.periodic import periodic_loop, readings_loop
from pollers.providers.contract import Provider
from pollers.providers.fivesim import FiveSim
from pollers.providers.herosms import HeroSms
from pollers.providers.sms_activate import SmsActivate
from pollers.rentals import RentalWorker
from pollers.settings import FIVESIM, HEROSMS, SMS_ACTIVATE, PollerSettings
from pollers.sharing import Sharing, spread_rest
from pollers.turns import on_behalf_of, pace
from wallet_db.connect import Pool, pool
from wallet_db.jobs import ActivationJob, claim_activations, log_for_operator
from wallet_db.logs import about_order
from wallet_db.rental_jobs import RentalJob, claim_rentals
from wallet_db.roles import POLLERS
from wallet_db.routes import unrouted
from wallet_db.tracing import span

log = structlog.get_logger()

PROBE_TIMEOUT_S = 2.0
CARD_CONNECTIONS_MAX = 100
"""Of their own, so that cards take none from numbers; their rate keeps them below it."""

ADAPTERS: Mapping[str, Callable[[str, str, httpx.AsyncClient], Provider]] = {
    SMS_ACTIVATE: SmsActivate,
    HEROSMS: HeroSms,
    FIVESIM: FiveSim,
}


def open_providers(settings: PollerSettings, client: httpx.AsyncClient) -> dict[str, Provider]:
    """The configured accounts, by the provider's name. client: shared, closed by its owner."""
    return {name: ADAPTERS[name](url, key, client) for name, (url, key) in settings.accounts().items()}


async def run(settings: PollerSettings, database_url: str, stop: asyncio.Event | None = None) -> None:
    """Work until SIGTERM, SIGINT or `stop`. Raises DatabaseUnavailable, PortTaken."""
    # A request for every order worked on, none waiting for a connection: waiting counts as the provider's failing.
    limits = httpx.Limits(max_connections=settings.concurrency_max, max_keepalive_connections=settings.concurrency_max)
    async with (
        pool(database_url, "pollers", role=POLLERS, connections_max=settings.database_connections_max) as connections,
        httpx.AsyncClient(limits=limits, event_hooks={"request": [pace]}) as client,
        httpx.AsyncClient(
            limits=httpx.Limits(max_connections=CARD_CONNECTIONS_MAX), event_hooks={"request": [pace]}
        ) as card_client,
    ):
        tell, spread = partial(_tell, connections), partial(spread_rest, connections)
        calls = CallLog(connections)
        accounts = wrap(open_providers(settings, client), settings.requests_per_s, tell, spread, calls.note)
        card_accounts = open_card_accounts(settings, card_client, tell, spread)
        await _tell_what_is_not_routed(connections, accounts)
        all_accounts: dict[str, Calls[Any]] = {**accounts, **card_accounts}
        checks, figures = partial(_checks, connections), PollerFigures(connections, all_accounts)
        async with serving_probes(settings.metrics_host, settings.metrics_port, checks, figures.read):
            sharing = Sharing(connections, all_accounts)
            await sharing.join()
            stop = stop or asyncio.Event()
            await _work(settings, database_url, connections, accounts, card_accounts, sharing, calls, stop)


async def _work(
    settings: PollerSettings,
    database_url: str,
    connections: Pool,
    providers: Mapping[str, Provider],
    card_accounts: Mapping[str, CardAccount],
    sharing: Sharing,
    calls: CallLog,
    stop: asyncio.Event,
) -> None:
    lease = timedelta(seconds=settings.lease_s)
    looker = BulkLooker(connections, providers, uncovered_within=lease, note=calls.note)
    worker = ActivationWorker(connections, providers, settings, covers=looker.covers)
    renter = RentalWorker(connections, providers, settings)
    cards = CardService(connections, card_accounts, settings)
    reconciler = Reconciler(connections, card_accounts, differs_percent=settings.card_balance_differs_percent)

    async def claim(limit: int) -> Sequence[ActivationJob]:
        return await claim_activations(connections, limit=limit, lease=lease)

    async def work(job: ActivationJob) -> None:
        with (
            on_behalf_of(str(job.user_id)),
            about_order(job.request_id, activation_id=str(job.id)),
            asking_about(job.id),
            span("work", order_id=str(job.id)),
        ):
            await worker.work(job)

    async def claim_rented(limit: int) -> Sequence[RentalJob]:
        return await claim_rentals(connections, limit=limit, lease=lease)

    async def work_on_rental(job: RentalJob) -> None:
        with (
            on_behalf_of(str(job.user_id)),
            about_order(job.request_id, rental_id=str(job.id)),
            asking_about(job.id),
            span("work", order_id=str(job.id)),
        ):
            await renter.work(job)

    loop = DueLoop(claim, work, concurrency_max=settings.concurrency_max, poll_s=settings.poll_s, kind="activation")
    rentals = DueLoop(
        claim_rented, work_on_rental, concurrency_max=settings.concurrency_max, poll_s=settings.poll_s, kind="rental"
    )
    loops: list[DueLoop[Any]] = [
        loop,
        rentals,
        periodic_loop(connections, settings, providers),
        *([readings_loop(connections, settings, providers)] if providers else []),
        bulk_loop(looker, settings, accounts_max=len(providers)),
        *cards.loops.values(),
        reconciliation_loop(connections, reconciler, list(card_accounts)),
    ]
    bus = open_bus(settings.bus, database_url, POLLERS, nats_url=settings.nats_url.get_secret_value())
    async with asyncio.TaskGroup() as tasks:
        working = [tasks.create_task(each.run()) for each in loops]
        beside = [
            tasks.create_task(bus.listen(partial(_hear, loop, rentals))),
            tasks.create_task(cards.listen(database_url)),
            tasks.create_task(watch_calls(connections, card_accounts, slow_s=settings.card_call_slow_s)),
            tasks.create_task(_stop_when_told(stop, *loops)),
            tasks.create_task(sharing.run()),
            tasks.create_task(calls.run()),
            tasks.create_task(measure_pool(connections, "pollers")),
        ]
        log.info("working", providers=sorted([*providers, *card_accounts]))
        await asyncio.wait(working)
        for task in beside:
            task.cancel()


async def _checks(connections: Pool) -> Mapping[str, bool]:
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            return {"database": await connections.fetchval("select true")}
    except Exception:
        log.warning("database probe failed", exc_info=True)
        return {"database": False}


async def _tell_what_is_not_routed(connections: Pool, providers: Mapping[str, Provider]) -> None:
    """A service or country without the provider's code for it is never bought there: better said than wondered at."""
    for name, lacking in (await unrouted(connections, list(providers))).items():
        log.warning("no codes, so no routes", provider=name, lacking=lacking)


async def _tell(connections: Pool, level: str, error_code: str, data: Mapping[str, object]) -> None:
    await log_for_operator(connections, level, "pollers", error_code, orjson.dumps(data).decode())


def _hear(loop: DueLoop[ActivationJob], rentals: DueLoop[RentalJob], events: Sequence[Event]) -> None:
    """A new order, or one whose owner wants it cancelled, is due now."""
    if any(event.type.startswith("activation.") for event in events):
        loop.wake()
    if any(event.type.startswith("rental.") for event in events):
        rentals.wake()


async def _stop_when_told(stop: asyncio.Event, *loops: DueLoop[Any]) -> None:
    running = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        running.add_signal_handler(number, stop.set)
    try:
        await stop.wait()
        for loop in loops:
            loop.stop()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            running.remove_signal_handler(number)
