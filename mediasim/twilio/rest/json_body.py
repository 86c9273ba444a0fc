"""Bodies in JSON, which Voice's newer APIs take: read as parameters, with dotted names.

``{"configuration": {"language": "en-US"}}`` is the parameter ``configuration.language``; a list is
a parameter with its JSON. So one table declares the parameters of forms and of bodies, and what
nothing reads is named in a warning alike.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from mediasim.twilio.errors import TwilioError, bad_parameter
from mediasim.twilio.rest.params import MOST_FIELDS, Params

__all__ = ["json_params", "listed_objects", "nested"]


def json_params(body: bytes) -> Params:
    """Read a JSON object as parameters. Raises TwilioError (400) if it is none."""
    try:
        found = json.loads(body or b"{}")
        pairs = list(_pairs(found, "")) if isinstance(found, dict) else None
    except (ValueError, RecursionError):
        pairs = None
    if pairs is None:
        raise bad_parameter("The request's body is no JSON object")
    if len(pairs) > MOST_FIELDS:
        raise bad_parameter(f"More than {MOST_FIELDS} parameters were given")
    return Params(pairs)


def _pairs(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _pairs(value, f"{prefix}{name}.")
        elif isinstance(value, str):
            yield prefix + name, value
        elif value is not None:
            yield prefix + name, json.dumps(value)


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values of dotted names as objects in objects, without those that are None."""
    found: dict[str, Any] = {}
    for dotted, value in values.items():
        if value is None:
            continue
        *path, name = dotted.split(".")
        at = found
        for part in path:
            at = at.setdefault(part, {})
        at[name] = value
    return found


def listed_objects(params: Params, name: str) -> list[dict[str, Any]] | None:
    """Return a parameter that is a list of objects; None without one.

    Raises TwilioError (400) if it is anything else.
    """
    text = params.text(name)
    if not text:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise _not_objects(name)
    return found


def _not_objects(name: str) -> TwilioError:
    return bad_parameter(f"Invalid {name}: expected a list of objects")
