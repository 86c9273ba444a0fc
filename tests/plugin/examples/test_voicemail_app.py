"""A voicemail app, and its tests: the message is heard, and a callback may come twice."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from twilio.twiml.voice_response import VoiceResponse

from mediasim.testing import MediasimSandbox

inbox: dict[str, str] = {}


async def voice(request: Request) -> Response:
    answer = VoiceResponse()
    answer.say("Please leave a message after the tone.")
    answer.record(timeout=3, max_length=60, action="/bye", recording_status_callback="/recorded")
    return Response(str(answer), media_type="text/xml")


async def bye(request: Request) -> Response:
    answer = VoiceResponse()
    answer.hangup()
    return Response(str(answer), media_type="text/xml")


async def recorded(request: Request) -> Response:
    form = await request.form()
    inbox[str(form["RecordingSid"])] = str(form["RecordingUrl"])
    return Response(status_code=204)


app = Starlette(
    routes=[
        Route("/voice", voice, methods=["POST"]),
        Route("/bye", bye, methods=["POST"]),
        Route("/recorded", recorded, methods=["POST"]),
    ]
)

ALICE = [{"wait_for": {"quiet": "1s"}}, {"say": "This is Alice. Please call me back."}]


def test_the_message_is_in_the_inbox(mediasim_sandbox: MediasimSandbox) -> None:
    inbox.clear()
    mediasim_sandbox.app(app)
    call = mediasim_sandbox.call(script=ALICE)

    mediasim_sandbox.run_until_idle()

    assert call.status == "completed"
    (message,) = call.recordings
    assert list(inbox) == [message.sid]
    message.assert_heard("caller", channel=1, text="call me back")
    message.assert_downloads(channels=1)
    message.assert_downloads(channels=2, status=400)


def test_a_callback_that_comes_twice_is_one_message(mediasim_sandbox: MediasimSandbox) -> None:
    inbox.clear()
    mediasim_sandbox.app(app)
    mediasim_sandbox.call(script=ALICE)

    with mediasim_sandbox.weather(webhook_duplicate=2, only="recording-status"):
        mediasim_sandbox.run_until_idle()

    assert len(mediasim_sandbox.deliveries.of("recording-status")) == 2
    assert len(inbox) == 1
