"""Whether every sample of a recording is what the truth says it is, and where its map leads.

Only G.711 comes out as it went in: of codecs that change samples the lengths alone are judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations, pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediasim.exchange.recording_control import LiveRecording
from mediasim.media.leg import Leg
from mediasim.media.recorder import Track
from mediasim.parties.party import Party
from mediasim.rtp.skew_compensation import DRIFT_BOUND
from mediasim.scenario.fuzz.play import Played
from mediasim.truth.documents import ChannelTruth, Concealed, Gap, RecordingTruth
from mediasim.truth.reference import exact_codecs, reference_of

__all__ = [
    "QUIET",
    "HeardIn",
    "channels_are_equal",
    "clips_in_place",
    "map_leads_both_ways",
    "nothing_invented",
    "recordings_agree",
    "said_or_missing",
]

_Samples = NDArray[np.int16]
_Mask = NDArray[np.bool_]
QUIET: Final = 8
"""The sample that A-law has for silence: it has no zero."""
_STEADY_PPM: Final = 1000
"""Clocks off by more than this are bound by nothing."""


def channels_are_equal(played: Played) -> Iterator[str]:
    """Invariant 1: the file, its header, its record and its truth have one length."""
    for recording, pcm, truth in played.with_media():
        name, record = recording.name, recording.record
        size = len(played.files[f"recordings/{recording.sid}.wav"])
        if size != 44 + 2 * pcm.size:
            yield f"recording {name} has {size - 44 - 2 * pcm.size} bytes beside its samples"
        if pcm.shape != (record.layout.stored_channels, record.samples):
            stored = (record.layout.stored_channels, record.samples)
            yield f"recording {name}: {stored} in its record, {pcm.shape} in its file"
        if truth.samples != pcm.shape[1]:
            yield f"recording {name}: {truth.samples} in its truth, {pcm.shape[1]} in its file"
        for channel in truth.channels:
            spans = [(it.start, it.end) for it in channel.intervals]
            spans += [(it.start, it.end) for it in _listed(channel)]
            for start, end in spans:
                if not 0 <= start < end <= truth.samples:
                    yield f"recording {name}: the truth has {start} to {end} of {truth.samples}"


# -- who is in a channel ------------------------------------------------------------------------


class HeardIn:
    """All who may ever have been heard in one channel of a recording, counted from 0."""

    def __init__(self, recording: LiveRecording, number: int) -> None:
        of_leg = {it.leg: it for it in recording.exchange.calls if it.line is not None}
        self.parties: dict[str, Party] = {}
        self.placed_anew = False
        """Whether a stream in it was placed by arrival in the middle."""
        self.most = 1
        """Sources at a time, or more."""
        for sourcing in recording.sourcings:
            sources = sourcing.channels[number]
            count = 0
            for source in sources:
                count += 1
                if source.track is Track.INBOUND:
                    self.placed_anew |= _placed_anew(source.leg)
                    self.parties[source.call.party.name] = source.call.party
                    continue
                for _, legs in source.leg.heard_log:
                    count += len(legs)
                    self.placed_anew |= any(map(_placed_anew, legs))
                    for call in (of_leg[leg] for leg in legs if leg in of_leg):
                        self.parties[call.party.name] = call.party
            self.most = max(self.most, count)

    @property
    def exact(self) -> bool:
        """Whether samples come out as they went in, and silence as silence."""
        return all(party.codec in exact_codecs() for party in self.parties.values())

    @property
    def noisy(self) -> bool:
        return any(party.noisy for party in self.parties.values())


def _placed_anew(leg: Leg) -> bool:
    return any(shift.why in ("talk spurt", "new beginning") for shift in leg.stream.shifts)


def _judged(
    played: Played,
) -> Iterator[tuple[str, HeardIn, ChannelTruth, _Samples, RecordingTruth]]:
    for recording, pcm, truth in played.with_media():
        for channel, heard in zip(truth.channels, pcm, strict=True):
            who = HeardIn(recording, channel.channel - 1)
            yield f"{recording.name}, channel {channel.channel}", who, channel, heard, truth


def _listed(channel: ChannelTruth) -> list[Gap | Concealed]:
    """What is missing, and what was made up."""
    return [*channel.missing, *channel.concealed]


def _unlisted(listed: Iterable[Gap | Concealed], samples: int) -> _Mask:
    """Which samples are in none of these."""
    there = np.ones(samples, np.bool_)
    for it in listed:
        there[it.start : it.end] = False
    return there


def _spoken(channel: ChannelTruth, samples: int) -> NDArray[np.int64]:
    """How many sounds there are at each sample."""
    count = np.zeros(samples, np.int64)
    for interval in channel.intervals:
        count[interval.start : interval.end] += 1
    return count


# -- the judgements -----------------------------------------------------------------------------


def said_or_missing(played: Played) -> Iterator[str]:
    """Invariants 2 and 3: each sample is what was said, by the truth, or listed as missing."""
    for name, who, channel, heard, _ in _judged(played):
        # A stream that was taken to have stopped is placed anew by arrival; packets that overtook
        # that moment may stand over others, which the truth does not tell to the sample.
        if not who.exact or who.noisy or who.placed_anew:
            continue
        slack = QUIET * (who.most - 1)
        clear = _unlisted(_listed(channel), len(heard)) & (_spoken(channel, len(heard)) == 1)
        for interval in channel.intervals:
            span = slice(interval.start, interval.end)
            said = reference_of(interval.pcm, interval.codec).astype(np.int32)
            off = clear[span] & (np.abs(heard[span] - said) > slack)
            if off.any():
                first = interval.start + int(np.flatnonzero(off)[0])
                whose = interval.party or "the server"
                yield (
                    f"{name}: {np.count_nonzero(off)} samples of {whose}'s {interval.text!r} at "
                    f"{interval.start} are other ones, first at {first}"
                )


def nothing_invented(played: Played) -> Iterator[str]:
    """Invariant 4: where the truth knows of no sound there is none."""
    for name, who, channel, heard, _ in _judged(played):
        if not who.exact or who.noisy or who.placed_anew:
            continue
        nobody = _unlisted(channel.concealed, len(heard)) & (_spoken(channel, len(heard)) == 0)
        loud = nobody & (np.abs(heard.astype(np.int32)) > QUIET * who.most)
        if loud.any():
            first = int(np.flatnonzero(loud)[0])
            yield f"{name}: {np.count_nonzero(loud)} samples of nobody's, first at {first}"


def clips_in_place(played: Played) -> Iterator[str]:
    """Invariants 2 and 7: on a clean network a clip is where it is due, and with a clock that is
    off within a bound of it; what was moved is logged."""
    for name, who, channel, _, _ in _judged(played):
        for interval in channel.intervals:
            party = who.parties.get(interval.party or "")
            if party is None or not _steady(party):
                continue
            bound = DRIFT_BOUND if party.up.skew else 0
            if abs(interval.start - interval.due) > bound:
                yield (
                    f"{name}: {party.name}'s {interval.text!r} at {interval.start} was due at "
                    f"{interval.due}"
                )
        if channel.adjustments and all(map(_exact_clock, who.parties.values())):
            yield f"{name}: moved on a clean network: {channel.adjustments[:3]}"
        for before, after in pairwise(channel.missing):
            if after.start < before.start:
                yield f"{name}: gaps are not in order at {after.start}"


def _steady(party: Party) -> bool:
    """Whether its packets come evenly, and all of them."""
    return party.up.clean and not party.up.stalls and abs(party.up.skew) <= _STEADY_PPM


def _exact_clock(party: Party) -> bool:
    return _steady(party) and not party.up.skew


# -- maps from files to calls -------------------------------------------------------------------


def map_leads_both_ways(played: Played) -> Iterator[str]:
    """Invariant 10: the call's time passes without a gap, the file's but for what was skipped."""
    for recording, pcm, truth in played.with_media():
        name = recording.name
        for before, after in pairwise(truth.segments):
            call, file, samples, kind = before
            if after[0] != call + samples:
                yield f"recording {name}: the call jumps from {call + samples} to {after[0]}"
            if after[1] != file + (0 if kind == "skip" else samples):
                yield f"recording {name}: the file jumps at {after[1]}"
        kept = np.zeros(pcm.shape[1], np.bool_)
        for _, file, samples, kind in truth.segments:
            low, high = max(0, file), min(pcm.shape[1], file + samples)
            if kind != "skip" and low < high:
                kept[low:high] = True
                if kind == "silence" and pcm[:, low:high].any():
                    yield f"recording {name}: something is heard in the pause at {low}"
        if not kept.all():
            yield f"recording {name}: {np.count_nonzero(~kept)} samples were recorded at no time"
        recorded = sum(line[2] for line in truth.segments if line[3] != "skip")
        if recording.trim == "do-not-trim" and recorded != pcm.shape[1]:
            yield f"recording {name} has {pcm.shape[1]} samples of {recorded} that were recorded"


def recordings_agree(played: Played) -> Iterator[str]:
    """Two recordings of the same thing hold the same where both recorded."""
    for (one, one_pcm, one_truth), (other, other_pcm, other_truth) in combinations(
        played.with_media(), 2
    ):
        if one.room is not other.room or _roles(one) != _roles(other):
            continue
        for call, low, at, samples in _common(one_truth, other_truth):
            if not np.array_equal(one_pcm[:, low : low + samples], other_pcm[:, at : at + samples]):
                yield f"recordings {one.name} and {other.name} differ after {call} of the call"


def _roles(recording: LiveRecording) -> list[str]:
    return [role.role for role in recording.record.layout.channels]


def _pieces(truth: RecordingTruth) -> Iterator[tuple[int, int, int]]:
    """(sample of the call, sample of the file, samples) of the audio that is in the file."""
    for call, file, samples, kind in truth.segments:
        low, high = max(0, file), min(truth.samples, file + samples)
        if kind == "audio" and low < high:
            yield call + low - file, low, high - low


def _common(one: RecordingTruth, other: RecordingTruth) -> Iterator[tuple[int, int, int, int]]:
    """(sample of the call, of one file, of the other, samples) where both recorded."""
    for call, file, samples in _pieces(one):
        for other_call, other_file, other_samples in _pieces(other):
            low = max(call, other_call)
            high = min(call + samples, other_call + other_samples)
            if low < high:
                yield low, low - call + file, low - other_call + other_file, high - low
