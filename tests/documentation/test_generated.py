"""The reference is what the code says: each page that is made of it stands as it would be made."""

from __future__ import annotations

import pytest
from generated import MARK, PAGES, PLAN, SCENARIO, written
from schema_tables import keys_of

from mediasim.documentation.pages import page, pages
from mediasim.sandbox.control_api import openapi


@pytest.mark.parametrize("topic", PAGES)
def test_a_page_is_as_the_code_makes_it(topic: str) -> None:
    """Where it is not: python tests/documentation/generated.py."""
    assert page(topic).source == written(topic)


def test_no_other_page_has_the_mark() -> None:
    assert {each.topic for each in pages() if MARK in each.source} == set(PAGES)


def test_every_key_that_people_write_has_its_meaning() -> None:
    for schema in (SCENARIO, PLAN, openapi()["components"]["schemas"]):
        parts = {"the file": schema} | schema.get("$defs", schema)
        for name, part in parts.items():
            keys = {} if name in ("step", "check") else keys_of(part).get("properties", {})
            for key, value in keys.items():
                assert value.get("description"), f"{key} of {name} has no docstring"
