"""The product's own worker, made anew for each piece of work as a poller that starts would make it.

This is the one place that knows how a worker is built.
"""

import asyncio
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, get_args

import httpx

from bench.faults.lines import CutTransport, cut_pool, doing
from bench.faults.point import Cutter
from bench.faults.ware import LEASE, CardJobs, Job
from pollers.activations import ActivationWorker
from pollers.bulk import BulkLooker
from pollers.cards.cards import CardWorker
from pollers.cards.contract import CardProvider
from pollers.cards.customers import CustomerWorker
from pollers.cards.desk import Desk
from pollers.cards.fundings import FundingWorker
from pollers.cards.operators import Operators
from pollers.cards.strowallet import Strowallet
from pollers.cards.webhooks import WebhookWorker
from pollers.providers.contract import Cancelled, OutcomeUnknown, Provider, Purchase
from pollers.providers.fivesim import FiveSim
from pollers.providers.herosms import HeroSms
from pollers.providers.sms_activate import SmsActivate
from pollers.rentals import RentalWorker
from pollers.settings import PollerSettings
from wallet_db.accounts import AccountLook
from wallet_db.card_customers import CustomerJob
from wallet_db.card_fundings import FundingJob
from wallet_db.card_jobs import CardJob
from wallet_db.card_notices import WebhookJob
from wallet_db.connect import Pool
from wallet_db.jobs import ActivationJob
from wallet_db.rental_jobs import RentalJob
from wallet_db.sealing import CardKeys

KEY = "demo"
ANSWER_S = 15.0
CARD_KEYS = CardKeys.parse(f"bench:{b64encode(bytes(32)).decode()}")
"""The same in every process; what they seal is nobody's."""

Control = Literal["blind", "generous"]
CONTROLS: tuple[Control, ...] = get_args(Control)
"""Workers that are wrong on purpose, so that the judge can be seen to judge. blind: buys again when the answer to a
purchase was lost (a number, a card, money on one). generous: takes every number for returned without asking."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A provider of numbers or cards by its name, and how to make it (base URL, client)."""

    name: str
    make: Callable[[str, httpx.AsyncClient], Provider | CardProvider]


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("sms_activate", lambda url, http: SmsActivate(url, KEY, http, timeout_s=ANSWER_S)),
        Kind("herosms", lambda url, http: HeroSms(f"{url}/hero", KEY, http, timeout_s=ANSWER_S)),
        Kind("fivesim", lambda url, http: FiveSim(url, KEY, http, timeout_s=ANSWER_S)),
    )
}


CARD_KINDS: Mapping[str, Kind] = {
    "strowallet": Kind("strowallet", lambda url, http: Strowallet(url, KEY, http, timeout_s=ANSWER_S))
}


def kind_of(name: str) -> Kind:
    """The provider of this name, whatever it sells."""
    return KINDS[name] if name in KINDS else CARD_KINDS[name]


def refuser_of(provider: str) -> str:
    """Another provider, to be asked first in vain."""
    names = list(KINDS)
    return names[names.index(provider) - 1]


class _Named:
    """The provider, telling its line what each request is for; and, under a control, doing wrong."""

    def __init__(self, provider: Provider | CardProvider, control: Control | None) -> None:
        self._provider: Any = provider
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
                if self._control != "blind" or name not in {"buy", "create", "fund"}:
                    raise
                return await (self._buy_again(*args) if name == "buy" else method(*args))
            finally:
                doing.reset(token)

        return named

    async def _buy_again(self, order_id: str, service: str, country: str, max_price: Decimal | None) -> Purchase:
        bought: Purchase = await self._provider.buy(f"{order_id}-again", service, country, max_price)
        return bought


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
    elif isinstance(job, RentalJob):
        await RentalWorker(pool, providers, settings).work(job)
    else:
        await _work_on_card(job, Desk(pool, providers, CARD_KEYS, settings, Operators(pool)))


async def _work_on_card(job: CardJobs, desk: Desk) -> None:
    match job:
        case CardJob():
            await CardWorker(desk).work(job)
        case FundingJob():
            await FundingWorker(desk).work(job)
        case WebhookJob():
            await WebhookWorker(desk).work(job)
        case CustomerJob():
            await CustomerWorker(desk).work(job)


def cut_off() -> None:
    """Die as a task does that is cancelled."""
    raise asyncio.CancelledError
