"""`python -m wallet_db`: the operator's commands on the database."""

import argparse
import asyncio
import os
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path

from wallet_db.connect import DatabaseUnavailable, connect, database
from wallet_db.embedded import EmbeddedPostgres, EmbeddedPostgresError
from wallet_db.migrate import MigrationError, migrate
from wallet_db.settings import DatabaseSettings, load


async def _migrate(url: str, _: argparse.Namespace) -> int:
    applied = await migrate(url)
    print(f"applied: {', '.join(applied)}" if applied else "up to date")
    return 0


async def _price(url: str, arguments: argparse.Namespace) -> int:
    connection = await connect(url, "price")
    try:
        found = await connection.fetchval(
            "update services set price = $2 where service = $1 or code = $1 returning service",
            arguments.service,
            arguments.price,
        )
    finally:
        await connection.close()
    if found is None:
        print(f"no service {arguments.service!r}", file=sys.stderr)
        return 1
    print(f"{found}: {'not for sale' if arguments.price is None else arguments.price}")
    return 0


async def _new_epoch(url: str, _: argparse.Namespace) -> int:
    connection = await connect(url, "new-epoch")
    try:
        print(f"epoch: {await connection.fetchval('select new_epoch()')}")
    finally:
        await connection.close()
    return 0


def _psql(url: str, settings: DatabaseSettings, arguments: list[str]) -> int:
    program = Path("psql") if settings.database_url else EmbeddedPostgres(settings.data_dir).bin_dir / "psql"
    return os.spawnlp(os.P_WAIT, str(program), "psql", url, *arguments)  # noqa: S606 - no shell is wanted


def _price_argument(text: str) -> Decimal | None:
    if text == "none":
        return None
    try:
        price = Decimal(text)
    except InvalidOperation:
        price = Decimal("NaN")
    if not price.is_finite() or price <= 0 or price != price.quantize(Decimal("0.01")):
        raise argparse.ArgumentTypeError(f"expected an amount like 5.00, or none, got {text!r}")
    return price


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m wallet_db",
        description="The operator's commands on the database: DATABASE_URL's, or the embedded one under DATA_DIR.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("migrate", help="bring the schema up to date").set_defaults(run=_migrate)
    price = commands.add_parser("price", help="set what a service costs its users")
    price.add_argument("service", help="its name or code: whatsapp, wa")
    price.add_argument("price", type=_price_argument, help="like 5.00; none takes it off sale")
    price.set_defaults(run=_price)
    commands.add_parser(
        "new-epoch", help="void every cursor given out (after restoring a backup): clients get a fresh snapshot"
    ).set_defaults(run=_new_epoch)
    commands.add_parser("psql", help="a psql session on the database; what follows goes to psql", add_help=False)
    return parser


def main() -> int:
    """The exit status: 0 done, 1 could not, 2 wrong usage or settings."""
    parser = _parser()
    arguments, others = parser.parse_known_args()
    if others and arguments.command != "psql":
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    settings = load(DatabaseSettings)
    try:
        with database(settings) as url:
            if arguments.command == "psql":
                return _psql(url, settings, others)
            status: int = asyncio.run(arguments.run(url, arguments))
            return status
    except (DatabaseUnavailable, EmbeddedPostgresError, MigrationError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
