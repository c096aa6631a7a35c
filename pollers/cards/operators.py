"""What operators are told about cards: a line in `system_logs`, whence alerts come. Never what is sealed."""

import asyncio

import orjson
import structlog

from wallet_db.card_numbers import without_card_numbers
from wallet_db.connect import Pool
from wallet_db.jobs import log_for_operator

log = structlog.get_logger()

QUIET_S = 60.0
"""The same code about the same thing is told this often."""
REMEMBERED_MAX = 1_000


class Operators:
    """Tells them, of the same thing not all the time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._quiet_until_s: dict[tuple[str, str], float] = {}

    async def tell(self, level: str, error_code: str, reason: str, *, about: str = "", **said: object) -> None:
        """about: what rests together for QUIET_S with this code; nothing: the code by itself."""
        now_s = asyncio.get_running_loop().time()
        if now_s < self._quiet_until_s.get((error_code, about), 0.0):
            return
        if len(self._quiet_until_s) >= REMEMBERED_MAX:
            self._quiet_until_s.clear()
        self._quiet_until_s[error_code, about] = now_s + QUIET_S
        told = without_card_numbers({**{name: str(value) for name, value in said.items()}, "reason": reason})
        log.warning(error_code.lower(), **told)
        await log_for_operator(self._pool, level, "pollers", error_code, orjson.dumps(told).decode())
