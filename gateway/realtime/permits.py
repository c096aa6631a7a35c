"""Permits: an open connection stands on a session, and goes when that does.

Each is warned before its token expires, closed when it does, and closed as soon as the token is known to be revoked. A
renewal moves it to another session of the same user. No task and no timer belongs to a permit, only a deadline.
"""

import asyncio
import time
from collections.abc import Iterator
from typing import ClassVar, Protocol
from uuid import UUID

import structlog

from gateway.auth import Revoked, Session
from gateway.realtime.close_codes import TOKEN_EXPIRED, TOKEN_REVOKED, CloseCode
from gateway.realtime.deadlines import Deadlines
from gateway.realtime.messages import Message, auth_expiring_message, auth_renewed_message

log = structlog.get_logger()


class Holder(Protocol):
    """A connection, as its permit sees it. transport: one of `counted.TRANSPORTS`."""

    transport: ClassVar[str]

    def say(self, message: Message) -> None:
        """Tell the client something that is not of its stream. Called after `Permit.greet` only."""

    def end(self, code: CloseCode) -> None:
        """Close, telling the client why; idempotent."""


class Permit:
    """One connection's."""

    __slots__ = ("_greeted", "_holder", "_permits", "_released", "_slot", "_warned", "session")

    def __init__(self, permits: "Permits", session: Session, holder: Holder) -> None:
        self.session = session
        self._permits = permits
        self._holder = holder
        self._greeted = False
        self._released = False
        self._warned = permits.warning_s == 0
        self._slot = self._wait()

    def greet(self) -> None:
        """The client has had its first message: from now on it may be warned, at once if the token has so little."""
        self._greeted = True
        self._wait_anew()

    def renew(self, session: Session) -> None:
        """Stand on this session from now on; the caller has seen to it that it is the same user's."""
        if self._released:
            return
        self.session = session
        self._warned = self._permits.warning_s == 0
        self._wait_anew()
        if self._greeted:
            self._holder.say(auth_renewed_message(session.expires_at))

    @property
    def transport(self) -> str:
        """The connection's."""
        return self._holder.transport

    def say(self, message: Message) -> None:
        """Tell the client something that is not of its stream, if it has had its first message."""
        if self._greeted and not self._released:
            self._holder.say(message)

    def end(self, code: CloseCode) -> None:
        """End the connection."""
        self._holder.end(code)

    def release(self) -> None:
        """The connection has ended; idempotent."""
        self._released = True
        self._permits.deadlines.remove(self, self._slot)
        self._permits.forget(self)

    def due(self) -> None:
        """The token expires now, or soon."""
        if not self._greeted or self._warned:
            self._holder.end(TOKEN_EXPIRED)
            return
        self._warned = True
        self._slot = self._wait()
        expires_at = self.session.expires_at
        self._holder.say(auth_expiring_message(expires_at, in_s=max(0.0, expires_at - time.time())))

    def _wait_anew(self) -> None:
        self._permits.deadlines.remove(self, self._slot)
        self._slot = self._wait()

    def _wait(self) -> int:
        left_s = self.session.expires_at - time.time()
        if self._greeted and not self._warned:
            left_s -= self._permits.warning_s
        return self._permits.deadlines.add(self, left_s)


class Permits:
    """All of one process, by user."""

    def __init__(self, revoked: Revoked, warning_s: float) -> None:
        self.revoked = revoked
        self.warning_s = warning_s
        self.deadlines = Deadlines()
        self._of_user: dict[UUID, tuple[Permit, ...]] = {}  # one, nearly always: a set would be four times as large

    def __iter__(self) -> Iterator[Permit]:
        return iter([permit for permits in self._of_user.values() for permit in permits])

    @property
    def users(self) -> int:
        """How many have one."""
        return len(self._of_user)

    def of(self, user_id: UUID) -> tuple[Permit, ...]:
        """This user's."""
        return self._of_user.get(user_id, ())

    def grant(self, session: Session, holder: Holder) -> Permit:
        """A permit, to be released once. If the session was revoked since it was verified, it ends at once."""
        permit = Permit(self, session, holder)
        self._of_user[session.user_id] = (*self._of_user.get(session.user_id, ()), permit)
        if self.revoked.covers(session):
            asyncio.get_running_loop().call_soon(holder.end, TOKEN_REVOKED)
        return permit

    def forget(self, permit: Permit) -> None:
        """Called by the permit itself."""
        user_id = permit.session.user_id
        permits = tuple(other for other in self._of_user.pop(user_id, ()) if other is not permit)
        if permits:
            self._of_user[user_id] = permits

    def renew(self, token_id: str, session: Session) -> None:
        """Let every connection of this user that stands on this token stand on the session, if that counts."""
        if self.revoked.covers(session):  # known here before the renewal was heard of
            return
        for permit in self._of_user.get(session.user_id, ()):
            if permit.session.token_id == token_id:
                permit.renew(session)

    def enforce(self) -> None:
        """End what stands on a revoked session."""
        for permit in self:
            if self.revoked.covers(permit.session):
                try:
                    permit.end(TOKEN_REVOKED)
                except Exception:  # the others have to go all the same
                    log.exception("connection could not be ended")
