"""Twilio's published API description as a judge: does a response have the shape it promises?

It is not part of this project. It is read from beside the repository where it is, or from
``tests/conformance``; :func:`description` skips the test, with the reason, where it is absent.
"""

from __future__ import annotations

import json
import re
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

_HERE = Path(__file__).resolve().parents[1]
_NAME = "twilio_api_v2010.json"
_PLACES = (_HERE / "conformance" / _NAME, _HERE.parents[1] / "shared" / "twilio-openapi" / _NAME)


@cache
def _loaded() -> dict[str, Any] | None:
    for place in _PLACES:
        if place.is_file():
            found: dict[str, Any] = json.loads(place.read_text("utf-8"))
            return found
    return None


def description() -> dict[str, Any]:
    """The whole description; skips the test without one."""
    found = _loaded()
    if found is None:
        pytest.skip(f"Twilio's API description ({_NAME}) is not beside the repository")
    return found


def check_response(method: str, path: str, status: int, body: object) -> None:
    """Fails unless an operation of the path promises such a response.

    A resource has to have every field that the description names, and no other. Errors have the
    shape that all of Twilio's have. Does nothing where the description is absent.
    """
    if _loaded() is None:
        return
    if status >= 400:
        assert isinstance(body, dict)
        assert set(body) == {"code", "message", "more_info", "status"}
        assert body["status"] == status
        assert body["more_info"] == f"https://www.twilio.com/docs/errors/{body['code']}"
        return
    responses = _operation(method, path.partition("?")[0])["responses"]
    assert str(status) in responses, f"{method} {path}: {status}, described: {list(responses)}"
    content = responses[str(status)].get("content")
    if content is None:
        assert body in (None, "")
        return
    problems = [
        f"{error.json_path}: {error.message}"
        for error in _validator(json.dumps(content["application/json"]["schema"])).iter_errors(body)
    ]
    assert not problems, f"{method} {path}: {problems}"


def _operation(method: str, path: str) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = description()["paths"]
    for template, operations in sorted(found.items(), key=lambda item: item[0].count("{")):
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path) and method.lower() in operations:
            operation: dict[str, Any] = operations[method.lower()]
            return operation
    raise AssertionError(f"the description has no {method} {path}")


@cache
def _validator(schema: str) -> Any:
    from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]

    checker = FormatChecker(formats=())
    checker.checks("date-time-rfc-2822", raises=(TypeError, ValueError))(_is_date)
    checker.checks("http-method")(lambda value: value in (None, "GET", "POST"))
    checker.checks("currency")(lambda value: value in (None, "USD"))
    whole = {
        **_converted(json.loads(schema)),
        "components": {"schemas": _schemas()},
    }
    return Draft202012Validator(whole, format_checker=checker)


def _is_date(value: object) -> bool:
    return value is None or parsedate_to_datetime(str(value)).utcoffset() is not None


@cache
def _schemas() -> dict[str, Any]:
    schemas = {
        name: _converted(schema) for name, schema in description()["components"]["schemas"].items()
    }
    for name, schema in schemas.items():
        if name.startswith("api.v2010.") and "properties" in schema:
            schema["required"] = list(schema["properties"])
            schema["additionalProperties"] = False
    return schemas


def _converted(schema: Any) -> Any:
    """OpenAPI 3.0 as JSON Schema: ``nullable`` is a type there, and not beside an enumeration."""
    if isinstance(schema, list):
        return [_converted(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _converted(value) for key, value in schema.items() if key != "nullable"}
    # One enumeration says in words alone, and in every example, that it can be null.
    nullable = schema.get("nullable") or "will be `null`" in str(schema.get("description"))
    if nullable and "type" in made:
        made["type"] = [made["type"], "null"]
        if "enum" in made:
            made["enum"] = [*made["enum"], None]
    return made
