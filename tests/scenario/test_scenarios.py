"""The shipped scenarios: each holds what it expects, and together they show all there is.

What there is, the models say: a key or a choice that is added to them has to be shown too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest

from mediasim.documents.model import Model
from mediasim.net.network import Impairments, Network
from mediasim.recogniser.spec import RecogniserSpec
from mediasim.scenario.model.app import App
from mediasim.scenario.model.expect import ExpectDownload, ExpectStatus
from mediasim.scenario.model.load import load_scenarios
from mediasim.scenario.model.party import EndpointSpec
from mediasim.scenario.model.scenario import Scenario
from mediasim.scenario.running.runs import run_one

FOLDER = Path(__file__).parents[2] / "scenarios"
FILES = sorted((*FOLDER.glob("*.yaml"), *FOLDER.glob("bots/*.yaml")))
SCENARIOS = load_scenarios(FILES)

IN_REAL_TIME = load_scenarios(sorted(FOLDER.glob("endpoints/*.yaml")))
NOT_SHOWN = {
    (ExpectStatus, "is_", "failed"),
    (App, "url", None),
    (RecogniserSpec, "real_audio", None),
    (RecogniserSpec, "real_audio", "ignore"),
    (RecogniserSpec, "real_audio", "transcribe"),
    (EndpointSpec, "sdp", None),
    (EndpointSpec, "rtcp_mux", None),
    (EndpointSpec, "rtcp_mux", True),
    (EndpointSpec, "rtcp_mux", False),
    (EndpointSpec, "payload_type", None),
    (EndpointSpec, "dtmf", None),
}
"""No telephone network fails here, so no call does; and nothing of ours runs elsewhere."""


def run_id(scenario: Scenario) -> str:
    return f"{scenario.name}[{scenario.label}]" if scenario.label else scenario.name


def failures(scenario: Scenario, directory: Path) -> list[str]:
    report = run_one(scenario, directory, None, realtime=False)
    assert report.error is None, f"{report.error}; repeat: {report.repeat}"
    assert report.expectations
    return [
        f"{it.check}: wanted {it.wanted}, found {it.found}, at {it.where}"
        for it in report.expectations
        if not it.ok
    ]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=run_id)
def test_every_expectation_holds(scenario: Scenario, tmp_path: Path) -> None:
    assert failures(scenario, tmp_path) == []


@pytest.mark.parametrize("name", ["support-call", "mute-and-hold", "voicemail"])
def test_it_holds_with_real_voices_too(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MEDIASIM_SPEECH")
    (scenario,) = (it for it in SCENARIOS if it.name == name)
    assert failures(scenario, tmp_path) == []


@pytest.mark.parametrize("file", FILES, ids=lambda it: it.stem)
def test_each_opens_with_what_it_teaches(file: Path) -> None:
    lines = file.read_text("utf-8").splitlines()
    assert len(list(takewhile(lambda line: line.startswith("#"), lines))) >= 2
    assert max(map(len, lines)) <= 115
    assert len(lines) <= 80
    assert file.stem == file.stem.lower().replace("_", "-")


def test_there_is_a_dozen_of_them() -> None:
    assert len(FILES) >= 14


# -- all there is ---------------------------------------------------------------------------

Choice = tuple[type[Model], str, object]
"""A model, one of its keys, and a value of it; None for any that is not its default."""


def parts(value: object) -> Iterator[Model]:
    """All parts of a scenario."""
    if isinstance(value, Model):
        yield value
        for name in type(value).model_fields:
            yield from parts(getattr(value, name))
    elif isinstance(value, Mapping):
        for held in value.values():
            yield from parts(held)
    elif isinstance(value, tuple | list):
        for held in value:
            yield from parts(held)


def inside(annotation: Any) -> Iterator[Any]:
    """All that a type is made of."""
    yield annotation
    if get_origin(annotation) is not Literal:
        for argument in get_args(annotation):
            yield from inside(argument)


def models(found: dict[type[Model], None], model: type[Model]) -> dict[type[Model], None]:
    """A model and all that it is made of."""
    if model not in found:
        found[model] = None
        for field in model.model_fields.values():
            for kind in inside(field.annotation):
                if isinstance(kind, type) and issubclass(kind, Model):
                    models(found, kind)
    return found


def all_choices() -> set[Choice]:
    choices: set[Choice] = set()
    for model in models({}, Scenario):
        for name, field in model.model_fields.items():
            if name in model.plurals or (model is Network and name in Impairments.model_fields):
                continue  # written and shown elsewhere
            words = [
                word
                for kind in inside(field.annotation)
                if get_origin(kind) is Literal
                for word in get_args(kind)
            ]
            if field.annotation is bool:
                words = [True, False]
            choices |= {(model, name, word) for word in words or [None]}
    return choices - NOT_SHOWN


def shown_choices() -> set[Choice]:
    shown: set[Choice] = set()
    for scenario in (*SCENARIOS, *IN_REAL_TIME):
        for part in parts(scenario):
            model = type(part)
            for name, field in model.model_fields.items():
                value = getattr(part, name)
                for of in (model, Impairments) if model is Network else (model,):
                    if isinstance(value, str | bool):
                        shown.add((of, name, value))
                    if value != field.get_default(call_default_factory=True):
                        shown.add((of, name, None))
    return shown


def test_together_they_show_every_key_and_every_choice() -> None:
    missing = [
        f"{model.__name__}.{name}" + ("" if value is None else f": {value}")
        for model, name, value in all_choices() - shown_choices()
    ]
    assert sorted(missing) == []


def test_they_ask_for_every_kind_of_download() -> None:
    downloads = [it for one in SCENARIOS for it in one.expect if isinstance(it, ExpectDownload)]
    answers: dict[int | None, set[int]] = defaultdict(set)
    for download in downloads:
        answers[download.requested_channels].add(download.status)
    assert answers == {None: {200}, 1: {200}, 2: {200, 400, 404}, 3: {400}}


def test_one_of_them_is_a_matrix() -> None:
    assert any(len(scenario.variant) == 2 for scenario in SCENARIOS)
