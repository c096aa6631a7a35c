"""The periodic job that holds new transactions of cards against the velocity rules (`rules`), and does what they say.

What no rule has looked at carries no judged_at, so a transaction that is written late is judged as well; it is marked
after its hits are noted, so a job that dies in between judges it again, and a hit is noted once. A hit, the operators'
alert and the block it asks for are one transaction. A rule that is not valid is told of and holds up no other.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import orjson
import structlog

from pollers.cards.rules import Hit, Rule, RuleInvalid, beyond, parse_rule
from wallet_db import card_rules as rows
from wallet_db.card_rules import CardTransaction, StoredRule
from wallet_db.connect import Connection, Pool
from wallet_db.errors import CardNotUsable, refusals
from wallet_db.jobs import log_for_operator

log = structlog.get_logger()

BATCH = 500
BATCHES_MAX = 20
"""In a run; the rest is the next one's."""


async def judge_card_rules(pool: Pool, before: Mapping[str, int]) -> Mapping[str, int]:
    """Judge what is new.

    judged; hits: noted, dry runs among them; acted: followed by an alert at least; invalid: rules that cannot be read.
    …_total count on.
    """
    rules, invalid = _readable(await rows.read_card_rules(pool))
    if invalid and before.get("invalid", 0) != len(invalid):
        await log_for_operator(
            pool, "error", "card_rules", "CARD_RULE_INVALID", orjson.dumps({"rules": invalid}).decode()
        )
    window = max((rule.window for rule in rules), default=timedelta(0))
    judged = hits = acted = 0
    for _ in range(BATCHES_MAX):
        unjudged, beside = await rows.read_unjudged_card_transactions(pool, BATCH, window=window)
        noted_until: dict[tuple[str, UUID], datetime] = {}
        for rule, hit in new_hits(rules, unjudged, beside):
            if hit.at < noted_until.get((rule.name, hit.subject), hit.at):
                continue  # the database would say the same
            noted = await _note(pool, rule, hit)
            if noted != "known":
                noted_until[rule.name, hit.subject] = hit.at + rule.window
            hits += noted != "known"
            acted += noted == "acted"
        if unjudged:
            await rows.mark_card_transactions_judged(pool, unjudged)
        judged += len(unjudged)
        if len(unjudged) < BATCH:
            break
    return {
        "judged": judged,
        "hits": hits,
        "acted": acted,
        "invalid": len(invalid),
        "judged_total": before.get("judged_total", 0) + judged,
        "hits_total": before.get("hits_total", 0) + hits,
        "acted_total": before.get("acted_total", 0) + acted,
    }


def new_hits(
    rules: Sequence[Rule], unjudged: Sequence[CardTransaction], beside: Sequence[CardTransaction]
) -> Iterator[tuple[Rule, Hit]]:
    """The moments beyond that these may have made: of their users, from the first of them on."""
    since: dict[UUID, datetime] = {}
    for transaction in unjudged:
        since[transaction.user_id] = min(transaction.at, since.get(transaction.user_id, transaction.at))
    return ((rule, hit) for rule in rules for hit in beyond(rule, beside) if hit.at >= since[hit.user_id])


def _readable(stored: Sequence[StoredRule]) -> tuple[list[Rule], dict[str, str]]:
    rules: list[Rule] = []
    invalid: dict[str, str] = {}
    for each in stored:
        if not each.enabled:
            continue
        try:
            rule = parse_rule(each.rule)
        except RuleInvalid as fault:
            invalid[each.name] = str(fault)
        else:
            if rule.name == each.name:
                rules.append(rule)
            else:
                invalid[each.name] = f"name: expected {each.name!r} as the row has it, got {rule.name!r}"
    return rules, invalid


async def _note(pool: Pool, rule: Rule, hit: Hit) -> str:
    async with pool.acquire() as connection, connection.transaction():
        noted = await rows.note_card_rule_hit(
            connection,
            rule=rule.name,
            per=rule.per,
            window=rule.window,
            card_id=hit.card_ids[-1],
            user_id=hit.user_id,
            at=hit.at,
            figures={
                "count": hit.count,
                "usd": f"{hit.usd:.2f}",
                "window_s": int(rule.window.total_seconds()),
                "cards": [str(card_id) for card_id in hit.card_ids],
            },
        )
        if noted == "acted" and rule.then == "block":
            for card_id in hit.card_ids:
                await _block(connection, rule, card_id)
    if noted != "known":
        log.warning("card rule hit", category="security", rule=rule.name, user_id=str(hit.user_id), outcome=noted)
    return noted


async def _block(connection: Connection, rule: Rule, card_id: UUID) -> None:
    """Ask for the block as anybody does; one that is blocked or over already is left as it is."""
    try:
        async with connection.transaction():
            with refusals():
                await connection.execute(
                    "select request_card_action(null, $1, 'block', 'system', $2)", card_id, f"rule:{rule.name}"
                )
    except CardNotUsable as refusal:
        log.info("card not blocked", category="security", card_id=str(card_id), rule=rule.name, why=str(refusal))
