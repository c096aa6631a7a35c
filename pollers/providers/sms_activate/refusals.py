"""The protocol's words of refusal, and the contract's error for each: one table.

A refusal comes as plain text (`NO_NUMBERS`, `WRONG_MAX_PRICE:0.5`, `BANNED:'2023-01-01 12-00-00'`: so it is found by
its first part), or as JSON (`{"title":"NO_BALANCE","info":{…}}` of HeroSMS, `{"status":"error","message":"…"}` of
rents), with HTTP 200 in the classic dialect and a fitting status in later ones. A word in the table counts more than
the HTTP status.
Words are from the SMS-Activate api2 documentation, the rest from its clients and from the HeroSMS OpenAPI.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any, TypeVar

from pollers.providers.answer import Answer, cost_of, count_of, field_of, time_of
from pollers.providers.contract import (
    AccountProblem,
    AlreadyBought,
    NoNumbers,
    OutcomeUnknown,
    PriceTooLow,
    ProviderError,
    Refused,
    Unavailable,
    UnknownAnswer,
    UnknownOrder,
)

T = TypeVar("T")

ERRORS: dict[str, type[ProviderError]] = {
    "NO_NUMBERS": NoNumbers,
    "OUT_OF_STOCK": NoNumbers,
    "SERVICE_NOT_AVAILABLE": NoNumbers,
    "SIM_OFFLINE": NoNumbers,
    "WHATSAPP_NOT_AVAILABLE": NoNumbers,
    "WRONG_MAX_PRICE": PriceTooLow,
    "ACCOUNT_INACTIVE": AccountProblem,
    "BAD_KEY": AccountProblem,
    "BANNED": AccountProblem,
    "NO_BALANCE": AccountProblem,
    "NO_BALANCE_FORWARD": AccountProblem,
    "NO_KEY": AccountProblem,
    "NO_YULA_MAIL": AccountProblem,  # this service is sold only to accounts with a certain balance
    "ACTIVATION_NOT_ACTIVE": Refused,
    "ALREADY_CANCEL": Refused,
    "ALREADY_FINISH": Refused,
    "BAD_ACTION": Refused,
    "BAD_COUNTRY": Refused,
    "BAD_SERVICE": Refused,
    "BAD_STATUS": Refused,
    "CANT_CANCEL": Refused,
    "EARLY_CANCEL_DENIED": Refused,
    "FREE_CANCELLATION_EXPIRED": Refused,
    "INCORECT_STATUS": Refused,  # as the provider spells it
    "INVALID_TIME": Refused,
    "MAX_HOURS_EXCEED": Refused,
    "NEW_ACTIVATION_IMPOSSIBLE": Refused,
    "NEW_OTP_RECEIVED": Refused,
    "OPERATORS_NOT_FOUND": Refused,
    "OTP_RECEIVED": Refused,
    "RENEW_ACTIVATION_NOT_AVAILABLE": Refused,
    "RENT_DIE": Refused,
    "UNPROCESSABLE_ENTITY": Refused,
    "WRONG_DATE": Refused,
    "WRONG_EXCEPTION_PHONE": Refused,
    "WRONG_OPERATOR": Refused,
    "CHANNELS_LIMIT": Unavailable,
    "ERROR_SQL": Unavailable,
    "NO_CONNECTION": Unavailable,
    "RATE_LIMIT": Unavailable,
    "SERVER_ERROR": Unavailable,
    "SQL_ERROR": Unavailable,
    "INVALID_PHONE": UnknownOrder,  # of rents: no rental of this id
    "NOT_FOUND": UnknownOrder,
    "NO_ACTIVATION": UnknownOrder,
    "NO_ID_RENT": UnknownOrder,
    "WRONG_ACTIVATION_ID": UnknownOrder,
    "ORDER_ALREADY_EXISTS": AlreadyBought,
}

SERVER_FAULTS = frozenset({"ERROR_SQL", "SERVER_ERROR", "SQL_ERROR"})
"""The provider failed on its own side, at a point it does not tell: a purchase may have been written before."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A word of the table with what stood beside it: `argument` in plain text, `info` in JSON."""

    word: str
    argument: str = ""
    info: Any = None


def refusal_in(answer: Answer) -> Refusal | None:
    """Find the refusal in an answer, if it is one."""
    document = answer.document()
    if document is None:
        return _refusal(answer.line)
    for name in ("title", "message", "error"):
        value = field_of(document, name)
        if isinstance(value, str) and (refusal := _refusal(value.strip())):
            return Refusal(refusal.word, refusal.argument, field_of(document, "info"))
    return None


def error_of(refusal: Refusal, answer: Answer, zone: tzinfo = UTC) -> ProviderError:
    """Turn a refusal into the contract's error, with its data. zone: of a time that names none."""
    raw, info = answer.excerpt, refusal.info
    kind = ERRORS[refusal.word]
    if kind is PriceTooLow:
        return PriceTooLow(refusal.word, raw=raw, minimum=cost_of(refusal.argument or field_of(info, "min")))
    if kind is AccountProblem:
        until = refusal.argument.strip("' ") or field_of(info, "banned_until")
        for_s = count_of(field_of(info, "retry_after_seconds"))
        return AccountProblem(
            refusal.word,
            raw=raw,
            banned_until=time_of(until, zone),
            banned_for_s=None if for_s is None else float(for_s),
            of_route=_is_of_a_route(field_of(info, "scope")),
        )
    if kind is Unavailable:
        return Unavailable(refusal.word, raw=raw, retry_after_s=answer.retry_after_s)
    return kind(refusal.word, raw=raw)


def raise_refusal(answer: Answer, zone: tzinfo = UTC) -> None:
    """Raise the error that an answer is, by its word or else by its HTTP status; return if it is neither."""
    if refusal := refusal_in(answer):
        raise error_of(refusal, answer, zone)
    status, raw = answer.http_status, answer.excerpt
    reason = f"HTTP {status}"
    if status == 429:
        raise Unavailable(reason, raw=raw, retry_after_s=answer.retry_after_s)
    if status in {401, 403}:
        raise AccountProblem(reason, raw=raw)
    if status >= 500:
        raise Unavailable(reason, raw=raw, retry_after_s=answer.retry_after_s)
    if not 200 <= status < 300:
        raise UnknownAnswer(reason, raw=raw)


def read_spending(answer: Answer, read: Callable[[Answer], T]) -> T:
    """Read the answer to a request that costs money: what does not clearly say "not done" is OutcomeUnknown."""
    refusal = refusal_in(answer)
    if answer.http_status >= 500 or (refusal and refusal.word in SERVER_FAULTS):
        reason = refusal.word if refusal else f"HTTP {answer.http_status}"
        raise OutcomeUnknown(reason, raw=answer.excerpt)
    try:
        return read(answer)
    except UnknownAnswer as unreadable:
        raise OutcomeUnknown(unreadable.reason, raw=unreadable.raw) from None


def unknown(answer: Answer) -> UnknownAnswer:
    """The error for an answer that no parser knows."""
    reason = f"HTTP {answer.http_status} with an answer of {len(answer.text)} characters the protocol does not know"
    return UnknownAnswer(reason, raw=answer.excerpt)


def _is_of_a_route(scope: object) -> bool:
    """The words are not documented; what they name is: a country and service, or the account."""
    return isinstance(scope, str) and ("service" in scope.lower() or "country" in scope.lower())


def _refusal(line: str) -> Refusal | None:
    found = re.match(r"([A-Z_]{2,64})(?::(.*))?\Z", line, re.DOTALL)
    return Refusal(found[1], found[2] or "") if found and found[1] in ERRORS else None
