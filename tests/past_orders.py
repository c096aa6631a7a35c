"""A day of business that is over, written into a fresh database by the functions that make orders: for plots, tables.

Whoever asks gets the same orders for the same seed: services, countries and providers that fare differently, more by
day than by night. It is for databases that are thrown away: the audit, which nobody may rewrite, is given the times of
the orders by the tables' owner.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

from tests.wallet_db.support import MINUTE, Database, call

SECOND = timedelta(seconds=1)
USERS = ("Amina Diallo", "Jean-Baptiste Nguema", "Chloé Moreau", "Kwame Mensah", "Léa Fontaine", "Samuel Adeyemi")
SERVICES = {"whatsapp": 0.9, "telegram": 0.84, "google": 0.72, "facebook": 0.66, "instagram": 0.5, "viber": 0.08}
"""The share of numbers that have their SMS."""
COUNTRIES = ("indonesia", "kazakhstan", "philippines", "vietnam", "brazil")
PROVIDERS = {"herosms": (0.4, 0.01), "fivesim": (0.9, 0.03), "sms_activate": (1.6, 0.09)}
"""Seconds to an answer, and the share of errors."""


@dataclass(frozen=True, slots=True)
class PastOrder:
    """What is going to have happened."""

    at: datetime
    user: str
    service: str
    country: str
    provider: str
    answer_s: float
    outcome: str
    after_s: float
    """From the purchase to the end."""


def draw_orders(until: datetime, count: int, hours: int, seed: int) -> Iterator[PastOrder]:
    """So many, the oldest first. Pure."""
    random = Random(seed)
    weights = [1.2 + math.sin((until - timedelta(hours=hours - i)).hour / 24 * math.tau - 2) for i in range(hours)]
    begun = sorted(
        until - timedelta(hours=hours - hour) + random.random() * timedelta(hours=1)
        for hour in random.choices(range(hours), weights, k=count)
    )
    for at in begun:
        service = random.choices(list(SERVICES), (9, 7, 5, 3, 3, 2))[0]
        provider = random.choices(list(PROVIDERS), (6, 3, 2))[0]
        usual_s, errors = PROVIDERS[provider]
        answer_s = random.lognormvariate(math.log(usual_s), 0.5)
        if random.random() < errors:
            outcome, after_s = "failed", 0.0
        elif random.random() < SERVICES[service]:
            outcome, after_s = "received", random.lognormvariate(math.log(14), 0.7)
        else:
            outcome, after_s = random.choice((("cancelled", 240.0), ("timeout", 1_200.0), ("expired", 700.0)))
        yield PastOrder(
            at, random.choice(USERS), service, random.choice(COUNTRIES), provider, answer_s, outcome, after_s
        )


async def fill(db: Database, until: datetime, *, count: int = 240, hours: int = 24, seed: int = 7) -> dict[str, UUID]:
    """Write them, all of them ended by `until`; the ids of their users by name. `db`: the tables' owner."""
    await db.execute("update settings set value = '0' where key = 'open_orders_per_user_max'")
    users = {name: await db.fetchval("insert into users (name) values ($1) returning id", name) for name in USERS}
    for name, user in users.items():
        await call(db, "atomic_deposit", p_user_id=user, p_amount=Decimal(900), p_transaction_id=f"top-up {name}")
    orders = list(draw_orders(until - 21 * MINUTE, count, hours, seed))
    for number, order in enumerate(orders):
        await _write(db, order, users[order.user], number)
    await db.execute(
        """
            alter table balance_operations disable trigger user;
            update balance_operations o
               set created_at = case o.type when 'freeze' then a.created_at
                                            else coalesce(s.received_at, a.closed_at) end
              from activations a left join sms_messages s on s.activation_id = a.id
             where a.id = o.activation_id;
            alter table balance_operations enable trigger user"""
    )
    return users


async def _write(db: Database, order: PastOrder, user: UUID, number: int) -> None:
    wanted = {"p_user_id": user, "p_service": order.service, "p_country": order.country, "p_now": order.at}
    activation = UUID((await call(db, "create_activation", **wanted))["id"])
    begun_at = order.at + SECOND / 5
    await call(db, "begin_purchase", p_activation_id=activation, p_provider=order.provider, p_now=begun_at)
    sold_at = begun_at + order.answer_s * SECOND
    if order.outcome == "failed":
        await _close(db, activation, "failed", "PROVIDER_UNAVAILABLE", sold_at)
        return
    sale = {"p_provider_order_id": str(91_000_000 + number), "p_phone": f"62812{number:08}", "p_cost": Decimal("3.1")}
    times = {"p_expires_at": sold_at + 20 * MINUTE, "p_due_at": sold_at, "p_now": sold_at}
    await call(db, "record_purchase", p_activation_id=activation, **sale, **times)
    ended_at = sold_at + order.after_s * SECOND
    if order.outcome == "received":
        code = f"{100_000 + number * 7919 % 900_000}"
        said = {"p_code": code, "p_text": f"Your code is {code}."}
        await call(db, "apply_activation_sms", p_activation_id=activation, **said, p_now=ended_at)
        await _close(db, activation, "completed", None, sold_at + 20 * MINUTE)
    elif order.outcome == "expired":
        await _close(db, activation, "cancelled", "ENDED", ended_at)
    else:
        await _close(db, activation, order.outcome, "NO_SMS" if order.outcome == "timeout" else None, ended_at)


async def _close(db: Database, activation: UUID, status: str, code: str | None, at: datetime) -> None:
    await call(db, "close_activation", p_activation_id=activation, p_status=status, p_error_code=code, p_now=at)
