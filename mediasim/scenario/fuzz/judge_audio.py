"""Invariants of samples: every sample of a recording is what the truth says, and its map leads to
the call.

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
    "ChannelParties",
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
"""Magnitude of the sample that A-law has for silence: it has no zero."""
_STEADY_PPM: Final = 1000
"""Skew in ppm above which no bound of clock drift is guaranteed."""


def channels_are_equal(played: Played) -> Iterator[str]:
    """Invariant 1: yield where a file, its header, its record and its truth differ in length."""
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
            spans = [(each.start, each.end) for each in channel.intervals]
            spans += [(each.start, each.end) for each in _listed(channel)]
            for start, end in spans:
                if not 0 <= start < end <= truth.samples:
                    yield f"recording {name}: the truth has {start} to {end} of {truth.samples}"


# -- who is in a channel ------------------------------------------------------------------------


class ChannelParties:
    """The parties that may ever have been heard in one channel of a recording, counted from 0."""

    def __init__(self, recording: LiveRecording, number: int) -> None:
        of_leg = {each.leg: each for each in recording.exchange.calls if each.line is not None}
        self.parties: dict[str, Party] = {}
        self.placed_anew = False
        """Whether a stream in the channel was placed anew by arrival in its middle."""
        self.most = 1
        """Number of simultaneous sources at most."""
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
        """Whether a party sends background noise, or back what it hears."""
        return any(party.noisy or party.line.echoes for party in self.parties.values())


def _placed_anew(leg: Leg) -> bool:
    """Return whether a leg's stream was placed anew in its middle."""
    return any(shift.why in ("talk spurt", "new beginning") for shift in leg.stream.shifts)


def _judged(
    played: Played,
) -> Iterator[tuple[str, ChannelParties, ChannelTruth, _Samples, RecordingTruth]]:
    """Yield every channel with media: its name, parties, truth, samples, and the recording's
    truth."""
    for recording, pcm, truth in played.with_media():
        for channel, heard in zip(truth.channels, pcm, strict=True):
            who = ChannelParties(recording, channel.channel - 1)
            yield f"{recording.name}, channel {channel.channel}", who, channel, heard, truth


def _listed(channel: ChannelTruth) -> list[Gap | Concealed]:
    """Return the gaps and the concealed stretches of a channel."""
    return [*channel.missing, *channel.concealed]


def _unlisted(listed: Iterable[Gap | Concealed], samples: int) -> _Mask:
    """Return a mask of the samples that are in no gap and no concealed stretch, of shape
    (samples,)."""
    there = np.ones(samples, np.bool_)
    for each in listed:
        there[each.start : each.end] = False
    return there


def _spoken(channel: ChannelTruth, samples: int) -> NDArray[np.int64]:
    """Return the number of sounds at each sample, of shape (samples,)."""
    count = np.zeros(samples, np.int64)
    for interval in channel.intervals:
        count[interval.start : interval.end] += 1
    return count


# -- the judgements -----------------------------------------------------------------------------


def said_or_missing(played: Played) -> Iterator[str]:
    """Invariants 2 and 3: yield samples that are neither what was said, by the truth, nor listed as
    missing."""
    for name, who, channel, heard, _ in _judged(played):
        # A stream that was taken to have stopped is placed anew by arrival; packets that overtook
        # that moment may stand over others, which the truth does not tell to the sample.
        if not who.exact or who.noisy or who.placed_anew:
            continue
        # Sources that are silent at that sample add their codec's own silence to the mix.
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
    """Invariant 4: yield sound where the truth knows of none."""
    for name, who, channel, heard, _ in _judged(played):
        if not who.exact or who.noisy or who.placed_anew:
            continue
        silent = _unlisted(channel.concealed, len(heard)) & (_spoken(channel, len(heard)) == 0)
        loud = silent & (np.abs(heard.astype(np.int32)) > QUIET * who.most)
        if loud.any():
            first = int(np.flatnonzero(loud)[0])
            yield f"{name}: {np.count_nonzero(loud)} samples of nobody's, first at {first}"


def clips_in_place(played: Played) -> Iterator[str]:
    """Invariants 2 and 7: yield clips that are not where they are due.

    On a clean network there is no tolerance; with a clock that is off, a clip is within a bound of
    its place. What was moved is logged.
    """
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
        exact = all(_steady(party) and not party.up.skew for party in who.parties.values())
        if channel.adjustments and exact:
            yield f"{name}: moved on a clean network: {channel.adjustments[:3]}"
        for before, after in pairwise(channel.missing):
            if after.start < before.start:
                yield f"{name}: gaps are not in order at {after.start}"


def _steady(party: Party) -> bool:
    """Return whether a party's packets come evenly, and all of them."""
    return party.up.clean and not party.up.stalls and abs(party.up.skew) <= _STEADY_PPM


# -- maps from files to calls -------------------------------------------------------------------


def map_leads_both_ways(played: Played) -> Iterator[str]:
    """Invariant 10: yield gaps in the call's time, and in the file's except for skipped pauses."""
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
            # Where silence was trimmed, segments begin before the file or end after it.
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
    """Yield where two recordings of the same tracks differ although both recorded."""
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
    """Yield the audio that is in the file: (sample of the call, sample of the file, samples)."""
    for call, file, samples, kind in truth.segments:
        low, high = max(0, file), min(truth.samples, file + samples)
        if kind == "audio" and low < high:
            yield call + low - file, low, high - low


def _common(one: RecordingTruth, other: RecordingTruth) -> Iterator[tuple[int, int, int, int]]:
    """Yield where both recorded: (sample of the call, of one file, of the other, samples)."""
    for call, file, samples in _pieces(one):
        for other_call, other_file, other_samples in _pieces(other):
            low = max(call, other_call)
            high = min(call + samples, other_call + other_samples)
            if low < high:
                yield low, low - call + file, low - other_call + other_file, high - low
