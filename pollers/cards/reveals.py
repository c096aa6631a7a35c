"""The work on one reveal: a card's number and CVV go from the provider to who asked, and stay nowhere.

They live in local variables of `_answer`, from the provider's answer to its sealing for the one process that waits for
it; only the sealed text leaves this module. Whatever goes wrong meanwhile, no error is let out that might hold more
than its class's name. A reveal is not tried twice: who waits sees why, and asks again.
"""

import orjson
import structlog

from pollers.cards.desk import Desk
from pollers.providers.contract import ProviderError
from wallet_db import card_notices
from wallet_db.card_notices import RevealJob

log = structlog.get_logger()


class RevealWorker:
    """Works on claimed reveals."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def work(self, job: RevealJob) -> None:
        """Answer it, or say why not."""
        error_code, answer = "INTERNAL_ERROR", None
        try:
            answer = await self._answer(job)
        except ProviderError as fault:
            error_code = fault.error_code
            log.warning("reveal refused", card_id=str(job.card_id), error_code=error_code, reason=fault.reason)
        except Exception as fault:  # noqa: BLE001 - its text or its traceback might hold what nobody may see
            log.error("reveal failed", card_id=str(job.card_id), error=type(fault).__name__)  # noqa: TRY400
        if answer is None:
            await card_notices.refuse_reveal(self._desk.pool, job.id, error_code)
        else:
            await card_notices.answer_reveal(self._desk.pool, job.id, answer)

    async def _answer(self, job: RevealJob) -> str:
        details = await self._desk.provider(job.provider).reveal(job.provider_card_id)
        plain = orjson.dumps({"card_number": details.number, "cvv": details.cvv, "expiry": details.expiry})
        return self._desk.keys.seal_answer(job.public_key, job.id, plain)
