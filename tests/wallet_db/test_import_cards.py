"""`python -m wallet_db import-cards`: whole rows or none, the same file twice, cut off and begun again, its report."""

import asyncio
import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from tests.wallet_db.cards import KEYS
from tests.wallet_db.support import assert_books_balance, new_user, run, wallet
from wallet_db import __main__ as command_line
from wallet_db.connect import Pool
from wallet_db.import_cards import loading
from wallet_db.import_cards.loading import Loaded, load_cards
from wallet_db.import_cards.rows import COLUMNS
from wallet_db.sealing import CardKeys, place

VISA = "4111111111111111"
HEADER = [*COLUMNS, "id"]
NO_USD = " currency: expected USD"
Import = Callable[..., tuple[int, list[str]]]


def line(user: UUID | str, card_id: str, **cells: str) -> list[str]:
    row = {"card_id": card_id, "user_id": str(user), "balance": "12.50", "status": "active", "currency": "USD"}
    row |= {"expiry": "05/29", "last4": "4242", "id": "1"} | cells
    return [row[column] for column in HEADER]


def write(file: Path, *lines: list[str], header: list[str] = HEADER) -> Path:
    with file.open("w", encoding="utf-8", newline="") as opened:
        csv.writer(opened).writerows([header, *lines])
    return file


@pytest.fixture
def import_cards(
    database_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Import]:
    """Runs the command; its status and lines."""
    monkeypatch.setenv("CARD_KEYS", CardKeys.make("k1"))
    parser = command_line._parser()

    def command(*options: object) -> tuple[int, list[str]]:
        arguments = parser.parse_args(["import-cards", *map(str, options)])
        status: int = asyncio.run(arguments.run(database_url, arguments))
        captured = capsys.readouterr()
        return status, [*captured.out.splitlines(), *captured.err.splitlines()]

    yield command  # noqa: PT022 - the environment is put back after it


def test_cards_are_taken_over_once(database_url: str, tmp_path: Path, import_cards: Import) -> None:
    users: list[UUID] = []

    async def before(db: Pool) -> None:
        users.extend([await new_user(db, "36.00"), await new_user(db)])

    async def after(db: Pool) -> None:
        rows = await db.fetch(
            "select user_id, provider, provider_card_id, status, balance::text, imported_at is not null as imported,"
            " due_at, checked_at, closed_at is not null as closed from cards order by provider_card_id"
        )
        assert [tuple(row) for row in rows] == [
            (users[0], "strowallet", "7001", "active", "12.50", True, None, None, False),
            (users[1], "strowallet", "7002", "terminated", "0.00", True, None, None, True),
        ]
        audit = await db.fetch("select action, actor_type, diff ->> 'status' as status from strowallet_card_audit")
        assert sorted(row["action"] for row in audit) == ["imported", "imported"]
        assert {row["actor_type"] for row in audit} == {"operator"}
        told = await db.fetch("select user_id, type from events where type like 'card.%'")
        assert {tuple(row) for row in told} == {(users[0], "card.created"), (users[1], "card.created")}
        assert await wallet(db, users[0]) == ("36.00", "0.00", "36.00")
        await assert_books_balance(db)

    run(database_url, before)
    file = write(
        tmp_path / "cards.csv",
        line(users[0], "7001"),
        line(users[1], "7002", status="closed", balance="0", expiry="", last4=""),
    )
    assert import_cards(file) == (0, ["cards: 2 rows: 2 imported, 0 here already, 0 refused"])
    run(database_url, after)
    assert import_cards(file) == (0, ["cards: 2 rows: 0 imported, 2 here already, 0 refused"])
    run(database_url, after)


def test_what_is_sealed_opens_and_is_nowhere_else(database_url: str) -> None:
    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        rows = [(2, dict(zip(HEADER, line(user, "7001", last4="9713", expiry="11/31"), strict=True)))]
        async with db.acquire() as connection:
            await load_cards(connection, rows, KEYS, dry_run=False, on_progress=lambda _: None)
        card = await db.fetchrow("select id, last4_sealed, expiry_sealed from cards")
        assert card is not None
        assert KEYS.open(card["last4_sealed"], place("cards", "last4_sealed", card["id"])) == b"9713"
        assert KEYS.open(card["expiry_sealed"], place("cards", "expiry_sealed", card["id"])) == b"11/31"
        for table in ("cards", "events", "strowallet_card_audit", "system_logs"):
            text = await db.fetchval(f"select string_agg(t::text, ' ') from {table} t")  # noqa: S608 - it is above
            assert "9713" not in (text or "")
            assert "11/31" not in (text or "")

    run(database_url, scenario)


def test_what_is_refused_is_told_and_written_and_nothing_of_it_taken(
    database_url: str, tmp_path: Path, import_cards: Import
) -> None:
    users: list[UUID] = []

    async def before(db: Pool) -> None:
        users.extend([await new_user(db), await new_user(db)])

    async def after(db: Pool) -> None:
        assert await db.fetchval("select array_agg(provider_card_id) from cards") == ["7001"]

    run(database_url, before)
    stranger = uuid4()
    assert import_cards(write(tmp_path / "first.csv", line(users[0], "7001")))[0] == 0
    file = write(
        tmp_path / "cards.csv",
        line(users[0], "7001"),
        line(stranger, "7002"),
        line(users[1], "7001"),
        line(users[1], "7003", last4=VISA),
        line(users[1], "7004", balance="-1", currency="NGN"),
        ["too", "short"],
        line(users[1], "7005", status="pending"),
    )
    status, lines = import_cards(file, "--refused", tmp_path / "refused.csv")
    assert (status, lines) == (
        1,
        [
            "cards: 7 rows: 0 imported, 1 here already, 6 refused",
            "  line 3: card 7002: user_id: no such user here",
            "  line 4: card 7001: card_id: the same as in line 2",
            "  line 5: card 7003: last4: looks like a full card number",
            "  line 6: card 7004: balance: expected an amount like 12.50, not negative, in whole cents;" + NO_USD,
            "  line 7: expected 8 cells, got 2",
            "  line 8: card 7005: status: the card's creation is not decided yet; import it when it is",
        ],
    )
    with (tmp_path / "refused.csv").open(encoding="utf-8", newline="") as opened:
        written = list(csv.DictReader(opened))
    assert [(row["file"], row["line"], row["card_id"]) for row in written] == [
        ("cards", "3", "7002"),
        ("cards", "4", "7001"),
        ("cards", "5", "7003"),
        ("cards", "6", "7004"),
        ("cards", "7", ""),
        ("cards", "8", "7005"),
    ]
    assert written[0]["reasons"] == "user_id: no such user here"
    assert VISA not in (tmp_path / "refused.csv").read_text("utf-8") + "".join(lines)
    run(database_url, after)
    other = write(tmp_path / "other.csv", line(users[1], "7001"))
    assert import_cards(other)[1][1] == "  line 2: card 7001: card_id: here already, as another user's card"


def test_a_dry_run_says_the_same_and_leaves_nothing(database_url: str, tmp_path: Path, import_cards: Import) -> None:
    users: list[UUID] = []

    async def before(db: Pool) -> None:
        users.append(await new_user(db))

    async def after(db: Pool) -> None:
        for table in ("cards", "strowallet_card_audit", "strowallet_webhook_events"):
            assert await db.fetchval(f"select count(*) from {table}") == 0  # noqa: S608 - it is above

    run(database_url, before)
    file = write(tmp_path / "cards.csv", line(users[0], "7001"), line(uuid4(), "7002"), line(users[0], "7001"))
    hooks = write(
        tmp_path / "hooks.csv",
        ["evt-1", "balance.updated", "7001", "{}", "2025-01-31"],
        header=["event_id", "event", "card_id", "payload", "received_at"],
    )
    status, lines = import_cards(file, "--webhooks", hooks, "--dry-run")
    assert status == 1
    assert lines[0] == "cards: 3 rows: 1 would be imported, 0 here already, 2 refused"
    assert lines[-1] == "webhooks: 1 rows: 1 would be imported, 0 here already, 0 refused"
    run(database_url, after)


def test_webhooks_become_history_that_nobody_acts_upon(database_url: str, tmp_path: Path, import_cards: Import) -> None:
    users: list[UUID] = []

    async def before(db: Pool) -> None:
        users.append(await new_user(db))

    async def after(db: Pool) -> None:
        rows = await db.fetch(
            "select e.event_id, e.event, c.provider_card_id as known, e.provider_card_id, e.payload::text,"
            " e.signature_valid, e.source, e.status, e.due_at, e.received_at::date::text as day"
            " from strowallet_webhook_events e left join cards c on c.id = e.card_id order by e.event_id"
        )
        assert [tuple(row) for row in rows] == [
            ("evt-1", "balance.updated", "7001", "7001", '{"amount": "3"}', False, "import", "ignored", None,
             "2025-01-31"),
            ("evt-2", "virtualcard.created.complete", None, "9", '{"number": "[withheld]"}', False, "import", "ignored",
             None, "2025-02-01"),
        ]  # fmt: skip

    run(database_url, before)
    cards = write(tmp_path / "cards.csv", line(users[0], "7001"))
    hooks = write(
        tmp_path / "hooks.csv",
        ["evt-1", "balance.updated", "7001", '{"amount": "3"}', "2025-01-31 10:00:00"],
        ["evt-2", "virtualcard.created.complete", "9", f'{{"number": "{VISA}"}}', "2025-02-01T00:00:00Z"],
        ["evt-3", "", "9", "{}", "2025-02-01"],
        header=["event_id", "event", "card_id", "payload", "received_at"],
    )
    status, lines = import_cards(cards, "--webhooks", hooks)
    assert (status, lines[1]) == (1, "webhooks: 3 rows: 2 imported, 0 here already, 1 refused")
    run(database_url, after)
    _, lines = import_cards(cards, "--webhooks", hooks)
    assert lines[1] == "webhooks: 3 rows: 0 imported, 2 here already, 1 refused"
    run(database_url, after)


def test_an_import_that_is_cut_off_has_whole_batches_and_goes_on(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "BATCH", 10)

    class CutOff(Exception):
        pass

    def rows(user: UUID) -> Iterator[loading.Row]:
        for number in range(35):
            yield number + 2, dict(zip(HEADER, line(user, f"7{number:03}"), strict=True))

    def cut_off_after_two_batches(loaded: Loaded) -> None:
        if loaded.rows == 20:
            raise CutOff

    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        async with db.acquire() as connection:
            with pytest.raises(CutOff):
                await load_cards(connection, rows(user), KEYS, dry_run=False, on_progress=cut_off_after_two_batches)
            assert await db.fetchval("select count(*) from cards") == 20
            again = await load_cards(connection, rows(user), KEYS, dry_run=False, on_progress=lambda _: None)
        assert (again.rows, again.imported, again.known, again.refused_count) == (35, 15, 20, 0)
        assert await db.fetchval("select count(*) from cards") == 35

    run(database_url, scenario)


def test_a_batch_that_fails_is_not_there_at_all(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "BATCH", 10)

    async def scenario(db: Pool) -> None:
        user = await new_user(db)
        await db.execute("alter table cards add constraint not_this_one check (provider_card_id <> '7015')")
        rows = [(n + 2, dict(zip(HEADER, line(user, f"7{n:03}"), strict=True))) for n in range(20)]
        async with db.acquire() as connection:
            with pytest.raises(Exception, match="not_this_one"):
                await load_cards(connection, rows, KEYS, dry_run=False, on_progress=lambda _: None)
        assert await db.fetchval("select count(*) from cards") == 10
        assert await db.fetchval("select count(*) from events where type = 'card.created'") == 10

    run(database_url, scenario)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"card_id,user_id\n", "expected the columns balance, status, currency, expiry, last4 in its first line"),
        (b"", "expected the columns card_id, user_id"),
        (",".join(COLUMNS).encode() + b",last4\n", "expected each column once"),
        (",".join(COLUMNS).encode() + b'\n"7001', "no CSV: unexpected end of data"),
        (",".join(COLUMNS).encode() + b"\n\xff\xfe\n", "invalid start byte"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_in_a_line(
    tmp_path: Path, import_cards: Import, content: bytes, told: str
) -> None:
    (tmp_path / "cards.csv").write_bytes(content)
    status, lines = import_cards(tmp_path / "cards.csv")
    assert (status, len(lines)) == (1, 1)
    assert told in lines[0]


def test_a_file_that_is_not_there_and_keys_that_are_not_given_are_told(
    tmp_path: Path, import_cards: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, lines = import_cards(tmp_path / "none.csv")
    assert (status, len(lines)) == (1, 1)
    assert "No such file" in lines[0]
    monkeypatch.delenv("CARD_KEYS")
    assert import_cards(tmp_path / "none.csv") == (
        1,
        ["CARD_KEYS: expected the keys that seal what is kept of cards, got none"],
    )
