"""What a call hears beside its own document: music, or another document of the app's.

Wait music, hold music, announcements and whispers are asked for like any document, but few verbs
may stand in them, and what comes of them never replaces the document that the call is in. So each
runs in a session of its own beside the call's.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import NS_PER_SECOND, SAMPLE_RATE
from mediasim.exchange.participant import Unavailable, hold_music
from mediasim.exchange.waiting import never
from mediasim.twilio.requests import TwimlSource
from mediasim.twilio.session import CallSession, FollowUp
from mediasim.twilio.status import Params
from mediasim.twilio.twiml import Document, Verb
from mediasim.twilio.verbs.basic import sound_of

__all__ = ["SOUNDS", "beside", "entertain", "play_through", "sounds"]

SOUNDS: Final = ("Play", "Say", "Pause", "Redirect")
"""The verbs that only make something heard, and Redirect."""

_MOST_AT_ONCE: Final = 10
"""Documents in a row that let no time pass, after which there is a second's pause."""


def beside(session: CallSession) -> CallSession:
    """Another session of the same call: documents in it leave the call's own as it is."""
    other = CallSession(session.service, session.call, session.phone)
    other.base = session.base
    return other


class _Pace:
    """Keeps a document that leads to itself from being asked for without end in one instant."""

    def __init__(self, session: CallSession) -> None:
        self._session = session
        self._since_ns = session.exchange.now_ns
        self._documents = 0

    async def keep(self) -> None:
        now_ns = self._session.exchange.now_ns
        self._documents = self._documents + 1 if now_ns == self._since_ns else 1
        self._since_ns = now_ns
        if self._documents > _MOST_AT_ONCE:
            await self._session.sleep(NS_PER_SECOND)
            self._since_ns = self._session.exchange.now_ns


async def _asked(session: CallSession, following: FollowUp, allowed: tuple[str, ...]) -> Document:
    """A document without the verbs that may not stand in it. Raises Unavailable."""
    script = following.script
    document = await session.fetched(script.url or "", script.method, following.params)
    if document is None:
        raise Unavailable(session.absolute(script.url or ""))
    kept: list[Verb] = []
    for verb in document.verbs:
        if verb.name in allowed:
            kept.append(verb)
        else:
            words = f"{verb.name} may not stand here: {', '.join(allowed)}"
            session.service.notify(
                session.call.sid, 12200, words, session.base, line=verb.line, warning=True
            )
    return Document(tuple(kept))


async def play_through(
    session: CallSession,
    script: TwimlSource,
    params: Callable[[], Params],
    allowed: tuple[str, ...] = SOUNDS,
    pace: _Pace | None = None,
) -> Document:
    """A document and those that it leads to, once; returns the last.

    ``params`` are what the app is told whenever it is asked for one. Raises Unavailable, and
    CallEnded when the party hangs up.
    """
    pace = pace or _Pace(session)
    following = FollowUp(script, [])
    while True:
        await pace.keep()
        asked = FollowUp(following.script, following.params + params())
        document = await _asked(session, asked, allowed)
        next_one = await session.carry_out(document)
        if next_one is None:
            return document
        following = next_one if isinstance(next_one, FollowUp) else FollowUp(next_one, [])


async def entertain(
    session: CallSession,
    script: TwimlSource | None,
    params: Callable[[], Params],
    allowed: tuple[str, ...] = SOUNDS,
    *,
    again: bool = False,
) -> None:
    """Play music (None), nothing (an empty URL) or a document until cancelled.

    A document that has run out is asked for ``again``, or silence follows; a sound file is played
    over and over in either case. Raises what :func:`play_through` does.
    """
    if script is None:
        await hold_music(session)
    elif script.url:
        pace = _Pace(session)
        repeat = True
        while repeat:
            last = await play_through(session, script, params, allowed, pace)
            repeat = again or _is_sound_file(session, last)
    await never()


def _is_sound_file(session: CallSession, document: Document) -> bool:
    """Whether the app answered with sound: a session makes that a Play of where it was found."""
    return [(verb.name, verb.text) for verb in document.verbs] == [("Play", session.base)]


async def sounds(
    session: CallSession, script: TwimlSource, params: Params
) -> AsyncGenerator[NDArray[np.int16], None]:
    """What a document has to be heard, one piece after the other; played by whoever asks.

    Raises Unavailable.
    """
    pace = _Pace(session)
    following: FollowUp | None = FollowUp(script, params)
    while following is not None:
        await pace.keep()
        document = await _asked(session, following, SOUNDS)
        following = None
        for verb in document.verbs:
            if verb.name == "Redirect":
                target = TwimlSource(session.absolute(verb.text), verb.attribute("method", "POST"))
                following = FollowUp(target, params)
                break
            if verb.name == "Pause":
                yield np.zeros(verb.seconds("length", 1) * SAMPLE_RATE, np.int16)
                continue
            pcm = await sound_of(session, verb)
            for _ in range(max(1, verb.number("loop", 1))):  # for ever is no announcement: once
                yield pcm
