"""Tickets: an `EventSource` can send nothing but an address, and addresses end up in logs. So it is given one that is
worth nothing any more when somebody reads it: good for one connection, on any process, within seconds.

A ticket stands for the session of the token it was got with: it ends, and is revoked, with that.
"""

import re
import secrets
import time
from datetime import timedelta
from urllib.parse import parse_qs

from gateway.auth.revoked import Revoked
from gateway.auth.session import Session
from gateway.errors import ApiError
from wallet_db.connect import Pool
from wallet_db.tickets import TicketHolder, find_ticket, put_ticket, take_ticket

LIFETIME_S = 30


def ticket_of(query: bytes) -> str | None:
    """`?ticket=`, if any."""
    return parse_qs(query.decode("latin-1")).get("ticket", [None])[0] if b"ticket=" in query else None


TICKET = re.compile(r"[A-Za-z0-9_-]{43}")  # 32 bytes, as secrets.token_urlsafe writes them


class Tickets:
    """Given out and taken back, in the database."""

    def __init__(self, pool: Pool, revoked: Revoked) -> None:
        self._pool = pool
        self._revoked = revoked

    async def issue(self, session: Session) -> str:
        """A ticket for this session, good for LIFETIME_S."""
        ticket = secrets.token_urlsafe(32)
        holder = TicketHolder(session.user_id, session.role, session.token_id, session.issued_at, session.expires_at)
        await put_ticket(self._pool, ticket, holder, timedelta(seconds=LIFETIME_S))
        return ticket

    async def redeem(self, ticket: str, *, uses_up: bool = True) -> Session:
        """The session; the ticket is used up. Raises ApiError TICKET_INVALID, TOKEN_EXPIRED or TOKEN_REVOKED."""
        find = take_ticket if uses_up else find_ticket
        # What cannot be one is not asked for: nobody has shown who they are yet.
        holder = await find(self._pool, ticket) if TICKET.fullmatch(ticket) else None
        if holder is None:
            raise ApiError(
                "TICKET_INVALID", f"expected a ticket of the last {LIFETIME_S} s that was not used: get a new one"
            )
        session = Session(holder.user_id, holder.role, holder.token_expires_at, holder.issued_at, holder.token_id)
        if session.expires_at <= time.time():
            raise ApiError("TOKEN_EXPIRED", "the token behind the ticket has expired: get a new one")
        if self._revoked.covers(session):
            raise ApiError("TOKEN_REVOKED", "the token behind the ticket has been revoked: get a new one")
        return session
