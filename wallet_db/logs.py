"""Logging: structlog to stderr, for people if stderr is a terminal, else one JSON object a line.

Every line says when, its level, process, module and category (`log_lines`); within a request its `request_id`, at work
on an order its `activation_id` or `rental_id` and the `request_id` of the request that placed it: either leads from the
request to the calls made for it, whichever process made them. Standard-library loggers (asyncio, asyncpg, uvicorn) come
out the same way, from WARNING up: at INFO some of them print whole URLs, keys included. Tracebacks never show local
variables, which may hold an SMS code. What is logged is the caller's care: names, ids and counts, never payloads,
tokens or codes; what looks like a secret is withheld all the same.
"""

import logging
import sys
from contextlib import AbstractContextManager
from types import FrameType

import structlog
from structlog.typing import EventDict, Processor

from wallet_db.log_lines import category_of, redacted
from wallet_db.settings import DatabaseSettings

_OUR_OWN = ("structlog", "wallet_db.logs", "logging")
_POOL_LOGGER, _NOT_RESTORED = "asyncpg.pool", "Failed to restore the pool connection"
POOL_QUIET_S = 60.0
"""While the database is away, each pool says so this often."""


def configure(process: str, settings: DatabaseSettings | None = None) -> None:
    """Set logging up for this process; every line says `process`. settings: without them, their defaults."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()] if settings is not None else logging.INFO
    log_format = settings.log_format if settings is not None else "auto"

    def add_process(_logger: object, _method: str, line: EventDict) -> EventDict:
        line["process"] = process
        return line

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_process,
        add_category,
    ]
    end: list[Processor] = [structlog.processors.format_exc_info, redact]
    if log_format == "text" or (log_format == "auto" and sys.stderr.isatty()):
        end += [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    else:
        end += [structlog.processors.JSONRenderer(ensure_ascii=False)]
    structlog.configure(
        processors=[*shared, *end],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *end],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.WARNING))
    logging.getLogger(_POOL_LOGGER).filters[:] = [_AwayInOneLine()]


class _AwayInOneLine(logging.Filter):
    """asyncpg tells each attempt to fill a pool again with a traceback of its own inside; one line says as much."""

    def __init__(self) -> None:
        super().__init__()
        self._quiet_until = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        if not str(record.msg).startswith(_NOT_RESTORED):
            return True
        if record.created < self._quiet_until:
            return False
        self._quiet_until = record.created + POOL_QUIET_S
        cause = record.exc_info[1] if record.exc_info else None
        said = str(cause).partition("\n")[0] or type(cause).__name__
        record.msg, record.args = "the database cannot be reached, trying again: %s", (said,)
        record.exc_info = record.exc_text = None
        return True


def about_order(request_id: str | None, **order_id: str) -> AbstractContextManager[None]:
    """Let the lines logged meanwhile name the order (`activation_id` or `rental_id`) and the request that placed it."""
    placed_by = {} if request_id is None else {"request_id": request_id}
    return structlog.contextvars.bound_contextvars(**order_id, **placed_by)


def add_category(_logger: object, _method: str, line: EventDict) -> EventDict:
    """Say which module writes, and the category unless the line says it: what names an order is about that."""
    record = line.get("_record")
    module = record.name if isinstance(record, logging.LogRecord) else _calling_module()
    line["module"] = module
    line.setdefault("category", "order" if "activation_id" in line or "rental_id" in line else category_of(module))
    return line


def redact(_logger: object, _method: str, line: EventDict) -> EventDict:
    """Withhold what looks like a secret, the text of exceptions included."""
    return {name: redacted(name, value) for name, value in line.items()}


def _calling_module() -> str:
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - there is no other way to the caller
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module == "__main__" and (spec := frame.f_globals.get("__spec__")) is not None:
            module = str(spec.name)  # as `python -m` runs it
        if module.partition(".")[0] not in _OUR_OWN and module not in _OUR_OWN:
            return module
        frame = frame.f_back
    return ""
