"""`Idempotency-Key` of a POST whose effect keeps no key itself: its answer is kept, and given again to a repeat.

So a repeat does nothing: it neither asks for one more SMS, nor sets a price that somebody has changed since. Another
request with the key is refused, and so is the same one while the first is under way. A refusal has done nothing and
is not kept: it may be gone the next time. Nor is a fault, for each of these may be carried out twice without harm. What
must not be is not left to this: the keys of purchases, deposits and adjustments are in the books, for ever.
"""

from collections.abc import Awaitable, Callable
from hashlib import sha256
from uuid import UUID

import structlog
from pydantic import BaseModel
from starlette.responses import Response

from gateway.errors import ApiError
from notifier.retry import DATABASE_FAULTS
from wallet_db.connect import Pool
from wallet_db.kept_answers import Begun, Kept, begin_answer, forget_answer, keep_answer

log = structlog.get_logger()

RETRY_AFTER_S = 1


def digest_of(body: BaseModel | None) -> bytes:
    """Of what a body says, however it was written: 16 bytes."""
    said = b"" if body is None else body.model_dump_json(exclude_unset=True).encode()
    return sha256(said).digest()[:16]


async def answer_once(
    pool: Pool, user_id: UUID, key: str, path: str, digest: bytes, carry_out: Callable[[], Awaitable[Response]]
) -> Response:
    """The answer, now or of the first time. Raises ApiError IDEMPOTENCY_MISMATCH and KEY_IN_USE, and any refusal."""
    found = await begin_answer(pool, user_id, key, path, digest)
    if isinstance(found, Kept):
        media_type = "application/json" if found.body else None
        headers = {"cache-control": "no-store", "idempotent-replay": "true"}
        return Response(found.body, found.status, headers, media_type)
    if not isinstance(found, Begun):
        raise _refusal(found)
    try:
        response = await carry_out()
    except Exception:
        await _end(forget_answer(pool, found))
        raise
    await _end(keep_answer(pool, found, response.status_code, bytes(response.body)))
    return response


def _refusal(found: str) -> ApiError:
    if found == "under way":
        return ApiError("KEY_IN_USE", "the request of this key is under way", retry_after_s=RETRY_AFTER_S)
    return ApiError("IDEMPOTENCY_MISMATCH", f"this idempotency key was already used with another {found}", field=found)


async def _end(ending: Awaitable[None]) -> None:
    try:
        await ending
    except DATABASE_FAULTS as error:
        # What was done was done, and is answered; a repeat will do it again, which is harmless.
        log.warning("answer not kept", error=type(error).__name__)
