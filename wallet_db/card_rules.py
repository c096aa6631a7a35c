"""Velocity rules and what they are judged by, as rows.

Effects and locks: the SQL function of the same name. What a rule means says `pollers.cards.rules`, which is pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from wallet_db.connect import Connection, Pool


@dataclass(frozen=True, slots=True)
class CardTransaction:
    """A row of `card_transactions`. usd: what it added to the card, so negative for a payment. type: None: not told."""

    id: int
    card_id: UUID
    user_id: UUID
    usd: Decimal
    type: str | None
    status: str
    at: datetime


@dataclass(frozen=True, slots=True)
class StoredRule:
    """A row of `card_rules`. rule: parsed JSON, valid or not. dry_run: its hits are noted, and nothing follows."""

    name: str
    rule: Any
    dry_run: bool
    enabled: bool


async def read_card_rules(connection: Connection | Pool) -> list[StoredRule]:
    """All of them, by name."""
    rows = await connection.fetch("select name, rule, dry_run, enabled from card_rules order by name")
    return [StoredRule(**{**row, "rule": orjson.loads(row["rule"])}) for row in rows]


async def store_card_rule(
    connection: Connection | Pool, name: str, rule: object, *, dry_run: bool, enabled: bool
) -> None:
    """Make or replace a rule. The caller has made sure that it is valid."""
    await connection.execute(
        "insert into card_rules (name, rule, dry_run, enabled) values ($1, $2, $3, $4) on conflict (name) do update"
        " set rule = excluded.rule, dry_run = excluded.dry_run, enabled = excluded.enabled",
        name,
        orjson.dumps(rule).decode(),
        dry_run,
        enabled,
    )


async def read_card_transactions(connection: Connection | Pool, since: datetime, limit: int) -> list[CardTransaction]:
    """What cards had from this moment on, the newest first, at most `limit`."""
    rows = await connection.fetch(
        "select id, card_id, user_id, usd, type, status, at from card_transactions where at >= $1"
        " order by at desc, id desc limit $2",
        since,
        limit,
    )
    return [CardTransaction(**row) for row in rows]


async def read_unjudged_card_transactions(
    pool: Pool, limit: int, *, window: timedelta
) -> tuple[list[CardTransaction], list[CardTransaction]]:
    """Up to `limit` that no rule has looked at, and all that the rules need beside them, those included."""
    rows = await pool.fetch("select * from read_unjudged_card_transactions($1, $2)", limit, window)
    unjudged, beside = [], []
    for row in rows:
        columns = dict(row)
        is_unjudged = columns.pop("is_unjudged")
        transaction = CardTransaction(**columns)
        beside.append(transaction)
        if is_unjudged:
            unjudged.append(transaction)
    return unjudged, beside


async def mark_card_transactions_judged(pool: Pool, transactions: Sequence[CardTransaction]) -> None:
    """All rules have looked at these."""
    await pool.execute("select mark_card_transactions_judged($1)", [transaction.id for transaction in transactions])


async def note_card_rule_hit(
    connection: Connection,
    *,
    rule: str,
    per: str,
    window: timedelta,
    card_id: UUID,
    user_id: UUID,
    at: datetime,
    figures: object,
) -> str:
    """Write a hit down: `known`, `noted` (nothing follows), or `acted` (the caller does what the rule says)."""
    noted: str = await connection.fetchval(
        "select note_card_rule_hit($1, $2, $3, $4, $5, $6, $7)",
        rule,
        per,
        window,
        card_id,
        user_id,
        at,
        orjson.dumps(figures).decode(),
    )
    return noted


async def end_card_rule(connection: Connection | Pool, name: str) -> bool:
    """Let a rule judge no more; whether there is one."""
    done: str = await connection.execute("update card_rules set enabled = false where name = $1", name)
    return done.endswith(" 1")


async def count_card_rule_hits(connection: Connection | Pool, since: datetime) -> dict[str, int]:
    """By rule; one without any is not in it."""
    rows = await connection.fetch("select rule, count(*) from card_rule_hits where at >= $1 group by rule", since)
    return {row["rule"]: row["count"] for row in rows}
