"""What is done to the tables of cards again and again: days are summed up, what was kept long enough goes, figures.

Effects and locks: the SQL function of the same name.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from wallet_db.connect import Pool


@dataclass(frozen=True, slots=True)
class AlarmFigures:
    """Of the last hour (webhooks) and the last 24 hours (cards blocked); blocked_days: the days before, latest first.

    mismatches_left, balances_beyond: of the last reconciliations; reconciliation_open: for how long one is, 0 if none.
    """

    webhooks_received: int
    webhooks_failed: int
    blocked_day: int
    blocked_days: tuple[int, ...]
    mismatches_left: int
    balances_beyond: int
    reconciliation_open: timedelta


async def card_alarm_figures(pool: Pool) -> AlarmFigures:
    """As of now."""
    row = await pool.fetchrow("select * from card_alarm_figures()")
    assert row is not None  # noqa: S101 - an aggregate is one row
    return AlarmFigures(**{**row, "blocked_days": tuple(row["blocked_days"])})


async def sum_card_day(pool: Pool, day: date) -> int:
    """Write what happened on a day (UTC); how many providers it is a row for."""
    rows: int = await pool.fetchval("select sum_card_day($1)", day)
    return rows


async def purge_card_payloads(pool: Pool, limit: int, *, kept: timedelta) -> int:
    """Empty the payloads of up to `limit` webhooks received that long ago; how many it were."""
    purged: int = await pool.fetchval("select purge_card_payloads($1, $2)", limit, kept)
    return purged


async def forget_card_reveals(pool: Pool, limit: int, *, kept: timedelta) -> int:
    """Delete up to `limit` reveals that were over that long ago; how many it were."""
    forgotten: int = await pool.fetchval("select forget_card_reveals($1, $2)", limit, kept)
    return forgotten
