"""What the cluster tests of Twilio's SDKs ask for, with an API key as they have one."""

from __future__ import annotations

import pytest
from judged_client import judged_client
from number_plan import ALICE, APP_NUMBER
from sandbox_process import Sandbox
from sdk_refusals import refused
from twilio.rest import Client
from twilio.twiml.voice_response import VoiceResponse


@pytest.fixture
def keyed(sandbox: Sandbox, client: Client) -> Client:
    key = client.new_keys.create()
    keyed = judged_client(sandbox, key.sid, key.secret)
    keyed.conversations.base_url = sandbox.url
    return keyed


def test_the_scenarios_of_the_sdks(sandbox: Sandbox, client: Client, keyed: Client) -> None:
    sent = keyed.messages.create(to=ALICE, from_=APP_NUMBER, body="hello world")
    assert (sent.to, sent.from_, sent.body) == (ALICE, APP_NUMBER, "hello world")
    assert sent.sid.startswith("SM")
    client.incoming_phone_numbers.create(area_code="510")
    assert len(keyed.incoming_phone_numbers.list()) == 2
    assert len(keyed.incoming_phone_numbers.list(limit=1)) == 1
    assert len(keyed.available_phone_numbers("US").toll_free.list(limit=2)) == 2
    twiml = VoiceResponse()
    twiml.say("Hello")
    call = keyed.calls.create(to=ALICE, from_=APP_NUMBER, twiml=str(twiml))
    assert (call.to, call._from) == (ALICE, APP_NUMBER)
    sandbox.run_out()
    assert keyed.calls(call.sid).fetch().status == "completed"
    # The only one of theirs that is not simulated, and says so.
    conversations = keyed.conversations.v1.conversations
    assert refused(conversations.create, friendly_name="service|friendly&name") == (501, 20501)
