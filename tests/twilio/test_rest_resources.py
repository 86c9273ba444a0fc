"""Accounts, numbers, applications, keys, queues, notifications, events."""

from __future__ import annotations

from pathlib import Path

import pytest
from rest_stage import APP, SECOND, Api, basic

from mediasim.twilio.resources import MemberRecord
from mediasim.twilio.webhooks.delivery import Attempt, Delivery


@pytest.fixture
def api(tmp_path: Path) -> Api:
    return Api(tmp_path)


# -- accounts -----------------------------------------------------------------------------------


def test_the_account_and_the_list_of_one(api: Api) -> None:
    sid = api.service.account.sid
    assert api.get(f"/2010-04-01/Accounts/{sid}.json")["friendly_name"] == "Test"
    listed = api.get("/2010-04-01/Accounts.json")
    assert [each["sid"] for each in listed["accounts"]] == [sid]
    assert api.get("/2010-04-01/Accounts.json?Status=closed")["accounts"] == []


def test_the_main_account_is_renamed_but_not_closed(api: Api) -> None:
    path = f"/2010-04-01/Accounts/{api.service.account.sid}.json"
    assert api.post(path, FriendlyName="Other")["friendly_name"] == "Other"
    api.refused("POST", path, 400, 21477, data={"Status": "closed"})
    api.refused("POST", path, 400, 20002, data={"FriendlyName": "x" * 65})


# -- numbers ------------------------------------------------------------------------------------


def test_a_number_is_bought_changed_and_released(api: Api) -> None:
    made = api.post(
        "IncomingPhoneNumbers.json",
        201,
        PhoneNumber="(415) 555-2671",
        VoiceUrl=f"{APP}/voice",
        StatusCallback=f"{APP}/status",
        StatusCallbackMethod="GET",
    )
    assert made["phone_number"] == "+14155552671"
    assert made["voice_url"] == f"{APP}/voice"
    assert made["type"] == "local"
    path = f"IncomingPhoneNumbers/{made['sid']}.json"
    api.clock.now_ns = 5 * SECOND
    changed = api.post(path, VoiceUrl="", VoiceMethod="GET", FriendlyName="Desk")
    assert changed["voice_url"] is None
    assert changed["voice_method"] == "GET"
    assert changed["friendly_name"] == "Desk"
    assert changed["date_updated"] == "Mon, 05 Jan 2026 09:00:05 +0000"
    record = api.service.numbers.find(made["sid"])
    callback = record.callback()
    assert callback is not None
    assert (callback.url, callback.method) == (f"{APP}/status", "GET")
    api.delete(path)
    api.refused("GET", path, 404, 20404)


def test_a_number_of_an_area_is_one_that_belongs_to_nobody(api: Api) -> None:
    numbers = [
        api.post("IncomingPhoneNumbers.json", 201, AreaCode="628")["phone_number"] for _ in range(2)
    ]
    assert numbers == ["+16285550100", "+16285550101"]


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, 21421),
        ({"PhoneNumber": "hello"}, 21421),
        ({"PhoneNumber": "+15005550001"}, 21421),
        ({"PhoneNumber": "+15005550000"}, 21422),
        ({"AreaCode": "12"}, 21451),
        ({"AreaCode": "533"}, 21452),
        ({"PhoneNumber": "+14155552671", "VoiceUrl": "voice"}, 21402),
        ({"PhoneNumber": "+14155552671", "VoiceMethod": "PUT"}, 21403),
        ({"PhoneNumber": "+14155552671", "VoiceApplicationSid": "AP1"}, 21420),
        ({"PhoneNumber": "+14155552671", "VoiceCallerIdLookup": "perhaps"}, 20001),
    ],
)
def test_numbers_that_cannot_be_had(api: Api, form: dict[str, str], code: int) -> None:
    api.refused("POST", "IncomingPhoneNumbers.json", 400, code, data=form)
    assert api.service.numbers.all() == []


def test_a_number_is_had_once(api: Api) -> None:
    api.post("IncomingPhoneNumbers.json", 201, PhoneNumber="+14155552671")
    form = {"PhoneNumber": "+14155552671"}
    api.refused("POST", "IncomingPhoneNumbers.json", 400, 21422, data=form)


def test_numbers_by_type_and_by_part(api: Api) -> None:
    api.post("IncomingPhoneNumbers/Local.json", 201, PhoneNumber="+14155552671")
    api.post("IncomingPhoneNumbers/TollFree.json", 201, PhoneNumber="+18005552672")
    api.post("IncomingPhoneNumbers/Mobile.json", 201, PhoneNumber="+4915155552673")
    form = {"PhoneNumber": "+14155552675"}
    api.refused("POST", "IncomingPhoneNumbers/TollFree.json", 400, 21458, data=form)

    def found(path: str) -> list[str]:
        return [each["phone_number"] for each in api.get(path)["incoming_phone_numbers"]]

    assert found("IncomingPhoneNumbers/Local.json") == ["+14155552671"]
    assert found("IncomingPhoneNumbers/TollFree.json") == ["+18005552672"]
    assert found("IncomingPhoneNumbers/Mobile.json") == ["+4915155552673"]
    assert found("IncomingPhoneNumbers.json?PhoneNumber=%2B14155552671") == ["+14155552671"]
    assert found("IncomingPhoneNumbers.json?PhoneNumber=555267*") == [
        "+4915155552673",
        "+18005552672",
        "+14155552671",
    ]
    assert found("IncomingPhoneNumbers.json?FriendlyName=nobody") == []


# -- applications -------------------------------------------------------------------------------


def test_an_application_lives(api: Api) -> None:
    made = api.post(
        "Applications.json",
        201,
        FriendlyName="App",
        VoiceUrl=f"{APP}/voice",
        SmsStatusCallback=f"{APP}/sms",
        PublicApplicationConnectEnabled="true",
    )
    assert made["sms_status_callback"] == f"{APP}/sms"
    assert made["public_application_connect_enabled"] is True
    path = f"Applications/{made['sid']}.json"
    assert api.post(path, VoiceFallbackUrl=f"{APP}/other")["voice_fallback_url"] == f"{APP}/other"
    script = api.service.applications.find(made["sid"]).source()
    assert (script.url, script.fallback_url) == (f"{APP}/voice", f"{APP}/other")
    assert len(api.get("Applications.json?FriendlyName=App")["applications"]) == 1
    assert api.get("Applications.json?FriendlyName=Ap")["applications"] == []
    api.refused("POST", path, 400, 21402, data={"FriendlyName": "New", "VoiceUrl": "ftp://x"})
    assert api.get(path)["friendly_name"] == "App"
    api.delete(path)
    api.refused("DELETE", path, 404, 20404)


# -- keys ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "name"), [("Keys", "keys"), ("SigningKeys", "signing_keys")])
def test_a_key_stands_for_the_account_until_it_is_deleted(api: Api, path: str, name: str) -> None:
    made = api.post(f"{path}.json", 201, FriendlyName="Mine")
    assert len(made["secret"]) == 32
    assert "secret" not in api.get(f"{path}/{made['sid']}.json")
    assert [each["sid"] for each in api.get(f"{path}.json")[name]] == [made["sid"]]
    assert api.post(f"{path}/{made['sid']}.json", FriendlyName="Yours")["friendly_name"] == "Yours"
    main, key = api.credentials, basic(made["sid"], made["secret"])
    api.credentials = key
    api.get("Calls.json")
    api.refused("GET", f"{path}.json", 401, 20003)
    api.refused("GET", f"{api.root}.json", 401, 20003)
    api.credentials = main
    api.delete(f"{path}/{made['sid']}.json")
    api.credentials = key
    api.refused("GET", "Calls.json", 401, 20003)


# -- queues -------------------------------------------------------------------------------------


def test_a_queue_and_who_waits_in_it(api: Api) -> None:
    made = api.post("Queues.json", 201, FriendlyName="support", MaxSize="5")
    assert (made["max_size"], made["current_size"], made["average_wait_time"]) == (5, 0, 0)
    sid = made["sid"]
    assert api.post(f"Queues/{sid}.json", MaxSize="7")["max_size"] == 7
    account = api.service.account.sid
    api.service.queues.waiting[sid] = [
        MemberRecord(
            account, sid, api.service.call_in_progress().sid, 0, place, (60 - place) * SECOND
        )
        for place in (1, 2)
    ]
    members = api.get(f"Queues/{sid}/Members.json?PageSize=1")
    assert members["next_page_uri"] is not None
    assert [each["position"] for each in members["queue_members"]] == [1]
    assert [each["position"] for each in api.get(members["next_page_uri"])["queue_members"]] == [2]
    front = api.get(f"Queues/{sid}/Members/Front.json")
    assert front["wait_time"] == 59
    assert front["call_sid"] == members["queue_members"][0]["call_sid"]
    path = f"Queues/{sid}/Members/{front['call_sid']}.json"
    api.refused("POST", path, 400, 21205)
    api.refused("POST", path, 400, 21205, data={"Url": "next"})
    api.post(path, Url=f"{APP}/next", Method="GET")
    assert [(each.url, each.method) for each in api.service.queues.taken] == [
        (f"{APP}/next", "GET")
    ]
    api.delete(f"Queues/{sid}.json")
    api.refused("GET", f"Queues/{sid}/Members.json", 404, 20404)


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, 20001),
        ({"FriendlyName": "support"}, 22003),
        ({"FriendlyName": "x" * 65}, 20002),
        ({"FriendlyName": "other", "MaxSize": "0"}, 20001),
        ({"FriendlyName": "other", "MaxSize": "5001"}, 20001),
        ({"FriendlyName": "other", "MaxSize": "many"}, 20001),
    ],
)
def test_queues_that_cannot_be(api: Api, form: dict[str, str], code: int) -> None:
    api.post("Queues.json", 201, FriendlyName="support")
    api.refused("POST", "Queues.json", 400, code, data=form)
    assert len(api.get("Queues.json")["queues"]) == 1


# -- notifications and events -------------------------------------------------------------------


def test_notifications_of_the_account_and_of_a_call(api: Api) -> None:
    call = api.service.call()
    api.service.notify(call.sid, 11200, "no answer", f"{APP}/voice")
    api.clock.now_ns = 100_000 * SECOND
    api.service.notify(None, 16113, "a warning", warning=True)
    both = api.get("Notifications.json")["notifications"]
    assert [each["error_code"] for each in both] == ["16113", "11200"]
    assert [each["log"] for each in both] == ["1", "0"]
    assert len(api.get("Notifications.json?Log=0")["notifications"]) == 1
    assert len(api.get("Notifications.json?MessageDate=2026-01-05")["notifications"]) == 1
    assert len(api.get("Notifications.json?MessageDate%3E=2026-01-06")["notifications"]) == 1
    (own,) = api.get(f"Calls/{call.sid}/Notifications.json")["notifications"]
    whole = api.get(f"Calls/{call.sid}/Notifications/{own['sid']}.json")
    assert whole["request_url"] == f"{APP}/voice"
    assert whole["more_info"].endswith("/11200")
    assert api.get(f"Notifications/{own['sid']}.json")["message_text"] == "no answer"
    other = both[0]["sid"]
    api.refused("GET", f"Calls/{call.sid}/Notifications/{other}.json", 404, 20404)
    api.refused("GET", "Notifications.json?Log=2", 400, 20001)


def test_events_are_the_requests_made_to_the_app(api: Api) -> None:
    call = api.service.call()
    attempt = Attempt(f"{APP}/voice", "POST", {}, "CallSid=x", 0, 20_000_000, 200)
    attempt.response_headers = {"content-type": "text/xml"}
    attempt.response_body = "<Response/>"
    delivery = Delivery(
        "D1", "twiml", call.sid, f"{APP}/voice", "POST", (("CallSid", call.sid),), 0
    )
    delivery.attempts.append(attempt)
    other = Delivery("D2", "twiml", api.service.call().sid, APP, "POST", (), 0, attempts=[attempt])
    api.service.webhooks.deliveries += [delivery, other]
    (event,) = api.get(f"Calls/{call.sid}/Events.json")["events"]
    assert event["request"]["parameters"] == {"CallSid": call.sid}
    assert event["response"]["response_code"] == 200
    assert event["response"]["request_duration"] == 20
    assert event["response"]["response_body"] == "<Response/>"
