"""A party's line on a leg: when its words are played, and what it sends and hears."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from mediasim.audio.g711 import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode
from mediasim.audio.levels import rms_dbfs
from mediasim.audio.tones import noise
from mediasim.documents.durations import Duration
from mediasim.media.plane import MediaPlane
from mediasim.media.recorder import Tap
from mediasim.media.room import Room
from mediasim.net.network import Impairments, Loss, Stall
from mediasim.parties.party import Line, Party
from mediasim.rtp.stream import Digit
from mediasim.seeds import Seeds
from mediasim.truth.measure import find_offset

MS = 1_000_000
SPEECH = noise("white", 8000, -20.0, Seeds(1).generator("speech"))
SAID_AT = 1600


class Kept:
    """A recorder's sink."""

    def __init__(self) -> None:
        self.pieces: list[NDArray[np.int16]] = []

    def write(self, samples: NDArray[np.int16]) -> None:
        self.pieces.append(samples[:, 0].copy())

    def close(self) -> None:
        pass


def lived(
    party: Party,
    frames: int = 100,
    *,
    label: str = "line",
    start: int = 0,
    press: str = "",
    again: int | None = None,
) -> tuple[NDArray[np.int16], list[Digit]]:
    """What the server plays of a party that speaks, from its line's start on, and its keys."""
    plane = MediaPlane(max_lag=64)
    plane.advance(start)
    room = Room(plane)
    line = Line(party, room, label, Seeds(3), start * 20 * MS)
    line.timeline.place(SPEECH, SAID_AT, kind="say", text="")
    if again is not None:
        line.timeline.place(SPEECH, again, kind="say", text="")
    digits: list[Digit] = []
    line.leg.on_digit = digits.append
    if press:
        line.phone.press(press, SAID_AT + len(SPEECH), 800, 800)
    line.connect(None, listens=False)
    kept = Kept()
    tap: Tap = line.leg.inbound
    room.record([[tap]], kept)
    while plane.advance(start + frames) < start + frames:
        pass
    room.close()
    return np.concatenate(kept.pieces), digits


def path_of(track: NDArray[np.int16], speech: NDArray[np.int16]) -> int | None:
    for at in np.flatnonzero(track == speech[0]).tolist():
        if np.array_equal(track[at : at + 8000], speech):
            return int(at) - SAID_AT
    return None


@pytest.mark.parametrize("delay_ms", [0, 1, 30, 137])
@pytest.mark.parametrize("depth", [1, 3, 10])
@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40, 50, 60])
def test_words_are_played_exactly_a_path_after_they_were_said(
    ptime_ms: int, depth: int, delay_ms: int
) -> None:
    party = Party(
        "ann", "", ptime_ms=ptime_ms, depth=depth, up=Impairments(delay=Duration(delay_ms * MS))
    )
    track, _ = lived(party)
    assert path_of(track, ulaw_decode(ulaw_encode(SPEECH))) == party.path_samples
    assert (party.path_frames - 1) * 160 < party.path_samples <= party.path_frames * 160


def test_a_line_that_comes_up_later_has_the_same_path() -> None:
    party = Party("ann", "", codec="PCMA")
    track, _ = lived(party, start=333)
    assert path_of(track, alaw_decode(alaw_encode(SPEECH))) == party.path_samples


@pytest.mark.parametrize("codec", ["G722", "OPUS"])
def test_words_of_other_codecs_are_played_at_the_same_time(codec: str) -> None:
    party = Party("ann", "", codec=codec)
    track, _ = lived(party)
    match = find_offset(track, SPEECH, SAID_AT + party.path_samples, 400)
    assert match is not None
    assert match.offset == SAID_AT + party.path_samples


def test_keys_are_heard_by_the_server_in_their_order_and_the_speech_is_not_moved() -> None:
    party = Party("ann", "")
    track, digits = lived(party, press="42#")
    assert "".join(digit.digit for digit in digits) == "42#"
    assert path_of(track, ulaw_decode(ulaw_encode(SPEECH))) == party.path_samples
    # The first packet tells it: sent when its 20 ms are over, known in the frame after that.
    pressed = (SAID_AT + 8000) // 160
    assert [digit.frame for digit in digits] == [pressed + 2 + n * 10 for n in range(3)]


def test_a_room_s_background_is_heard_at_its_level_all_along() -> None:
    track, _ = lived(Party("ann", "", noise_dbfs=-50.0))
    assert track[800:2000].any()
    assert rms_dbfs(track[11000:16000]) == pytest.approx(-50.0, abs=1.0)


def test_comfort_noise_is_heard_at_the_level_that_was_announced() -> None:
    track, _ = lived(Party("ann", "", dtx="comfort-noise", noise_dbfs=-50.0))
    assert rms_dbfs(track[11500:16000]) == pytest.approx(-50.0, abs=1.5)


def test_silence_suppression_is_heard_as_silence_and_moves_no_word() -> None:
    party = Party("ann", "", dtx="silence")
    track, _ = lived(party)
    at = SAID_AT + party.path_samples
    assert np.flatnonzero(track)[0] >= at - 160
    assert not track[at + 8000 + 160 :].any()
    assert path_of(track, ulaw_decode(ulaw_encode(SPEECH))) == party.path_samples


@pytest.mark.parametrize(("continuous", "later"), [(True, 1600), (False, 0)])
def test_a_stall_takes_away_what_was_said_or_puts_everything_after_it_off(
    continuous: bool, later: int
) -> None:
    """A freeze is noticed when a whole window of packets came too late: half a second to one."""
    kind: Literal["pause", "gap"] = "pause" if continuous else "gap"
    stall = Stall(at=Duration(600 * MS), for_=Duration(200 * MS), kind=kind)
    party = Party("ann", "", up=Impairments(stalls=(stall,)))
    track, _ = lived(party, frames=300, again=24000)
    said = ulaw_decode(ulaw_encode(SPEECH))
    at = SAID_AT + party.path_samples
    before = 4800 - SAID_AT
    assert np.array_equal(track[at : at + before], said[:before])
    assert not track[at + before : at + before + 1600].any()
    if not continuous:
        assert np.array_equal(track[at + before + 1600 : at + 8000], said[before + 1600 :])
    again = 24000 + party.path_samples + later
    assert np.array_equal(track[again : again + 8000], said)


def test_lines_of_the_same_label_draw_the_same_and_others_something_else() -> None:
    party = Party("ann", "", up=Impairments(loss=Loss(random=0.2)))
    one, same, other = (lived(party, label=label)[0] for label in ("a", "a", "b"))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
