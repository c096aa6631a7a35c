"""Bringing rows into the database: judged one by one, written in batches, each a transaction of its own.

A batch is written whole or not at all, and a card or webhook that is here already is left as it is. So an import that
was cut off is simply begun again, and the same file imported twice changes nothing the second time. A dry run does all
of it and takes each batch back.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeAlias
from uuid import UUID, uuid4

import orjson

from wallet_db.connect import Connection
from wallet_db.errors import refusals
from wallet_db.import_cards.history import ImportedWebhook, webhook_of
from wallet_db.import_cards.rows import ImportedCard, card_of, shown_card_id
from wallet_db.sealing import CardKeys, place

PROVIDER = "strowallet"
BATCH = 200
REFUSED_KEPT_MAX = 100_000
"""Refused rows that are remembered for the report; beyond, they are counted."""

Row: TypeAlias = tuple[int, Mapping[str, str] | str]
"""A line's number in its file, and its cells by column, or why it could not be read."""
Report: TypeAlias = Callable[["Loaded"], None]

REASONS = {
    "unknown_user": "user_id: no such user here",
    "of_another_user": "card_id: here already, as another user's card",
}


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that was not taken. card_id: as in the file, None if it may not be shown."""

    line: int
    card_id: str | None
    reasons: tuple[str, ...]


@dataclass(slots=True)
class Loaded:
    """What became of the rows of a file. known: were here already."""

    rows: int = 0
    imported: int = 0
    known: int = 0
    refused_count: int = 0
    refused: list[Refused] = field(default_factory=list)

    def refuse(self, line: int, card_id: str | None, *reasons: str) -> None:
        """Count it, and remember why."""
        self.refused_count += 1
        if len(self.refused) < REFUSED_KEPT_MAX:
            self.refused.append(Refused(line, card_id, reasons))


async def load_cards(
    connection: Connection, rows: Iterable[Row], keys: CardKeys, *, dry_run: bool, on_progress: Report
) -> Loaded:
    """Import cards; on_progress hears after each batch."""
    loaded = Loaded()
    lines: dict[str, int] = {}
    for batch in _batches(rows):
        cards: list[tuple[int, ImportedCard]] = []
        for line, row in batch:
            judged = [row] if isinstance(row, str) else card_of(row)
            if isinstance(judged, list):
                loaded.refuse(line, _shown(row), *judged)
            elif (first := lines.setdefault(judged.provider_card_id, line)) != line:
                loaded.refuse(line, judged.provider_card_id, f"card_id: the same as in line {first}")
            else:
                cards.append((line, judged))
        # Users are locked in one order, whoever else imports at the same time.
        cards.sort(key=lambda each: (each[1].user_id, each[0]))
        async with _transaction(connection, dry_run=dry_run):
            outcomes = [(line, card, await _import_card(connection, card, keys)) for line, card in cards]
        for line, card, outcome in outcomes:
            loaded.imported += outcome == "imported"
            loaded.known += outcome == "known"
            if outcome in REASONS:
                loaded.refuse(line, card.provider_card_id, REASONS[outcome])
        loaded.rows += len(batch)
        on_progress(loaded)
    loaded.refused.sort(key=lambda refused: refused.line)
    return loaded


async def load_webhooks(connection: Connection, rows: Iterable[Row], *, dry_run: bool, on_progress: Report) -> Loaded:
    """Import the record of webhooks; on_progress hears after each batch."""
    loaded = Loaded()
    for batch in _batches(rows):
        webhooks: list[ImportedWebhook] = []
        for line, row in batch:
            judged = [row] if isinstance(row, str) else webhook_of(row)
            if isinstance(judged, list):
                loaded.refuse(line, _shown(row), *judged)
            else:
                webhooks.append(judged)
        async with _transaction(connection, dry_run=dry_run):
            are_new = [await _import_webhook(connection, webhook) for webhook in webhooks]
        loaded.imported += sum(are_new)
        loaded.known += len(are_new) - sum(are_new)
        loaded.rows += len(batch)
        on_progress(loaded)
    return loaded


def _shown(row: Mapping[str, str] | str) -> str | None:
    return None if isinstance(row, str) else shown_card_id(row)


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    following = iter(rows)
    while batch := list(islice(following, BATCH)):
        yield batch


@asynccontextmanager
async def _transaction(connection: Connection, *, dry_run: bool) -> AsyncIterator[None]:
    transaction = connection.transaction()
    await transaction.start()
    try:
        yield
    except BaseException:
        await transaction.rollback()
        raise
    if dry_run:
        await transaction.rollback()
    else:
        await transaction.commit()


async def _import_card(connection: Connection, card: ImportedCard, keys: CardKeys) -> str:
    id_ = uuid4()
    with refusals():
        outcome: str = await connection.fetchval(
            "select import_card($1, $2, $3, $4, $5, $6, $7, $8)",
            id_,
            PROVIDER,
            card.provider_card_id,
            card.user_id,
            card.status,
            card.balance,
            _sealed(keys, "last4_sealed", id_, card.last4),
            _sealed(keys, "expiry_sealed", id_, card.expiry),
        )
    return outcome


def _sealed(keys: CardKeys, column: str, card_id: UUID, value: str | None) -> bytes | None:
    return None if value is None else keys.seal(value.encode(), place("cards", column, card_id))


async def _import_webhook(connection: Connection, webhook: ImportedWebhook) -> bool:
    is_new: bool = await connection.fetchval(
        "select import_card_webhook($1, $2, $3, $4, $5, $6)",
        webhook.event_id,
        webhook.event,
        PROVIDER,
        webhook.provider_card_id,
        orjson.dumps(webhook.payload).decode(),
        webhook.received_at,
    )
    return is_new
