"""The measures of one call: figures that the exchange has anyway, as they stood when it ended.

Losses and jitter are those of the RTCP reports, one each five seconds and one at the end; opinion
scores are the E-model's; the media plane knows of a stream that has held nothing but silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from mediasim.audio.frames import FRAME_NS, SAMPLE_RATE
from mediasim.exchange.call_quality import StreamQuality, streams_of
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.records import CallRecord
from mediasim.exchange.states import CALL
from mediasim.media.leg import Leg
from mediasim.rtp import rtcp
from mediasim.rtp.reception import emodel_mos

__all__ = [
    "CALL_MEASURES",
    "AnnotationRecord",
    "CallMeasures",
    "InsightsSettings",
    "Moment",
    "Participation",
    "SdkMeasures",
    "StreamMeasure",
    "address_of",
    "came_in",
    "measure",
]

CALL_MEASURES: Final = "call-measures"
"""Kind of the stored records of measures."""
Hangup = Literal["caller", "callee", "unknown"]
_NS_PER_MS: Final = 1_000_000
_SAMPLE_NS: Final = 1_000_000_000 // SAMPLE_RATE
_FRAME_MS: Final = 20
_DELAYED_NS: Final = 200 * _NS_PER_MS
"""Delay from which a packet counts as delayed (docs, Voice Insights Call Tags)."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened, by its name."""

    name: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class StreamMeasure:
    """The state of one stream of packets at a moment, counted from its beginning."""

    at_ns: int
    packets: int
    """Packets received of an inbound stream, sent of an outbound one."""
    lost: int | None = None
    """Packets lost; None if nothing says so."""
    jitter_ms: float | None = None
    """Interarrival jitter in milliseconds; None if nothing says so."""


@dataclass(frozen=True, slots=True)
class SdkMeasures:
    """What the SDK of a simulated client would report beside its stream."""

    rtt_ms: float
    """Round trip time of its network, in milliseconds."""
    delay_ms: float
    """Milliseconds from mouth to ear of what it hears."""


@dataclass(frozen=True, slots=True)
class Participation:
    """One call's part in a conference."""

    conference_sid: str
    participant_sid: str
    label: str | None
    joined_ns: int
    left_ns: int | None
    started_ns: int | None
    """Loop time at which the conference started; None if it had not by then."""
    start_on_enter: bool
    end_on_exit: bool
    muted: bool
    beep_on_enter: bool
    beep_on_exit: bool
    coaches: str | None
    """SID of the call that it coached; None for none."""
    actions: tuple[Moment, ...] = ()
    """mute, unmute, hold and unhold, in order."""


@dataclass(frozen=True, slots=True)
class CallMeasures:
    """What was measured of one call."""

    call_sid: str
    account_sid: str
    dialled_ns: int
    progress: tuple[Moment, ...] = ()
    """The moves of its status, by the names of status callbacks' events."""
    disconnected_by: Hangup | None = None
    """Who ended the call; None while it goes on."""
    codec: str = ""
    """Name of the codec that its party sends; "" for a call without media."""
    payload_type: int = 0
    inbound: tuple[StreamMeasure, ...] = ()
    """The stream from the party, at each RTCP report."""
    outbound: tuple[StreamMeasure, ...] = ()
    """The stream to the party, at each RTCP report."""
    delayed: int = 0
    """Inbound packets delayed by 200 ms or more."""
    silent: bool = False
    """Whether the inbound stream is missing, or completely silent."""
    inbound_mos: float | None = None
    outbound_mos: float | None = None
    latencies_ms: tuple[float, ...] = ()
    """Milliseconds that audio of each call that this one heard spent in the server."""
    sdk: SdkMeasures | None = None
    """The SDK's side of a simulated client; None for any other party."""
    participations: tuple[Participation, ...] = ()


@dataclass(slots=True)
class AnnotationRecord:
    """What an app says of a call: Twilio's Annotation resource."""

    call_sid: str
    account_sid: str
    answered_by: str | None = None
    connectivity_issue: str | None = None
    quality_issues: list[str] | None = None
    spam: bool | None = None
    call_score: int | None = None
    comment: str | None = None
    incident: str | None = None


@dataclass(slots=True)
class InsightsSettings:
    """The settings of an account's Voice Insights."""

    account_sid: str
    advanced_features: bool = True
    """Whether all resources but the settings themselves may be used."""


def came_in(record: CallRecord) -> bool:
    """Return whether a call came in, so that its party is the caller.

    The call that a trunk passes on has the direction of the one that came in, which is its parent.
    """
    trunking = record.direction.startswith("trunking") and record.parent_call_sid is None
    return trunking or record.direction == "inbound"


def address_of(record: CallRecord) -> str:
    """Return the address of a call's party: its caller's or its callee's."""
    return record.from_ if came_in(record) else record.to


def measure(
    call: LiveCall,
    progress: Sequence[Moment] = (),
    participations: Sequence[Participation] = (),
) -> CallMeasures:
    """Return the measures of a call, in progress or ended."""
    about = CallMeasures(
        call_sid=call.sid,
        account_sid=call.record.account_sid,
        dialled_ns=call.record.created_ns,
        progress=tuple(progress),
        disconnected_by=_disconnected_by(call),
        participations=tuple(participations),
    )
    if not call.has_leg:
        return about
    up, *rest = streams_of(call)
    down = rest[0] if rest else None
    stream, line, party = call.leg.stream, call.line, call.party
    hearing = [leg.stream.format.depth for leg in _heard(call)]
    fields = {name: getattr(about, name) for name in about.__dataclass_fields__}
    fields |= {
        "codec": party.codec,
        "payload_type": call.leg.sender.payload_type,
        "inbound": _inbound(call),
        "outbound": _outbound(call),
        "delayed": _delayed(up),
        "silent": up.reception.received == 0 or not call.exchange.plane.sounded(call.leg),
        "inbound_mos": up.opinion.mos,
        "latencies_ms": tuple(float((depth + 1) * _FRAME_MS) for depth in hearing),
    }
    if line is not None:
        way = (line.party.up.delay + line.party.down.delay) / _NS_PER_MS
        delay_ms = line.party.down.delay / _NS_PER_MS + (2 + stream.format.depth) * _FRAME_MS
        clean = emodel_mos(0.0, 1.0, delay_ms, party.codec, concealed=party.conceal)
        fields["outbound_mos"] = (clean if down is None else down.opinion).mos
        if address_of(call.record).startswith("client:"):
            fields["sdk"] = SdkMeasures(way, delay_ms)
    return CallMeasures(**fields)


def _disconnected_by(call: LiveCall) -> Hangup | None:
    """Return who ended a call: its party, or the other side, for which the server acts."""
    record = call.record
    if not CALL.is_final(record.status):
        return None
    by_party = call.leaving if record.status == "completed" else record.status == "busy"
    if record.status == "failed":
        return "unknown"
    if record.status == "canceled":
        return "caller"
    return "caller" if by_party == came_in(record) else "callee"


def _heard(call: LiveCall) -> list[Leg]:
    """Return the legs that a call's party has heard, each once."""
    return list(dict.fromkeys(leg for _, legs in call.leg.heard_log for leg in legs))


def _inbound(call: LiveCall) -> tuple[StreamMeasure, ...]:
    """Return what the server's RTCP reports say of the stream from the party."""
    reception, ticks = call.exchange.plane.reception(call.leg), call.leg.stream.ticks_per_sample
    found = []
    for at_ns, packet in call.rtcp:
        report = rtcp.parse(packet)[0]
        if not isinstance(report, rtcp.SenderReport | rtcp.ReceiverReport):
            continue
        for block in report.reports:
            # Since its beginning the stream has had as many numbers as in all, less the later ones.
            later = (reception.highest_sequence - (1 << 16) - block.highest_seq) & 0xFFFFFFFF
            expected = max(reception.expected - later, block.cumulative_lost)
            jitter_ms = round(block.jitter / ticks / 8.0, 6)
            received = expected - block.cumulative_lost
            found.append(StreamMeasure(at_ns, received, block.cumulative_lost, jitter_ms))
    return tuple(found)


def _outbound(call: LiveCall) -> tuple[StreamMeasure, ...]:
    """Return what was sent to the party at each report, and what is known of its arrival."""
    heard = dict(call.heard)
    found = []
    for at_ns, packet in call.rtcp:
        report = rtcp.parse(packet)[0]
        sent = report.packet_count if isinstance(report, rtcp.SenderReport) else 0
        lost: int | None = None
        jitter_ms: float | None = None
        if at_ns in heard:
            lost, jitter_ms = heard[at_ns].lost, round(heard[at_ns].jitter_ms, 6)
        elif call.line is not None:
            # A simulated party has no receiver where it does not listen and nothing is impaired:
            # its packets, one a frame, are not even made.
            sent, lost, jitter_ms = max(sent, at_ns // FRAME_NS - call.leg.first_frame), 0, 0.0
        found.append(StreamMeasure(at_ns, sent, lost, jitter_ms))
    return tuple(found)


def _delayed(quality: StreamQuality) -> int:
    """Return how many packets came 200 ms or more after the first one could have come."""
    stream = quality.received
    depth_ns = stream.format.depth * _FRAME_MS * _NS_PER_MS
    return sum(
        int((arrival - output * _SAMPLE_NS + depth_ns >= _DELAYED_NS).sum())
        for arrival, output in zip(stream.late_at, stream.late_for, strict=True)
    )
