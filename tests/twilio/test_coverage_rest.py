"""Nothing in silence: each parameter of the REST API changes something, or a warning names it.

A row says which it does (:class:`mediasim.twilio.rest.resource.Operation`); here each is tried.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from account_stage import APP_NUMBER, BOB
from api_description import description
from coverage_of_rest import SCENES
from coverage_stage import Asked, Stage, played
from coverage_world import BESIDE, FILTERS, SPECIAL, world

from mediasim.exchange.profiles import DEFAULT_PROFILE, PROFILES
from mediasim.twilio.representations import API_VERSION
from mediasim.twilio.rest.paging import PAGING
from mediasim.twilio.rest.resource import ACCOUNT, Operation
from mediasim.twilio.rest.table import RESOURCES

OLDEST = next(iter(PROFILES))
ROWS = [
    (method, path.removeprefix(ACCOUNT).removeprefix("/") if path.startswith(ACCOUNT) else path, it)
    for each in RESOURCES
    for path, methods in each.paths.items()
    for method, it in methods.items()
]
"""Method, path (an account's without what all of them begin with) and operation."""


def once(names: Iterator[str] | tuple[str, ...]) -> set[str]:
    """The names, of which a numbered one stands for all of its kind."""
    return {re.sub(r"\d+", "1", name) for name in names}


# -- POST --------------------------------------------------------------------------------------


@pytest.mark.parametrize("scene", SCENES, ids=lambda it: f"{it.path}-{'-'.join(it.shows)}")
def test_what_acts_changes_something(scene: Asked) -> None:
    """So it does in the oldest profile too; profiles differ in recordings alone."""
    for profile in (DEFAULT_PROFILE, OLDEST):
        without = played(scene.play, {"Nonsense": "1"}, profile)
        silent = [
            f"{name}={value}: {given.notes}"
            for name, value in scene.shows.items()
            if not (given := played(scene.play, {name: value}, profile)).differs(without)
        ]
        assert not silent, f"nothing changes by these of POST {scene.path} ({profile})"
        if not without.seen["recording"]:
            break


@pytest.mark.parametrize("number", range(0, len(SCENES), 12))
def test_what_twilio_has_not_changes_nothing(number: int) -> None:
    scene = SCENES[number]
    nonsense = played(scene.play, {"Nonsense": "1"})
    assert not nonsense.differs(played(scene.play, {}))
    named = any(note.endswith("parameters are ignored here: Nonsense") for note in nonsense.notes)
    assert named or "400" in repr(nonsense.seen["answers"]), "it is named unless it is refused"


def test_each_parameter_of_a_form_is_shown_to_act() -> None:
    """Where one is not: a scene of coverage_of_rest in which it acts, or make it noted."""
    shown = {(scene.path, name) for scene in SCENES for name in scene.shows}
    acts = {
        (path, name)
        for method, path, operation in ROWS
        for name in once(operation.parameters)
        if method == "POST"
    }
    assert not (silent := sorted(acts - shown)), f"nothing shows that these act: {silent}"
    assert not (gone := sorted(shown - acts)), f"these are not in the table: {gone}"


# -- GET ---------------------------------------------------------------------------------------


def filled(path: str, sids: dict[str, str], name: str) -> str:
    """A path with the SIDs of what is there."""
    parts = path.split("/")
    for place, part in enumerate(parts):
        if part.startswith("{"):
            around = parts[place - 1]
            below = f"{parts[place - 3]}/{around}" if place >= 3 else around
            end = part[part.index("}") + 1 :]
            found = sids.get(f"{path.rpartition('/')[0]}?{name}") or sids.get(below)
            parts[place] = (found or sids[around]) + end
    return "/".join(parts)


def test_each_parameter_of_a_query_changes_the_answer() -> None:
    wrong: list[str] = []

    async def asks(stage: Stage) -> None:
        sids = await world(stage)
        for method, path, operation in ROWS:
            if method == "GET":
                for name in operation.parameters:
                    if problem := await compare(stage, sids, path, name):
                        wrong.append(f"{path} {name}: {problem}")

    played(asks, {})
    assert not wrong


async def compare(stage: Stage, sids: dict[str, str], path: str, name: str) -> str | None:
    """What is wrong with a parameter of a query; None if it changes the answer."""
    if name not in FILTERS and (path, name) not in SPECIAL:
        return "coverage_world has no value for it"
    value = SPECIAL.get((path, name)) or FILTERS[name]
    country = "PL" if path.startswith("Avail") and not path.endswith(("Local", "TollFree")) else ""
    number = "221234567" if name == "CountryCode" and "PhoneNumbers" in path else ""
    known = {**sids, **({"AvailablePhoneNumbers": country} if country else {})}
    known |= {"PhoneNumbers": number} if number else {}
    url = filled(path, known, name)
    if path.startswith(f"/{API_VERSION}"):
        url = url.removeprefix(f"/{API_VERSION}")
    beside = dict(BESIDE.get(name, {}))
    before = await stage.ask("GET", url, **beside)
    if value == "$TOKEN":
        following = before.get("next_page_uri") or before["meta"]["next_page_url"]
        value = following.rpartition("PageToken=")[2]
    stage.answers.clear()
    await stage.ask("GET", url, **beside, Nonsense="1")
    await stage.ask("GET", url, **beside, **{name: value})
    (_, _, status, without), (_, _, _, given) = stage.answers
    if status != 200 and name not in ("IncludeSoftDeleted", "CountryCode"):
        return f"{url} is answered with {status}"
    return None if given != without else f"{value!r} changes nothing"


# -- what is noted -----------------------------------------------------------------------------


def test_a_warning_names_all_that_is_noted() -> None:
    async def asks(stage: Stage) -> None:
        sids = await world(stage)
        stage.names |= {"$SID": sids["Calls"]}
        for method, path, operation in ROWS:
            noted = dict.fromkeys(operation.noted, "x")
            if noted:
                form = REQUIRED.get(path, {})
                seen = len(stage.notes())
                await stage.ask(method, filled(path, sids, ""), **form, **noted)
                named = " ".join(stage.notes()[seen:])
                missing = [name for name in noted if not re.search(rf"\b{name}\b", named)]
                assert not missing, f"{method} {path}: no warning names {missing}: {named}"

    played(asks, {})


_CALLED = {"To": BOB, "From": APP_NUMBER}
REQUIRED = {
    "/v3/Transcriptions": {
        "transcriptionConfigurationId": f"voice_transcriptionconfiguration_{0:026d}",
        "mediaUrl": "http://127.0.0.1/a.wav",
    },
    "/v2/Services": {"UniqueName": "third"},
    "Calls": {**_CALLED, "Twiml": "<Response/>"},
    "Conferences/{conference}/Participants": _CALLED,
    "IncomingPhoneNumbers": {"PhoneNumber": "+14155550140"},
    "IncomingPhoneNumbers/Local": {"PhoneNumber": "+14155550141"},
    "IncomingPhoneNumbers/Mobile": {"PhoneNumber": "+447700900125"},
    "IncomingPhoneNumbers/TollFree": {"PhoneNumber": "+18005550102"},
    "Messages": {**_CALLED, "Body": "Hi"},
    "OutgoingCallerIds": {"PhoneNumber": "+15550100009"},
    "SIP/Domains": {"DomainName": "third.sip.twilio.com"},
}
"""Parameters without which a request is refused, by path."""


def described(method: str, path: str) -> dict[str, Any] | None:
    """Twilio's description of an operation; None if there is none."""
    whole = f"{ACCOUNT}/{path}" if not path.startswith("/") else path
    pattern = re.sub(r"\\\{\w+\\\}", r"\\{\\w+\\}", re.escape(whole.removesuffix("/")))
    for known, methods in description()["paths"].items():
        if re.fullmatch(pattern.removesuffix(r"\.txt") + r"\.json", known):
            found: dict[str, Any] | None = methods.get(method.lower())
            return found
    return None


@pytest.mark.parametrize(
    ("method", "path", "operation"), [pytest.param(*it, id=f"{it[0]} {it[1]}") for it in ROWS]
)
def test_every_parameter_that_twilio_describes_acts_or_is_noted(
    method: str, path: str, operation: Operation
) -> None:
    assert not set(operation.parameters) & set(operation.noted), "acts and is noted"
    found = described(method, path)
    if found is None:
        assert path.startswith("/v") or path.endswith(".txt")
        return
    names = {each["name"] for each in found.get("parameters", ()) if each["in"] == "query"}
    form = found.get("requestBody", {}).get("content", {}).get("application/x-www-form-urlencoded")
    names |= set(form["schema"]["properties"]) if form else set()
    assert names <= {*operation.parameters, *operation.noted}, "these are taken in silence"
    assert set(operation.noted) <= names, "Twilio has no such parameters"


def test_paging_is_in_every_list() -> None:
    lists = [it for method, _, it in ROWS if method == "GET" and "PageSize" in it.parameters]
    assert all(set(PAGING) <= {*it.parameters, *it.noted} for it in lists)
