"""Revoked tokens: of no use at once and on every process, for what is open too, whatever breaks meanwhile."""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import jwt
import pytest

from gateway.auth import Authenticator
from gateway.realtime.auth_listener import READ_TIMEOUT_S, SWEEP_S
from tests.forks import run
from tests.gateway.clients import LONG_POLL, SSE, Closed, Stream, Transport
from tests.gateway.support import User, end_of, events, in_a_loop, new_user, own_gateway, ready, seqs
from tests.system import JWT_SECRET, TLS, System, running_system, wait_until
from wallet_db.connect import pool
from wallet_db.embedded import EmbeddedPostgres
from wallet_db.revocations import token_id_of

TOKEN_REVOKED = 4503
AUTHENTICATOR = Authenticator(JWT_SECRET)
OPERATOR = AUTHENTICATOR.issue(uuid4(), role="admin")


@pytest.fixture(scope="module")
def other_url(system: System) -> Iterator[str]:
    """Another process of the same system."""
    with own_gateway(system) as found:
        yield found


async def revoke(url: str, body: object, token: str = OPERATOR) -> httpx.Response:
    async with httpx.AsyncClient(base_url=url, verify=TLS, trust_env=False) as client:
        return await client.post("/realtime/revocations", json=body, headers={"authorization": f"Bearer {token}"})


async def error_code(url: str, token: str) -> str | None:
    """Of a plain request; None: it is served."""
    async with httpx.AsyncClient(base_url=url, verify=TLS, trust_env=False) as client:
        answer = await client.get("/api/wallet", headers={"authorization": f"Bearer {token}"})
    if answer.status_code == 200:
        return None
    assert answer.status_code == 401
    return str(answer.json()["error_code"])


async def goes_on(user: User, stream: Stream, seq: int) -> None:
    await user.append()
    assert seqs(await events(stream, 1)) == [seq]


@pytest.mark.parametrize("by", ["user_id", "token_id", "token"])
@in_a_loop
async def test_revocation_reaches_every_process_within_a_second(
    system: System, other_url: str, transport: Transport, by: str
) -> None:
    async with new_user(system) as user, new_user(system) as bystander, AsyncExitStack() as stack:
        named = {"user_id": user.id, "token_id": token_id_of(user.token), "token": user.token}[by]
        streams = [
            await stack.enter_async_context(transport.connect(url, user.token, None)) for url in (system.url, other_url)
        ]
        beside = await stack.enter_async_context(SSE.connect(other_url, bystander.token, None))
        another_token = system.token(user.id)
        other_stream = await stack.enter_async_context(SSE.connect(other_url, another_token, None))
        for stream in (*streams, beside, other_stream):
            await ready(stream)
        waiting = [asyncio.create_task(end_of(stream)) for stream in streams]
        await asyncio.sleep(0.2)  # long-polls wait by then
        answer = await revoke(system.url, {by: named})
        assert answer.status_code == 201, answer.text
        async with asyncio.timeout(1):
            assert await asyncio.gather(*waiting) == [TOKEN_REVOKED] * 2
        for url in (system.url, other_url):
            assert await error_code(url, user.token) == "TOKEN_REVOKED"
            with pytest.raises(Closed) as refused:
                async with transport.connect(url, user.token, None) as stream:
                    await stream.next()
            assert refused.value.code == TOKEN_REVOKED
            assert await error_code(url, system.token(user.id)) is None  # issued since
        await goes_on(bystander, beside, 1)
        if by == "user_id":
            assert await end_of(other_stream) == TOKEN_REVOKED
        else:
            await goes_on(user, other_stream, 1)


@in_a_loop
async def test_token_that_does_not_say_when_it_was_issued_counts_as_old(system: System) -> None:

    async with new_user(system) as user:
        claims = {"sub": user.id, "exp": int(time.time()) + 600}
        token = jwt.encode(claims, JWT_SECRET, algorithm="HS256")
        assert await error_code(system.url, token) is None
        assert (await revoke(system.url, {"user_id": user.id})).status_code == 201
        assert await error_code(system.url, token) == "TOKEN_REVOKED"
        later = jwt.encode(claims | {"exp": claims["exp"] + 1}, JWT_SECRET, algorithm="HS256")
        assert await error_code(system.url, later) == "TOKEN_REVOKED"


@in_a_loop
async def test_restarted_process_knows_what_was_revoked(system: System) -> None:
    async with new_user(system) as user:
        token = system.token(user.id)
        assert (await revoke(system.url, {"token": token})).status_code == 201
        url = await asyncio.to_thread(system.start_gateway)
        assert await error_code(url, token) == "TOKEN_REVOKED"
        assert await error_code(url, user.token) is None


@in_a_loop
async def test_revocation_nobody_was_told_of_is_found(system: System) -> None:
    """The row is the truth; the hint is only faster."""
    async with new_user(system) as user, SSE.connect(system.url, user.token, None) as stream:
        await ready(stream)
        await user.db.execute(
            "insert into revocations (user_id, at, actor, xid) values ($1, now(), 'test', pg_current_xact_id())",
            user.id,
        )
        async with asyncio.timeout(SWEEP_S + READ_TIMEOUT_S):
            assert await end_of(stream) == TOKEN_REVOKED


@in_a_loop
async def test_listening_is_taken_up_again(system: System) -> None:
    async with new_user(system) as user, SSE.connect(system.url, user.token, None) as stream:
        await ready(stream)
        said = system.gateway.output.count("auth.listening")
        await user.db.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'onesms-auth-listen' and datname = current_database()"
        )
        await asyncio.to_thread(
            wait_until, lambda: system.gateway.output.count("auth.listening") > said, "it listens again"
        )
        assert (await revoke(system.url, {"user_id": user.id})).status_code == 201
        async with asyncio.timeout(1):
            assert await end_of(stream) == TOKEN_REVOKED


def test_database_that_is_away_lets_nobody_back_in() -> None:
    async def scenario(system: System, server: EmbeddedPostgres) -> None:
        async with new_user(system) as user:
            revoked = system.token(user.id)
            assert (await revoke(system.url, {"token": revoked})).status_code == 201
        await asyncio.to_thread(server.stop)
        async with httpx.AsyncClient(base_url=system.url, timeout=30, verify=TLS) as client:
            for token, status, code in ((revoked, 401, "TOKEN_REVOKED"), (user.token, 503, "UNAVAILABLE")):
                answer = await client.get("/api/wallet", headers={"authorization": f"Bearer {token}"})
                assert (answer.status_code, answer.json()["error_code"]) == (status, code)
        await asyncio.to_thread(system.gateway.wait_until_it, "auth.lost")
        assert await asyncio.to_thread(server.start) == system.database_url
        await asyncio.to_thread(system.wait_until_ready)
        assert await error_code(system.url, revoked) == "TOKEN_REVOKED"
        assert await error_code(system.url, user.token) is None

    with tempfile.TemporaryDirectory(prefix="onesms-test-", ignore_cleanup_errors=True) as directory:
        server = EmbeddedPostgres(Path(directory))
        try:
            with running_system(server.start()) as system:
                system.gateway.tolerates = ("for want of the database", "probe failed", "asyncpg.pool")
                system.notifier.tolerates = ("asyncpg.pool",)
                asyncio.run(scenario(system, server))
        finally:
            server.stop()


@pytest.mark.parametrize("way", ["--user", "--token-id", "--token"])
@in_a_loop
async def test_operators_command_ends_what_is_open(system: System, way: str) -> None:
    async with new_user(system) as user, LONG_POLL.connect(system.url, user.token, None) as stream:
        await ready(stream)
        argument = {"--user": [user.id], "--token-id": [token_id_of(user.token)], "--token": []}[way]
        words = ["wallet_db", "revoke", way, *argument]
        environment = {"DATABASE_URL": system.database_url}
        ended = await asyncio.to_thread(run, words, env=environment, text=user.token + "\n")
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout.startswith("revoked: ")
        assert user.token not in ended.stdout
        async with asyncio.timeout(1):
            assert await end_of(stream) == TOKEN_REVOKED


@in_a_loop
async def test_only_operators_revoke(system: System) -> None:
    async with new_user(system) as user:
        answer = await revoke(system.url, {"user_id": user.id}, user.token)
        assert (answer.status_code, answer.json()["error_code"]) == (403, "OPERATORS_ONLY")
        assert await error_code(system.url, user.token) is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"user_id": "alice"},
        {"user_id": str(UUID(int=1)), "token_id": "x"},
        {"token_id": ""},
        {"token_id": "\0"},
        {"token_id": "x" * 201},
        {"token": "x"},
        {"token": "x.y.z"},
        {"token": "é.ü.ß"},
        {"token": "e30.W10.x"},
        {"everybody": True},
    ],
)
@in_a_loop
async def test_revocation_of_nothing_in_particular_is_refused(system: System, body: object) -> None:
    answer = await revoke(system.url, body)
    assert (answer.status_code, answer.json()["error_code"]) == (422, "INVALID_ARGUMENT")


@in_a_loop
async def test_revocations_are_forgotten_when_no_token_can_be_left(database_url: str) -> None:
    """And by no process earlier: one that does so right after its start finds only the old one."""
    async with pool(database_url, "test", connections_max=1) as db:
        for days in (40, 20):
            await db.execute(
                "select revoke_tokens(p_token_id => $1, p_now => now() - make_interval(days => $2))", str(days), days
            )

        def serve() -> None:
            with running_system(database_url) as system:
                system.gateway.wait_until_it("auth.listening")
                wait_until(lambda: asyncio.run(error_code(system.url, system.token())) is None, "it serves")

        await asyncio.to_thread(serve)
        assert await db.fetchval("select array_agg(token_id) from revocations") == ["20"]
