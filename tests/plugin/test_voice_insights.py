"""Voice Insights of calls and conferences, by the Python SDK: network weather is found in tags."""

from __future__ import annotations

from typing import Any

import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.rest import Client

from mediasim.testing import MediasimSandbox

TALKS = [
    {"say": "I am on a telephone line that may be a good one, or may be not so good at all."},
    {"pause": "12s"},
    "hangup",
]
OWN = "+15005550006"
LONG = "<Response><Say>Hello, who is there?</Say><Pause length='60'/></Response>"


def placed(sandbox: MediasimSandbox, to: str, twiml: str = LONG) -> str:
    sid: str | None = sandbox.client.calls.create(to=to, from_=OWN, twiml=twiml).sid
    assert sid is not None
    return sid


def summary(sandbox: MediasimSandbox, sid: str) -> Any:
    return sandbox.client.insights.v1.calls(sid).summary().fetch()


ROWS: dict[str, tuple[dict[str, Any], list[str] | None]] = {
    "clean": ({}, None),
    "lossy": ({"network": {"loss": "12%"}}, ["high_packet_loss"]),
    "a-little-lossy": ({"network": {"loss": "2%"}}, None),
    "jittery": ({"network": {"jitter": "160ms"}}, ["high_jitter"]),
    "a-little-jittery": ({"network": {"jitter": "10ms"}}, None),
    "silent": ({"script": [{"pause": "5s"}, "hangup"]}, ["silence"]),
    "dead": ({"network": {"loss": "100%"}}, ["silence"]),
    "slow": ({"answer": {"after": "1s", "rings_after": "9s"}}, ["high_pdd"]),
}
"""What is said of a party, and the tags of a call to it."""


def test_a_telephone_that_would_ring_after_the_limit_never_rings(
    mediasim_sandbox: MediasimSandbox,
) -> None:
    sandbox = mediasim_sandbox
    late = sandbox.party("late", TALKS, answer={"after": "0s", "rings_after": "60s"})
    sid = sandbox.client.calls.create(to=late, from_=OWN, twiml=LONG, timeout=20).sid
    sandbox.run_until_idle()
    assert sandbox.client.calls(sid).fetch().status == "no-answer"
    assert "call.ringing" not in {each.kind for each in sandbox.service.exchange.events.log}


def test_bad_calls_are_tagged(mediasim_sandbox: MediasimSandbox) -> None:
    sandbox = mediasim_sandbox
    calls = {}
    for number, (name, (more, _)) in enumerate(ROWS.items()):
        said = {"script": TALKS, **more, "number": f"+1415555013{number}"}
        calls[name] = placed(sandbox, sandbox.party(name, **said))
    sandbox.party("far", TALKS, network={"delay": "250ms", "loss": "12%"})
    calls["client"] = placed(sandbox, "client:far")
    sandbox.run_until_idle()
    found = {name: summary(sandbox, sid).tags for name, sid in calls.items()}
    tags = {name: tags for name, (_, tags) in ROWS.items()}
    assert found == {**tags, "client": ["high_latency", "high_packet_loss", "low_mos"]}

    lossy = summary(sandbox, calls["lossy"])
    metrics = lossy.carrier_edge["metrics"]["inbound"]
    assert (metrics["codec"], metrics["codec_name"]) == (0, "pcmu")
    assert 5 < metrics["packets_loss_percentage"] < 20
    lost, received = metrics["packets_lost"], metrics["packets_received"]
    assert round(lost / (lost + received) * 100, 4) == metrics["packets_loss_percentage"]
    assert (lossy.client_edge, lossy.sip_edge, lossy.sdk_edge) == (None, None, None)
    jitter = summary(sandbox, calls["jittery"]).carrier_edge["metrics"]["inbound"]["jitter"]
    assert jitter["avg"] >= 5
    assert jitter["max"] >= 30
    assert summary(sandbox, calls["slow"]).properties["pdd_ms"] == 9000

    client = summary(sandbox, calls["client"])
    assert (client.call_type, client.carrier_edge) == ("client", None)
    heard = client.sdk_edge["metrics"]["inbound"]
    assert heard["rtt"]["avg"] == 500
    assert heard["mos"]["avg"] < 3.5
    assert client.sdk_edge["events"]["levels"]["WARNING"] >= 2
    insights = sandbox.client.insights.v1
    warned = [each.name for each in insights.calls(calls["client"]).events.list(edge="sdk_edge")]
    assert set(warned) == {"high-rtt", "high-packet-loss", "low-mos"}

    tagged = {each.call_sid for each in insights.call_summaries.list(has_tag=True)}
    assert tagged == {sid for name, sid in calls.items() if found[name]}


def test_buffers_in_the_server_are_its_latency(mediasim_sandbox: MediasimSandbox) -> None:
    """The call that hears late is tagged, not the one whose audio is held up."""
    sandbox = mediasim_sandbox
    deep = sandbox.party("deep", TALKS, network={"jitter_buffer": "200ms"})
    sandbox.app({"/voice": f"<Dial><Number>{deep}</Number></Dial>"})
    sandbox.call(script=[{"say": "Can you hear me in good time?"}, {"pause": "30s"}])
    sandbox.run_until_idle()
    inbound, child = sandbox.calls
    listener = summary(sandbox, inbound.sid)
    assert listener.tags == ["high_latency"]
    assert listener.carrier_edge["metrics"]["outbound"]["latency"] == {"avg": 220.0, "max": 220.0}
    assert summary(sandbox, child.sid).tags is None
    assert summary(sandbox, child.sid).properties["direction"] == "outbound_dial"


def test_who_hung_up_and_how_calls_end(mediasim_sandbox: MediasimSandbox) -> None:
    sandbox = mediasim_sandbox
    app = sandbox.app({"/voice": "<Pause length='5'/><Hangup/>"})
    assert app is not None
    sandbox.call(script=[{"say": "Hello."}, {"pause": "1s"}, "hangup"])
    sandbox.call(script=[{"say": "Hello."}, {"pause": "20s"}])
    outcomes = {"busy": "busy", "no-answer": "noanswer", "failed": "fail"}
    numbers = {each: sandbox.party(each, answer=each) for each in outcomes}
    dialled = {each: placed(sandbox, number) for each, number in numbers.items()}
    dialled["bob"] = placed(sandbox, sandbox.party("bob", TALKS))
    dialled["app"] = placed(sandbox, "+14155550142", "<Response><Say>Bye.</Say></Response>")
    sandbox.run_until_idle()
    incoming = [each.sid for each in sandbox.calls if each.direction == "inbound"]
    found = {}
    for name, sid in {"left": incoming[0], "sent away": incoming[1], **dialled}.items():
        shown = summary(sandbox, sid)
        facts = shown.properties
        found[name] = (shown.call_state, facts["disconnected_by"], facts["last_sip_response_num"])
    assert found == {
        "left": ("completed", "caller", 200),
        "sent away": ("completed", "callee", 200),
        "busy": ("busy", "callee", 486),
        "no-answer": ("noanswer", "caller", 487),
        "failed": ("fail", "unknown", 404),
        "bob": ("completed", "callee", 200),
        "app": ("completed", "caller", 200),
    }
    insights = sandbox.client.insights.v1
    assert insights.calls(dialled["busy"]).metrics.list() == []
    names = [each.name for each in insights.calls(dialled["busy"]).events.list()]
    assert names == ["initiated", "busy"]

    def listed(**filters: Any) -> set[str | None]:
        return {each.call_sid for each in insights.call_summaries.list(**filters)}

    assert listed(direction="inbound") == set(incoming)
    assert listed(abnormal_session=True) == {dialled[each] for each in outcomes}
    assert listed(call_state="busy") == {dialled["busy"]} == listed(to=numbers["busy"])
    assert listed(call_type="client") == set()
    assert listed(start_time="30m", end_time="5m") == set()
    insights.calls(dialled["bob"]).annotation().update(
        call_score=2, quality_issues=["echo"], spam=False, comment="far away"
    )
    assert listed(quality_issue_annotation="echo", call_score_annotation="2") == {dialled["bob"]}
    noted = insights.calls(dialled["bob"]).annotation().fetch()
    assert (noted.quality_issues, noted.spam, noted.comment) == (["echo"], False, "far away")
    assert summary(sandbox, dialled["bob"]).annotation["call_score"] == 2
    assert listed(branded_enabled=True) == listed()
    notes = sandbox.client.api.v2010.accounts(sandbox.account_sid).notifications.list()
    assert "BrandedEnabled" in notes[0].message_text


def test_a_call_in_progress_and_what_there_is_not(mediasim_sandbox: MediasimSandbox) -> None:
    sandbox, insights = mediasim_sandbox, mediasim_sandbox.client.insights.v1
    sandbox.service.insights.processing_ns = 60_000_000_000
    sid = placed(sandbox, sandbox.party("alice", TALKS, network={"loss": "20%"}))
    sandbox.advance("12s")
    now = summary(sandbox, sid)
    assert (now.call_state, now.processing_state, now.end_time) == ("answered", "partial", None)
    assert now.properties["disconnected_by"] is None
    assert now.tags == ["high_packet_loss"]
    (sample,) = insights.calls(sid).metrics.list(direction="inbound")
    assert sample.carrier_edge["interval"]["packets_lost"] > 0
    sandbox.run_until_idle()
    assert summary(sandbox, sid).processing_state == "partial"
    with pytest.raises(TwilioRestException) as refused:
        insights.calls(sid).summary().fetch(processing_state="complete")
    assert (refused.value.status, refused.value.code) == (404, 20404)
    sandbox.advance("61s")
    done = insights.calls(sid).summary().fetch(processing_state="complete")
    assert done.connect_duration is not None
    assert done.duration == done.connect_duration + 1
    # An app's own client, whose source names Twilio's hosts.
    own = Client(sandbox.account_sid, sandbox.auth_token, region="ie1", edge="dublin")
    assert own.insights.v1.calls(sid).summary().fetch().call_state == "completed"
    link = insights.calls(sid).fetch()
    assert link.links is not None
    assert link.links["summary"] == done.url
    with pytest.raises(TwilioRestException) as absent:
        insights.calls("CA" + 32 * "0").summary().fetch()
    assert absent.value.code == 20404
    with pytest.raises(TwilioException, match="expected a date"):
        insights.call_summaries.list(start_time="yesterday")


def test_settings_and_subaccounts(mediasim_sandbox: MediasimSandbox) -> None:
    sandbox, insights = mediasim_sandbox, mediasim_sandbox.client.insights.v1
    made = sandbox.client.api.v2010.accounts.create(friendly_name="Sub")
    assert made.sid is not None
    sub = Client(made.sid, made.auth_token)
    (number,) = sub.available_phone_numbers("US").local.list(limit=1)
    own = sub.incoming_phone_numbers.create(phone_number=str(number.phone_number)).phone_number
    dave = sandbox.party("dave", TALKS, network={"loss": "20%"})
    call = sub.calls.create(to=dave, from_=str(own), twiml=LONG)
    placed(sandbox, dave)
    sandbox.run_until_idle()
    assert [each.call_sid for each in sub.insights.v1.call_summaries.list()] == [call.sid]
    theirs = insights.call_summaries.list(subaccount=made.sid, has_tag=True)
    assert [each.account_sid for each in theirs] == [made.sid]
    assert len(insights.call_summaries.list()) == 1
    with pytest.raises(TwilioRestException):
        insights.calls(str(call.sid)).summary().fetch()
    assert insights.settings().fetch().advanced_features is True
    changed = insights.settings().update(advanced_features=False, subaccount_sid=made.sid)
    assert (changed.account_sid, changed.advanced_features) == (made.sid, False)
    with pytest.raises(TwilioRestException, match="must be active"):
        sub.insights.v1.calls(str(call.sid)).summary().fetch()
    assert insights.settings().fetch().advanced_features is True


def test_conferences_and_participants(mediasim_sandbox: MediasimSandbox) -> None:
    sandbox = mediasim_sandbox
    room = "<Response><Dial><Conference {}>sales</Conference></Dial></Response>"
    clean, lossy = (
        sandbox.party(name, TALKS, network=network)
        for name, network in (("clean", {}), ("lossy", {"loss": "15%"}))
    )
    placed(sandbox, clean, room.format("participantLabel='anna' muted='true'"))
    placed(sandbox, lossy, room.format("participantLabel='otto' endConferenceOnExit='true'"))
    sandbox.advance("4s")
    (active,) = sandbox.client.conferences.list()
    assert active.sid is not None
    sandbox.client.conferences(active.sid).participants("anna").update(muted=False, hold=True)
    insights = sandbox.client.insights.v1
    assert insights.conferences(active.sid).fetch().status == "in_progress"
    sandbox.run_until_idle()
    (found,) = insights.conferences.list(tags="high_packet_loss", status="completed")
    assert (found.conference_sid, found.friendly_name) == (active.sid, "sales")
    assert (found.unique_participants, found.max_concurrent_participants) == (2, 2)
    assert found.tags == ["high_packet_loss", "low_mos", "quality_warnings"]
    assert insights.conferences.list(detected_issues="participant_behavior") == []
    anna, otto = found.conference_participants.list()
    assert (anna.label, anna.properties["enter_muted"]) == ("anna", True)
    assert {"unmute", "hold"} <= set(anna.events)
    assert (otto.label, otto.is_moderator) == ("otto", True)
    assert otto.metrics["inbound"]["mos"] < 3.5 < anna.metrics["inbound"]["mos"]
    assert "tags" not in anna.metrics["inbound"]
    assert otto.participant_sid is not None
    again = insights.conferences(active.sid).conference_participants(otto.participant_sid).fetch()
    assert again.call_sid == otto.call_sid
