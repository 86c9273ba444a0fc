"""Payment lines that must not record card numbers, and their tests: spoken ones, keys, <Pay>."""

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from twilio.rest import Client
from twilio.twiml.voice_response import Gather, Pay, Start, VoiceResponse

from mediasim.testing import MediasimSandbox


def payment_line(client: Client, *, pauses: bool = True) -> Starlette:
    """The app. Its handlers are plain functions, for the SDK blocks."""

    def twiml(answer: VoiceResponse) -> Response:
        return Response(str(answer), media_type="text/xml")

    def recording(request: Request) -> Any:
        return client.calls(request.query_params["CallSid"]).recordings("Twilio.CURRENT")

    def voice(request: Request) -> Response:
        answer = VoiceResponse()
        start = Start()
        start.recording(channels="dual")
        answer.append(start)
        answer.say("Welcome to the shop.")
        answer.redirect("/card", method="GET")
        return twiml(answer)

    def card(request: Request) -> Response:
        if pauses:
            recording(request).update(status="paused", pause_behavior="skip")
        answer = VoiceResponse()
        gather = Gather(num_digits=16, action="/paid", method="GET", timeout=20)
        gather.say("Please enter your card number.")
        answer.append(gather)
        return twiml(answer)

    def paid(request: Request) -> Response:
        if pauses:
            recording(request).update(status="in-progress")
        answer = VoiceResponse()
        answer.say("Thank you. Your order is on its way.")
        answer.pause(length=3)
        return twiml(answer)

    return Starlette(routes=[Route("/voice", voice), Route("/card", card), Route("/paid", paid)])


CARD = "4111111111111111"
SPOKEN = "It is four one one one, one one one one."
CUSTOMER = [
    {"wait_for": {"quiet": "1s"}},
    {"say": SPOKEN},
    {"dtmf": {"digits": CARD, "in_band": True}},
    {"wait_for": "other-stops"},
    {"say": "Thanks, bye."},
]


def test_the_card_number_is_in_no_recording(mediasim_sandbox: MediasimSandbox) -> None:
    mediasim_sandbox.app(payment_line(mediasim_sandbox.client), method="GET")
    call = mediasim_sandbox.call(script=CUSTOMER)

    mediasim_sandbox.run_until_idle()

    (recording,) = call.recordings
    recording.assert_dual()
    recording.assert_heard("caller", channel=1, text="thanks, bye")
    mediasim_sandbox.assert_never_contains(SPOKEN)
    mediasim_sandbox.assert_never_contains(CARD)


def test_without_the_pause_it_would_be(mediasim_sandbox: MediasimSandbox) -> None:
    mediasim_sandbox.app(payment_line(mediasim_sandbox.client, pauses=False), method="GET")
    mediasim_sandbox.call(script=CUSTOMER)

    mediasim_sandbox.run_until_idle()

    for number in (SPOKEN, CARD):
        with pytest.raises(AssertionError, match="in channel 1"):
            mediasim_sandbox.assert_never_contains(number)


def test_a_card_that_pay_takes_is_in_no_recording(mediasim_sandbox: MediasimSandbox) -> None:
    """The app leaves the card to Twilio: it sees a masked number, and no keys."""
    till, paid = VoiceResponse(), VoiceResponse()
    start = Start()
    start.recording(channels="dual")
    till.append(start)
    till.append(Pay(charge_amount="20.45", action="/paid"))
    paid.say("Thank you.")
    paid.pause(length=3)
    mediasim_sandbox.app({"/voice": str(till), "/paid": str(paid)})
    payer = [
        step
        for keys in (CARD, "1230", "123#", "94105#")
        for step in ({"wait_for": {"quiet": "1s"}}, {"dtmf": {"digits": keys, "in_band": True}})
    ]
    call = mediasim_sandbox.call(script=[*payer, {"wait_for": "other-stops"}, {"say": "Thanks."}])

    mediasim_sandbox.run_until_idle()

    (recording,) = call.recordings
    recording.assert_heard("caller", channel=1, text="thanks")
    mediasim_sandbox.assert_never_contains(CARD)
    (asked,) = (dict(it.params) for it in mediasim_sandbox.deliveries if "/paid" in it.url)
    assert (asked["Result"], asked["PaymentCardNumber"]) == ("success", "xxxxxxxxxxxx1111")
