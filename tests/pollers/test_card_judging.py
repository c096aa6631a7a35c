"""New transactions against the rules: each judged once, each hit noted once, and what follows only where it may."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from structlog.testing import capture_logs

from pollers.cards import judging
from pollers.cards.judging import judge_card_rules
from tests.wallet_db.cards import new_card, new_transaction
from tests.wallet_db.support import new_user, run
from wallet_db.card_rules import store_card_rule
from wallet_db.connect import Pool, pool
from wallet_db.roles import POLLERS

MINUTE = timedelta(minutes=1)
BLOCKING: dict[str, Any] = {"name": "many", "window_s": 3600, "count_max": 2, "per": "card", "then": "block"}
TELLING: dict[str, Any] = {"name": "much", "window_s": 3600, "usd_max": "25.00", "per": "user", "then": "alert"}


async def rule(db: Pool, rule: dict[str, Any], *, dry_run: bool = False, enabled: bool = True) -> None:
    await store_card_rule(db, rule["name"], rule, dry_run=dry_run, enabled=enabled)


async def judge(database_url: str, before: dict[str, int] | None = None) -> dict[str, int]:
    async with pool(database_url, "pollers", role=POLLERS) as pollers:
        with capture_logs():
            return dict(await judge_card_rules(pollers, before or {}))


async def hits(db: Pool) -> list[tuple[str, UUID, bool, bool]]:
    rows = await db.fetch("select rule, card_id, dry_run, acted from card_rule_hits order by id")
    return [tuple(row) for row in rows]


async def wanted(db: Pool, card: UUID) -> tuple[str | None, str | None]:
    row = await db.fetchrow("select wanted_action, wanted_by from cards where id = $1", card)
    assert row is not None
    return tuple(row)


async def alerts(db: Pool) -> list[tuple[str, dict[str, Any]]]:
    rows = await db.fetch("select message, data::text from system_logs where source = 'card_rules' order by id")
    return [(row["message"], orjson.loads(row["data"])) for row in rows]


def test_a_rule_that_blocks_asks_for_the_block_and_tells(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        card, other = await new_card(db, user), await new_card(db, user)
        await rule(db, BLOCKING)
        for ago in (3, 2, 1):
            await new_transaction(db, card, ago=ago * MINUTE)
            await new_transaction(db, other, ago=ago * 40 * MINUTE)
        result = await judge(database_url)
        assert (result["judged"], result["hits"], result["acted"]) == (6, 1, 1)
        assert await hits(db) == [("many", card, False, True)]
        assert await wanted(db, card) == ("block", "system:rule:many")
        assert await wanted(db, other) == (None, None)
        [(message, data)] = await alerts(db)
        assert (message, data["rule"], data["then"], data["count"]) == ("CARD_RULE_HIT", "many", "block", 3)
        assert (data["card_id"], data["user_id"], data["cards"]) == (str(card), str(user), [str(card)])
        audited = await db.fetchrow("select actor_type, actor_id from strowallet_card_audit order by id desc limit 1")
        assert tuple(audited or ()) == ("system", "rule:many")
        assert (await judge(database_url, result))["judged"] == 0
        assert len(await hits(db)) == 1

    run(database_url, scenario)


def test_a_rule_that_tells_blocks_nothing(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        cards = [await new_card(db, user), await new_card(db, user)]
        await rule(db, TELLING)
        await new_transaction(db, cards[0], "-20.00", ago=2 * MINUTE)
        await new_transaction(db, cards[1], "-6.00", ago=MINUTE)
        assert (await judge(database_url))["acted"] == 1
        [(_, data)] = await alerts(db)
        assert (data["usd"], sorted(data["cards"])) == ("26.00", sorted(map(str, cards)))
        assert [await wanted(db, card) for card in cards] == [(None, None)] * 2

    run(database_url, scenario)


def test_a_dry_run_is_noted_and_nothing_follows(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        card = await new_card(db, await new_user(db))
        await rule(db, BLOCKING, dry_run=True)
        for _ in range(3):
            await new_transaction(db, card)
        result = await judge(database_url)
        assert (result["hits"], result["acted"]) == (1, 0)
        assert await hits(db) == [("many", card, True, False)]
        assert await wanted(db, card) == (None, None)
        assert await alerts(db) == []

    run(database_url, scenario)


def test_what_happened_long_ago_is_noted_only(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        card = await new_card(db, await new_user(db))
        await rule(db, BLOCKING)
        for minutes in range(3):
            await new_transaction(db, card, ago=timedelta(days=2, minutes=minutes))
        assert (await judge(database_url))["acted"] == 0
        assert await hits(db) == [("many", card, False, False)]
        assert (await wanted(db, card), await alerts(db)) == ((None, None), [])

    run(database_url, scenario)


def test_an_ended_rule_judges_nothing_and_a_broken_one_holds_up_no_other(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        card = await new_card(db, await new_user(db))
        await rule(db, BLOCKING, enabled=False)
        await rule(db, {**TELLING, "usd_max": 25.0})
        await store_card_rule(db, "misnamed", {**TELLING, "name": "else"}, dry_run=False, enabled=True)
        await rule(db, {**BLOCKING, "name": "told", "then": "alert"})
        for _ in range(3):
            await new_transaction(db, card)
        result = await judge(database_url)
        assert (result["hits"], result["invalid"]) == (1, 2)
        invalid, hit = await alerts(db)
        assert (invalid[0], hit[0], hit[1]["rule"]) == ("CARD_RULE_INVALID", "CARD_RULE_HIT", "told")
        assert invalid[1]["rules"]["much"].startswith('usd_max: expected an amount as a string like "500.00"')
        assert invalid[1]["rules"]["misnamed"] == "name: expected 'misnamed' as the row has it, got 'else'"
        await judge(database_url, result)
        assert len(await alerts(db)) == 2  # of the same it is told once

    run(database_url, scenario)


def test_a_transaction_told_late_counts_where_it_belongs(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        card = await new_card(db, await new_user(db))
        await rule(db, {**BLOCKING, "then": "alert"})
        for ago in (50, 5):
            await new_transaction(db, card, ago=ago * MINUTE)
        assert (await judge(database_url))["hits"] == 0
        await new_transaction(db, card, ago=30 * MINUTE)
        assert (await judge(database_url))["hits"] == 1
        await new_transaction(db, card, ago=29 * MINUTE)
        assert (await judge(database_url))["hits"] == 0  # within the window of that one

    run(database_url, scenario)


def test_what_goes_on_is_a_hit_again_after_a_window_however_it_is_told(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        singly, at_once = [await new_card(db, await new_user(db)) for _ in range(2)]
        await rule(db, {**BLOCKING, "then": "alert"})
        for ago in range(180, 0, -10):
            await new_transaction(db, at_once, ago=ago * MINUTE)
            await new_transaction(db, singly, ago=ago * MINUTE)
            async with pool(database_url, "pollers", role=POLLERS) as pollers:
                await db.execute("update card_transactions set judged_at = now() where card_id = $1", at_once)
                await judge_card_rules(pollers, {})
        await db.execute("update card_transactions set judged_at = null where card_id = $1", at_once)
        with capture_logs():
            await judge(database_url)
        ago = "array_agg(round(extract(epoch from now() - at) / 60) order by at)"
        for card in (singly, at_once):
            assert await db.fetchval(f"select {ago} from card_rule_hits where card_id = $1", card) == [160, 100, 40]  # noqa: S608

    run(database_url, scenario)


def test_a_payment_that_is_declined_later_counts_as_declined(database_url: str) -> None:
    async def record(db: Pool, card: UUID, status: str) -> None:
        told = [
            {"id": f"t{n}", "usd": "-5.00", "type": "debit", "status": status, "at": datetime.now(UTC).isoformat()}
            for n in range(3)
        ]
        await db.fetchval("select record_card_transactions($1, $2)", card, orjson.dumps(told).decode())

    async def scenario(db: Pool) -> None:
        card = await new_card(db, await new_user(db))
        await rule(db, {**BLOCKING, "statuses": ["failed"], "then": "alert"})
        await record(db, card, "pending")
        assert (await judge(database_url))["hits"] == 0
        await record(db, card, "pending")
        assert (await judge(database_url))["judged"] == 0
        await record(db, card, "failed")
        result = await judge(database_url)
        assert (result["judged"], result["hits"]) == (3, 1)

    run(database_url, scenario)


def test_a_run_that_died_before_it_was_done_notes_nothing_twice(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        card = await new_card(db, await new_user(db))
        await rule(db, BLOCKING)
        for _ in range(3):
            await new_transaction(db, card)
        await judge(database_url)
        await db.execute("update card_transactions set judged_at = null")
        result = await judge(database_url)
        assert (result["judged"], result["hits"]) == (3, 0)
        assert (len(await hits(db)), len(await alerts(db))) == (1, 1)

    run(database_url, scenario)


def test_a_card_that_cannot_be_blocked_is_told_of_all_the_same(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        card = await new_card(db, await new_user(db), "terminated")
        await rule(db, BLOCKING)
        for _ in range(3):
            await new_transaction(db, card)
        assert (await judge(database_url))["acted"] == 1
        assert (await wanted(db, card), len(await alerts(db))) == ((None, None), 1)

    run(database_url, scenario)


def test_many_are_judged_in_batches(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "BATCH", 2)

    async def scenario(db: Pool) -> None:
        card = await new_card(db, await new_user(db))
        await rule(db, BLOCKING)
        for ago in range(5, 0, -1):
            await new_transaction(db, card, ago=ago * MINUTE)
        result = await judge(database_url)
        assert (result["judged"], result["hits"]) == (5, 1)

    run(database_url, scenario)
