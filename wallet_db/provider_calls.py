"""What providers were asked about orders, kept for the operators' timeline for some days. Nothing is decided by it.

Purchases of activations are not here: `route_attempts` has them. No row holds a code: what was answered is in our
words, or an excerpt without whatever has a digit in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from wallet_db.connect import Pool
from wallet_db.errors import refusals


@dataclass(frozen=True, slots=True)
class ProviderCall:
    """One answer about an order, `times` of them since the one written before that was like it.

    at_s: by a clock of the caller's. method: of the providers' contract. outcome: ours, or a fault's code. seconds:
    until the answer; None if it was one answer for many orders.
    """

    order_id: UUID
    at_s: float
    provider: str
    method: str
    outcome: str
    answer: str | None = None
    seconds: float | None = None
    times: int = 1


async def write_provider_calls(pool: Pool, calls: Sequence[ProviderCall], *, now_s: float) -> None:
    """All in one statement. now_s: by the clock of their `at_s`; written down are the database's times."""
    await pool.execute(
        "insert into provider_calls (at, order_id, provider, method, outcome, answer, seconds, times)"
        " select clock_timestamp() - make_interval(secs => age_s), order_id, provider, method, outcome, answer,"
        " seconds, times from unnest($1::float8[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[],"
        " $7::real[], $8::integer[]) as call (age_s, order_id, provider, method, outcome, answer, seconds, times)",
        [max(0.0, now_s - call.at_s) for call in calls],
        [call.order_id for call in calls],
        [call.provider for call in calls],
        [call.method for call in calls],
        [call.outcome for call in calls],
        [call.answer for call in calls],
        [call.seconds for call in calls],
        [call.times for call in calls],
    )


async def forget_provider_calls(pool: Pool, limit: int, *, kept: timedelta) -> int:
    """Delete up to `limit` of the oldest, none younger than `kept`; how many it were."""
    with refusals():
        forgotten: int = await pool.fetchval("select forget_provider_calls($1, $2)", kept, limit)
    return forgotten
