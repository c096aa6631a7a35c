"""Buses: how events get from the follower to every gateway. One contract, one file each, one table."""

from collections.abc import Callable

from notifier.bus.contract import Bus, BusUnavailable, Receive
from notifier.bus.local import LocalBus
from notifier.bus.postgres import PostgresBus
from wallet_db.roles import NOTIFIER

__all__ = ["BUSES", "Bus", "BusUnavailable", "LocalBus", "PostgresBus", "Receive", "open_bus"]

BUSES: dict[str, Callable[[str, str], Bus]] = {
    "postgres": PostgresBus,
    "local": lambda _url, _role: LocalBus(),
}
"""By the value of the setting BUS: what makes the bus from the database's URL and the role to act as there."""


def open_bus(name: str, url: str, role: str = NOTIFIER) -> Bus:
    """The bus called `name`; it connects when it is first used. Raises ValueError for a name that is none."""
    try:
        make = BUSES[name]
    except KeyError:
        raise ValueError(f"unknown bus {name!r}, expected one of {', '.join(BUSES)}") from None
    return make(url, role)
