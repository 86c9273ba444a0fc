"""The account by the official Python SDK: numbers, applications, keys, queues, the account."""

from __future__ import annotations

from judged_client import judged_client
from number_plan import ALICE, APP_NUMBER, BOB, BOB_HZ
from sandbox_process import Sandbox
from sdk_refusals import refused
from sound_checks import heard
from twilio.rest import Client
from user_app import UserApp


def test_the_account(sandbox: Sandbox, client: Client) -> None:
    account = client.api.v2010.account.fetch()
    assert (account.sid, account.auth_token, account.status) == (
        sandbox.account_sid,
        sandbox.auth_token,
        "active",
    )
    assert [each.sid for each in client.api.v2010.accounts.list()] == [account.sid]
    assert client.api.v2010.account.update(friendly_name="Mine").friendly_name == "Mine"
    assert client.api.v2010.accounts.list(friendly_name="Other") == []
    assert refused(client.api.v2010.account.update, status="closed")[0] == 400


# -- numbers --------------------------------------------------------------------------------------


def test_numbers(sandbox: Sandbox, client: Client, app: UserApp) -> None:
    (planned,) = client.incoming_phone_numbers.list()
    assert (planned.phone_number, planned.voice_url) == (APP_NUMBER, f"{app.url}/voice")
    number = client.incoming_phone_numbers.create(
        phone_number="+14155550199",
        friendly_name="Desk",
        voice_url=f"{app.url}/desk",
        voice_method="GET",
        status_callback=f"{app.url}/ended",
    )
    app.replies["/desk"] = "<Pause/>"
    call = sandbox.call("+14155550199", "quiet")
    sandbox.run_out()
    (asked, told) = app.asked
    assert (asked.method, asked.path, asked.params["CallSid"]) == ("GET", "/desk", call)
    assert (told.path, told.params["CallStatus"]) == ("/ended", "completed")
    assert client.calls(call).fetch().phone_number_sid == number.sid
    number = number.update(voice_url=f"{app.url}/other", friendly_name="Front desk")
    assert client.incoming_phone_numbers(number.sid).fetch().friendly_name == "Front desk"
    for filters in ({"phone_number": "*0199"}, {"friendly_name": "Front desk"}):
        assert [each.sid for each in client.incoming_phone_numbers.list(**filters)] == [number.sid]
    assert number.delete()
    assert refused(number.fetch) == (404, 20404)


def test_numbers_of_an_area_and_of_a_type(client: Client) -> None:
    numbers = client.incoming_phone_numbers
    assert numbers.create(area_code="212").phone_number.startswith("+1212555")
    local = numbers.local.create(phone_number="+12065550100")
    free = numbers.toll_free.create(phone_number="+18005550100")
    assert free.sid in [each.sid for each in numbers.toll_free.list()]
    assert local.sid not in [each.sid for each in numbers.toll_free.list()]
    assert local.sid in [each.sid for each in numbers.local.list()]
    assert numbers.mobile.list() == []


def test_numbers_that_cannot_be_had(client: Client) -> None:
    create = client.incoming_phone_numbers.create
    assert refused(create, phone_number="+15005550000") == (400, 21422)
    assert refused(create, phone_number="+15005550001") == (400, 21421)
    assert refused(create, area_code="533") == (400, 21452)
    assert refused(create, phone_number=APP_NUMBER) == (400, 21422)
    assert create(phone_number="+15005550006").phone_number == "+15005550006"
    assert refused(create, phone_number="+14155550177", voice_url="nowhere")[0] == 400
    assert "+14155550177" not in [
        each.phone_number for each in client.incoming_phone_numbers.list()
    ]


def test_a_number_of_an_application(sandbox: Sandbox, client: Client, app: UserApp) -> None:
    app.replies["/shop"] = "<Pause/>"
    shop = client.applications.create(voice_url=f"{app.url}/shop")
    (number,) = client.incoming_phone_numbers.list()
    number.update(voice_application_sid=shop.sid)
    call = sandbox.call(APP_NUMBER, "quiet")
    sandbox.run_out()
    assert app.told("/shop", "CallSid") == [call]
    assert app.of("/voice") == []


# -- applications and keys ------------------------------------------------------------------------


def test_applications(client: Client, app: UserApp) -> None:
    shop = client.applications.create(friendly_name="shop", voice_url=f"{app.url}/shop")
    other = client.applications.create()
    assert other.friendly_name
    assert [each.sid for each in client.applications.list()] == [other.sid, shop.sid]
    assert [each.sid for each in client.applications.list(friendly_name="shop")] == [shop.sid]
    assert shop.update(friendly_name="store", voice_method="GET").voice_method == "GET"
    assert client.applications(shop.sid).fetch().friendly_name == "store"
    assert shop.delete()
    assert refused(shop.fetch) == (404, 20404)
    assert refused(client.applications.create, voice_url="nowhere")[0] == 400


def test_keys(sandbox: Sandbox, client: Client) -> None:
    key = client.new_keys.create(friendly_name="CI")
    with_key = judged_client(sandbox, key.sid, key.secret)
    assert with_key.calls.list() == []
    assert refused(with_key.keys.list) == (401, 20003)
    assert [each.sid for each in client.keys.list()] == [key.sid]
    assert client.keys(key.sid).update(friendly_name="build").friendly_name == "build"
    assert client.keys(key.sid).fetch().friendly_name == "build"
    assert client.keys(key.sid).delete()
    assert refused(with_key.calls.list) == (401, 20003)
    assert refused(client.keys(key.sid).fetch) == (404, 20404)
    signing = client.new_signing_keys.create()
    assert client.signing_keys(signing.sid).fetch().sid == signing.sid
    assert client.signing_keys(signing.sid).delete()


# -- queues ---------------------------------------------------------------------------------------


def test_queues(client: Client) -> None:
    queue = client.queues.create(friendly_name="support", max_size=2)
    assert (queue.max_size, queue.current_size, queue.average_wait_time) == (2, 0, 0)
    assert [each.sid for each in client.queues.list()] == [queue.sid]
    assert queue.update(friendly_name="help", max_size=5).max_size == 5
    assert client.queues(queue.sid).fetch().friendly_name == "help"
    assert refused(client.queues.create, friendly_name="help") == (400, 22003)
    assert refused(client.queues.create, friendly_name="big", max_size=5001)[0] == 400
    assert queue.members.list() == []
    assert refused(queue.members("Front").fetch) == (404, 20404)
    assert queue.delete()
    assert refused(queue.fetch) == (404, 20404)


def test_who_waits_in_a_queue_is_let_go(
    stepped: Sandbox, stepped_client: Client, app: UserApp
) -> None:
    app.replies.update(
        {
            "/voice": '<Enqueue waitUrl="/wait" action="/after">support</Enqueue>',
            "/wait": "<Pause length='30'/>",
            "/next": "<Pause length='2'/>",
        }
    )
    first = stepped.call(APP_NUMBER, "quiet")
    stepped.advance(1)
    second = stepped.call(APP_NUMBER, ALICE)
    stepped.advance(5)
    (queue,) = stepped_client.queues.list()
    assert (queue.friendly_name, queue.current_size) == ("support", 2)
    assert [each.call_sid for each in queue.members.list()] == [first, second]
    front = queue.members("Front").fetch()
    assert (front.call_sid, front.position) == (first, 1)
    assert front.wait_time == 6
    assert queue.members(second).fetch().position == 2
    assert app.told("/wait", "QueuePosition") == ["1", "2"]
    assert refused(queue.delete)[0] == 400
    queue.members(second).update(url=f"{app.url}/next", method="POST")
    stepped.advance(1)
    assert app.told("/next", "CallSid") == [second]
    assert app.told("/after", "QueueResult") == ["redirected"]
    assert [each.call_sid for each in queue.members.list()] == [first]


def test_who_waits_in_a_queue_is_talked_to(sandbox: Sandbox, client: Client, app: UserApp) -> None:
    app.replies["/voice"] = '<Enqueue waitUrl="">support</Enqueue>'
    waiting = sandbox.call(APP_NUMBER, "quiet", {"pause": "30s"})
    agent = client.calls.create(
        to=BOB,
        from_=APP_NUMBER,
        twiml='<Response><Dial record="record-from-answer-dual"><Queue>support</Queue></Dial>'
        "</Response>",
    )
    sandbox.run_out()
    (recording,) = client.recordings.list()
    assert recording.call_sid == agent.sid
    channels = sandbox.samples(recording.sid, "?RequestedChannels=2")
    assert [heard(channel, BOB_HZ) for channel in channels] == [{BOB_HZ}, set()]
    assert client.calls(waiting).fetch().status == "completed"
