"""The open orders of the benchmark, on both sides: bought at the simulated account, and pending in the database.

Each was bought by its own user just now, and rests until its end, as a poller leaves it whose account is covered. The
wallet's functions make them, so each has its hold, and a code's delivery is all the work that it is in life.
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random

from pollers.simulator.record import to_json
from pollers.simulator.state import SimulatedAccount, SimulatedOrder
from pollers.simulator.till import Timing
from wallet_db.connect import Pool

SEED = 1
LIFETIME = timedelta(minutes=20)

INSERT = """
    with made as (
        insert into users (id) select gen_random_uuid() from generate_series(1, $1) returning id
    ), paid as materialized (
        select id, atomic_deposit(p_user_id => id, p_amount => 36, p_transaction_id => 'top-up ' || id) from made
    )
    select array_agg(id::text) from paid
"""
ORDER = """
    select array_agg(create_activation(u::uuid, 'whatsapp', 'indonesia') ->> 'id') from unnest($1::text[]) u
"""
BUY = """
    select count(*) filter (where begin_purchase(o.id::uuid, 'sms_activate')
        and record_purchase(o.id::uuid, o.upstream, o.phone, 0.1, now() + $4::interval, now() + $4::interval))
      from unnest($1::text[], $2::text[], $3::text[]) o (id, upstream, phone)
"""


@dataclass(frozen=True, slots=True)
class Upstream:
    """A simulated account with so many open orders, none of which has had its SMS."""

    account: SimulatedAccount
    orders: list[SimulatedOrder]

    def write(self, path: Path, *, sms: int, begin_s: float, seconds: float) -> dict[str, float]:
        """Keep the account in a file: of so many orders an SMS comes between begin_s (since 1970) and `seconds` later.

        Returns when each comes, by the provider's order id.
        """
        random = Random(SEED)  # noqa: S311 - the same orders and moments in every run
        for order in self.orders:
            order.sms_at = None
        for order in random.sample(self.orders, sms):
            order.sms_at = begin_s + random.uniform(0, seconds)
        path.write_bytes(to_json(self.account.record()))
        return {str(order.id): order.sms_at for order in self.orders if order.sms_at is not None}


def buy_upstream(count: int, now_s: float) -> Upstream:
    """An account that has bought so many numbers."""
    account = SimulatedAccount(Timing(lifetime_s=1e6), Random(SEED))  # noqa: S311
    account.fund(account.balance * 100)
    return Upstream(account, [account.buy("wa", 6, now_s) for _ in range(count)])


async def insert_orders(db: Pool, upstream: Upstream) -> int:
    """The same orders in the database; returns how many are pending."""
    await db.execute("update services set price = 5.00 where service = 'whatsapp'")
    pending = 0
    for start in range(0, len(upstream.orders), 1_000):  # each a transaction well within a statement's time
        orders = upstream.orders[start : start + 1_000]
        users = await db.fetchval(INSERT, len(orders))
        ids = await db.fetchval(ORDER, users)
        bought = await db.fetchval(
            BUY, ids, [str(order.id) for order in orders], [order.phone for order in orders], LIFETIME
        )
        pending += bought
    await db.execute("insert into presence (user_id, until) select id, now() + interval '1 hour' from users")
    await db.execute("analyze activations")
    return pending
