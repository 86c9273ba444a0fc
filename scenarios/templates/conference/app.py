"""A conference room with a PIN: who knows it joins, and the meeting is recorded."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PIN = "2468"


def twiml(text: str) -> Response:
    return Response(f"<Response>{text}</Response>", media_type="text/xml")


async def voice(request: Request) -> Response:
    return twiml(
        "<Gather numDigits='4' action='/join' timeout='5'><Say>Please enter the PIN.</Say></Gather>"
    )


async def join(request: Request) -> Response:
    async with request.form() as form:
        known = form["Digits"] == PIN
    if not known:
        return twiml("<Say>That is not the PIN.</Say>")
    return twiml(
        "<Dial><Conference record='record-from-start' endConferenceOnExit='true' beep='false'>"
        "meeting</Conference></Dial>"
    )


app = Starlette(
    routes=[
        Route("/voice", voice, methods=["POST"]),
        Route("/join", join, methods=["POST"]),
    ]
)
