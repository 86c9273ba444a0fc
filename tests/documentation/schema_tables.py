"""JSON Schemas of documents as tables of keys: what each may be, its default, and what it means."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

__all__ = ["cell", "keys_of", "spelled", "table", "words_of"]

_PLAIN: Final = {
    "Decibels": "decibels",
    "Duration": "duration",
    "LongDuration": "duration, days too",
    "EventName": "[event](events.md)",
    "Fault": "[fault](verify.md)",
    "Flag": "true or false",
    "Frequency": "hertz",
    "Level": "dBFS",
    "Name": "name",
    "PartsPerMillion": "parts per million",
    "Ratio": "share, such as `1%`",
    "Text": "text",
    "step": "[step](steps.md)",
    "check": "[expectation](expectations.md)",
}
"""What stands for the definitions that have no keys of their own."""

Link = Callable[[str], str]
"""Returns what is shown of a definition that has keys: a link to its table."""


def spelled(name: str) -> str:
    """The name of a definition as a heading."""
    words = re.sub(r"(Spec|Config)$", "", name)
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", words)
    return words[:1] + words[1:].lower()


def words_of(schema: Mapping[str, Any], link: Link) -> str:
    """What a value may be, in Markdown."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _PLAIN.get(name) or link(name)
    if "anyOf" in schema:
        return _either(schema["anyOf"], link)
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"] if isinstance(each, str))
    kind = schema.get("type")
    if kind == "array":
        return f"list of {words_of(schema['items'], link)}" if schema.get("items") else "list"
    if kind == "object":
        of = next(iter(schema.get("patternProperties", {}).values()), None)
        of = of or schema.get("additionalProperties")
        return f"by name: {words_of(of, link)}" if isinstance(of, dict) and of else "mapping"
    if kind in ("integer", "number"):
        bounds = [schema.get(key) for key in ("minimum", "maximum")]
        noun = "whole number" if kind == "integer" else "number"
        if None in bounds or bounds[1] == 2**63 - 1:
            return noun
        return f"{noun}, {bounds[0]:,} to {bounds[1]:,}"
    if kind == "boolean":
        return "true or false"
    pattern = schema.get("pattern", "")
    if pattern.startswith(r"^(?:\+[1-9]"):
        return "number (E.164)"
    if "0-9*#A-D" in pattern:
        return "keys"
    return "date" if pattern.startswith("^[0-9]{4}-") else "text"


def _either(forms: list[dict[str, Any]], link: Link) -> str:
    """One of several forms; a number that may be text is a number, and none is left out."""
    shown = list[str]()
    numeric = any(form.get("type") in ("integer", "number") for form in forms)
    for form in forms:
        if form.get("type") == "null" or (numeric and "pattern" in form):
            continue
        if "enum" in form and None in form["enum"]:
            continue
        if (words := words_of(form, link)) not in shown:
            shown.append(words)
    return " or ".join(shown)


def keys_of(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The object that a definition describes when it is written out."""
    if "properties" in schema:
        return schema
    for form in schema.get("anyOf", ()):
        if "properties" in form:
            return dict(form)
    return {}


def table(schema: Mapping[str, Any], link: Link) -> str:
    """The keys of an object as a table."""
    keys = keys_of(schema)
    rows = ["| key | value | default | |", "|---|---|---|---|"]
    required = keys.get("required", ())
    for name, value in keys.get("properties", {}).items():
        default = "required" if name in required else _default(value.get("default"))
        meaning = value.get("description", "")
        rows.append(f"| `{name}` | {cell(words_of(value, link))} | {default} | {cell(meaning)} |")
    return "\n".join(rows)


def _default(value: Any) -> str:
    """A default as it would be written; nothing for none, and for that of a part's own keys."""
    if value in (None, "", [], {}) or isinstance(value, dict):
        return ""
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def cell(text: str) -> str:
    """A text as it stands in a table's cell."""
    return " ".join(text.replace("``", "`").split()).replace("|", "\\|")
