"""A TCP port to listen on, or one clear line that says why not and which setting chose it."""

import socket

BACKLOG = 4096  # clients that all come back at once


class PortTaken(Exception):
    """The address cannot be listened on."""

    def __init__(self, variable: str, host: str, port: int, cause: OSError) -> None:
        super().__init__(f"{variable}: cannot listen on {host}:{port}: {cause.strerror}")


def open_port(host: str, port: int, variable: str, *, shared: bool = False) -> socket.socket:
    """The listening socket. variable: the setting's name. shared: others of this machine may listen there, too.

    Raises PortTaken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=shared)
    except OSError as error:
        raise PortTaken(variable, host, port, error) from error
