"""A card's full number and security code, from the provider to its owner, past everything that keeps something.

The gateway makes a key pair for the one question and writes down that it was asked (`ask_card_reveal`); a poller asks
the provider and sends the answer, sealed to that pair, by NOTIFY; it is opened here, given to who waits, and gone. The
private key is in this process's memory only, for as long as somebody waits. An answer for another process, or one that
comes too late, opens nowhere.
"""

import asyncio
import math
import time
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import structlog
from prometheus_client import Counter

from gateway.cards.seldom import Seldom
from gateway.errors import STATUS_BY_CODE, ApiError
from wallet_db.cards import ask_card_reveal
from wallet_db.connect import Pool
from wallet_db.sealing import CardKeys, RevealKey, Unsealable

log = structlog.get_logger()

WITHIN_S = 600.0
EARLY_MAX = 256
"""Answers kept, sealed as they are, while somebody is about to learn the id of what was asked."""
RETRY_AFTER_S = 5

REVEALED = Counter("onesms_card_reveals", "Questions for a card's number, by outcome.", ["outcome"])
"""outcome: told, refused (by the provider), unanswered, unreadable (not sealed for us), too_many."""
for _outcome in ("told", "refused", "unanswered", "unreadable", "too_many"):
    REVEALED.labels(_outcome)


class Reveals:
    """The questions of one process that wait for an answer."""

    def __init__(self, pool: Pool, keys: CardKeys | None, *, wait_s: float, of_a_user_max: int) -> None:
        self._pool = pool
        self._keys = keys
        self._wait_s = wait_s
        self._seldom = Seldom(of_a_user_max, WITHIN_S)
        self._waiting: dict[str, asyncio.Future[str]] = {}
        self._early: dict[str, str] = {}
        self._asking = 0
        """Questions whose ids are not known here yet."""

    def hear(self, _connection: Any, _pid: int, _channel: str, text: object) -> None:
        """A NOTIFY on `wallet_db.cards.ANSWERS`."""
        try:
            reveal_id = str(orjson.loads(str(text))["id"])
        except (ValueError, KeyError, TypeError):
            log.warning("reveal.unreadable", category="security")
            return
        waiting = self._waiting.get(reveal_id)
        if waiting is None:
            if self._asking and len(self._early) < EARLY_MAX:
                self._early[reveal_id] = str(text)
        elif not waiting.done():
            waiting.set_result(str(text))

    async def ask(self, user_id: UUID, card_id: UUID) -> dict[str, str | None]:
        """`card_number`, `cvv` and `expiry` of the user's card. Raises ApiError, WalletError."""
        if self._keys is None:
            raise ApiError("CARDS_NOT_CONFIGURED", "cards are not served here: CARD_KEYS is not set")
        wait_s = self._seldom.take(user_id, time.monotonic())
        if wait_s is not None:
            REVEALED.labels("too_many").inc()
            raise ApiError(
                "TOO_MANY_REQUESTS",
                "a card's number was looked at too often",
                of="reveals",
                retry_after_s=math.ceil(wait_s),
            )
        asker = RevealKey()
        answer, reveal_id = await self._answer(user_id, card_id, asker)
        refused = orjson.loads(answer).get("error_code")
        if refused is not None:
            REVEALED.labels("refused").inc()
            code = refused if refused in STATUS_BY_CODE else "CARD_REVEAL_REFUSED"
            raise ApiError(code, "the card's number was not told", reason=str(refused)[:100])
        try:
            told = _read(self._keys.open_answer(asker, reveal_id, answer))
        except Unsealable as fault:
            REVEALED.labels("unreadable").inc()
            log.error("reveal not readable", category="security", fault=str(fault))  # noqa: TRY400
            raise _unanswered() from None
        REVEALED.labels("told").inc()
        return told

    async def _answer(self, user_id: UUID, card_id: UUID, asker: RevealKey) -> tuple[str, UUID]:
        self._asking += 1
        try:
            reveal_id = await ask_card_reveal(
                self._pool, user_id, card_id, asker.public, wait=timedelta(seconds=self._wait_s)
            )
            early = self._early.pop(str(reveal_id), None)
            if early is not None:
                return early, reveal_id
            waiting = self._waiting[str(reveal_id)] = asyncio.get_running_loop().create_future()
        finally:
            self._asking -= 1
            if not self._asking:
                self._early.clear()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._wait_s):
                    return await waiting, reveal_id
        finally:
            del self._waiting[str(reveal_id)]
        REVEALED.labels("unanswered").inc()
        raise _unanswered()


def _read(plain: bytes) -> dict[str, str | None]:
    """The values. Raises Unsealable, with nothing of them in its text: no other error of this may get out."""
    try:
        told = orjson.loads(plain)
        return {"card_number": str(told["card_number"]), "cvv": str(told["cvv"]), "expiry": told.get("expiry")}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Unsealable("expected card_number, cvv and expiry") from None


def _unanswered() -> ApiError:
    return ApiError("CARD_REVEAL_UNANSWERED", "the provider has not told the number yet", retry_after_s=RETRY_AFTER_S)
