"""A kind of step, and a kind of expectation, are two things each: a model and what it does.

Here both are added from outside; whatever reads scenarios knows them at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from mediasim.cli import app
from mediasim.documents.diagnostics import ScenarioError
from mediasim.documents.model import Location
from mediasim.documents.values import Name, Text, count
from mediasim.parties.voices.speech import Speaker
from mediasim.sandbox.config import config_schema, parse_config
from mediasim.sandbox.number_plan import PhoneBook
from mediasim.scenario.expectations.checks import CHECKS
from mediasim.scenario.expectations.verdicts import Failed, media_of, place
from mediasim.scenario.model.expect import EXPECTATIONS, RecordingExpectation
from mediasim.scenario.model.load import parse_scenario, scenario_schema
from mediasim.scenario.model.steps import STEPS, Play, Say, ScriptStep
from mediasim.scenario.running.actor import BEHAVIORS, Actor
from mediasim.scenario.running.sounds import check_sounds
from mediasim.seeds import Seeds
from mediasim.twilio.studio import Studio

SCENARIO = """\
name: polite
parties:
  ann: {script: [{say: Hello}, {wait_for: {quiet: 300ms, timeout: 9s}}, hangup]}
  bob: {script: [{repeat: {times: 1, steps: [{greet: Ann}]}}]}
call: {from: ann, to: bob, answer: 0s, recording: dual}
expect:
  - heard: {party: bob, channel: 2, text: hello ann}
  - said: {party: ann, least: 1}
  - said: {party: bob, least: 2}
"""


class Greet(ScriptStep):
    """Greet by name whoever speaks."""

    keyword: ClassVar[str] = "greet"
    stands_for: ClassVar[str] = "name"
    after_ringing: ClassVar[bool] = True

    name: Name
    """Whom."""
    voice: Text | None = None
    """Whose voice."""

    @property
    def listens(self) -> bool:
        return True

    def sounds(self) -> Iterator[tuple[Location, Say | Play]]:
        yield (), Say(text=f"Hello {self.name}", voice=self.voice)


async def greet(actor: Actor, step: Greet, cursor: int) -> int:
    await actor.reach(cursor)
    await actor.line.wait_to_hear(actor.line.tracker.wait_speech)
    for _, sound in step.sounds():
        cursor = actor.speak(sound, actor.ended(cursor))
    return cursor


class ExpectSaid(RecordingExpectation):
    """A party says so many things."""

    keyword: ClassVar[str] = "said"

    party: Name
    """Who."""
    least: Annotated[int, count(1, 9)] = 1
    """How many."""

    def parties_named(self) -> Iterator[tuple[Location, str]]:
        yield ("party",), self.party


def said(run: Any, wanted: ExpectSaid) -> str:
    media = media_of(run, wanted.recording)
    intervals = [it for channel in media.truth.channels for it in channel.intervals]
    found = [it.text for it in intervals if it.party == wanted.party]
    if len(found) < wanted.least:
        raise Failed(f"{len(found)}: {', '.join(found)}", place(media.record))
    return f"{len(found)}: {', '.join(found)}"


@pytest.fixture(autouse=True)
def _new_kinds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEDIASIM_SPEECH", "babble")
    tables: list[tuple[dict[Any, Any], object, object]] = [
        (STEPS, "greet", Greet),
        (BEHAVIORS, Greet, greet),
        (EXPECTATIONS, "said", ExpectSaid),
        (CHECKS, ExpectSaid, said),
    ]
    for table, key, row in tables:
        monkeypatch.setitem(table, key, row)


def test_a_scenario_file_is_run_and_reported_with_them() -> None:
    Path("polite.yaml").write_text(SCENARIO)
    result = CliRunner().invoke(app, ["run", "polite.yaml", "--junit", "results.xml"])
    assert result.exit_code == 1, result.output
    assert "said" in result.stdout
    assert "1: Hello Ann" in result.stdout
    (run,) = json.loads(Path("mediasim-out/latest/report.json").read_text())["runs"]
    verdicts = [(it["check"], it["wanted"], it["ok"], it["found"]) for it in run["expectations"]]
    assert verdicts[1:] == [
        ("said", "party ann, least 1", True, "1: Hello"),
        ("said", "party bob, least 2", False, "1: Hello Ann"),
    ]
    assert verdicts[0][2], "bob heard ann, and greeted her"
    (failure,) = ElementTree.parse("results.xml").iter("failure")
    assert "1: Hello Ann" in (failure.get("message") or "")
    assert "1: Hello Ann" in Path("mediasim-out/latest/report.html").read_text()


def test_what_is_wrong_with_them_is_told_with_its_place() -> None:
    with pytest.raises(ScenarioError, match=r"script\[0\].*expected a name"):
        parse_scenario(SCENARIO.replace("greet: Ann", "greet: 'A n'"))
    with pytest.raises(ScenarioError, match=r"expect\[1\].*unknown party 'anne'"):
        parse_scenario(SCENARIO.replace("said: {party: ann,", "said: {party: anne,"))
    with pytest.raises(ScenarioError, match=r"did you mean 'greet'"):
        parse_scenario(SCENARIO.replace("greet:", "great:"))
    scenario = parse_scenario(SCENARIO.replace("greet: Ann", "greet: {name: Ann, voice: nobody}"))
    with pytest.raises(ScenarioError, match=r"greet.*nobody"):
        check_sounds([scenario])
    with pytest.raises(ScenarioError, match="cannot run beside other talk"):
        parse_scenario(SCENARIO.replace("greet: Ann", "together: [[{greet: Ann}]]"))


def test_a_sandbox_plan_has_them_too() -> None:
    config = parse_config("parties: {bob: {script: [{greet: Ann}]}}", base=Path())
    speaker = Speaker()
    phones = PhoneBook(config, Seeds(1), speaker, Studio(speaker))
    assert phones.phone("client:bob").listens
    with pytest.raises(ScenarioError, match="nobody"):
        parse_config("parties: {bob: {script: [{greet: {name: Ann, voice: nobody}}]}}", base=Path())


def test_editors_know_them() -> None:
    for schema in (scenario_schema(), config_schema()):
        forms = schema["$defs"]["step"]["anyOf"]
        assert any("greet" in form.get("properties", ()) for form in forms)
        written = schema["$defs"]["Greet"]["anyOf"][-1]["properties"]
        assert written["voice"]["description"] == "Whose voice."
    forms = scenario_schema()["$defs"]["check"]["anyOf"]
    assert any("said" in form.get("properties", ()) for form in forms)
