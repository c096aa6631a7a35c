"""What operators look at of virtual cards: all of them, one with its audit, fundings and webhooks; and reconciliations.

As `wallet_db.operators`: for connections that act as `onesms_operator`, answers are JSON as SQL shapes it. What is
sealed (a name, last digits, an expiry) is not here: this role has no key, and no need of it.
"""

from datetime import datetime
from uuid import UUID

import orjson

from wallet_db.card_reconciliations import ask_card_reconciliation
from wallet_db.connect import Pool
from wallet_db.operators import acting_for
from wallet_db.orders import JsonObject

Place = tuple[datetime, UUID] | None
"""Where a page ends and the next begins: a card's time and id; None: the newest."""

AUDIT_MAX, FUNDINGS_MAX, WEBHOOKS_MAX = 200, 50, 50
_CARD = (
    "card_json(c) || jsonb_build_object('user_id', c.user_id, 'user_name', u.name, 'provider_card_id',"
    " c.provider_card_id)"
)


async def list_cards(
    pool: Pool, *, word: str | None, status: str | None, place: Place, limit: int
) -> tuple[list[JsonObject], str | None]:
    """Cards, the newest first, and where the next page begins.

    word: a card's id or its first eight characters, the provider's id, or its user's id or name.
    """
    rows = await pool.fetch(
        f"""
            select {_CARD} as shown,
                   concat(to_char(c.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z_"'), c.id) as next
              from cards c join users u on u.id = c.user_id
             where ($1::text is null or (length($1) >= 8 and starts_with(c.id::text, lower($1)))
                    or c.provider_card_id = $1 or c.user_id::text = lower($1) or u.name = $1)
               and ($2::text is null or c.status = $2)
               and ($3::timestamptz is null or (c.created_at, c.id) < ($3, $4::uuid))
             order by c.created_at desc, c.id desc limit $5""",  # noqa: S608 - its only variable is above
        word,
        status,
        *(place or (None, None)),
        limit,
    )
    return [orjson.loads(row["shown"]) for row in rows], rows[-1]["next"] if len(rows) == limit else None


async def read_card(pool: Pool, card_id: UUID) -> JsonObject | None:
    """`{"card", "audit", "fundings", "webhooks"}`, each the newest first and bounded; None: no such card."""
    row = await pool.fetchrow(
        f"""
            select {_CARD} as card,
                   (select coalesce(jsonb_agg(shown order by id desc), '[]') from (
                       select id, jsonb_build_object('id', id, 'action', action, 'actor_type', actor_type, 'actor_id',
                                  actor_id, 'diff', diff, 'at', iso_utc(at)) as shown
                         from strowallet_card_audit where card_id = c.id order by id desc limit $2) a) as audit,
                   (select coalesce(jsonb_agg(card_funding_json(f) order by f.created_at desc, f.id desc), '[]')
                      from (select * from card_fundings where card_id = c.id
                             order by created_at desc, id desc limit $3) f) as fundings,
                   (select coalesce(jsonb_agg(shown order by id desc), '[]') from (
                       select id, jsonb_build_object('event_id', event_id, 'event', event, 'status', status, 'error',
                                  error, 'signature_valid', signature_valid, 'source', source, 'received_at',
                                  iso_utc(received_at)) as shown
                         from strowallet_webhook_events where card_id = c.id
                        order by id desc limit $4) w) as webhooks
              from cards c join users u on u.id = c.user_id where c.id = $1""",  # noqa: S608 - its only variable is above
        card_id,
        AUDIT_MAX,
        FUNDINGS_MAX,
        WEBHOOKS_MAX,
    )
    return {name: orjson.loads(text) for name, text in row.items()} if row is not None else None


async def list_reconciliations(pool: Pool, *, before: int | None, limit: int) -> list[JsonObject]:
    """Our books of cards beside the provider's, the newest first, from below id `before`, with the worst cases."""
    rows = await pool.fetch(
        "select jsonb_build_object('id', id, 'provider', provider, 'asked_by', asked_by, 'correct', correct,"
        " 'started_at', iso_utc(started_at), 'ended_at', iso_utc(ended_at), 'cards', cards, 'unread', unread,"
        " 'mismatches', mismatches, 'corrected', corrected, 'usd_ours', usd_ours::text, 'usd_theirs', usd_theirs::text,"
        " 'agrees', report -> 'agrees', 'worst', coalesce(report -> 'worst', '[]')) as shown"
        " from card_reconciliations where ($1::bigint is null or id < $1) order by id desc limit $2",
        before,
        limit,
    )
    return [orjson.loads(row["shown"]) for row in rows]


async def reconcile(pool: Pool, provider: str, *, correct: bool, actor: str) -> int:
    """Ask for a comparison of all cards; its id, or that of the one that is open."""
    async with acting_for(pool, actor) as connection:
        return await ask_card_reconciliation(connection, provider, correct=correct)
