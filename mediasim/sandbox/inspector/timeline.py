"""The timeline of one call with its legs: all that happened to it, in loop seconds.

Media streams are there with talk, responses and interruptions. All functions run on the engine's
loop. Stored records (calls, recordings, deliveries) survive a restart; verbs, keys and lost packets
are known of calls since the start only.
"""

from __future__ import annotations

from typing import Any

from mediasim.audio.frames import FRAME_NS, NS_PER_SECOND
from mediasim.conversation.app_figures import TimeSpan
from mediasim.exchange.events import ConferenceEvent, DtmfEvent, Event, RecordingEvent, StreamEvent
from mediasim.exchange.records import CallRecord
from mediasim.sandbox.inspector.legs import Legs
from mediasim.sandbox.inspector.summaries import (
    call_summary,
    delivery_summary,
    recording_summary,
    seconds,
)
from mediasim.sandbox.sandbox import Sandbox
from mediasim.twilio.relay.session import RelaySession
from mediasim.twilio.rest.table import all_stored
from mediasim.twilio.session import VerbEvent
from mediasim.twilio.streams import MediaStream

__all__ = ["timeline"]


def timeline(sandbox: Sandbox, legs: Legs, sid: str) -> dict[str, Any]:
    """Return everything about the call that ``sid`` is a leg of.

    Raises TwilioError for an unknown call.
    """
    service = sandbox.service
    family = _family(sandbox, service.call_record(sid))
    sids = {each.sid for each in family}
    events = [event for _, event in sandbox.events]
    conferences = _conferences(events, sids)
    recordings = [
        each
        for each in service.catalogue.recordings()
        if each.call_sid in sids or each.conference_sid in conferences
    ]
    about = sids | conferences | {each.sid for each in recordings}
    notes = [each for each in service.notifications if each.call_sid in sids]
    return {
        "sid": sid,
        "root": family[0].sid,
        "now": sandbox.clock.now_ns / 1e9,
        "legs": [_leg(each, legs) for each in family],
        "verbs": _verbs(events, sids),
        "keys": _keys(events, sids),
        "streams": [
            _stream_json(each)
            for each in service.relays.with_streams()
            if each.record.call_sid in sids
        ],
        "moments": _moments(events, about),
        "recordings": [
            {**recording_summary(each), "pauses": _pauses(events, each.sid)} for each in recordings
        ],
        "deliveries": [
            delivery_summary(each) for each in service.webhooks.deliveries if each.sid in about
        ],
        "notes": [
            {
                "call": each.call_sid,
                "at": seconds(each.created_ns),
                "code": each.error_code,
                "warning": each.log == "1",
                "text": each.message_text,
                "url": each.request_url,
            }
            for each in notes
        ],
    }


def _family(sandbox: Sandbox, record: CallRecord) -> list[CallRecord]:
    """Return a call with its ancestors and all their descendants, the first call first."""
    catalogue = sandbox.service.catalogue
    known = {each.sid: each for each in catalogue.calls()}
    while record.parent_call_sid in known:
        record = known[record.parent_call_sid]
    found = [record]
    for each in found:
        found += [child for child in known.values() if child.parent_call_sid == each.sid]
    return found


def _leg(record: CallRecord, legs: Legs) -> dict[str, Any]:
    """Return the summary of a leg with its packets."""
    nothing: dict[str, Any] = {"codec": None, "received": None, "losses": []}
    return {
        **call_summary(record, legs.party(record.sid), 0),
        **nothing,
        **legs.packets(record.sid),
    }


def _conferences(events: list[Event], sids: set[str]) -> set[str]:
    """Return the SIDs of conferences that the calls took part in."""
    return {
        each.conference_sid
        for each in events
        if isinstance(each, ConferenceEvent) and each.call_sid in sids
    }


def _verbs(events: list[Event], sids: set[str]) -> list[dict[str, Any]]:
    """Return the TwiML verbs that the calls executed."""
    found: list[dict[str, Any]] = []
    running: dict[str, dict[str, Any]] = {}
    for event in events:
        if not isinstance(event, VerbEvent) or event.call_sid not in sids:
            continue
        if (before := running.pop(event.call_sid, None)) is not None:
            before["end"] = seconds(event.at_ns)
        if event.kind == "twiml.verb":
            running[event.call_sid] = {
                "call": event.call_sid,
                "verb": event.verb,
                "text": event.text,
                "line": event.line,
                "start": seconds(event.at_ns),
                "end": None,
            }
            found.append(running[event.call_sid])
    return found


def _keys(events: list[Event], sids: set[str]) -> list[dict[str, Any]]:
    """Return the keys that the calls received."""
    return [
        {"call": each.call_sid, "at": seconds(each.at_ns), "digit": each.digit}
        for each in events
        if isinstance(each, DtmfEvent) and each.call_sid in sids
    ]


def _moments(events: list[Event], about: set[str]) -> list[dict[str, Any]]:
    """Return the other events of these records: bridged, held, joined, paused, transcribed and so
    on."""
    kinds = tuple(each.event for each in all_stored().values() if each.event is not None)

    def subject(event: Event) -> str | None:
        if isinstance(event, StreamEvent):  # media streams and relays have lanes of their own
            return None if event.kind.startswith(("stream.", "relay.")) else event.call_sid
        return event.subject if isinstance(event, kinds) else None

    return [
        {"kind": each.kind, "at": seconds(each.at_ns), "text": each.text, "about": sid}
        for each in events
        if (sid := subject(each)) in about
    ]


def _pauses(events: list[Event], sid: str) -> list[tuple[float | None, float | None]]:
    """Return the pauses of a recording as pairs of loop seconds; None ends an active one."""
    found: list[tuple[float | None, float | None]] = []
    since: float | None = None
    for each in events:
        if not isinstance(each, RecordingEvent) or each.recording_sid != sid:
            continue
        if each.kind == "recording.paused":
            since = seconds(each.at_ns)
        elif since is not None:
            found.append((since, seconds(each.at_ns)))
            since = None
    return found if since is None else [*found, (since, None)]


# -- media streams -------------------------------------------------------------------------------


def _stream_json(stream: MediaStream | RelaySession) -> dict[str, Any]:
    """Return a media stream or a relay with its log and talk."""
    found = stream.to_json()
    record = stream.record
    return {
        "kind": found["kind"],
        "sid": record.sid,
        "call": record.call_sid,
        "name": record.name,
        "status": record.status,
        "direction": found["direction"],
        "track": found["track"],
        "url": found["url"],
        "asked": seconds(stream.requested_ns),
        "started": found["started"],
        "ended": found["ended"],
        "error": found["error"],
        "messages": {
            "sent": found["messages_sent"],
            "received": found["messages_received"],
        },
        "log": found["log"],
        **_conversation(stream),
    }


def _conversation(stream: MediaStream | RelaySession) -> dict[str, Any]:
    """Return when caller and app spoke, in loop seconds.

    Responses and interruptions are those of apps that speak; a one-way stream has talk only.
    """
    began = (stream.started_frame or 0) * FRAME_NS / NS_PER_SECOND

    def at(ms: int) -> float:
        return round(began + ms / 1000, 3)

    def stretch(span: TimeSpan) -> list[float]:
        return [at(span.start_ms), at(span.end_ms)]

    figures = stream.figures()
    converses = stream.both_ways
    return {
        "caller": [stretch(each) for each in figures.caller],
        "app": [stretch(each) for each in figures.app],
        "responses": [
            {"after": at(each.after.end_ms), "latency_ms": each.latency_ms}
            for each in figures.responses
            if converses
        ],
        "barge_ins": [
            {"at": at(each.at_ms), "reaction_ms": each.reaction_ms}
            for each in figures.barge_ins
            if converses
        ],
        "dead_air": [stretch(each) for each in figures.dead_air if converses],
    }
