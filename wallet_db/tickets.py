"""Tickets as rows: what was put there under a secret can be taken once, by one, within its time."""

import hashlib
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from wallet_db.connect import Connection, Pool


class TicketHolder(NamedTuple):
    """Whose it is: what the token said with which it was got."""

    user_id: UUID
    role: str
    token_id: str
    issued_at: float
    token_expires_at: float


async def put_ticket(pool: Pool, ticket: str, holder: TicketHolder, lifetime: timedelta) -> None:
    """Keep it; the user's that were not used in time go."""
    await pool.execute(
        "with old as (delete from tickets where user_id = $2 and expires_at < now())"
        " insert into tickets (digest, user_id, role, token_id, issued_at, token_expires_at, expires_at)"
        " values ($1, $2, $3, $4, $5, $6, now() + $7::interval)",
        _digest(ticket),
        *holder,
        lifetime,
    )


async def take_ticket(pool: Pool, ticket: str) -> TicketHolder | None:
    """Whose it was, if nobody has taken it and its time is not over; it is gone now."""
    row = await pool.fetchrow(
        "delete from tickets where digest = $1"
        " returning user_id, role, token_id, issued_at, token_expires_at, expires_at > clock_timestamp() as is_good",
        _digest(ticket),
    )
    return TicketHolder(*row[:5]) if row is not None and row["is_good"] else None


async def find_ticket(pool: Pool, ticket: str) -> TicketHolder | None:
    """Whose it is, if it can still be taken; it stays where it is."""
    row = await pool.fetchrow(
        "select user_id, role, token_id, issued_at, token_expires_at from tickets"
        " where digest = $1 and expires_at > clock_timestamp()",
        _digest(ticket),
    )
    return TicketHolder(*row) if row is not None else None


async def forget_tickets(connection: Connection | Pool) -> None:
    """Delete those whose time is over."""
    await connection.execute("delete from tickets where expires_at < now()")


def _digest(ticket: str) -> bytes:
    return hashlib.sha256(ticket.encode("utf-8", "surrogatepass")).digest()
