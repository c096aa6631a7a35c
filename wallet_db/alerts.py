"""Alerts: what `system_logs` has that operators are to be told, folded, and what each channel has told of it.

Effects and locks: the SQL function of the same name. The texts of an alert are those of the log's rows: names, ids and
amounts; they never had a code or a secret in them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from wallet_db.connect import Pool


@dataclass(frozen=True, slots=True)
class Alert:
    """Rows of `system_logs` that agree in what went wrong. data: of the latest; told_times: 0 if it is new."""

    id: int
    level: str
    """warning, error or critical."""
    source: str
    message: str
    data: Mapping[str, Any]
    first_at: datetime
    last_at: datetime
    times: int
    told_times: int


@dataclass(frozen=True, slots=True)
class EndedAlert(Alert):
    """One that is over."""

    closed_at: datetime
    closed_by: str
    """ended: its cause was looked at and is no more; quiet: it has not happened for so long."""


async def fold_alerts(pool: Pool, limit: int) -> int:
    """Look at up to `limit` rows of `system_logs`; how many it were."""
    folded: int = await pool.fetchval("select fold_alerts($1)", limit)
    return folded


async def alerts_to_tell(pool: Pool, channel: str, limit: int, *, quiet: timedelta) -> list[Alert]:
    """What this channel is to tell now, the worst first."""
    rows = await pool.fetch("select * from alerts_to_tell($1, $2, $3)", channel, quiet, limit)
    return [Alert(**{**row, "data": orjson.loads(row["data"])}) for row in rows]


async def mark_alerts_told(pool: Pool, channel: str, alerts: Sequence[Alert]) -> None:
    """The channel has told these."""
    ids, times = [alert.id for alert in alerts], [alert.times for alert in alerts]
    await pool.execute("select mark_alerts_told($1, $2, $3)", channel, ids, times)


async def alerts_over(pool: Pool, channel: str, limit: int) -> list[EndedAlert]:
    """What this channel has told and is now to call over, the oldest first."""
    rows = await pool.fetch("select * from alerts_over($1, $2)", channel, limit)
    return [EndedAlert(**{**row, "data": orjson.loads(row["data"])}) for row in rows]


async def mark_alerts_over(pool: Pool, channel: str, alerts: Sequence[EndedAlert]) -> None:
    """The channel has told that these are over."""
    await pool.execute("select mark_alerts_over($1, $2)", channel, [alert.id for alert in alerts])


async def rest_alert_channel(pool: Pool, channel: str, error: str) -> None:
    """The channel could not tell; error: for the operator, without addresses and secrets."""
    await pool.execute("select rest_alert_channel($1, $2)", channel, error)


async def close_alerts(pool: Pool, channels: Sequence[str], *, quiet: timedelta) -> int:
    """Close what is over and told by all of these; how many it were."""
    closed: int = await pool.fetchval("select close_alerts($1, $2)", list(channels), quiet)
    return closed


async def count_open_alerts(pool: Pool) -> dict[str, int]:
    """By level; a level without any is not in it."""
    rows = await pool.fetch("select level, count(*) from alerts where closed_at is null group by level")
    return {row["level"]: row["count"] for row in rows}
