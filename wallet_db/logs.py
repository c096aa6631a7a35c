"""Logging: structlog to stderr, for people if stderr is a terminal, else one JSON object a line.

Standard-library loggers (asyncio, asyncpg, uvicorn) come out the same way, from WARNING up: at INFO some of them print
whole URLs, keys included. Tracebacks never show local variables, which may hold an SMS code. What is logged is the
caller's care: names, ids and counts, never payloads, tokens or codes.
"""

import logging
import sys

import structlog
from structlog.typing import Processor


def configure(process: str) -> None:
    """Set logging up for this process; every line says `process`."""

    def add_process(_logger: object, _method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
        line["process"] = process
        return line

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_process,
    ]
    render: list[Processor]
    if sys.stderr.isatty():
        render = [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    else:
        render = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    structlog.configure(
        processors=[*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
