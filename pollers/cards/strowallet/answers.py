"""What Strowallet's answers have in common: where the contents are, and what a refusal means. Pure.

    {"success":true,"message","response":{…}}                       most
    {"success":true,"message","apiresponse":{"status":true,"data"}} funding
    {"status":true,"message"}, {"success":true,"data":{…}}          others
    {"success":false,"message"} or {"error"}, with HTTP 200 or 400  refusals

Refusals have no codes, so their sentences are looked through for telling words. Who says `success: false` has not done
it, unless the sentence says that something broke on the way. Invariant: an error made here holds no value of the
answer but its sentence, and of that no word with a digit or an @ in it: the same answers hold numbers of cards.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from pollers.excerpts import masked
from pollers.providers.answer import Answer, field_of
from pollers.providers.contract import (
    AccountProblem,
    OutcomeUnknown,
    ProviderError,
    Refused,
    Unavailable,
    UnknownAnswer,
    UnknownOrder,
)

Contents: TypeAlias = Mapping[str, Any] | list[Any]

SENTENCE_CHARS_MAX = 160
_DEPTH_MAX, _FIELDS_MAX = 5, 40
_YES = frozenset({"true", "1", "200", "success", "successful", "ok"})
_NO = frozenset({"false", "0", "400", "error", "failed", "failure", "fail", "unsuccessful"})

_BROKE = re.compile(
    r"went wrong|server error|internal error|try again|time(d)? ?out|temporar|unavailable|maintenance|"
    r"\bpending\b|in progress|being processed"  # of what spends, these say that something may be under way
)
_MEANINGS: tuple[tuple[re.Pattern[str], type[ProviderError]], ...] = (
    (re.compile(r"insufficient|not enough|low balance"), AccountProblem),
    (re.compile(r"\b(public|api|secret)[_ ]?key|unauthori[sz]ed|unauthenticated|merchant|suspended"), AccountProblem),
    (re.compile(r"too many|rate limit|throttl"), Unavailable),
    (
        re.compile(
            r"\b(card|customer|user|card ?holder)\b.*\b(not found|not exist)|\bno such card|invalid card[_ ]?id"
        ),
        UnknownOrder,
    ),
)


def contents(answer: Answer, *, spends: bool) -> Contents:
    """What stands inside the envelope.

    spends: the request may not be repeated, so that an answer that says neither yes nor no is an unknown outcome.
    Raises what the answer means.
    """
    _raise_for_status(answer, spends=spends)
    document = answer.document()
    if not isinstance(document, Mapping):
        # A page by somebody in between, with 4xx: it did not get through.
        raise Refused(f"HTTP {answer.http_status}") if answer.http_status >= 400 else unreadable(answer, spends=spends)
    inner = field_of(document, "apiresponse")
    for said in (document, inner):
        if (refusal := _refusal(said)) is not None:
            raise error_of(refusal, answer, spends=spends)
    if answer.http_status >= 400:
        raise error_of("", answer, spends=spends)
    found = field_of(document, "response", "data")
    if found is None and inner is not None:
        found = field_of(inner, "data") or inner
    return found if isinstance(found, Mapping | list) else document


def unreadable(answer: Answer, *, spends: bool) -> ProviderError:
    """The error for an answer that lacks what it should have."""
    kind = OutcomeUnknown if spends else UnknownAnswer
    return kind(f"HTTP {answer.http_status} without the expected fields", raw=outline(answer))


def error_of(sentence: str, answer: Answer, *, spends: bool) -> ProviderError:
    """Turn a refusal's sentence into the contract's error."""
    words, reason = sentence.lower(), shown(sentence) or f"HTTP {answer.http_status}, without a reason"
    for telling, kind in _MEANINGS:
        if telling.search(words):
            if kind is Unavailable:
                return Unavailable(reason, retry_after_s=answer.retry_after_s)
            return kind(reason)
    if _BROKE.search(words):
        return OutcomeUnknown(reason) if spends else Unavailable(reason, retry_after_s=answer.retry_after_s)
    return Refused(reason)


def shown(sentence: str) -> str:
    """A sentence as errors may hold it."""
    return masked(re.sub(r"\S*@\S*", "…", sentence[:SENTENCE_CHARS_MAX]))


def outline(answer: Answer) -> str:
    """Which fields an answer has, without what is in them: for the eyes of who has to teach this module."""
    document = answer.document()
    return "no JSON" if document is None else masked(_outline(document, 0))


def _outline(value: object, depth: int) -> str:
    if depth >= _DEPTH_MAX:
        return "…"
    if isinstance(value, Mapping):
        fields = [f"{name}: {_outline(inner, depth + 1)}" for name, inner in list(value.items())[:_FIELDS_MAX]]
        return "{" + ", ".join(fields) + "}"
    if isinstance(value, list):
        return f"[{_outline(value[0], depth + 1)}, …]" if value else "[]"
    return {str: "text", bool: "yes or no", type(None): "null"}.get(type(value), "other")


def _raise_for_status(answer: Answer, *, spends: bool) -> None:
    status = answer.http_status
    if status == 429:
        raise Unavailable("HTTP 429", retry_after_s=answer.retry_after_s)
    if status in {401, 403}:
        raise AccountProblem(f"HTTP {status}")
    if 300 <= status < 400:
        raise AccountProblem(f"HTTP {status}: the API is at another address")
    if status >= 500:
        raise OutcomeUnknown(f"HTTP {status}") if spends else Unavailable(f"HTTP {status}")


def _refusal(said: object) -> str | None:
    """The sentence with which this object says no; None: it does not."""
    if not isinstance(said, Mapping):
        return None
    error = said.get("error")
    verdict = next((known for name in ("success", "status") if (known := _verdict(said.get(name))) is not None), None)
    if verdict is True or (verdict is None and not error):
        return None
    return next((text for text in (said.get("message"), error) if isinstance(text, str) and text), "")


def _verdict(value: object) -> bool | None:
    """`success` and `status` come as true, "true", 1, "success"; None: it says neither yes nor no."""
    if isinstance(value, bool):
        return value
    word = value.lower() if isinstance(value, str) else ""
    return True if word in _YES else False if word in _NO else None
