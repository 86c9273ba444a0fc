"""A dialler that records both sides, and its tests: who is in which channel, and a late callback.

It is a plain WSGI application; Flask's and Django's are given to the sandbox in the same way.
"""

from typing import Any
from urllib.parse import parse_qs

from twilio.rest import Client

from mediasim.testing import MediasimSandbox

AGENT = "+14155550111"
recordings: dict[str, str] = {}


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    form = parse_qs(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode())
    if environ["PATH_INFO"] == "/connect":
        start_response("200 OK", [("Content-Type", "text/xml")])
        return [f"<Response><Dial>{AGENT}</Dial></Response>".encode()]
    recordings[form["CallSid"][0]] = form["RecordingUrl"][0]
    start_response("204 No Content", [])
    return []


def dial(client: Client, customer: str, base_url: str) -> str:
    """What the app does for each customer on its list."""
    call = client.calls.create(
        to=customer,
        from_="+15005550006",
        url=f"{base_url}/connect",
        record=True,
        recording_channels="dual",
        recording_status_callback=f"{base_url}/recorded",
    )
    return str(call.sid)


def people(sandbox: MediasimSandbox) -> str:
    sandbox.party("agent", [{"wait_for": "other-stops"}, "hangup"], number=AGENT)
    return sandbox.party("customer", [{"pause": "4s"}, {"say": "Who is this, please?"}])


def test_both_sides_are_recorded_each_in_its_channel(mediasim_sandbox: MediasimSandbox) -> None:
    recordings.clear()
    customer = people(mediasim_sandbox)
    served = mediasim_sandbox.app(app, voice=None)

    sid = dial(mediasim_sandbox.client, customer, served.url)
    mediasim_sandbox.run_until_idle()

    (recording,) = mediasim_sandbox.recordings_of(sid)
    recording.assert_dual()
    recording.assert_heard("customer", channel=1, text="who is this")
    recording.assert_no_crosstalk()
    recording.assert_downloads(channels=2)
    assert recording.sid in recordings[sid]


def test_media_that_come_late_are_asked_for_again(mediasim_sandbox: MediasimSandbox) -> None:
    customer = people(mediasim_sandbox)
    served = mediasim_sandbox.app(app, voice=None)
    mediasim_sandbox.weather(media_missing="5s")

    sid = dial(mediasim_sandbox.client, customer, served.url)
    mediasim_sandbox.run_until_idle()

    (recording,) = mediasim_sandbox.recordings_of(sid)
    recording.assert_downloads(status=404)
    mediasim_sandbox.advance("5s")
    recording.assert_downloads(channels=2)
