"""The summary of a call, and the annotation that an app gives it, as Voice Insights shows them.

Source: the description of insights.twilio.com, version 1, and Twilio docs, Details: Call Summary. A
summary is partial while its call goes on, and for some time after it.
"""

from __future__ import annotations

from typing import Any, Final

from mediasim.exchange.records import CallRecord
from mediasim.exchange.states import CALL, CallStatus
from mediasim.twilio.account_parts import AccountParts
from mediasim.twilio.insights.edges import EDGES, edges_of
from mediasim.twilio.insights.manager import InsightsManager
from mediasim.twilio.insights.measures import AnnotationRecord, CallMeasures, address_of
from mediasim.twilio.insights.tags import pdd_ms, tags_of
from mediasim.twilio.lookups import line_type
from mediasim.twilio.phone_numbers import country, country_code
from mediasim.twilio.representations import iso8601
from mediasim.twilio.status import sip_response

__all__ = [
    "CALL_STATES",
    "CALL_TYPES",
    "VOICE",
    "annotation_json",
    "annotation_of",
    "call_summary",
    "call_type",
    "is_complete",
    "seconds_between",
]

VOICE: Final = "/v1/Voice"
"""Path of the insights of calls."""
CALL_STATES: Final[dict[CallStatus, str]] = {
    "queued": "undialed",
    "initiated": "undialed",
    "ringing": "ringing",
    "in-progress": "answered",
    "completed": "completed",
    "busy": "busy",
    "failed": "fail",
    "no-answer": "noanswer",
    "canceled": "canceled",
}
CALL_TYPES: Final = ("carrier", "sip", "trunking", "client", "whatsapp")
_CONNECTIONS: Final = {
    "landline": "landline",
    "mobile": "mobile",
    "fixedVoip": "voip",
    "nonFixedVoip": "voip",
}


def call_type(record: CallRecord) -> str:
    """Return Twilio's word for the kind of a call: carrier, sip, client, trunking, whatsapp."""
    if record.direction.startswith("trunking"):
        return "trunking"
    scheme = address_of(record).partition(":")[0]
    return scheme if scheme in CALL_TYPES else "carrier"


def is_complete(record: CallRecord, now_ns: int, processing_ns: int) -> bool:
    """Return whether a call's summary is complete at a loop time, in nanoseconds."""
    ended_ns = record.updated_ns if record.ended_ns is None else record.ended_ns
    over = CALL.is_final(record.status)
    return over and now_ns - ended_ns >= processing_ns


def seconds_between(start_ns: int | None, end_ns: int | None) -> int | None:
    """Return the nearest whole seconds from one loop time to another; None if one is unknown."""
    return None if start_ns is None or end_ns is None else round((end_ns - start_ns) / 1e9)


def _side(address: str, who: str, account: AccountParts) -> dict[str, Any]:
    """Return what is known of the caller or the callee."""
    scheme = address.partition(":")[0]
    if scheme in ("client", "sip"):
        return {
            who: address,
            "connection": "twilio_sdk" if scheme == "client" else "sip_interface",
        }
    line = line_type(address, account.subscriber_of(address))
    return {
        who: address,
        "carrier": line["carrier_name"],
        "connection": _CONNECTIONS.get(line["type"], "pstn"),
        "number_prefix": address.removeprefix("+")[:4]
        if country_code(address) == "1"
        else country_code(address),
        "country_code": country(address) or None,
    }


def annotation_of(insights: InsightsManager, record: CallRecord) -> AnnotationRecord:
    """Return the annotation of a call, without a word for one that has none."""
    found = insights.annotation_of(record.sid)
    return AnnotationRecord(record.sid, record.account_sid) if found is None else found


def annotation_json(record: AnnotationRecord) -> dict[str, Any]:
    """Return the JSON of an annotation, as it stands in a summary."""
    return {
        "account_sid": record.account_sid,
        "call_sid": record.call_sid,
        "answered_by": record.answered_by,
        "connectivity_issue": record.connectivity_issue,
        "quality_issues": record.quality_issues or [],
        "spam": record.spam,
        "call_score": record.call_score,
        "comment": record.comment,
        "incident": record.incident,
    }


def _edges(legs: list[tuple[CallRecord, CallMeasures]]) -> dict[str, Any]:
    """Return all edges of a call's legs by their names; None for those that it has not."""
    found: dict[str, Any] = dict.fromkeys(EDGES)
    for record, measures in legs:
        found |= {name: edge for name, edge in edges_of(record, measures).items() if edge}
    return found


def call_summary(
    record: CallRecord, account: AccountParts, insights: InsightsManager
) -> dict[str, Any]:
    """Return the summary of a call."""
    dates = account.dates
    legs = insights.legs(record)
    measures = legs[0][1] if legs else None
    annotation = insights.annotation_of(record.sid)
    complete = is_complete(record, account.now_ns, insights.processing_ns)
    over = CALL.is_final(record.status)
    started_ns = None if measures is None else _initiated_ns(measures)
    started_ns = record.created_ns if started_ns is None else started_ns
    ended_ns = record.ended_ns if over else None
    answered_by = record.answered_by
    outbound = record.direction.startswith("outbound")
    return {
        "account_sid": record.account_sid,
        "call_sid": record.sid,
        "call_type": call_type(record),
        "call_state": CALL_STATES[record.status],
        "answered_by": answered_by,
        "processing_state": "complete" if complete else "partial",
        "created_time": iso8601(dates, record.created_ns),
        "start_time": iso8601(dates, started_ns),
        "end_time": iso8601(dates, ended_ns),
        "duration": seconds_between(started_ns, ended_ns),
        "connect_duration": record.duration_seconds() or (0 if over else None),
        "from": _side(record.from_, "caller", account),
        "to": _side(record.to, "callee", account),
        **_edges(legs),
        "tags": sorted({tag for _, each in legs for tag in tags_of(each)}) or None,
        "attributes": {
            "conference_participant": measures is not None and bool(measures.participations)
        },
        "properties": {
            "last_sip_response_num": sip_response(record),
            # Of a call over a trunk, that of the telephone which was called.
            "pdd_ms": pdd_ms(legs[-1][1]) if legs else None,
            "disconnected_by": None if measures is None else measures.disconnected_by,
            "direction": record.direction.replace("-", "_"),
            "queue_time": record.queue_ms,
        },
        # Calls from the account's own numbers are attested, as their callbacks say (StirStatus).
        "trust": {"verified_caller": {"verified": True}} if outbound else None,
        "annotation": None if annotation is None else annotation_json(annotation),
        "url": f"{account.base_url}{VOICE}/{record.sid}/Summary",
    }


def _initiated_ns(measures: CallMeasures) -> int | None:
    return next((each.at_ns for each in measures.progress if each.name == "initiated"), None)
