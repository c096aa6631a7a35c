"""Permits without a system around them: what happens when hints, revocations and ends come in an odd order."""

import asyncio
import time
from uuid import UUID

from gateway.auth import Revoked, Session
from gateway.realtime.close_codes import TOKEN_EXPIRED, TOKEN_REVOKED, CloseCode
from gateway.realtime.messages import Message
from gateway.realtime.permits import Permits
from tests.gateway.support import in_a_loop
from wallet_db.revocations import Revocation

USER, OTHER = UUID(int=1), UUID(int=2)


class Client:
    """A connection that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str | int] = []
        self.ended = asyncio.Event()

    def say(self, message: Message) -> None:
        self.told.append(message.type)

    def end(self, code: CloseCode) -> None:
        self.told.append(code.code)
        self.ended.set()


def session(token_id: str, lifetime_s: float = 60, user_id: UUID = USER, issued_at: float = 10.0) -> Session:
    return Session(user_id, "user", time.time() + lifetime_s, issued_at, token_id)


@in_a_loop
async def test_session_revoked_while_its_connection_was_opened_ends_it() -> None:
    revoked = Revoked()
    revoked.learn([Revocation(USER, None, 11.0)])
    client = Client()
    Permits(revoked, 60).grant(session("a"), client)
    await client.ended.wait()
    assert client.told == [TOKEN_REVOKED.code]


@in_a_loop
async def test_only_what_stands_on_what_was_revoked_is_ended() -> None:
    revoked = Revoked()
    permits = Permits(revoked, 60)
    sessions = [session("a"), session("b"), session("c", issued_at=20.0), session("d", user_id=OTHER)]
    clients = [Client() for _ in sessions]
    for each, client in zip(sessions, clients, strict=True):
        permits.grant(each, client)
    revoked.learn([Revocation(None, "b", 11.0)])
    permits.enforce()
    assert [client.told for client in clients] == [[], [4503], [], []]
    revoked.learn([Revocation(USER, None, 15.0)])
    permits.enforce()
    assert [bool(client.told) for client in clients] == [True, True, False, False]


@in_a_loop
async def test_renewal_heard_after_its_token_was_revoked_moves_nothing() -> None:
    revoked = Revoked()
    permits = Permits(revoked, 60)
    permit = permits.grant(session("old"), Client())
    revoked.learn([Revocation(None, "new", 11.0)])
    permits.renew("old", session("new"))
    assert permit.session.token_id == "old"
    permits.renew("old", session("newer"))  # the control
    assert permit.session.token_id == "newer"


@in_a_loop
async def test_renewal_is_of_one_users_token() -> None:
    """Two issuers may give two users' tokens the same id."""
    permits = Permits(Revoked(), 60)
    mine, theirs = permits.grant(session("a"), Client()), permits.grant(session("a", user_id=OTHER), Client())
    permits.renew("a", session("b"))
    assert (mine.session.token_id, theirs.session.token_id) == ("b", "a")


@in_a_loop
async def test_connection_that_ended_meanwhile_is_not_renewed() -> None:
    permits = Permits(Revoked(), 60)
    client = Client()
    permit = permits.grant(session("a"), client)
    permit.greet()
    permit.release()
    permit.release()
    permit.renew(session("b", lifetime_s=0.01))
    await asyncio.sleep(0.05)
    assert client.told == []
    assert list(permits) == []


@in_a_loop
async def test_each_token_is_warned_of_once_and_after_the_first_message_only() -> None:
    client, silent = Client(), Client()
    permits = Permits(Revoked(), 60)
    permit = permits.grant(session("a", lifetime_s=30), client)
    permits.grant(session("a", lifetime_s=0.1), silent)  # a poll, which is never greeted
    permit.greet()
    await asyncio.sleep(0.02)
    assert client.told == ["auth.expiring"]
    permit.renew(session("b", lifetime_s=0.1))
    await client.ended.wait()
    assert client.told == ["auth.expiring", "auth.renewed", "auth.expiring", TOKEN_EXPIRED.code]
    await silent.ended.wait()
    assert silent.told == [TOKEN_EXPIRED.code]


@in_a_loop
async def test_warnings_can_be_turned_off() -> None:
    client = Client()
    Permits(Revoked(), 0).grant(session("a", lifetime_s=0.05), client).greet()
    await client.ended.wait()
    assert client.told == [TOKEN_EXPIRED.code]
