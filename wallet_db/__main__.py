"""`python -m wallet_db`: the operator's commands on the database."""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from asyncpg import InsufficientPrivilegeError, UndefinedColumnError, UndefinedFunctionError, UndefinedTableError

from wallet_db import acknowledge, arguments, check, health, revocations, rotate_card_keys
from wallet_db.analyze import command as analyze
from wallet_db.connect import DatabaseUnavailable, connect, database
from wallet_db.embedded import EmbeddedPostgres, EmbeddedPostgresError
from wallet_db.import_cards import command as import_cards
from wallet_db.migrate import MigrationError, migrate
from wallet_db.settings import DatabaseSettings, load
from wallet_db.stress import command as stress


async def _migrate(url: str, _: argparse.Namespace) -> int:
    applied = await migrate(url)
    print(f"applied: {', '.join(applied)}" if applied else "up to date")
    return 0


async def _price(url: str, chosen: argparse.Namespace) -> int:
    connection = await connect(url, "price")
    try:
        column = "rental_price_hour" if chosen.rental else "price"
        found = await connection.fetchval(
            f"update services set {column} = $2 where service = $1 or code = $1 returning service",  # noqa: S608
            chosen.service,
            chosen.price,
        )
    finally:
        await connection.close()
    if found is None:
        print(f"no service {chosen.service!r}", file=sys.stderr)
        return 1
    kind = "rent" if chosen.rental else "sale"
    print(f"{found}: {f'not for {kind}' if chosen.price is None else chosen.price}")
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m wallet_db",
        description="The operator's commands on the database: DATABASE_URL's, or the embedded one under DATA_DIR.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("migrate", help="bring the schema up to date").set_defaults(run=_migrate)
    price = commands.add_parser("price", help="set what a service costs its users")
    price.add_argument("service", help="its name or code: whatsapp, wa")
    price.add_argument("price", type=arguments.price, help="like 5.00; none takes it off sale")
    price.add_argument("--rental", action="store_true", help="what an hour of a rental costs, instead")
    price.set_defaults(run=_price)
    commands.add_parser(
        "new-epoch", help="void every cursor given out (after restoring a backup): clients get a fresh snapshot"
    ).set_defaults(run=_new_epoch)
    analyze.add_parser(commands)
    check.add_parser(commands)
    acknowledge.add_parser(commands)
    health.add_parser(commands)
    import_cards.add_parser(commands)
    revocations.add_parser(commands)
    rotate_card_keys.add_parser(commands)
    stress.add_parser(commands)
    commands.add_parser("psql", help="a psql session on the database; what follows goes to psql", add_help=False)
    return parser


def main() -> int:
    """The exit status: 0 done, 1 could not or found faults, 2 wrong usage or settings, 130 interrupted, 141 unread."""
    try:
        status = _main()
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has read enough (`| head`). What is left in the buffer must not be tried again at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    return status


def _main() -> int:
    parser = _parser()
    chosen, others = parser.parse_known_args()
    if others and chosen.command != "psql":
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    settings = load(DatabaseSettings)
    try:
        with database(settings) as url:
            if chosen.command == "psql":
                return _psql(url, settings, others)
            status: int = asyncio.run(chosen.run(url, chosen))
            return status
    except (DatabaseUnavailable, EmbeddedPostgresError, MigrationError) as error:
        print(error, file=sys.stderr)
        return 1
    except (UndefinedTableError, UndefinedColumnError, UndefinedFunctionError) as error:
        print(f"no schema of ours here, or an older one ({error}): python -m wallet_db migrate", file=sys.stderr)
        return 1
    except InsufficientPrivilegeError as error:
        print(f"{error}: this command needs a role that may do more", file=sys.stderr)
        return 1
    except health.WalletsHidden as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
