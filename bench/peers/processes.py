"""Starting what contestants consist of: a program that listens on a port, one that says "ready", and packages."""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from bench.wallet.server import BenchError, last_words, run, started

SERVERS = Path(__file__).parent / "servers"
WITHIN_S = 30.0
POLL_S = 0.02


@asynccontextmanager
async def listening(
    name: str, port: int, *command: str, environment: dict[str, str] | None = None
) -> AsyncIterator[tuple[psutil.Process, ...]]:
    """A program, once somebody listens on the port. Raises `BenchError`."""
    async with started(*command, environment=environment) as process:
        try:
            async with asyncio.timeout(WITHIN_S):
                while not await _is_open(port):
                    if process.returncode is not None:
                        raise BenchError(f"{name} ended: {await last_words(process)}")
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise BenchError(f"{name} does not listen after {WITHIN_S:.0f} s") from None
        yield (psutil.Process(process.pid),)
        if process.returncode is not None:
            raise BenchError(f"{name} ended while it was measured: {await last_words(process)}")


@asynccontextmanager
async def saying_ready(
    name: str, *command: str, environment: dict[str, str] | None = None
) -> AsyncIterator[tuple[psutil.Process, ...]]:
    """A program, once it has printed "ready". Raises `BenchError`."""
    async with started(*command, environment=environment) as process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        try:
            async with asyncio.timeout(WITHIN_S):
                if await process.stdout.readline() != b"ready\n":
                    raise BenchError(f"{name} ended: {await last_words(process)}")
        except TimeoutError:
            raise BenchError(f"{name} is not ready after {WITHIN_S:.0f} s") from None
        yield (psutil.Process(process.pid),)
        if process.returncode is not None:
            raise BenchError(f"{name} ended while it was measured: {await last_words(process)}")


async def _is_open(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def lacks_programs(**packages: str) -> str | None:
    """The command that installs those programs that are not here, of their packages; None: all are here."""
    missing = [package for name, package in packages.items() if not _which(name)]
    return f"apt-get install {' '.join(missing)}" if missing else None


def _which(program: str) -> str | None:
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")


def program(name: str) -> str:
    """Its path. Raises `BenchError`."""
    path = _which(name)
    if path is None:
        raise BenchError(f"there is no {name}")
    return path


async def install_node(cache: Path) -> Path:
    """Have the packages of `servers/package.json`; returns their directory, for NODE_PATH. Raises `BenchError`."""
    wanted, home = SERVERS / "package.json", cache / "node"
    installed = home / "installed.json"
    if not installed.exists() or installed.read_bytes() != wanted.read_bytes():
        home.mkdir(parents=True, exist_ok=True)
        shutil.copy(wanted, home)
        quiet = ("--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error")
        await run(Path(program("npm")), "install", *quiet, "--prefix", str(home))
        shutil.copy(wanted, installed)
    return home / "node_modules"


async def install_python(cache: Path) -> Path:
    """Have an environment with `servers/requirements.txt`; returns its Python. Raises `BenchError`."""
    wanted, home = SERVERS / "requirements.txt", cache / "python"
    installed, python = home / "installed.txt", home / "bin" / "python"
    if not installed.exists() or installed.read_bytes() != wanted.read_bytes():
        await run(Path(sys.executable), "-m", "venv", "--clear", str(home))
        await run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(wanted))
        shutil.copy(wanted, installed)
    return python
