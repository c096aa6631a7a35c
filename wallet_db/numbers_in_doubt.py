"""Numbers that may have been sold for orders whose money an operator gave back: `refund_activation` writes the rows.

Who looks for them reads the provider's list, notes what it finds, and forgets the row when it is decided. Nobody else
takes a number of theirs meanwhile but an order that adopts it: see `is_wanted`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from wallet_db.connect import Pool


@dataclass(frozen=True, slots=True)
class NumberInDoubt:
    """One to look for. service, country: ours, and as its provider calls them; None if it has no code for it any more.

    found_id: of a number on the provider's list that no order of ours had then; since `found_at`. now: the database's.
    """

    activation_id: UUID
    provider: str
    service: str
    country: str
    service_code: str | None
    country_code: str | None
    begun_at: datetime
    found_id: str | None
    found_at: datetime | None
    now: datetime

    @property
    def is_routed(self) -> bool:
        """Whether the provider's list can be searched for it."""
        return self.service_code is not None and self.country_code is not None


async def read_numbers_in_doubt(pool: Pool) -> list[NumberInDoubt]:
    """All of them, the oldest first."""
    rows = await pool.fetch(
        "select n.activation_id, n.provider, n.service, n.country, s.code as service_code, c.code as country_code,"
        " n.begun_at, n.found_id, n.found_at, now() as now"
        " from numbers_in_doubt n left join provider_services s using (provider, service)"
        " left join provider_countries c using (provider, country) order by n.begun_at, n.activation_id"
    )
    return [NumberInDoubt(**row) for row in rows]


async def note_found(pool: Pool, number: NumberInDoubt, found_id: str) -> None:
    """It may be this one."""
    await pool.execute(
        "update numbers_in_doubt set found_id = $2, found_at = now() where activation_id = $1",
        number.activation_id,
        found_id,
    )


async def is_wanted(pool: Pool, number: NumberInDoubt, *, young: timedelta) -> bool:
    """Whether an order may be given the number found, or adopt it.

    One whose purchase was begun before it was found may have bought it; any other may adopt it as soon as its own
    purchase is in doubt, which takes a while: one as young as this does not yet.
    """
    wanted: bool = await pool.fetchval(
        "select exists (select from activations where status = 'ordering' and provider = $1 and service = $2"
        " and country = $3 and purchase_started_at <= greatest($4, now() - $5::interval))",
        number.provider,
        number.service,
        number.country,
        number.found_at,
        young,
    )
    return wanted


async def forget_number(pool: Pool, number: NumberInDoubt) -> None:
    """It is decided."""
    await pool.execute("delete from numbers_in_doubt where activation_id = $1", number.activation_id)
