"""5sim's texts of refusal, and the contract's error for each: one table.

A refusal is one line of lower-case English, mostly with HTTP 400, but with 200 where a purchase finds no number. The
text says more than the status, so it is looked up first; it is found by its beginning, for a text may go on
(`api limit is 100 requests per second`). Statuses without a known text have a meaning of their own below.
Texts are from the 5sim API documentation.
"""

import re

from pollers.providers.answer import Answer, field_of
from pollers.providers.contract import (
    AccountProblem,
    NoNumbers,
    ProviderError,
    Refused,
    Unavailable,
    UnknownAnswer,
    UnknownOrder,
)

ERRORS: dict[str, type[ProviderError]] = {
    "no free phones": NoNumbers,
    "not enough rating": AccountProblem,
    "not enough user balance": AccountProblem,
    "bad country": Refused,
    "bad operator": Refused,
    "country is incorrect": Refused,
    "hosting order": Refused,  # asked of a rental what only an activation can do
    "no product": Refused,
    "order expired": Refused,
    "order has sms": Refused,
    "order no sms": Refused,
    "product is incorrect": Refused,
    "reuse expired": Refused,
    "reuse false": Refused,
    "reuse not possible": Refused,
    "select country": Refused,
    "select operator": Refused,
    "you need to wait time": Refused,
    "api limit": Unavailable,
    "internal error": Unavailable,
    "ip address limit": Unavailable,
    "server offline": Unavailable,
    "order not found": UnknownOrder,
    "record not found": UnknownOrder,
}

SERVER_FAULTS = frozenset({"internal error", "server offline"})
"""The provider failed on its own side, at a point it does not tell: a purchase may have been written before."""

_REFUSAL_CHARS_MAX = 500


def refusal_in(answer: Answer) -> str | None:
    """Find the table's text that an answer begins with: plain, in quotes, or as the message of an object."""
    if len(answer.text) > _REFUSAL_CHARS_MAX:
        return None  # before it is parsed: lists go into megabytes
    said = field_of(answer.document(), "message", "error")
    line = (said if isinstance(said, str) else answer.line).strip().strip('"').lower()
    return next((text for text in ERRORS if re.match(re.escape(text) + r"(?![a-z])", line)), None)


def error_of(text: str, answer: Answer) -> ProviderError:
    """Turn a text of the table into the contract's error."""
    kind = ERRORS[text]
    if kind is Unavailable:
        return Unavailable(text, raw=answer.excerpt, retry_after_s=answer.retry_after_s)
    return kind(text, raw=answer.excerpt)


def raise_refusal(answer: Answer) -> None:
    """Raise the error that an answer is, by its text or else by its HTTP status; return if it is neither.

    401 is a wrong key and comes with an empty body. 403 is the gatekeeper in front of 5sim, which dislikes our address
    or User-Agent: waiting does not change its mind, so it is an operator's business like a wrong key.
    """
    if text := refusal_in(answer):
        raise error_of(text, answer)
    status, raw = answer.http_status, answer.excerpt
    reason = f"HTTP {status}"
    if status in {401, 403}:
        raise AccountProblem(reason, raw=raw)
    if status == 429 or status >= 500:
        raise Unavailable(reason, raw=raw, retry_after_s=answer.retry_after_s)
    if not 200 <= status < 300:
        raise UnknownAnswer(reason, raw=raw)
