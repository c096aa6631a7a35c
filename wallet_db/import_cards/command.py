"""`python -m wallet_db import-cards`: the options, the files, the bar, and the report of what was refused.

The status is 0 if every row was taken or was here already, 1 if one was refused or a file could not be read. The report
names lines and reasons, and card ids where they are none of what must not be shown; never a value of another column.
"""

import argparse
import csv
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wallet_db.card_keys import CardKeySettings
from wallet_db.connect import Connection, connect
from wallet_db.import_cards import history, loading, rows
from wallet_db.import_cards.loading import Loaded, Row
from wallet_db.progress import Progress
from wallet_db.sealing import CardKeys
from wallet_db.settings import load

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse has no other name for it

SHOWN_MAX = 20
"""Refused rows printed; --refused FILE has all."""
CELL_CHARS_MAX = 131_072


class FileUnfit(Exception):
    """The file as a whole cannot be imported; its text says why."""


def add_parser(commands: "Commands") -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "import-cards",
        help="take over cards (and the record of webhooks) from another application's tables, as CSV",
        description="Columns of cards: " + ", ".join(rows.COLUMNS) + "; of webhooks: " + ", ".join(history.COLUMNS)
        + ", and event_id if there is one. Users are those of our table users. It can be run again: what is here is"
        " left as it is. Numbers are sealed with CARD_KEYS.",
    )  # fmt: skip
    parser.add_argument("cards", type=Path, metavar="FILE", help="cards")
    parser.add_argument("--webhooks", type=Path, metavar="FILE", help="the record of webhooks")
    parser.add_argument("--dry-run", action="store_true", help="do everything, and take it back")
    parser.add_argument("--refused", type=Path, metavar="FILE", help="write what was refused, and why, as CSV")
    parser.set_defaults(run=_run)


async def _run(url: str, chosen: argparse.Namespace) -> int:
    keys = load(CardKeySettings).keys_of_cards()
    if keys is None:
        print("CARD_KEYS: expected the keys that seal what is kept of cards, got none", file=sys.stderr)  # noqa: T201
        return 1
    connection = await connect(url, "import-cards")
    try:
        results = {"cards": await _load_cards(connection, chosen, keys)}
        if chosen.webhooks is not None:
            results["webhooks"] = await _load_webhooks(connection, chosen)
    except (FileUnfit, OSError, UnicodeDecodeError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    finally:
        await connection.close()
    print("\n".join(lines(results, dry_run=chosen.dry_run)))  # noqa: T201 - the answer
    if chosen.refused is not None:
        try:
            write_refused(chosen.refused, results)
        except OSError as error:
            print(f"--refused: {error}", file=sys.stderr)  # noqa: T201
            return 1
    return 1 if any(loaded.refused_count for loaded in results.values()) else 0


async def _load_cards(connection: Connection, chosen: argparse.Namespace, keys: CardKeys) -> Loaded:
    total = count_lines(chosen.cards)
    with Progress(sys.stderr, "importing cards", "rows") as progress:
        return await loading.load_cards(
            connection,
            read_rows(chosen.cards, rows.lacking_columns),
            keys,
            dry_run=chosen.dry_run,
            on_progress=lambda loaded: progress.update(loaded.rows, total, f"{loaded.refused_count} refused"),
        )


async def _load_webhooks(connection: Connection, chosen: argparse.Namespace) -> Loaded:
    total = count_lines(chosen.webhooks)
    with Progress(sys.stderr, "importing webhooks", "rows") as progress:
        return await loading.load_webhooks(
            connection,
            read_rows(chosen.webhooks, history.lacking_columns),
            dry_run=chosen.dry_run,
            on_progress=lambda loaded: progress.update(loaded.rows, total, f"{loaded.refused_count} refused"),
        )


def count_lines(file: Path) -> int:
    """About how many rows there are: a cell may have lines of its own."""
    with file.open("rb") as opened:
        return max(sum(1 for _ in opened) - 1, 0)


def read_rows(file: Path, lacking: Callable[[list[str]], list[str]]) -> Iterator[Row]:
    """The rows with the numbers of the lines they end on. Raises FileUnfit, OSError, UnicodeDecodeError."""
    csv.field_size_limit(CELL_CHARS_MAX)
    with file.open(encoding="utf-8-sig", newline="") as opened:
        reader = csv.reader(opened, strict=True)
        try:
            header = [name.strip().lower() for name in next(reader, [])]
            if missing := lacking(header):
                raise FileUnfit(f"{file}: expected the columns {', '.join(missing)} in its first line")
            if len(set(header)) < len(header):
                raise FileUnfit(f"{file}: expected each column once")
            for cells in reader:
                if not cells:
                    continue
                is_whole = len(cells) == len(header)
                yield (
                    reader.line_num,
                    dict(zip(header, cells, strict=True))
                    if is_whole
                    else f"expected {len(header)} cells, got {len(cells)}",
                )
        except csv.Error as error:
            raise FileUnfit(f"{file}, line {reader.line_num}: no CSV: {error}") from None


def lines(results: dict[str, Loaded], *, dry_run: bool) -> list[str]:
    """The report for people: a line for each file, then what was refused."""
    written = []
    for kind, loaded in results.items():
        taken = "would be imported" if dry_run else "imported"
        written.append(
            f"{kind}: {loaded.rows} rows: {loaded.imported} {taken}, {loaded.known} here already,"
            f" {loaded.refused_count} refused"
        )
        for refused in loaded.refused[:SHOWN_MAX]:
            card = f" card {refused.card_id}:" if refused.card_id else ""
            written.append(f"  line {refused.line}:{card} {'; '.join(refused.reasons)}")
        if loaded.refused_count > SHOWN_MAX:
            written.append(f"  and {loaded.refused_count - SHOWN_MAX} more (--refused FILE has them)")
    return written


def write_refused(file: Path, results: dict[str, Loaded]) -> None:
    """One row for each that was refused. Raises OSError."""
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(("file", "line", "card_id", "reasons"))
        writer.writerows(_cells(results.items()))


def _cells(results: Iterable[tuple[str, Loaded]]) -> Iterator[Sequence[object]]:
    for kind, loaded in results:
        for refused in loaded.refused:
            yield kind, refused.line, refused.card_id or "", "; ".join(refused.reasons)
