"""Nchan, the module of nginx, fed by a process that hears of rows and posts them."""

import resource
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

from bench.delivery.clients import Face
from bench.peers.clients import NchanClient
from bench.peers.contract import Running, Stage, Write
from bench.peers.processes import SERVERS, listening, program, saying_ready
from bench.wallet.server import run

MODULE = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")


@dataclass(frozen=True, slots=True)
class Nchan:
    """One worker."""

    name: str = "nchan"
    title: str = "Nchan + LISTEN feeder"
    faces: tuple[Face, ...] = ("ws", "sse", "poll")
    write: Write = "row"
    connections_max: None = None

    def lacks(self) -> str | None:
        """nginx and its module, from the same source: they have to fit."""
        return None if MODULE.exists() else "apt-get install nginx libnginx-mod-nchan"

    async def install(self, cache: Path) -> dict[str, str]:
        """Installed by the system; which version, it says."""
        del cache
        wanted = ("nginx", "libnginx-mod-nchan")
        found = await run(Path(program("dpkg-query")), "--show", "--showformat", "${Package} ${Version}\n", *wanted)
        return dict(line.split(" ", 1) for line in found.splitlines())

    @asynccontextmanager
    async def running(self, stage: Stage) -> AsyncIterator[Running]:
        """`servers/nginx.conf`, and `servers/nchan_feeder.py`."""
        configuration = stage.directory / "nginx.conf"
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        template = (SERVERS / "nginx.conf").read_text().replace("$arg_user", "$$arg_user")
        configuration.write_text(
            Template(template).substitute(
                MODULE=MODULE, DIRECTORY=stage.directory, PORT=stage.port, CONNECTIONS=descriptors
            )
        )
        nginx = (program("nginx"), "-p", str(stage.directory), "-c", str(configuration))
        feeder = (sys.executable, "-m", "bench.peers.servers.nchan_feeder", stage.url, str(stage.port))
        async with AsyncExitStack() as stack:
            front = await stack.enter_async_context(listening("nginx", stage.port, *nginx))
            behind = await stack.enter_async_context(saying_ready("nchan_feeder", *feeder))
            yield Running(
                lambda face, user, tally, source: NchanClient(
                    face, f"/subscribe?user={user}", stage.port, tally, source
                ),
                front,
                behind,
            )
