"""A voicemail: it greets, records a message, and is told when the recording is there."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

messages: list[str] = []
"""URLs of the recordings that were left."""


async def voice(request: Request) -> Response:
    return Response(
        "<Response><Say>Please leave a message after the beep.</Say>"
        "<Record timeout='2' maxLength='60' action='/thanks' recordingStatusCallback='/recorded'/>"
        "<Say>Good bye.</Say></Response>",
        media_type="text/xml",
    )


async def thanks(request: Request) -> Response:
    return Response("<Response><Say>Thank you.</Say></Response>", media_type="text/xml")


async def recorded(request: Request) -> Response:
    async with request.form() as form:
        messages.append(str(form["RecordingUrl"]))
    return Response(status_code=204)


app = Starlette(
    routes=[
        Route("/voice", voice, methods=["POST"]),
        Route("/thanks", thanks, methods=["POST"]),
        Route("/recorded", recorded, methods=["POST"]),
    ]
)
