"""OpenTelemetry traces, if somebody wants them: OTEL_EXPORTER_OTLP_ENDPOINT, and the extra `otel` installed.

Without, `span` costs a look at a variable. A trace ends where its process's work does: request and SQL are one, a
poller's work with its SQL and its calls to a provider another, publishing a third. What leads from one to the next is
the order's id, the attribute `onesms.order_id`: carrying a trace's own id along would have the purchase write it.

Attributes are names, ids and counts; of a statement its text, never its arguments. The library's own variables
(OTEL_EXPORTER_OTLP_HEADERS, OTEL_TRACES_SAMPLER …) count as it documents them.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wallet_db.connect import Connection
    from wallet_db.settings import DatabaseSettings

ORDER_ID = "onesms.order_id"
STATEMENT_CHARS_MAX = 500

_tracer: Any = None
_propagate: Any = None
_trace: Any = None
_NOTHING: AbstractContextManager[None] = nullcontext()


def is_installed() -> bool:
    """Whether the extra `otel` is."""
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:  # not even the beginning of the name
        return False


def configure_tracing(process: str, settings: "DatabaseSettings") -> None:
    """Begin, if an endpoint is set. Spans go out in batches, from a thread of the library's."""
    global _tracer, _propagate, _trace  # noqa: PLW0603 - one process, one tracer
    if settings.otel_exporter_otlp_endpoint is None:
        return
    sdk, export = import_module("opentelemetry.sdk.trace"), import_module("opentelemetry.sdk.trace.export")
    resource = import_module("opentelemetry.sdk.resources").Resource.create({"service.name": f"onesms-{process}"})
    provider = sdk.TracerProvider(resource=resource)
    exporter = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter").OTLPSpanExporter()
    provider.add_span_processor(export.BatchSpanProcessor(exporter))
    _tracer = provider.get_tracer("onesms")
    _propagate, _trace = import_module("opentelemetry.propagate"), import_module("opentelemetry.trace")


def is_tracing() -> bool:
    """Whether spans go anywhere."""
    return _tracer is not None


def span(name: str, **attributes: str | int | Sequence[str]) -> AbstractContextManager[Any]:
    """A span around the block; an exception that leaves it is noted by its type. Yields None while nobody traces.

    attributes: `order_id` becomes ORDER_ID, others `onesms.…`.
    """
    if _tracer is None:
        return _NOTHING
    return _span(name, {f"onesms.{key}": value for key, value in attributes.items()}, None)


def request_span(name: str, attributes: Mapping[str, str], headers: Mapping[str, str]) -> AbstractContextManager[Any]:
    """That of a request; it goes on with the trace that a `traceparent` among its headers names."""
    if _tracer is None:
        return _NOTHING
    return _span(name, attributes, _propagate.extract(headers))


def _span(name: str, attributes: Mapping[str, str | int | Sequence[str]], context: Any) -> AbstractContextManager[Any]:
    # An exception's text may hold what a provider said: it is not recorded, only that there was one.
    opened: AbstractContextManager[Any] = _tracer.start_as_current_span(
        name, context, attributes=attributes, record_exception=False, set_status_on_exception=False
    )
    return opened


async def trace_statements(connection: "Connection") -> None:
    """Have a connection tell each statement as a span. For a pool's `init`."""
    connection.add_query_logger(_note_statement)


def _note_statement(query: Any) -> None:
    """After it has ended, in the context of who asked for it. What belongs to no trace, such as polling, makes none."""
    if _tracer is None or not _trace.get_current_span().get_span_context().is_valid:
        return
    end_ns = time.time_ns()
    text = " ".join(query.query.split())[:STATEMENT_CHARS_MAX]
    attributes = {"db.system.name": "postgresql", "db.query.text": text}
    if query.exception is not None:
        attributes["error.type"] = getattr(query.exception, "sqlstate", None) or type(query.exception).__name__
    begun = _tracer.start_span("sql", start_time=end_ns - int(query.elapsed * 1e9), attributes=attributes)
    begun.end(end_ns)
