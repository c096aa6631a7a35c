"""Random transactions against the bookkeeping of unread ids, on a model of a database.

The model is a small PostgreSQL: transactions draw ids, end in any order, and a snapshot has an xmin, and an xmax that
knows only of transactions that have ended. The controls leave out one precaution each, and show that the walk meets
what it is there for.
"""

import random
from dataclasses import dataclass, field

import pytest

from notifier.missing import Ranges, Unread

SEEDS = range(150)
USERS = 4


@dataclass
class Transaction:
    xid: int
    rows: list[tuple[int, int, int]] = field(default_factory=list)
    """(id, user, seq)"""


class Database:
    """As much of PostgreSQL as matters here."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.next_id = 1
        self.next_xid = 100
        self.latest_ended = 99
        self.open: list[Transaction] = []
        self.committed: dict[int, tuple[int, int]] = {}
        self.seqs = [0] * USERS

    def step(self) -> None:
        """Somebody begins, writes, commits or rolls back. A user's row is locked by at most one transaction."""
        locked = {user for transaction in self.open for _, user, _ in transaction.rows}
        free = [user for user in range(USERS) if user not in locked]
        choice = self.random.random()
        if choice < 0.3 and len(self.open) < 6:
            self.open.append(Transaction(self.take_xid()))
        elif choice < 0.7 and self.open and free:
            transaction, user = self.random.choice(self.open), self.random.choice(free)
            transaction.rows.append((self.next_id, user, self.seqs[user] + 1))
            self.next_id += 1
        elif self.open:
            # The oldest is often the one left open.
            self._end(self.open.pop(0 if self.random.random() < 0.1 else self.random.randrange(len(self.open))))

    def end_all(self) -> None:
        while self.open:
            self._end(self.open.pop())

    def take_xid(self) -> int:
        self.next_xid += 1
        return self.next_xid - 1

    def take_horizon(self) -> int:
        """A transaction of its own, over at once."""
        xid = self.take_xid()
        self.latest_ended = max(self.latest_ended, xid)
        return xid

    def read(self, ranges: Ranges, limit: int) -> tuple[list[int], int]:
        """Ids and xmin; transactions above the latest that has ended are not in the snapshot's list."""
        pairs = list(zip(ranges.firsts, ranges.lasts, strict=True))
        ids = sorted(event_id for event_id in self.committed if any(a <= event_id <= b for a, b in pairs))
        xmax = self.latest_ended + 1
        return ids[:limit], min((transaction.xid for transaction in self.open if transaction.xid < xmax), default=xmax)

    def previous(self, event_id: int) -> int | None:
        user, seq = self.committed[event_id]
        return next((other for other, at in self.committed.items() if at == (user, seq - 1)), None)

    def _end(self, transaction: Transaction) -> None:
        self.latest_ended = max(self.latest_ended, transaction.xid)
        if self.random.random() < 0.6:
            for event_id, user, seq in transaction.rows:
                self.committed[event_id] = (user, seq)
                self.seqs[user] = seq


class Reader:
    """Does with the model what the follower does with PostgreSQL."""

    def __init__(
        self,
        database: Database,
        recent_ids_max: int,
        *,
        heeds_gaps: bool = True,
        heeds_previous: bool = True,
        fresh_horizon: bool = True,
    ) -> None:
        self.database = database
        self.unread = Unread(0, recent_ids_max=recent_ids_max)
        self.published: list[int] = []
        self.heeds_gaps = heeds_gaps
        self.heeds_previous = heeds_previous
        self.fresh_horizon = fresh_horizon

    def read(self, *, limit: int = 3, include_old: bool = False) -> None:
        database, unread = self.database, self.unread
        ids, xmin = database.read(unread.ranges(), limit)
        previous = [database.previous(event_id) for event_id in ids] if self.heeds_previous else []
        overtakes = any(event_id is not None and unread.is_old(event_id) for event_id in previous)
        if unread.note(ids, xmin, complete=len(ids) < limit):
            xmax = database.latest_ended + 1
            unread.bound(database.take_horizon() if self.fresh_horizon else xmax)
        if not self.heeds_gaps:
            self.unread = Unread(unread.last)
        if overtakes or include_old:
            self.read_old()
        self.published += ids

    def read_old(self) -> None:
        complete = False
        while not complete:
            ids, xmin = self.database.read(self.unread.old_ranges(), 2)
            complete = len(ids) < 2
            self.unread.note_old(ids, xmin, complete=complete)
            self.published += ids
            self.database.step()


def walk(seed: int, recent_ids_max: int, **precautions: bool) -> tuple[bool, bool]:
    """Whether everything committed was read exactly once, and whether each user's events were in order."""
    database = Database(seed)
    reader = Reader(database, recent_ids_max, **precautions)
    for _ in range(120):
        for _ in range(database.random.randrange(4)):
            database.step()
        reader.read(include_old=database.random.random() < 0.1)
    database.end_all()
    for _ in range(3):
        reader.read(limit=10_000, include_old=True)
        database.end_all()
    if precautions == {}:
        database.take_horizon()
        reader.read(include_old=True)
        assert reader.unread.missing == 0, f"seed {seed}: ids that never come are not dropped"
    events = [(event_id, *database.committed[event_id]) for event_id in reader.published]
    in_order = all(
        seqs == sorted(seqs) for user in range(USERS) for seqs in [[seq for _, whose, seq in events if whose == user]]
    )
    return sorted(reader.published) == sorted(database.committed), in_order


@pytest.mark.parametrize("recent_ids_max", [0, 1, 3, 1000])
def test_random_transactions_are_read_once_each_and_in_order(recent_ids_max: int) -> None:
    for seed in SEEDS:
        assert walk(seed, recent_ids_max) == (True, True), f"seed {seed}"


def test_control_without_reading_gaps_events_are_lost() -> None:
    assert not all(whole for whole, _ in (walk(seed, 1000, heeds_gaps=False) for seed in SEEDS))


def test_control_with_a_horizon_from_the_snapshots_xmax_events_are_lost() -> None:
    assert not all(whole for whole, _ in (walk(seed, 1000, fresh_horizon=False) for seed in SEEDS))


def test_control_without_heeding_the_event_before_users_are_out_of_order() -> None:
    assert not all(in_order for _, in_order in (walk(seed, 1, heeds_previous=False) for seed in SEEDS))
