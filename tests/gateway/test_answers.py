"""Messages whose answer takes time: one connection's flood is its own trouble."""

import asyncio
import time
from uuid import UUID

import pytest

from gateway.auth import Revoked, Session
from gateway.errors import ApiError
from gateway.realtime import answers
from gateway.realtime.answers import PER_CONNECTION_MAX, Answers
from gateway.realtime.close_codes import CloseCode
from gateway.realtime.messages import Message
from gateway.realtime.permits import Permit, Permits
from tests.gateway.support import in_a_loop


class Client:
    """A connection of whom nothing is asked here."""

    def say(self, message: Message) -> None:
        pass

    def end(self, code: CloseCode) -> None:
        pass


def two_connections() -> tuple[Permit, Permit]:
    """Of one user, on one token."""
    permits, session = Permits(Revoked(), 60), Session(UUID(int=1), "user", time.time() + 60)
    return permits.grant(session, Client()), permits.grant(session, Client())


@in_a_loop
async def test_flood_of_one_connection_is_refused_and_another_is_served() -> None:
    flooding, other = two_connections()
    asked, told = Answers(), asyncio.Queue[ApiError]()
    database_is_back = asyncio.Event()

    async def work() -> None:
        await database_is_back.wait()

    async def refused_work() -> None:
        await database_is_back.wait()
        raise ApiError("INVALID_ARGUMENT", "")

    for _ in range(PER_CONNECTION_MAX):
        asked.soon(flooding, work(), told.put_nowait)
    with pytest.raises(ApiError, match="too many messages at once"):
        asked.soon(flooding, work(), told.put_nowait)
    asked.soon(other, refused_work(), told.put_nowait)
    database_is_back.set()
    assert (await told.get()).code == "INVALID_ARGUMENT"
    await asyncio.sleep(0)  # the loop's callbacks of what has just ended
    asked.soon(flooding, refused_work(), told.put_nowait)  # it has its room back
    assert (await told.get()).code == "INVALID_ARGUMENT"


@in_a_loop
async def test_lost_database_is_told_and_all_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = two_connections()
    asked, told = Answers(), asyncio.Queue[ApiError]()
    monkeypatch.setattr(answers, "IN_ALL_MAX", 1)

    async def work() -> None:
        raise ConnectionResetError

    asked.soon(first, work(), told.put_nowait)
    with pytest.raises(ApiError, match="too many messages at once"):
        asked.soon(second, work(), told.put_nowait)
    assert (await told.get()).code == "UNAVAILABLE"
