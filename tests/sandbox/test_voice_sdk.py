"""Twilio's own browser SDK, unchanged, in a real browser: it is a softphone of the sandbox."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from node_packages import node_packages
from serving import App, Sandbox, app, as_it_was, eventually, serving

pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
from softphones import (
    CHROMIUM,
    PATIENCE_S,
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
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.realtime,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on the path"),
]

BOB, EVA = "+14155550102", "+14155550103"
PLAN = """
parties:
  bob: {{number: "{bob}", script: [{{play: {bob_wav}}}, {{pause: 30s}}], answer: {{after: 0.2s}}}}
  eva:
    number: "{eva}"
    early_media: [{{play: {bob_wav}}}]
    script: [{{pause: 30s}}]
    answer: {{after: 1.5s}}
"""
PAGE = """
window.log = [];
const audio = {echoCancellation: false, noiseSuppression: false, autoGainControl: false};
const rtcConstraints = {audio};
window.begin = async (token, options) => {
  const device = window.device = new Twilio.Device(token, options);
  for (const name of ['registered', 'unregistered', 'error', 'tokenWillExpire'])
    device.on(name, (it) => log.push([name, it && it.code]));
  device.on('incoming', (call) => {
    window.call = call;
    watch(call);
    log.push(['incoming', null]);
  });
  await device.register();
  return device.identity;
};
window.pickUp = () => call.accept({rtcConstraints});
window.heard = async () => {
  const reports = [...(await call._mediaHandler.version.pc.getStats()).values()];
  return reports.find((it) => it.type == 'inbound-rtp')?.totalAudioEnergy || 0;
};
window.path = async () => {
  const reports = [...(await call._mediaHandler.version.pc.getStats()).values()];
  const transport = reports.find((it) => it.type == 'transport');
  const pair = reports.find((it) => it.id == transport?.selectedCandidatePairId);
  return reports.find((it) => it.id == pair?.remoteCandidateId)?.port;
};
window.watch = (call) => {
  for (const name of ['ringing', 'accept', 'disconnect', 'cancel', 'reject', 'error',
                      'reconnecting', 'reconnected', 'messageSent', 'messageReceived'])
    call.on(name, (it) => log.push([name, it && (it.code || it.content) || null]));
};
window.dial = async (params) => {
  window.call = await device.connect({params, rtcConstraints});
  watch(call);
};
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("voice-sdk")
    write_wav(found / "microphone.wav", babble(1, 6.0, 48_000), 48_000)
    write_wav(found / "bob.wav", babble(2, 8.0), 8000)
    return found


@pytest.fixture(scope="module")
def stage(folder: Path) -> Iterator[tuple[Sandbox, App]]:
    with app(voice=f'<Dial record="record-from-answer-dual">{BOB}</Dial>') as user_app:
        plan = folder / "plan.yaml"
        plan.write_text(PLAN.format(bob=BOB, eva=EVA, bob_wav=folder / "bob.wav"))
        with serving("--in-memory", "--config", str(plan), "--proxy") as sandbox:
            yield sandbox, user_app


@pytest.fixture
def sandbox(stage: tuple[Sandbox, App]) -> Sandbox:
    return stage[0]


@pytest.fixture
def user_app(stage: tuple[Sandbox, App]) -> Iterator[App]:
    with as_it_was(stage[1]) as found:
        yield found


@pytest.fixture(scope="module")
def browser(folder: Path, stage: tuple[Sandbox, App]) -> Iterator[Telephones]:
    proxy = stage[0].control("GET", "/env")["HTTPS_PROXY"]
    options = {"ignore_https_errors": True, "proxy": {"server": proxy}}
    with telephones(folder / "microphone.wav", **options) as found:
        yield found


class Device:
    """A page with the SDK, and what its Device and its call have emitted."""

    def __init__(self, browser: Telephones) -> None:
        self.page: Page = browser.new_page()
        self.page.route("http://localhost/", lambda it: it.fulfill(body="<html></html>"))
        self.page.goto("http://localhost/")
        sdk = node_packages("@twilio/voice-sdk@2.18.5") / "@twilio" / "voice-sdk"
        self.page.add_script_tag(path=sdk / "dist" / "twilio.min.js")
        self.page.add_script_tag(content=PAGE)

    def begin(self, token: str, **options: Any) -> None:
        chosen = {"codecPreferences": ["opus", "pcmu"], "logLevel": "silent", **options}
        self.page.evaluate("([token, options]) => begin(token, options)", [token, chosen])

    def dial(self, **params: str) -> None:
        self.page.evaluate("dial", params)

    def call(self, method: str, *arguments: object) -> Any:
        return self.page.evaluate(f"(given) => call.{method}(...given)", list(arguments))

    def has(self, name: str) -> Any:
        """The last of an event, once there is one."""

        def last() -> Any:
            events = self.page.evaluate("log")
            return next((each for each in reversed(events) if each[0] == name), None)

        return self.eventually(last)

    def eventually(self, found: Callable[[], Any]) -> Any:
        until = time.monotonic() + PATIENCE_S
        while not (it := found()):
            assert time.monotonic() < until, f"it never came: {self.page.evaluate('log')}"
            self.page.wait_for_timeout(20)
        return it


def token_of(
    sandbox: Sandbox, user_app: App, identity: str, *, outgoing: bool = True, **options: Any
) -> str:
    """A token as an app makes it with the official library."""
    key = sandbox.rest("POST", "/Keys.json", FriendlyName="browser")
    application = sandbox.rest(
        "POST", "/Applications.json", FriendlyName="shop", VoiceUrl=f"{user_app.url}/voice"
    )
    token = AccessToken(
        sandbox.env["TWILIO_ACCOUNT_SID"], key["sid"], key["secret"], identity=identity, **options
    )
    called = application["sid"] if outgoing else None
    token.add_grant(VoiceGrant(incoming_allow=True, outgoing_application_sid=called))
    return str(token.to_jwt())


def recording(sandbox: Sandbox, call_sid: str) -> Any:
    """The samples of a call's recording, a column for each channel, once it is completed."""

    def completed() -> Any:
        found = sandbox.rest("GET", f"/Recordings.json?CallSid={call_sid}")["recordings"]
        return found[0]["sid"] if found and found[0]["status"] == "completed" else None

    return read_wav(
        sandbox.download(f"/Recordings/{eventually(completed)}.wav?RequestedChannels=2")
    )


def is_said_by_the_browser(part: Any) -> float:
    """How well a part of a channel is found in what the microphone gives over and over.

    In pieces, the best of which counts: a browser without time for its audio leaves gaps.
    """
    spoken = np.tile(babble(1, 6.0, 48_000)[::6], 2)
    pieces = (part[at : at + 3000] for at in range(0, len(part) - 2999, 1500))
    return max(found_at(piece, spoken)[0] for piece in pieces)


def test_it_calls_presses_keys_and_is_found_in_its_channel(
    sandbox: Sandbox, user_app: App, browser: Telephones
) -> None:
    user_app.documents["/voice"] = (
        '<Response><Gather numDigits="2" timeout="9" action="/menu"/></Response>'
    )
    user_app.documents["/menu"] = (
        f'<Response><Dial record="record-from-answer-dual">{BOB}</Dial></Response>'
    )
    device = Device(browser)
    device.begin(token_of(sandbox, user_app, "alice"))
    device.dial(To=BOB, order="7 & 8")
    device.has("accept")
    device.call("sendDigits", "42")
    device.eventually(lambda: user_app.of("/menu"))
    device.page.wait_for_timeout(2500)
    sid = device.page.evaluate("call.parameters.CallSid")
    device.call("disconnect")
    device.has("disconnect")
    [asked] = user_app.of("/voice")
    assert asked["CallSid"] == sid
    assert (asked["From"], asked["To"], asked["order"]) == ("client:alice", BOB, "7 & 8")
    assert user_app.of("/menu")[0]["Digits"] == "42"
    caller, dialled = recording(sandbox, sid).T
    assert is_said_by_the_browser(caller[4000:12_000]) > 0.8
    assert is_said_by_the_browser(dialled[4000:12_000]) < 0.4
    assert found_at(babble(2, 8.0)[:12_000], dialled)[0] > 0.95
    device.page.close()


def test_it_is_called_on_each_device_and_answers_or_rejects(
    sandbox: Sandbox, user_app: App, browser: Telephones
) -> None:
    user_app.documents["/voice"] = (
        '<Response><Dial record="record-from-answer-dual" action="/after"><Client>'
        '<Identity>dora</Identity><Parameter name="order" value="7 &amp; 8"/>'
        "</Client></Dial></Response>"
    )
    devices = [Device(browser), Device(browser)]
    for device in devices:
        device.begin(token_of(sandbox, user_app, "dora"))
    app_sid = sandbox.rest("GET", "/Applications.json")["applications"][0]["sid"]
    number = sandbox.rest(
        "POST",
        "/IncomingPhoneNumbers.json",
        PhoneNumber="+14155550100",
        VoiceApplicationSid=app_sid,
    )["phone_number"]

    sandbox.control("POST", "/calls", {"to": number, "from": "bob"})
    for device in devices:
        device.has("incoming")
    first, second = devices
    assert first.page.evaluate("call.parameters.From") == BOB
    assert first.page.evaluate("call.customParameters.get('order')") == "7 & 8"
    first.page.evaluate("pickUp()")
    first.has("accept")
    second.has("cancel")
    first.page.wait_for_timeout(2500)
    first.call("disconnect")
    first.eventually(lambda: user_app.of("/after"))
    assert user_app.of("/after")[0]["DialCallStatus"] == "completed"
    parent = user_app.of("/after")[0]["CallSid"]
    caller, client = recording(sandbox, parent).T
    assert is_said_by_the_browser(client[4000:12_000]) > 0.8
    assert found_at(babble(2, 8.0)[:12_000], caller)[0] > 0.95

    second.page.close()  # who is rejected by all is told so
    first.page.evaluate("log.length = 0")
    user_app.asked.clear()
    sandbox.control("POST", "/calls", {"to": number, "from": "bob"})
    first.has("incoming")
    first.call("reject")
    first.eventually(lambda: user_app.of("/after"))
    assert user_app.of("/after")[0]["DialCallStatus"] == "busy"

    first.page.evaluate("device.unregister()")
    first.has("unregistered")
    user_app.asked.clear()
    sandbox.control("POST", "/calls", {"to": number, "from": "bob"})
    first.eventually(lambda: user_app.of("/after"))
    assert user_app.of("/after")[0]["DialCallStatus"] == "no-answer"
    first.page.close()


def test_a_call_survives_its_websocket_and_its_path_and_hears_early_media(
    sandbox: Sandbox, user_app: App, browser: Telephones
) -> None:
    user_app.documents["/voice"] = (
        f'<Response><Dial answerOnBridge="true" record="record-from-answer-dual">{EVA}</Dial>'
        "</Response>"
    )
    device = Device(browser)
    port = sandbox.control("GET", "/env")["HTTPS_PROXY"].rpartition(":")[2]
    device.begin(token_of(sandbox, user_app, "rosa"), chunderw=f"localhost:{port}")
    device.dial(To=EVA)
    device.has("ringing")
    device.eventually(lambda: device.page.evaluate("heard()") > 0.001)
    assert not [each for each in device.page.evaluate("log") if each[0] == "accept"]
    device.has("accept")
    sid = device.page.evaluate("call.parameters.CallSid")

    device.page.evaluate("device._stream.transport._socket.close()")
    device.has("reconnecting")
    device.has("reconnected")
    before = device.page.evaluate("path()")
    device.page.evaluate("call._mediaHandler.iceRestart()")
    device.eventually(lambda: device.page.evaluate("path()") not in (before, None))
    told = f"{user_app.url}/told"
    made = sandbox.rest("POST", f"/Calls/{sid}/UserDefinedMessageSubscriptions.json", Callback=told)
    assert made["sid"].startswith("ZY"), made
    device.call("sendMessage", {"content": {"order": 7}, "messageType": "user-defined-message"})
    device.has("messageSent")
    [body] = device.eventually(
        lambda: [list(form) for path, form in user_app.asked if path.startswith("/told?body")]
    )
    assert json.loads(json.loads(body[0])["Content"]) == {"order": 7}
    sandbox.rest("POST", f"/Calls/{sid}/UserDefinedMessages.json", Content='{"state": "packed"}')
    assert device.has("messageReceived")[1] == {"state": "packed"}
    device.page.wait_for_timeout(1500)
    assert sandbox.rest("GET", f"/Calls/{sid}.json")["status"] == "in-progress"
    device.call("disconnect")
    caller, _ = recording(sandbox, sid).T
    assert is_said_by_the_browser(caller[-8000:-3200]) > 0.8  # on the new path
    device.page.close()


def test_tokens_are_judged_and_errors_have_the_sdks_codes(
    sandbox: Sandbox, user_app: App, browser: Telephones
) -> None:
    device = Device(browser)
    wrong = token_of(sandbox, user_app, "tom")[:-4] + "AAAA"
    options = {"logLevel": "silent", "enableImprovedSignalingErrorPrecision": True}
    device.page.evaluate("([token, options]) => { begin(token, options); }", [wrong, options])
    assert device.has("error")[1] == 20101  # AccessTokenInvalid
    expired = token_of(sandbox, user_app, "tom", ttl=-100)
    device.page.evaluate("(token) => { device.updateToken(token); log.length = 0; }", expired)
    assert device.has("error")[1] == 20104  # AccessTokenExpired
    device.page.evaluate("(token) => { device.updateToken(token); }", token_of(
        sandbox, user_app, "tom", outgoing=False, ttl=4
    ))  # fmt: skip
    device.has("registered")
    device.has("tokenWillExpire")
    device.page.evaluate("log.length = 0")
    device.dial(To=BOB)
    assert device.has("error")[1] == 31201
    device.has("disconnect")
    assert device.eventually(
        lambda: [each for each in device.page.evaluate("log") if each == ["error", 20104]]
    )
    device.page.close()
