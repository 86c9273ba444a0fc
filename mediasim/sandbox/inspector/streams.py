"""A call's media streams on its timeline: their lives, who talked when, and how soon the app did.

Times are loop seconds. Runs on the engine's loop.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from mediasim.audio.frames import FRAME_NS, NS_PER_SECOND
from mediasim.conversation.app_figures import TimeSpan
from mediasim.sandbox.inspector.summaries import seconds
from mediasim.twilio.service import Service
from mediasim.twilio.streams import Stream

__all__ = ["streams_of"]


def streams_of(service: Service, sids: Collection[str]) -> list[dict[str, Any]]:
    """Those of these calls, oldest first; what was never said or answered is null."""
    return [_shown(each) for each in service.streams.all() if each.record.call_sid in sids]


def _shown(stream: Stream) -> dict[str, Any]:
    told = stream.to_json()
    record = stream.record
    return {
        "sid": record.sid,
        "call": record.call_sid,
        "name": record.name,
        "status": record.status,
        "direction": told["direction"],
        "track": told["track"],
        "url": told["url"],
        "asked": seconds(stream.asked_ns),
        "started": told["started"],
        "ended": told["ended"],
        "error": told["error"],
        "messages": {"sent": told["messages_sent"], "received": told["messages_received"]},
        "log": told["log"],
        **_talk(stream),
    }


def _talk(stream: Stream) -> dict[str, Any]:
    """Of an app that can speak; of one that listens only, who was heard and no more."""
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
