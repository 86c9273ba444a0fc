"""A recording of one leg alone: what its party says, and what it is sent."""

from __future__ import annotations

from mediasim.exchange.exchange import Exchange
from mediasim.exchange.layout import recording_layout
from mediasim.exchange.live_call import LiveCall
from mediasim.exchange.recording_control import LiveRecording, Source, new_record
from mediasim.exchange.recording_plan import RecordingPlan
from mediasim.media.recorder import Track

__all__ = ["record_one_leg"]


def record_one_leg(exchange: Exchange, call: LiveCall, plan: RecordingPlan) -> LiveRecording:
    """Begin to record it now, as a recording of the call itself is laid out."""
    layout = recording_layout("call", plan.channels, plan.track, exchange.profile)
    record = new_record(exchange, layout=layout, source=plan.source, call_sid=call.sid)
    said, sent = Source(call, Track.INBOUND), Source(call, Track.OUTBOUND)
    of_role = {"inbound": (said,), "outbound": (sent,), "mix": (said, sent)}
    channels = tuple(of_role[role.role] for role in layout.channels)
    return LiveRecording(exchange, record, call.room, plan.name, plan.trim, lambda: channels)
