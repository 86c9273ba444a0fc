"""Audio that a call hears beside its own document: music, or another document of the app.

Wait music, hold music, announcements and whispers are fetched like any document, but few verbs
are allowed in them, and they never replace the document that the call is in. So each runs in a
session of its own beside the call's.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.frames import NS_PER_SECOND, SAMPLE_RATE
from mediasim.exchange.participant import Unavailable, hold_music
from mediasim.exchange.waiting import never
from mediasim.twilio.error_dictionary import titled
from mediasim.twilio.requests import Params, TwimlSource
from mediasim.twilio.session import CallSession, FollowUp
from mediasim.twilio.twiml import SCHEMA, Document, Verb
from mediasim.twilio.verbs.basic import sound_of

__all__ = ["SOUNDS", "beside", "entertain", "play_through", "sounds", "wait_source"]

SOUNDS: Final = ("Play", "Say", "Pause", "Redirect")
"""The verbs that only make sound, and Redirect."""

_IN_CONFERENCE: Final = 13238
"""Code of a verb that may not stand in a wait, hold or announcement document of a conference."""
_MOST_AT_ONCE: Final = 10
"""Most documents in a row at one instant; after them there is a second's pause."""


def wait_source(session: CallSession, verb: Verb, method: str) -> TwimlSource | None:
    """Return the source of ``waitUrl``: None without it; an empty URL stays empty."""
    url = verb.attributes.get("waitUrl")
    if not url:
        return None if url is None else TwimlSource("")
    return session.source(url, verb, method)


def beside(session: CallSession) -> CallSession:
    """Return another session of the same call, whose documents do not replace the call's own."""
    other = CallSession(session.account, session.call, session.phone)
    other.base = session.base
    return other


class _Pace:
    """Keeps a document that leads to itself from being fetched without end at one instant."""

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


async def _fetch(
    session: CallSession, following: FollowUp, allowed: tuple[str, ...], misplaced: int
) -> Document:
    """Fetch a document without the verbs that are not allowed, each of which is notified of.

    ``misplaced`` is the notifications' code. Raises Unavailable if the document fails.
    """
    source = following.source
    document = await session.fetched(source.url or "", source.method, following.params)
    if document is None:
        raise Unavailable(session.absolute(source.url or ""))
    verbs: list[Verb] = []
    for verb in document.verbs:
        if verb.name in allowed:
            verbs.append(verb)
        else:
            words = f"{verb.name} may not stand here: {', '.join(allowed)}"
            session.warn(misplaced, titled(misplaced, words), verb.line)
    return Document(tuple(verbs))


async def play_through(
    session: CallSession,
    source: TwimlSource,
    params: Callable[[], Params],
    allowed: tuple[str, ...] = SOUNDS,
    pace: _Pace | None = None,
    misplaced: int = SCHEMA,
) -> Document:
    """Execute a document and those that it leads to, once; return the last.

    ``params`` returns the parameters of each request; ``misplaced`` is the code of notifications
    about verbs that are not allowed. Raises Unavailable if a document cannot be
    fetched, CallEnded if the party hangs up.
    """
    pace = pace or _Pace(session)
    following = FollowUp(source, [])
    while True:
        await pace.keep()
        follow_up = FollowUp(following.source, following.params + params())
        document = await _fetch(session, follow_up, allowed, misplaced)
        next_document = await session.carry_out(document)
        if next_document is None:
            return document
        following = (
            next_document if isinstance(next_document, FollowUp) else FollowUp(next_document, [])
        )


async def entertain(
    session: CallSession,
    source: TwimlSource | None,
    params: Callable[[], Params],
    allowed: tuple[str, ...] = SOUNDS,
    *,
    again: bool = False,
) -> None:
    """Play music (None), nothing (an empty URL) or a document until cancelled.

    A document that has ended is fetched ``again``, or silence follows; a sound file is repeated
    in either case. Raises Unavailable and CallEnded as :func:`play_through` does.
    """
    if source is None:
        await hold_music(session)
    elif source.url:
        pace = _Pace(session)
        repeat, misplaced = True, _IN_CONFERENCE if allowed is SOUNDS else SCHEMA
        while repeat:
            last = await play_through(session, source, params, allowed, pace, misplaced)
            repeat = again or _is_sound_file(session, last)
    await never()


def _is_sound_file(session: CallSession, document: Document) -> bool:
    """Tell whether the response was audio, which a session turns into a Play of its URL."""
    return [(verb.name, verb.text) for verb in document.verbs] == [("Play", session.base)]


async def sounds(
    session: CallSession, source: TwimlSource, params: Params
) -> AsyncGenerator[NDArray[np.int16], None]:
    """Yield the sounds (samples,) of a document and those that it leads to, to be played.

    Raises Unavailable if a document cannot be fetched.
    """
    pace = _Pace(session)
    following: FollowUp | None = FollowUp(source, params)
    while following is not None:
        await pace.keep()
        document = await _fetch(session, following, SOUNDS, _IN_CONFERENCE)
        following = None
        for verb in document.verbs:
            session.note(verb)
            if verb.name == "Redirect":
                following = FollowUp(session.source(verb.text, verb), params)
                break
            if verb.name == "Pause":
                yield np.zeros(verb.seconds("length", 1) * SAMPLE_RATE, np.int16)
                continue
            pcm = await sound_of(session, verb)
            for _ in range(max(1, verb.number("loop", 1))):  # an endless loop is played once
                yield pcm
