"""`python -m wallet_db analyze`: the options, the bar, and where the report goes."""

import argparse
import sys
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING

from wallet_db import arguments
from wallet_db.analyze import page, terminal
from wallet_db.analyze.reading import analyze
from wallet_db.progress import Progress

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse has no other name for it

DAYS = 30
DAYS_MAX = 3660
"""Ten years."""


def add_parser(commands: "Commands") -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "analyze",
        help="what became of the orders of some days, races and coherence of the money, and what to do about it",
        description="Reads and changes nothing; the status is 0 whatever is found (`check` and `health` judge).",
    )
    parser.add_argument("--days", type=_days, default=DAYS, metavar="N", help="how many, up to now (%(default)s)")
    parser.add_argument("--json", action="store_true", help="the report as one JSON object")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the report as a page with plots, too")
    parser.set_defaults(run=_run)


def _days(text: str) -> int:
    days = arguments.positive(text)
    if days > DAYS_MAX:
        raise argparse.ArgumentTypeError(f"expected at most {DAYS_MAX} days, got {text}")
    return days


async def _run(url: str, chosen: argparse.Namespace) -> int:
    if chosen.html is not None and (fault := _fault_of(chosen.html)):
        print(f"--html: {fault}", file=sys.stderr)  # noqa: T201
        return 1
    with Progress(sys.stderr, "analysing") as progress:
        analysis = await analyze(url, days=chosen.days, on_progress=progress.update)
    width = get_terminal_size((120, 24)).columns
    report = terminal.as_json(analysis) if chosen.json else "\n".join(terminal.lines(analysis, width))
    print(report)  # noqa: T201 - the answer
    if chosen.html is not None:
        try:
            chosen.html.write_text(page.html(analysis), encoding="utf-8")
        except OSError as error:
            print(f"--html: {error}", file=sys.stderr)  # noqa: T201
            return 1
    return 0


def _fault_of(file: Path) -> str | None:
    """Why nothing can be written there, as far as can be seen before the work is done."""
    if file.is_dir():
        return f"{file} is a directory"
    return None if file.parent.is_dir() else f"there is no directory {file.parent}"
