"""`bench peers` and `bench growth`: who takes part, what figures say, what clients understand. Nothing is timed."""

import asyncio
import os
import resource
import subprocess
import sys
from collections.abc import Sequence

import psutil
import pytest

from bench.delivery.clients import Client, Stream, Tally
from bench.growth.measure import findings as growth_findings
from bench.growth.measure import sizes_table
from bench.growth.stand import AXES
from bench.growth.stand import FULL_PLAN as GROWTH_PLAN
from bench.growth.stand import QUICK_PLAN as QUICK_GROWTH_PLAN
from bench.peers.clients import EventStreamClient, NchanClient, PeerClient, SocketIoClient
from bench.peers.command import QUICK
from bench.peers.contestants import ALL
from bench.peers.findings import Key, delays_table, figures_table, findings, totals_table, warnings, writers_findings
from bench.peers.measure import install, raise_descriptors
from bench.peers.plan import FULL_PLAN, QUICK_PLAN
from bench.peers.turn import Sample, quantile
from bench.peers.writing import PAYLOAD, Written
from bench.processor import cpu_s, memory_bytes, with_children
from bench.wallet.server import BenchError

USER = "00000000-0000-0000-0000-000000000001"
ROW = PAYLOAD.replace("TURN", "abc-7").encode()


def test_a_missing_peer_ends_the_run_and_says_what_to_install() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "peers", "--quick", "--only", "ours,node-ws,socketio"],
        env=os.environ | {"PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert not done.stdout
    for name in ("node-ws", "socketio"):
        assert f"  {name}: apt-get install nodejs npm\n" in done.stderr


def test_an_unknown_contestant_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "peers", "--only", "ours,nginx"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "no contestant nginx; there are listen, ours, nchan" in done.stderr


def test_a_peer_that_cannot_be_installed_is_missing(tmp_path: "os.PathLike[str]") -> None:
    class Broken(type(ALL[0])):  # type: ignore[misc]  # any contestant will do
        async def install(self, cache: object) -> dict[str, str]:
            raise BenchError("no route to the packages")

    with pytest.raises(BenchError, match=r"missing, and no row is left out:\n  listen: no route to the packages"):
        asyncio.run(install([Broken()], tmp_path, lambda _: None))  # type: ignore[arg-type]


def test_too_many_connections_for_the_shell_are_refused_before_anything_is_started() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with pytest.raises(BenchError, match="file descriptors"):
        raise_descriptors(hard)


def test_workers_are_counted_that_begin_after_their_server_listens() -> None:
    command = [sys.executable, "-c", "import subprocess; subprocess.run(['sh', '-c', 'echo up; read _'])"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "up\n"
        family = with_children([psutil.Process(server.pid)])
        assert family[0].pid == server.pid
        assert len(family) == 2
        assert memory_bytes(family) > memory_bytes(family[:1]) > 0
        assert cpu_s(family) > 0
        server.communicate("\n")


def test_contestants_have_names_of_their_own_and_a_transport() -> None:
    names = [each.name for each in ALL]
    assert len(set(names)) == len(names)
    assert set(QUICK) <= set(names)
    assert all(each.faces for each in ALL)


def test_plans_keep_within_their_time() -> None:
    quick = [each for each in ALL if each.name in QUICK]
    assert FULL_PLAN.seconds(ALL) <= 3600
    assert QUICK_PLAN.rounds >= 2
    assert {face for _, face in QUICK_PLAN.turns(quick)} == {"ws"}
    assert 60 < GROWTH_PLAN.seconds < 1800
    assert QUICK_GROWTH_PLAN.seconds < 90


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, data: object) -> None:
        self.written.append(bytes(data))  # type: ignore[call-overload]


def told(client: Stream, *pieces: bytes) -> list[bytes]:
    """Connect the client, have it read these, and return what it wrote."""
    wire = Wire()
    client.connection_made(wire)
    for piece in pieces:
        client.data_received(piece)
    return wire.written


def frame(payload: bytes, kind: int = 0x81) -> bytes:
    size = bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + len(payload).to_bytes(2, "big")
    return bytes([kind]) + size + payload


UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


def test_a_websocket_peer_counts_rows_however_they_are_cut() -> None:
    async def check() -> None:
        tally = Tally(arrivals={})
        bytes_sent = UPGRADED + frame(b'{"body":' + ROW + b"}") + frame(b"", 0x89) + frame(b'{"body":' + ROW + b"}")
        written = told(PeerClient("ws", "/", 1, tally, None), *(bytes_sent[at : at + 7] for at in range(0, 1000, 7)))
        assert (tally.ready, tally.events, list(tally.arrivals or {})) == (1, 2, ["bench-abc-7"])
        assert b"Upgrade: websocket" in written[0]
        assert written[1].startswith(b"\x8a\x80")  # the pong, masked

    asyncio.run(check())


def test_socketio_is_ready_when_its_namespace_is_and_answers_pings() -> None:
    async def check() -> None:
        tally = Tally()
        written = told(SocketIoClient("ws", USER, 1, tally, None), UPGRADED, frame(b'0{"sid":"x"}'))
        assert tally.ready == 0
        assert written[1].endswith(b'40{"user":"%s"}' % USER.encode())
        written = told(
            SocketIoClient("ws", USER, 1, tally, None), UPGRADED, frame(b'40{"sid":"x"}'), frame(b"2"),
            frame(b'42["message",{"body":' + ROW + b"}]"),
        )  # fmt: skip
        assert (tally.ready, tally.events) == (1, 1)
        assert written[1] == b"\x81\x81\x00\x00\x00\x003"

    asyncio.run(check())


def test_nchan_goes_on_where_it_was() -> None:
    async def check() -> None:
        tally = Tally()
        client = NchanClient("sse", "/subscribe?user=x", 1, tally, None)
        told(client, STREAM, b": hi\n\n", b"id: 1700:0\ndata: " + ROW + b"\n\n")
        assert (tally.ready, tally.events) == (1, 1)
        assert b"Last-Event-ID: 1700:0\r\n" in told(client)[0]
        poll = NchanClient("poll", "/subscribe?user=x", 1, tally, None)
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nLast-Modified: then\r\nEtag: 3\r\n\r\n%s" % (len(ROW), ROW)
        written = told(poll, answer[:40], answer[40:])
        assert tally.events == 2
        assert b"If-Modified-Since: then\r\nIf-None-Match: 3\r\n" in written[1]

    asyncio.run(check())


def test_django_listens_once_it_says_so() -> None:
    async def check() -> None:
        tally = Tally()
        told(EventStreamClient("sse", "/", 1, tally, None), STREAM, b"5\r\n:   \n\n")
        assert tally.ready == 0
        told(
            EventStreamClient("sse", "/", 1, tally, None),
            STREAM,
            b"event: stream-open\ndata:\n\n",
            b"data: " + ROW + b"\n\n",
        )
        assert (tally.ready, tally.events) == (1, 1)

    asyncio.run(check())


def test_our_poll_counts_what_comes_with_its_first_answer() -> None:
    async def check() -> None:
        tally = Tally()
        body = (
            b'{"cursor":"c-9","resumed":true,"events":[{"type":"balance.changed","cursor":"c-9","data":' + ROW + b"}]}"
        )
        client = Client("poll", 1, "token", tally)
        told(client, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        assert (tally.ready, tally.resumed, tally.events, client.cursor) == (1, 1, 1, b"c-9")

    asyncio.run(check())


def sample(**figures: float) -> Sample:
    return {name.replace("_at_", "@"): value for name, value in figures.items()}


def samples(**of: Sequence[Sample]) -> dict[Key, Sequence[Sample]]:
    return {(name.replace("_", "-"), "ws", 1_000): rounds for name, rounds in of.items()}


def test_ratios_pair_rounds_and_have_the_goals_of_their_peer() -> None:
    found = findings(
        samples(
            listen=[{"p50_ms@1000": 1.0}, {"p50_ms@1000": 2.0}],
            ours=[{"p50_ms@1000": 1.4, "memory_kb": 3.0, "cpu_us@flood": 5.0}, {"p50_ms@1000": 2.8, "memory_kb": 3.0,
                  "cpu_us@flood": 10.0}],
            node_ws=[{"memory_kb": 9.0, "cpu_us@flood": 10.0}, {"memory_kb": 6.0, "cpu_us@flood": 20.0}],
        )
    )  # fmt: skip
    by_title = {finding.title: finding for finding in found}
    assert set(by_title) == {
        "CPU, each of another user: ours / node-ws, ws, 1,000 connections",
        "memory of an idle connection: ours / node-ws, ws, 1,000 connections",
        "p50 at 1,000/s: ours / listen, ws, 1,000 connections",
    }
    cpu = by_title["CPU, each of another user: ours / node-ws, ws, 1,000 connections"]
    assert (cpu.found.low, cpu.found.high, cpu.verdict) == (0.5, 0.5, "met")
    assert by_title["p50 at 1,000/s: ours / listen, ws, 1,000 connections"].found.median == pytest.approx(1.4)
    assert by_title["memory of an idle connection: ours / node-ws, ws, 1,000 connections"].goal is None


def test_a_rate_that_was_not_reached_is_told_with_its_delay() -> None:
    slow = samples(nchan=[{"rate@5000": 812.0, "p50_ms@5000": 66.5, "p99_ms@5000": 90.0, "p999_ms@5000": 95.0}])
    assert "66.5 (at 812/s)" in delays_table(slow, [5_000], committed=False)
    assert "at 812/s" not in delays_table(slow, [100], committed=True)


def test_processor_time_tells_its_rate_and_what_the_database_took_beside() -> None:
    slow = samples(
        ours=[{"rate@5000": 5_000.0, "cpu_us@5000": 30.0, "database_cpu_us@5000": 150.0}],
        nchan=[{"rate@5000": 4_200.0, "cpu_us@5000": 96.0, "database_cpu_us@5000": 190.0}],
    )
    assert "96.0 (at 4,200/s)" in figures_table(slow, 1_000)
    told_of = totals_table(slow, 1_000)
    assert "30.0 + 150 = 180" in told_of
    assert "96.0 + 190 = 286" in told_of
    assert "ours" not in totals_table(slow, 10_000)


def test_a_figure_that_nobody_has_makes_no_column() -> None:
    text = figures_table(samples(ours=[{"memory_kb": 3.0}], listen=[{}]), 1_000)
    assert "KB idle" in text
    assert "one to all" not in text


def test_clients_that_took_the_processor_are_told() -> None:
    told_of = warnings(samples(ours=[{"clients_share@flood": 0.9}], nchan=[{"clients_share@flood": 0.5}]))
    assert [line.partition(":")[0] for line in told_of] == ["ours, ws, 1,000 connections, flood"]


def test_events_that_a_peer_lost_are_told() -> None:
    (line,) = warnings(samples(nchan=[{}, {"lost_events": 2_700.0}]))
    assert line.startswith("nchan, ws, 1,000 connections: 2,700 events did not arrive")
    assert "round 2" in line


def test_what_writers_pay_is_told_of_both_ways() -> None:
    speeds = {"event": [10.0], "event, followed": [9.5], "row, silent": [12.0], "row, notified": [3.0]}
    verdicts = [(finding.found.median, finding.verdict) for finding in writers_findings(speeds)]  # type: ignore[arg-type]
    assert verdicts == [(0.95, "met"), (0.25, ""), (pytest.approx(9.5 / 3), "")]


def test_quantiles_are_of_what_was_seen() -> None:
    assert [quantile(range(1, 101), share) for share in (0.5, 0.99, 0.999)] == [51, 100, 100]
    assert Written([0.0, 1.0], [0.5, 2.0], 0).rate == 1.0


def test_growth_compares_the_ends_of_each_axis() -> None:
    def of(cost: float) -> Sample:
        names = ("cost_us", "front_cpu_us", "database_cpu_us", "p50_ms", "p99_ms")
        return {f"{name}@{at}": cost for name in names for at in ("1000", "flood")} | {
            "memory_kb": 3.0,
            "connects_per_s": 100.0,
        }

    measured = {("events", 1_000): [of(10), of(20)], ("events", 200_000): [of(11), of(22)]}
    measured |= {("connections", 300): [of(10)] * 2, ("connections", 3_000): [of(12)] * 2}
    by_title = {finding.title: finding for finding in growth_findings(measured, QUICK_GROWTH_PLAN)}
    assert by_title["200,000 stored events / 1,000: … in a flood"].verdict == "met"
    assert by_title["3,000 connections / 300: … in a flood"].verdict == "missed"
    assert "200,000 stored events" in sizes_table(measured, QUICK_GROWTH_PLAN)


def test_a_stand_has_a_user_for_each_connection() -> None:
    for axis in AXES:
        for size in GROWTH_PLAN.sizes[axis.name]:
            stand = axis.stand(size)
            assert stand.users >= stand.connections
            assert getattr(stand, axis.field) == size
