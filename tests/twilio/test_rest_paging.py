"""Lists, page by page."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_stage import Api

from mediasim.exchange.lifecycle import move


@pytest.fixture
def api(tmp_path: Path) -> Api:
    return Api(tmp_path)


def walk(api: Api, first: str, way: str = "next_page_uri") -> list[list[str]]:
    """The SIDs of each page, from one on."""
    pages, path = [], first
    while path:
        page = api.get(path)
        pages.append([call["sid"] for call in page["calls"]])
        path = page[way]
    return pages


def test_the_envelope(api: Api) -> None:
    sids = [api.service.call().sid for _ in range(5)][::-1]
    page = api.get("Calls.json?PageSize=2&Status=queued")
    uri = f"{api.root}/Calls.json?Status=queued&PageSize=2"
    assert page["first_page_uri"] == page["uri"] == f"{uri}&Page=0"
    assert page["previous_page_uri"] is None
    assert (page["start"], page["end"], page["page"], page["page_size"]) == (0, 1, 0, 2)
    assert page["next_page_uri"].startswith(f"{uri}&Page=1&PageToken=PA{sids[1]}")
    second = api.get(page["next_page_uri"])
    assert second["uri"] == page["next_page_uri"]
    assert (second["start"], second["end"], second["page"]) == (2, 3, 1)
    assert api.get(second["previous_page_uri"])["calls"] == page["calls"]
    assert walk(api, "Calls.json?PageSize=2") == [sids[:2], sids[2:4], sids[4:]]


def test_an_empty_list(api: Api) -> None:
    page = api.get("Calls.json")
    assert page["calls"] == []
    assert (page["start"], page["end"], page["page_size"]) == (0, 0, 50)
    assert page["next_page_uri"] is None


def test_fifty_to_a_page_unless_asked(api: Api) -> None:
    for _ in range(51):
        api.service.call()
    assert len(api.get("Calls.json")["calls"]) == 50
    assert len(api.get("Calls.json?PageSize=1000")["calls"]) == 51
    assert len(api.get("Calls.json?Page=1")["calls"]) == 1
    assert api.get("Calls.json?Page=9")["calls"] == []


def test_what_comes_in_at_the_head_moves_nothing(api: Api) -> None:
    old = [api.service.call().sid for _ in range(4)][::-1]
    first = api.get("Calls.json?PageSize=2")
    api.service.call()
    assert walk(api, first["next_page_uri"]) == [old[2:]]


def test_a_list_can_be_deleted_while_it_is_walked(api: Api) -> None:
    calls = [api.service.call() for _ in range(7)]
    for call in calls:
        move(call, "canceled", 0)
    path, seen = "Calls.json?PageSize=3", set()
    while path:
        page = api.get(path)
        for shown in page["calls"]:
            seen.add(shown["sid"])
            api.delete(f"Calls/{shown['sid']}.json")
        path = page["next_page_uri"]
    assert seen == {call.sid for call in calls}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("PageSize=0", 20001),
        ("PageSize=-1", 20001),
        ("PageSize=many", 20001),
        ("PageSize=1001", 20007),
        ("Page=-1", 20001),
        ("Page=1.5", 20001),
        ("PageToken=next", 21481),
        ("PageToken=PA" + "0" * 10_000, 21481),
    ],
)
def test_wrong_pages(api: Api, query: str, code: int) -> None:
    api.refused("GET", f"Calls.json?{query}", 400, code)


@settings(max_examples=25)
@given(count=st.integers(0, 12), size=st.integers(1, 5))
def test_pages_hold_everything_once_in_both_directions(
    tmp_path_factory: pytest.TempPathFactory, count: int, size: int
) -> None:
    api = Api(tmp_path_factory.mktemp("pages"))
    sids = [api.service.call().sid for _ in range(count)][::-1]
    pages = walk(api, f"Calls.json?PageSize={size}")
    assert [sid for page in pages for sid in page] == sids
    path = f"Calls.json?PageSize={size}"
    while (following := api.get(path)["next_page_uri"]) is not None:
        path = following
    assert walk(api, path, "previous_page_uri")[::-1] == pages
