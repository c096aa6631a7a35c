"""Buses: how events get from the follower to every gateway. One contract, one file each, one table."""

from collections.abc import Callable

from notifier.bus.contract import Bus, BusUnavailable, Receive
from notifier.bus.local import LocalBus
from notifier.bus.postgres import PostgresBus
from wallet_db.roles import NOTIFIER

__all__ = ["BUSES", "NATS_URL", "Bus", "BusUnavailable", "LocalBus", "PostgresBus", "Receive", "open_bus"]

NATS_URL = "nats://127.0.0.1:4222"
"""Where NATS is unless somebody says otherwise."""


def _nats(_url: str, _role: str, nats_url: str) -> Bus:
    from notifier.bus.nats import NatsBus  # noqa: PLC0415 - its library is there for those who use it

    return NatsBus(nats_url)


BUSES: dict[str, Callable[[str, str, str], Bus]] = {
    "postgres": lambda url, role, _nats_url: PostgresBus(url, role),
    "local": lambda _url, _role, _nats_url: LocalBus(),
    "nats": _nats,
}
"""By the value of the setting BUS: what makes the bus from the database's URL, the role to act as there, and NATS's."""


def open_bus(name: str, url: str, role: str = NOTIFIER, *, nats_url: str = NATS_URL) -> Bus:
    """The bus called `name`; it connects when it is first used. Raises ValueError for a name that is none."""
    try:
        make = BUSES[name]
    except KeyError:
        raise ValueError(f"unknown bus {name!r}, expected one of {', '.join(BUSES)}") from None
    return make(url, role, nats_url)
