"""What is wrong with a body or a query, in our words. Pure.

pydantic names each fault by a type; the sentences here are by these, so that an answer reads the same whichever library
looks at it. What a validator of ours raised is told as it stands. A type that is not in the table is told by what it
is about, and no more.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

Context = Mapping[str, Any]

_A_TEXT, _A_NUMBER, _A_WHOLE_NUMBER = "expected a text", "expected a number", "expected a whole number"
_AN_OBJECT, _A_LIST, _A_UUID = "expected an object", "expected a list", "expected a UUID"
_A_MOMENT = "expected a moment by RFC 3339, with its offset from UTC, as 2026-11-21T00:00:00Z"
_A_SUM = "expected a sum of money in digits, with at most two decimals, as 5.00"

_PLAIN = {
    "missing": "expected it",
    "string_type": _A_TEXT,
    "string_unicode": "expected text in UTF-8",
    "string_pattern_mismatch": "not written as expected",
    "int_type": _A_WHOLE_NUMBER,
    "int_parsing": _A_WHOLE_NUMBER,
    "int_parsing_size": "expected a smaller number",
    "int_from_float": _A_WHOLE_NUMBER,
    "float_type": _A_NUMBER,
    "float_parsing": _A_NUMBER,
    "finite_number": "expected a finite number",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "decimal_type": _A_SUM,
    "decimal_parsing": _A_SUM,
    "decimal_max_digits": "expected fewer digits",
    "decimal_max_places": _A_SUM,
    "decimal_whole_digits": "expected fewer digits",
    "uuid_type": _A_UUID,
    "uuid_parsing": _A_UUID,
    "uuid_version": _A_UUID,
    "datetime_type": _A_MOMENT,
    "datetime_parsing": _A_MOMENT,
    "datetime_from_date_parsing": _A_MOMENT,
    "timezone_aware": _A_MOMENT,
    "date_type": "expected a day, as 2026-11-21",
    "date_parsing": "expected a day, as 2026-11-21",
    "date_from_datetime_parsing": "expected a day, as 2026-11-21",
    "list_type": _A_LIST,
    "tuple_type": _A_LIST,
    "dict_type": _AN_OBJECT,
    "model_type": _AN_OBJECT,
    "model_attributes_type": _AN_OBJECT,
    "none_required": "expected null",
    "json_invalid": "expected JSON",
}
_WITH_BOUNDS: Mapping[str, Callable[[Context], str]] = {
    "greater_than": lambda said: f"expected more than {said['gt']}",
    "greater_than_equal": lambda said: f"expected {said['ge']} or more",
    "less_than": lambda said: f"expected less than {said['lt']}",
    "less_than_equal": lambda said: f"expected {said['le']} or less",
    "string_too_short": lambda said: f"expected {said['min_length']} or more characters",
    "string_too_long": lambda said: f"expected at most {said['max_length']} characters",
    "too_short": lambda said: f"expected {said['min_length']} or more of them",
    "too_long": lambda said: f"expected {said['max_length']} of them at most",
    "literal_error": lambda said: f"expected {said['expected']}",
    "enum": lambda said: f"expected {said['expected']}",
    "value_error": lambda said: str(said["error"]),
    "assertion_error": lambda said: str(said["error"]),
}


def told(error: ValidationError, model: type[BaseModel], whole: str) -> str:
    """All faults in a line, each with the name it is about. whole: what a fault that names nothing is about."""
    faults = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{_place(fault['loc'], whole)}: {_sentence(fault, model)}" for fault in faults)


def _place(names: tuple[int | str, ...], whole: str) -> str:
    return ".".join(map(str, names)) or whole


def _sentence(fault: Any, model: type[BaseModel]) -> str:
    kind, said = fault["type"], fault.get("ctx", {})
    if kind == "extra_forbidden":
        if len(fault["loc"]) > 1:
            return "not known here"
        expected = ", ".join(field.alias or name for name, field in model.model_fields.items())
        return f"not known here; expected {expected}"
    if kind in _WITH_BOUNDS:
        return _WITH_BOUNDS[kind](said)
    return _PLAIN.get(kind, "not as expected")
