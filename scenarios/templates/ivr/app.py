"""A menu: keys or words choose between sales and support, and a wrong choice is asked again."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

CHOICES = {"1": "Sales.", "sales": "Sales.", "2": "Support.", "support": "Support."}


def twiml(text: str) -> Response:
    return Response(f"<Response>{text}</Response>", media_type="text/xml")


async def voice(request: Request) -> Response:
    return twiml(
        "<Gather input='dtmf speech' numDigits='1' timeout='4' action='/chosen'>"
        "<Say>Press one or say sales. Press two or say support.</Say></Gather>"
        "<Say>Good bye.</Say>"
    )


async def chosen(request: Request) -> Response:
    async with request.form() as form:
        said = str(form.get("Digits") or form.get("SpeechResult", "")).strip(". ").lower()
    choice = CHOICES.get(said)
    if choice is None:
        return twiml("<Say>I did not understand.</Say><Redirect>/voice</Redirect>")
    return twiml(f"<Say>{choice}</Say>")


app = Starlette(
    routes=[
        Route("/voice", voice, methods=["POST"]),
        Route("/chosen", chosen, methods=["POST"]),
    ]
)
