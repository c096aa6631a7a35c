"""`python -m pollers card-rules`: the velocity rules there are, try one on what has happened, set one, end one.

    card-rules                          what there is, with its hits of the last 30 days
    card-rules try FILE --days 30       what this rule would have found; changes nothing
    card-rules set FILE [--act]         make or replace it: a dry run that only notes hits, unless --act
    card-rules end NAME                 it judges no more; its hits stay

FILE is the rule as JSON (`rules`), - standard input. It is an operator's command: it takes the operators' role.
"""

import argparse
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from pollers.cards.rules import Rule, RuleInvalid, judge, parse_rule
from wallet_db import arguments
from wallet_db import card_rules as rows
from wallet_db.connect import Pool, pool
from wallet_db.roles import OPERATOR

if TYPE_CHECKING:
    from argparse import _SubParsersAction

COMMAND = "card-rules"
DAYS = 30
HITS_SHOWN_MAX = 20
TRANSACTIONS_MAX = 500_000
"""That a rule is tried on: some hundred MB."""


def add_parser(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """`python -m pollers card-rules`."""
    parser = commands.add_parser(COMMAND, help="the velocity rules of cards: list, try, set, end")
    what = parser.add_subparsers(dest="what", metavar="WHAT")
    trying = what.add_parser("try", help="what a rule would have found, of what has happened")
    trying.add_argument("file", metavar="FILE", help="the rule as JSON; - is standard input")
    trying.add_argument("--days", type=arguments.positive, default=DAYS, metavar="N", help="how many (%(default)s)")
    setting = what.add_parser("set", help="make or replace a rule; a dry run unless --act")
    setting.add_argument("file", metavar="FILE", help="the rule as JSON; - is standard input")
    setting.add_argument("--act", action="store_true", help="do what it says: alert, or block")
    ending = what.add_parser("end", help="let a rule judge no more")
    ending.add_argument("name", metavar="NAME")


async def run(database_url: str, chosen: argparse.Namespace) -> int:
    """The exit status: 0 done, 1 no such rule, or not a valid one."""
    async with pool(database_url, COMMAND, role=OPERATOR, connections_max=1) as connections:
        if chosen.what is None:
            return await _list(connections)
        if chosen.what == "end":
            return await _end(connections, chosen.name)
        try:
            document = orjson.loads(_read(chosen.file))
            rule = parse_rule(document)
        except RuleInvalid as invalid:
            print("\n".join(invalid.faults), file=sys.stderr)  # noqa: T201
            return 1
        except (orjson.JSONDecodeError, OSError, UnicodeDecodeError) as error:
            print(f"{chosen.file}: {error}", file=sys.stderr)  # noqa: T201
            return 1
        if chosen.what == "try":
            return await _try(connections, rule, chosen.days)
        await rows.store_card_rule(connections, rule.name, document, dry_run=not chosen.act, enabled=True)
    print(f"{rule.name}: {'acts' if chosen.act else 'a dry run: hits are noted, nothing follows'}")  # noqa: T201
    return 0


def _read(file: str) -> str:
    return sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")


async def _list(connections: Pool) -> int:
    hits = await rows.count_card_rule_hits(connections, datetime.now(UTC) - timedelta(days=DAYS))
    stored = await rows.read_card_rules(connections)
    for each in stored:
        state = "ended" if not each.enabled else "dry run" if each.dry_run else "acts"
        try:
            said = _said(parse_rule(each.rule))
        except RuleInvalid as invalid:
            said = f"INVALID: {invalid}"
        print(f"{each.name}: {state}; {said}; {hits.get(each.name, 0)} hits in {DAYS} days")  # noqa: T201
    if not stored:
        print("no rules")  # noqa: T201
    return 0


async def _try(connections: Pool, rule: Rule, days: int) -> int:
    since = datetime.now(UTC) - timedelta(days=days)
    transactions = await rows.read_card_transactions(connections, since, TRANSACTIONS_MAX)
    hits = judge(rule, transactions)
    for hit in hits[:HITS_SHOWN_MAX]:
        cards = ", ".join(map(str, hit.card_ids))
        print(f"{hit.at:%Y-%m-%d %H:%M:%S}  user {hit.user_id}  {hit.count} times, {hit.usd:.2f} USD  {cards}")  # noqa: T201
    if len(hits) > HITS_SHOWN_MAX:
        print(f"and {len(hits) - HITS_SHOWN_MAX} more")  # noqa: T201
    if len(transactions) == TRANSACTIONS_MAX:
        print(f"only the newest {TRANSACTIONS_MAX:,} were read, since {transactions[-1].at:%Y-%m-%d %H:%M}")  # noqa: T201
    users = len({hit.user_id for hit in hits})
    print(f"{rule.name}: {len(hits)} hits, {users} users, of {len(transactions)} transactions in {days} days")  # noqa: T201
    return 0


async def _end(connections: Pool, name: str) -> int:
    if not await rows.end_card_rule(connections, name):
        print(f"no rule {name!r}", file=sys.stderr)  # noqa: T201
        return 1
    print(f"{name}: ended")  # noqa: T201
    return 0


def _said(rule: Rule) -> str:
    most = f"{rule.count_max} times" if rule.count_max is not None else f"{rule.usd_max:.2f} USD"
    return f"more than {most} in {rule.window} per {rule.per}: {rule.then}"
