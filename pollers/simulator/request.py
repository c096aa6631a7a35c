"""One request of the SMS-Activate protocol as its dialects read it: parameters by name, and what words and times look
like. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from pollers.simulator.catalogue import Country, Service
from pollers.simulator.rentals import Rentals
from pollers.simulator.state import SimulatedAccount

API_KEY = "demo"
USD = 840  # ISO 4217 numeric, as the protocol has it


@dataclass(frozen=True, slots=True)
class Request:
    """One request: its account, its parameters, and when it came (epoch seconds)."""

    account: SimulatedAccount
    params: Mapping[str, str]
    now: float

    @property
    def rentals(self) -> Rentals:
        """The account's rentals."""
        return self.account.rentals

    def text(self, *names: str) -> str:
        """The first of these parameters that is given; empty if none is."""
        return next((value for name in names if (value := self.params.get(name, ""))), "")

    def number(self, *names: str, default: int = -1) -> int:
        """A whole parameter; -1, which is no id and no code, for what is not a number. default: if it is not given."""
        value = self.text(*names)
        if not value:
            return default
        return int(value) if value.isascii() and value.isdecimal() and len(value) <= 18 else -1

    def amount(self, name: str) -> Decimal | None:
        """An amount of money; None if it is not given or none."""
        try:
            amount = Decimal(value) if (value := self.text(name)) else None
        except InvalidOperation:
            return None
        return amount if amount is not None and amount.is_finite() else None

    def price(self, service: Service, country: Country) -> Decimal:
        """What a number costs in this account, USD."""
        return self.account.routes.price(service, country)

    def stock(self, service: Service, country: Country) -> int:
        """How many numbers this account is told there are."""
        return self.account.routes.stock(service, country)


def plain_time(at: float) -> str:
    """`2022-06-01 17:30:57`, UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def iso_time(at: float) -> str:
    """`2022-06-01T17:30:57+00:00`."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
