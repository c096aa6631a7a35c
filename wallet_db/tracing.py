"""OpenTelemetry traces, if somebody wants them: OTEL_EXPORTER_OTLP_ENDPOINT, and the extra `otel` installed.

Without, `span` costs a look at a variable. An order is one trace through all processes: the request that made it with
its SQL, the pollers' work with its SQL and its calls to a provider, publishing its events and writing them to sockets.
Nothing carries the trace along: its id is `md5(order id)`, its root's id the first half of that, so whoever knows the
order knows its trace, psql too. A request that comes with a trace of its own (`traceparent`) stays in it; it and the
order's trace link to one another.

Attributes are names, ids and counts; of a statement its text, never its arguments. The library's own variables
(OTEL_EXPORTER_OTLP_HEADERS, OTEL_TRACES_SAMPLER …) count as it documents them.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from hashlib import md5
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from wallet_db.connect import Connection
    from wallet_db.settings import DatabaseSettings

ORDER_ID = "onesms.order_id"
STATEMENT_CHARS_MAX = 500
STATEMENTS_MAX = 100
"""Of one request."""

_tracer: Any = None
_sampler: Any = None
_propagate: Any = None
_trace: Any = None
_NOTHING: AbstractContextManager[None] = nullcontext()
_request: ContextVar["Request | None"] = ContextVar("request", default=None)
_root_of: ContextVar[str | None] = ContextVar("root_of", default=None)
"""The order whose trace the next span begins."""


def is_installed() -> bool:
    """Whether the extra `otel` is."""
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:  # not even the beginning of the name
        return False


def configure_tracing(process: str, settings: "DatabaseSettings") -> None:
    """Begin, if an endpoint is set. Spans go out in batches, from a thread of the library's."""
    global _tracer, _sampler, _propagate, _trace
    if settings.otel_exporter_otlp_endpoint is None:
        return
    sdk, export = import_module("opentelemetry.sdk.trace"), import_module("opentelemetry.sdk.trace.export")
    resource = import_module("opentelemetry.sdk.resources").Resource.create({"service.name": f"onesms-{process}"})
    ids = _ids(import_module("opentelemetry.sdk.trace.id_generator").RandomIdGenerator)
    provider = sdk.TracerProvider(resource=resource, id_generator=ids)
    exporter = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter").OTLPSpanExporter()
    provider.add_span_processor(export.BatchSpanProcessor(exporter))
    _tracer, _sampler = provider.get_tracer("onesms"), provider.sampler
    _propagate, _trace = import_module("opentelemetry.propagate"), import_module("opentelemetry.trace")


def is_tracing() -> bool:
    """Whether spans go anywhere."""
    return _tracer is not None


def trace_id_of(order_id: str) -> str:
    """The id of the order's trace, as it is written: 32 hexadecimal digits. In SQL md5(id::text)."""
    # Not the id itself: samplers by share look at the lower half, where an UUID of version 4 has fixed bits.
    return md5(order_id.encode(), usedforsecurity=False).hexdigest()


def span(name: str, **attributes: str | int | Sequence[str]) -> AbstractContextManager[Any]:
    """A span around the block; an exception that leaves it is noted by its type. Yields None while nobody traces.

    attributes: `order_id` becomes ORDER_ID, and one order's id puts the span into its trace; others `onesms.…`.
    """
    if _tracer is None:
        return _NOTHING
    order_id = attributes.get("order_id")
    # An exception's text may hold what a provider said: it is not recorded, only that there was one.
    opened: AbstractContextManager[Any] = _tracer.start_as_current_span(
        name,
        _context_of(order_id) if isinstance(order_id, str) else None,
        attributes=_named(attributes),
        record_exception=False,
        set_status_on_exception=False,
    )
    return opened


def note_span(name: str, order_id: str, begun_ns: int, **attributes: str | int) -> None:
    """A span of the order's trace, from then (of the epoch) until now. Nothing while nobody traces."""
    if _tracer is not None:
        about = _named({"order_id": order_id, **attributes})
        _tracer.start_span(name, _context_of(order_id), start_time=begun_ns, attributes=about).end()


class Request:
    """A request, traced when it has ended: only then is it known whose trace it belongs to. A context manager."""

    def __init__(self, name: str, attributes: Mapping[str, str], headers: Mapping[str, str]) -> None:
        self.attributes: dict[str, str | int] = dict(attributes)
        self.order_id: str | None = None
        """The order it changes;"""
        self.has_made = False
        """it has made that order."""
        self._name = name
        self._parent = _propagate.extract(headers)
        self._begun_ns = time.time_ns()
        self._statements: list[tuple[int, int, dict[str, str]]] = []
        self._context: Any = None
        """Once it has ended: what is still told of it goes here."""

    def __enter__(self) -> Self:
        self._token = _request.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _request.reset(self._token)
        root = self._begin()
        self._context = _trace.set_span_in_context(root)
        for begun_ns, end_ns, attributes in self._statements:
            self._tell(begun_ns, end_ns, attributes)
        root.end()

    def note_statement(self, begun_ns: int, end_ns: int, attributes: dict[str, str]) -> None:
        """A statement of it has ended."""
        if self._context is not None:  # the library tells of them a moment later
            self._tell(begun_ns, end_ns, attributes)
        elif len(self._statements) < STATEMENTS_MAX:
            self._statements.append((begun_ns, end_ns, attributes))

    def _begin(self) -> Any:
        order_id, begun = self.order_id, {"start_time": self._begun_ns, "attributes": self.attributes}
        has_parent = _trace.get_current_span(self._parent).get_span_context().is_valid
        if order_id is None:
            return _tracer.start_span(self._name, self._parent, **begun)
        self.attributes[ORDER_ID] = order_id
        if not has_parent:
            return (
                _begin_order(self._name, order_id, **begun)
                if self.has_made
                else _tracer.start_span(self._name, _context_of(order_id), **begun)
            )
        root = _tracer.start_span(self._name, self._parent, links=[_trace.Link(_root(order_id))], **begun)
        if self.has_made:
            link = _trace.Link(root.get_span_context())
            _begin_order("order", order_id, links=[link], **begun).end()
        return root

    def _tell(self, begun_ns: int, end_ns: int, attributes: dict[str, str]) -> None:
        _tracer.start_span("sql", self._context, start_time=begun_ns, attributes=attributes).end(end_ns)


async def trace_statements(connection: "Connection") -> None:
    """Have a connection tell each statement as a span. For a pool's `init`."""
    connection.add_query_logger(_note_statement)


def _note_statement(query: Any) -> None:
    """After it has ended, in the context of who asked for it. What belongs to no trace, such as polling, makes none."""
    if _tracer is None:
        return
    is_within = _trace.get_current_span().get_span_context().is_valid
    request = _request.get()
    if not is_within and request is None:
        return
    end_ns = time.time_ns()
    begun_ns = end_ns - int(query.elapsed * 1e9)
    text = " ".join(query.query.split())[:STATEMENT_CHARS_MAX]
    attributes = {"db.system.name": "postgresql", "db.query.text": text}
    if query.exception is not None:
        attributes["error.type"] = getattr(query.exception, "sqlstate", None) or type(query.exception).__name__
    if not is_within and request is not None:
        request.note_statement(begun_ns, end_ns, attributes)
    else:
        _tracer.start_span("sql", start_time=begun_ns, attributes=attributes).end(end_ns)


def _named(attributes: Mapping[str, str | int | Sequence[str]]) -> dict[str, str | int | Sequence[str]]:
    return {f"onesms.{key}": value for key, value in attributes.items()}


def _root(order_id: str) -> Any:
    """Where the order's trace begins, whether or not that span was told: every process decides alike."""
    trace_id = trace_id_of(order_id)
    taken = _sampler.should_sample(None, int(trace_id, 16), "order").decision.is_sampled()
    flags = _trace.TraceFlags(_trace.TraceFlags.SAMPLED if taken else _trace.TraceFlags.DEFAULT)
    return _trace.SpanContext(int(trace_id, 16), int(trace_id[:16], 16), is_remote=True, trace_flags=flags)


def _context_of(order_id: str) -> Any:
    return _trace.set_span_in_context(_trace.NonRecordingSpan(_root(order_id)))


def _begin_order(name: str, order_id: str, **begun: Any) -> Any:
    token = _root_of.set(order_id)
    try:
        return _tracer.start_span(name, _trace.set_span_in_context(_trace.INVALID_SPAN), **begun)
    finally:
        _root_of.reset(token)


def _ids(random_ids: type[Any]) -> Any:
    """The library's ids, but those of the span that begins an order's trace."""

    class Ids(random_ids):  # type: ignore[misc]  # it is imported only where it is wanted
        def generate_trace_id(self) -> int:
            order_id = _root_of.get()
            return super().generate_trace_id() if order_id is None else int(trace_id_of(order_id), 16)

        def generate_span_id(self) -> int:
            order_id = _root_of.get()
            return super().generate_span_id() if order_id is None else int(trace_id_of(order_id)[:16], 16)

    return Ids()
