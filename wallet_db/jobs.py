"""Orders as jobs: what the pollers claim and write. Effects, locks and refusals: the SQL function of the same name.

Each call is one short transaction, and none is open while a provider is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal, TypeAlias
from uuid import UUID

from wallet_db.connect import Pool
from wallet_db.errors import refusals

SmsOutcome: TypeAlias = Literal["applied", "repeated", "charged", "owed", "given", "closed"]
"""The latter four of an order that had closed: shown and paid, shown and to be paid when its retry has ended, shown for
nothing, not shown."""


@dataclass(frozen=True, slots=True)
class ActivationJob:
    """An order due for work, leased to whoever claimed it until `leased_until`.

    The codes are those of the provider it is with; before there is one, the SMS-Activate protocol's.
    """

    id: UUID
    user_id: UUID
    status: str
    service_code: str
    country_code: str
    price: Decimal
    provider: str | None
    provider_order_id: str | None
    phone: str | None
    created_at: datetime
    purchase_started_at: datetime | None
    purchased_at: datetime | None
    expires_at: datetime | None
    cancel_requested_at: datetime | None
    was_due_at: datetime
    leased_until: datetime
    service: str
    country: str
    attempts: int
    """How many purchases were begun for it."""
    another_sms_requested_at: datetime | None = None
    another_sms_asked_at: datetime | None = None
    finish_requested_at: datetime | None = None
    check_requested_at: datetime | None = None
    checked_at: datetime | None = None
    """The end of the last look."""
    waits_until: datetime | None = None
    """Then it is given up, by an experiment's word; None: when the number expires."""
    retry_of: UUID | None = None
    retry_number: int | None = None
    """Of the first order of its chain, and the how-manieth after it; None: it is the first itself."""
    request_id: str | None = None
    """Of the HTTP request that placed it."""
    clock_ahead: timedelta = timedelta(0)
    """The database's clock minus this machine's, when the order was claimed."""

    def now(self) -> datetime:
        """The time by the clock that wrote all of these times, the database's; not before the claim."""
        return datetime.now(UTC) + self.clock_ahead

    def gives_up_at(self) -> datetime | None:
        """When no SMS is waited for any more; None: no number is bought yet."""
        return self.waits_until or self.expires_at

    def is_check_due(self) -> bool:
        """Whether its owner has asked for a look since the last one."""
        asked = self.check_requested_at
        return asked is not None and (self.checked_at is None or self.checked_at < asked)


async def claim_activations(pool: Pool, *, limit: int, lease: timedelta) -> list[ActivationJob]:
    """Lease up to `limit` due orders."""
    rows = await pool.fetch("select * from claim_activations($1, $2)", limit, lease)
    here = datetime.now(UTC)
    return [ActivationJob(**row, clock_ahead=row["leased_until"] - lease - here) for row in rows]


async def reschedule(pool: Pool, job: ActivationJob, due_at: datetime) -> None:
    """Give the lease back: the order is next due then. If it was made due by somebody else meanwhile, that stands."""
    await pool.fetchval("select reschedule_activation($1, $2, $3)", job.id, job.leased_until, due_at)


async def begin_purchase(pool: Pool, job: ActivationJob, provider: str) -> bool:
    """Whether the caller, and nobody else, is to buy for this order now."""
    begun: bool = await pool.fetchval(
        "select begin_purchase($1, $2, p_leased_until => $3)", job.id, provider, job.leased_until
    )
    return begun


async def pass_purchase(
    pool: Pool, job: ActivationJob, outcome: str, provider: str, lease: timedelta
) -> ActivationJob | None:
    """The provider surely did not sell (`outcome` is the refusal's code), this one is asked next, under a new lease.

    None: it is not the caller's to buy any more.
    """
    leased_until = await pool.fetchval(
        "select pass_purchase($1, $2, $3, $4, $5)", job.id, job.leased_until, outcome, provider, lease
    )
    return None if leased_until is None else replace(job, leased_until=leased_until, provider=provider)


async def abandon_purchase(pool: Pool, job: ActivationJob, due_at: datetime, outcome: str) -> None:
    """The provider surely did not sell (`outcome` is the refusal's code); try again then.

    Nothing if the lease is another's by now, who finds the purchase begun and decides.
    """
    await pool.fetchval(
        "select abandon_purchase($1, $2, $3, p_leased_until => $4)", job.id, due_at, outcome, job.leased_until
    )


async def record_purchase(
    pool: Pool,
    activation_id: UUID,
    *,
    provider_order_id: str,
    phone: str,
    cost: Decimal | None,
    expires_at: datetime,
    due_at: datetime,
) -> bool:
    """The provider sold. False: the order was not waiting for a number any more.

    It needs no lease: a purchase that was begun is taken back by nobody but who began it.
    """
    with refusals():
        recorded: bool = await pool.fetchval(
            "select record_purchase($1, $2, $3, $4, $5, $6)",
            activation_id,
            provider_order_id,
            phone,
            cost,
            expires_at,
            due_at,
        )
    return recorded


async def apply_activation_sms(pool: Pool, activation_id: UUID, *, code: str | None, text: str) -> SmsOutcome:
    """An SMS has come: message, status and commit in one transaction."""
    with refusals():
        outcome: SmsOutcome = await pool.fetchval("select apply_activation_sms($1, $2, $3)", activation_id, code, text)
    return outcome


async def record_another_sms(
    pool: Pool, activation_id: UUID, *, error_code: str | None = None, due_at: datetime
) -> None:
    """The provider waits for another SMS, or will not; the user is told. No lease: it moves no money."""
    with refusals():
        await pool.fetchval("select record_another_sms($1, $2, $3)", activation_id, error_code, due_at)


async def close_activation(
    pool: Pool, activation_id: UUID, status: str, error_code: str | None = None, *, outcome: str | None = None
) -> bool:
    """The order ends and its hold with it. False: it was decided otherwise first.

    It needs no lease: it is called with the provider's final word on the order's number, or for an order that is to be
    cancelled, which nobody begins any more. outcome: of the attempt under way, if it is another one than `error_code`.
    """
    with refusals():
        closed: bool = await pool.fetchval(
            "select close_activation($1, $2, $3, p_outcome => $4)", activation_id, status, error_code, outcome
        )
    return closed


async def end_unserved(
    pool: Pool,
    activation_id: UUID,
    status: Literal["timeout", "cancelled", "failed"],
    error_code: str,
    *,
    providers: Sequence[str],
    outcome: str | None = None,
    leased_until: datetime | None = None,
) -> bool:
    """As `close_activation`; and in the same transaction another order is made, if the user wants to try again.

    providers: those that could be asked for its number. leased_until: False as well if the lease is another's by now.
    """
    with refusals():
        closed: bool = await pool.fetchval(
            "select end_unserved($1, $2, $3, $4, $5, p_leased_until => $6)",
            activation_id,
            status,
            error_code,
            providers,
            outcome,
            leased_until,
        )
    return closed


async def tried_providers(pool: Pool, job: ActivationJob) -> set[str]:
    """Who has been asked for a number of this country by the orders that this one follows."""
    if job.retry_of is None:
        return set()
    tried: list[str] = await pool.fetchval(
        "select tried_providers($1, $2, $3)", job.retry_of, job.country, job.retry_number
    )
    return set(tried)


async def refuse_cancel(
    pool: Pool, activation_id: UUID, error_code: str, *, allowed_at: datetime | None, due_at: datetime
) -> None:
    """The provider will not cancel, or not before `allowed_at`; the user is told.

    It needs no lease: nobody moves money by it, and whoever is refused may ask again.
    """
    with refusals():
        await pool.fetchval("select refuse_cancel($1, $2, $3, $4)", activation_id, error_code, allowed_at, due_at)


async def known_provider_orders(pool: Pool, provider: str, provider_order_ids: Sequence[str]) -> set[str]:
    """Those of the provider's orders that some order of ours already has."""
    rows = await pool.fetch(
        "select provider_order_id from activations where provider = $1 and provider_order_id = any($2)",
        provider,
        provider_order_ids,
    )
    return {row[0] for row in rows}


async def is_purchase_in_flight(pool: Pool, job: ActivationJob, window: timedelta | None = None) -> bool:
    """Whether another order for the same service and country may be being bought from the same provider right now.

    window: how long ago it was begun at most; None: whether any is begun and not decided.
    """
    found: bool = await pool.fetchval(
        "select exists (select from activations a join activations mine on mine.id = $1"
        " where a.id <> mine.id and a.status = 'ordering' and a.service = mine.service and a.country = mine.country"
        " and a.provider = $3"
        " and a.purchase_started_at > coalesce(now() - $2::interval, '-infinity'))",
        job.id,
        window,
        job.provider,
    )
    return found


async def log_for_operator(pool: Pool, level: str, source: str, message: str, data: str) -> None:
    """A line in `system_logs`; `data` is a JSON object as text, without codes or secrets."""
    await pool.execute(
        "insert into system_logs (level, source, message, data) values ($1, $2, $3, $4)", level, source, message, data
    )
