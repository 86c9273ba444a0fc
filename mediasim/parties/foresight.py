"""What a party will hear, as far as it is known before it is said.

A simulated party's speech stands on its timeline before it is sent, and what networks and bridge do
to it is arithmetic. So the frames in which a listener certainly hears speech, or certainly none,
are known ahead, and with them how far the media plane may go before what is waited for can come.
Only what is certain is claimed: nothing of mixes, and of streams that are not in their ordinary
course. What codecs with a memory make of a sound is known to some decibels and frames only, which
is allowed for.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.audio.activity import certain_levels
from mediasim.audio.frames import FRAME_NS, FRAME_SAMPLES
from mediasim.media.leg import Leg
from mediasim.media.room import Room
from mediasim.parties.hearing import HeardAhead
from mediasim.parties.phone import SimulatedPhone
from mediasim.parties.rtp_receiver import RtpReceiver
from mediasim.rtp.playout_offsets import AHEAD_FRAMES

__all__ = ["heard_ahead", "timelines_of"]

_BACK: Final = 40
"""Frames looked at that were sent before: more than are on their way, as a rule."""
_AHEAD: Final = 400
"""Frames looked ahead at most."""
_HALF: Final = FRAME_SAMPLES // 2
_CODED: Final = 1.3
"""Share of its energy that loud sound may lose in G.711, coded twice: a step is 1/16 of a sample
at most, and rounding half of that."""
_REMEMBERED: Final = 4.0
"""The same for codecs with a memory: 6 dB, far more than they lose."""
_RECOVERS: Final = 3
"""Packets after a lost one that a decoder with a memory may need to find its way back."""
_BLURRED: Final = 5
"""Frames by which codecs with a memory may move the edges of sounds: far more than they do."""


def timelines_of(leg: Leg) -> tuple[int, ...]:
    """Return numbers that change with what the simulated parties that a leg hears will say."""
    phones = [other.source for other in leg.hears if isinstance(other.source, SimulatedPhone)]
    return tuple(phone.timeline.version + phone.keys_pressed for phone in phones)


def heard_ahead(leg: Leg, receiver: RtpReceiver | None) -> HeardAhead | None:
    """Return what a party will hear from its room's next frame on; None where nothing is known."""
    room = leg.room
    mixed = len(leg.hears) != 1 or leg.players or leg.conference is not None
    if receiver is None or leg.sink is not receiver or mixed or not isinstance(room, Room):
        return None
    other = leg.hears[0]
    phone = other.source
    if not isinstance(phone, SimulatedPhone) or other.clamp is not None:
        return None
    if other.stream.gaps.active:
        return None
    remembers = other.stream.decoder is not None or receiver.remembers
    said = phone.outlook(_BACK, _AHEAD)
    foresight = room.plane.playout.foresight
    place = foresight.place_of(other.stream, phone.format.first_timestamp)
    if said is None or place is None or place % _HALF:
        return None
    now = room.frame
    output = place + said.media
    up = foresight.foresee(other.stream, output, said.arrival, said.lost, (now - 1) * FRAME_NS)
    to_frame = max(now, int(output[-1]) // FRAME_SAMPLES + 1)
    down = receiver.outlook(leg.sender, _BACK, to_frame)
    if down is None:
        return None
    sent_from, heard_at, fate = down
    if int(heard_at[0]) % _HALF:
        return None
    loud, sounds = certain_levels(said.pcm, _REMEMBERED if remembers else _CODED)
    loud &= np.repeat(_sound(up.played, remembers), 2)
    # Both by halves of frames: first as the server plays them, then as the party hears them.
    at, count = int(output[0]) // _HALF - 2 * sent_from, 2 * (to_frame - sent_from)
    loud = _shifted(loud, at, count, before=False)
    maybe = _shifted(sounds, at, count, before=True)
    strayed = up.until is not None and bool(sounds[2 * up.known :].any())
    if strayed and up.until is not None:
        maybe[max(0, 2 * (up.until // FRAME_NS - sent_from)) :] = True
    loud &= np.repeat(_sound(fate.played, remembers), 2)
    unknown = fate.until is not None and maybe[2 * fate.known :].any()
    moved = any(
        shift.why != "start" and shift.frame > now - AHEAD_FRAMES
        for stream in (other.stream, receiver.stream)
        for shift in stream.shifts[-1:]
    )
    # By frames, from the next one on.
    at = int(heard_at[0]) // _HALF - 2 * now
    frames = max(0, (at + count) // 2)
    loud = _in_frames(_shifted(loud, at, 2 * frames, before=False))
    maybe = _in_frames(_shifted(maybe, at, 2 * frames, before=True))
    if unknown and fate.until is not None:
        maybe[max(0, fate.until // FRAME_NS - now) :] = True
    if moved:
        maybe[:] = True
    certain = said.silent_after and not (unknown or strayed)
    return HeardAhead(loud, maybe, certain, _BLURRED if remembers else 0)


def _sound(played: NDArray[np.bool_], remembers: bool) -> NDArray[np.bool_]:
    """Return which packets are decoded as they should be, of those that are played.

    A decoder with a memory takes some packets after a lost one to find its way back.
    """
    if not remembers:
        return played
    found = played.copy()
    for back in range(1, _RECOVERS + 1):
        found[:back] = False
        found[back:] &= played[:-back]
    return found


def _in_frames(halves: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return for frames (n,) whether either half (2 * n,) is set."""
    return halves[::2] | halves[1::2]


def _shifted(flags: NDArray[np.bool_], at: int, count: int, *, before: bool) -> NDArray[np.bool_]:
    """Return flags as the ``count`` ones in which they begin with index ``at``.

    Those in front of them are ``before``, those behind are not set.
    """
    found = np.zeros(count, np.bool_)
    found[: max(0, min(at, count))] = before
    low, high = max(0, at), min(count, at + len(flags))
    if low < high:
        found[low:high] = flags[low - at : high - at]
    return found
