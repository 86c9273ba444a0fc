"""demo.twilio.com and the samples of api.twilio.com: what examples of Twilio's pages play and ask.

The documents are shaped as Twilio's are; texts and sounds are ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mediasim.twilio.sites.music import sound
from mediasim.twilio.sites.site import SiteRequest, SiteResponse, no_such_page, twiml, verb

__all__ = ["SAMPLES", "demo", "samples"]

SAMPLES: Final = ("/cowbell.mp3",)
"""Paths of the API's host that are sounds of Twilio's examples."""


def demo(request: SiteRequest) -> SiteResponse:
    """Answer a request to demo.twilio.com."""
    page = _PAGES.get(request.path)
    return no_such_page(request, _PAGES) if page is None else page(request)


def samples(request: SiteRequest) -> SiteResponse:
    """Answer a request for one of the :data:`SAMPLES` of api.twilio.com."""
    return sound("cowbell", ".mp3") if request.path in SAMPLES else no_such_page(request, SAMPLES)


def _voice(request: SiteRequest) -> SiteResponse:
    play = verb("Play", request.page("/docs/classic.mp3", {}))
    return twiml(verb("Say", "Thanks for trying our documentation. Enjoy!", voice="alice"), play)


def _welcome(request: SiteRequest) -> SiteResponse:
    words = "Hello! This number has no app yet: give it a voice URL to answer its calls. Good bye."
    return twiml(verb("Say", words))


def _reply(request: SiteRequest) -> SiteResponse:
    words = "Thanks for the message. Give this number a messaging URL to change this reply."
    return twiml(verb("Message", words))


_PAGES: Final[dict[str, Callable[[SiteRequest], SiteResponse]]] = {
    "/docs/voice.xml": _voice,
    "/docs/classic.mp3": lambda _: sound("classical", ".mp3"),
    "/welcome/voice": _welcome,
    "/welcome/sms/reply": _reply,
    "/sms/welcome": _reply,
}
