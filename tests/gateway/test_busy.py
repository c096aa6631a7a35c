"""A wallet that somebody else keeps locked: 503 and when to come again, never 402; and then the same call succeeds."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import httpx

from tests.gateway.api import ORDER, client_of, refusal, wallet
from tests.system import System


@contextmanager
def locked_wallet(database_url: str, user_id: str) -> Iterator[None]:
    """Somebody is at work on this wallet while the block runs."""
    locked, done = threading.Event(), threading.Event()

    async def hold() -> None:
        connection = await asyncpg.connect(database_url)
        async with connection.transaction():
            await connection.execute("select lock_user_wallet($1::text::uuid)", user_id)
            locked.set()
            await asyncio.to_thread(done.wait)
        await connection.close()

    holder = threading.Thread(target=asyncio.run, args=(hold(),))
    holder.start()
    assert locked.wait(10)
    try:
        yield
    finally:
        done.set()
        holder.join()


def test_a_locked_wallet_is_answered_as_busy_and_the_same_call_then_succeeds(system: System) -> None:
    user_id, token = system.sign_in(credit="5.00")
    with client_of(system.url, token) as client:
        headers = {"idempotency-key": "once"}

        def buy() -> httpx.Response:
            return client.post("/api/activations", json=ORDER, headers=headers)

        with locked_wallet(system.database_url, user_id):
            answer = buy()
        body = refusal(answer, 503, "BUSY")
        assert (answer.headers["retry-after"], body["retry_after_s"]) == ("1", 1)
        assert wallet(client) == ("5.00", "0.00", "5.00")
        assert buy().status_code == 201
        assert wallet(client) == ("5.00", "5.00", "0.00")
