"""A payment line: the call is recorded, and the recording pauses while a card is typed."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from twilio.rest import Client


def twiml(text: str) -> Response:
    return Response(f"<Response>{text}</Response>", media_type="text/xml")


def payment_line(client: Client | None = None) -> Starlette:
    """Return the app; without a client it has one by the environment. Its handlers are plain
    functions, for Twilio's client blocks."""

    def recording(request: Request, **changes: str) -> None:
        sid = request.query_params["CallSid"]
        (client or Client()).calls(sid).recordings("Twilio.CURRENT").update(**changes)

    def voice(request: Request) -> Response:
        return twiml(
            "<Start><Recording channels='dual'/></Start><Say>Welcome to the shop.</Say>"
            "<Redirect method='GET'>/card</Redirect>"
        )

    def card(request: Request) -> Response:
        recording(request, status="paused", pause_behavior="skip")
        return twiml(
            "<Gather numDigits='16' action='/paid' method='GET' timeout='20'>"
            "<Say>Please enter your card number.</Say></Gather>"
        )

    def paid(request: Request) -> Response:
        recording(request, status="in-progress")
        return twiml("<Say>Thank you.</Say><Pause length='3'/>")

    return Starlette(
        routes=[
            Route("/voice", voice, methods=["GET", "POST"]),
            Route("/card", card),
            Route("/paid", paid),
        ]
    )


app = payment_line()
