"""Finding what a path names. What is not there, or not visible, is a 404 with the path as asked."""

from __future__ import annotations

from typing import Final

from mediasim.audio.frames import NS_PER_SECOND
from mediasim.exchange.records import CallRecord, ConferenceRecord, RecordingRecord
from mediasim.twilio.rest.ask import Ask

__all__ = ["call_of", "conference_of", "has_gone", "recording_of"]

_KEPT_NS: Final = 40 * 86_400 * NS_PER_SECOND
"""How long a deleted recording's metadata stays: 40 days (API description, Recordings)."""


def call_of(ask: Ask) -> CallRecord:
    """The call of the path."""
    try:
        return ask.service.catalogue.call(ask.at["call"])
    except LookupError:
        raise ask.missing() from None


def conference_of(ask: Ask) -> ConferenceRecord:
    """The conference of the path."""
    try:
        return ask.service.catalogue.conference(ask.at["conference"])
    except LookupError:
        raise ask.missing() from None


def recording_of(ask: Ask, *, with_deleted: bool = False) -> RecordingRecord:
    """The recording of the path, of its call or conference if it names one."""
    try:
        record = ask.service.catalogue.recording(ask.at["sid"])
    except LookupError:
        raise ask.missing() from None
    of_call = ask.at.get("call", record.call_sid) == record.call_sid
    of_conference = ask.at.get("conference", record.conference_sid) == record.conference_sid
    if not (of_call and of_conference) or has_gone(ask, record, with_deleted=with_deleted):
        raise ask.missing()
    return record


def has_gone(ask: Ask, record: RecordingRecord, *, with_deleted: bool) -> bool:
    """Whether a recording is deleted, and is not to be shown all the same."""
    if record.status != "deleted":
        return False
    return not with_deleted or ask.service.now_ns - record.updated_ns > _KEPT_NS
