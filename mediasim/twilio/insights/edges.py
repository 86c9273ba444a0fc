"""The edges of a call: where the server meets carriers, SIP telephones and clients, and the client.

The properties and metrics of each, as Voice Insights shows them (docs, Details: Call Summary, and
the description of insights.twilio.com). What is not known here is left out: the place of a number,
IP addresses of what is simulated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Literal

from mediasim.exchange.records import CallRecord
from mediasim.media.reports import REPORT_EVERY_NS
from mediasim.rtp.reception import emodel_mos
from mediasim.twilio.insights.measures import (
    CallMeasures,
    SdkMeasures,
    StreamMeasure,
    address_of,
    came_in,
)
from mediasim.twilio.insights.tags import HIGH_RTT_MS, LOW_MOS, jitter_of, loss_percentage

__all__ = [
    "EDGES",
    "Direction",
    "Edge",
    "Sample",
    "edges_of",
    "gateway",
    "samples_of",
    "warnings_of",
]

Edge = Literal["unknown_edge", "carrier_edge", "sip_edge", "sdk_edge", "client_edge"]
Direction = Literal["unknown", "inbound", "outbound", "both"]
EDGES: Final[tuple[Edge, ...]] = ("carrier_edge", "sip_edge", "sdk_edge", "client_edge")
_REGION: Final = "us1"
_LOCATION: Final = "ashburn"
_SAMPLE_NS: Final = 10_000_000_000
"""Nanoseconds from one sample of a metric to the next (docs, Call Metric)."""
_GATEWAYS: Final[dict[str, Edge]] = {"client": "client_edge", "sip": "sip_edge"}
_HIGH_JITTER_MS: Final = 30.0
_HIGH_LOSS: Final = 3.0
_RAISED: Final = "network-quality-warning-raised"
_CLEARED: Final = "network-quality-warning-cleared"


def gateway(record: CallRecord) -> Edge:
    """Return the edge at which the server meets a call's party."""
    if record.direction.startswith("trunking"):
        # A customer's own exchange terminates its calls in the network, which originates others.
        sip = came_in(record) == (record.direction == "trunking-terminating")
        return "sip_edge" if sip else "carrier_edge"
    return _GATEWAYS.get(address_of(record).partition(":")[0], "carrier_edge")


def edges_of(record: CallRecord, measures: CallMeasures) -> dict[str, Any]:
    """Return the edges of one leg by their names."""
    edges: dict[str, Any] = {}
    if not (measures.inbound or measures.outbound):
        return edges
    edges[gateway(record)] = {
        "properties": _properties(record),
        "metrics": _gateway_metrics(measures),
    }
    if measures.sdk is not None:
        edges["sdk_edge"] = {
            "properties": {
                "direction": "outbound" if came_in(record) else "inbound",
                "settings": {"edge": _LOCATION},
            },
            "metrics": _sdk_metrics(measures, measures.sdk),
            "events": _event_counts(measures),
        }
    return edges


def _properties(record: CallRecord) -> dict[str, Any]:
    found: dict[str, Any] = {
        "media_region": _REGION,
        "signaling_region": _REGION,
        "edge_location": _LOCATION,
        "direction": "inbound" if came_in(record) else "outbound",
    }
    if record.trunk_sid is not None and gateway(record) == "sip_edge":
        found["trunk_sid"] = record.trunk_sid
    if record.sip is not None:
        found["sip_call_id"] = record.sip.call_id
        if record.sip.source_ip:
            found["external_signaling_ip"] = record.sip.source_ip
    return found


def _codec(measures: CallMeasures) -> dict[str, Any]:
    return {"codec": measures.payload_type, "codec_name": measures.codec.lower()}


def _stream_metrics(stream: Sequence[StreamMeasure], *, sent: bool) -> dict[str, Any]:
    """Return a stream's totals; what is not known of its arrival is left out."""
    last = stream[-1] if stream else StreamMeasure(0, 0, 0)
    found: dict[str, Any] = {"packets_sent" if sent else "packets_received": last.packets}
    if last.lost is not None:
        received = last.packets - (last.lost if sent else 0)
        found["packets_lost"] = last.lost
        found["packets_loss_percentage"] = round(loss_percentage(last.lost, received), 4)
    if (jitter := jitter_of(stream)) is not None:
        found["jitter"] = {"avg": round(jitter[0], 6), "max": round(jitter[1], 6)}
    return found


def _gateway_metrics(measures: CallMeasures) -> dict[str, Any]:
    outbound = _stream_metrics(measures.outbound, sent=True)
    if latencies := measures.latencies_ms:
        average = sum(latencies) / len(latencies)
        outbound["latency"] = {"avg": round(average, 3), "max": max(latencies)}
    return {
        "inbound": {**_codec(measures), **_stream_metrics(measures.inbound, sent=False)},
        "outbound": {**_codec(measures), **outbound},
    }


def _sdk_metrics(measures: CallMeasures, sdk: SdkMeasures) -> dict[str, Any]:
    """Return the client's own metrics: what it receives is the server's outbound stream."""
    heard = _stream_metrics(_arrived(measures.outbound), sent=False)
    samples = [each for each in samples_of(measures) if each.edge == "sdk"]
    scores = [score for each in samples if (score := each.score(measures, sdk)) is not None]
    rtt = {"avg": sdk.rtt_ms, "max": sdk.rtt_ms}
    mos = {"avg": round(sum(scores) / len(scores), 3), "min": min(scores)} if scores else None
    said = _stream_metrics(measures.inbound, sent=False)
    return {
        "inbound": {**_codec(measures), **heard, "rtt": rtt, **({"mos": mos} if mos else {})},
        "outbound": {
            **_codec(measures),
            "packets_sent": said["packets_received"] + said.get("packets_lost", 0),
        },
    }


def _arrived(stream: Sequence[StreamMeasure]) -> list[StreamMeasure]:
    """Return an outbound stream as its receiver counts it."""
    return [
        StreamMeasure(each.at_ns, each.packets - (each.lost or 0), each.lost, each.jitter_ms)
        for each in stream
    ]


# -- samples ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample of a metric: a stream between two moments, ten seconds apart or less."""

    edge: Literal["gateway", "sdk"]
    direction: Direction
    before: StreamMeasure
    after: StreamMeasure
    sent: bool
    """Whether its packets are counted where they are sent."""

    def interval(self) -> dict[str, Any]:
        """Return what happened between the two moments."""
        packets, lost = self._grown()
        found: dict[str, Any] = {"packets_sent" if self.sent else "packets_received": packets}
        if lost is not None:
            received = packets - (lost if self.sent else 0)
            found["packets_lost"] = lost
            found["packets_loss_percentage"] = round(loss_percentage(lost, received), 4)
        if (jitter := self.after.jitter_ms) is not None:
            found["jitter"] = {"value": jitter, "avg": jitter, "max": jitter}
        return found

    def cumulative(self) -> dict[str, Any]:
        """Return what has happened up to the later moment."""
        return _stream_metrics([self.after], sent=self.sent)

    def score(self, measures: CallMeasures, sdk: SdkMeasures) -> float | None:
        """Return the opinion score of the interval; None if its losses are not known."""
        packets, lost = self._grown()
        if lost is None:
            return None
        share = loss_percentage(lost, packets - (lost if self.sent else 0)) / 100.0
        opinion = emodel_mos(min(1.0, share), 1.0, sdk.delay_ms, measures.codec)
        return round(opinion.mos, 3)

    def _grown(self) -> tuple[int, int | None]:
        before, after = self.before, self.after
        # A stream that begins anew may count from a lower number.
        packets = max(0, after.packets - before.packets)
        if after.lost is None:
            return packets, None
        return packets, max(0, after.lost - (before.lost or 0))


def samples_of(measures: CallMeasures) -> list[Sample]:
    """Return the samples of all metrics of a call, oldest first."""
    found = [
        *_sampled(measures.inbound, "gateway", "inbound", sent=False),
        *_sampled(measures.outbound, "gateway", "outbound", sent=True),
    ]
    if measures.sdk is not None:
        found += _sampled(_arrived(measures.outbound), "sdk", "both", sent=False)
    return sorted(found, key=lambda each: each.after.at_ns)


def _sampled(
    stream: Sequence[StreamMeasure],
    edge: Literal["gateway", "sdk"],
    direction: Direction,
    *,
    sent: bool,
) -> Iterator[Sample]:
    if not stream:
        return
    kept = [StreamMeasure(stream[0].at_ns - REPORT_EVERY_NS, 0, 0)]
    for each in stream:
        if each is stream[-1] or each.at_ns - kept[-1].at_ns >= _SAMPLE_NS:
            kept.append(each)
    for before, after in pairwise(kept):
        yield Sample(edge, direction, before, after, sent)


# -- warnings --------------------------------------------------------------------------------


def warnings_of(measures: CallMeasures) -> list[tuple[int, str, str]]:
    """Return the quality warnings of a client's SDK: (loop time in ns, group, name), oldest first.

    Each is raised with the first sample beyond its limit, and cleared with the next one within it.
    """
    sdk = measures.sdk
    if sdk is None:
        return []
    found: list[tuple[int, str, str]] = []
    raised: set[str] = set()
    for sample in samples_of(measures):
        if sample.edge != "sdk":
            continue
        interval, score = sample.interval(), sample.score(measures, sdk)
        now = {
            "high-rtt": sdk.rtt_ms > HIGH_RTT_MS,
            "high-jitter": interval.get("jitter", {}).get("value", 0.0) > _HIGH_JITTER_MS,
            "high-packet-loss": interval.get("packets_loss_percentage", 0.0) > _HIGH_LOSS,
            "low-mos": score is not None and score < LOW_MOS,
        }
        for name, beyond in now.items():
            if beyond != (name in raised):
                raised.symmetric_difference_update({name})
                found.append((sample.after.at_ns, _RAISED if beyond else _CLEARED, name))
    return found


def _event_counts(measures: CallMeasures) -> dict[str, Any]:
    groups = [group for _, group, _ in warnings_of(measures)]
    levels = ["WARNING" if group == _RAISED else "INFO" for group in groups]
    return {
        "levels": {level: levels.count(level) for level in dict.fromkeys(levels)},
        "groups": {group: groups.count(group) for group in dict.fromkeys(groups)},
        "errors": {},
    }
