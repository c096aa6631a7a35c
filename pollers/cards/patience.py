"""Asking again what may be asked again: three tries, the pauses between them twice as long each time and drawn.

Only what may have been the network's or the provider's trouble of the moment is tried again: no answer, or a 5xx. A 4xx
is an answer and stays one, a limit among them (its pause is the account's to keep), and so does what is held back here.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

from pollers.providers.contract import Unavailable
from pollers.turns import Held

TRIES = 3
PAUSE_S = 0.5
_ANSWERED_4XX = re.compile(r"HTTP 4\d\d")

AnswerT = TypeVar("AnswerT")


def is_worth_another_try(fault: Unavailable) -> bool:
    """Whether the same request may fare better in a moment."""
    return not isinstance(fault, Held) and fault.retry_after_s is None and not _ANSWERED_4XX.match(fault.reason)


def pause_s(tries: int, random: Random) -> float:
    """How long to wait after so many tries: drawn, so that many who failed together do not come back together."""
    return PAUSE_S * float(2 ** (tries - 1)) * random.uniform(0.5, 1.5)


async def patiently(ask: Callable[[], Awaitable[AnswerT]], random: Random) -> AnswerT:
    """Ask up to TRIES times. Raises the last fault."""
    for tries in range(1, TRIES):
        try:
            return await ask()
        except Unavailable as fault:
            if not is_worth_another_try(fault):
                raise
            await asyncio.sleep(pause_s(tries, random))
    return await ask()
