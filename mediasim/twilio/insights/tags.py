"""The conditions that calls and conferences are tagged with, by Twilio's thresholds.

Source: Twilio docs, Voice Insights Call Tags. Two of them leave a choice. The 95th percentile of a
country's post-dial delays is not known here: six seconds stand for it. Only calls that were
connected for a second or more are tagged as silent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.twilio.insights.measures import CallMeasures, StreamMeasure

__all__ = [
    "HIGH_RTT_MS",
    "LOW_MOS",
    "jitter_of",
    "loss_percentage",
    "participant_tags",
    "pdd_ms",
    "tags_of",
]

_HIGH_LOSS: Final = 5.0
"""Percentage of lost packets above which loss is high."""
_HIGH_JITTER_MS: Final = (5.0, 30.0)
"""Average and maximum from which jitter is high, in milliseconds."""
_MANY_DELAYED: Final = 0.01
"""Share of packets delayed by 200 ms or more above which jitter is high."""
_HIGH_LATENCY_MS: Final = 150.0
_HIGH_PDD_MS: Final = 6000
HIGH_RTT_MS: Final = 400.0
"""Round trip time above which an SDK's latency is high, in milliseconds."""
LOW_MOS: Final = 3.5
_LEAST_NS: Final = NS_PER_SECOND


def pdd_ms(measures: CallMeasures) -> int | None:
    """Return the milliseconds from dialling until the telephone rang; None if it never did."""
    times = {each.name: each.at_ns for each in reversed(measures.progress)}
    rung = times.get("ringing", times.get("answered"))
    if rung is None:
        return None
    return round((rung - times.get("initiated", measures.dialled_ns)) / 1e6)


def jitter_of(stream: Sequence[StreamMeasure]) -> tuple[float, float] | None:
    """Return average and maximum of a stream's jitter in milliseconds; None if none is known."""
    known = [each.jitter_ms for each in stream if each.jitter_ms is not None]
    return (sum(known) / len(known), max(known)) if known else None


def loss_percentage(lost: int, received: int) -> float:
    """Return which percentage of packets was lost."""
    return 100.0 * lost / (lost + received) if lost + received else 0.0


def tags_of(measures: CallMeasures) -> list[str]:
    """Return the tags of a call, in the order of their names; empty for a good one."""
    found = {*_gateway_tags(measures), *_sdk_tags(measures)}
    return sorted(found)


def participant_tags(measures: CallMeasures) -> list[str]:
    """Return the quality tags of a conference's participant, by their names for conferences."""
    names = {"silence": "detected_silence"}
    found = {names.get(tag, tag) for tag in tags_of(measures) if tag != "high_pdd"}
    scores = (measures.inbound_mos, measures.outbound_mos)
    if any(score is not None and score < LOW_MOS for score in scores):
        found.add("low_mos")
    return sorted(found)


def _gateway_tags(measures: CallMeasures) -> Iterable[str]:
    pdd = pdd_ms(measures)
    if pdd is not None and pdd > _HIGH_PDD_MS:
        yield "high_pdd"
    if not measures.inbound and not measures.outbound:
        return
    if measures.silent and _connected_ns(measures) >= _LEAST_NS:
        yield "silence"
    if any(_is_jittery(stream) for stream in (measures.inbound, measures.outbound)):
        yield "high_jitter"
    received = measures.inbound[-1].packets if measures.inbound else 0
    if measures.delayed > _MANY_DELAYED * received:
        yield "high_jitter"
    if any(_is_lossy(stream, sent) for stream, sent in _streams(measures)):
        yield "high_packet_loss"
    latencies = measures.latencies_ms
    if latencies and sum(latencies) / len(latencies) > _HIGH_LATENCY_MS:
        yield "high_latency"


def _sdk_tags(measures: CallMeasures) -> Iterable[str]:
    if measures.sdk is None:
        return
    if measures.sdk.rtt_ms > HIGH_RTT_MS:
        yield "high_latency"
    if measures.outbound_mos is not None and measures.outbound_mos < LOW_MOS:
        yield "low_mos"


def _streams(measures: CallMeasures) -> tuple[tuple[Sequence[StreamMeasure], bool], ...]:
    return (measures.inbound, False), (measures.outbound, True)


def _is_jittery(stream: Sequence[StreamMeasure]) -> bool:
    jitter = jitter_of(stream)
    return (
        jitter is not None and jitter[0] >= _HIGH_JITTER_MS[0] and jitter[1] >= _HIGH_JITTER_MS[1]
    )


def _is_lossy(stream: Sequence[StreamMeasure], sent: bool) -> bool:
    if not stream or stream[-1].lost is None:
        return False
    lost = stream[-1].lost
    received = stream[-1].packets - (lost if sent else 0)
    return loss_percentage(lost, received) > _HIGH_LOSS


def _connected_ns(measures: CallMeasures) -> int:
    """Return for how long a call was connected, or has been; 0 if it was not answered."""
    answered = next((each.at_ns for each in measures.progress if each.name == "answered"), None)
    last = max(each.at_ns for each in (*measures.inbound, *measures.outbound))
    return 0 if answered is None else last - answered
