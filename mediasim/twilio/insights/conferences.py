"""Summaries of conferences and of their participants, as Voice Insights shows them.

Source: the description of insights.twilio.com, version 1. What a conference's participants were is
known from the measures of their calls. Issues of regions are not found: there is one region.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mediasim.exchange.records import CallRecord, ConferenceRecord
from mediasim.exchange.states import CALL
from mediasim.twilio.account_parts import AccountParts
from mediasim.twilio.insights.manager import InsightsManager
from mediasim.twilio.insights.measures import (
    CallMeasures,
    Participation,
    StreamMeasure,
    address_of,
    came_in,
)
from mediasim.twilio.insights.summaries import CALL_STATES, call_type, seconds_between
from mediasim.twilio.insights.tags import jitter_of, loss_percentage, participant_tags
from mediasim.twilio.phone_numbers import country
from mediasim.twilio.representations import iso8601

__all__ = ["CONFERENCES", "conference_summary", "participant_summary"]

CONFERENCES: Final = "/v1/Conferences"
"""Path of the insights of conferences."""
_REGION: Final = "us1"
_MOST: Final = 250
"""Most participants of a conference, unless its first participant's document says otherwise."""
_STATUSES: Final = {"init": "not_started", "in-progress": "in_progress", "completed": "completed"}
_ACTIONS: Final = ("mute", "unmute", "hold", "unhold")

Parts = Sequence[tuple[CallMeasures, Participation]]


def conference_summary(
    record: ConferenceRecord, account: AccountParts, insights: InsightsManager
) -> dict[str, Any]:
    """Return the summary of a conference."""
    dates, parts = account.dates, insights.participations(record.sid)
    over = record.status == "completed"
    ended_ns = record.updated_ns if over else None
    started_ns = insights.started_ns(record.sid)
    url = f"{account.base_url}{CONFERENCES}/{record.sid}"
    quality = [tag for measures, _ in parts for tag in participant_tags(measures)]
    behavior = _behavior_tags(parts, account) if over else []
    tags = sorted(
        {
            *quality,
            *behavior,
            *(["quality_warnings"] if quality else []),
            *(["participant_behavior_issues"] if behavior else []),
        }
    )
    return {
        "conference_sid": record.sid,
        "account_sid": record.account_sid,
        "friendly_name": record.friendly_name,
        "create_time": iso8601(dates, record.created_ns),
        "start_time": iso8601(dates, started_ns),
        "end_time": iso8601(dates, ended_ns),
        "duration_seconds": seconds_between(record.created_ns, ended_ns),
        "connect_duration_seconds": seconds_between(started_ns, ended_ns),
        "status": _STATUSES[record.status],
        "max_participants": _MOST,
        "max_concurrent_participants": _most_at_once(parts),
        "unique_participants": len({_address(measures, account) for measures, _ in parts}),
        "end_reason": record.reason_ended and record.reason_ended.replace("-", "_"),
        "ended_by": record.call_sid_ending,
        "mixer_region": _REGION,
        "mixer_region_requested": None,
        "recording_enabled": bool(account.catalogue.recordings(conference=record.sid)),
        "detected_issues": {
            "call_quality": len(quality),
            "region_configuration": 0,
            "participant_behavior": len(behavior),
        },
        "tags": tags or None,
        "tag_info": None,
        "processing_state": "complete" if over else "in_progress",
        "url": url,
        "links": {"conference_participants": f"{url}/Participants"},
    }


def participant_summary(
    conference: ConferenceRecord,
    measures: CallMeasures,
    part: Participation,
    call: CallRecord,
    account: AccountParts,
) -> dict[str, Any]:
    """Return the summary of a participant."""
    dates = account.dates
    actions = {
        name: [dates.unix_ns(each.at_ns) // 1_000_000 for each in part.actions if each.name == name]
        for name in _ACTIONS
    }
    kind = call_type(call)
    path = f"{account.base_url}{CONFERENCES}/{conference.sid}/Participants"
    return {
        "participant_sid": part.participant_sid,
        "label": part.label,
        "conference_sid": conference.sid,
        "call_sid": call.sid,
        "account_sid": call.account_sid,
        "call_direction": "inbound" if came_in(call) else "outbound",
        "from": call.from_,
        "to": call.to,
        "call_status": CALL_STATES[call.status],
        "country_code": country(address_of(call)) or None,
        "is_moderator": part.start_on_enter or part.end_on_exit,
        "join_time": iso8601(dates, part.joined_ns),
        "leave_time": iso8601(dates, part.left_ns),
        "duration_seconds": seconds_between(part.joined_ns, part.left_ns),
        "outbound_queue_length": 0 if call.direction == "outbound-api" else None,
        "outbound_time_in_queue": call.queue_ms if call.direction == "outbound-api" else None,
        "jitter_buffer_size": None,
        "is_coach": part.coaches is not None,
        "coached_participants": None if part.coaches is None else [part.coaches],
        "participant_region": _REGION,
        "conference_region": _REGION,
        "call_type": kind if kind in ("client", "sip") else "carrier",
        "processing_state": "complete" if CALL.is_final(call.status) else "in_progress",
        "properties": {
            "start_conference_on_enter": part.start_on_enter,
            "end_conference_on_exit": part.end_on_exit,
            "play_early_media": True,
            "enter_muted": part.muted,
            "beep_on_enter": part.beep_on_enter,
            "beep_on_exit": part.beep_on_exit,
        },
        "events": {name: times for name, times in actions.items() if times} or None,
        "metrics": _metrics(measures),
        "url": f"{path}/{part.participant_sid}",
    }


def _metrics(measures: CallMeasures) -> dict[str, Any] | None:
    """Return the quality of a participant's two streams, and its tags."""
    if not measures.inbound and not measures.outbound:
        return None
    latencies = measures.latencies_ms
    average = sum(latencies) / len(latencies) if latencies else 0.0
    outbound = _stream(measures.outbound, measures.outbound_mos, sent=True)
    outbound["latency"] = {"avg": round(average, 3), "max": max(latencies, default=0.0)}
    inbound = _stream(measures.inbound, measures.inbound_mos, sent=False)
    if tags := participant_tags(measures):
        inbound["tags"] = tags
    return {"inbound": inbound, "outbound": outbound}


def _stream(stream: Sequence[StreamMeasure], mos: float | None, *, sent: bool) -> dict[str, Any]:
    last = stream[-1] if stream else StreamMeasure(0, 0, 0)
    received = last.packets - (last.lost or 0) if sent else last.packets
    average, highest = jitter_of(stream) or (None, None)
    lost = last.lost
    return {
        "total_packets_lost": lost,
        "total_packets_received": received,
        "packet_loss_percentage": None
        if lost is None
        else round(loss_percentage(lost, received), 4),
        "jitter": {"avg": average, "max": highest},
        "latency": {"avg": 0.0, "max": 0.0},
        "mos": None if mos is None else round(mos, 2),
    }


def _address(measures: CallMeasures, account: AccountParts) -> str:
    """Return who a participant was; its call's SID if the call's record is gone."""
    try:
        return address_of(account.catalogue.call(measures.call_sid))
    except LookupError:
        return measures.call_sid


def _spans(parts: Parts) -> list[tuple[int, int]]:
    """Return when each participant joined and left; one inside has not left yet."""
    latest = max((part.joined_ns for _, part in parts), default=0)
    return [
        (part.joined_ns, latest + 1 if part.left_ns is None else part.left_ns) for _, part in parts
    ]


def _most_at_once(parts: Parts) -> int:
    spans = _spans(parts)
    return max((sum(a <= at < b for a, b in spans) for at, _ in spans), default=0)


def _behavior_tags(parts: Parts, account: AccountParts) -> list[str]:
    """Return the tags of an ended conference that are about who took part, and when."""
    found = []
    if _most_at_once(parts) < 2:
        found.append("no_concurrent_participants")
    spans, who = _spans(parts), [_address(measures, account) for measures, _ in parts]
    both = [
        (one, other)
        for other in range(len(parts))
        for one in range(other)
        if who[one] == who[other]
    ]
    if any(
        spans[one][0] < spans[other][1] and spans[other][0] < spans[one][1] for one, other in both
    ):
        found.append("duplicate_identity")
    return found
