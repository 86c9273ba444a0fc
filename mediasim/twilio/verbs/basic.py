"""The verbs of one step: Say, Play and Pause, Redirect, Hangup and Reject."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.dtmf import DTMF_DIGITS, dtmf_digits
from mediasim.audio.frames import NS_PER_SECOND
from mediasim.audio.wav import AudioFileError
from mediasim.exchange.waiting import CallEnded
from mediasim.parties.voices.speech import UnspeakableText
from mediasim.twilio.requests import TwimlSource
from mediasim.twilio.session import CallSession, HangUp
from mediasim.twilio.twiml import Verb
from mediasim.twilio.webhooks import AppFailure, AppRequest

__all__ = [
    "Interrupted",
    "Stop",
    "fetch_sound",
    "hangup",
    "pause",
    "play",
    "redirect",
    "reject",
    "say",
    "sound_of",
    "touch_tones",
]

_FOREVER: Final = 10_000
_SCHEMA: Final = 12200
_INVALID_TEXT: Final = 13520
_INVALID_MEDIA: Final = 12300
_LONGEST_TEXT: Final = 4096
"""Characters, as https://www.twilio.com/docs/voice/twiml/say has it."""
Stop = Callable[[], Coroutine[Any, Any, Any]]


class Interrupted(Exception):
    """Something happened that ends what is being played."""


async def say(session: CallSession, verb: Verb, stop: Stop | None = None) -> None:
    """Speech, so many times; 0 is until the call ends."""
    await _repeat(session, verb, await sound_of(session, verb), "speech", stop)


async def play(session: CallSession, verb: Verb, stop: Stop | None = None) -> None:
    """A file, or touch tones."""
    await _repeat(session, verb, await sound_of(session, verb), verb.text.strip() or "digits", stop)


async def pause(session: CallSession, verb: Verb, stop: Stop | None = None) -> None:
    """Nothing, for so many seconds."""
    waits = [session.exchange.sleep(verb.seconds("length", 1) * NS_PER_SECOND)]
    if stop is not None:
        waits.append(stop())
    if await session.until(*waits):
        raise Interrupted


async def _repeat(
    session: CallSession, verb: Verb, pcm: NDArray[np.int16], label: str, stop: Stop | None
) -> None:
    if not len(pcm):
        return
    for _ in range(verb.number("loop", 1) or _FOREVER):
        if await session.play(pcm, label, *([stop] if stop is not None else [])):
            raise Interrupted


async def sound_of(session: CallSession, verb: Verb) -> NDArray[np.int16]:
    """The samples of a Say or Play; none for a file that cannot be had, which is noted."""
    if verb.name == "Say":
        return await _spoken(session, verb)
    if verb.attribute("digits"):
        return touch_tones(verb.attribute("digits"))
    return await fetch_sound(session, verb.text.strip())


async def _spoken(session: CallSession, verb: Verb) -> NDArray[np.int16]:
    service, sid, words = session.service, session.call.sid, verb.text
    if len(words) > _LONGEST_TEXT:
        text = f"Say: the text has {len(words)} characters: the first {_LONGEST_TEXT} are said"
        service.notify(sid, _INVALID_TEXT, text, line=verb.line, warning=True)
        words = words[:_LONGEST_TEXT]
    for language in (verb.attribute("language"), "en"):
        try:
            return await service.studio.say(words, verb.attribute("voice"), language)
        except UnspeakableText as error:
            text = f"Say: Invalid text: {error}"
            service.notify(sid, _INVALID_TEXT, text, line=verb.line, warning=True)
            break
        except ValueError as error:
            text = f"Say: language: {error}; it is said in English"
            service.notify(sid, _SCHEMA, text, line=verb.line, warning=True)
    return np.zeros(0, np.int16)


async def fetch_sound(session: CallSession, url: str) -> NDArray[np.int16]:
    """A file of the app's."""
    service, sid = session.service, session.call.sid
    request = AppRequest(session.absolute(url), "GET", (), "media", sid)
    try:
        response = await service.webhooks.fetch(request)
        pcm, damaged = await service.studio.decode(response.body)
        if damaged:
            text = f"Play: damaged packets of the file were passed over: {damaged}"
            service.notify(sid, _INVALID_MEDIA, text, request.url, warning=True)
        return pcm
    except AppFailure as failure:
        service.notify(sid, failure.code, failure.message, request.url)
    except AudioFileError as error:
        service.notify(sid, _INVALID_MEDIA, f"cannot be played: {error}", request.url)
    return np.zeros(0, np.int16)


def touch_tones(digits: str) -> NDArray[np.int16]:
    """Keys as tones; ``w`` waits half a second, ``W`` a second, anything else is left out."""
    return dtmf_digits("".join(digit for digit in digits if digit in f"{DTMF_DIGITS}wW"))


async def redirect(session: CallSession, verb: Verb) -> TwimlSource:
    """Go on with another document."""
    return TwimlSource(session.absolute(verb.text.strip()), verb.attribute("method", "POST"))


async def hangup(session: CallSession, verb: Verb) -> None:
    """End the call."""
    raise HangUp


async def reject(session: CallSession, verb: Verb) -> None:
    """Do not answer the call; an answered one is ended."""
    if session.call.record.status != "ringing":
        raise HangUp
    session.call.fail("busy" if verb.attribute("reason") == "busy" else "no-answer")
    raise CallEnded
