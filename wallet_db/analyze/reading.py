"""Reads the figures of an analysis, all in one snapshot, and has `check` and the health view judge the wallets.

Each query of `sql/analyze/` reads its table once, so that the whole takes seconds with millions of rows. `check` is
asked about every wallet where that is little work, else about those whose operations came nearest to one another; it
looks a moment later, in a snapshot of its own.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from importlib.resources import files
from uuid import UUID

import asyncpg
import orjson

from wallet_db.analyze.figures import (
    AT_20_MIN_S,
    RACE_WINDOW_MS,
    Analysis,
    CodeUse,
    Coherence,
    Ends,
    OperationSum,
    Pair,
    PairTypes,
    Races,
    RentalSum,
    ResponseTime,
    Tally,
    days_between,
)
from wallet_db.check import check
from wallet_db.connect import Connection, DatabaseUnavailable, connect
from wallet_db.health import see_all_wallets
from wallet_db.periodic import find_faulty_wallets

STATEMENT_TIMEOUT_S = 3600.0
OPERATIONS_CHECKED_MAX = 50_000
"""With no more operations than this in all, every wallet is replayed: a second's work …"""
USERS_CHECKED_MAX = 100
"""… else so many wallets at most, with no more operations than that together."""
PAIRS_SHOWN = 12

STEPS = 10
Advance = Callable[[int, int], None]


async def analyze(url: str, *, days: int, on_progress: Advance = lambda done, total: None) -> Analysis:
    """Analyze the last `days` days up to now. `on_progress` hears of steps done, of `STEPS`.

    Raises `DatabaseUnavailable`, also if the connection breaks in the middle, and `WalletsHidden`.
    """
    connection = await connect(url, "analyze")
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.execute("set local statement_timeout = 0; set local work_mem = '256MB'")
            await see_all_wallets(connection)
            reading = _Reading(connection, on_progress)
            found = await reading.read(days)
    except (asyncpg.InterfaceError, asyncpg.OperatorInterventionError, OSError) as error:
        raise DatabaseUnavailable(url, error) from error
    finally:
        await connection.close(timeout=10)
    report = await check(url, user_ids=reading.checked_user_ids)
    on_progress(STEPS, STEPS)
    coherence = replace(
        found.coherence,
        checked=report.users,
        operations=report.operations,
        mismatches=dict(report.mismatches),
    )
    return replace(found, coherence=coherence)


class _Reading:
    """One snapshot being read, query by query."""

    def __init__(self, connection: Connection, on_progress: Advance) -> None:
        self._connection = connection
        self._on_progress = on_progress
        self._done = 0
        self.checked_user_ids: list[UUID] | None = []
        """Whose audit is to be replayed; None: everybody's."""

    async def read(self, days: int) -> Analysis:
        """All but what `check` says, in the order in which it is reported."""
        (state,) = await self._fetch("select * from v_dashboard_stats")
        until = state["at"]
        period = (until - timedelta(days=days), until)
        orders = _tallies(await self._fetch(_sql("orders"), *period))
        response_times = await self._fetch(_sql("response_times"), *period)
        ends = await self._fetch(_sql("ends"), *period, AT_20_MIN_S)
        codes = await self._fetch(_sql("codes"), *period)
        operations = await self._fetch(_sql("operations"), *period)
        rentals = await self._fetch(_sql("rentals"), *period)
        (races,) = await self._fetch(_sql("races"), *period, RACE_WINDOW_MS, USERS_CHECKED_MAX, PAIRS_SHOWN)
        coherence = await self._coherence(races["racing"])
        return Analysis(
            since=period[0],
            until=until,
            days=days,
            state={**state, "success": None if state["success"] is None else float(state["success"])},
            orders=orders["all"].get("", Tally()),
            services=orders["service"],
            countries=orders["country"],
            providers=orders["provider"],
            error_codes=orders["error_code"],
            by_day={day: orders["day"].get(day.isoformat(), Tally()) for day in days_between(*period)},
            by_hour=[orders["hour"].get(f"{hour:02}", Tally()) for hour in range(24)],
            response_times=[_response_time(row) for row in response_times],
            ends=_ends(ends),
            codes=[CodeUse(**dict(row)) for row in codes],
            operations=[OperationSum(**dict(row)) for row in operations],
            races=_races(races),
            coherence=coherence,
            rentals=[RentalSum(**dict(row)) for row in rentals],
        )

    async def _coherence(self, racing: list[UUID]) -> Coherence:
        wallets, faulty = await find_faulty_wallets(self._connection)
        operations = await self._connection.fetchval("select coalesce(sum(operation_number), 0)::bigint from users")
        if operations <= OPERATIONS_CHECKED_MAX:
            self.checked_user_ids = None
        else:
            # Whose wallet is not well is looked at first.
            self.checked_user_ids = await self._bounded(list(dict.fromkeys([*faulty, *racing]))[:USERS_CHECKED_MAX])
        self._advance()
        return Coherence(wallets=wallets, not_ok=len(faulty), checked=0, operations=0, mismatches={})

    async def _bounded(self, user_ids: list[UUID]) -> list[UUID]:
        """As many of them, from the first on, as have no more operations together than may be replayed."""
        rows = await self._connection.fetch(
            "select id from (select id, place, sum(operation_number) over (order by place) as operations"
            "                  from unnest($1::uuid[]) with ordinality named (id, place) join users using (id)) u"
            " where operations <= $2 order by place",
            user_ids,
            OPERATIONS_CHECKED_MAX,
        )
        return [row["id"] for row in rows]

    async def _fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        rows: list[asyncpg.Record] = await self._connection.fetch(query, *arguments, timeout=STATEMENT_TIMEOUT_S)
        self._advance()
        return rows

    def _advance(self) -> None:
        self._done += 1
        self._on_progress(self._done, STEPS)


def _tallies(rows: list[asyncpg.Record]) -> dict[str, dict[str, Tally]]:
    """By kind and label; a label's rows are one for each outcome."""
    found: dict[str, dict[str, Tally]] = defaultdict(dict)
    for row in rows:
        before = found[row["kind"]].get(row["label"], Tally())
        found[row["kind"]][row["label"]] = Tally(
            orders={**before.orders, row["outcome"]: row["orders"]},
            price_paid=before.price_paid + row["price_paid"],
            cost=before.cost + row["cost"],
            late=before.late + row["late"],
        )
    return found


def _response_time(row: asyncpg.Record) -> ResponseTime:
    nothing = [None, None, None]
    return ResponseTime(
        service=row["service"],
        bought=row["bought"],
        served=row["served"],
        buy_s=row["buy_s"] or nothing,
        sms_s=row["sms_s"] or nothing,
    )


def _ends(rows: list[asyncpg.Record]) -> dict[str, Ends]:
    found: dict[str, Ends] = {}
    for row in rows:
        before = found.get(row["outcome"], Ends({}, 0))
        by_minute = {**before.by_minute, row["minute"]: row["orders"]}
        found[row["outcome"]] = Ends(by_minute, before.at_20 + row["at_20"])
    return found


def _races(row: asyncpg.Record) -> Races:
    return Races(
        pairs=row["pairs"],
        overlapping=row["overlapping"],
        unchained=row["unchained"],
        acknowledged=row["acknowledged"],
        users=row["users"],
        distance_ms_p50=row["distance_ms_p50"],
        steps={int(step): pairs for step, pairs in orjson.loads(row["steps"]).items()},
        types=[PairTypes(**each) for each in orjson.loads(row["types"])],
        nearest=[Pair(**each) for each in orjson.loads(row["nearest"])],
    )


def _sql(name: str) -> str:
    return (files("wallet_db") / "sql" / "analyze" / f"{name}.sql").read_text(encoding="utf-8")
