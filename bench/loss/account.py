"""What each client was told, judged as it comes: each seq once, in order, without gap, and the same for everybody.

Pure. An `Account` is one client's place; a `Ledger` is what one user's clients were told, a fingerprint for each seq,
and is compared with the rows of `events` at the end. A snapshot moves a client's place; it is right if the client had
no cursor or one of another epoch, and if its wallet is what the rows say at its seq. Events that it covers are counted,
not judged. Faults are collected, never raised: one does not hide the next.
"""

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import orjson

from bench.loss.transports import Message, place_of

Kind: TypeAlias = Literal["lost", "doubled", "reordered", "altered", "misplaced", "reset"]
KINDS: tuple[Kind, ...] = ("lost", "doubled", "reordered", "altered", "misplaced", "reset")
TOLD_MAX = 20
"""Breaches that are kept with their names; more are counted."""


@dataclass(frozen=True, slots=True)
class Breach:
    """One event, or one `ready`, that a client was not told as the contract says."""

    kind: Kind
    user_id: str
    client: str
    seq: int
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: user {self.user_id}, client {self.client}, seq {self.seq}: {self.what}"


@dataclass(slots=True)
class Verdict:
    """All breaches, counted; the first of them by name."""

    counts: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    told: list[Breach] = field(default_factory=list)

    def add(self, breach: Breach) -> None:
        """One more."""
        self.counts[breach.kind] += 1
        if len(self.told) < TOLD_MAX:
            self.told.append(breach)

    @property
    def is_clean(self) -> bool:
        """Nothing was found."""
        return not any(self.counts.values())


def fingerprint(kind: str, at: str, data: object) -> int:
    """64 bits that stand for an event's content, whatever order its keys have; never 0, and of this process only."""
    return hash((kind, at, orjson.dumps(data, option=orjson.OPT_SORT_KEYS))) or 1


class Ledger:
    """One user's events as they were told to any of the user's clients."""

    def __init__(self, user_id: str, verdict: Verdict) -> None:
        self.user_id = user_id
        self.verdict = verdict
        self._told = array("q", [0])
        self._wallets: dict[int, list[tuple[str, Mapping[str, Any]]]] = {}

    def told(self, client: str, seq: int, content: int) -> None:
        """A client was told this under this seq."""
        told = self._told
        if seq >= len(told):
            told.extend([0] * (seq + 1 - len(told)))
        if told[seq] == 0:
            told[seq] = content
        elif told[seq] != content:
            self.verdict.add(Breach("altered", self.user_id, client, seq, "another client was told something else"))

    def snapshot(self, client: str, seq: int, wallet: Mapping[str, Any]) -> None:
        """A client was told that this is the wallet after this seq."""
        self._wallets.setdefault(seq, []).append((client, wallet))

    def compare(self, rows: Iterable[tuple[int, str, str, str]]) -> int:
        """Judge by the rows (seq, type, at, payload as text), in the order of seq; returns the last seq."""
        head = 0
        self._compare_wallets(0, {"balance": "0.00", "frozen": "0.00", "available": "0.00"})
        for seq, kind, at, payload in rows:
            if seq != head + 1:
                self._add("lost", seq, f"`events` itself has no row after seq {head}")
            head = seq
            data = orjson.loads(payload)
            told = self._told[seq] if seq < len(self._told) else 0
            if told not in (0, fingerprint(kind, at, data)):
                self._add("altered", seq, f"it is not the row in `events` ({kind}, {payload})")
            self._compare_wallets(seq, data)
        for seq in range(head + 1, len(self._told)):
            if self._told[seq]:
                self._add("altered", seq, "there is no such row in `events`")
        return head

    def _compare_wallets(self, seq: int, data: Mapping[str, Any]) -> None:
        for client, wallet in self._wallets.pop(seq, ()):
            told, kept = ({key: each.get(key) for key in ("balance", "frozen", "available")} for each in (wallet, data))
            if told != kept:
                self.verdict.add(
                    Breach("misplaced", self.user_id, client, seq, f"the snapshot says {told}, the rows say {kept}")
                )

    def _add(self, kind: Kind, seq: int, what: str) -> None:
        self.verdict.add(Breach(kind, self.user_id, "of this user", seq, what))


class Account:
    """One client's place in its user's stream. Keeps the cursor, and nothing else a client would need."""

    def __init__(self, name: str, ledger: Ledger) -> None:
        self.name = name
        self.cursor: str | None = None
        self.seq = 0
        self.applied = 0
        self.resets = 0
        self.covered = 0
        """Events that a snapshot stood for."""
        self.user_id = ledger.user_id
        self._ledger = ledger
        self._missing: set[int] = set()

    def ready(self, message: Message) -> None:
        """A stream begins, where we were or with a snapshot. Raises WireError, KeyError."""
        if message["resumed"]:
            if self.cursor is None or message.get("cursor", self.cursor) != self.cursor:
                self._add("misplaced", self.seq, f"resumed at {message.get('cursor')} with {self.cursor} as cursor")
            return
        epoch, seq = place_of(message["cursor"])
        if self.cursor is not None:
            self.resets += 1
            if place_of(self.cursor)[0] == epoch:
                self._add("reset", seq, f"a snapshot for the valid cursor {self.cursor}")
            elif seq < self.seq:
                self._add("reset", seq, f"the snapshot is older than seq {self.seq}, which was told before")
            self.covered += max(0, seq - self.seq)
        self._ledger.snapshot(self.name, seq, message["snapshot"]["wallet"])
        self.cursor, self.seq = message["cursor"], seq

    def apply(self, message: Message) -> None:
        """An event. Raises WireError, KeyError."""
        seq, cursor = message["seq"], message["cursor"]
        if place_of(cursor)[1] != seq:
            self._add("misplaced", seq, f"its cursor is {cursor}")
        self.applied += 1
        self._ledger.told(self.name, seq, fingerprint(message["type"], message["at"], message["data"]))
        if seq <= self.seq:
            if seq in self._missing:
                self._missing.discard(seq)
                self._add("reordered", seq, f"it came after seq {self.seq}")
            else:
                self._add("doubled", seq, f"the client is at seq {self.seq}")
            return
        if seq > self.seq + 1:
            self._missing.update(range(self.seq + 1, seq))
        self.cursor, self.seq = cursor, seq

    def finish(self, head: int) -> None:
        """The end: what is missing now is lost, up to the user's last seq."""
        for seq in sorted({*self._missing, *range(self.seq + 1, head + 1)}):
            self._add("lost", seq, f"never came; the client is at seq {self.seq} of {head}")

    def _add(self, kind: Kind, seq: int, what: str) -> None:
        self._ledger.verdict.add(Breach(kind, self._ledger.user_id, self.name, seq, what))
