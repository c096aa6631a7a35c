"""What an account is not asked for a while, because its provider said so. Pure.

    scope      told                                           then nothing is sent of
    pause      by a limit, with a time                        everything; kept by the limiter, which gives no turns
    account    by a ban, to a look                            everything
    purchases  by a ban, to a purchase                        what spends: who has bought still gets the SMS
    route      by a ban, to a purchase, as of its route only  purchases of this service in this country

Times are seconds of any clock that never goes back. What is over is forgotten when something is noted.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Scope(StrEnum):
    """The scopes above."""

    PAUSE = "pause"
    ACCOUNT = "account"
    PURCHASES = "purchases"
    ROUTE = "route"


@dataclass(frozen=True, slots=True)
class Rest:
    """One thing to be left alone. until: as the provider told. service, country: its codes, of a route only."""

    scope: Scope
    reason: str
    until: datetime | None = None
    service: str = ""
    country: str = ""


class Rests:
    """One account's bans."""

    def __init__(self) -> None:
        self._until_s: dict[tuple[Scope, str, str], tuple[Rest, float]] = {}

    def note(self, rest: Rest, until_s: float, now_s: float) -> None:
        """Leave it alone until then, or for longer if that is known already."""
        self._until_s = {key: known for key, known in self._until_s.items() if known[1] > now_s}
        key = (rest.scope, rest.service, rest.country)
        if until_s > self._until_s.get(key, (rest, 0.0))[1]:
            self._until_s[key] = (rest, until_s)

    def count(self, now_s: float) -> int:
        """How many hold."""
        return sum(until_s > now_s for _, until_s in self._until_s.values())

    def refusal(self, now_s: float, *, spends: bool, route: tuple[str, str] | None) -> tuple[Rest, float] | None:
        """What forbids this call, and for how long still; None: nothing does. route: a purchase's."""
        for rest, until_s in self._until_s.values():
            is_of_this = rest.scope is not Scope.ROUTE or route == (rest.service, rest.country)
            if until_s > now_s and is_of_this and (spends or rest.scope is Scope.ACCOUNT):
                return rest, until_s - now_s
        return None
