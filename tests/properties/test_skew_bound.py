"""Invariant 7: with clocks off by up to 200 ppm a clip stays within a stated bound of its place.

At any call length; and what was put in or left out to keep it there is logged.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from playing import Played, examples, first_sample, path_samples, play, stands_at

from mediasim.rtp.skew_compensation import DRIFT_BOUND
from mediasim.truth.measure import find_offset

PPM = st.integers(-200, 200)
EVERY_S, LONG_MS = 30, 200


def long_call(minutes: int, of_ann: int, of_bob: int) -> Played:
    """Each says something every half minute, at a time of the call, whatever its clock says."""

    def party(skew: int, offset: int, codec: str) -> dict[str, Any]:
        noise = {"kind": "babble", "for": f"{LONG_MS}ms", "level": -18}
        times = range(offset, 60 * minutes, EVERY_S)
        return {
            "codec": codec,
            "dtx": "off",
            "network": {"up": {"skew": skew}},
            "script": [{"noise": {**noise, "at": f"{at}s"}} for at in times],
        }

    return play(
        {
            "parties": {"ann": party(of_ann, 2, "PCMU"), "bob": party(of_bob, 11, "PCMA")},
            "call": {"from": "ann", "to": "bob", "recording": "dual"},
        }
    )


def stays_within_the_bound(played: Played, skews: tuple[int, int]) -> None:
    truth = played.truth()
    for channel, heard, skew, offset in zip(
        truth.channels, played.pcm(), skews, (2, 11), strict=True
    ):
        pieces: dict[int, list[Any]] = {}
        for it in channel.intervals:
            pieces.setdefault(round((it.start / 8000 + 1 - offset) / EVERY_S), []).append(it)
        gaps = [(gap.start, gap.end) for gap in channel.missing]
        for number, parts in pieces.items():
            said_at = (offset + number * EVERY_S) * 8000 - first_sample(truth)
            place = said_at + path_samples()
            assert abs(parts[0].start - place) <= DRIFT_BOUND
            for part in parts:  # more than one where the place moved in the middle of it
                assert abs(part.start - part.due) <= DRIFT_BOUND
                assert stands_at(heard, part) or any(
                    start < part.end and end > part.start for start, end in gaps
                )
            if len(parts) == 1:  # found again in the samples, without the truth's help
                match = find_offset(heard, parts[0].pcm, place, 400)
                assert match is not None
                assert abs(match.offset - place) <= DRIFT_BOUND
        # What was moved in all is what the clock went off by, but for the bound.
        drifted = -skew * 1e-6 * len(heard)
        moved = sum(moved for _, moved in channel.adjustments)
        assert abs(moved - drifted) <= DRIFT_BOUND
        put_in = sum(gap.end - gap.start for gap in channel.missing if gap.why == "put in")
        assert put_in == sum(max(0, moved) for _, moved in channel.adjustments)


@examples(3)
@given(PPM, PPM)
def test_ten_minutes_with_any_two_clocks(of_ann: int, of_bob: int) -> None:
    stays_within_the_bound(long_call(10, of_ann, of_bob), (of_ann, of_bob))


def test_half_an_hour_with_the_worst_clocks() -> None:
    played = long_call(30, 200, -200)
    stays_within_the_bound(played, (200, -200))
    # Half an hour is 2,880 samples of drift each way: it has been followed, not just not met.
    for channel in played.truth().channels:
        assert abs(sum(moved for _, moved in channel.adjustments)) > 2600
    ann, bob = played.pcm()
    assert ann.shape == bob.shape
    assert np.count_nonzero(ann) > 1800 / EVERY_S * LONG_MS * 8 * 0.9
