"""The product's own worker, made anew for each piece of work as a poller that starts would make it.

This is the one place that knows how a worker is built.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, get_args

import httpx

from bench.faults.lines import CutTransport, cut_pool, doing
from bench.faults.point import Cutter
from bench.faults.ware import LEASE, Job
from pollers.activations import ActivationWorker
from pollers.bulk import BulkLooker
from pollers.providers.contract import Cancelled, OutcomeUnknown, Provider, Purchase
from pollers.providers.fivesim import FiveSim
from pollers.providers.herosms import HeroSms
from pollers.providers.sms_activate import SmsActivate
from pollers.rentals import RentalWorker
from pollers.settings import PollerSettings
from wallet_db.accounts import AccountLook
from wallet_db.connect import Pool
from wallet_db.jobs import ActivationJob

KEY = "demo"
ANSWER_S = 15.0

Control = Literal["blind", "generous"]
CONTROLS: tuple[Control, ...] = get_args(Control)
"""Workers that are wrong on purpose, so that the judge can be seen to judge. blind: buys again when the answer to a
purchase was lost. generous: takes every number for returned without asking."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A provider by its name, and how to make it (base URL, client)."""

    name: str
    make: Callable[[str, httpx.AsyncClient], Provider]


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("sms_activate", lambda url, http: SmsActivate(url, KEY, http, timeout_s=ANSWER_S)),
        Kind("herosms", lambda url, http: HeroSms(f"{url}/hero", KEY, http, timeout_s=ANSWER_S)),
        Kind("fivesim", lambda url, http: FiveSim(url, KEY, http, timeout_s=ANSWER_S)),
    )
}


def refuser_of(provider: str) -> str:
    """Another provider, to be asked first in vain."""
    names = list(KINDS)
    return names[names.index(provider) - 1]


class _Named:
    """The provider, telling its line what each request is for; and, under a control, doing wrong."""

    def __init__(self, provider: Provider, control: Control | None) -> None:
        self._provider = provider
        self._control = control

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._provider, name)

        async def named(*args: Any, **options: Any) -> Any:
            if self._control == "generous" and name == "cancel":
                return Cancelled()
            token = doing.set(name)
            try:
                return await method(*args, **options)
            except OutcomeUnknown:
                if self._control != "blind" or name != "buy":
                    raise
                return await self._buy_again(*args)
            finally:
                doing.reset(token)

        return named

    async def _buy_again(self, order_id: str, service: str, country: str, max_price: Decimal | None) -> Purchase:
        return await self._provider.buy(f"{order_id}-again", service, country, max_price)


async def work(
    url: str,
    base_url: str,
    kind: Kind,
    job: Job,
    cutter: Cutter,
    control: Control | None = None,
    refused_by: str | None = None,
) -> None:
    """Do what is due on this order, over lines that are cut as `cutter` says. refused_by: another to buy from, too."""
    async with cut_pool(url, cutter) as pool, httpx.AsyncClient(transport=CutTransport(cutter)) as http:
        await work_on(pool, base_url, http, kind, job, control, refused_by)


async def work_on(
    pool: Pool,
    base_url: str,
    http: httpx.AsyncClient,
    kind: Kind,
    job: Job,
    control: Control | None = None,
    refused_by: str | None = None,
) -> None:
    """The same over these lines."""
    kinds = [kind, *([KINDS[refused_by]] if refused_by else [])]
    providers: dict[str, Any] = {each.name: _Named(each.make(base_url, http), control) for each in kinds}
    settings = PollerSettings.model_validate({"demo": True})
    if isinstance(job, ActivationJob):
        await ActivationWorker(pool, providers, settings).work(job)
    elif isinstance(job, AccountLook):
        await BulkLooker(pool, providers, uncovered_within=LEASE).look(job)
    else:
        await RentalWorker(pool, providers, settings).work(job)


def cut_off() -> None:
    """Die as a task does that is cancelled."""
    raise asyncio.CancelledError
