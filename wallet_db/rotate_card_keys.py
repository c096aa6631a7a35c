"""`python -m wallet_db rotate-card-keys`: seals with the first key of CARD_KEYS what another one has sealed.

Which key sealed a value stands at its beginning, so what is done needs no list and a run that was cut off is simply
begun again. Rows are read and written in batches by their ids, each a transaction, and a value only if nobody has
changed it meanwhile; processes go on with old and new keys. How to exchange a key: put the new one in front, restart
the processes, run this, take the old one away, restart, and run it again: the digests of addresses are the last key's
and follow it then. It needs the owner's rights on the tables. No value is ever printed.
"""

import argparse
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncpg
import orjson

from wallet_db.card_keys import CardKeySettings
from wallet_db.connect import Connection, connect
from wallet_db.progress import Progress
from wallet_db.sealing import CardKeys, Unsealable, place
from wallet_db.settings import load

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse has no other name for it

SEALED = (
    ("card_customers", "details", 200),
    ("card_documents", "sealed", 5),
    ("cards", "name_on_card_sealed", 200),
    ("cards", "last4_sealed", 200),
    ("cards", "expiry_sealed", 200),
)
"""Table, column, and rows read at a time: a document is an image."""
CUSTOMERS_READ = 200
UNREADABLE_SHOWN_MAX = 20

KEY_ID = (
    "case when length({column}) > 2 then encode(substring({column} from 3 for get_byte({column}, 1)), 'escape')"
    " else '' end"
)
"""Of a sealed value, as `sealing` has it; of what is none, something that is no key's id."""


@dataclass(slots=True)
class Rotated:
    """What a run has done. under: values by column, then by the id of the key that sealed them, before and after."""

    resealed: int = 0
    digests: int = 0
    changed_meanwhile: int = 0
    unreadable: list[str] = field(default_factory=list)
    before: dict[str, dict[str, int]] = field(default_factory=dict)
    after: dict[str, dict[str, int]] = field(default_factory=dict)


async def rotate(
    connection: Connection, keys: CardKeys, *, dry_run: bool, on_progress: Callable[[int, int], None]
) -> Rotated:
    """Seal anew what another key has sealed. on_progress: values done and in all."""
    rotated = Rotated(before=await keys_in_use(connection))
    total = sum(
        count for found in rotated.before.values() for key_id, count in found.items() if key_id != keys.sealing_id
    )
    for table, column, batch in SEALED:
        async with aclosing(_old_values(connection, table, column, keys.sealing_id, batch)) as batches:
            async for values in batches:
                async with connection.transaction():
                    for row_id, sealed in values:
                        await _reseal(connection, table, column, row_id, sealed, keys, rotated, dry_run=dry_run)
                on_progress(rotated.resealed + rotated.changed_meanwhile + len(rotated.unreadable), total)
    await _renew_digests(connection, keys, rotated, dry_run=dry_run)
    rotated.after = await keys_in_use(connection)
    return rotated


async def keys_in_use(connection: Connection) -> dict[str, dict[str, int]]:
    """By column (`table.column`) and key id: how many values."""
    found: dict[str, dict[str, int]] = {}
    for table, column, _ in SEALED:
        key_id = KEY_ID.format(column=column)
        rows = await connection.fetch(
            f"select {key_id} as key_id, count(*) from {table} where {column} is not null group by 1 order by 1"  # noqa: S608
        )
        found[f"{table}.{column}"] = {row["key_id"]: row["count"] for row in rows}
    return found


async def _old_values(
    connection: Connection, table: str, column: str, sealing_id: str, batch: int
) -> AsyncGenerator[list[tuple[object, bytes]], None]:
    after = None
    while True:
        rows = await connection.fetch(
            f"select id, {column} as sealed from {table} where {column} is not null and ($1::uuid is null or id > $1)"  # noqa: S608
            f" and {KEY_ID.format(column=column)} <> $2 order by id limit $3",
            after,
            sealing_id,
            batch,
        )
        if rows:
            yield [(row["id"], row["sealed"]) for row in rows]
        if len(rows) < batch:
            return
        after = rows[-1]["id"]


async def _reseal(
    connection: Connection,
    table: str,
    column: str,
    row_id: object,
    sealed: bytes,
    keys: CardKeys,
    rotated: Rotated,
    *,
    dry_run: bool,
) -> None:
    where = place(table, column, str(row_id))
    try:
        anew = keys.seal(keys.open(sealed, where), where)
    except Unsealable as fault:
        rotated.unreadable.append(str(fault))
        return
    if dry_run:
        rotated.resealed += 1
        return
    done = await connection.execute(
        f"update {table} set {column} = $3 where id = $1 and {column} = $2",  # noqa: S608 - both are SEALED's
        row_id,
        sealed,
        anew,
    )
    if done.endswith(" 1"):
        rotated.resealed += 1
    else:
        rotated.changed_meanwhile += 1


async def _renew_digests(connection: Connection, keys: CardKeys, rotated: Rotated, *, dry_run: bool) -> None:
    """Addresses are compared by digests of the last key's; whose details cannot be opened keeps the one there is."""
    after = None
    while True:
        rows = await connection.fetch(
            "select id, details, email_digest from card_customers"
            " where details is not null and ($1::uuid is null or id > $1) order by id limit $2",
            after,
            CUSTOMERS_READ,
        )
        for row in rows:
            try:
                details = orjson.loads(keys.open(row["details"], place("card_customers", "details", row["id"])))
            except Unsealable:
                continue  # counted as unreadable above, or sealed by a key that came since
            digest = keys.digest(details["email"].strip().lower())
            if digest != row["email_digest"]:
                rotated.digests += 1
                if not dry_run:
                    await connection.execute(
                        "update card_customers set email_digest = $2 where id = $1", row["id"], digest
                    )
        if len(rows) < CUSTOMERS_READ:
            return
        after = rows[-1]["id"]


def lines(rotated: Rotated, keys: CardKeys, *, dry_run: bool) -> list[str]:
    """The report: how many values are under which key, and what was done."""
    written = []
    for column, found in rotated.before.items():
        after = rotated.after[column]
        for key_id in sorted(found.keys() | after.keys()):
            marked = " (seals)" if key_id == keys.sealing_id else ""
            written.append(f"{column}: key {key_id}{marked}: {found.get(key_id, 0)} before, {after.get(key_id, 0)} now")
    verb = "would be sealed anew" if dry_run else "sealed anew"
    written.append(f"{rotated.resealed} values {verb}, {rotated.digests} digests of addresses renewed")
    if rotated.changed_meanwhile:
        written.append(f"{rotated.changed_meanwhile} were changed meanwhile: run it again")
    written += rotated.unreadable[:UNREADABLE_SHOWN_MAX]
    if rotated.unreadable:
        written.append(f"{len(rotated.unreadable)} could not be opened: is their key still in CARD_KEYS?")
    return written


def add_parser(commands: "Commands") -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "rotate-card-keys", help="seal with the first key of CARD_KEYS what of cards another one has sealed"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    parser.set_defaults(run=_run)


async def _run(url: str, chosen: argparse.Namespace) -> int:
    keys = load(CardKeySettings).keys_of_cards()
    if keys is None:
        print("CARD_KEYS: expected the keys that seal what is kept of cards, got none", file=sys.stderr)  # noqa: T201
        return 1
    connection = await connect(url, "rotate-card-keys")
    try:
        with Progress(sys.stderr, "sealing anew", "values") as progress:
            rotated = await rotate(connection, keys, dry_run=chosen.dry_run, on_progress=progress.update)
    except asyncpg.UniqueViolationError:
        print("two customers of a provider have the same address: one of them has to be failed", file=sys.stderr)  # noqa: T201
        return 1
    finally:
        await connection.close()
    print("\n".join(lines(rotated, keys, dry_run=chosen.dry_run)))  # noqa: T201 - the answer
    return 1 if rotated.unreadable or rotated.changed_meanwhile else 0
