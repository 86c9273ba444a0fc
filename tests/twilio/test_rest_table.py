"""The table of resources, and what is made of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from api_description import description

import mediasim
from mediasim.twilio.representations import API_VERSION
from mediasim.twilio.rest.resource import Operation
from mediasim.twilio.rest.table import RESOURCES, coverage

OPERATIONS = [
    pytest.param(method, path, operation, id=f"{method} {path}")
    for each in RESOURCES
    for path, methods in each.paths.items()
    for method, operation in methods.items()
    if path.startswith(f"/{API_VERSION}/")  # the description is of this version alone
]
OURS = {
    **{key: {"StatusCallbackEvent"} for key in ("POST Streams", "POST {call}")},
    **{f"POST {key}": {"RecordingConfigurationId"} for key in ("Calls", "Participants")},
    "POST Recordings": {"RecordingConfigurationId"},
}
"""What Twilio does not describe and we read: an event beside every other StatusCallback is there,
and configurations are newer than the description."""


def test_no_two_rows_are_for_the_same() -> None:
    paths = [path for each in RESOURCES for path in each.paths]
    assert len(set(paths)) == len(paths)
    stored = {each.stored.kind: each.stored for each in RESOURCES if each.stored}
    assert all(stored[each.stored.kind] is each.stored for each in RESOURCES if each.stored)
    callbacks = [kind for each in RESOURCES for kind in each.callbacks]
    assert len(set(callbacks)) == len(callbacks)


def test_the_documentation_has_the_table_as_it_is() -> None:
    """Where it has not: put in its place what coverage() returns."""
    text = (Path(mediasim.__file__).parent / "docs/reference/rest-api.md").read_text("utf-8")
    assert text.endswith(f"\n\n{coverage()}")


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_what_a_row_declares_is_what_twilio_describes(
    method: str, path: str, operation: Operation
) -> None:
    path = path.removesuffix(".txt")
    pattern = re.sub(r"\\\{\w+\\\}", r"\\{\\w+\\}", re.escape(path)) + r"\.json"
    (found,) = (
        methods[method.lower()]
        for described, methods in description()["paths"].items()
        if re.fullmatch(pattern, described)
    )
    names = {each["name"] for each in found.get("parameters", ()) if each["in"] == "query"}
    form = found.get("requestBody", {}).get("content", {}).get("application/x-www-form-urlencoded")
    names |= set(form["schema"]["properties"]) if form else set()
    assert set(operation.parameters) - names == OURS.get(f"{method} {path.split('/')[-1]}", set())
