"""The rented numbers of one simulated account, as a state machine. Pure: time (epoch seconds) and chance are passed in.

    active ──finish, or the end of its time──► finished
       └─────cancel within rental_cancel_s───► cancelled, and paid back

A rental takes any number of SMS while it is active: the first after `sms_delay_s`, then one every SMS_EVERY_S, up to
DRAWN_SMS_MAX, and those that control delivers. As with orders nothing happens by itself: what fell due is applied at
the next look, with the time it fell due. At most ENDED_MAX ended rentals are remembered.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from pollers.simulator.catalogue import (
    COUNTRIES,
    NEVER_SMS,
    NO_NUMBERS,
    SERVICES,
    Country,
    draw_code,
    draw_phone,
    price_of,
    stock_of,
)
from pollers.simulator.till import Refusal, SimulatedSms, Till

WHOLE_NUMBER = "full"
HOURS_MIN, HOURS_MAX = 2, 1_344
ENDED_MAX = 5_000
SMS_EVERY_S = 600.0
DRAWN_SMS_MAX = 100
_CENT = Decimal("0.01")
_WHOLE_NUMBER_PRICE = Decimal("2.50")


class RentalState(StrEnum):
    """The states drawn above."""

    ACTIVE = "active"
    FINISHED = "finished"
    CANCELLED = "cancelled"


@dataclass(slots=True)
class SimulatedRental:
    """One number rented. price: with all extensions. url: where its SMS are told, if the buyer gave one."""

    id: int
    service: str
    country: int
    phone: str
    price: Decimal
    hours: int
    url: str | None
    bought_at: float
    ends_at: float
    sms_at: float | None
    state: RentalState = RentalState.ACTIVE
    messages: list[SimulatedSms] = field(default_factory=list)


def rent_price_of(service: str, country: Country, hours: int) -> Decimal:
    """Price of a rental in USD, in whole cents: half an activation, and an eighth of one for each hour.

    So the demo's price of an hour buys each service in each country, from two hours on.
    """
    price = _WHOLE_NUMBER_PRICE if service == WHOLE_NUMBER else price_of(SERVICES[service], country)
    return (price * (Decimal("0.5") + Decimal(hours) / 8)).quantize(_CENT)


def rent_stock_of(service: str, country: Country) -> int:
    """How many numbers are for rent: a fixed figure."""
    return 20 if service == WHOLE_NUMBER else stock_of(SERVICES[service], country) // 20


class Rentals:
    """The rentals of one account. Methods raise `Refusal`; `now` never goes back."""

    def __init__(self, till: Till) -> None:
        self._till = till
        self._open: dict[int, SimulatedRental] = {}
        self._ended: dict[int, SimulatedRental] = {}

    def resume(self, rentals: Iterable[SimulatedRental]) -> None:
        """Take over what was recorded."""
        for rental in rentals:
            (self._open if rental.state is RentalState.ACTIVE else self._ended)[rental.id] = rental

    def remembered(self) -> list[SimulatedRental]:
        """All rentals as they stand: the ended ones, then the active, each oldest first."""
        return [*self._ended.values(), *self._open.values()]

    def rent(
        self,
        service: str,
        country: int,
        hours: int,
        now: float,
        *,
        url: str | None = None,
        max_price: Decimal | None = None,
    ) -> SimulatedRental:
        """Rent a number out and charge it. Checks in the order: service, country, time, stock, price, funds."""
        if service not in SERVICES and service != WHOLE_NUMBER:
            raise Refusal("BAD_SERVICE")
        if country not in COUNTRIES:
            raise Refusal("BAD_COUNTRY")
        _check_hours(hours)
        where = COUNTRIES[country]
        if service == NO_NUMBERS or rent_stock_of(service, where) == 0:
            raise Refusal("NO_NUMBERS")
        price = rent_price_of(service, where, hours)
        if max_price is not None and max_price < price:
            raise Refusal(f"WRONG_MAX_PRICE:{price}")
        self._till.charge(price)
        rental = SimulatedRental(
            id=self._till.draw_id(),
            service=service,
            country=country,
            phone=draw_phone(where, self._till.random),
            price=price,
            hours=hours,
            url=url,
            bought_at=now,
            ends_at=now + hours * self._till.timing.rental_hour_s,
            sms_at=None if service == NEVER_SMS else now + self._till.sms_delay_s(),
        )
        self._open[rental.id] = rental
        return rental

    def look(self, id_: int, now: float) -> SimulatedRental:
        """Find a rental as it stands now. Raises INVALID_PHONE, the protocol's word for an unknown one."""
        rental = self._open.get(id_)
        if rental is not None:
            self._advance(rental, now)
            return rental
        try:
            return self._ended[id_]
        except KeyError:
            raise Refusal("INVALID_PHONE") from None

    def extension_price(self, id_: int, hours: int, now: float) -> Decimal:
        """Tell what more time costs. Raises INVALID_TIME, MAX_HOURS_EXCEED:<hours left>, RENT_DIE (ended)."""
        rental = self.look(id_, now)
        if rental.state is not RentalState.ACTIVE:
            raise Refusal("RENT_DIE")
        _check_hours(hours)
        if rental.hours + hours > HOURS_MAX:
            raise Refusal(f"MAX_HOURS_EXCEED:{HOURS_MAX - rental.hours}")
        return rent_price_of(rental.service, COUNTRIES[rental.country], hours)

    def extend(self, id_: int, hours: int, now: float) -> SimulatedRental:
        """Sell more time. Raises as `extension_price`, and NO_BALANCE."""
        price = self.extension_price(id_, hours, now)
        rental = self.look(id_, now)
        self._till.charge(price)
        rental.price += price
        rental.hours += hours
        rental.ends_at += hours * self._till.timing.rental_hour_s
        return rental

    def finish(self, id_: int, now: float) -> None:
        """End a rental without money back. Raises ALREADY_FINISH, ALREADY_CANCEL."""
        self._end(self._active(id_, now), RentalState.FINISHED)

    def cancel(self, id_: int, now: float) -> None:
        """Take a rental back, with all that was paid for it. Raises CANT_CANCEL, ALREADY_FINISH, ALREADY_CANCEL."""
        rental = self._active(id_, now)
        if now > rental.bought_at + self._till.timing.rental_cancel_s:
            raise Refusal("CANT_CANCEL")
        self._till.pay_back(rental.price)
        self._end(rental, RentalState.CANCELLED)

    def deliver(self, id_: int, now: float, code: str | None = None, text: str | None = None) -> SimulatedRental:
        """Let an SMS arrive now; code and text are drawn if not given. Raises RENT_DIE (ended)."""
        rental = self.look(id_, now)
        if rental.state is not RentalState.ACTIVE:
            raise Refusal("RENT_DIE")
        self._receive(rental, now, code, text)
        return rental

    def end(self, id_: int, now: float) -> SimulatedRental:
        """Let its time be over now. Raises RENT_DIE (ended)."""
        rental = self.look(id_, now)
        if rental.state is not RentalState.ACTIVE:
            raise Refusal("RENT_DIE")
        rental.ends_at = now
        self._advance(rental, now)
        return rental

    def active(self, now: float) -> list[SimulatedRental]:
        """All active rentals, oldest first."""
        for rental in list(self._open.values()):
            self._advance(rental, now)
        return list(self._open.values())

    def all(self, now: float) -> Iterator[SimulatedRental]:
        """All rentals remembered: the active ones, then the ended ones, each oldest first."""
        yield from self.active(now)
        yield from self._ended.values()

    def _active(self, id_: int, now: float) -> SimulatedRental:
        rental = self.look(id_, now)
        if rental.state is not RentalState.ACTIVE:
            raise Refusal("ALREADY_FINISH" if rental.state is RentalState.FINISHED else "ALREADY_CANCEL")
        return rental

    def _advance(self, rental: SimulatedRental, now: float) -> None:
        while rental.sms_at is not None and rental.sms_at <= min(now, rental.ends_at):
            at = rental.sms_at
            self._receive(rental, at, None, None)
            rental.sms_at = at + SMS_EVERY_S if len(rental.messages) < DRAWN_SMS_MAX else None
        if now >= rental.ends_at:
            self._end(rental, RentalState.FINISHED)

    def _receive(self, rental: SimulatedRental, at: float, code: str | None, text: str | None) -> None:
        code = draw_code(self._till.random) if code is None else code
        service = "ot" if rental.service == WHOLE_NUMBER else rental.service
        text = SERVICES[service].text.format(code=code) if text is None else text
        sms = SimulatedSms(code, text, at)
        rental.messages.append(sms)
        self._till.note(rental.id, sms)

    def _end(self, rental: SimulatedRental, state: RentalState) -> None:
        rental.state, rental.sms_at = state, None
        self._till.changes += 1
        del self._open[rental.id]
        self._ended[rental.id] = rental
        if len(self._ended) > ENDED_MAX:
            self._ended.pop(next(iter(self._ended)))


def _check_hours(hours: int) -> None:
    if not HOURS_MIN <= hours <= HOURS_MAX:
        raise Refusal("INVALID_TIME")
