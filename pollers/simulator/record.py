"""An account's record as JSON and back: money as decimal text, times as the shortest digits that read back the same.

Invariant: `from_json(to_json(record)) == record`, and what `from_json` returns is an account of this catalogue with its
orders in states they can be in. Pure: files are `simulation.py`'s.
"""

from pydantic import TypeAdapter, ValidationError

from pollers.simulator.catalogue import COUNTRIES, SERVICES
from pollers.simulator.rentals import WHOLE_NUMBER, SimulatedRental
from pollers.simulator.state import AccountRecord, OrderState, SimulatedOrder

_RECORD = TypeAdapter(AccountRecord)


def to_json(record: AccountRecord) -> bytes:
    """Write the record as one JSON object."""
    return _RECORD.dump_json(record)


def from_json(raw: bytes) -> AccountRecord:
    """Read what `to_json` wrote. Raises ValueError, its text one line, for everything else."""
    try:
        record = _RECORD.validate_json(raw, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"{where}: {first['msg']}" if where else first["msg"]) from None
    if record.balance < 0:
        raise ValueError(f"expected a balance of 0 or more, got {record.balance}")
    ids = {order.id for order in record.orders} | {rental.id for rental in record.rentals}
    if len(ids) < len(record.orders) + len(record.rentals):
        raise ValueError("expected every order and rental once")
    if record.next_id <= max(ids, default=0):
        raise ValueError(f"expected a next id above {max(ids, default=0)}, got {record.next_id}")
    for order in record.orders:
        _check(order)
    for rental in record.rentals:
        _check_rental(rental)
    return record


def _check_rental(rental: SimulatedRental) -> None:
    if rental.service not in {*SERVICES, WHOLE_NUMBER} or rental.country not in COUNTRIES:
        raise ValueError(f"expected rental {rental.id} to be of a service and country rented out here")


def _check(order: SimulatedOrder) -> None:
    if order.service not in SERVICES or order.country not in COUNTRIES:
        raise ValueError(f"expected order {order.id} to be of a service and country sold here")
    if order.state in {OrderState.RECEIVED, OrderState.RETRY} and not order.messages:
        raise ValueError(f"expected order {order.id} to have an SMS, for it is {order.state.value}")
