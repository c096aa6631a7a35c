"""`python -m wallet_db health`, and the same by its calls in Python."""

import asyncio
from uuid import UUID, uuid4

import pytest

from tests.wallet_db.faults import set_figures
from tests.wallet_db.support import new_user, run, wallet
from wallet_db import __main__ as command_line
from wallet_db.connect import Pool, pool
from wallet_db.errors import UnknownUser
from wallet_db.periodic import correct_frozen_balance


def test_the_command_shows_what_is_not_ok_and_corrects_it_when_told(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = command_line._parser()

    def health_command(*options: str) -> tuple[int, list[str]]:
        arguments = parser.parse_args(["health", *options])
        status: int = asyncio.run(arguments.run(database_url, arguments))
        return status, capsys.readouterr().out.splitlines()

    assert health_command() == (0, ["1 wallets, 0 not OK, 0 of them corrected"])
    users: list[UUID] = []

    async def scenario(db: Pool) -> None:
        users.extend([await new_user(db, "36.00", "5.00"), await new_user(db)])
        await set_figures(db, users[0], frozen="6.00")
        await set_figures(db, users[1], frozen="-1.00")

    run(database_url, scenario)
    status, lines = health_command()
    assert status == 1
    assert lines[0].split()[:4] == ["user", "status", "balance", "frozen"]
    assert sorted(line.split()[0] for line in lines[1:3]) == sorted(map(str, users))
    assert lines[-1] == "3 wallets, 2 not OK, 0 of them corrected"

    status, lines = health_command("--correct")
    assert status == 1
    done = {line.split()[0]: line for line in lines}
    assert done[str(users[0])].endswith("corrected by operation 3")
    assert "CRITICAL" in done[str(users[1])]
    assert "nothing; left for a person: frozen is -1.00" in done[str(users[1])]
    assert lines[-1] == "3 wallets, 2 not OK, 1 of them corrected"

    async def after(db: Pool) -> None:
        assert await wallet(db, users[0]) == ("36.00", "5.00", "31.00")
        assert await db.fetchval("select due_at <= now() from periodic_jobs where name = 'check_wallets'")

    run(database_url, after)


def test_access_in_python_has_the_function_s_answer(database_url: str) -> None:
    async def main() -> None:
        async with pool(database_url, "test") as db:
            user = await new_user(db, "36.00", "5.00")
            await set_figures(db, user, frozen="6.00")
            correction = await correct_frozen_balance(db, user)
            assert correction.operations == (3,)
            assert (correction.before.frozen, correction.after.frozen, correction.alerted) == ("6.00", "5.00", False)
            with pytest.raises(UnknownUser):
                await correct_frozen_balance(db, uuid4())

    asyncio.run(main())
