"""docs/asyncapi.yaml as something to hold values against: the part of JSON Schema that it uses, and not a word more.

Stricter than JSON Schema in one way: a field that the document does not name is a fault, though clients must ignore
such fields. A keyword that is not understood here is a KeyError, so that no rule goes unchecked.
"""

import re
from pathlib import Path
from typing import Any

import yaml

DOCUMENTS = Path(__file__).resolve().parent.parent.parent / "docs"
DOCUMENT: dict[str, Any] = yaml.safe_load((DOCUMENTS / "asyncapi.yaml").read_text(encoding="utf-8"))
MESSAGES: dict[str, Any] = DOCUMENT["components"]["messages"]
EVENT_TYPES = {
    name
    for name, message in MESSAGES.items()
    if {"$ref": "#/components/schemas/Event"} in message["payload"].get("allOf", ())
}

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
REMARKS = {"description", "default"}


def resolve(reference: str) -> Any:
    """What a `$ref` means. Raises KeyError if it means nothing."""
    found: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return resolve(found["$ref"]) if "$ref" in found else found


def faults_of(message: dict[str, Any], name: str | None = None) -> list[str]:
    """Where a message differs from what the document says of its type, or of message `name`."""
    name = name or message["type"]
    if name not in MESSAGES:
        return [f"{name}: not in the document"]
    found = _faults(MESSAGES[name]["payload"], message, name)
    for event in message.get("events", ()) if name == "polled" else ():
        found += faults_of(event)
    return found


def _faults(schema: dict[str, Any], value: Any, at: str) -> list[str]:
    known = _properties(schema) if value is not None else {}  # null has no fields; whether it may be there, `type` says
    found = [f"{at}.{name}: not in the document" for name in value if name not in known] if known else []
    return found + _broken_rules(schema, value, at)


def _properties(schema: dict[str, Any]) -> dict[str, Any]:
    parts = [resolve(part["$ref"]) if "$ref" in part else part for part in schema.get("allOf", ())]
    merged: dict[str, Any] = {}
    for part in parts:
        merged |= _properties(part)
    return merged | schema.get("properties", {})


def _broken_rules(schema: dict[str, Any], value: Any, at: str) -> list[str]:
    found = []
    for keyword, rule in schema.items():
        if value is None and keyword in ("properties", "required"):
            continue
        found += [] if keyword in REMARKS else RULES[keyword](rule, value, at)
    return found


def _type(rule: str | list[str], value: Any, at: str) -> list[str]:
    names = [rule] if isinstance(rule, str) else rule
    fits = any(isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool)) for name in names)
    return [] if fits else [f"{at}: expected {' or '.join(names)}, got {value!r}"]


def _each_property(rule: dict[str, Any], value: Any, at: str) -> list[str]:
    named = [(name, schema) for name, schema in rule.items() if name in value]
    return [fault for name, schema in named for fault in _faults(schema, value[name], f"{at}.{name}")]


def _each_item(rule: dict[str, Any], value: Any, at: str) -> list[str]:
    # An event is held against its own type, which says more of it.
    items = [] if rule == {"$ref": "#/components/schemas/Event"} else enumerate(value)
    return [fault for number, item in items for fault in _faults(rule, item, f"{at}[{number}]")]


def _reference(rule: str, value: Any, at: str) -> list[str]:
    return _faults(resolve(rule), value, at)


def _all_of(rule: list[dict[str, Any]], value: Any, at: str) -> list[str]:
    parts = [resolve(part["$ref"]) if "$ref" in part else part for part in rule]
    return [fault for part in parts for fault in _broken_rules(part, value, at)]


def _rule(holds: Any, expected: str) -> Any:
    def faults(rule: Any, value: Any, at: str) -> list[str]:
        return [] if holds(rule, value) else [f"{at}: expected {expected} {rule!r}, got {value!r}"]

    return faults


RULES: dict[str, Any] = {
    "$ref": _reference,
    "allOf": _all_of,
    "type": _type,
    "properties": _each_property,
    "items": _each_item,
    "const": _rule(lambda rule, value: value == rule, "exactly"),
    "enum": _rule(lambda rule, value: value in rule, "one of"),
    "required": _rule(lambda rule, value: set(rule) <= set(value), "fields"),
    "pattern": _rule(lambda rule, value: not isinstance(value, str) or re.search(rule, value), "text like"),
    "minimum": _rule(lambda rule, value: value >= rule, "at least"),
    "maxItems": _rule(lambda rule, value: len(value) <= rule, "at most so many items:"),
}
