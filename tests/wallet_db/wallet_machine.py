"""A random walk over the wallet: every step is a call of the real functions, every answer the model's.

`WalletMachine` draws the calls, one by one, at once on several connections, or on a connection that dies in the middle;
after each step the books of all users must be sound, and what the model says. A refusal and a replay must leave the
books as they were. Users are new in each walk, and so are the transaction ids; the database is one.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.wallet_db.books import Books, faults, read_books
from tests.wallet_db.model import Model, Order, Refused, Wallet
from tests.wallet_db.rivals import until_waiting
from tests.wallet_db.support import MINUTE, NOW, call, outcomes, tally
from tests.wallet_db.wallet_calls import ORDERS, Call, check, send_all
from wallet_db.connect import Pool

CALLERS = 4
EVER = NOW + timedelta(days=36500)
NOBODY = UUID(int=0xDEAD)
_walks = count()

SUMS = ["0.01", "1.00", "2.50", "5.00", "17.30", "36.00"]
NO_SUMS = ["0", "-0.01", "NaN", "Infinity", "-Infinity", "0.001", "5.005", "1e12", "1e300"]
IDS = [f"t{number}" for number in range(8)]
HOSTILE_IDS = ["", "x" * 256, "x" * 255, "'; drop table users; --", "$$", "\\", "\N{SNOWMAN}" * 255]
PARTS = [None, None, None, "0.01", "1.00", "2.50", "5.00", "7.00"]

users = st.sampled_from([0] * 5 + [1] * 5 + [2])  # the third is nobody
settlings = st.sampled_from(["commit", "refund"])
sums = st.sampled_from(SUMS)
amounts = st.sampled_from(SUMS * 15 + NO_SUMS)
parts = st.sampled_from(PARTS)
parts_or_not = st.sampled_from(PARTS * 11 + NO_SUMS)
ids = st.sampled_from(IDS)
keys = st.sampled_from(IDS * 9 + HOSTILE_IDS)
keys_or_none = st.sampled_from([*IDS, None, None, None])
rare = st.sampled_from([""] * 12 + ["stranger", "two orders", "timed"])
reasons = st.sampled_from(["why"] * 6 + ["", " ", None])
twists = st.sampled_from(["", "", "user", "amount", "order"])


class Bench:
    """The database's side: a loop that runs from step to step, and its pool."""

    def __init__(self, runner: asyncio.Runner, db: Pool) -> None:
        self._runner = runner
        self.db = db
        self.met: Counter[str] = Counter()

    def run(self, job: Callable[[Pool], Any]) -> Any:
        async def timed() -> Any:
            async with asyncio.timeout(20):
                return await job(self.db)

        return self._runner.run(timed())


class WalletMachine(RuleBasedStateMachine):
    """Two users, their orders and holds. Give it a bench."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench
        self.walk = next(_walks)
        self.model = Model()
        self.users: list[UUID] = []
        self.orders: list[tuple[str, UUID]] = []
        self.past: list[Call] = []
        self.times = count(1)
        self.books: dict[UUID, Books] = {}
        self.unchanged = False

    @initialize()
    def two_users_with_money(self) -> None:
        for number in range(2):
            user = self.bench.run(lambda db: db.fetchval("insert into users default values returning id"))
            self.users.append(user)
            self.model.wallets[user] = Wallet()
            self.make("deposit", user=user, amount=Decimal("36.00"), transaction_id=self.named(f"first-{number}"))
        self.users.append(NOBODY)
        self.order(0, "rental")
        self.order(1, "activation")

    def teardown(self) -> None:
        """Let every hold with a time run out, so that the next walk's sweeps find only their own."""
        if self.users:
            expired = self.bench.run(lambda db: call(db, "expire_holds", p_limit=1000, p_now=EVER))
            assert expired == self.model.expire(EVER, 1000)

    # One caller ---------------------------------------------------------------------------------------------------

    @rule(user=users, amount=amounts, key=keys, minutes=st.none() | st.integers(-5, 30))
    def freeze(self, user: int, amount: str, key: str, minutes: int | None) -> None:
        # No two are due at the same time: whose turn it is would be the database's choice.
        expires_at = None if minutes is None else NOW + minutes * MINUTE + timedelta(microseconds=next(self.times))
        self.make("freeze", **self.of(user, key), amount=Decimal(amount), expires_at=expires_at)

    @rule(user=st.integers(0, 1), kind=st.sampled_from(["activation", "rental"]))
    def another_order(self, user: int, kind: str) -> None:
        self.order(user, kind)

    def order(self, user: int, kind: str) -> None:
        owner = self.users[user]
        order_id = self.bench.run(lambda db: db.fetchval(ORDERS[kind], owner))
        self.orders.append((kind, order_id))
        self.model.orders[order_id] = Order(owner)

    @precondition(lambda self: self.orders)
    @rule(key=ids, amount=sums, choice=st.integers(0, 99), twist=rare)
    def freeze_for_order(self, key: str, amount: str, choice: int, twist: str) -> None:
        arguments = self.of_order(choice, key, twist) | {"amount": Decimal(amount)}
        if twist == "timed":
            arguments["expires_at"] = NOW
        self.make("freeze", **arguments)

    @rule(user=users, kind=settlings, key=keys, part=parts_or_not)
    def settle(self, user: int, kind: str, key: str, part: str | None) -> None:
        self.make(kind, **self.of(user, key), amount=part and Decimal(part))

    @precondition(lambda self: self.model.holds)
    @rule(kind=settlings, part=parts, choice=st.integers(0, 99))
    def settle_a_hold(self, kind: str, part: str | None, choice: int) -> None:
        name, hold = list(self.model.holds.items())[choice % len(self.model.holds)]
        self.make(kind, user=hold.user, transaction_id=name, amount=part and Decimal(part))

    @precondition(lambda self: self.orders)
    @rule(kind=settlings, key=keys_or_none, part=parts, choice=st.integers(0, 99), twist=rare)
    def settle_order(self, kind: str, key: str | None, part: str | None, choice: int, twist: str) -> None:
        self.make(kind, **self.of_order(choice, key, twist), amount=part and Decimal(part))

    @rule(user=users, amount=st.sampled_from(SUMS * 15 + NO_SUMS + ["999999999999.99"]), key=keys)
    def deposit(self, user: int, amount: str, key: str) -> None:
        self.make("deposit", **self.of(user, key), amount=Decimal(amount))

    @rule(
        user=users,
        amount=amounts,
        sign=st.sampled_from([1, -1]),
        key=ids,
        reason=st.sampled_from(["why"] * 6 + ["", " ", None]),
    )
    def adjust(self, user: int, amount: str, sign: int, key: str, reason: str | None) -> None:
        self.make("adjust", **self.of(user, key), amount=Decimal(amount) * sign, reason=reason)

    @precondition(lambda self: self.past)
    @rule(choice=st.integers(0, 999), twist=twists, other=st.integers(0, 2))
    def repeat(self, choice: int, twist: str, other: int) -> None:
        """An earlier call again: as it was, or by another user, of another amount, for another order."""
        earlier = self.past[choice % len(self.past)]
        arguments = dict(earlier.arguments)
        if twist == "user":
            arguments["user"] = self.users[other]
        elif twist == "amount":
            arguments["amount"] = Decimal(SUMS[other])
        elif twist == "order" and earlier.kind == "freeze" and self.orders:
            arguments |= dict(self.orders[-1:])
        self.make(earlier.kind, **arguments)

    @rule(minutes=st.integers(-10, 40), limit=st.integers(1, 3), locked=st.none() | st.integers(0, 1))
    def sweep(self, minutes: int, limit: int, locked: int | None) -> None:
        """Holds run out; a wallet that somebody works on meanwhile is left for the next time."""
        now = NOW + minutes * MINUTE
        somebody = None if locked is None else self.users[locked]

        async def sweep(db: Pool) -> Any:
            async with db.acquire() as other, other.transaction():
                if somebody is not None:
                    await call(other, "lock_user_wallet", p_user_id=somebody)
                return await call(db, "expire_holds", p_limit=limit, p_now=now)

        assert self.bench.run(sweep) == self.model.expire(now, limit, somebody)

    # Several at once ----------------------------------------------------------------------------------------------

    @precondition(lambda self: self.model.holds)
    @rule(choice=st.integers(0, 99), kinds=st.lists(settlings, min_size=CALLERS, max_size=CALLERS), part=parts)
    def settle_at_once(self, choice: int, kinds: list[str], part: str | None) -> None:
        name, hold = list(self.model.holds.items())[choice % len(self.model.holds)]
        arguments = {"user": hold.user, "transaction_id": name, "amount": part and Decimal(part)}
        won = self.make_at_once([Call(kind, arguments) for kind in kinds])
        assert len(won) <= 1, "a hold ended more than once"

    @rule(user=st.integers(0, 1), amount=sums)
    def freeze_at_once(self, user: int, amount: str) -> None:
        available = self.model.wallets[self.users[user]].available
        affordable = min(CALLERS, int(available // Decimal(amount)))
        fresh = [self.of(user, f"fresh-{next(self.times)}") for _ in range(CALLERS)]
        won = self.make_at_once([Call("freeze", {**each, "amount": Decimal(amount)}) for each in fresh])
        assert len(won) == affordable, "the money allows another number of freezes"

    @rule(kind=st.sampled_from(["freeze", "deposit", "adjust"]), user=st.integers(0, 1), amount=sums, key=ids)
    def repeat_at_once(self, kind: str, user: int, amount: str, key: str) -> None:
        arguments = {**self.of(user, key), "amount": Decimal(amount)} | ({"reason": "why"} if kind == "adjust" else {})
        won = self.make_at_once([Call(kind, arguments)] * CALLERS)
        assert len(won) <= 1, "one transaction counted more than once"

    # In a transaction that comes to nothing -----------------------------------------------------------------------

    @precondition(lambda self: self.past)
    @rule(choice=st.integers(0, 999), user=st.integers(0, 1), amount=sums, waiting=st.booleans())
    def die(self, choice: int, user: int, amount: str, waiting: bool) -> None:
        """The backend is terminated in the middle of a transaction, or while it waits for the wallet."""
        made = Call("freeze", {**self.of(user, f"fresh-{next(self.times)}"), "amount": Decimal(amount)})
        earlier = self.past[choice % len(self.past)]

        async def die(db: Pool) -> None:
            async with db.acquire() as other, db.acquire() as victim:
                transaction = other.transaction()
                await transaction.start()
                if waiting:
                    await call(other, "lock_user_wallet", p_user_id=self.users[user])
                await victim.execute("begin")
                work = asyncio.ensure_future(send_all(victim, [made, earlier]))
                await (until_waiting(db, victim, work) if waiting else work)
                assert await db.fetchval("select pg_terminate_backend($1, 10000)", victim.get_server_pid())
                [ended] = await asyncio.gather(work, return_exceptions=True)
                assert isinstance(ended, BaseException) is waiting
                with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
                    await victim.fetchval("select 1")
                await transaction.rollback()

        self.bench.run(die)
        self.unchanged = True

    @precondition(lambda self: self.past)
    @rule(choices=st.lists(st.integers(0, 999), min_size=1, max_size=3), user=st.integers(0, 1), amount=sums)
    def think_better_of_it(self, choices: list[int], user: int, amount: str) -> None:
        """A transaction of several calls is rolled back."""
        calls = [Call("freeze", {**self.of(user, f"fresh-{next(self.times)}"), "amount": Decimal(amount)})]
        calls += [self.past[choice % len(self.past)] for choice in choices]

        async def roll_back(db: Pool) -> None:
            async with db.acquire() as connection:
                transaction = connection.transaction()
                await transaction.start()
                await send_all(connection, calls)
                await transaction.rollback()

        self.bench.run(roll_back)
        self.unchanged = True

    # What must hold after every step ------------------------------------------------------------------------------

    @invariant()
    def the_books_are_sound_and_what_the_model_says(self) -> None:
        unchanged, self.unchanged = self.unchanged, False
        for user in self.users[:2]:
            books = self.bench.run(lambda db: read_books(db, user))  # noqa: B023 - awaited here
            if unchanged:
                assert books == self.books[user]
            self.books[user] = books
            assert faults(books) == []
            wallet = self.model.wallets[user]
            assert (books.user["balance"], books.user["frozen_balance"]) == (wallet.balance, wallet.frozen)
            fields = ("type", "amount", "transaction_id", "hold_transaction_id", "balance_after", "frozen_after")
            assert [tuple(entry[name] for name in fields) for entry in books.operations] == wallet.operations
            ended = {hold["transaction_id"]: hold["settled_by"] for hold in books.holds}
            holds = {name: hold for name, hold in self.model.holds.items() if hold.user == user}
            assert ended == {name: hold.end and hold.end.transaction_id for name, hold in holds.items()}

    # ---------------------------------------------------------------------------------------------------------------

    def named(self, key: str) -> str:
        """The walk's own transaction id: its length is kept where length is the point."""
        return key if len(key) in (0, 256) else f"{self.walk}-{key}"[:255]

    def of(self, user: int, key: str | None) -> dict[str, Any]:
        return {"user": self.users[user], "transaction_id": None if key is None else self.named(key)}

    def of_order(self, choice: int, key: str | None, twist: str) -> dict[str, Any]:
        """One of the last orders: its owner's call, or a stranger's, or one that names two orders."""
        kind, order_id = self.orders[-1 - choice % min(len(self.orders), 3)]
        owner = self.users.index(self.model.orders[order_id].user)
        orders = dict(self.orders) if twist == "two orders" else {kind: order_id}
        return self.of(1 - owner if twist == "stranger" else owner, key) | orders

    def make(self, kind: str, **arguments: Any) -> None:
        """Make a call; it must meet what the model foretells, and a refusal or replay must change nothing."""
        made = Call(kind, arguments)
        [met] = self.bench.run(lambda db: outcomes([made.send(db)]))
        foretold = made.foretell(self.model)
        check(met, foretold)
        self.bench.met.update(tally([met]))
        if isinstance(foretold, Refused) or foretold.replayed:
            self.unchanged = True
        else:
            self.past.append(made)

    def make_at_once(self, calls: list[Call]) -> list[Call]:
        """Make calls at once; those done come first for the model, as the database ordered them. Returns them."""
        met = self.bench.run(lambda db: outcomes(made.send(db) for made in calls))
        done = [
            (result["operation_number"], made, result)
            for made, result in zip(calls, met, strict=True)
            if isinstance(result, dict) and not result["replayed"]
        ]
        done.sort(key=lambda each: each[0])
        for _, made, result in done:
            check(result, made.foretell(self.model))
        for made, result in zip(calls, met, strict=True):
            if not isinstance(result, dict) or result["replayed"]:
                check(result, made.foretell(self.model))
        self.past += [made for _, made, _ in done]
        return [made for _, made, _ in done]
