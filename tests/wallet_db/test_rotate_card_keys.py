"""`python -m wallet_db rotate-card-keys`: everything under the first key, whatever is cut off or changed meanwhile."""

import asyncio
from base64 import b64encode
from typing import cast
from uuid import UUID, uuid4

import orjson
import pytest

from tests.wallet_db.cards import new_card
from tests.wallet_db.rivals import overlap
from tests.wallet_db.support import Database, new_user, run
from wallet_db import __main__ as command_line
from wallet_db import rotate_card_keys
from wallet_db.connect import Connection, Pool
from wallet_db.rotate_card_keys import Rotated, rotate
from wallet_db.sealing import CardKeys, Unsealable, place

K1, K2 = (f"{name}:{b64encode(bytes([number]) * 32).decode()}" for number, name in enumerate(("k1", "k2"), 1))
OLD, BOTH, NEW = (CardKeys.parse(text) for text in (K1, f"{K2},{K1}", K2))
IMAGE = bytes(range(256)) * 40


async def new_customer(db: Pool, keys: CardKeys, email: str = "ann@example.org") -> UUID:
    """Somebody whose documents the provider has yet to see."""
    customer, document = uuid4(), uuid4()
    user = await new_user(db)
    details = orjson.dumps({"email": email, "id_number": "A1"})
    await db.execute(
        "insert into card_customers (id, user_id, provider, details, email_digest)"
        " values ($1, $2, 'strowallet', $3, $4)",
        customer,
        user,
        keys.seal(details, place("card_customers", "details", customer)),
        keys.digest(email),
    )
    await db.execute(
        "insert into card_documents (id, customer_id, user_id, kind, content_type, sealed)"
        " values ($1, $2, $3, 'id_image', 'image/png', $4)",
        document,
        customer,
        user,
        keys.seal(IMAGE, place("card_documents", "sealed", document)),
    )
    return customer


async def turn(db: Pool, keys: CardKeys, *, dry_run: bool = False) -> Rotated:
    async with db.acquire() as connection:
        return await rotate(connection, keys, dry_run=dry_run, on_progress=lambda done, total: None)


def total(counts: dict[str, dict[str, int]], key_id: str) -> int:
    return sum(found.get(key_id, 0) for found in counts.values())


async def assert_opens(db: Pool, keys: CardKeys) -> None:
    """Everything, to what was sealed."""
    for row in await db.fetch("select * from cards"):
        assert keys.open(row["last4_sealed"], place("cards", "last4_sealed", row["id"])) == b"4242"
        assert keys.open(row["expiry_sealed"], place("cards", "expiry_sealed", row["id"])) == b"05/29"
    for row in await db.fetch("select * from card_documents"):
        assert keys.open(row["sealed"], place("card_documents", "sealed", row["id"])) == IMAGE
    for row in await db.fetch("select * from card_customers"):
        details = orjson.loads(keys.open(row["details"], place("card_customers", "details", row["id"])))
        assert details["id_number"] == "A1"


def test_everything_is_sealed_by_the_first_key(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        for _ in range(3):
            await new_card(db, user, keys=OLD)
        await new_card(db, user, keys=BOTH)
        await new_customer(db, OLD)
        events = await db.fetchval("select count(*) from events")
        first = await turn(db, BOTH)
        assert (first.resealed, first.digests, first.unreadable) == (8, 0, [])
        assert (total(first.before, "k1"), total(first.before, "k2")) == (8, 2)
        assert (total(first.after, "k1"), total(first.after, "k2")) == (0, 10)
        await assert_opens(db, NEW)
        assert await db.fetchval("select count(*) from events") == events  # nobody is told: nothing has changed
        again = await turn(db, BOTH)
        assert (again.resealed, again.before) == (0, again.after)

    run(database_url, scenario)


def test_a_dry_run_says_how_many_under_which_key_and_writes_nothing(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        await new_card(db, await new_user(db), keys=OLD)
        tried = await turn(db, BOTH, dry_run=True)
        assert (tried.resealed, tried.before) == (2, tried.after)
        assert tried.before["cards.last4_sealed"] == {"k1": 1}
        await assert_opens(db, OLD)

    run(database_url, scenario)


def test_a_run_that_was_cut_off_is_begun_again(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotate_card_keys, "SEALED", [("cards", "last4_sealed", 4), ("cards", "expiry_sealed", 4)])

    class CutOff(Exception):
        pass

    def stop(done: int, _: int) -> None:
        if done == 4:
            raise CutOff

    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        for _ in range(6):
            await new_card(db, user, keys=OLD)
        async with db.acquire() as connection:
            with pytest.raises(CutOff):
                await rotate(connection, BOTH, dry_run=False, on_progress=stop)
        await assert_opens(db, BOTH)
        rest = await turn(db, BOTH)
        assert rest.resealed == 8
        await assert_opens(db, NEW)

    run(database_url, scenario)


def test_digests_follow_when_the_old_key_is_taken_away(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        customer = await new_customer(db, OLD, "ann@example.org")
        assert (await turn(db, BOTH)).digests == 0
        assert (await turn(db, NEW)).digests == 1
        digest = await db.fetchval("select email_digest from card_customers where id = $1", customer)
        assert digest == NEW.digest("ann@example.org") != OLD.digest("ann@example.org")

    run(database_url, scenario)


def test_what_cannot_be_opened_is_told_and_left(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        card = await new_card(db, user, keys=OLD)
        await new_card(db, user, keys=NEW)
        tried = await turn(db, NEW)
        assert (tried.resealed, len(tried.unreadable)) == (0, 2)
        assert f"cards.last4_sealed:{card}: sealed by key 'k1', which is not given" in tried.unreadable
        sealed = await db.fetchval("select last4_sealed from cards where id = $1", card)
        with pytest.raises(Unsealable):
            NEW.open(sealed, place("cards", "last4_sealed", card))
        assert OLD.open(sealed, place("cards", "last4_sealed", card)) == b"4242"

    run(database_url, scenario)


def test_a_value_that_is_changed_meanwhile_stays_as_it_was_changed(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        card = await new_card(db, await new_user(db), keys=OLD)
        at = place("cards", "last4_sealed", card)

        async def change(connection: Database) -> None:
            await connection.execute("update cards set last4_sealed = $2 where id = $1", card, NEW.seal(b"1881", at))

        async def turn_meanwhile(connection: Database) -> Rotated:
            return await rotate(
                cast("Connection", connection), BOTH, dry_run=False, on_progress=lambda done, total: None
            )

        _, turned = await overlap(db, change, turn_meanwhile)
        assert (turned.resealed, turned.changed_meanwhile) == (1, 1)
        assert NEW.open(await db.fetchval("select last4_sealed from cards"), at) == b"1881"

    run(database_url, scenario)


def test_the_command_counts_and_shows_no_value(
    database_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def before(db: Pool) -> None:
        await new_card(db, await new_user(db), keys=OLD)

    def command(*options: str) -> tuple[int, list[str]]:
        arguments = command_line._parser().parse_args(["rotate-card-keys", *options])
        status: int = asyncio.run(arguments.run(database_url, arguments))
        return status, capsys.readouterr().out.splitlines()

    run(database_url, before)
    monkeypatch.setenv("CARD_KEYS", f"{K2},{K1}")
    assert command("--dry-run") == (
        0,
        [
            "cards.last4_sealed: key k1: 1 before, 1 now",
            "cards.expiry_sealed: key k1: 1 before, 1 now",
            "2 values would be sealed anew, 0 digests of addresses renewed",
        ],
    )
    status, lines = command()
    assert status == 0
    assert "cards.last4_sealed: key k2 (seals): 0 before, 1 now" in lines
    assert "cards.last4_sealed: key k1: 1 before, 0 now" in lines
    assert lines[-1] == "2 values sealed anew, 0 digests of addresses renewed"
