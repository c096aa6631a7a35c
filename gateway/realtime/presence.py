"""Who is connected, told to the pollers by way of the database: the orders of users who watch are looked at more often.

Invariant: one statement for each USERS_PER_STATEMENT connected users in PERIOD_S, and none for a connection that comes
or goes. Only users with an open order are written, and what is written wears off by itself: a gateway that dies leaves
nothing to clean up. Lost or late, it costs a slower look.
"""

import asyncio
from collections.abc import Callable, Collection
from datetime import timedelta
from itertools import islice
from uuid import UUID

import structlog

from notifier.retry import DATABASE_FAULTS
from wallet_db.accounts import note_presence
from wallet_db.connect import Pool

log = structlog.get_logger()

PERIOD_S = 10.0
LASTS = timedelta(seconds=25)
"""Two periods, and what a busy database takes."""
USERS_PER_STATEMENT = 2_000


async def tell_presence(pool: Pool, users: Callable[[], Collection[UUID]], *, period_s: float = PERIOD_S) -> None:
    """Tell of the users that `users` names at the time, again and again, until cancelled."""
    faulty = False
    while True:
        try:
            present = iter(list(users()))
            while chunk := list(islice(present, USERS_PER_STATEMENT)):
                await note_presence(pool, chunk, lasts=LASTS)
        except DATABASE_FAULTS as error:
            if not faulty:
                log.warning("presence not told", error=str(error) or type(error).__name__)
            faulty = True
        else:
            faulty = False
        await asyncio.sleep(period_s)
