"""Bounds on what one user, one address and one client may ask of a process. Pure: counts and times in, refusals out.

They keep one runaway page or one machine from taking the places of everybody else; they are no defence against a
flood from many addresses, which is a proxy's work. A long-poll counts while it waits.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple, TypeAlias, TypeVar
from uuid import UUID

from gateway.errors import ApiError

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
KeyT = TypeVar("KeyT")

RETRY_AFTER_S = 30
ADDRESS_LENGTH_MAX = 100
"""Characters: what is longer is none, and is not kept."""
LOOPBACK = ""
"""A proxy, or somebody who could do worse: not counted."""


class Seat(NamedTuple):
    """What a connection counts as, until it is given back."""

    slot: int
    """Of the heartbeats' wheel."""
    user_id: UUID
    address: str


class Seats:
    """How many connections each user and each address has in this process. A maximum of 0 is none."""

    def __init__(self, *, per_user_max: int, per_address_max: int) -> None:
        self._per_user_max = per_user_max
        self._per_address_max = per_address_max
        self._of_user: Counter[UUID] = Counter()
        self._of_address: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._of_user.total()

    def users(self) -> Collection[UUID]:
        """Who has a connection."""
        return self._of_user.keys()

    def take(self, slot: int, user_id: UUID, address: str) -> Seat:
        """A seat, to be given back once. Raises ApiError TOO_MANY_CONNECTIONS, saying whose bound it is."""
        for whose, seats, most in (
            ("user", self._of_user[user_id], self._per_user_max),
            ("address", self._of_address[address], self._per_address_max),
        ):
            if most and seats >= most and not (whose == "address" and address == LOOPBACK):
                text = f"expected at most {most} connections of one {whose}"
                raise ApiError("TOO_MANY_CONNECTIONS", text, limit=most, of=whose, retry_after_s=RETRY_AFTER_S)
        self._of_user[user_id] += 1
        self._of_address[address] += 1
        return Seat(slot, user_id, address)

    def give_back(self, seat: Seat) -> None:
        """The connection has ended."""
        _count_down(self._of_user, seat.user_id)
        _count_down(self._of_address, seat.address)


def _count_down(counter: Counter[KeyT], key: KeyT) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]


class Allowance:
    """A token bucket: so many a second in the long run, twice that at once."""

    __slots__ = ("_at_s", "_left")

    def __init__(self, per_s: int, now_s: float) -> None:
        self._left = 2.0 * per_s
        self._at_s = now_s

    def spend(self, per_s: int, now_s: float) -> bool:
        """Take one; False: there is none left."""
        self._left = min(2.0 * per_s, self._left + (now_s - self._at_s) * per_s)
        self._at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """Whose word on a client's address counts: X-Forwarded-For of anybody else is the client's own invention."""

    networks: Sequence[Network] = ()

    @classmethod
    def parse(cls, text: str) -> "TrustedProxies":
        """Addresses and networks, separated by commas. Raises ValueError."""
        return cls(tuple(ip_network(part.strip()) for part in text.split(",") if part.strip()))

    def client(self, peer: str, forwarded_for: str | None) -> str:
        """The address to count: where the request came from. An IPv6 client is its /64.

        LOOPBACK for this machine's own.
        """
        address = self.origin(peer, forwarded_for)
        found = parse_address(address)
        if found is None:
            return address[:64]
        if found.is_loopback:
            return LOOPBACK
        # A household or a server has a /64 to itself: its addresses cost it nothing.
        return str(found) if found.version == 4 else str(ip_network((int(found) >> 64 << 64, 64)).network_address)

    def origin(self, peer: str, forwarded_for: str | None) -> str:
        """Where a request came from: the last of the chain that is no proxy of ours, as it is written there."""
        address = peer
        for hop in reversed((forwarded_for or "").split(",")):
            if not self._trusts(address) or not hop.strip():
                break
            address = hop.strip()
        return address

    def _trusts(self, address: str) -> bool:
        found = parse_address(address)
        return found is not None and any(found in network for network in self.networks)


def parse_address(text: str) -> Address | None:
    """An address as proxies write them: perhaps with a port, perhaps an IPv4 address dressed as IPv6."""
    return _parse(text) if len(text) <= ADDRESS_LENGTH_MAX else None


@lru_cache(maxsize=4_096)  # whoever comes once comes again
def _parse(text: str) -> Address | None:
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        found = ip_address(bare)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
