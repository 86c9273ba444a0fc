"""The account's rules, seen by Twilio's SDK: numbers, permissions, limits, trials, credentials."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from sdk_refusals import refused
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from mediasim.testing.sandbox import MediasimSandbox
from mediasim.twilio.errors import TwilioError

APP: Final = "+14155550100"
ALICE: Final = "+14155550101"
VERIFIED: Final = "+14155550190"
OTHER: Final = "+14155550177"
HANG_UP: Final = "<Response><Hangup/></Response>"
TALK: Final = "<Response><Pause length='20'/></Response>"


def planned(**account: Any) -> dict[str, Any]:
    return {
        "account": {"caller_ids": [VERIFIED], **account},
        "numbers": {APP: {"twiml": TALK}},
        "parties": {
            "alice": {"number": ALICE, "script": [{"pause": "60s"}]},
            "london": {"number": "+442071838750", "script": ["hangup"]},
        },
    }


def notes(sandbox: MediasimSandbox) -> list[tuple[int, str]]:
    return [(each.error_code, each.log) for each in sandbox.service.notifications]


class TestNumbers:
    @pytest.fixture
    def mediasim_config(self) -> dict[str, Any]:
        return planned()

    def test_the_api_judges_both_numbers(self, mediasim_sandbox: MediasimSandbox) -> None:
        create = mediasim_sandbox.client.calls.create
        for from_ in (APP, VERIFIED, "(415) 555-0100", "14155550100"):
            assert create(to=ALICE, from_=from_, twiml=HANG_UP)._from in (APP, VERIFIED)
        with pytest.raises(TwilioRestException) as told:
            create(to=ALICE, from_=OTHER, twiml=HANG_UP)
        assert told.value.code == 21210
        assert told.value.msg.endswith(
            f"The source phone number provided, {OTHER}, is not yet verified for your account. You"
            " may only make calls from phone numbers that you've verified or purchased from Twilio."
        )
        assert refused(create, to=ALICE, from_="client:me", twiml=HANG_UP) == (400, 21212)
        for invalid in ("+12385550100", "+6935550100", "+442071", "nobody"):
            assert refused(create, to=invalid, from_=APP, twiml=HANG_UP) == (400, 21211)
        # Addresses that are no numbers are called from whatever names itself.
        assert create(to="client:bob", from_="client:me", twiml=HANG_UP).to == "client:bob"
        assert refused(create, to="client:bob", from_=OTHER, twiml=HANG_UP) == (400, 21210)
        assert create(to="sip:a@example.com", from_=OTHER, twiml=HANG_UP)._from == OTHER

    def test_countries_are_those_of_the_plan(self, mediasim_sandbox: MediasimSandbox) -> None:
        client = mediasim_sandbox.client
        create = client.calls.create
        for permitted in ("+442071838751", "+16135550123", "+12025550123"):
            create(to=permitted, from_=APP, twiml=HANG_UP)
        for other in ("+4930901820", "+18765550123", "+19005550123"):  # Jamaica, premium rate
            assert refused(create, to=other, from_=APP, twiml=HANG_UP) == (400, 21215)
        join = client.conferences("room").participants.create
        assert refused(join, to="+4930901820", from_=APP) == (400, 21215)
        assert refused(join, to=ALICE, from_=OTHER) == (400, 21210)
        assert client.conferences.list() == []

    def test_countries_are_switched(self, mediasim_sandbox: MediasimSandbox) -> None:
        client = mediasim_sandbox.client
        client.voice.base_url = mediasim_sandbox.base_url
        permissions = client.voice.v1.dialing_permissions
        create = client.calls.create
        britain = permissions.countries("GB").fetch()
        assert (britain.name, britain.country_codes) == ("United Kingdom", ["+44"])
        assert (britain.low_risk_numbers_enabled, britain.continent) == (True, None)
        every = permissions.countries.list()
        assert len(every) > 200
        assert [each.iso_code for each in permissions.countries.list(country_code="49")] == ["DE"]
        allowed = permissions.countries.list(low_risk_numbers_enabled=True)
        assert [each.iso_code for each in allowed] == ["CA", "GB", "US"]
        update = permissions.bulk_country_updates.create
        germany = {"iso_code": "DE", "low_risk_numbers_enabled": "true"}
        states = {"iso_code": "US", "high_risk_special_numbers_enabled": True}
        assert update(update_request=json.dumps([germany, states])).update_count == 2
        for now_permitted in ("+4930901820", "+19005550123"):
            create(to=now_permitted, from_=APP, twiml=HANG_UP)
        off = {"iso_code": "GB", "low_risk_numbers_enabled": "false"}
        update(update_request=json.dumps([off]))
        # A party of the plan is no less in its country.
        assert refused(create, to="+442071838750", from_=APP, twiml=HANG_UP) == (400, 21215)
        for wrong in ("", "{", "[1]", '[{"iso_code":"XX"}]', '[{"iso_code":"DE","low":"true"}]'):
            assert refused(update, update_request=wrong) == (400, 20001), wrong
        assert refused(permissions.countries("XX").fetch) == (404, 20404)

    def test_the_wait_of_calls_by_the_api(self, mediasim_sandbox: MediasimSandbox) -> None:
        """One call a second is dialled; one that is canceled leaves its turn to the next."""
        client = mediasim_sandbox.client
        told = mediasim_sandbox.app({"/status": ""}, voice=None)
        made = [
            client.calls.create(
                to=ALICE,
                from_=APP,
                twiml=TALK,
                status_callback=f"{told.url}/status",
                status_callback_event=["initiated", "completed"],
            )
            for _ in range(4)
        ]
        assert [each.queue_time for each in made] == ["0", "1000", "2000", "3000"]
        joined = client.conferences("room").participants.create(to=ALICE, from_=APP)
        assert joined.queue_time == "4000"
        assert client.calls(made[1].sid).update(status="canceled").status == "canceled"

        def statuses() -> list[str]:
            found = [client.calls(each.sid).fetch().status for each in made]
            return ["dialled" if each in ("ringing", "in-progress") else each for each in found]

        mediasim_sandbox.advance("500ms")
        assert statuses() == ["dialled", "canceled", "queued", "queued"]
        mediasim_sandbox.advance("1s")
        assert statuses()[2:] == ["dialled", "queued"]
        mediasim_sandbox.advance("1s")
        assert statuses()[2:] == ["dialled", "dialled"]
        mediasim_sandbox.advance("60s")
        told_of = [(each.params["CallSid"], each.params["CallStatus"]) for each in told.asked]
        rings = [sid for sid, status in told_of if status == "initiated"]
        assert rings == [made[0].sid, made[2].sid, made[3].sid]
        assert made[1].sid not in {sid for sid, _ in told_of}


TOO_LONG: Final = "machineDetection='Enable' machineDetectionTimeout='90'"
# What a Dial is told of, and what becomes of its child: "" for a Dial that has none.
DIALS: Final = {
    f"<Dial callerId='{APP}'>{ALICE}</Dial>": ([], "in-progress"),
    f"<Dial callerId='{VERIFIED}'>{ALICE}</Dial>": ([], "in-progress"),
    f"<Dial callerId='+14155550123'>{ALICE}</Dial>": ([], "in-progress"),  # who calls
    f"<Dial>{ALICE}</Dial>": ([], "in-progress"),
    f"<Dial callerId='{OTHER}'>{ALICE}</Dial>": ([(13214, "1")], "failed"),
    f"<Dial callerId='me'>{ALICE}</Dial>": ([(13214, "1")], "failed"),
    "<Dial>+12385550100</Dial>": ([(13224, "0")], "failed"),
    "<Dial>+4930901820</Dial>": ([(13227, "0")], "failed"),
    "<Dial>12</Dial>": ([(13223, "1")], ""),
    "<Dial><Sip>alice</Sip></Dial>": ([(13243, "1")], ""),
    f"<Dial ringTone='xx'>{ALICE}</Dial>": ([(13220, "1")], "in-progress"),
    f"<Dial><Number url='/a'>{ALICE}</Number><Queue>q</Queue></Dial>": ([(13000, "1")], ""),
    "<Dial><Queue/></Dial>": ([(14212, "0")], ""),
    f"<Dial><Number machineDetection='Perhaps'>{ALICE}</Number></Dial>": (
        [(21263, "1")],
        "in-progress",
    ),
    f"<Dial><Number {TOO_LONG}>{ALICE}</Number></Dial>": (
        [(21263, "1")],
        "in-progress",
    ),
}


class TestDial:
    @pytest.fixture
    def mediasim_config(self) -> dict[str, Any]:
        plan = planned()
        for number, dial in enumerate(DIALS):
            twiml = f"<Response>{dial}<Pause length='60'/></Response>"
            plan["numbers"][f"+1415555{number:04}"] = {"twiml": twiml}
        return plan

    def test_it_is_judged_by_the_same_rules(self, mediasim_sandbox: MediasimSandbox) -> None:
        """All at once: each call comes in for a Dial of its own."""
        calls = [mediasim_sandbox.call(to=f"+1415555{n:04}") for n in range(len(DIALS))]
        mediasim_sandbox.advance("5s")
        every = mediasim_sandbox.service.catalogue.calls()
        for call, (dial, (found, status)) in zip(calls, DIALS.items(), strict=True):
            told = [
                each for each in mediasim_sandbox.service.notifications if each.call_sid == call.sid
            ]
            assert [(each.error_code, each.log) for each in told] == found, dial
            children = [each.status for each in every if each.parent_call_sid == call.sid]
            assert children == ([status] if status else []), dial


class TestLimits:
    @pytest.fixture
    def mediasim_config(self) -> dict[str, Any]:
        return planned(calls_per_second=0, concurrent_calls=2, countries=["GB"], strict=False)

    def test_so_many_calls_at_once(self, mediasim_sandbox: MediasimSandbox) -> None:
        create = mediasim_sandbox.client.calls.create
        for _ in range(2):
            assert create(to="client:alice", from_=OTHER, twiml=TALK).queue_time == "0"
        mediasim_sandbox.advance("1s")
        assert refused(create, to="client:alice", from_=APP, twiml=TALK) == (429, 10004)
        assert notes(mediasim_sandbox) == [(10004, "1")]
        mediasim_sandbox.advance("60s")
        create(to="client:alice", from_=APP, twiml=TALK)
        assert refused(create, to=ALICE, from_=APP, twiml=TALK) == (400, 21215)


class TestNothingPlanned:
    @pytest.fixture
    def mediasim_config(self) -> dict[str, Any]:
        return {"parties": {"alice": {"number": ALICE}}}

    def test_everything_is_accepted(self, mediasim_sandbox: MediasimSandbox) -> None:
        create = mediasim_sandbox.client.calls.create
        for to in (ALICE, "+4930901820", "+12385550100"):
            assert create(to=to, from_=OTHER, twiml=HANG_UP).queue_time == "0"


class TestTrial:
    @pytest.fixture
    def mediasim_config(self) -> dict[str, Any]:
        plan = planned(trial=True, calls_per_second=0)
        plan["parties"]["friend"] = {
            "number": VERIFIED,
            "script": [{"pause": "3s"}, {"dtmf": "1"}, {"pause": "700s"}],
        }
        plan["parties"]["quiet"] = {"number": "+14155550191"}
        plan["account"]["caller_ids"].append("+14155550191")
        return plan

    def test_only_verified_numbers(self, mediasim_sandbox: MediasimSandbox) -> None:
        client = mediasim_sandbox.client
        create = client.calls.create
        with pytest.raises(TwilioRestException) as told:
            create(to=ALICE, from_=APP, twiml=HANG_UP)
        assert told.value.code == 21219
        words = f"The number {ALICE} is unverified. Trial accounts may only make calls to"
        assert words in told.value.msg
        assert refused(client.messages.create, to=ALICE, from_=APP, body="Hi") == (400, 21608)
        sent = client.messages.create(to=VERIFIED, from_=APP, body="Hi")
        assert sent.body == "Sent from your Twilio trial account - Hi"
        buy = client.incoming_phone_numbers.create
        assert refused(buy, phone_number="+14155550180") == (400, 10002)
        assert client.api.accounts(mediasim_sandbox.account_sid).fetch().type == "Trial"
        # Anybody may be called to be verified.
        assert client.validation_requests.create(phone_number=ALICE).validation_code

    def test_a_message_before_the_document(self, mediasim_sandbox: MediasimSandbox) -> None:
        say = "<Response><Say>This is the app.</Say><Pause length='900'/></Response>"
        client = mediasim_sandbox.client
        answered = client.calls.create(to=VERIFIED, from_=APP, twiml=say)
        silent = client.calls.create(to="+14155550191", from_=APP, twiml=say)
        call, other = (
            next(each for each in mediasim_sandbox.calls if each.sid == sid)
            for sid in (answered.sid, silent.sid)
        )
        mediasim_sandbox.advance("4s")
        assert call.heard.startswith("You have a trial account.")
        mediasim_sandbox.run_until_idle()
        assert call.heard == "This is the app."
        assert other.heard.endswith("Press any key to execute your code.")
        ended = client.calls(answered.sid).fetch()
        assert (ended.status, ended.duration) == ("completed", "600")
        assert int(client.calls(silent.sid).fetch().duration) < 30
        assert notes(mediasim_sandbox) == [(13805, "1")]

    def test_only_verified_numbers_call_in(self, mediasim_sandbox: MediasimSandbox) -> None:
        with pytest.raises(TwilioError, match="14155550101 is unverified") as told:
            mediasim_sandbox.call("alice", to=APP)
        assert told.value.code == 21219
        call = mediasim_sandbox.call("friend", to=APP)
        mediasim_sandbox.advance("2s")
        assert call.heard.startswith("You have a trial account.")


class TestCredentials:
    @pytest.fixture
    def mediasim_config(self) -> dict[str, Any]:
        return planned(test_auth_token="0123456789abcdef")

    def test_magic_numbers(self, mediasim_sandbox: MediasimSandbox) -> None:
        sid, token = mediasim_sandbox.test_credentials
        client = Client(sid, token)
        client.api.base_url = mediasim_sandbox.base_url
        valid, other = "+15005550006", ALICE
        call = client.calls.create
        for number, code in {
            "+15005550001": 21217,
            "+15005550002": 21214,
            "+15005550003": 21215,
            "+15005550004": 21216,
            "nobody": 21211,
            "+12385550100": 21211,
        }.items():
            assert refused(call, to=number, from_=valid, twiml=HANG_UP) == (400, code), number
        for number, code in {"+15005550001": 21212, APP: 21210}.items():
            assert refused(call, to=other, from_=number, twiml=HANG_UP) == (400, code)
        assert refused(call, to=other, from_=valid) == (400, 21205)
        assert refused(call, to=other, from_=valid, url="ftp://a") == (400, 21205)
        made = call(to=other, from_=valid, twiml=HANG_UP)
        assert (made.status, made.to, made.account_sid) == ("queued", other, sid)

        text = client.messages.create
        for number, code in {
            "+15005550001": 21211,
            "+15005550002": 21612,
            "+15005550003": 21408,
            "+15005550004": 21610,
            "+15005550009": 21614,
        }.items():
            assert refused(text, to=number, from_=valid, body="Hi") == (400, code), number
        for number, code in {
            "+15005550001": 21212,
            "+15005550007": 21606,
            "+15005550008": 21611,
            APP: 21606,
        }.items():
            assert refused(text, to=other, from_=number, body="Hi") == (400, code), number
        assert refused(text, to=other, from_=valid) == (400, 21619)
        sent = text(to=other, from_=valid, body="Hi")
        assert (sent.status, sent.body) == ("queued", "Hi")

        buy = client.incoming_phone_numbers.create
        for number, code in {
            "+15005550000": 21422,
            "+15005550001": 21421,
            "+14155550170": 21422,
            "nothing": 21421,
        }.items():
            assert refused(buy, phone_number=number) == (400, code), number
        for area, code in {"533": 21452, "415": 21452, "1": 21451}.items():
            assert refused(buy, area_code=area) == (400, code), area
        assert buy(phone_number=valid).phone_number == valid
        assert buy(area_code="500").phone_number == valid

        for work in (client.calls.list, client.recordings.list, client.queues.create):
            more = {"friendly_name": "a"} if work == client.queues.create else {}
            assert refused(work, **more) == (403, 20008)
        assert refused(client.calls(made.sid).fetch) == (403, 20008)

        wrong = Client(sid, "x" * 32)
        wrong.api.base_url = mediasim_sandbox.base_url
        assert refused(wrong.calls.create, to=other, from_=valid, twiml=HANG_UP) == (401, 20003)
        live = mediasim_sandbox.client
        theirs = Client(sid, token, live.account_sid)
        theirs.api.base_url = mediasim_sandbox.base_url
        assert refused(theirs.calls.create, to=other, from_=valid, twiml=HANG_UP) == (401, 20003)

        mediasim_sandbox.run_until_idle()
        assert (live.calls.list(), live.messages.list()) == ([], [])
        assert [each.phone_number for each in live.incoming_phone_numbers.list()] == [APP]
        environment = mediasim_sandbox.environment
        assert environment["TWILIO_TEST_ACCOUNT_SID"] == sid
        assert environment["TWILIO_TEST_AUTH_TOKEN"] == token == "0123456789abcdef"
