"""`python -m pollers card-rules`: try a rule on what has happened, set it, see its hits, end it."""

import asyncio
import json
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from pollers.cards import rules_command
from pollers.cards.judging import judge_card_rules
from tests.wallet_db.cards import new_card, new_transaction
from tests.wallet_db.support import new_user, run
from wallet_db.connect import Pool, pool
from wallet_db.roles import POLLERS

RULE = {"name": "many", "window_s": 3600, "count_max": 2, "per": "card", "then": "block"}
Command = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def card_rules(database_url: str, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """Runs the command; its status and lines."""
    parser = ArgumentParser()
    rules_command.add_parser(parser.add_subparsers(dest="command"))

    def command(*options: object) -> tuple[int, list[str]]:
        chosen = parser.parse_args([rules_command.COMMAND, *map(str, options)])
        status = asyncio.run(rules_command.run(database_url, chosen))
        said = capsys.readouterr()
        return status, [*said.out.splitlines(), *said.err.splitlines()]

    yield command  # noqa: PT022 - what was said is read after it


def test_a_rule_is_tried_set_heard_of_and_ended(database_url: str, tmp_path: Path, card_rules: Command) -> None:
    ids: list[UUID] = []
    file = tmp_path / "many.json"
    file.write_text(json.dumps(RULE), "utf-8")

    async def before(db: Pool) -> None:
        user = await new_user(db)
        ids.extend([user, await new_card(db, user)])
        for minutes in range(3):
            await new_transaction(db, ids[1], ago=timedelta(minutes=minutes + 1))

    async def judge(db: Pool) -> None:
        async with pool(database_url, "pollers", role=POLLERS) as pollers:
            with capture_logs():
                await judge_card_rules(pollers, {})

    async def count(db: Pool) -> None:
        assert await db.fetchval("select count(*) from card_rule_hits") == 1

    run(database_url, before)
    assert card_rules() == (0, ["no rules"])
    status, said = card_rules("try", file, "--days", 1)
    assert status == 0
    assert said[0].endswith(f"  user {ids[0]}  3 times, 30.00 USD  {ids[1]}")
    assert said[1] == "many: 1 hits, 1 users, of 3 transactions in 1 days"
    assert card_rules() == (0, ["no rules"])  # trying leaves nothing
    assert card_rules("set", file) == (0, ["many: a dry run: hits are noted, nothing follows"])
    run(database_url, judge)
    assert card_rules() == (0, ["many: dry run; more than 2 times in 1:00:00 per card: block; 1 hits in 30 days"])
    assert card_rules("set", file, "--act") == (0, ["many: acts"])
    assert card_rules()[1][0].startswith("many: acts; ")
    assert card_rules("end", "many") == (0, ["many: ended"])
    assert card_rules()[1][0].startswith("many: ended; ")
    run(database_url, count)


def test_what_is_wrong_is_told_and_nothing_is_set(tmp_path: Path, card_rules: Command) -> None:
    file = tmp_path / "rule.json"
    file.write_text(json.dumps({**RULE, "window_s": "an hour", "then": "burn"}), "utf-8")
    assert card_rules("set", file) == (
        1,
        [
            "window_s: expected a whole number from 1 to 2592000, got 'an hour'",
            "then: expected alert or block, got 'burn'",
        ],
    )
    file.write_text("{", "utf-8")
    status, said = card_rules("set", file)
    assert (status, len(said)) == (1, 1)
    assert card_rules("set", tmp_path / "none.json")[0] == 1
    assert card_rules("end", "none") == (1, ["no rule 'none'"])
    assert card_rules() == (0, ["no rules"])
