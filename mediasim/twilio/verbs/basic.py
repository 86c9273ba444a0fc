"""The verbs of one step: Say, Play, Pause and Echo, Redirect, Hangup and Reject."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.dtmf import DTMF_DIGITS, dtmf_digits
from mediasim.audio.frames import NS_PER_SECOND
from mediasim.audio.wav import AudioFileError
from mediasim.exchange.waiting import CallEnded, never
from mediasim.parties.voices.speech import UnspeakableText
from mediasim.twilio.requests import TwimlSource
from mediasim.twilio.session import CallSession, HangUp, executes
from mediasim.twilio.ssml.pieces import pieces_of
from mediasim.twilio.ssml.speaking import Words, speak
from mediasim.twilio.twiml import SCHEMA, Verb
from mediasim.twilio.webhooks import AppFailure, AppRequest, Delivery

__all__ = [
    "Interrupted",
    "Stop",
    "echo",
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
_INVALID_TEXT: Final = 13520
_TEXT_TOO_LONG: Final = 13521
_NO_URL: Final = 11100
_INVALID_MEDIA: Final = 12300
_LONGEST_TEXT: Final = 4096
"""Most characters of a Say (https://www.twilio.com/docs/voice/twiml/say)."""
Stop = Callable[[], Coroutine[Any, Any, Any]]


class Interrupted(Exception):
    """An event has ended the sound that was being played."""


@executes("Say")
async def say(session: CallSession, verb: Verb, stop: Stop | None = None) -> None:
    """Say a text ``loop`` times, 0: without end. Raises Interrupted if ``stop`` ends before."""
    said = await _spoken(session, verb)
    how = {"text": said.text, "words": said.times}
    await _repeat(session, verb, said.pcm, "speech", stop, **how)


@executes("Play")
async def play(session: CallSession, verb: Verb, stop: Stop | None = None) -> None:
    """Play a file or touch tones. Raises Interrupted if ``stop`` ends before."""
    await _repeat(session, verb, await sound_of(session, verb), verb.text.strip() or "digits", stop)


@executes("Pause")
async def pause(session: CallSession, verb: Verb, stop: Stop | None = None) -> None:
    """Wait for ``length`` seconds. Raises Interrupted if ``stop`` ends before."""
    waits = [session.exchange.sleep(verb.seconds("length", 1) * NS_PER_SECOND)]
    if stop is not None:
        waits.append(stop())
    if await session.until(*waits):
        raise Interrupted


@executes("Echo")
async def echo(session: CallSession, verb: Verb) -> None:
    """Send the party its own audio back until the call ends or is redirected."""
    call = session.call
    call.room.hear(call.leg, call.leg)
    try:
        await session.until(never())
    finally:
        if call.active:
            call.room.hear(call.leg)


async def _repeat(
    session: CallSession,
    verb: Verb,
    pcm: NDArray[np.int16],
    label: str,
    stop: Stop | None,
    **how: Any,
) -> None:
    if not len(pcm):
        return
    for _ in range(verb.number("loop", 1) or _FOREVER):
        if await session.play(pcm, label, *([stop] if stop is not None else []), **how):
            raise Interrupted


async def sound_of(session: CallSession, verb: Verb) -> NDArray[np.int16]:
    """Return the samples (samples,) of a Say or Play.

    A file that cannot be fetched or read has none, after a notification.
    """
    if verb.name == "Say":
        return (await _spoken(session, verb)).pcm
    if verb.attribute("digits"):
        return touch_tones(verb.attribute("digits"))
    if not verb.text.strip():
        session.warn(_NO_URL, "Play: it has neither a URL nor digits to play", verb.line)
        return np.zeros(0, np.int16)
    return await fetch_sound(session, verb.text.strip())


async def _spoken(session: CallSession, verb: Verb) -> Words:
    """Return a Say's speech; without any, after a warning, where it cannot be said."""
    account, words = session.account, verb.text
    if len(words) > _LONGEST_TEXT:
        text = f"Say: the text has {len(words)} characters: the first {_LONGEST_TEXT} are said"
        session.warn(_TEXT_TOO_LONG, text, verb.line)
        words = words[:_LONGEST_TEXT]
    pieces, troubles = pieces_of(verb, _LONGEST_TEXT) if verb.content else ([], [])
    for trouble in troubles:
        session.warn(trouble.code, f"Say: {trouble.words}", trouble.line)
    voice = verb.attribute("voice")
    for language in (verb.attribute("language"), "en"):
        try:
            if verb.content:
                refused = partial(_refused, session, verb)
                return await speak(account.studio, pieces, voice, language, refused)
            spoken = await account.studio.utter(words, voice, language)
            return Words(spoken.pcm, words, spoken.words)
        except UnspeakableText as error:
            text = f"Say: Invalid text: {error}"
            session.warn(_INVALID_TEXT, text, verb.line)
            break
        except ValueError as error:
            text = f"Say: language: {error}; it is said in English"
            session.warn(SCHEMA, text, verb.line)
    return Words(np.zeros(0, np.int16))


def _refused(session: CallSession, verb: Verb, words: str) -> None:
    session.warn(_INVALID_TEXT, f"Say: {words}", verb.line)


async def fetch_sound(session: CallSession, url: str) -> NDArray[np.int16]:
    """Fetch and decode a file; return no samples, after a notification, if that fails."""
    account, sid = session.account, session.call.sid
    request = AppRequest(session.absolute(url), "GET", (), "media", sid, account.sid)
    delivery: Delivery | None = None
    try:
        response = await account.webhooks.fetch(request)
        delivery = response.delivery
        pcm, damaged = await account.studio.decode(response.body)
        if damaged:
            text = f"Play: damaged packets of the file were passed over: {damaged}"
            account.notify(sid, _INVALID_MEDIA, text, request.url, delivery=delivery, warning=True)
        return pcm
    except AppFailure as failure:
        account.notify(sid, failure.code, failure.message, request.url, delivery=failure.delivery)
    except AudioFileError as error:
        words = f"cannot be played: {error}"
        account.notify(sid, _INVALID_MEDIA, words, request.url, delivery=delivery)
    return np.zeros(0, np.int16)


def touch_tones(digits: str) -> NDArray[np.int16]:
    """Return keys as tones; ``w`` is a pause of half a second, ``W`` of a second."""
    return dtmf_digits("".join(digit for digit in digits if digit in f"{DTMF_DIGITS}wW"))


@executes("Redirect")
async def redirect(session: CallSession, verb: Verb) -> TwimlSource:
    """Go on with another document."""
    return session.source(verb.text.strip(), verb)


@executes("Hangup")
async def hangup(session: CallSession, verb: Verb) -> None:
    """End the call."""
    raise HangUp


@executes("Reject")
async def reject(session: CallSession, verb: Verb) -> None:
    """Do not answer the call; an answered one is ended."""
    if session.call.record.status != "ringing":
        raise HangUp
    session.call.fail("busy" if verb.attribute("reason") == "busy" else "no-answer")
    raise CallEnded
