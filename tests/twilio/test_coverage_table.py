"""The table of what is simulated: in the documentation as it is, and held to what happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from api_description import description
from coverage_stage import Stage, played
from rest_stage import Api

import mediasim
from mediasim.exchange.profiles import PROFILES
from mediasim.twilio.coverage import coverage_json, coverage_markdown, entries
from mediasim.twilio.rest.described import DESCRIBED
from mediasim.twilio.rest.resource import ACCOUNT

NOT_THERE = [each for each in entries() if each.state == "not there" and each.kind == "REST"]


def test_the_documentation_has_the_table_as_it_is() -> None:
    """Where it has not: put in its place what coverage_markdown() returns."""
    text = (Path(mediasim.__file__).parent / "docs/reference/coverage.md").read_text("utf-8")
    assert text.endswith(f"\n\n{coverage_markdown()}")


def test_each_entry_is_there_once_and_says_why_it_does_not_act() -> None:
    found = list(entries())
    keys = [(each.kind, each.place, each.name) for each in found]
    assert len(set(keys)) == len(keys) > 1000
    for each in found:
        assert (each.state == "acts") == (each.since in PROFILES) == (not each.why), each
    as_json = coverage_json()
    assert {"of": "Conference", "name": "region", "state": "noted"}.items() <= next(
        each for each in as_json if (each["place"], each["name"]) == ("Conference", "region")
    ).items()


def test_the_list_of_operations_is_that_of_the_description() -> None:
    start = ACCOUNT.replace("{account}", "{AccountSid}")
    described = {
        path.removesuffix(".json").removeprefix(f"{start}/"): tuple(
            method.upper() for method in ("get", "post", "delete") if method in methods
        )
        for path, methods in description()["paths"].items()
        if path.startswith(f"{start}/")
    }
    assert {path: methods for path, methods in described.items() if methods} == DESCRIBED


def test_an_operation_that_is_not_there_is_not_simulated() -> None:
    async def asks(stage: Stage) -> None:
        for each in NOT_THERE:
            method, _, path = each.place.partition(" …/")
            asked = re.sub(r"\{\w+\}", "XX" + "0" * 32, path)
            answer = await stage.ask(method, asked)
            assert (answer["status"], answer["code"]) == (501, 20501), each
            assert answer["message"].startswith("not simulated: "), each
        told = [note for note in stage.notes() if note.startswith("not simulated: ")]
        assert len(told) == len(set(stage.service.not_simulated)) > 30

    played(asks, {})


@pytest.mark.parametrize("suffix", [".wav", ".mp3"])
def test_a_download_has_a_parameter_and_names_any_other(tmp_path: Path, suffix: str) -> None:
    api = Api(tmp_path)
    record = api.service.finished(tmp_path, channels="dual")
    path = f"{api.root}/Recordings/{record.sid}{suffix}"
    both, one = (
        api.ask("GET", path, params=query).content for query in ({}, {"RequestedChannels": "1"})
    )
    assert len(one) < len(both)
    assert not api.service.notifications
    api.ask("GET", path, params={"Download": "true", "RequestedChannels": "2"})
    (note,) = api.service.notifications
    assert note.message_text == "Recording parameters are ignored here: Download"
    assert note.log == "1"
