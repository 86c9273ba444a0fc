"""Text messages by the official Python SDK: sent, answered, found, redacted, deleted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from number_plan import ALICE, APP_NUMBER, BOB
from sandbox_process import Sandbox
from sdk_refusals import refused
from twilio.rest import Client
from user_app import Answer, UserApp


def outcome(sandbox: Sandbox, to: str, **what: object) -> None:
    sandbox.control("POST", "/message-outcomes", {"to": to, **what})


def test_a_message_passes_through_its_statuses(
    stepped: Sandbox, stepped_client: Client, app: UserApp
) -> None:
    client = stepped_client
    sent = client.messages.create(
        to=ALICE, from_=APP_NUMBER, body="Call me back", status_callback=f"{app.url}/sms-status"
    )
    assert (sent.status, sent.direction, sent.num_segments, sent.num_media) == (
        "queued",
        "outbound-api",
        "1",
        "0",
    )
    assert (sent.body, sent.from_, sent.to) == ("Call me back", APP_NUMBER, ALICE)
    assert sent.date_sent is None
    assert refused(sent.delete) == (409, 20009)
    seen: list[str] = []
    for _ in range(30):
        stepped.advance(0.05)
        if (now := sent.fetch().status) not in seen[-1:]:
            seen.append(now)
    assert seen == ["queued", "sending", "sent", "delivered"]
    assert app.told("/sms-status", "MessageStatus") == ["sending", "sent", "delivered"]
    last = app.of("/sms-status")[-1]
    assert last["MessageSid"] == last["SmsSid"] == sent.sid
    assert (last["From"], last["To"], last["SmsStatus"]) == (APP_NUMBER, ALICE, "delivered")
    done = sent.fetch()
    assert done.date_sent is not None
    assert done.error_code is None
    day = done.date_sent.date()
    for found in (
        {"to": ALICE},
        {"from_": APP_NUMBER},
        {"date_sent": done.date_sent},
        {"date_sent_after": day, "date_sent_before": day + timedelta(days=1)},
    ):
        assert [each.sid for each in client.messages.list(**found)] == [sent.sid], found
    for lost in ({"to": BOB}, {"from_": BOB}, {"date_sent_before": day}):
        assert client.messages.list(**lost) == []
    assert client.messages(sent.sid).feedback.create(outcome="confirmed").outcome == "confirmed"
    assert refused(sent.update, body="Another") == (400, 20001)
    assert sent.update(body="").body == ""
    assert refused(sent.update, status="canceled")[0] == 400
    assert sent.delete()
    assert refused(sent.fetch) == (404, 20404)


def test_messages_that_do_not_arrive(sandbox: Sandbox, client: Client, app: UserApp) -> None:
    rows: list[tuple[dict[str, object], list[str], int | None]] = [
        ({"status": "undelivered", "error_code": 30003}, ["sending", "sent", "undelivered"], 30003),
        ({"error_code": 30006}, ["sending", "sent", "undelivered"], 30006),
        ({"status": "failed"}, ["sending", "failed"], 30008),
        ({"status": "failed", "error_code": 30007}, ["sending", "failed"], 30007),
        ({"status": "sent"}, ["sending", "sent"], None),
    ]
    for number, (what, statuses, code) in enumerate(rows):
        outcome(sandbox, BOB, **what)
        sent = client.messages.create(
            to=BOB, from_=APP_NUMBER, body="?", status_callback=f"{app.url}/{number}"
        )
        sandbox.run_out()
        assert app.told(f"/{number}", "MessageStatus") == statuses
        found = sent.fetch()
        assert (found.status, found.error_code) == (statuses[-1], code)
        assert (found.error_message is None) == (code is None)
        if code is not None:
            assert app.told(f"/{number}", "ErrorCode")[-1] == str(code)
            assert client.notifications.list()[0].error_code == str(code)
    outcome(sandbox, BOB, error_code=21610)
    create = client.messages.create
    assert refused(create, to=BOB, from_=APP_NUMBER, body="?") == (400, 21610)
    sandbox.control("DELETE", "/message-outcomes")
    assert create(to=BOB, from_=APP_NUMBER, body="?").error_code is None


def test_messages_that_are_refused(client: Client) -> None:
    wrong: dict[int, dict[str, object]] = {
        21604: {"to": ""},
        21211: {"to": "nowhere"},
        21603: {"from_": ""},
        21212: {"from_": "!"},
        21606: {"from_": "+14155550171"},
        21619: {"body": ""},
        21617: {"body": "x" * 1601},
        21623: {"media_url": [f"http://127.0.0.1:9/{each}.png" for each in range(11)]},
        21620: {"media_url": ["here.png"]},
        21609: {"status_callback": "nowhere"},
        21266: {"to": APP_NUMBER},
        21218: {"application_sid": "AP" + "0" * 32},
        35118: {"schedule_type": "fixed"},
    }
    for code, what in wrong.items():
        params = {"to": ALICE, "from_": APP_NUMBER, "body": "Hello", **what}
        assert refused(client.messages.create, **params) == (400, code), what
    magic = {"+15005550001": 21211, "+15005550002": 21612, "+15005550003": 21408}
    magic |= {"+15005550004": 21610, "+15005550009": 21614}
    for to, code in magic.items():
        assert refused(client.messages.create, to=to, from_=APP_NUMBER, body="?") == (400, code)
    for from_, code in {
        "+15005550001": 21212,
        "+15005550007": 21606,
        "+15005550008": 21611,
    }.items():
        assert refused(client.messages.create, to=ALICE, from_=from_, body="?") == (400, code)
    assert client.messages.list() == []
    client.messages.create(to=ALICE, from_="ACME", body="Sale!", max_price="0.1")
    assert "MaxPrice" in client.notifications.list()[0].message_text


@pytest.mark.parametrize("body", ["x" * 160, "ä€" + "x" * 158, "Жя" * 36])
def test_segments(client: Client, body: str) -> None:
    sent = client.messages.create(to=ALICE, from_=APP_NUMBER, body=body)
    assert sent.num_segments == ("1" if body.startswith("xx") else "2")


def test_media(sandbox: Sandbox, client: Client, app: UserApp) -> None:
    files = [f"{app.url}/cat.png", f"{app.url}/dog.jpg"]
    sent = client.messages.create(
        to=ALICE, from_=APP_NUMBER, body="Look: “…”", media_url=files, smart_encoded=True
    )
    assert sent.sid.startswith("MM")
    assert (sent.num_media, sent.body) == ("2", 'Look: "..."')
    sandbox.run_out()
    media = sent.media.list()
    assert [each.content_type for each in media] == ["image/png", "image/jpeg"]
    assert client.messages(sent.sid).media(media[0].sid).fetch().parent_sid == sent.sid
    assert media[0].delete()
    assert [each.sid for each in client.messages(sent.sid).media.list()] == [media[1].sid]
    assert client.messages(sent.sid).fetch().num_media == "1"
    other = client.messages.create(to=ALICE, from_=APP_NUMBER, body="?")
    assert refused(client.messages(other.sid).media(media[1].sid).fetch) == (404, 20404)


def test_a_messaging_service_and_a_schedule(
    stepped: Sandbox, stepped_client: Client, app: UserApp
) -> None:
    client, service = stepped_client, "MG" + "0" * 32
    sent = client.messages.create(
        to=ALICE,
        messaging_service_sid=service,
        body="Hello",
        status_callback=f"{app.url}/sms-status",
    )
    assert (sent.status, sent.from_, sent.messaging_service_sid) == ("accepted", None, service)
    stepped.advance(5)
    assert sent.fetch().from_ == APP_NUMBER
    statuses = ["queued", "sending", "sent", "delivered"]
    assert app.told("/sms-status", "MessageStatus") == statuses
    now = sent.fetch().date_sent
    soon = {"to": ALICE, "messaging_service_sid": service, "body": "Later"}
    soon |= {"schedule_type": "fixed"}
    assert refused(client.messages.create, **soon) == (400, 35111)
    assert refused(client.messages.create, **soon, send_at=now) == (400, 35114)
    first, second = (
        client.messages.create(**soon, send_at=now + timedelta(hours=1)) for _ in range(2)
    )
    assert first.status == "scheduled"
    assert first.update(status="canceled").status == "canceled"
    stepped.advance(3700)
    assert [first.fetch().status, second.fetch().status] == ["canceled", "delivered"]


def text(sandbox: Sandbox, body: str, **more: object) -> str:
    made = sandbox.control("POST", "/messages", {"to": APP_NUMBER, "body": body, **more})
    sid: str = made["sid"]
    return sid


def test_an_incoming_message_is_answered(sandbox: Sandbox, client: Client, app: UserApp) -> None:
    (number,) = client.incoming_phone_numbers.list()
    number.update(sms_url=f"{app.url}/sms", sms_method="GET")
    app.replies["/sms"] = (
        '<Message statusCallback="/told" action="/sent">Hello<Media>/cat.png</Media></Message>'
        "<Message>never</Message>"
    )
    app.replies["/sent"] = (
        f'<Message to="{BOB}"><Body>One two</Body></Message><Redirect>/more</Redirect>'
    )
    app.replies["/more"] = Answer(b"plain", "text/plain")
    picture = "http://127.0.0.1:9/a.gif"
    sid = text(sandbox, "Hi", **{"from": "alice", "media": [picture]})
    sandbox.run_out()
    (asked,) = app.of("/sms")
    assert {name: asked[name] for name in ("From", "To", "Body", "NumMedia", "SmsStatus")} == {
        "From": ALICE,
        "To": APP_NUMBER,
        "Body": "Hi",
        "NumMedia": "1",
        "SmsStatus": "received",
    }
    assert asked["MessageSid"] == asked["SmsSid"] == asked["SmsMessageSid"] == sid
    assert (asked["MediaContentType0"], asked["FromCountry"]) == ("image/gif", "US")
    assert asked["MediaUrl0"].startswith(sandbox.account_url(f"/Messages/{sid}/Media/ME"))
    incoming = client.messages(sid).fetch()
    assert (incoming.direction, incoming.status) == ("inbound", "received")
    replies = [each for each in reversed(client.messages.list()) if each.sid != sid]
    assert [(each.to, each.body, each.num_media, each.status) for each in replies] == [
        (ALICE, "Hello", "1", "delivered"),
        (BOB, "One two", "0", "delivered"),
        (ALICE, "plain", "0", "delivered"),
    ]
    assert {(each.direction, each.from_) for each in replies} == {("outbound-reply", APP_NUMBER)}
    assert app.told("/sent", "MessageSid") == [replies[0].sid]
    assert app.told("/told", "MessageStatus") == ["sending", "sent", "delivered"]


def test_an_app_that_cannot_answer_a_message(
    sandbox: Sandbox, client: Client, app: UserApp
) -> None:
    (number,) = client.incoming_phone_numbers.list()
    number.update(sms_url=f"{app.url}/sms", sms_fallback_url=f"{app.url}/fallback")
    app.replies["/fallback"] = "<Message>Sorry</Message>"
    codes = []
    for answer in (
        Answer(status=500),
        Answer(b"<Response><Message>", "text/xml"),
        Answer(b"{}", "application/json"),
        "<Say>Hello</Say>",
        "<Message to='nowhere'>?</Message>",
        "<Redirect>/sms</Redirect>",
        Answer(b"", "text/html"),
    ):
        app.replies["/sms"] = answer
        before = len(client.notifications.list())
        text(sandbox, "Hi")
        sandbox.run_out()
        noted = client.notifications.list()
        codes.append([each.error_code for each in noted[: len(noted) - before]])
    assert codes == [["11200"], ["12100"], ["12300"], ["12200"], ["21211"], ["14101"], []]
    assert app.told("/fallback", "ErrorCode") == ["11200", "12100", "12300"]
    assert [each.body for each in client.messages.list() if each.direction != "inbound"] == [
        "Sorry"
    ] * 3


def test_who_says_stop_gets_no_more(sandbox: Sandbox, client: Client) -> None:
    message = {"to": ALICE, "from_": APP_NUMBER, "body": "News"}
    text(sandbox, " Stop", **{"from": ALICE})
    assert refused(client.messages.create, **message) == (400, 21610)
    assert client.messages.create(**{**message, "to": BOB}).error_code is None
    text(sandbox, "START", **{"from": ALICE})
    assert client.messages.create(**message).error_code is None


def test_a_message_to_an_own_number_comes_in(
    sandbox: Sandbox, client: Client, app: UserApp
) -> None:
    other = client.incoming_phone_numbers.create(
        phone_number="+14155550188", sms_url=f"{app.url}/sms"
    )
    sent = client.messages.create(to=other.phone_number, from_=APP_NUMBER, body="Self")
    sandbox.run_out()
    assert app.told("/sms", "Body") == ["Self"]
    assert app.told("/sms", "MessageSid") != [sent.sid]
    assert [each.direction for each in client.messages.list()] == ["inbound", "outbound-api"]


def test_a_message_of_an_application(sandbox: Sandbox, client: Client, app: UserApp) -> None:
    application = client.applications.create(
        sms_url=f"{app.url}/app-sms", message_status_callback=f"{app.url}/app-status"
    )
    (number,) = client.incoming_phone_numbers.list()
    number.update(sms_application_sid=application.sid, sms_url=f"{app.url}/not-me")
    text(sandbox, "Hi")
    client.messages.create(to=ALICE, from_=APP_NUMBER, body="?", application_sid=application.sid)
    sandbox.run_out()
    assert len(app.of("/app-sms")) == 1
    assert app.told("/app-status", "MessageStatus")[-1] == "delivered"
    assert app.of("/not-me") == []


def test_a_call_sends_a_message(sandbox: Sandbox, client: Client, app: UserApp) -> None:
    app.replies["/voice"] = '<Sms action="/after" statusCallback="/told">Bye</Sms>'
    sandbox.call(APP_NUMBER, "alice")
    sandbox.run_out()
    (sent,) = client.messages.list()
    assert (sent.to, sent.from_, sent.body, sent.direction) == (
        ALICE,
        APP_NUMBER,
        "Bye",
        "outbound-call",
    )
    assert app.told("/after", "SmsSid") == [sent.sid]
    assert app.told("/told", "SmsStatus")[-1] == "delivered"
