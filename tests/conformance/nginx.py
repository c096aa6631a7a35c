"""nginx in front of a gateway, as an operator would first set it up: every default left as it is.

Only WebSocket needs words of its own: without `proxy_http_version 1.1` and the two headers of the upgrade nothing is
ever upgraded. Buffering stays on, as nginx has it; our SSE turns it off for itself.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.system import STOP_S, free_port, wait_until

CONFIGURATION = """
{user}
daemon off;
pid nginx.pid;
error_log stderr warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen 127.0.0.1:{port};
        {extra}
        location / {{
            proxy_pass {target};
        }}
        location /realtime/ws {{
            proxy_pass {target};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
        }}
    }}
}}
"""


@contextmanager
def nginx(target: str, extra: str = "") -> Iterator[str]:
    """The proxy's URL, once it listens; `extra`: directives of the server.

    Where there is no nginx the test is skipped, in CI it fails.
    """
    port = free_port()
    with running(CONFIGURATION.format(user=user(), port=port, target=target, extra=extra), port):
        yield f"http://127.0.0.1:{port}"


def user() -> str:
    """As root, as in containers, its workers would become a user that cannot write here."""
    return "user root;" if os.geteuid() == 0 else ""


@contextmanager
def running(configuration: str, port: int) -> Iterator[Path]:
    """nginx with this configuration, which listens on `port`, and its directory: `log` is what it says on stderr."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("nginx is missing")
        pytest.skip("nginx is not installed")
    with tempfile.TemporaryDirectory(prefix="onesms-nginx-") as directory:
        Path(directory, "nginx.conf").write_text(configuration, encoding="ascii")
        log = Path(directory, "log")
        with log.open("wb") as output:
            process = subprocess.Popen(
                [program, "-p", directory, "-c", str(Path(directory, "nginx.conf")), "-e", "stderr"],
                stdout=output,
                stderr=output,
            )

        def listens() -> bool:
            assert process.poll() is None, f"nginx ended with {process.returncode}:\n{log.read_text()}"
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        try:
            wait_until(listens, "nginx listens")
            yield Path(directory)
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
