"""A dialler that reminds people of appointments: a person at once, a machine after its beep."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from twilio.rest import Client

reached: dict[str, str] = {}
"""Who answered, by number: human, machine_end_beep, fax, unknown; or why there was no answer."""


def remind(client: Client, number: str, from_: str, url: str) -> str:
    """Call a number, and return the call's SID."""
    call = client.calls.create(
        to=number,
        from_=from_,
        url=f"{url}/voice",
        status_callback=f"{url}/status",
        machine_detection="DetectMessageEnd",
        timeout=20,
    )
    return str(call.sid)


async def voice(request: Request) -> Response:
    async with request.form() as form:
        reached[str(form["To"])] = str(form["AnsweredBy"])
    return Response(
        "<Response><Say>Your appointment is tomorrow at nine.</Say></Response>",
        media_type="text/xml",
    )


async def status(request: Request) -> Response:
    async with request.form() as form:
        if form["CallStatus"] != "completed":
            reached[str(form["To"])] = str(form["CallStatus"])
    return Response(status_code=204)


app = Starlette(
    routes=[
        Route("/voice", voice, methods=["POST"]),
        Route("/status", status, methods=["POST"]),
    ]
)
