"""What a party says at which sample, against an array of samples."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mediasim.audio.g711 import ulaw_decode, ulaw_encode
from mediasim.parties.timeline import Timeline

Samples = NDArray[np.int16]


def clip(length: int, value: int = 1000) -> Samples:
    return (np.arange(length) % 50 + value).astype(np.int16)


def placed(*sounds: tuple[int, Samples], background: Samples | None = None) -> Timeline:
    timeline = Timeline(background)
    for at, pcm in sounds:
        timeline.place(pcm, at, kind="say", text=f"from {at}")
    return timeline


# -- saying ---------------------------------------------------------------------------------


def test_a_sound_stands_where_it_was_placed_and_silence_around_it() -> None:
    timeline = placed((300, clip(100)))
    pcm = timeline.pcm(0, 1000)
    assert np.array_equal(pcm[300:400], clip(100))
    assert not pcm[:300].any()
    assert not pcm[400:].any()
    assert timeline.end == 400


def test_what_is_said_at_once_is_added_up_and_cut_off_where_it_is_too_loud() -> None:
    timeline = placed((0, clip(100, 20000)), (50, clip(100, 20000)), (60, clip(20, -7000)))
    expected = np.zeros(200, np.int32)
    expected[:100] += clip(100, 20000)
    expected[50:150] += clip(100, 20000)
    expected[60:80] += clip(20, -7000)
    assert expected.max() > 32767
    assert np.array_equal(timeline.pcm(0, 200), np.clip(expected, -32768, 32767))
    assert np.array_equal(placed((0, clip(50))).codes(0, 50), ulaw_encode(clip(50)))


def test_the_background_goes_round_and_lies_below_everything() -> None:
    timeline = placed((100, clip(50)), background=clip(70, -300))
    expected = np.tile(clip(70, -300), 5)[:300].astype(np.int32)
    expected[100:150] += clip(50)
    assert np.array_equal(timeline.pcm(0, 300), expected)
    assert timeline.has_background
    assert timeline.sounding(10_000, 10_001)


def test_nothing_sounds_before_after_or_between() -> None:
    timeline = placed((100, clip(50)), (200, clip(50)))
    spans = [(0, 100), (99, 101), (120, 130), (149, 160), (150, 200), (249, 260), (250, 300)]
    sounding = [timeline.sounding(*span) for span in spans]
    assert sounding == [False, True, True, True, False, True, False]
    assert [timeline.spoken_between(*span) for span in spans] == sounding
    assert timeline.spoken_between(0, 101)  # of a time long past


# -- muting ---------------------------------------------------------------------------------


def test_who_is_muted_goes_on_speaking_and_is_not_heard() -> None:
    timeline = placed((0, clip(100)), background=clip(70, 5))
    timeline.mute(30)
    timeline.unmute(60)
    pcm = timeline.pcm(0, 100)
    assert not pcm[30:60].any()
    assert np.array_equal(pcm[60:], clip(100)[60:] + np.tile(clip(70, 5), 2)[60:100])
    assert pcm[:30].all()


def test_mute_twice_is_as_once_and_unmute_without_mute_is_nothing() -> None:
    timeline = placed((0, clip(100)))
    timeline.unmute(5)
    timeline.mute(10)
    timeline.mute(20)
    timeline.unmute(30)
    timeline.unmute(40)
    assert timeline.muted == [(10, 30)]


def test_a_mute_that_is_never_taken_back_lasts() -> None:
    timeline = placed((0, clip(100)))
    timeline.mute(40)
    assert not timeline.codes(0, 40).tolist().count(0xFF)
    assert set(timeline.codes(40, 100).tolist()) == {0xFF}


def test_what_could_be_heard_of_a_sound_is_its_parts_beside_the_mutes() -> None:
    timeline = Timeline()
    sound = timeline.place(clip(100), 50, kind="say", text="hello")
    for start, end in ((0, 60), (80, 90), (90, 95), (140, 900)):
        timeline.mute(start)
        timeline.unmute(end)
    assert timeline.heard_spans(sound) == [(60, 80), (95, 140)]


def test_a_sound_that_was_muted_throughout_was_not_heard() -> None:
    timeline = Timeline()
    sound = timeline.place(clip(100), 50, kind="say", text="hello")
    timeline.mute(50)
    assert timeline.heard_spans(sound) == []


# -- cutting --------------------------------------------------------------------------------


def test_who_hangs_up_says_nothing_more() -> None:
    timeline = placed((0, clip(50)), (100, clip(100)), (150, clip(20)), (300, clip(50)))
    timeline.cut(160)
    assert [(it.start, it.end, len(it.codes)) for it in timeline.segments] == [
        (0, 50, 50),
        (100, 160, 60),
        (150, 160, 10),
    ]
    assert timeline.end == 160
    assert not timeline.pcm(160, 400).any()


# -- always ---------------------------------------------------------------------------------

SOUNDS = st.lists(st.tuples(st.integers(0, 400), st.integers(1, 200)), max_size=6)
MUTES = st.lists(st.integers(0, 600), max_size=6).map(sorted)


@given(sounds=SOUNDS, mutes=MUTES, cuts=st.lists(st.integers(0, 700), max_size=8).map(sorted))
def test_any_cut_into_spans_gives_the_same_samples(
    sounds: list[tuple[int, int]], mutes: list[int], cuts: list[int]
) -> None:
    def made() -> Timeline:
        timeline = placed(*((at, clip(length, 40 * at)) for at, length in sounds))
        for number, at in enumerate(mutes):
            (timeline.unmute if number % 2 else timeline.mute)(at)
        return timeline

    expected = np.zeros(700, np.int32)
    for at, length in sounds:
        expected[at : at + length] += clip(length, 40 * at)
    for start, end in itertools.zip_longest(mutes[::2], mutes[1::2]):
        expected[start:end] = 0
    expected = np.clip(expected, -32768, 32767)
    spans = list(itertools.pairwise([0, *cuts, 700]))
    one, other = made(), made()
    pcm = np.concatenate([one.pcm(*span) for span in spans])
    codes = np.concatenate([other.codes(*span) for span in spans])
    assert np.array_equal(pcm, expected)
    assert np.array_equal(ulaw_decode(codes), ulaw_decode(ulaw_encode(pcm)))


@given(sounds=SOUNDS, late=st.integers(200, 400))
def test_sounds_may_be_placed_while_it_is_being_said(
    sounds: list[tuple[int, int]], late: int
) -> None:
    timeline = placed(*((at, clip(length)) for at, length in sounds))
    before = timeline.pcm(0, late)
    timeline.place(clip(30, 9000), late, kind="say", text="late")
    after = timeline.pcm(late, 700)
    whole = placed(*((at, clip(length)) for at, length in sounds), (late, clip(30, 9000)))
    assert np.array_equal(np.concatenate((before, after)), whole.pcm(0, 700))


def test_a_clip_that_is_said_twice_is_coded_once() -> None:
    pcm = np.arange(320, dtype=np.int16)
    one, other = Timeline(), Timeline(sent=lambda said: said // 2)
    segments = [one.place(pcm, at, kind="tone", text="", digest="clip") for at in (0, 400)]
    assert segments[0].codes is segments[1].codes
    # What a telephone line makes of it is another sound of the same name.
    through = other.place(pcm, 0, kind="tone", text="", digest="clip")
    assert np.array_equal(through.codes, ulaw_encode(pcm // 2))
    assert np.array_equal(one.codes(400, 720), ulaw_encode(pcm))
