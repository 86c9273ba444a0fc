"""A dialler that leaves a message on answering machines, and its tests: it waits for the beep."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from twilio.rest import Client
from twilio.twiml.voice_response import VoiceResponse

from mediasim.testing import MediasimSandbox

AGENT = "+14155550111"


async def answered(request: Request) -> Response:
    form = await request.form()
    answer = VoiceResponse()
    if str(form["AnsweredBy"]).startswith("machine_end"):
        answer.say("This is the clinic. Your appointment is tomorrow at nine.")
    elif form["AnsweredBy"] == "human":
        answer.dial(AGENT)
    return Response(str(answer), media_type="text/xml")


app = Starlette(routes=[Route("/answered", answered, methods=["POST"])])


def remind(client: Client, patient: str, base_url: str) -> str:
    """What the app does for each patient on its list."""
    call = client.calls.create(
        to=patient,
        from_="+15005550006",
        url=f"{base_url}/answered",
        record=True,
        recording_channels="dual",
        machine_detection="DetectMessageEnd",
    )
    return str(call.sid)


def test_the_message_begins_after_the_beep(mediasim_sandbox: MediasimSandbox) -> None:
    home = mediasim_sandbox.party("home", [{"answer_as": "machine"}, {"pause": "20s"}])
    served = mediasim_sandbox.app(app, voice=None)

    sid = remind(mediasim_sandbox.client, home, served.url)
    mediasim_sandbox.run_until_idle()

    (recording,) = mediasim_sandbox.recordings_of(sid)
    recording.assert_after_beep("home")
    recording.assert_heard("home", channel=1, text="after the tone")


def test_a_person_is_connected_to_an_agent(mediasim_sandbox: MediasimSandbox) -> None:
    patient = mediasim_sandbox.party("patient", [{"answer_as": "human"}, {"pause": "9s"}])
    mediasim_sandbox.party("agent", [{"say": "Good morning."}], number=AGENT)
    served = mediasim_sandbox.app(app, voice=None)

    sid = remind(mediasim_sandbox.client, patient, served.url)
    mediasim_sandbox.run_until_idle()

    (recording,) = mediasim_sandbox.recordings_of(sid)
    recording.assert_heard("agent", channel=2, text="good morning")
