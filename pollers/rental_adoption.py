"""Orphans among rentals: numbers rented whose answer was lost. Also what tells a rental's SMS apart.

Pure. A rent has no idempotency key, and a list of rentals may tell neither service nor country. So before each rent it
is noted what the list has that we do not know, and whatever is new on it afterwards was rented since, by us: the
account must be this system's alone. Whose it is, is certain if every rental in doubt there wants the same: they are
alike, and any may take it. Otherwise nothing is adopted; who waits for a number must not get another service's.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from hashlib import sha256

from pollers.codes import code_in
from pollers.providers.contract import ActiveRental, Message


class Unsure:
    """There is a number that may be ours, or another's."""


def find_rental_orphan(
    listed: Iterable[ActiveRental],
    *,
    unknown: Collection[str],
    seen: Collection[str] | None,
    codes: tuple[str, str],
    is_alone: bool,
) -> ActiveRental | Unsure | None:
    """The provider's rental to adopt; None: there is surely none.

    unknown: ids that no rental of ours has. seen: those that were so before ours was begun; None if that is not known.
    codes: the service and country wanted. is_alone: no rental that wants something else is in doubt or under way.
    """
    candidates = [
        rental
        for rental in listed
        if rental.provider_order_id in unknown
        and rental.provider_order_id not in (seen or ())
        and rental.service in (None, codes[0])
        and rental.country in (None, codes[1])
    ]
    if not candidates:
        return None
    return candidates[0] if is_alone and seen is not None else Unsure()


def told_once(messages: Iterable[Message]) -> list[dict[str, str]]:
    """SMS as {"id", "code", "text"}, oldest first: the same SMS has the same id at every look.

    Providers give them no id. One is made of all that is told, and of how often that was told before. Where no code is
    told, the one in the text is taken (`codes.py`), which is no part of the id.
    """
    before: Counter[str] = Counter()
    told = []
    for message in messages:
        text = message.text or message.code
        at = message.received_at.isoformat() if message.received_at else ""
        digest = sha256(f"{at}|{message.code}|{text}".encode()).hexdigest()[:32]
        before[digest] += 1
        told.append({"id": f"{digest}.{before[digest]}", "code": message.code or code_in(text), "text": text})
    return told
