"""The softphone in a real browser: its microphone is found where it belongs in recordings."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from serving import App, Sandbox, app, as_it_was, eventually, serving

pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
from playwright.sync_api import expect
from softphones import (
    CHROMIUM,
    Telephones,
    babble,
    found_at,
    read_wav,
    telephones,
    write_wav,
)
from twilio.jwt.access_token import AccessToken
from twilio.jwt.access_token.grants import VoiceGrant

if TYPE_CHECKING:
    from playwright.sync_api import Page, WebSocketRoute

pytestmark = [
    pytest.mark.realtime,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on the path"),
]

NUMBER = "+14155550100"
BOB = "+14155550102"
PLAN = """
numbers:
  {number}: {{voice_url: "{url}/voice"}}
parties:
  bob: {{number: "{bob}", script: [{{play: {bob_wav}}}, {{pause: 30s}}], answer: {{after: 0.2s}}}}
  carol: {{number: "+14155550103", script: [{{pause: 2s}}, hangup]}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("softphone")
    write_wav(found / "microphone.wav", babble(1, 6.0, 48_000), 48_000)
    write_wav(found / "bob.wav", babble(2, 8.0), 8000)
    return found


@pytest.fixture(scope="module")
def stage(folder: Path) -> Iterator[tuple[Sandbox, App]]:
    with app(voice=f'<Dial record="record-from-answer-dual">{BOB}</Dial>') as user_app:
        plan = folder / "plan.yaml"
        plan.write_text(
            PLAN.format(number=NUMBER, bob=BOB, url=user_app.url, bob_wav=folder / "bob.wav")
        )
        with serving("--in-memory", "--config", str(plan)) as sandbox:
            yield sandbox, user_app


@pytest.fixture
def sandbox(stage: tuple[Sandbox, App]) -> Sandbox:
    return stage[0]


@pytest.fixture
def user_app(stage: tuple[Sandbox, App]) -> Iterator[App]:
    with as_it_was(stage[1]) as found:
        yield found


@pytest.fixture(scope="module")
def browser(folder: Path) -> Iterator[Telephones]:
    with telephones(folder / "microphone.wav") as found:
        yield found


def call(page: Page, to: str) -> None:
    page.get_by_label("Whom to call").fill(to)
    page.get_by_role("button", name="Call", exact=True).click()


def in_progress(page: Page) -> None:
    expect(page.locator("#call .state")).to_have_text("in progress")


def sounds(page: Page, name: str) -> None:
    """The meter of that name shows something."""
    meter = page.get_by_role("meter", name=name)
    expect(meter).to_have_attribute("aria-valuenow", re.compile(r"^-?[0-4]?\d$"))


def ends(sandbox: Sandbox, sid: str, status: str) -> None:
    """A call is over soon, and that way."""
    eventually(lambda: sandbox.rest("GET", f"/Calls/{sid}.json")["status"] == status)


def recording(sandbox: Sandbox) -> Any:
    """The newest, once it is there."""

    def newest() -> Any:
        found = sandbox.rest("GET", "/Recordings.json")["recordings"]
        return found[0] if found and found[0]["status"] == "completed" else None

    return eventually(newest)


def media(sandbox: Sandbox, sid: str) -> bytes:
    account, token = sandbox.env["TWILIO_ACCOUNT_SID"], sandbox.env["TWILIO_AUTH_TOKEN"]
    url = f"{sandbox.url}/2010-04-01/Accounts/{account}/Recordings/{sid}.wav?RequestedChannels=2"
    credentials = b64encode(f"{account}:{token}".encode()).decode()
    request = Request(url, headers={"Authorization": f"Basic {credentials}"})
    with build_opener(ProxyHandler({})).open(request, timeout=10) as answer:
        data: bytes = answer.read()
    return data


@pytest.mark.parametrize("codec", ["opus", "PCMU"])
def test_what_is_said_into_the_browser_is_in_its_channel_of_the_recording(
    sandbox: Sandbox, user_app: App, browser: Telephones, codec: str
) -> None:
    page = browser.open(sandbox.url, "alice", codec=codec)
    call(page, NUMBER)
    in_progress(page)
    page.wait_for_timeout(3500)
    sounds(page, "You")
    sounds(page, "They")
    page.get_by_role("button", name="Hang up").click()
    expect(page.locator("#log li").first).to_contain_text(re.compile(r"hung up, 0:\d\d"))
    page.close()

    found = recording(sandbox)
    assert found["channels"] == 2
    caller, dialled = read_wav(media(sandbox, found["sid"])).T
    spoken, bobs = babble(1, 6.0, 48_000)[::6], babble(2, 8.0)
    ours = max(
        found_at(spoken[start : start + 8000], caller)[0] for start in range(0, 32_001, 8000)
    )
    assert ours > 0.8
    assert found_at(spoken[:8000], dialled)[0] < 0.4
    score, at = found_at(bobs[:16_000], dialled)
    assert score > 0.95
    assert at < 4000
    assert found_at(bobs[:8000], caller)[0] < 0.4
    [asked] = user_app.of("/voice")
    assert asked["From"] == "client:alice"
    assert asked["To"] == NUMBER
    assert asked["Direction"] == "inbound"


def test_a_call_that_comes_in_is_answered_by_a_click(
    sandbox: Sandbox, user_app: App, browser: Telephones
) -> None:
    user_app.documents["/voice"] = (
        "<Response><Dial action='/after'><Client>dora</Client></Dial></Response>"
    )
    first, second = browser.open(sandbox.url, "dora"), browser.open(sandbox.url, "dora")
    sandbox.control("POST", "/calls", {"to": NUMBER, "from": "bob"})
    banner = first.get_by_role("alertdialog")
    expect(banner).to_contain_text(BOB)
    expect(second.get_by_role("alertdialog")).to_be_visible()
    banner.get_by_role("button", name="Answer").click()
    in_progress(first)
    expect(second.get_by_role("alertdialog")).to_have_count(0)
    expect(second.locator("#log li").first).to_contain_text("answered by another page")
    first.bring_to_front()  # nothing is painted elsewhere
    sounds(first, "They")
    first.get_by_role("button", name="Hang up").click()
    expect(first.locator("#call")).to_be_hidden()
    [after] = eventually(lambda: user_app.of("/after"))
    assert after["DialCallStatus"] == "completed"
    first.close()
    second.close()


def test_a_name_may_be_typed_before_the_sandbox_answers(
    sandbox: Sandbox, browser: Telephones
) -> None:
    waiting: list[WebSocketRoute] = []
    page = browser.visit(sandbox.url, socket=lambda it: waiting.append(it))
    page.get_by_label("Be the client").fill("gina")
    register = page.get_by_role("button", name="Register")
    expect(register).to_be_disabled()
    while not waiting:
        page.wait_for_timeout(10)
    waiting[0].connect_to_server()
    register.click()
    expect(page.locator("#who")).to_contain_text("client:gina")
    page.close()


def test_keys_reach_gather(sandbox: Sandbox, user_app: App, browser: Telephones) -> None:
    user_app.documents["/voice"] = (
        '<Response><Gather numDigits="3" action="/menu" timeout="5"/></Response>'
    )
    user_app.documents["/menu"] = "<Response/>"
    page = browser.open(sandbox.url, "alice")
    call(page, NUMBER)
    in_progress(page)
    for key in "4*":
        page.locator("#pad").get_by_role("button", name=key, exact=True).click()
    page.locator("body").press("2")
    expect(page.get_by_label("Keys pressed")).to_have_text("4*2")
    expect(page.locator("#call")).to_be_hidden()  # the document has come to its end
    [asked] = user_app.of("/menu")
    assert asked["Digits"] == "4*2"
    assert any('"invite"' in text for text in browser.signals)
    assert not any('"press"' in text for text in browser.signals)  # they came as RTP events
    page.close()


def test_calls_made_by_the_app_are_rejected_missed_and_canceled(
    sandbox: Sandbox, browser: Telephones
) -> None:
    def dialled(seconds: str = "20") -> str:
        sid: str = sandbox.rest(
            "POST",
            "/Calls.json",
            To="client:erin",
            From=NUMBER,
            Twiml="<Response/>",
            Timeout=seconds,
        )["sid"]
        return sid

    page = browser.open(sandbox.url, "erin")
    sid = dialled()
    page.get_by_role("button", name="Reject").click()
    ends(sandbox, sid, "busy")
    ends(sandbox, dialled("1"), "no-answer")
    expect(page.get_by_role("alertdialog")).to_have_count(0)
    sid = dialled()
    expect(page.get_by_role("alertdialog")).to_be_visible()
    sandbox.rest("POST", f"/Calls/{sid}.json", Status="canceled")
    expect(page.get_by_role("alertdialog")).to_have_count(0)
    ends(sandbox, sid, "canceled")
    page.close()
    ends(sandbox, dialled("120"), "no-answer")  # at once: nobody is registered


def test_a_call_with_a_token_runs_its_application(
    sandbox: Sandbox, user_app: App, browser: Telephones
) -> None:
    user_app.documents["/app"] = f"<Response><Dial>{BOB}</Dial></Response>"
    application = sandbox.rest(
        "POST", "/Applications.json", FriendlyName="sales", VoiceUrl=f"{user_app.url}/app"
    )["sid"]
    key = sandbox.rest("POST", "/Keys.json", FriendlyName="page")
    token = AccessToken(
        sandbox.env["TWILIO_ACCOUNT_SID"], key["sid"], key["secret"], identity="fred"
    )
    token.add_grant(VoiceGrant(outgoing_application_sid=application))
    page = browser.open(sandbox.url)
    page.get_by_text("With an access token").click()
    page.get_by_label("Access token").fill(token.to_jwt())
    page.get_by_role("button", name="Register").click()
    expect(page.locator("#who")).to_contain_text("takes no calls")
    expect(page.locator("#who")).to_contain_text(application)
    call(page, "the shop")
    in_progress(page)
    [asked] = user_app.of("/app")
    assert (asked["From"], asked["To"], asked["CallStatus"]) == (
        "client:fred",
        "the shop",
        "ringing",
    )
    page.get_by_role("button", name="Hang up").click()
    page.close()


def test_a_party_of_the_plan_is_called_by_name_and_held(
    sandbox: Sandbox, browser: Telephones
) -> None:
    page = browser.open(sandbox.url, "alice")
    call(page, "bob")
    in_progress(page)
    sounds(page, "They")
    page.locator("body").press("m")
    expect(page.get_by_role("button", name="Mute")).to_have_attribute("aria-pressed", "true")
    page.locator("body").press("h")
    expect(page.locator("#call .state")).to_have_text("on hold")
    meter = page.get_by_role("meter", name="They")
    expect(meter).to_have_attribute("aria-valuenow", "-60")
    page.locator("body").press("h")
    sounds(page, "They")
    [made] = [
        each["sid"]
        for each in sandbox.rest("GET", "/Calls.json")["calls"]
        if each["to"] == "client:bob" and each["direction"] == "inbound"
    ]
    page.close()  # which hangs up
    ends(sandbox, made, "completed")
    kinds = [each["kind"] for each in sandbox.control("GET", "/events")["events"]]
    assert [kind for kind in kinds if kind in ("call.muted", "call.held", "call.resumed")] == [
        "call.muted",
        "call.held",
        "call.resumed",
    ]
    assert sandbox.control("GET", f"/inspector/calls/{made}")


def test_a_virtual_clock_is_no_place_for_a_softphone(browser: Telephones) -> None:
    with serving("--in-memory", "--clock", "virtual") as sandbox:
        page = browser.open(sandbox.url)
        expect(page.get_by_role("alert")).to_contain_text("real time")
        expect(page.get_by_role("alert")).to_contain_text("--clock real")
        expect(page.get_by_role("button", name="Call", exact=True)).to_be_disabled()
        expect(page.get_by_role("button", name="Register")).to_be_disabled()
        page.close()
